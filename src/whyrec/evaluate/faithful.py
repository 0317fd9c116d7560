"""The most faithful of several orders: some searched, some mixed of them, the best measured.

Which order of a person's events tells best what carries an item depends on the question: what is
needed for its place, what for its score, or what is enough. So a few orders are made by different
means (`successive`, `two_ended`, `place`, `shapley`; exact contributions where there are such; and
mixtures of their ranks, which cost no calls), the curve of each is measured with the model, and the
best is kept. SPINRec chooses among random baselines in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from whyrec.evaluate.fidelity import (
    LOWER_IS_BETTER,
    SIZES,
    STEPS,
    Fidelity,
    Link,
    attribute,
    contributions,
    fidelity,
)
from whyrec.evidence.attribution import shapley
from whyrec.evidence.successive import place, successive, two_ended
from whyrec.recommend.base import Floats, Ints, Recommender

SEARCHES = (successive, two_ended, shapley, place)
"""Methods whose orders are mixed."""

MIXTURES = ((1, 1, 1, 0), (2, 1, 0, 0), (2, 0, 1, 0), (0, 1, 1, 1), (0, 0, 1, 2))
"""Weights of the ranks of the four, in their order."""

LOOKS = 3 * (STEPS + 1) + 2 * SIZES
"""Calls that measuring one order costs."""


def candidates(
    recommender: Recommender,
    histories: sparse.csr_matrix,
    items: Ints,
    *,
    budget: int = 256,
    seed: int = 0,
) -> tuple[list[list[Floats]], float]:
    """Orders to choose from, [orders][pairs] of [h]; and the mean calls that they cost a pair.

    Parameters
    ----------
    recommender
        Any model.
    histories
        CSR [pairs, n_items]: one history a pair.
    items
        int [pairs].
    budget
        Model calls for each of the four searches.
    """
    found, cost = [], 0.0
    for method in SEARCHES:
        parts, calls = attribute(method, recommender, histories, items, budget=budget, seed=seed)
        found.append(parts)
        cost += calls
    ranked = [[_ranks(p) for p in parts] for parts in found]
    for weights in MIXTURES:
        each = zip(*ranked, strict=True)
        found.append([np.asarray(np.tensordot(weights, np.array(r), 1)) for r in each])
    if recommender.exact:
        parts, calls = attribute(contributions, recommender, histories, items, budget=1)
        found.append(parts)
        cost += calls
    return found, cost


def measured(
    recommender: Recommender,
    histories: sparse.csr_matrix,
    items: Ints,
    orders: Sequence[Sequence[Floats]],
    *,
    link: Link = "identity",
) -> list[Fidelity]:
    """Fidelity of each order; `LOOKS` calls a pair and order."""
    return [fidelity(recommender, histories, items, order, link=link) for order in orders]


def choose(looks: Sequence[Fidelity], measure: str, *, removed: int | None = None) -> Ints:
    """Which order measures best for each pair: int [pairs]; the first of equals."""
    each = np.array([look.each(measure, removed=removed) for look in looks])
    if not LOWER_IS_BETTER[measure.partition("@")[0]]:
        each = -each
    return np.asarray(np.where(np.isnan(each), np.inf, each).argmin(0))


def _ranks(parts: Floats) -> Floats:
    """0 for the last to just below 1 for the first."""
    return np.argsort(np.argsort(parts, kind="stable"), kind="stable") / max(len(parts), 1)
