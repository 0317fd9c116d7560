"""The most faithful of several orders of each history: the model is asked, and the best is kept.

Which order of a person's events tells best what carries an item depends on the question: what is
needed for its place, what for its score, or what is enough. So a few orders are made by different
means (`evidence.successive.orders`), the curve of each is measured with the model, and the best is
kept, for each question and person. SPINRec chooses among the maps of random baselines in the same way.
No ground truth takes part: what is measured is what the model itself answers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from whyrec.evaluate.fidelity import LOWER_IS_BETTER, Fidelity, Link, check_pairs, fidelity, row
from whyrec.evidence.attribution import BUDGET
from whyrec.evidence.successive import Asked, orders
from whyrec.recommend.base import Floats, Ints, Recommender


def asked_of(recommender: Recommender, histories: sparse.csr_matrix, items: Ints) -> list[Asked]:
    """One memory a pair of what the model said; their `calls` are what everything has cost.

    Parameters
    ----------
    recommender
        Any model.
    histories
        CSR [pairs, n_items]: one history a pair.
    items
        int [pairs]: the item that was recommended to each.
    """
    check_pairs(histories, items)
    return [Asked(recommender, row(histories, k), i) for k, i in enumerate(items.tolist())]


def candidates(asked: Sequence[Asked], *, budget: int = BUDGET) -> list[list[Floats]]:
    """Orders to choose from, a list for each order of float64 [h] for each pair; `budget` as in `successive.orders`."""
    return [list(each) for each in zip(*(orders(a, budget=budget) for a in asked), strict=True)]


def measured(
    recommender: Recommender,
    histories: sparse.csr_matrix,
    items: Ints,
    parts: Sequence[Sequence[Floats]],
    asked: Sequence[Asked],
    *,
    link: Link = "identity",
) -> list[Fidelity]:
    """Fidelity of each order; what was asked before is not asked again."""
    return [fidelity(recommender, histories, items, p, link=link, asked=asked) for p in parts]


def choose(looks: Sequence[Fidelity], measure: str, *, removed: int | None = None) -> Ints:
    """Which order measures best for each pair: int [pairs]; the first of equals."""
    each = np.array([look.each(measure, removed=removed) for look in looks])
    if not LOWER_IS_BETTER[measure.partition("@")[0]]:
        each = -each
    return np.asarray(np.where(np.isnan(each), np.inf, each).argmin(0))
