"""Measuring a language model: are its texts well formed, accepted, different, new, and how fast."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whyrec.language.backends.base import Backend
from whyrec.language.backends.nano import NanoBackend
from whyrec.language.shape import Shape
from whyrec.training.corpus import Accept, Corpus, all_shapes, family, is_unseen, verified


@dataclass(frozen=True, slots=True)
class FamilyReport:
    """Texts of one language and family of shapes: how many, and what share was accepted."""

    lang: str
    family: str
    shapes: int
    texts: int
    slots_exact: float
    accepted: float
    empty_shapes: int
    """Shapes of which no text was accepted."""


@dataclass
class LMReport:
    """What a language model writes. Shares are 0 to 1; None where it was not measured.

    Attributes
    ----------
    slots_exact
        Texts with exactly the slots that the shape asks for, `{item}` at most twice.
    accepted
        Texts that the verifier accepts.
    distinct
        Different texts among the accepted.
    novel
        Accepted texts that the training corpus does not hold.
    ms_a_sketch
        Milliseconds a text, one core, in batches of one shape.
    """

    texts: int
    shapes: int
    slots_exact: float
    accepted: float
    distinct: float
    novel: float | None
    ms_a_sketch: float
    empty_shapes: int
    families: list[FamilyReport] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Some refused texts with their shapes' keys."""

    def to_json(self) -> dict[str, Any]:
        """The figures; refused texts as [shape, text]."""
        return {
            "texts": self.texts,
            "shapes": self.shapes,
            "slots_exact": self.slots_exact,
            "accepted": self.accepted,
            "distinct": self.distinct,
            "novel": self.novel,
            "ms_a_sketch": self.ms_a_sketch,
            "empty_shapes": self.empty_shapes,
            "families": [
                {
                    "lang": f.lang,
                    "family": f.family,
                    "shapes": f.shapes,
                    "texts": f.texts,
                    "slots_exact": f.slots_exact,
                    "accepted": f.accepted,
                    "empty_shapes": f.empty_shapes,
                }
                for f in self.families
            ],
            "refused": [list(x) for x in self.refused],
        }


def slots_exact(text: str, shape: Shape) -> bool:
    """Whether the text holds exactly the shape's slots, and `{item}` at most twice.

    Examples
    --------
    >>> slots_exact("{item} is number {rank}.", Shape.parse("en|film|plain|rank"))
    True
    """
    slots = re.findall(r"\{(\w+)\}", text)
    rest = sorted(s for s in slots if s != "item")
    return rest == sorted(shape.slots) and slots.count("item") <= 2


def unseen_shapes(lang: str | None = None) -> list[Shape]:
    """Shapes that no training sees."""
    return [s for s in all_shapes(lang) if is_unseen(s)]


def evaluate_lm(
    path: str | Path | None = None,
    *,
    shapes: Sequence[Shape] | None = None,
    n: int = 8,
    backend: Backend | None = None,
    accept: Accept | None = verified,
    corpus: Corpus | str | Path | None = None,
    seed: int = 0,
) -> LMReport:
    """Sample texts for shapes and measure them.

    Parameters
    ----------
    path
        Exported weights; those in the package by default. Not used if a `backend` is given.
    shapes
        Every reachable shape by default; `unseen_shapes()` for those that training never sees.
    n
        Texts asked for each shape.
    accept
        The judge; None accepts every text whose slots are exact.
    corpus
        The training corpus, or its file, to tell new sentences from learnt ones.
    """
    chosen = list(shapes if shapes is not None else all_shapes())
    writer = backend or NanoBackend(path, seed=seed)
    began = time.perf_counter()
    answers = writer.sketches(chosen, n)
    seconds = time.perf_counter() - began
    known = _known(corpus)
    judged = [_judge(s, texts, accept) for s, texts in zip(chosen, answers, strict=True)]
    asked = sum(len(texts) for texts in answers)
    good = [t for s, rows in judged for t, _, fine in rows if fine]
    exact = sum(e for _, rows in judged for _, e, _ in rows)
    novel = None
    if known is not None and good:
        novel = sum(t not in known for t in good) / len(good)
    return LMReport(
        texts=asked,
        shapes=len(chosen),
        slots_exact=exact / asked if asked else 0.0,
        accepted=len(good) / asked if asked else 0.0,
        distinct=len(set(good)) / len(good) if good else 0.0,
        novel=novel,
        ms_a_sketch=1000 * seconds / asked if asked else 0.0,
        empty_shapes=sum(not any(f for _, _, f in rows) for _, rows in judged),
        families=_families(judged),
        refused=[(s.key, t) for s, rows in judged for t, _, f in rows if not f][:200],
    )


Judged = tuple[Shape, list[tuple[str, bool, bool]]]


def _judge(shape: Shape, texts: Iterable[str], accept: Accept | None) -> Judged:
    rows = []
    for text in texts:
        exact = slots_exact(text, shape)
        rows.append((text, exact, exact and (accept is None or accept(text, shape))))
    return shape, rows


def _known(corpus: Corpus | str | Path | None) -> set[str] | None:
    if corpus is None:
        return None
    return (corpus if isinstance(corpus, Corpus) else Corpus.load(Path(corpus))).texts()


def _families(judged: Sequence[Judged]) -> list[FamilyReport]:
    groups: dict[tuple[str, str], list[list[tuple[str, bool, bool]]]] = {}
    for shape, rows in judged:
        groups.setdefault((shape.lang, family(shape)), []).append(rows)
    out = []
    for (lang, name), parts in sorted(groups.items()):
        flat = [r for rows in parts for r in rows]
        counts = Counter((e, f) for _, e, f in flat)
        total = max(len(flat), 1)
        exact = sum(c for (e, _), c in counts.items() if e)
        fine = sum(c for (_, f), c in counts.items() if f)
        empty = sum(not any(f for _, _, f in rows) for rows in parts)
        out.append(
            FamilyReport(lang, name, len(parts), len(flat), exact / total, fine / total, empty)
        )
    return out
