"""Compiled loops that learn a biased factorisation of ratings: row solves, gradient, SGD.

Rows are [bias, factors] for both sides: the prediction is μ + T[u, 0] + S[i, 0] + Σ_{f≥1} T[u, f] S[i, f].
"""

from __future__ import annotations

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel

TILE = 32


@kernel(loose=True)
def _solve_noisy(L: Floats, x: Floats, noise: Floats) -> None:
    """x ← A⁻¹x + A^(-½) noise; A = L Lᵀ is factorised in place."""
    d = len(x)
    for f in range(d):
        for g in range(f + 1):
            s = L[f, g]
            for k in range(g):
                s -= L[f, k] * L[g, k]
            L[f, g] = np.sqrt(s) if f == g else s / L[g, g]
    for f in range(d):
        s = x[f]
        for k in range(f):
            s -= L[f, k] * x[k]
        x[f] = s / L[f, f]
    for f in range(len(noise)):
        x[f] += noise[f]
    for f in range(d - 1, -1, -1):
        x[f] /= L[f, f]
        for k in range(f):
            x[k] -= L[f, k] * x[f]


@kernel(loose=True)
def solve_rows(
    S: Floats,
    mean: float,
    indptr: Ints,
    items: Ints,
    ratings: Floats,
    precision: Floats,
    beta: float,
    pull: Floats,
    noise: Floats,
    start: int,
    end: int,
    T: Floats,
) -> None:
    """Rows `start` to `end` of T given the other side S.

    Each minimises β Σ_j (r_j - μ - S[j, 0] - tᵀ[1, S[j, 1:]])² + tᵀΛt - 2 tᵀ`pull`, Λ = `precision`;
    with `noise` [rows, d] of standard normals it is a draw from the posterior instead.
    """
    d = S.shape[1]
    # Whole squares in rows of whole tiles: short triangles run outside the vector instructions.
    wide = (d + TILE - 1) // TILE * TILE
    A = np.empty((d, d))
    G = np.empty((d, wide), np.float32)
    z = np.zeros((4, wide), np.float32)
    e = np.zeros(4)
    scale = np.float32(beta)
    nothing = np.empty(0)
    for u in range(start, end):
        G[:] = 0
        t = T[u]
        t[:] = pull[u]
        a, b = indptr[u], indptr[u + 1]
        # Four ratings a time, so that G is read and written a quarter as often.
        for p in range(a, b, 4):
            for c in range(4):
                if p + c < b:
                    j = items[p + c]
                    e[c] = beta * (ratings[p + c] - mean - S[j, 0])
                    for f in range(d):
                        z[c, f] = S[j, f]
                    z[c, 0] = 1
                else:
                    e[c] = 0
                    for f in range(d):
                        z[c, f] = 0
            z0, z1, z2, z3 = z[0], z[1], z[2], z[3]
            for f in range(d):
                w, x, y, v = z0[f], z1[f], z2[f], z3[f]
                t[f] += e[0] * w + e[1] * x + e[2] * y + e[3] * v
                w, x, y, v = scale * w, scale * x, scale * y, scale * v
                row = G[f]
                for g in range(wide):
                    row[g] += w * z0[g] + x * z1[g] + y * z2[g] + v * z3[g]
        for f in range(d):
            for g in range(f + 1):
                A[f, g] = precision[f, g] + G[f, g]
        _solve_noisy(A, t, noise[u] if len(noise) else nothing)


@kernel(loose=True)
def squared_error(
    T: Floats, S: Floats, mean: float, indptr: Ints, items: Ints, ratings: Floats
) -> float:
    """Σ e² over all ratings."""
    d = T.shape[1]
    total = 0.0
    for u in range(len(indptr) - 1):
        t = T[u]
        for p in range(indptr[u], indptr[u + 1]):
            s = S[items[p]]
            e = ratings[p] - mean - t[0] - s[0]
            for f in range(1, d):
                e -= t[f] * s[f]
            total += e * e
    return total


@kernel(loose=True)
def gradient(
    T: Floats,
    S: Floats,
    mean: float,
    indptr: Ints,
    items: Ints,
    ratings: Floats,
    dT: Floats,
    dS: Floats,
) -> float:
    """Add the gradient of ½ Σ e² to dT and dS, and return Σ e²."""
    d = T.shape[1]
    total = 0.0
    for u in range(len(indptr) - 1):
        t, dt = T[u], dT[u]
        for p in range(indptr[u], indptr[u + 1]):
            s, ds = S[items[p]], dS[items[p]]
            e = ratings[p] - mean - t[0] - s[0]
            for f in range(1, d):
                e -= t[f] * s[f]
            total += e * e
            dt[0] -= e
            ds[0] -= e
            for f in range(1, d):
                dt[f] -= e * s[f]
                ds[f] -= e * t[f]
    return total


@kernel(loose=True)
def sgd_pass(
    T: Floats,
    S: Floats,
    mean: float,
    order: Ints,
    people: Ints,
    items: Ints,
    ratings: Floats,
    shrink_people: Floats,
    shrink_items: Floats,
    prior_people: Floats,
    prior_items: Floats,
    rate: float,
) -> None:
    """One step a rating, in the given order.

    `shrink_people` [people, 2] and `shrink_items` [items, 2] are each row's λ for bias and factors
    divided by its number of ratings, so that a pass descends the objective of the other solvers.
    """
    d = T.shape[1]
    for p in order:
        u, i = people[p], items[p]
        t, s = T[u], S[i]
        m, n = prior_people[u], prior_items[i]
        e = ratings[p] - mean - t[0] - s[0]
        for f in range(1, d):
            e -= t[f] * s[f]
        t[0] += rate * (e - shrink_people[u, 0] * (t[0] - m[0]))
        s[0] += rate * (e - shrink_items[i, 0] * (s[0] - n[0]))
        a, b = shrink_people[u, 1], shrink_items[i, 1]
        for f in range(1, d):
            tf, sf = t[f], s[f]
            t[f] = tf + rate * (e * sf - a * (tf - m[f]))
            s[f] = sf + rate * (e * tf - b * (sf - n[f]))
