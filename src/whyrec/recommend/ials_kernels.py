"""Compiled loops of iALS: conjugate gradients, Cholesky fold-in, scores, contributions.

Upper Cholesky factors are kept by rows (A = UᵀU), so that every inner loop runs along memory. Inner
loops that do not start at 0 count in unsigned numbers: numba then need not ask whether an index is
negative, and LLVM makes vector code of them (three times as fast).
"""

from __future__ import annotations

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel

LANES = 8

index = np.uintp


@kernel(loose=True)
def cg_rows(
    Y: Floats,
    gram: Floats,
    indptr: Ints,
    items: Ints,
    weights: Floats,
    each: int,
    alpha: float,
    steps: int,
    start: int,
    end: int,
    X: Floats,
) -> None:
    """Improve rows `start` to `end` of X by conjugate gradients, all in float32.

    With `each` 1 there is a weight for every event, with 0 the first one is that of all.
    """
    k = Y.shape[1]
    r = np.empty(k, np.float32)
    p = np.empty(k, np.float32)
    Ap = np.empty(k, np.float32)
    x = np.empty(k, np.float32)
    for u in range(start, end):
        first, last = indptr[u], indptr[u + 1]
        if first == last:
            X[u, :] = 0
            continue
        for f in range(k):
            x[f] = X[u, f]
            r[f] = 0
        for f in range(k):
            t = -x[f]
            for g in range(k):
                r[g] += t * gram[f, g]
        for q in range(first, last):
            i = items[q]
            extra = alpha * weights[q * each]
            t = np.float32(0)
            for f in range(k):
                t += Y[i, f] * x[f]
            t = extra + np.float32(1) - extra * t
            for f in range(k):
                r[f] += t * Y[i, f]
        old = np.float32(0)
        for f in range(k):
            p[f] = r[f]
            old += r[f] * r[f]
        for _ in range(steps):
            if old < 1e-20:
                break
            for f in range(k):
                Ap[f] = 0
            for f in range(k):
                t = p[f]
                for g in range(k):
                    Ap[g] += t * gram[f, g]
            for q in range(first, last):
                i = items[q]
                t = np.float32(0)
                for f in range(k):
                    t += Y[i, f] * p[f]
                t *= alpha * weights[q * each]
                for f in range(k):
                    Ap[f] += t * Y[i, f]
            t = np.float32(0)
            for f in range(k):
                t += p[f] * Ap[f]
            t = old / t
            new = np.float32(0)
            for f in range(k):
                x[f] += t * p[f]
                r[f] -= t * Ap[f]
                new += r[f] * r[f]
            t = new / old
            for f in range(k):
                p[f] = r[f] + t * p[f]
            old = new
        for f in range(k):
            X[u, f] = x[f]


@kernel()
def _fold_in(
    Y: Floats,
    base: Floats,
    items: Ints,
    weights: Floats,
    alpha: float,
    V: Floats,
    U: Floats,
    x: Floats,
) -> None:
    """V = Y[items], U the upper Cholesky factor of A, x = A⁻¹ Σ c_j y_j. Float64, fixed order.

    Below the diagonal U holds rubbish: rows are cut at multiples of the vector length.
    """
    h, k = len(items), Y.shape[1]
    for j in range(h):
        i = items[j]
        for f in range(k):
            V[j, f] = Y[i, f]
    for f in range(k):
        for g in range(k):
            U[f, g] = base[f, g]
        x[f] = 0
    whole = k - k % 4
    j = 0
    while j + 4 <= h:
        e0, e1 = alpha * weights[j], alpha * weights[j + 1]
        e2, e3 = alpha * weights[j + 2], alpha * weights[j + 3]
        for f in range(k):
            x[f] += ((1 + e0) * V[j, f] + (1 + e1) * V[j + 1, f]) + (
                (1 + e2) * V[j + 2, f] + (1 + e3) * V[j + 3, f]
            )
        # Four events by four rows: each value read is used four times.
        for f in range(0, whole, 4):
            p0, p1, p2, p3 = e0 * V[j, f], e1 * V[j + 1, f], e2 * V[j + 2, f], e3 * V[j + 3, f]
            f += 1
            q0, q1, q2, q3 = e0 * V[j, f], e1 * V[j + 1, f], e2 * V[j + 2, f], e3 * V[j + 3, f]
            f += 1
            r0, r1, r2, r3 = e0 * V[j, f], e1 * V[j + 1, f], e2 * V[j + 2, f], e3 * V[j + 3, f]
            f += 1
            s0, s1, s2, s3 = e0 * V[j, f], e1 * V[j + 1, f], e2 * V[j + 2, f], e3 * V[j + 3, f]
            f -= 3
            for g in range(index(f - f % LANES), index(k)):
                a, b, c, d = V[j, g], V[j + 1, g], V[j + 2, g], V[j + 3, g]
                U[f, g] += (p0 * a + p1 * b) + (p2 * c + p3 * d)
                U[f + 1, g] += (q0 * a + q1 * b) + (q2 * c + q3 * d)
                U[f + 2, g] += (r0 * a + r1 * b) + (r2 * c + r3 * d)
                U[f + 3, g] += (s0 * a + s1 * b) + (s2 * c + s3 * d)
        for f in range(whole, k):
            p0, p1, p2, p3 = e0 * V[j, f], e1 * V[j + 1, f], e2 * V[j + 2, f], e3 * V[j + 3, f]
            for g in range(index(f - f % LANES), index(k)):
                U[f, g] += (p0 * V[j, g] + p1 * V[j + 1, g]) + (p2 * V[j + 2, g] + p3 * V[j + 3, g])
        j += 4
    while j < h:
        e0 = alpha * weights[j]
        for f in range(k):
            x[f] += (1 + e0) * V[j, f]
            t0 = e0 * V[j, f]
            for g in range(index(f - f % LANES), index(k)):
                U[f, g] += t0 * V[j, g]
        j += 1
    _cholesky(U)
    _solve(U, x)


@kernel()
def _cholesky(U: Floats) -> None:
    """The upper factor of a symmetric positive definite matrix in place, two pivots at a time."""
    k = len(U)
    p = 0
    while p < k:
        t = 1 / np.sqrt(U[p, p])
        for g in range(index(p), index(k)):
            U[p, g] *= t
        if p + 1 == k:
            break
        t = U[p, p + 1]
        for g in range(index(p + 1), index(k)):
            U[p + 1, g] -= t * U[p, g]
        t = 1 / np.sqrt(U[p + 1, p + 1])
        for g in range(index(p + 1), index(k)):
            U[p + 1, g] *= t
        for f in range(p + 2, k):
            t0, t1 = U[p, f], U[p + 1, f]
            for g in range(index(f - f % LANES), index(k)):
                U[f, g] -= t0 * U[p, g] + t1 * U[p + 1, g]
        p += 2


@kernel()
def _solve(U: Floats, x: Floats) -> None:
    """x = (UᵀU)⁻¹ x in place."""
    k = len(U)
    for p in range(k):
        t = x[p] / U[p, p]
        x[p] = t
        for g in range(index(p + 1), index(k)):
            x[g] -= t * U[p, g]
    for p in range(k - 1, -1, -1):
        a = b = c = d = 0.0
        g = p + 1
        while g + 4 <= k:
            a += U[p, g] * x[g]
            b += U[p, g + 1] * x[g + 1]
            c += U[p, g + 2] * x[g + 2]
            d += U[p, g + 3] * x[g + 3]
            g += 4
        while g < k:
            a += U[p, g] * x[g]
            g += 1
        x[p] = (x[p] - ((a + b) + (c + d))) / U[p, p]


@kernel()
def solve_rows(
    Y: Floats,
    base: Floats,
    indptr: Ints,
    items: Ints,
    weights: Floats,
    each: int,
    alpha: float,
    start: int,
    end: int,
    X: Floats,
) -> None:
    """Rows `start` to `end` of X, each solved exactly.

    With `each` 1 there is a weight for every event; with 0 all are alike, and `weights` is as long as
    the longest row.
    """
    k = Y.shape[1]
    V = np.empty((_longest(indptr, start, end), k))
    U = np.empty((k, k))
    x = np.empty(k)
    for u in range(start, end):
        a, b = indptr[u], indptr[u + 1]
        if a == b:
            X[u, :] = 0
            continue
        _fold_in(Y, base, items[a:b], weights[a * each : a * each + b - a], alpha, V, U, x)
        for f in range(k):
            X[u, f] = x[f]


@kernel()
def _longest(indptr: Ints, start: int, end: int) -> int:
    most = 1
    for u in range(start, end):
        most = max(most, indptr[u + 1] - indptr[u])
    return most


@kernel()
def score_rows(
    Y: Floats,
    by_factor: Floats,
    base: Floats,
    indptr: Ints,
    items: Ints,
    weights: Floats,
    alpha: float,
    start: int,
    end: int,
    out: Floats,
) -> None:
    """Scores of all items for histories `start` to `end`, in float64 and a fixed order."""
    n, k = Y.shape
    V = np.empty((_longest(indptr, start, end), k))
    U = np.empty((k, k))
    x = np.empty(k)
    for u in range(start, end):
        row = out[u - start]
        row[:] = 0
        a, b = indptr[u], indptr[u + 1]
        if a == b:
            continue
        _fold_in(Y, base, items[a:b], weights[a:b], alpha, V, U, x)
        f = 0
        while f + 4 <= k:
            x0, x1, x2, x3 = x[f], x[f + 1], x[f + 2], x[f + 3]
            for i in range(n):
                row[i] += (x0 * by_factor[f, i] + x1 * by_factor[f + 1, i]) + (
                    x2 * by_factor[f + 2, i] + x3 * by_factor[f + 3, i]
                )
            f += 4
        while f < k:
            for i in range(n):
                row[i] += x[f] * by_factor[f, i]
            f += 1


@kernel()
def factorise(
    Y: Floats, base: Floats, items: Ints, weights: Floats, alpha: float
) -> tuple[Floats, Floats, Floats]:
    """U, x and V of one history."""
    k = Y.shape[1]
    V = np.empty((len(items), k))
    U = np.empty((k, k))
    x = np.empty(k)
    _fold_in(Y, base, items, weights, alpha, V, U, x)
    return U, x, V


@kernel(loose=True)
def _explain(
    Y: Floats,
    weights: Floats,
    alpha: float,
    V: Floats,
    U: Floats,
    x: Floats,
    lists: Ints,
    z: Floats,
    wide: Floats,
    out: Floats,
    lost: Floats,
) -> None:
    """Contributions (and, where `lost` has rows, effects) of one history's items."""
    h, k = len(weights), Y.shape[1]
    leave = lost.shape[0] > 0
    if leave:
        _effects(weights, alpha, V, U, x, wide)
    # Two items at once share every value of U and V that is read; the last may be its own partner.
    for n in range(0, len(lists), 2):
        m = min(n + 1, len(lists) - 1)
        for f in range(k):
            z[0, f] = Y[lists[n], f]
            z[1, f] = Y[lists[m], f]
        for p in range(k):
            s, t = z[0, p] / U[p, p], z[1, p] / U[p, p]
            z[0, p], z[1, p] = s, t
            for g in range(index(p + 1), index(k)):
                z[0, g] -= s * U[p, g]
                z[1, g] -= t * U[p, g]
        for p in range(k - 1, -1, -1):
            s, t = z[0, p], z[1, p]
            for g in range(index(p + 1), index(k)):
                s -= U[p, g] * z[0, g]
                t -= U[p, g] * z[1, g]
            z[0, p], z[1, p] = s / U[p, p], t / U[p, p]
        for j in range(h):
            s = t = 0.0
            for f in range(k):
                s += V[j, f] * z[0, f]
                t += V[j, f] * z[1, f]
            c = 1 + alpha * weights[j]
            out[n, j], out[m, j] = c * s, c * t
            if leave:
                lost[n, j], lost[m, j] = wide[k, j] * s, wide[k, j] * t


@kernel(loose=True)
def _effects(weights: Floats, alpha: float, V: Floats, U: Floats, x: Floats, wide: Floats) -> None:
    """wide[k, j] = γ_j, what one unit of y_iᵀA⁻¹y_j costs item i when event j alone is removed."""
    h, k = len(weights), U.shape[0]
    for j in range(h):
        for f in range(k):
            wide[f, j] = V[j, f]
    for p in range(k):
        t = 1 / U[p, p]
        for j in range(h):
            wide[p, j] *= t
        for g in range(p + 1, k):
            t = U[p, g]
            for j in range(h):
                wide[g, j] -= t * wide[p, j]
    for j in range(h):
        wide[k, j] = 0
    for p in range(k):
        for j in range(h):
            wide[k, j] += wide[p, j] * wide[p, j]
    for j in range(h):
        own = 0.0
        for f in range(k):
            own += V[j, f] * x[f]
        extra = alpha * weights[j]
        g = wide[k, j]
        wide[k, j] = 1 + extra - extra / (1 - g * extra) * (own - g * (1 + extra))


@kernel()
def explain(
    Y: Floats,
    base: Floats,
    items: Ints,
    weights: Floats,
    alpha: float,
    lists: Ints,
    out: Floats,
    lost: Floats,
) -> None:
    """Contributions [n, h] and, if `lost` is not empty, what leaving each event out costs."""
    h, k = len(items), Y.shape[1]
    V = np.empty((h, k))
    U = np.empty((k, k))
    x = np.empty(k)
    wide = np.empty((k + 1, h if lost.shape[0] > 0 else 0))
    _fold_in(Y, base, items, weights, alpha, V, U, x)
    _explain(Y, weights, alpha, V, U, x, lists, np.empty((2, k)), wide, out, lost)


@kernel()
def explain_rows(
    Y: Floats,
    base: Floats,
    indptr: Ints,
    items: Ints,
    weights: Floats,
    alpha: float,
    lists: Ints,
    start: int,
    end: int,
    offsets: Ints,
    out: Floats,
    lost: Floats,
) -> None:
    """The same for histories `start` to `end` with `lists` [rows, n], one after another in `out`.

    Row u writes n·h values from `offsets[u]`; `lost` is filled too if it is as long as `out`.
    """
    k, n = Y.shape[1], lists.shape[1]
    most = _longest(indptr, start, end)
    V = np.empty((most, k))
    U = np.empty((k, k))
    x = np.empty(k)
    z = np.empty((2, k))
    leave = len(lost) > 0
    nothing = np.empty((0, 0))
    for u in range(start, end):
        a, b = indptr[u], indptr[u + 1]
        h = b - a
        if h == 0:
            continue
        _fold_in(Y, base, items[a:b], weights[a:b], alpha, V, U, x)
        at = offsets[u]
        part = out[at : at + n * h].reshape(n, h)
        if leave:
            cost = lost[at : at + n * h].reshape(n, h)
            wide = np.empty((k + 1, h))
            _explain(Y, weights[a:b], alpha, V, U, x, lists[u], z, wide, part, cost)
        else:
            _explain(Y, weights[a:b], alpha, V, U, x, lists[u], z, nothing, part, nothing)
