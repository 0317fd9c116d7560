"""Compiled loops of `RatingKNN`."""

from __future__ import annotations

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel


@kernel()
def score_rows(
    near: Ints,
    similar: Floats,
    bias: Floats,
    k: int,
    damping: float,
    shrink: float,
    indptr: Ints,
    items: Ints,
    ratings: Floats,
    start: int,
    end: int,
    out: Floats,
) -> None:
    """Predictions of every item for histories `start` to `end`."""
    rated = np.full(len(bias), np.nan)
    for u in range(start, end):
        a, b = indptr[u], indptr[u + 1]
        total = 0.0
        for p in range(a, b):
            rated[items[p]] = np.float64(ratings[p]) - bias[items[p]]
            total += rated[items[p]]
        own = total / (shrink + b - a)
        for i in range(len(bias)):
            weight = damping
            told = 0.0
            found = 0
            for m in range(near.shape[1]):
                j = near[i, m]
                if j < 0 or found == k:
                    break
                if not np.isnan(rated[j]):
                    s = np.float64(similar[i, m])
                    weight += s
                    told += s * (rated[j] - own)
                    found += 1
            out[u - start, i] = bias[i] + own + told / weight
        for p in range(a, b):
            rated[items[p]] = np.nan


@kernel()
def explain(
    near: Ints,
    similar: Floats,
    bias: Floats,
    k: int,
    damping: float,
    shrink: float,
    items: Ints,
    ratings: Floats,
    wanted: Ints,
    parts: Floats,
    lost: Floats,
) -> None:
    """Contributions into `parts` [n, h], and what leaving out costs into `lost` unless it is empty."""
    n, h = parts.shape
    place = np.full(len(bias), -1, np.int64)
    e = np.empty(h)
    total = 0.0
    for p in range(h):
        place[items[p]] = p
        e[p] = np.float64(ratings[p]) - bias[items[p]]
        total += e[p]
    own = total / (shrink + h)
    chosen = np.empty(k + 1, np.int64)
    s = np.empty(k + 1)
    for a in range(n):
        i = wanted[a]
        if i < 0:
            parts[a] = 0
            if len(lost):
                lost[a] = 0
            continue
        # One more than is used: it steps in where a neighbour is left out.
        found = 0
        for m in range(near.shape[1]):
            j = near[i, m]
            if j < 0 or found > k:
                break
            if place[j] >= 0:
                chosen[found], s[found] = place[j], np.float64(similar[i, m])
                found += 1
        used = min(found, k)
        weight = damping
        told = 0.0
        for m in range(used):
            weight += s[m]
            told += s[m] * e[chosen[m]]
        rest = damping / weight
        for p in range(h):
            parts[a, p] = rest * e[p] / (shrink + h)
        for m in range(used):
            parts[a, chosen[m]] += s[m] * e[chosen[m]] / weight
        if len(lost) == 0:
            continue
        score = rest * own + told / weight
        for p in range(h):
            fewer = (total - e[p]) / (shrink + h - 1) if h > 1 else 0.0
            lost[a, p] = score - (rest * fewer + told / weight)
        for m in range(used):
            p = chosen[m]
            w, t = weight - s[m], told - s[m] * e[p]
            if found > k:
                w += s[k]
                t += s[k] * e[chosen[k]]
            fewer = (total - e[p]) / (shrink + h - 1) if h > 1 else 0.0
            lost[a, p] = score - (damping / w * fewer + t / w)
    for p in range(h):
        place[items[p]] = -1
