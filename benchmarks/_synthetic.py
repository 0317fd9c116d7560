"""Seeded synthetic events of any size: popularity with a long tail, latent taste, uneven activity."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from scipy import sparse

GROUPS = 200
"""Tastes; an item belongs to one, a person has a few."""


def events(users: int, items: int, pairs: int, *, seed: int = 0) -> sparse.csr_matrix:
    """About `pairs` distinct (user, item) pairs as a users × items CSR of ones, float32.

    Activity is log-normal, popularity falls as 1 / (rank + 50), three quarters of a person's items
    come from the three to eight tastes that are theirs. Ten million pairs take some seconds; the
    count is met within a few percent, a little below.
    """
    rng = np.random.default_rng(seed)
    activity = rng.lognormal(0, 1.0, users)
    wanted = np.maximum(2, activity * (pairs / activity.sum())).astype(np.int64)
    wanted = np.minimum(wanted, max(1, items // 4))
    appeal = 1 / (np.arange(items) + 50.0)
    group = rng.integers(0, GROUPS, items)
    by_group = np.argsort(group, kind="stable")
    edges = np.concatenate(([0], np.cumsum(np.bincount(group, minlength=GROUPS))))
    found = np.empty(wanted.sum(), np.int32)
    sizes = np.empty(users, np.int64)
    total = _draw(
        seed,
        wanted,
        np.cumsum(appeal),
        by_group,
        edges,
        np.concatenate(([0.0], np.cumsum(appeal[by_group]))),
        rng.integers(0, GROUPS, (users, 8)),
        rng.integers(3, 9, users),
        found,
        sizes,
    )
    indptr = np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
    place = (np.ones(total, np.float32), found[:total].copy(), indptr)
    return sparse.csr_matrix(place, shape=(users, items))


@numba.njit(cache=True)
def _draw(seed, wanted, everything, by_group, edges, before, tastes, breadth, found, sizes):
    np.random.seed(seed)
    seen = np.full(len(everything), -1, np.int32)
    at = 0
    for u in range(len(wanted)):
        first = at
        for _ in range(4 * wanted[u]):
            if at - first == wanted[u]:
                break
            g = tastes[u, np.random.randint(0, breadth[u])]
            low, high = before[edges[g]], before[edges[g + 1]]
            if np.random.random() < 0.75 and high > low:
                k = np.searchsorted(before, low + np.random.random() * (high - low), "right") - 1
                i = by_group[min(k, len(by_group) - 1)]
            else:
                k = np.searchsorted(everything, np.random.random() * everything[-1], "right")
                i = min(k, len(everything) - 1)
            if seen[i] != u:
                seen[i] = u
                found[at] = i
                at += 1
        found[first:at].sort()
        sizes[u] = at - first
    return at


def split(
    matrix: sparse.csr_matrix, share: float = 0.2, *, seed: int = 0
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Train and held-out parts: each pair is held out with probability `share`."""
    held = np.random.default_rng(seed).random(matrix.nnz) < share
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return _part(matrix, rows, ~held), _part(matrix, rows, held)


def _part(
    matrix: sparse.csr_matrix, rows: np.ndarray[Any, Any], keep: np.ndarray[Any, Any]
) -> sparse.csr_matrix:
    counts = np.bincount(rows[keep], minlength=matrix.shape[0])
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    return sparse.csr_matrix((matrix.data[keep], matrix.indices[keep], indptr), shape=matrix.shape)
