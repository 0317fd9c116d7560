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

    The links of an item are dropped at the history's places, so that the cost is their number and
    not that of the events; what the history does not hold lands at place 0, which nobody reads:
    cheaper than asking, because no branch can be guessed wrong.
    """
    n = lists.shape[1]
    longest = 0
    for u in range(len(indptr) - 1):
        longest = max(longest, indptr[u + 1] - indptr[u])
    place = np.zeros(len(to_indptr) - 1, np.int32)
    found = np.empty(longest + 1)
    for u in range(len(indptr) - 1):
        first = indptr[u]
        h = indptr[u + 1] - first
        for j in range(h):
            place[items[first + j]] = j + 1
        at = offsets[u]
        for a in range(n):
            i = lists[u, a]
            for j in range(h + 1):
                found[j] = 0
            if i >= 0:
                for q in range(to_indptr[i], to_indptr[i + 1]):
                    found[place[sources[q]]] = links[q]
            for j in range(np.uintp(h)):
                out[at + j] = np.float64(weights[first + j]) * found[j + 1]
            at += h
        for j in range(h):
            place[items[first + j]] = 0
