"""Compiled loops of BPR and WARP: stochastic gradient steps, scores, contributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel

STEP = np.uint64(0x9E3779B97F4A7C15)


@kernel()
def _draw(state: Ints) -> Any:
    """The next 64 random bits (SplitMix64, Steele et al., OOPSLA 2014); `state` is uint64 [1]."""
    state[0] += STEP
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel()
def _below(state: Ints, n: int) -> Any:
    """A random whole number from 0 to n - 1."""
    return np.int64((_draw(state) >> np.uint64(32)) * np.uint64(n) >> np.uint64(32))


@kernel(loose=True)
def train(
    indptr: Ints,
    items: Ints,
    weights: Floats,
    order: Ints,
    P: Floats,
    Q: Floats,
    bias: Floats,
    P_past: Floats,
    Q_past: Floats,
    bias_past: Floats,
    warp: bool,
    tries: int,
    power: float,
    rate: float,
    regularization: float,
    state: Ints,
) -> float:
    """One pass over all events, person by person in `order`; returns the mean loss.

    A person's source vectors are summed once, and their gradients applied once after the person's
    events (Kabbur et al., KDD 2013, do both for every event). `*_past` are Adagrad's sums.
    """
    n, k = Q.shape
    total = np.empty(k, np.float32)
    own = np.empty(k, np.float32)
    gradient = np.empty(k, np.float32)
    mine = np.zeros(n, np.bool_)
    loss = 0.0
    steps = 0
    lr, reg = np.float32(rate), np.float32(regularization)
    tiny = np.float32(1e-6)
    for at in range(len(order)):
        u = order[at]
        a, b = indptr[u], indptr[u + 1]
        if b - a < 2:
            continue
        mass = 0.0
        total[:] = 0
        gradient[:] = 0
        for p in range(a, b):
            w = weights[p]
            mass += w
            mine[items[p]] = True
            for f in range(k):
                total[f] += w * P[items[p], f]
        events = 0
        for p in range(a, b):
            i = items[p]
            w = weights[p]
            # The person without the event that is to be predicted.
            scale = np.float32((mass - w) ** -power) if mass > w else np.float32(0)
            plus = np.float32(0)
            for f in range(k):
                own[f] = (total[f] - w * P[i, f]) * scale
                plus += own[f] * Q[i, f]
            plus += bias[i]
            step = np.float32(0)
            j = 0
            for tried in range(tries):
                j = _below(state, n)
                if mine[j]:
                    continue
                minus = bias[j]
                for f in range(k):
                    minus += own[f] * Q[j, f]
                gap = plus - minus
                if not warp:
                    step = np.float32(1 / (1 + np.exp(gap)))
                    loss += np.log1p(np.exp(-gap))
                    break
                if gap < 1:
                    # The rank that so many tries speak of; its logarithm is the weight.
                    step = np.float32(np.log(max(1.0, n // (tried + 1))))
                    loss += step * (1 - gap)
                    break
            if step == 0:
                continue
            steps += 1
            events += 1
            step *= w
            for f in range(k):
                g = step * (Q[i, f] - Q[j, f])
                gradient[f] += g * scale
                g = step * own[f] - reg * Q[i, f]
                Q_past[i, f] += g * g
                Q[i, f] += lr * g / np.sqrt(Q_past[i, f] + tiny)
                g = -step * own[f] - reg * Q[j, f]
                Q_past[j, f] += g * g
                Q[j, f] += lr * g / np.sqrt(Q_past[j, f] + tiny)
            g = step - reg * bias[i]
            bias_past[i] += g * g
            bias[i] += lr * g / np.sqrt(bias_past[i] + tiny)
            g = -step - reg * bias[j]
            bias_past[j] += g * g
            bias[j] += lr * g / np.sqrt(bias_past[j] + tiny)
        for p in range(a, b):
            i = items[p]
            mine[i] = False
            if events:
                for f in range(k):
                    g = weights[p] * gradient[f] - reg * P[i, f]
                    P_past[i, f] += g * g
                    P[i, f] += lr * g / np.sqrt(P_past[i, f] + tiny)
    return loss / max(steps, 1)


@kernel()
def fold_in(P: Floats, power: float, items: Ints, weights: Floats, x: Floats) -> None:
    """x = Σ w_j p_j / (Σ w)^power in float64, in history order."""
    k = len(x)
    x[:] = 0
    mass = 0.0
    for j in range(len(items)):
        w = np.float64(weights[j])
        mass += w
        for f in range(k):
            x[f] += w * P[items[j], f]
    if mass > 0:
        scale = mass**-power
        for f in range(k):
            x[f] *= scale


@kernel()
def score_rows(
    P: Floats,
    by_factor: Floats,
    bias: Floats,
    power: float,
    indptr: Ints,
    items: Ints,
    weights: Floats,
    start: int,
    end: int,
    out: Floats,
) -> None:
    """Scores of all items for histories `start` to `end`, in float64 and a fixed order."""
    k, n = by_factor.shape
    x = np.empty(k)
    for u in range(start, end):
        row = out[u - start]
        for i in range(n):
            row[i] = bias[i]
        a, b = indptr[u], indptr[u + 1]
        if a == b:
            continue
        fold_in(P, power, items[a:b], weights[a:b], x)
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


@kernel(loose=True)
def contribute_rows(
    P: Floats,
    Q: Floats,
    power: float,
    indptr: Ints,
    items: Ints,
    weights: Floats,
    lists: Ints,
    offsets: Ints,
    out: Floats,
) -> None:
    """w_j p_jᵀq_i / (Σ w)^power of every history for its row of `lists`, one block after another."""
    n, k = lists.shape[1], Q.shape[1]
    q = np.empty((4, k), np.float64)
    for u in range(len(indptr) - 1):
        a, b = indptr[u], indptr[u + 1]
        h = b - a
        if h == 0:
            continue
        mass = 0.0
        for p in range(a, b):
            mass += weights[p]
        scale = mass**-power
        # Four items at once share every value of P that is read.
        for c in range(0, n, 4):
            m = min(4, n - c)
            for d in range(4):
                i = max(lists[u, c + min(d, m - 1)], 0)
                for f in range(k):
                    q[d, f] = Q[i, f]
            at = offsets[u] + c * h
            for j in range(h):
                source = P[items[a + j]]
                s0 = s1 = s2 = s3 = 0.0
                for f in range(k):
                    v = np.float64(source[f])
                    s0 += v * q[0, f]
                    s1 += v * q[1, f]
                    s2 += v * q[2, f]
                    s3 += v * q[3, f]
                w = weights[a + j] * scale
                out[at + j] = w * s0
                if m > 1:
                    out[at + h + j] = w * s1
                if m > 2:
                    out[at + 2 * h + j] = w * s2
                if m > 3:
                    out[at + 3 * h + j] = w * s3
