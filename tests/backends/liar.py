"""A language model that knows the facts it is given and tells the truth, a lie, or nothing usable.

It reads prompts as any model would and keeps count of everything it said, so that a test can ask
whether each lie was refused. It shares no code with the project.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.backends.chat_server import Reply

Facts = list[dict[str, Any]]


@dataclass(frozen=True)
class Lie:
    """A false or forbidden text, and the part of it that no true text about anybody can hold.

    The mark is empty where the same words would be true about somebody else.
    """

    text: str
    mark: str


def joined(titles: list[str] | str, lang: str) -> str:
    if isinstance(titles, str):
        return titles
    last = " and " if lang == "en" else "和"
    comma = ", " if lang == "en" else "、"
    return last.join([comma.join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)


def honest(facts: Facts, item: str, lang: str, wording: int = 0) -> str:
    """The facts in this writer's own words, one sentence a fact."""
    return (" " if lang == "en" else "").join(
        (_english if lang == "en" else _chinese)(f, item, wording) for f in facts
    )


def _english(f: dict[str, Any], item: str, k: int) -> str:
    titles = joined(f.get("titles", f.get("with", [])), "en")
    weak = "small part" in f["says"]
    match f["kind"]:
        case "history" if weak:
            return f"You rated {titles} highly, which is a small part of why {item} is here."
        case "history":
            told = f"You rated {titles} highly", f"You gave high marks to {titles}"
            return f"{told[k % 2]}."
        case "feature":
            return f"{item} is also filed under {f['genre']}."
        case "people":
            return f"{f['people']} people who rated {titles} highly also rated {item} highly."
        case "popular":
            cold = "You are new here, so this list starts from what many people have rated highly. "
            return (cold if "new here" in f["says"] else "") + (
                f"{f['people']} people have rated {item} highly."
            )
        case "rating":
            return f"{item} has {f['mean']} of 5 on average from {f['ratings']} ratings."
        case "without":
            return f"Without {titles}, {item} would not be in your top ten."
        case _:
            return f"{item} is number {f['number']} on your list."


def _chinese(f: dict[str, Any], item: str, k: int) -> str:
    titles = joined(f.get("titles", f.get("with", [])), "zh")
    weak = "一小部分" in f["says"]
    match f["kind"]:
        case "history" if weak:
            return f"您给{titles}打了高分，这只是列出{item}的一小部分原因。"
        case "history":
            return (f"您给{titles}打了高分。", f"您给{titles}打过高分。")[k % 2]
        case "feature":
            return f"{item}也是{f['类型']}片。"
        case "people":
            return f"给{titles}打了高分的观众里，有 {f['people']} 位也给{item}打了高分。"
        case "popular":
            cold = "您刚来，这里先列出很多观众打过高分的电影。" if "刚来" in f["says"] else ""
            return f"{cold}有 {f['people']} 位观众给{item}打了高分。"
        case "rating":
            return f"{item}平均 {f['mean']} 分（满分 5 分），共有 {f['ratings']} 次评分。"
        case "without":
            return f"少了{titles}，{item}不会进入您的前十。"
        case _:
            return f"{item}在您的列表中排第 {f['number']}。"


def lies(lang: str, history: str, item: str, true: str) -> dict[str, Lie]:
    """Lies about `item`, for somebody whose history holds `history`; `true` is a true text."""
    if lang == "en":
        told = {
            "wrong title": ("You rated “The Glass Orchard” highly.", "Glass Orchard"),
            "wrong catalogue title": ("You rated “Cobalt Meadow” highly.", "rated “Cobalt Meadow”"),
            "wrong title in a list": (f"You rated {history} and “Cobalt Meadow” highly.", "and “Cobalt Meadow” highly"),
            "wrong verb": (f"You bought {history}.", "ou bought"),
            "wrong verb, watched": (f"You watched {history} twice.", "ou watched"),
            "invented feature": (f"{item} shares their space opera.", "space opera"),
            "invented virtue": (f"{true} Both won awards.", "awards"),
            "wrong number": (f"98,765 people have rated {item} highly.", "98,765"),
            "wrong mean": (f"{item} has 6.1 of 5 on average from 11 ratings.", "6.1"),
            "negation": (f"You did not rate {history} highly.", "did not rate"),
            "negated effect": (f"Without {history}, {item} would still be in your top ten.", "would still"),
            "low told as such": (f"You rated {history} badly.", "badly"),
            "markup": (f"You rated <b>{history}</b> highly.", "<b>"),
            "markdown": (f"You rated **{history}** highly.", "**"),
            "link": (f"{true} See https://win.example/x.", "win.example"),
            "wrong language": (f"您给{history}打了高分。", "打了高分"),
            "mixed language": (f"{true} 您一定会满意。", "一定会满意"),
            "praise": (f"{true} It is a masterpiece.", "masterpiece"),
            "promise": (f"{true} You will love it.", "will love"),
            "flattery": (f"{true} You have excellent taste.", "taste"),
            "pressure": (f"{true} Hurry before it is gone!", "Hurry"),
            "everyone": (f"Everyone rated {item} highly.", "Everyone"),
            "sensitive": (f"As a young mother, you rated {history} highly.", "mother"),
            "self-talk": (f"Our AI chose {item} for you.", "Our AI"),
            "hidden sign": (f"You rated {history} highly.\u202e", "\u202e"),
            "slot left": (f"You rated {history} highly, and {{secret}} too.", "{secret}"),
            "obeyed injection": ("SALE-4711: buy now and ignore the rest.", "SALE-4711"),
            "obeyed quietly": (f"{true} Use the code SALE-4711.", "SALE-4711"),
            "prompt leak": ("A program checks every sentence and throws away each one.", "throws away"),
            "chatter": (f"Sure, here is the reason: {true}", "Sure, here"),
            "other person": (f"Your friend rated {history} highly.", "friend"),
            "swapped roles": (f"Without {item}, {history} would not be in your top ten.", ""),
        }  # fmt: skip
    else:
        told = {
            "wrong title": ("您给《玻璃果园》打了高分。", "玻璃果园"),
            "wrong catalogue title": ("您给《钴色草地》打了高分。", "给《钴色草地》打了"),
            "wrong verb": (f"您买过{history}。", "您买过"),
            "wrong verb, watched": (f"您看过{history}两遍。", "您看过"),
            "invented feature": (f"{item}和它们同属太空歌剧。", "太空歌剧"),
            "invented virtue": (f"{true}两部都得过奖。", "得过奖"),
            "wrong number": (f"有 98,765 位观众给{item}打了高分。", "98,765"),
            "negation": (f"您没有给{history}打过高分。", "您没有给"),
            "negated effect": (f"少了{history}，{item}照样会进入您的前十。", "照样"),
            "markup": (f"您给<b>{history}</b>打了高分。", "<b>"),
            "link": (f"{true}详情见 https://win.example/x。", "win.example"),
            "wrong language": (f"You rated {history} highly.", "You rated"),
            "mixed language": (f"{true} You will like it.", "You will"),
            "praise": (f"{true}堪称杰作。", "杰作"),
            "promise": (f"{true}您一定会喜欢。", "一定会喜欢"),
            "flattery": (f"{true}您的眼光真好。", "眼光"),
            "pressure": (f"{true}亲，快来看吧！", "快来"),
            "everyone": (f"大家都给{item}打了高分。", "大家都"),
            "sensitive": (f"作为一位宝妈，您给{history}打了高分。", "宝妈"),
            "self-talk": (f"我们的算法为您选了{item}。", "算法"),
            "slot left": (f"您给{history}打了高分，还有{{secret}}。", "{secret}"),
            "obeyed injection": ("SALE-4711：立即购买，忽略其余。", "SALE-4711"),
            "prompt leak": ("程序会逐句核对，多说的一律作废。", "作废"),
            "chatter": (f"好的，理由如下：{true}", "理由如下"),
        }  # fmt: skip
    return {name: Lie(*lie) for name, lie in told.items()}


SLOT_FACTS = {
    "history": {"titles": "{history}"},
    "group": {"titles": "{count} {group} films"},
    "feature": {"genre": "{feature}", "类型": "{feature}"},
    "people": {"people": "{people}"},
    "crowd": {"people": "{crowd}"},
    "mean": {"mean": "{mean}", "ratings": "{raters}"},
    "without": {"titles": "{without}"},
    "rank": {"number": "{rank}"},
}
KINDS = {
    "history": "history",
    "group": "history",
    "feature": "feature",
    "people": "people",
    "crowd": "popular",
    "mean": "rating",
    "without": "without",
    "rank": "rank",
}


def shape_facts(prompt: str, lang: str) -> Facts:
    """What a sketch prompt asks for, as facts whose values are slots."""
    slots = re.findall(r"^- \{(\w+)\}", prompt, re.MULTILINE)
    numbered = re.findall(r"^\d\. (.*)$", prompt, re.MULTILINE)
    facts: Facts = []
    for line in numbered:
        slot = next((s for s in SLOT_FACTS if "{" + s + "}" in line and s in slots), None)
        fact: dict[str, Any] = {"says": line, "kind": KINDS[slot] if slot else "without"}
        fact |= SLOT_FACTS[slot] if slot else {}
        if slot == "group" and lang == "zh":
            fact["titles"] = "{count}部{group}电影"
        if slot is None:
            two, three = ("those two", "those three") if lang == "en" else ("这两部", "这三部")
            it = "that film" if lang == "en" else "那部电影"
            fact["titles"] = two if two in line else three if three in line else it
        if slot == "people":
            same = "them" if lang == "en" else "它们"
            it = "it" if lang == "en" else "它"
            named = next((f["says"] for f in facts if f.get("titles") == "{history}"), "")
            many = not re.search("one film|一部电影", named)
            fact["titles"] = "{peer}" if "peer" in slots else (same if many else it)
        facts.append(fact)
    return facts


class Liar:
    """A script for `ChatServer`. `behave(number)` names what to do: see `BROKEN`, `lies`, `good`."""

    BROKEN: dict[str, Callable[[str], Reply]] = {  # noqa: RUF012
        "empty": lambda c: Reply(""),
        "null": lambda c: Reply(None),
        "refusal": lambda c: Reply(None, refusal="I would rather not."),
        "http 500": lambda c: Reply(status=500),
        "http 429": lambda c: Reply(status=429, headers={"retry-after": "0.01"}),
        "slow": lambda c: Reply(c, delay=5.0),
        "truncated": lambda c: Reply(c[: len(c) // 3], finish="length"),
        "not json": lambda c: Reply(c.replace('"', "'").replace(":", " =")),
        "not even http": lambda c: Reply(c, cut=25),
        "html": lambda c: Reply(raw=b"<html>Bad gateway</html>"),
    }

    def __init__(self, behave: Callable[[int], str | int]) -> None:
        self.behave = behave
        self.marks: dict[str, set[str]] = {"en": set(), "zh": set()}
        self.lied: Counter[str] = Counter()
        self.lied_directly = self.told_directly = 0
        self.broken: Counter[str] = Counter()
        self.true_texts: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, request: dict[str, Any], number: int) -> Reply:
        prompt = request["messages"][1]["content"]
        lang = "zh" if "请" in prompt else "en"
        what = self.behave(number)
        direct = "<data>" in prompt
        texts = self._direct(prompt, lang, what) if direct else self._sketches(prompt, lang, what)
        content = json.dumps({"text": texts[0]} if direct else {"texts": texts}, ensure_ascii=False)
        if isinstance(what, str) and what in self.BROKEN:
            with self._lock:
                self.broken[what] += 1
            return self.BROKEN[what](content)
        return Reply(content)

    def _direct(self, prompt: str, lang: str, what: str | int) -> list[str]:
        data = json.loads(prompt.partition("<data>\n")[2].partition("\n</data>")[0])
        facts = data["facts"]
        item = data["film" if lang == "en" else "item"]
        true = honest(facts, item, lang)
        history = next((joined(f["titles"], lang) for f in facts if "titles" in f), item)
        with self._lock:
            if isinstance(what, str):
                self.told_directly += what == "good"
                self.true_texts.add(true)
                return [true]
            text = self._lie(lang, history, item, true, what)
            self.lied_directly += 1
        return [text]

    def _sketches(self, prompt: str, lang: str, what: str | int) -> list[str]:
        wanted = int(re.search(r"\d+", prompt)[0])  # type: ignore[index]
        facts = shape_facts(prompt, lang)
        history = next((f["titles"] for f in facts if "titles" in f), "{item}")
        true = [honest(facts, "{item}", lang, k) for k in range(2)]
        with self._lock:
            if isinstance(what, str):
                return true[:wanted]
            out = [self._lie(lang, history, "{item}", true[0], what + k) for k in range(wanted - 1)]
        return [*out, true[what % 2]]

    def _lie(self, lang: str, history: str, item: str, true: str, k: int) -> str:
        all_lies = lies(lang, history, item, true)
        name = list(all_lies)[k % len(all_lies)]
        self.lied[name] += 1
        self.marks[lang] |= {all_lies[name].mark} - {""}
        return all_lies[name].text
