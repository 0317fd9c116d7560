"""Compiled loops of fold-in rating models: people's vectors, scores, contributions, removals."""

from __future__ import annotations

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel


@kernel()
def factorise(Z: Floats, items: Ints, L: Floats) -> None:
    """The lower Cholesky factor of I + Σ_j z_j z_jᵀ over `items`, into L [d, d]."""
    d = L.shape[0]
    L[:] = 0
    for f in range(d):
        L[f, f] = 1
    for p in range(len(items)):
        z = Z[items[p]]
        for f in range(d):
            zf = np.float64(z[f])
            for g in range(f + 1):
                L[f, g] += zf * z[g]
    for f in range(d):
        for g in range(f + 1):
            s = L[f, g]
            for k in range(g):
                s -= L[f, k] * L[g, k]
            L[f, g] = np.sqrt(s) if f == g else s / L[g, g]


@kernel()
def solve(L: Floats, x: Floats) -> None:
    """x ← (L Lᵀ)⁻¹ x."""
    d = len(x)
    for f in range(d):
        s = x[f]
        for k in range(f):
            s -= L[f, k] * x[k]
        x[f] = s / L[f, f]
    for f in range(d - 1, -1, -1):
        x[f] /= L[f, f]
        for k in range(f):
            x[k] -= L[f, k] * x[f]


@kernel()
def right_sides(
    Z: Floats, V: Floats, bias: Floats, items: Ints, ratings: Floats, E: Floats, W: Floats
) -> None:
    """E = Σ_j z_j (r_j - c_j) and W = Σ_j v_j (zero where the model has no v)."""
    E[:] = 0
    W[:] = 0
    for p in range(len(items)):
        j = items[p]
        e = np.float64(ratings[p]) - bias[j]
        for f in range(len(E)):
            E[f] += e * Z[j, f]
        if len(V):
            for f in range(len(E)):
                W[f] += V[j, f]


@kernel()
def fold_rows(
    factors: Floats,
    implicit: Floats,
    bias: Floats,
    indptr: Ints,
    items: Ints,
    ratings: Floats,
    start: int,
    end: int,
    out: Floats,
) -> None:
    """θ of histories `start` to `end`, the members one after another: out [end - start, T · d]."""
    members, _, d = factors.shape
    L = np.empty((d, d))
    E = np.empty(d)
    W = np.empty(d)
    for u in range(start, end):
        a, b = indptr[u], indptr[u + 1]
        for t in range(members):
            theta = out[u - start, t * d : (t + 1) * d]
            if a == b:
                theta[:] = 0
                continue
            factorise(factors[t], items[a:b], L)
            right_sides(factors[t], implicit[t], bias[t], items[a:b], ratings[a:b], E, W)
            share = 1 / np.sqrt(b - a)
            for f in range(d):
                theta[f] = E[f] + share * W[f]
            solve(L, theta)


@kernel()
def score_people(theta: Floats, by_factor: Floats, baseline: Floats, out: Floats) -> None:
    """out[u, i] = baseline[i] + mean over members of θ_u · z_i, always in the same order."""
    n = by_factor.shape[1]
    for u in range(len(theta)):
        row = out[u]
        row[:] = 0
        f = 0
        while f + 4 <= theta.shape[1]:
            p, q, r, s = theta[u, f], theta[u, f + 1], theta[u, f + 2], theta[u, f + 3]
            a, b, c, d = by_factor[f], by_factor[f + 1], by_factor[f + 2], by_factor[f + 3]
            for i in range(n):
                row[i] = (((row[i] + p * a[i]) + q * b[i]) + r * c[i]) + s * d[i]
            f += 4
        while f < theta.shape[1]:
            p = theta[u, f]
            a = by_factor[f]
            for i in range(n):
                row[i] += p * a[i]
            f += 1
        for i in range(n):
            row[i] += baseline[i]


@kernel()
def explain(
    factors: Floats,
    implicit: Floats,
    bias: Floats,
    items: Ints,
    ratings: Floats,
    wanted: Ints,
    parts: Floats,
    lost: Floats,
) -> None:
    """Contributions into `parts` [n, h], and what leaving out costs into `lost` unless it is empty.

    With E and W of `right_sides`, s = 1/√h and s' = 1/√(h - 1), the vector without event j is
    A_j⁻¹ b_j with A_j = A - z_j z_jᵀ and b_j = E - z_j e_j + s'(W - v_j): one rank-one downdate.
    """
    members, _, d = factors.shape
    n, h = parts.shape
    with_lost = len(lost) > 0
    parts[:] = 0
    lost[:] = 0
    L = np.empty((d, d))
    E = np.empty(d)
    W = np.empty(d)
    X = np.empty((n, d))
    G = np.empty(d)
    e = np.empty(h)
    leverage = np.empty(h)
    missed = np.empty(h)
    share = 1 / np.sqrt(h) if h else 0.0
    fewer = 1 / np.sqrt(h - 1) if h > 1 else 0.0
    for t in range(members):
        Z, V = factors[t], implicit[t]
        factorise(Z, items, L)
        right_sides(Z, V, bias[t], items, ratings, E, W)
        for p in range(h):
            e[p] = np.float64(ratings[p]) - bias[t, items[p]]
        for i in range(n):
            for f in range(d):
                X[i, f] = Z[wanted[i], f] if wanted[i] >= 0 else 0.0
            solve(L, X[i])
        if with_lost:
            for p in range(h):
                z = Z[items[p]]
                for f in range(d):
                    G[f] = z[f]
                solve(L, G)
                own = of_e = of_w = of_v = 0.0
                for f in range(d):
                    own += G[f] * z[f]
                    of_e += G[f] * E[f]
                    of_w += G[f] * W[f]
                if len(V):
                    for f in range(d):
                        of_v += G[f] * V[items[p], f]
                leverage[p] = 1 - own
                missed[p] = of_e - own * e[p] + fewer * (of_w - of_v)
        for i in range(n):
            x = X[i]
            x_w = 0.0
            for f in range(d):
                x_w += x[f] * W[f]
            for p in range(h):
                z = Z[items[p]]
                link = drawn = 0.0
                for f in range(d):
                    link += x[f] * z[f]
                if len(V):
                    for f in range(d):
                        drawn += x[f] * V[items[p], f]
                parts[i, p] += (link * e[p] + share * drawn) / members
                if with_lost:
                    change = (share - fewer) * x_w + fewer * drawn
                    gone = link * e[p] - link * missed[p] / leverage[p]
                    lost[i, p] += (change + gone) / members


@kernel()
def explain_rows(
    factors: Floats,
    implicit: Floats,
    bias: Floats,
    indptr: Ints,
    items: Ints,
    ratings: Floats,
    lists: Ints,
    offsets: Ints,
    start: int,
    end: int,
    parts: Floats,
    lost: Floats,
) -> None:
    """`explain` for histories `start` to `end`, one block after another in `parts` and `lost`."""
    n = lists.shape[1]
    nothing = np.empty((0, 0))
    for u in range(start, end):
        a, b = indptr[u], indptr[u + 1]
        from_, to = offsets[u], offsets[u + 1]
        block = parts[from_:to].reshape(n, b - a)
        gone = lost[from_:to].reshape(n, b - a) if len(lost) else nothing
        explain(factors, implicit, bias, items[a:b], ratings[a:b], lists[u], block, gone)


@kernel()
def predict_pairs(
    theta: Floats, factors: Floats, baseline: Floats, people: Ints, items: Ints, out: Floats
) -> None:
    """out[p] = the score of `items[p]` for the person in row `people[p]` of θ."""
    members, _, d = factors.shape
    for p in range(len(out)):
        i = items[p]
        s = 0.0
        for t in range(members):
            z = factors[t, i]
            for f in range(d):
                s += theta[people[p], t * d + f] * z[f]
        out[p] = baseline[i] + s / members
