"""Compiled loops of attested facts: crowds shared by two items, facets shared with a history."""

from __future__ import annotations

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel


@kernel()
def shared_people(
    indptr: Ints, people: Ints, items: Ints, peers: Ints, mark: Ints, out: Ints
) -> None:
    """out[a, b] = people of both `items[a]` and `peers[a, b]` (-1: none), exactly.

    `indptr` and `people` are the columns of a users × items matrix; `mark` is a scratch array of
    False, one a user, and is left so.
    """
    for a in range(len(items)):
        start, end = indptr[items[a]], indptr[items[a] + 1]
        for p in range(start, end):
            mark[people[p]] = True
        for b in range(peers.shape[1]):
            j = peers[a, b]
            n = 0
            if j >= 0:
                for p in range(indptr[j], indptr[j + 1]):
                    if mark[people[p]]:
                        n += 1
            out[a, b] = n
        for p in range(start, end):
            mark[people[p]] = False


@kernel()
def shared_facets(
    indptr: Ints,
    facets: Ints,
    idf: Floats,
    history: Ints,
    items: Ints,
    contributions: Floats,
    slot: Ints,
    out: Ints,
) -> None:
    """The facets that each item shares with positively contributing events, best first.

    Best is idf × the summed contributions of the events that carry the facet. `out` [items, m] is
    filled with facet indices, -1 where there are no more; `slot` is scratch, -1 for every facet.
    """
    m = out.shape[1]
    longest = 1
    for a in range(len(items)):
        longest = max(longest, indptr[items[a] + 1] - indptr[items[a]])
    worth = np.empty(longest)
    for a in range(len(items)):
        out[a, :] = -1
        start, end = indptr[items[a]], indptr[items[a] + 1]
        for p in range(start, end):
            slot[facets[p]] = p - start
            worth[p - start] = 0
        for j in range(len(history)):
            c = contributions[a, j]
            if c > 0:
                for p in range(indptr[history[j]], indptr[history[j] + 1]):
                    s = slot[facets[p]]
                    if s >= 0:
                        worth[s] += c * idf[facets[p]]
        for t in range(min(m, end - start)):
            best = -1
            for p in range(start, end):
                if worth[p - start] > 0 and (best < 0 or worth[p - start] > worth[best - start]):
                    best = p
            if best < 0:
                break
            out[a, t] = facets[best]
            worth[best - start] = 0
        for p in range(start, end):
            slot[facets[p]] = -1


@kernel()
def carriers(
    indptr: Ints, facets: Ints, facet: int, history: Ints, order: Ints, contributions: Floats
) -> Ints:
    """Items of the history that carry the facet and contribute positively, strongest first."""
    found = np.empty(len(order), np.int32)
    n = 0
    for p in range(len(order)):
        j = order[p]
        if contributions[j] <= 0:
            break
        for q in range(indptr[history[j]], indptr[history[j] + 1]):
            if facets[q] == facet:
                found[n] = history[j]
                n += 1
                break
    return found[:n]
