"""Verifying sketches: the same verifier on invented names, then what only sketches must keep."""

from __future__ import annotations

import re
from collections.abc import Sequence

from whyrec.language.claims import Claim
from whyrec.language.shape import SLOTS, Shape
from whyrec.language.types import Problem, Sketch
from whyrec.language.verify.state import State

_SLOT = re.compile(r"\{(\w*)\}")
_ARTICLE = re.compile(r"\b(an?)\s+\{\w+\}", re.I)
_SINGULAR = ("is", "was", "helps", "counts", "speaks", "brings", "puts", "keeps")
_SUBJECT = re.compile(
    r"(?:^|[.;:] )\{(history|carriers|without|peer)\}(?:, which you [^,.;]*,)? "
    r"(is|are|was|were|helps?|counts?|speaks?|brings?|puts?|keeps?)\b"
)
_ENDS = {"en": re.compile(r"(?<=\.)\s+(?=\S)"), "zh": re.compile(r"(?<=。)\s*(?=\S)")}


def verify_sketch(text: str, shape: Shape) -> tuple[Sketch | None, tuple[Problem, ...]]:
    """The sketch if the text may be filled for every plan of this shape, else what is wrong.

    The text is filled with invented names for which exactly the shape's claims are true
    (`SketchWorld`) and verified like any other text. Besides, each slot stands exactly once
    (`{item}` at most twice), every claim of the shape is told and no other, a weak one as weak, no
    `a` or `an` stands before a slot, and Chinese says 您.

    Raises
    ------
    LanguageError
        If there is no verifier for the shape's language. Never for what the text holds.
    """
    from whyrec.language.sketch import SketchWorld, fill_for_verification
    from whyrec.language.verify.text import examine

    problems = [*_slots(text, shape), *_style(text, shape)]
    if problems:
        return None, tuple(problems)
    parts = _ENDS.get(shape.lang, _ENDS["en"]).split(text.strip())
    world = SketchWorld(shape)
    filled, wanted = fill_for_verification(text, shape)
    verdict, state = examine(filled, world, shape.lang)
    if not verdict.ok or state is None:
        return None, verdict.problems
    if len(verdict.sentences) != len(parts):
        return None, (Problem("style", (0, len(text)), "sentences run into each other"),)
    told: list[tuple[int, ...]] = []
    for s in verdict.sentences:
        hits: list[int] = []
        for claim in s.claims:
            places = [k for k, c in enumerate(wanted) if _same(claim, c)]
            if not places:
                return None, (
                    Problem("extra-claim", (0, len(text)), f"the shape holds no such {claim.kind}"),
                )
            hits += [k for k in places if k not in hits]
        told.append(tuple(hits))
    strong = [t for t in state.told if t.strength in ("main", "only")]
    if strong:
        return None, (
            Problem("overclaim", (0, len(text)), "a shape does not say how large the share is"),
        )
    missing = set(range(len(wanted))) - {k for hits in told for k in hits}
    missing |= _unmarked(state, wanted, shape)
    if missing:
        kinds = ", ".join(shape.claims[k].key for k in sorted(missing))
        return None, (Problem("missing-claim", (0, len(text)), f"not told: {kinds}"),)
    return Sketch(shape, text.strip(), tuple(zip(parts, told, strict=True)), ""), ()


def _same(told: Claim, wanted: Claim) -> bool:
    if told.kind != wanted.kind:
        return False
    if told.kind == "history" and wanted.field is None:
        return told.field is None and set(told.items) <= set(wanted.items)
    if told.kind == "feature":
        return (told.field, told.value) == (wanted.field, wanted.value) and (
            set(told.items) == set(wanted.items)
        )
    if told.kind in ("people", "without"):
        return set(told.items) == set(wanted.items)
    return (told.field, told.value) == (wanted.field, wanted.value)


def _unmarked(state: State, wanted: Sequence[Claim], shape: Shape) -> set[int]:
    """Claims of which a part is not told: items left out, a number not said, weak not as weak."""
    out: set[int] = set()
    for k, (claim, cs) in enumerate(zip(wanted, shape.claims, strict=True)):
        fitting = [t for t in state.told if _same(t.claim, claim)]
        own = claim.kind == "history" and claim.field is None
        if own and {i for t in fitting for i in t.claim.items} != set(claim.items):
            out.add(k)
        counted = any(t.claim.count == claim.count for t in fitting)
        if not own and claim.count is not None and not counted:
            out.add(k)
        if cs.weak and not all(t.strength == "weak" for t in fitting):
            out.add(k)
        if cs.link == "cold" and not state.cold:
            out.add(k)
    return out


def _slots(text: str, shape: Shape) -> list[Problem]:
    out = []
    seen: dict[str, int] = {}
    allowed = set(shape.slots)
    for m in _SLOT.finditer(text):
        name = m[1]
        seen[name] = seen.get(name, 0) + 1
        if name != "item" and name not in allowed:
            known = "does not belong to this shape" if name in SLOTS else "is no slot"
            out.append(Problem("slots", m.span(), f"{m[0]} {known}"))
        elif seen[name] > (2 if name == "item" else 1):
            out.append(Problem("slots", m.span(), f"{m[0]} stands too often"))
    out += [
        Problem("slots", (0, len(text)), f"{{{name}}} is missing")
        for name in shape.slots
        if name not in seen
    ]
    return out


def _style(text: str, shape: Shape) -> list[Problem]:
    out = []
    if shape.lang == "en":
        out += [
            Problem("style", m.span(1), "an article before a slot: the value may not suit it")
            for m in _ARTICLE.finditer(text)
        ]
        many = {s: c.arity > 1 for c in shape.claims for s in c.slots}
        out += [
            Problem("style", m.span(2), "the verb does not agree with the number of items")
            for m in _SUBJECT.finditer(text)
            if m[1] in many and (m[2] in _SINGULAR) == many[m[1]]
        ]
        if text.strip() and text.strip()[-1] != ".":
            out.append(Problem("style", (len(text) - 1, len(text)), "no full stop"))
        for s in _ENDS["en"].split(text.strip()):
            if s[:1].islower():
                out.append(Problem("style", (0, 1), "a sentence begins with a small letter"))
    else:
        out += [Problem("style", m.span(), "say 您") for m in re.finditer("你", text)]
        if text.strip() and text.strip()[-1] != "。":
            out.append(Problem("style", (len(text) - 1, len(text)), "no full stop"))
    return out
