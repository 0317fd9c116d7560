"""Compiled loops of the sparse form of EASE: Gram matrix of the head, one small system an item."""

from __future__ import annotations

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel
from whyrec.recommend.nearest_kernels import gram_row, offer


@kernel()
def full_gram_rows(
    item_indptr: Ints,
    item_users: Ints,
    item_weights: Floats,
    user_indptr: Ints,
    user_items: Ints,
    user_weights: Floats,
    start: int,
    end: int,
    out: Floats,
) -> None:
    """Rows `start` to `end` of XᵀX, summed in float64 and kept in the type of `out`."""
    n = out.shape[1]
    dots = np.zeros(n)
    touched = np.empty(n, np.int32)
    for i in range(start, end):
        count = gram_row(
            item_indptr[i],
            item_indptr[i + 1],
            item_users,
            item_weights,
            user_indptr,
            user_items,
            user_weights,
            dots,
            touched,
            0,
        )
        for t in range(count):
            j = touched[t]
            out[i, j] = dots[j]
            dots[j] = 0


@kernel(loose=True)
def _solve_lower(L: Floats, x: Floats) -> None:
    """x = (L Lᵀ)⁻¹ x in place."""
    m = len(x)
    for p in range(m):
        s = x[p]
        for q in range(p):
            s -= L[p, q] * x[q]
        x[p] = s / L[p, p]
    for p in range(m - 1, -1, -1):
        t = x[p] / L[p, p]
        x[p] = t
        for q in range(p):
            x[q] -= t * L[p, q]


@kernel()
def solve_columns(
    item_indptr: Ints,
    item_users: Ints,
    item_weights: Floats,
    user_indptr: Ints,
    user_items: Ints,
    user_weights: Floats,
    squares: Floats,
    popular: Floats,
    head: Ints,
    head_gram: Floats,
    regularization: float,
    start: int,
    end: int,
    sources: Ints,
    links: Floats,
    sizes: Ints,
) -> int:
    """Columns `start` to `end` of B over their m strongest items; how many systems were singular.

    `head` [n] is an item's row in `head_gram`, -1 in the long tail, whose few people are read anew.
    """
    n, m = sources.shape
    dots = np.zeros(n)
    touched = np.empty(n, np.int32)
    # 0 where an item is not among the strongest, else 1 + its place there.
    place = np.zeros(n, np.int32)
    best = np.empty(m)
    who = np.empty(m, np.int32)
    singular = 0
    for i in range(start, end):
        count = gram_row(
            item_indptr[i],
            item_indptr[i + 1],
            item_users,
            item_weights,
            user_indptr,
            user_items,
            user_weights,
            dots,
            touched,
            0,
        )
        size = 0
        for t in range(count):
            j = touched[t]
            if j != i:
                size = offer(best, who, size, dots[j] * popular[j], j)
        S = np.sort(who[:size])
        b = np.empty(size)
        for t in range(size):
            b[t] = dots[S[t]]
        for t in range(count):
            dots[touched[t]] = 0
        sizes[i] = size
        if size == 0:
            continue
        A = np.zeros((size, size))
        for t in range(size):
            place[S[t]] = t + 1
        for t in range(size):
            j = S[t]
            if head[j] >= 0:
                row = head_gram[head[j]]
                for s in range(t):
                    if head[S[s]] >= 0:
                        A[t, s] = row[head[S[s]]]
                continue
            for p in range(item_indptr[j], item_indptr[j + 1]):
                u = item_users[p]
                w = np.float64(item_weights[p])
                for q in range(user_indptr[u], user_indptr[u + 1]):
                    s = place[user_items[q]] - 1
                    if s < 0:
                        continue
                    # Two of the tail meet twice, one of the head and one of the tail once.
                    if s < t:
                        A[t, s] += w * user_weights[q]
                    elif head[user_items[q]] >= 0:
                        A[s, t] += w * user_weights[q]
        top = 0.0
        for t in range(size):
            place[S[t]] = 0
            A[t, t] = squares[S[t]] + regularization
            top = max(top, A[t, t])
            for s in range(t):
                A[s, t] = A[t, s]
        if regularization == 0 and not _regular(A, top):
            singular += 1
            continue
        L = np.linalg.cholesky(A)
        _solve_lower(L, b)
        for t in range(size):
            sources[i, t] = S[t]
            links[i, t] = b[t]
    return singular


@kernel()
def _regular(A: Floats, top: float) -> bool:
    """Whether the smallest eigenvalue stands out of the rounding."""
    return bool(np.linalg.eigvalsh(A)[0] > top * len(A) * 2.3e-16)
