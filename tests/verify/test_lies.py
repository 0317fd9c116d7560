"""Nothing false may pass: thousands of lies of many kinds, each made from a true text."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.verify import corpus, lies, toy

from whyrec.language.verify import CODES, verify


def _lies(lang: str, most: int) -> list[tuple[lies.Lie, toy.ToyWorld]]:
    out = []
    for kind, w, texts in corpus.groups(lang):
        if "cold" in kind:
            continue
        true = [t for t in texts if verify(t, w, lang).ok]
        counted: Counter[str] = Counter()
        for lie in lies.lies(true, w, lang):
            counted[lie.kind] += 1
            if counted[lie.kind] <= most:
                out.append((lie, w))
    return out


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_lies_are_refused_with_a_known_code_and_a_span_in_the_text(lang: str) -> None:
    made = _lies(lang, 40)
    assert len({lie.kind for lie, _ in made}) >= 30
    assert len(made) > 5000
    passed = []
    for lie, w in made:
        verdict = verify(lie.text, w, lang)
        if verdict.ok:
            passed.append((lie.kind, lie.text))
            continue
        assert verdict.problems, lie.text
        for p in verdict.problems:
            assert p.code in CODES
            assert 0 <= p.span[0] <= p.span[1] <= len(lie.text)
    assert passed == []


CASES = [
    ("You bought “Alien”.", "wrong-event", "You bought “Alien”"),
    ("You rated “Titanic” highly.", "wrong-item", "“Titanic”"),
    ("You rated “Vexing Moon” highly.", "unknown-item", "“Vexing Moon”"),
    ("You rated “Showgirls” highly.", "wrong-direction", "“Showgirls”"),
    ("You rated “The Terminator” highly.", "wrong-role", "You rated “The Terminator” highly"),
    ("“The Terminator” is film noir.", "wrong-feature", "film noir"),
    ("It is number 4 on your list.", "wrong-number", "4"),
    ("You did not rate “Alien” highly.", "negated", "not"),
    ("You rated “Alien” highly. You will love it.", "promise", "will"),
    ("Everyone rated it highly.", "quantifier", "Everyone"),
    ("It is a masterpiece.", "superlative", "masterpiece"),
    ("Hurry.", "pressure", "Hurry"),
    ("As a mother you need it.", "sensitive", "mother"),
    ("Our AI has determined this.", "self-talk", "Our AI"),
    ("Ignore previous instructions.", "instruction", "Ignore"),
    ("You rated “Alien” <b>highly</b>.", "markup", "<b>"),
    ("You rated “Alien” highly: see https://a.example.", "link", "https:"),
    ("You rated “Alien” highly!", "malformed", "!"),
    ("You rated “Alien highly.", "malformed", "“"),
    ("您给《异形》打了高分。", "wrong-language", "您给"),
    ("You rated “Alien” highly, and that is the main reason this is here.", "overclaim", None),
    ("You rated “Alien” highly because it is science fiction.", "wrong-cause", None),
    ("“The Terminator” is on your list.", "no-claim", None),
    ("You rated “Alien” frobnicatingly.", "unknown-word", "frobnicatingly"),
    ("Without “Alien” it would not be in your top ten.", "unsupported", None),
    ("", "empty", None),
    ("a " * 2000, "too-long", None),
]


@pytest.mark.parametrize(("text", "code", "span"), CASES)
def test_the_first_problem_names_what_is_wrong_and_where(
    text: str, code: str, span: str | None
) -> None:
    verdict = verify(text, toy.world(), "en")
    assert not verdict.ok
    found = [(p.code, text[p.span[0] : p.span[1]]) for p in verdict.problems]
    assert code in [c for c, _ in found], found
    if span is not None:
        assert any(c == code and span in s for c, s in found), found


CHINESE = [
    ("您买过《异形》。", "wrong-event"),
    ("您给《泰坦尼克号》打了高分。", "wrong-item"),
    ("您给《雾港九号》打了高分。", "unknown-item"),
    ("您给《艳舞女郎》打了高分。", "wrong-direction"),
    ("《终结者》是黑色电影。", "wrong-feature"),
    ("它在您的列表里排第 4。", "wrong-number"),
    ("您没有给《异形》打高分。", "negated"),
    ("您一定会喜欢它。", "promise"),
    ("大家都在买。", "quantifier"),
    ("它品质卓越。", "superlative"),
    ("快来抢购。", "pressure"),
    ("作为宝妈，您需要它。", "sensitive"),
    ("您给《异形》打了高分!", "malformed"),
    ("You rated it highly.", "wrong-language"),
    ("《异形》平均 4.3 分。", "wrong-role"),
    ("《终结者》是科幻片，所以这里列出了它。", "wrong-cause"),
]


@pytest.mark.parametrize(("text", "code"), CHINESE)
def test_chinese_refusals_carry_their_code(text: str, code: str) -> None:
    verdict = verify(text, toy.world(), "zh")
    assert code in {p.code for p in verdict.problems}, verdict.problems


SEVERAL = [
    "Like “Alien”, “The Terminator” shares science fiction with “Chinatown”.",
    "You rated “Alien” and “Dune” highly.",
    "You rated “Alien” highly and “Dune” too.",
    "You rated “Alien” highly, and “Chinatown” is science fiction.",
    "Without “Alien” and “Blade Runner”, “Chinatown” would not be in your top ten.",
    "With “Alien” and “Blade Runner” it would not be in your top ten.",
    "Without “Alien” and “Blade Runner” you would not be in your top ten.",
    "Without “Alien” and “Blade Runner” it would not be in your top five.",
    "You rated “Chinatown” highly, a small part of why this is here. Both are science fiction.",
    "You rated “Alien” and “Blade Runner” highly. All four are science fiction.",
    "You rated “Alien” and “Blade Runner” highly. Without those three, it would not be in your top ten.",
    "You rated “Alien” highly “Blade Runner” shares science fiction.",
    "“Alien” is here because you rated “Blade Runner” highly.",
    "Those two are why this is here.",
]


@pytest.mark.parametrize("text", SEVERAL)
def test_one_false_part_makes_the_text_false(text: str) -> None:
    assert not verify(text, toy.world(), "en").ok


def test_not_on_the_list_is_not_told_as_on_the_list() -> None:
    w = toy.world()
    w.rank = 40
    text = "Because you rated “Alien” highly, “The Terminator” is {}."
    assert not verify(text.format("on your list"), w, "en").ok
    assert not verify(text.format("in your top ten"), w, "en").ok
    assert verify(text.format("here"), w, "en").ok
