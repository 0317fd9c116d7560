"""Taste: sentences that are true and well formed, and yet not how a person would say it."""

from __future__ import annotations

import re

from whyrec.language.shape import Shape
from whyrec.language.types import Problem

_CATEGORY = re.compile(r"\b(?:comes?(?: all| both)? from|carr(?:y|ies)|shares?) \{feature\}")
_CHAIN = re.compile(
    r"\{item\} and \{(history|carriers|peer)\}|\{(history|carriers|peer)\} and \{item\}"
)

_COUNTED = {
    "en": re.compile(r"[^.;]*\{(?:crowd|raters)\}[^.;]*"),
    "zh": re.compile(r"[^。；]*\{(?:crowd|raters)\}[^。；]*"),
}
_IT = {"en": re.compile(r"\b(?:it|its)\b", re.I), "zh": re.compile("它(?!们)")}
_THIS = {
    "en": re.compile(r"\{item\}|\bthis (?!is\b|goes\b|list\b)\w+"),
    "zh": re.compile(r"\{item\}|这[部款项]"),
}
_DOUBLED = re.compile(r"([就的了也在是和有给把您它这那不没])\1")


def stiff(text: str, shape: Shape) -> tuple[Problem, ...]:
    """Why a verified sketch is not worth keeping; empty if it is.

    The verifier answers for truth and takes no side in matters of taste. The book does: it has
    other sketches of the same shape.

    Examples
    --------
    >>> shape = Shape.parse("en|shop|plain|history(own,1,purchase)+feature(same,1,category)")
    >>> [p.message for p in stiff("You bought {history}. {item} comes from {feature} too.", shape)]
    ['an item is in a category; it does not come from it']
    >>> stiff("You bought {history}. {item} is in {feature} too.", shape)
    ()
    """
    out = _which(text, shape)
    if shape.lang == "zh":
        out += [Problem("style", m.span(), "a character twice") for m in _DOUBLED.finditer(text)]
    if shape.lang != "en":
        return tuple(out)
    if any(c.kind == "feature" and c.field == "category" for c in shape.claims):
        out += [
            Problem("style", m.span(), "an item is in a category; it does not come from it")
            for m in _CATEGORY.finditer(text)
        ]
    arity = {slot: c.arity for c in shape.claims for slot in c.slots}
    out += [
        Problem("style", m.span(), "A and B and C: the list has an “and” of its own")
        for m in _CHAIN.finditer(text)
        if arity.get(m[1] or m[2], 1) > 1
    ]
    return tuple(out)


def _which(text: str, shape: Shape) -> list[Problem]:
    """“67 people bought it” after one other item: a reader cannot tell which of the two."""
    if shape.lang not in _IT:
        return []
    others = [
        s
        for c in shape.claims
        for s in c.slots
        if c.arity == 1 and s in ("history", "peer", "carriers")
    ]
    out = []
    for counted in _COUNTED[shape.lang].finditer(text) if others else ():
        for it in _IT[shape.lang].finditer(text, *counted.span()):
            own = [m.start() for m in _THIS[shape.lang].finditer(text, 0, it.start())]
            other = max(text.rfind(f"{{{s}}}", 0, it.start()) for s in others)
            if other > max(own, default=-1):
                out.append(Problem("style", it.span(), "which of the two items?"))
    return out
