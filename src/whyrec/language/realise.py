"""The realiser: correct sentences for every shape without a language model, the last resort of all."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

from whyrec.errors import LanguageError
from whyrec.language import domains, locales
from whyrec.language.domains import DomainWords
from whyrec.language.fill import Filled, Filler
from whyrec.language.shape import ClaimShape, Shape
from whyrec.language.types import Plan, Sketch

MOST = 24
"""So many sketches of one shape are kept; the frames would often allow more."""

_SLOT_LETTER = {
    "history": "h", "count": "g", "group": "g", "feature": "fF", "carriers": "F", "people": "pP",
    "peer": "P", "crowd": "cn", "mean": "r", "raters": "r", "without": "W", "rank": "ko",
}  # fmt: skip
_MACRO = re.compile(r"<(\w+)>")


def realise(plan: Plan, filler: Filler, choice: int = 0) -> Filled:
    """A text for the plan; `choice` picks among the wordings.

    Raises
    ------
    LanguageError
        If the language has no phrases.
    """
    found = sketches(plan.shape)
    return filler.fill(found[choice % len(found)], plan)


@cache
def sketches(shape: Shape) -> tuple[Sketch, ...]:
    """The realiser's sketches of a shape: never empty, always in the same order.

    Examples
    --------
    >>> shape = Shape.parse("en|film|plain|history(own,2,rating)+feature(same,2,category)")
    >>> sketches(shape)[0].text
    'You rated {history} highly, and {item} shares their genre, {feature}.'
    """
    phrases = _phrases(shape.lang)
    words = domains.load(shape.domain).words(shape.lang)
    letters = [_letter(c) for c in shape.claims]
    found: dict[str, Sketch] = {}
    for parts in _segmentations(letters, phrases["say"]):
        for texts in product(*(_expanded(p, shape, words, phrases) for p in parts)):
            sketch = _sketch(shape, letters, " | ".join(texts), phrases)
            found.setdefault(sketch.text, sketch)
    kept = tuple(found.values())
    if len(kept) > MOST:  # evenly, so that every opening stays
        kept = tuple(kept[k * len(kept) // MOST] for k in range(MOST))
    return kept


@cache
def _phrases(lang: str) -> Mapping[str, Any]:
    place = files("whyrec.language") / "phrases" / f"{lang}.toml"
    if not place.is_file():
        raise LanguageError("no phrases for this language", where=lang, remedy="use en or zh")
    return tomllib.loads(place.read_text("utf-8"))


def _letter(c: ClaimShape) -> str:
    return c.letter + ("!" if c.weak else "")


def _segmentations(
    letters: Sequence[str], say: Mapping[str, list[str]]
) -> list[list[tuple[tuple[int, ...], list[str]]]]:
    """Ways to cut the claims into sentences: the first two together where there is a phrase for it."""
    single: list[tuple[tuple[int, ...], list[str]]] = [
        ((k,), say[x]) for k, x in enumerate(letters)
    ]
    pair = say.get("+".join(letters[:2])) if len(letters) > 1 else None
    together = [[((0, 1), pair), *single[2:]]] if pair else []
    # What nothing joins needs the sentence that says why it counts.
    return together or [single]


def _expanded(
    part: tuple[tuple[int, ...], list[str]],
    shape: Shape,
    words: DomainWords,
    phrases: Mapping[str, Any],
) -> list[str]:
    positions, templates = part
    macros: dict[str, Sequence[str]] = {}
    for k in positions:
        macros |= _macros(shape, k, words, phrases)
    out = []
    for frames in product(*(macros[m] for m in dict.fromkeys(_names(templates)))):
        values = dict(zip(dict.fromkeys(_names(templates)), frames, strict=True))
        out += [_MACRO.sub(lambda m, v=values: v.get(m[1], m[0]), t) for t in templates]  # type: ignore[misc]
    return list(dict.fromkeys(out))


def _names(templates: list[str]) -> list[str]:
    return [n for t in templates for n in _MACRO.findall(t) if n != "it"]


def _macros(
    shape: Shape, k: int, words: DomainWords, phrases: Mapping[str, Any]
) -> dict[str, Sequence[str]]:
    """What the macros of one claim stand for."""
    c = shape.claims[k]
    named = next((x.arity for x in reversed(shape.claims[: k + 1]) if x.arity), 1)
    those = phrases["those"][str(min(named, 3))]
    them = phrases["them"][str(min(named, 3))]
    out: dict[str, Sequence[str]] = {
        "crowd": [words.crowd],
        "crowd_noun": [words.crowd_noun],
        "m": [words.crowd.removesuffix(words.crowd_noun)],
        "nouns": [words.nouns],
        "those": [those.format(noun=words.noun, measure=words.measure)],
    }
    if c.field:
        field = words.fields[c.field]
        out["share"] = field.same_one if named == 1 else field.same_many
        out["also"] = field.also
        out["group"] = [field.group]
    if c.event:
        event = words.events[c.event]
        it = phrases["it_word"]
        if c.kind == "history":
            out["did"] = [f.replace("{x}", "{history}") for f in event.past]
            if c.field:
                group = words.fields[c.field].group
                out["did_group"] = [f.replace("{x}", group) for f in event.past]
        elif c.kind == "people":
            out["they"] = [f.replace("{x}", them) for f in event.they]
            out["they_peer"] = [f.replace("{x}", "{peer}") for f in event.they]
            out["did_too"] = [re.sub(it, "{item}", f) for f in event.also]
        else:
            out["have"] = [re.sub(it, "<it>", event.have)]
            out["have_what"] = [" ".join(re.sub(it, "", event.have).split())]
            out["what"] = [event.relative.removeprefix("您").removesuffix("的")]
    return out


def _sketch(shape: Shape, letters: list[str], text: str, phrases: Mapping[str, Any]) -> Sketch:
    """A sketch from sentences parted by `|`, each with its claims."""
    plain = [x.rstrip("!") for x in letters]
    sentences: list[tuple[str, tuple[int, ...]]] = []
    named = False
    # Beside one other item, "67 people bought it" would not say which of the two.
    beside = any(c.arity == 1 and c.kind in ("history", "people", "feature") for c in shape.claims)
    at = items = 0
    for raw in text.split("|"):
        sentence, _, said = raw.strip().partition(" ~")
        doubtful = beside and ("{crowd}" in sentence or "{raters}" in sentence)
        while "<it>" in sentence:
            before, _, after = sentence.partition("<it>")
            named = named or "{item}" in before
            sentence = before + (phrases["it"] if named and not doubtful else "{item}") + after
            named = True
        named = named or "{item}" in sentence
        first, *rest = sentence.split("{item}")  # a text may name the item twice
        sentence = first
        for piece in rest:
            items += 1
            sentence += ("{item}" if items <= 2 else phrases["it"]) + piece
        sentence = _capital(sentence)
        if said:
            told = tuple(k for k, x in enumerate(plain) if x in said.split("+"))
        else:
            slots = re.findall(r"\{(\w+)\}", sentence)
            told = tuple(
                k for k, x in enumerate(plain) if any(x in _SLOT_LETTER.get(s, "") for s in slots)
            )
        sentences.append((sentence, told or (min(at, len(plain) - 1),)))
        at = max((*sentences[-1][1], at)) + 1
    between = locales.load(shape.lang).between
    return Sketch(shape, between.join(s for s, _ in sentences), tuple(sentences), "none")


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
