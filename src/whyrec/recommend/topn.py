"""The n best of a row of scores without sorting it; ties go to the lower index, NaN to nobody."""

from __future__ import annotations

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel


@kernel()
def top_rows(
    scores: Floats,
    exclude_indptr: Ints,
    exclude_items: Ints,
    offset: int,
    n: int,
    items_out: Ints,
    scores_out: Floats,
) -> None:
    """Fill `items_out` [rows, n] (-1) and `scores_out` (-inf) from `scores` [rows, n_items].

    Row r leaves out `exclude_items` of row `offset + r`.
    """
    rows, n_items = scores.shape
    hidden = np.zeros(n_items, np.bool_)
    for r in range(rows):
        if exclude_indptr.size:
            for e in range(exclude_indptr[offset + r], exclude_indptr[offset + r + 1]):
                hidden[exclude_items[e]] = True
        best = scores_out[r]
        who = items_out[r]
        best[:] = -np.inf
        who[:] = -1
        floor = -np.inf
        row = scores[r]
        for i in range(n_items):
            s = row[i]
            # A later item must be strictly better to come in: ties stay with the lower index.
            if s > floor and not hidden[i]:
                at = n - 1
                while at > 0 and s > best[at - 1]:
                    best[at] = best[at - 1]
                    who[at] = who[at - 1]
                    at -= 1
                best[at] = s
                who[at] = i
                floor = best[n - 1]
        if exclude_indptr.size:
            for e in range(exclude_indptr[offset + r], exclude_indptr[offset + r + 1]):
                hidden[exclude_items[e]] = False


LONG = 300
"""Above this n a list is sorted instead of kept in order while it is read."""


def sort_rows(
    scores: Floats,
    exclude_indptr: Ints,
    exclude_items: Ints,
    offset: int,
    n: int,
    items_out: Ints,
    scores_out: Floats,
) -> None:
    """The same as `top_rows` for long lists."""
    items_out[:] = -1
    scores_out[:] = -np.inf
    for r in range(len(scores)):
        row = np.where(np.isnan(scores[r]), -np.inf, scores[r])
        if exclude_indptr.size:
            a, b = exclude_indptr[offset + r], exclude_indptr[offset + r + 1]
            row[exclude_items[a:b]] = -np.inf
        order = np.argsort(-row, kind="stable")[:n]
        order = order[row[order] > -np.inf]
        items_out[r, : len(order)] = order
        scores_out[r, : len(order)] = row[order]
