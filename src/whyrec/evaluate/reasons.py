"""Whether a recipe's own reasons are what it goes by: fidelity of its evidence on one split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from whyrec.errors import DataError
from whyrec.evaluate import fidelity as faithful
from whyrec.evaluate.splits import Split
from whyrec.evidence.attribution import shapley
from whyrec.evidence.successive import successive
from whyrec.recommend.bundle import Bundle, take

PEOPLE = 100
"""People whose first recommendation is looked at, unless told otherwise."""

BUDGET = 256
"""Model calls a pair where a model has no exact parts."""

LEAST = 5
"""Events of a person whose reasons are worth ordering."""

MEASURES = ("pos@10", "neg@10", "cdcg", "del", "ins")


@dataclass(frozen=True)
class ReasonsChecked:
    """Fidelity of one way to name events.

    Attributes
    ----------
    method
        `contributions` (exact), `shapley` (sampled), `successive` (an order searched for this very
        question; not a sum) or `random`, which any must beat.
    calls
        Model calls a pair.
    values
        Measures of `whyrec.evaluate.fidelity` by name; None where no score is above 0.
    """

    method: str
    calls: float
    pairs: int
    values: Mapping[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "method": self.method,
            "calls": self.calls,
            "pairs": self.pairs,
            **dict(self.values),
        }


def check_reasons(
    part: Split,
    model: str,
    params: Mapping[str, Any] | None = None,
    *,
    people: int = PEOPLE,
    seed: int = 0,
) -> list[ReasonsChecked]:
    """Fit on a split's training part and take out what the evidence names for first items.

    The model's own evidence comes first, then an order searched for it, then random numbers.

    Raises
    ------
    DataError
        If nobody has a history of five events.
    """
    bundle = Bundle.fit(part.train, model, **dict(params or {}))
    recommender = bundle.recommender
    histories = part.given.histories(recommender.reads)
    found = np.flatnonzero(np.diff(histories.indptr) >= LEAST)
    if not len(found):
        raise DataError(
            f"nobody has a history of {LEAST} events", where="fidelity", remedy="give more data"
        )
    if len(found) > people:
        found = np.sort(np.random.default_rng(seed).choice(found, people, replace=False))
    asked = take(histories, found)
    items = bundle.rank(asked, 1, exclude=take(part.given.seen, found)).items[:, 0]
    asked, items = asked[np.flatnonzero(items >= 0)], items[items >= 0]
    own = ("contributions", faithful.contributions) if recommender.exact else ("shapley", shapley)
    out = []
    for name, method in (own, ("successive", successive), ("random", faithful.random)):
        parts, calls = faithful.attribute(
            method, recommender, asked, items, budget=BUDGET, seed=seed
        )
        told = faithful.fidelity(recommender, asked, items, parts)
        values = {m: _mean(told.each(m)) for m in MEASURES}
        out.append(ReasonsChecked(name, calls, len(items), values))
    return out


def _mean(values: Any) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
