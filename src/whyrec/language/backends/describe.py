"""Shapes in words: what each claim says, what each slot will hold, and sketches that are right."""

from __future__ import annotations

from functools import cache

from whyrec.language import domains, locales
from whyrec.language.domains import DomainWords
from whyrec.language.realise import sketches
from whyrec.language.shape import ClaimShape, Shape
from whyrec.language.verify import verify_sketch

_NUMBER = {"en": {1: "one", 2: "two", 3: "three"}, "zh": {1: "一", 2: "两", 3: "三"}}


def describe(shape: Shape, position: int) -> str:
    """One claim of a shape, told to a model.

    Examples
    --------
    >>> shape = Shape.parse("en|film|plain|history(own,2,rating)+without(same,2)")
    >>> describe(shape, 0)
    'The reader rated {history} highly (two films). This is one reason why the film is on the list.'
    """
    c = shape.claims[position]
    words = domains.load(shape.domain).words(shape.lang)
    return (_describe_zh if shape.lang == "zh" else _describe_en)(c, words)


def _describe_en(c: ClaimShape, w: DomainWords) -> str:
    many = f"{_NUMBER['en'].get(c.arity, str(c.arity))} {w.noun if c.arity == 1 else w.nouns}"
    those = _those_en(c)
    weak = (
        " It is only a small part of why; say that it is a small part of why."
        if c.weak
        else f" This is one reason why the {w.noun} is on the list."
    )
    event = w.events.get(c.event or "")
    past = event.past[0] if event else "{x}"
    they = event.they[0] if event else "{x}"
    also = event.also[0] if event else ""
    have = event.have if event else ""
    name = w.fields[c.field].name if c.field and c.field in w.fields else "category"
    match c.kind, c.link:
        case "history", "group":
            group = w.fields[c.field or "category"].group
            return f"The reader {_third(past).replace('{x}', group)} ({{group}} is their {name}), and it is those together that count.{weak}"
        case "history", _:
            return f"The reader {_third(past).replace('{x}', '{history}')} ({many}).{weak}"
        case "feature", "own":
            return f"The recommended {w.noun} and {{carriers}} ({many} from the reader's history) have the same {name}: {{feature}}."
        case "feature", _:
            return f"The recommended {w.noun} and {those} have the same {name}: {{feature}}."
        case "people", "own":
            return f'{{people}} {w.crowd} who {they.replace("{x}", "{peer}")} {also} ({{peer}} is one {w.noun} from the reader\'s history; "it" is the recommended {w.noun}).'
        case "people", _:
            return f'{{people}} {w.crowd} who {they.replace("{x}", those)} {also} ("it" is the recommended {w.noun}).'
        case "popular", "cold":
            return f"The reader is new here, so the list starts from what many {w.crowd} chose; {{crowd}} {w.crowd} {have}."
        case "popular", _:
            return f"{{crowd}} {w.crowd} {have}."
        case "rating", _:
            return f"The recommended {w.noun} has {{mean}} of 5 on average from {{raters}} ratings."
        case "without", "own":
            return f"Without {{without}} ({many} from the reader's history) the recommended {w.noun} would not be on the reader's list."
        case "without", _:
            return f"Without {those} the recommended {w.noun} would not be on the reader's list."
        case _:
            return f"The recommended {w.noun} is number {{rank}} on the reader's list."


def _describe_zh(c: ClaimShape, w: DomainWords) -> str:
    many = f"{_NUMBER['zh'].get(c.arity, str(c.arity))}{w.measure}{w.noun}"
    those = _those_zh(c, w)
    weak = "这只是一小部分原因，要说明它“只占一小部分”。" if c.weak else "这是列出它的原因之一。"
    event = w.events.get(c.event or "")
    past = event.past[0] if event else "{x}"
    they = event.they[0] if event else "{x}"
    also = event.also[0] if event else ""
    have = event.have if event else ""
    name = w.fields[c.field].name if c.field and c.field in w.fields else "类别"
    match c.kind, c.link:
        case "history", "group":
            group = w.fields[c.field or "category"].group
            return f"您{past.replace('{x}', group)}（{{group}}是它们的{name}），是它们合在一起起的作用。{weak}"
        case "history", _:
            return f"您{past.replace('{x}', '{history}')}（{many}）。{weak}"
        case "feature", "own":
            return f"所推荐的{w.noun}和{{carriers}}（您接触过的{many}）{name}相同：{{feature}}。"
        case "feature", _:
            return f"所推荐的{w.noun}和{those}{name}相同：{{feature}}。"
        case "people", "own":
            return f"{they.replace('{x}', '{peer}')}的人里，有{{people}}{w.crowd}{also}（{{peer}}是您接触过的一{w.measure}{w.noun}，句末的“它”是所推荐的{w.noun}）。"
        case "people", _:
            return f"{they.replace('{x}', those)}的人里，有{{people}}{w.crowd}{also}（句末的“它”是所推荐的{w.noun}）。"
        case "popular", "cold":
            return f"您刚来，这里先列出很多人选的；有{{crowd}}{w.crowd}{have}。"
        case "popular", _:
            return f"有{{crowd}}{w.crowd}{have}。"
        case "rating", _:
            return "{raters}个评分平均{mean}分（满分 5 分）。"
        case "without", "own":
            return f"少了{{without}}（您接触过的{many}），所推荐的{w.noun}就不在您的列表里。"
        case "without", _:
            return f"少了{those}，所推荐的{w.noun}就不在您的列表里。"
        case _:
            return f"所推荐的{w.noun}在您的列表里排第{{rank}}位。"


def _third(past: str) -> str:
    """The reader's past tense said of the reader: "put {x} in your cart" → "… in their cart"."""
    return past.replace("your", "their")


def _those_en(c: ClaimShape) -> str:
    return {1: "it", 2: "those two", 3: "those three"}.get(c.arity, "those")


def _those_zh(c: ClaimShape, w: DomainWords) -> str:
    return "它" if c.arity == 1 else f"这{_NUMBER['zh'].get(c.arity, '几')}{w.measure}"


def slot_meaning(shape: Shape, slot: str) -> str:
    """What a slot will hold, with an example in the shape's language."""
    claim = next(c for c in shape.claims if slot in c.slots)
    words = domains.load(shape.domain).words(shape.lang)
    names = _names(shape, words, max(claim.arity, 1))
    numbers = {
        "count": "14",
        "people": "212",
        "crowd": "1,480",
        "mean": "4.3",
        "raters": "1,204",
        "rank": "3",
    }
    if shape.lang == "zh":
        if slot in numbers:
            return f"一个数字，例如 {numbers[slot]}"
        if slot in {"group", "feature"}:
            return "一个名称，例如" + ("科幻" if words.works else "厨房用品")
        return f"{_NUMBER['zh'][max(claim.arity, 1)]}{words.measure}{words.noun}的名字，已加好标点，例如{names}"
    if slot in numbers:
        return f"a number, for example {numbers[slot]}"
    if slot in {"group", "feature"}:
        return "a name without article, for example " + (
            "science fiction" if words.works else "kitchenware"
        )
    count = max(claim.arity, 1)
    noun = f"one {words.noun}" if count == 1 else f"{_NUMBER['en'][count]} {words.nouns}"
    name = "the name" if count == 1 else "the names"
    return f"{name} of {noun}, punctuated already, for example {names}"


def _names(shape: Shape, words: DomainWords, n: int) -> str:
    names = {
        ("en", True): ("Alien", "Blade Runner", "Solaris"),
        ("zh", True): ("异形", "银翼杀手", "飞向太空"),
        ("en", False): ("red mug", "cake tin", "blue apron"),
        ("zh", False): ("红色波点杯", "蛋糕罐", "蓝围裙"),
    }[shape.lang, words.works][:n]
    locale = locales.load(shape.lang)
    return locale.join([locale.title(name, works=words.works) for name in names])


@cache
def examples(shape: Shape, n: int = 2) -> tuple[str, ...]:
    """Up to n sketches of a shape that the verifier takes: the realiser's, with unlike openings.

    Examples
    --------
    >>> shape = Shape.parse("en|film|plain|history(own,2,rating)+feature(same,2,category)")
    >>> examples(shape)[0]
    'You rated {history} highly, and {item} shares their genre, {feature}.'
    """
    texts = [sketch.text for sketch in sketches(shape)]
    by_opening: dict[str, str] = {}
    for text in texts:
        by_opening.setdefault(text[:6], text)
    found: list[str] = []
    for text in dict.fromkeys([*by_opening.values(), *texts]):
        if len(found) < n and verify_sketch(text, shape)[0] is not None:
            found.append(text)
    return tuple(found)
