"""Compiled loops of EASE: Gram matrix, scores, contributions."""

from __future__ import annotations

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel


@kernel()
def gram_rows(
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
    """Rows `start` to `end` of XᵀX, from the diagonal on; the row stays in the cache."""
    for i in range(start, end):
        row = out[i]
        for p in range(item_indptr[i], item_indptr[i + 1]):
            u = item_users[p]
            w = np.float64(item_weights[p])
            # Histories are ascending: read them from the back as far as the diagonal.
            for q in range(user_indptr[u + 1] - 1, user_indptr[u] - 1, -1):
                j = user_items[q]
                if j < i:
                    break
                row[j] += w * user_weights[q]


@kernel()
def narrow(P: Floats, out: Floats) -> None:
    """out[i, j] = -P[i, j] in float32 for j > i, 0 on the diagonal; both may start in one place.

    Row i of `out` ends before row i of P begins (i > 0), so nothing is overwritten before it is read.
    """
    n = len(P)
    for i in range(n):
        # Through a row of its own: the first row of `out` lies in the first of P.
        row = P[i].copy()
        for j in range(i, n):
            out[i, j] = np.float32(-row[j])
        out[i, i] = 0


@kernel()
def mirror(out: Floats) -> None:
    """Copy the upper triangle to the lower one, tile by tile."""
    n = len(out)
    tile = 64
    for a in range(0, n, tile):
        for b in range(0, a + 1, tile):
            for j in range(b, min(b + tile, n)):
                for i in range(max(a, j + 1), min(a + tile, n)):
                    out[i, j] = out[j, i]


@kernel()
def score_rows(
    links: Floats,
    scale: Floats,
    indptr: Ints,
    items: Ints,
    weights: Floats,
    start: int,
    end: int,
    out: Floats,
) -> None:
    """Scores of all items for histories `start` to `end`, summed in float64 in history order."""
    n = links.shape[1]
    for u in range(start, end):
        row = out[u - start]
        row[:] = 0
        p, stop = indptr[u], indptr[u + 1]
        while p + 4 <= stop:
            w0, w1 = np.float64(weights[p]), np.float64(weights[p + 1])
            w2, w3 = np.float64(weights[p + 2]), np.float64(weights[p + 3])
            a, b = links[items[p]], links[items[p + 1]]
            c, d = links[items[p + 2]], links[items[p + 3]]
            for i in range(n):
                row[i] = (((row[i] + w0 * a[i]) + w1 * b[i]) + w2 * c[i]) + w3 * d[i]
            p += 4
        while p < stop:
            w0 = np.float64(weights[p])
            a = links[items[p]]
            for i in range(n):
                row[i] += w0 * a[i]
            p += 1
        for i in range(n):
            row[i] *= scale[i]


@kernel()
def contribute_rows(
    links: Floats,
    scale: Floats,
    indptr: Ints,
    items: Ints,
    weights: Floats,
    lists: Ints,
    offsets: Ints,
    out: Floats,
) -> None:
    """`contribute` for every history and its row of `lists`, one block after another in `out`."""
    n = lists.shape[1]
    for u in range(len(indptr) - 1):
        first = indptr[u]
        h = indptr[u + 1] - first
        at = offsets[u]
        for a in range(n):
            i = lists[u, a]
            s = scale[i]
            for j in range(h):
                out[at + j] = np.float64(weights[first + j]) * links[i, items[first + j]] * s
            at += h


@kernel()
def contribute(
    links: Floats, scale: Floats, history: Ints, weights: Floats, items: Ints, out: Floats
) -> None:
    """out[i, j] = weights[j] · B[history[j], items[i]], read along the row of the item."""
    for i in range(len(items)):
        row = links[items[i]]
        s = scale[items[i]]
        for j in range(len(history)):
            out[i, j] = np.float64(weights[j]) * row[history[j]] * s
