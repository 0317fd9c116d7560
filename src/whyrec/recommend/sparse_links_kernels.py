"""Compiled loops of models that hold a few links an item: scores and contributions."""

from __future__ import annotations

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel


@kernel()
def score_rows(
    from_indptr: Ints,
    targets: Ints,
    links: Floats,
    indptr: Ints,
    items: Ints,
    weights: Floats,
    start: int,
    end: int,
    out: Floats,
) -> None:
    """Scores of all items for histories `start` to `end`, summed in float64 in history order."""
    for u in range(start, end):
        row = out[u - start]
        row[:] = 0
        for p in range(indptr[u], indptr[u + 1]):
            j = items[p]
            w = np.float64(weights[p])
            for q in range(from_indptr[j], from_indptr[j + 1]):
                row[targets[q]] += w * links[q]


@kernel()
def contribute_rows(
    to_indptr: Ints,
    sources: Ints,
    links: Floats,
    indptr: Ints,
    items: Ints,
    weights: Floats,
    lists: Ints,
    offsets: Ints,
    out: Floats,
) -> None:
    """Contributions of every history to its row of `lists`, one block after another in `out`.

    The links of an item are looked up in a table of the history's places, so that the cost is the
    number of links and not of events.
    """
    n = lists.shape[1]
    # 0 where the history does not hold the item, else 1 + its place in it.
    place = np.zeros(len(to_indptr) - 1, np.int32)
    for u in range(len(indptr) - 1):
        first = indptr[u]
        h = indptr[u + 1] - first
        for j in range(h):
            place[items[first + j]] = j + 1
        at = offsets[u]
        for a in range(n):
            i = lists[u, a]
            row = out[at : at + h]
            row[:] = 0
            if i >= 0:
                for q in range(to_indptr[i], to_indptr[i + 1]):
                    p = place[sources[q]]
                    if p > 0:
                        row[p - 1] = np.float64(weights[first + p - 1]) * links[q]
            at += h
        for j in range(h):
            place[items[first + j]] = 0
