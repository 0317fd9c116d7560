"""One person as evidence sees them: what the model reads, all scores, and what rules did to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from whyrec.evidence.reasons import Past
from whyrec.evidence.types import Reason
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.rules import Adjustment


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person as the engine sees them: history, candidates and all scores.

    Attributes
    ----------
    candidates
        bool [n_items]: what may be recommended, filters aside.
    scores
        float64 [n_items]: what ranks; -inf for what a filter keeps out.
    open
        float64 [n_items]: the same before filters.
    rules
        float64 [rules, n_items]: what each rule of `rule_names` added.
    """

    id: str
    index: int
    past: Past
    candidates: Ints
    scores: Floats
    open: Floats
    rule_names: tuple[str, ...] = ()
    rules: Floats | None = None

    @property
    def history(self) -> History:
        """What the model reads of them."""
        return self.past.history

    @property
    def listable(self) -> Ints:
        """bool [n_items]: candidates that no filter keeps out."""
        return np.asarray(self.candidates & (self.scores > -np.inf))

    def rank(self, item: int) -> int:
        """The item's place among everything that may be recommended; 1 is best."""
        from whyrec.evidence.search import rank_of

        return int(rank_of(self.scores, self.candidates, item))

    def ruled(self, items: Ints) -> tuple[Floats, list[tuple[Reason, ...]]]:
        """What rules added to each item's score: float64 [items], and as reasons."""
        if self.rules is None:
            return np.zeros(len(items)), [()] * len(items)
        parts = self.rules[:, items].T
        reasons = [
            tuple(
                Reason("rule", c, title=name)
                for name, c in zip(self.rule_names, row, strict=True)
                if c
            )
            for row in parts.tolist()
        ]
        return parts.sum(1), reasons


def people(
    bundle: Bundle,
    ids: Sequence[str],
    rows: Ints,
    pasts: Sequence[Past],
    histories: sparse.csr_matrix,
    seen: sparse.csr_matrix,
) -> list[Person]:
    """Persons from the rows of what the model reads of them and of what they have seen."""
    scores = bundle.model_scores(histories)
    made = bundle.adjust(histories, scores)
    shown = scores
    if made is not None and made.allowed is not None:
        shown = np.where(made.allowed, scores, -np.inf)
    candidates = _candidates(seen)
    return [
        Person(
            id,
            int(rows[k]),
            pasts[k],
            candidates[k],
            shown[k],
            scores[k],
            made.names if made is not None else (),
            _amounts(made, k),
        )
        for k, id in enumerate(ids)
    ]


def _amounts(made: Adjustment | None, row: int) -> Floats | None:
    if made is None or not made.names:
        return None
    return np.asarray(made.amounts[:, row, None] * made.items)


def _candidates(seen: sparse.csr_matrix) -> Ints:
    out = np.ones(seen.shape, np.bool_)
    out[np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr)), seen.indices] = False
    return out
