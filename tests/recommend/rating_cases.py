"""Small random ratings, zeros and negative ones among them, and plain fold-in to compare with."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from whyrec.recommend.base import History

N_ITEMS = 12


def ratings(seed: int = 0, users: int = 25, items: int = N_ITEMS) -> sparse.csr_matrix:
    """A users × items CSR of ratings from -2 to 5; a stored 0 is one of them."""
    rng = np.random.default_rng(seed)
    there = rng.random((users, items)) < 0.5
    there[np.arange(items) % users, np.arange(items)] = True
    taste, kind = rng.normal(size=(users, 2)), rng.normal(size=(items, 2))
    stars = np.clip(np.round(2 + taste @ kind.T + rng.normal(0, 0.5, there.shape)), -2, 5)
    indptr = np.concatenate(([0], np.cumsum(there.sum(1))))
    return sparse.csr_matrix(
        (stars[there].astype(np.float32), np.nonzero(there)[1], indptr), shape=there.shape
    )


def rated_histories(min_size: int = 1, max_size: int = 8):
    """Histories of Hypothesis: distinct items with ratings, which may be 0 or negative."""
    stars = st.integers(-4, 10).map(lambda v: v / 2)

    def make(pairs: dict[int, float]) -> History:
        items = np.array(sorted(pairs), np.int32)
        return History(items, np.array([pairs[i] for i in items.tolist()], np.float32))

    return st.dictionaries(
        st.integers(0, N_ITEMS - 1), stars, min_size=min_size, max_size=max_size
    ).map(make)


def plain_scores(model, history: History) -> np.ndarray:
    """All scores by the formula of `rating_factors`, with dense algebra."""
    out = np.zeros(model.n_items)
    for c, z, v in zip(model.item_bias_, model.item_factors_, model.implicit_factors_, strict=True):
        z, v = z.astype(float), v.astype(float)
        Z = z[history.items]
        right = Z.T @ (history.weights - c[history.items])
        if len(v) and len(history):
            right = right + v[history.items].sum(0) / np.sqrt(len(history))
        theta = np.linalg.solve(np.eye(z.shape[1]) + Z.T @ Z, right)
        out += (c + z @ theta) / len(model.item_bias_)
    return out
