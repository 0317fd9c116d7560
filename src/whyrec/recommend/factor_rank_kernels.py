"""Compiled loops that rank by inner products: sieve rough scores, settle the rest exactly."""

from __future__ import annotations

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel


@kernel()
def _holds(items: Ints, first: int, last: int, item: int) -> bool:
    """Whether ascending `items[first:last]` holds the item."""
    while first < last:
        middle = (first + last) // 2
        if items[middle] < item:
            first = middle + 1
        elif items[middle] > item:
            last = middle
        else:
            return True
    return False


@kernel()
def _largest(values: Floats, n: int) -> float:
    """The n-th largest: quickselect on a copy (Hoare, CACM 1961)."""
    a = values.copy()
    low, high = 0, len(a) - 1
    while low < high:
        pivot = a[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while a[i] > pivot:
                i += 1
            while a[j] < pivot:
                j -= 1
            if i <= j:
                a[i], a[j] = a[j], a[i]
                i += 1
                j -= 1
        if n - 1 <= j:
            high = j
        elif n - 1 >= i:
            low = i
        else:
            break
    found: float = a[n - 1]
    return found


@kernel()
def _drop(rough: Floats, items: Ints, count: int, n: int, margin: float) -> tuple[int, float]:
    """Keep, in order, what may still be among the n best; returns how many and the new floor."""
    floor = _largest(rough[:count], n) - margin
    kept = 0
    for c in range(count):
        if rough[c] >= floor:
            rough[kept], items[kept] = rough[c], items[c]
            kept += 1
    return kept, floor


@kernel()
def sieve(
    scores: Floats,
    first: int,
    margins: Floats,
    indptr: Ints,
    hidden: Ints,
    offset: int,
    n: int,
    floors: Floats,
    counts: Ints,
    rough: Floats,
    items: Ints,
) -> None:
    """Add to each row's candidates from a tile of rough scores, whose first column is item `first`.

    A row that keeps more than fits gets the count -1 and is left alone.
    """
    room = rough.shape[1]
    for r in range(len(scores)):
        count, floor = counts[r], floors[r]
        if count < 0:
            continue
        row = scores[r]
        for c in range(len(row)):
            if row[c] < floor:
                continue
            i = first + c
            if indptr.size and _holds(hidden, indptr[offset + r], indptr[offset + r + 1], i):
                continue
            if count == room:
                count, floor = _drop(rough[r], items[r], count, n, margins[r])
                if count == room:
                    count = -1
                    break
                if row[c] < floor:
                    continue
            rough[r, count], items[r, count] = row[c], i
            count += 1
        counts[r], floors[r] = count, floor


@kernel()
def settle(
    X: Floats,
    Y: Floats,
    bias: Floats,
    margins: Floats,
    n: int,
    counts: Ints,
    rough: Floats,
    items: Ints,
    items_out: Ints,
    scores_out: Floats,
) -> None:
    """The n best of each row's candidates by the score in float64, summed as `score_rows` sums it."""
    k = Y.shape[1]
    for r in range(len(X)):
        x, count = X[r], counts[r]
        best, who = scores_out[r], items_out[r]
        best[:] = -np.inf
        who[:] = -1
        if count > n:
            count, _ = _drop(rough[r], items[r], count, n, margins[r])
        for c in range(count):
            i = items[r, c]
            y = Y[i]
            s = np.float64(bias[i]) if bias.size else 0.0
            f = 0
            while f + 4 <= k:
                s += (x[f] * y[f] + x[f + 1] * y[f + 1]) + (
                    x[f + 2] * y[f + 2] + x[f + 3] * y[f + 3]
                )
                f += 4
            while f < k:
                s += x[f] * y[f]
                f += 1
            if s > best[n - 1]:
                at = n - 1
                while at > 0 and s > best[at - 1]:
                    best[at], who[at] = best[at - 1], who[at - 1]
                    at -= 1
                best[at], who[at] = s, i
