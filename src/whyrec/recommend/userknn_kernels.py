"""Compiled loops of UserKNN: the nearest people of a history, their votes, and both taken apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel
from whyrec.recommend.nearest_kernels import gram_row, offer
from whyrec.recommend.similarity import similar

PRODUCT, CORRELATION, UNION = 0, 1, 2
"""Denominators: a product of norms; the same of centred vectors (Pearson); Jaccard's."""


class People(NamedTuple):
    """Everybody's histories by person and by item, and what makes dot products similarities.

    `right` and `mean` are those of `similarity.norms` over vectors weighted by `item_weights`.
    """

    indptr: Ints
    items: Ints
    votes: Floats
    by_item: Ints
    holders: Ints
    held: Floats
    item_weights: Floats
    right: Floats
    mean: Floats
    kind: int
    asymmetry: float
    shrinkage: float


@kernel()
def nearest(
    all_: People,
    items: Ints,
    weights: Floats,
    dots: Floats,
    touched: Ints,
    who: Ints,
    below: Floats,
    closeness: Floats,
) -> int:
    """The nearest people of a history: `who` ascending, denominators `below`, `closeness`.

    Returns how many there are. `dots` [people] is all 0 before and after.
    """
    h = len(items)
    square = total = 0.0
    count = size = 0
    value = np.empty(1)
    for j in range(h):
        w = all_.item_weights[items[j]]
        a = np.float64(weights[j]) * w
        square += a * a
        total += a
        value[0] = a * w
        one = items[j : j + 1]
        count = gram_row(
            0, 1, one, value, all_.by_item, all_.holders, all_.held, dots, touched, count
        )
    left, left_mean = square, 0.0
    if all_.kind == CORRELATION:
        left_mean = total / np.sqrt(len(all_.item_weights))
        left = np.sqrt(max(square - left_mean * left_mean, 0.0))
    elif all_.kind == PRODUCT:
        left = square**all_.asymmetry
    union = all_.kind == UNION
    best = np.empty(len(who))
    for t in range(count):
        v = touched[t]
        s = similar(dots[v], left, all_.right[v], left_mean, all_.mean[v], union, all_.shrinkage)
        if s > 0 and not _same(all_, v, items, weights):
            size = offer(best, who, size, s, v)
    order = np.argsort(who[:size])
    people = who[:size].copy()
    for t in range(size):
        v = people[order[t]]
        who[t] = v
        closeness[t] = best[order[t]]
        r = all_.right[v]
        below[t] = (left + r - dots[v] if union else left * r) + all_.shrinkage
    for t in range(count):
        dots[touched[t]] = 0
    return size


@kernel()
def _same(all_: People, v: int, items: Ints, weights: Floats) -> bool:
    first = all_.indptr[v]
    if all_.indptr[v + 1] - first != len(items):
        return False
    for j in range(len(items)):
        if all_.items[first + j] != items[j] or all_.votes[first + j] != weights[j]:
            return False
    return True


@kernel()
def score_rows(
    all_: People,
    k: int,
    indptr: Ints,
    items: Ints,
    weights: Floats,
    start: int,
    end: int,
    out: Floats,
) -> None:
    """Scores of all items for histories `start` to `end`."""
    people = len(all_.right)
    dots = np.zeros(people)
    touched = np.empty(people, np.int32)
    who = np.empty(k, np.int32)
    below, closeness = np.empty(k), np.empty(k)
    for u in range(start, end):
        a, b = indptr[u], indptr[u + 1]
        size = nearest(all_, items[a:b], weights[a:b], dots, touched, who, below, closeness)
        row = out[u - start]
        row[:] = 0
        for t in range(size):
            for p in range(all_.indptr[who[t]], all_.indptr[who[t] + 1]):
                row[all_.items[p]] += closeness[t] * all_.votes[p]


@kernel()
def explain(
    all_: People,
    items: Ints,
    weights: Floats,
    wanted: Ints,
    parts: Floats,
    by_person: Floats,
    who: Ints,
) -> int:
    """`parts` [n, h] by event and `by_person` [n, k]; returns how many neighbours `who` holds.

    `wanted` [n] names an item once.
    """
    h, k = len(items), len(who)
    n_items, people = len(all_.item_weights), len(all_.right)
    below, closeness = np.empty(k), np.empty(k)
    dots, touched = np.zeros(people), np.empty(people, np.int32)
    size = nearest(all_, items, weights, dots, touched, who, below, closeness)
    # 1 + the place in the history and in the list, 0 where an item is in neither.
    event, slot = np.zeros(n_items, np.int32), np.zeros(n_items, np.int32)
    for j in range(h):
        event[items[j]] = j + 1
    for i in range(len(wanted)):
        slot[wanted[i]] = i + 1
    share = np.empty(h)
    for t in range(size):
        v = who[t]
        first, last = all_.indptr[v], all_.indptr[v + 1]
        # Pearson takes the mean off each coordinate; the sum over events is dot - m_u m_v.
        share[:] = -all_.mean[v] / np.sqrt(n_items)
        for p in range(first, last):
            i = all_.items[p]
            if event[i] > 0:
                share[event[i] - 1] += all_.votes[p] * all_.item_weights[i]
        for j in range(h):
            share[j] *= weights[j] * all_.item_weights[items[j]] / below[t]
        for p in range(first, last):
            i = slot[all_.items[p]] - 1
            if i >= 0:
                by_person[i, t] = closeness[t] * all_.votes[p]
                for j in range(h):
                    parts[i, j] += all_.votes[p] * share[j]
    return size


@kernel()
def leave_one_out(
    all_: People, k: int, items: Ints, weights: Floats, wanted: Ints, out: Floats
) -> None:
    """out[i, j], the score of `wanted[i]` from the history without event j, neighbours anew."""
    h = len(items)
    people = len(all_.right)
    dots, touched = np.zeros(people), np.empty(people, np.int32)
    who, below, closeness = np.empty(k, np.int32), np.empty(k), np.empty(k)
    slot = np.zeros(len(all_.item_weights), np.int32)
    for i in range(len(wanted)):
        slot[wanted[i]] = i + 1
    for j in range(h):
        rest = np.concatenate((items[:j], items[j + 1 :]))
        values = np.concatenate((weights[:j], weights[j + 1 :]))
        size = nearest(all_, rest, values, dots, touched, who, below, closeness)
        for t in range(size):
            for p in range(all_.indptr[who[t]], all_.indptr[who[t] + 1]):
                i = slot[all_.items[p]] - 1
                if i >= 0:
                    out[i, j] += closeness[t] * all_.votes[p]
