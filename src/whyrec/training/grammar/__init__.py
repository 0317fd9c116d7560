"""The phrase grammar that teaches the embedded language model: one natural, true text a shape.

Rules live in `en.grammar` and `zh.grammar`, written separately for each language. A text is one to
three sentences; a sentence tells one claim or several neighbours at once. Rules `S:h+f` make the
sentence that tells the claims `h` and `f`, where the letters stand for

    h history of its own   g history, group   f feature, same items   F feature, own items
    p people, same item    P people, own      w without, same items   W without, own items
    c popular              n popular, cold    r rating                k rank

Variables: `domain`; `h.n`, `h.event`, `h.field`, `h.weak` and so on for each claim; `first` and
`last` (1 for the first and last sentence); `said` (1 once the item was named); `items`; `told`
(the letters told before this sentence); `single`
(1 where a claim names one item, which "it" could be taken for); `alike` (1 where
other people did the same as the reader).
"""

from __future__ import annotations

import functools
import random
import re
from importlib import resources

from whyrec.errors import LanguageError
from whyrec.language import domains
from whyrec.language.shape import Shape
from whyrec.training.grammar.engine import Expansion, Grammar

LANGUAGES = ("en", "zh")

_LONG = {"e": "event"}

_TRIES = 200
"""Texts sampled before a shape is given up; more than a few are never needed."""


@functools.cache
def load(lang: str) -> Grammar:
    """The grammar of a language.

    Raises
    ------
    LanguageError
        If there is none.
    """
    if lang not in LANGUAGES:
        raise LanguageError(
            "no phrase grammar", where=lang, remedy=f"choose one of {', '.join(LANGUAGES)}"
        )
    return Grammar.parse(source(lang), f"{lang}.grammar")


def source(lang: str) -> str:
    """The text of a grammar file; its hash goes into the manifest of what was trained on it."""
    return (resources.files(__name__) / f"{lang}.grammar").read_text(encoding="utf-8")


def generate(shape: Shape, rng: random.Random) -> str:
    """One text with slots that says exactly what the shape says.

    Examples
    --------
    >>> from whyrec.language.shape import Shape
    >>> shape = Shape.parse("en|film|plain|rank")
    >>> "{rank}" in generate(shape, random.Random(1))
    True
    """
    grammar = load(shape.lang)
    letters = "".join(c.letter for c in shape.claims)
    wanted = sorted(shape.slots)
    for _ in range(_TRIES):
        text = _attempt(grammar, shape, letters, rng)
        if text is not None and _well_formed(text, wanted):
            return text
    raise LanguageError(
        "the phrase grammar has no text for this shape",
        where=shape.key,
        remedy="add a rule for it in whyrec/training/grammar",
    )


def covers(shape: Shape) -> bool:
    """Whether the grammar has a text for this shape."""
    try:
        generate(shape, random.Random(0))
    except (LanguageError, KeyError):
        return False
    return True


@functools.cache
def _domain(domain: str, lang: str) -> dict[str, str]:
    """Nouns of a domain pack, so that grammar and realiser call things by the same names."""
    words = domains.load(domain).words(lang)
    return {"noun": words.noun, "nouns": words.nouns, "measure": words.measure}


def _attempt(grammar: Grammar, shape: Shape, letters: str, rng: random.Random) -> str | None:
    variables: dict[str, str] = {
        "domain": shape.domain,
        "items": "0",
        "said": "0",
        "told": "",
        "single": str(int(any(c.arity == 1 for c in shape.claims))),
    }
    claims: dict[str, dict[str, str]] = {}
    for a, c in zip(letters, shape.claims, strict=True):
        claims[a] = {"n": str(c.arity)}
        if c.event:
            claims[a]["e"] = c.event
        if c.field:
            claims[a]["field"] = c.field
        variables |= {f"{a}.{_LONG.get(k, k)}": v for k, v in claims[a].items()}
        variables[f"{a}.weak"] = "1" if c.weak else "0"
    told = {c.event for c in shape.claims if c.kind in ("history", "people")}
    variables["alike"] = str(int(len(told) == 1))
    sentences = []
    at = 0
    while at < len(letters):
        variables["told"] = letters[:at]
        variables["first"] = "1" if at == 0 else "0"
        ends = []
        for end in range(at + 1, len(letters) + 1):
            variables["last"] = "1" if end == len(letters) else "0"
            if grammar.possible("S:" + "+".join(letters[at:end]), variables):
                ends.append(end)
        if not ends:
            return None
        end = rng.choice(ends)
        variables["last"] = "1" if end == len(letters) else "0"
        state = Expansion(rng, variables, claims)
        grammar.expand("S:" + "+".join(letters[at:end]), state)
        sentences.append(_finish("".join(state.parts), shape))
        at = end
    return ("" if shape.lang == "zh" else " ").join(sentences)


def _finish(sentence: str, shape: Shape) -> str:
    """Nouns of the domain, single spaces, a capital, a full stop."""
    words = _domain(shape.domain, shape.lang)
    sentence = re.sub(r"%(\w+)%", lambda m: words[m[1]], sentence)
    sentence = re.sub(r" {2,}", " ", sentence).strip()
    sentence = re.sub(r" +([,.;:])", r"\1", sentence)
    stop = "。" if shape.lang == "zh" else "."
    if shape.lang == "zh":
        sentence = _spaced(sentence)
    else:
        sentence = re.sub(r"^[a-z]", lambda m: m[0].upper(), sentence)
    return sentence if sentence.endswith(stop) else sentence + stop


_NUMBER = r"\{(?:count|people|crowd|mean|raters|rank)\}"


def _spaced(sentence: str) -> str:
    """Chinese and numbers stand apart by one space, punctuation and numbers by none."""
    sentence = re.sub(rf" *({_NUMBER}) *", r" \1 ", sentence).strip()
    return re.sub(r" ?([，。：；]) ?", r"\1", sentence)


def _well_formed(text: str, wanted: list[str]) -> bool:
    slots = re.findall(r"\{(\w+)\}", text)
    items = slots.count("item")
    return items <= 2 and sorted(s for s in slots if s != "item") == wanted
