"""Compiled loops that find the nearest of many sparse vectors without ever forming all pairs."""

from __future__ import annotations

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel
from whyrec.recommend.similarity import similar


@kernel()
def gram_row(
    first: int,
    last: int,
    features: Ints,
    values: Floats,
    feature_indptr: Ints,
    others: Ints,
    other_values: Floats,
    dots: Floats,
    touched: Ints,
    count: int,
) -> int:
    """Add the dot products of one vector with all others to `dots`; returns how many are touched.

    The vector is `features[first:last]`; `others` lists by feature who has it. `dots` must be 0
    where it is not touched; products must be > 0, so that 0 means untouched.
    """
    for p in range(first, last):
        f = features[p]
        w = np.float64(values[p])
        for q in range(feature_indptr[f], feature_indptr[f + 1]):
            v = others[q]
            if dots[v] == 0:
                touched[count] = v
                count += 1
            dots[v] += w * other_values[q]
    return count


@kernel()
def offer(best: Floats, who: Ints, size: int, value: float, index: int) -> int:
    """Keep the largest in a heap with the worst on top; ties go to the lower index."""
    k = len(best)
    if size < k:
        at = size
        while at > 0:
            up = (at - 1) // 2
            if best[up] < value or (best[up] == value and who[up] > index):
                break
            best[at], who[at] = best[up], who[up]
            at = up
        best[at], who[at] = value, index
        return size + 1
    if value < best[0] or (value == best[0] and index > who[0]):
        return size
    at = 0
    while True:
        down = 2 * at + 1
        if down >= k:
            break
        # The child that is worse, which must stay on top.
        if down + 1 < k and (
            best[down + 1] < best[down]
            or (best[down + 1] == best[down] and who[down + 1] > who[down])
        ):
            down += 1
        if value < best[down] or (value == best[down] and index > who[down]):
            break
        best[at], who[at] = best[down], who[down]
        at = down
    best[at], who[at] = value, index
    return size


@kernel()
def nearest_rows(
    indptr: Ints,
    features: Ints,
    values: Floats,
    feature_indptr: Ints,
    others: Ints,
    other_values: Floats,
    left: Floats,
    right: Floats,
    mean: Floats,
    union: bool,
    shrinkage: float,
    start: int,
    end: int,
    sources: Ints,
    links: Floats,
    sizes: Ints,
) -> None:
    """The k most similar of all vectors to each of `start` to `end`, similarity > 0, sorted by index.

    Row i of `sources` and `links` [n, k] gets those j with the largest similarity of j to i.
    """
    n, k = sources.shape
    dots = np.zeros(n)
    touched = np.empty(n, np.int32)
    best = np.empty(k)
    who = np.empty(k, np.int32)
    for i in range(start, end):
        count = gram_row(
            indptr[i],
            indptr[i + 1],
            features,
            values,
            feature_indptr,
            others,
            other_values,
            dots,
            touched,
            0,
        )
        size = 0
        for t in range(count):
            j = touched[t]
            s = similar(dots[j], left[j], right[i], mean[j], mean[i], union, shrinkage)
            if j != i and s > 0:
                size = offer(best, who, size, s, j)
            dots[j] = 0
        order = np.argsort(who[:size])
        for t in range(size):
            sources[i, t] = who[order[t]]
            links[i, t] = best[order[t]]
        sizes[i] = size
