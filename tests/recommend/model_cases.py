"""Small random interaction matrices, and the plain arithmetic that models are compared with."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from whyrec.recommend.base import History, Recommender
from whyrec.recommend.ease import EASE
from whyrec.recommend.ials import IALS

WEIGHTS = np.array([0.2, 0.3, 0.6, 1.0], np.float32)


def interactions(seed: int, users: int = 30, items: int = 20, density: float = 0.25):
    """A users × items CSR matrix of event weights, in which every item has somebody."""
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((users, items)) < density, rng.choice(WEIGHTS, (users, items)), 0)
    dense[np.arange(items) % users, np.arange(items)] = 1
    return sparse.csr_matrix(dense.astype(np.float32))


def histories(n_items: int = 20, min_size: int = 1, max_size: int = 9):
    """Histories of Hypothesis: distinct items with weights."""

    def make(pairs: dict[int, int]) -> History:
        items = np.array(sorted(pairs), np.int32)
        return History(items, WEIGHTS[[pairs[i] for i in sorted(pairs)]])

    return st.dictionaries(
        st.integers(0, n_items - 1),
        st.integers(0, len(WEIGHTS) - 1),
        min_size=min_size,
        max_size=max_size,
    ).map(make)


def fitted(name: str, seed: int = 0) -> Recommender:
    """A small model of either kind."""
    X = interactions(seed)
    return (EASE(regularization=2.0) if name == "ease" else small_ials()).fit(X)


def small_ials(**params: object) -> IALS:
    """iALS with few factors; an odd number, so that remainders of unrolled loops run too."""
    return IALS(**{"factors": 7, "regularization": 0.5, "alpha": 4.0, "iterations": 4, **params})


def score(model: Recommender, history: History) -> np.ndarray:
    """All scores of one history."""
    return model.scores(history.matrix(model.n_items))[0]
