"""Ranking by rough scores first gives the very lists that all exact scores give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.bpr import BPR
from whyrec.recommend.ials import IALS
from whyrec.recommend.scoring import RowModel, rank


def random_histories(rng: np.random.Generator, rows: int, n_items: int) -> sparse.csr_matrix:
    dense = rng.random((rows, n_items)) < rng.random((rows, 1)) * 0.3
    dense[0] = False
    return sparse.csr_matrix(dense.astype(np.float32))


def same_as_exact(
    model: RowModel, X: sparse.csr_matrix, n: int, hidden: sparse.csr_matrix | None
) -> None:
    found = model.recommend(X, n, exclude=hidden)
    expected = rank(model._score_rows, X, n, hidden)
    np.testing.assert_array_equal(found.items, expected.items)
    np.testing.assert_array_equal(found.scores, expected.scores)


@given(
    seed=st.integers(0, 10_000),
    n_items=st.integers(1, 90),
    n=st.integers(1, 40),
    scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e4]),
    grain=st.sampled_from([0.0, 0.5, 1e-7]),
)
def test_lists_are_those_of_all_exact_scores(
    seed: int, n_items: int, n: int, scale: float, grain: float
) -> None:
    rng = np.random.default_rng(seed)
    Y = rng.standard_normal((n_items, 6))
    if grain:
        # Vectors that are equal, or equal up to the last bits.
        Y = Y[rng.integers(0, max(1, n_items // 4), n_items)] + grain * rng.integers(0, 2, Y.shape)
    Y = (scale * Y).astype(np.float32)
    X = random_histories(rng, 9, n_items)
    hidden = X if seed % 2 else None
    bias = (scale * rng.standard_normal(n_items)).astype(np.float32)
    ials = IALS.from_arrays({"factors": 6, "regularization": 0.1}, {"item_factors": Y})
    same_as_exact(ials, X, n, hidden)
    arrays = {"event_factors": np.roll(Y, 1, 0), "item_factors": Y, "bias": bias}
    same_as_exact(BPR.from_arrays({"factors": 6}, arrays), X, n, hidden)


def test_a_catalogue_of_several_tiles() -> None:
    rng = np.random.default_rng(0)
    Y = rng.standard_normal((9001, 8)).astype(np.float32)
    Y[5000:5010] = Y[17]
    X = sparse.random(300, 9001, 0.002, "csr", np.float32, random_state=0)
    model = IALS.from_arrays({"factors": 8}, {"item_factors": Y})
    same_as_exact(model, X, 10, X)


def test_where_all_items_are_alike_the_lower_index_wins() -> None:
    model = IALS.from_arrays({"factors": 2}, {"item_factors": np.ones((5000, 2), np.float32)})
    X = sparse.csr_matrix((np.ones(1, np.float32), ([0], [3])), shape=(1, 5000))
    assert model.recommend(X, 5, exclude=X).items.tolist() == [[0, 1, 2, 4, 5]]


def test_excluded_items_may_stand_in_any_order() -> None:
    rng = np.random.default_rng(1)
    model = IALS.from_arrays(
        {"factors": 4}, {"item_factors": rng.standard_normal((50, 4)).astype(np.float32)}
    )
    X = sparse.csr_matrix((np.ones(3, np.float32), np.array([40, 2, 9]), np.array([0, 3])), (1, 50))
    assert not np.isin(model.recommend(X, 47, exclude=X).items, [2, 9, 40]).any()
    assert (model.recommend(X, 50, exclude=X).items[0, 47:] == -1).all()


def test_what_does_not_fit_is_refused() -> None:
    model = IALS.from_arrays({"factors": 2}, {"item_factors": np.ones((5, 2), np.float32)})
    X = sparse.csr_matrix(np.eye(5, dtype=np.float32))
    with pytest.raises(ConfigError, match="a list of 0"):
        model.recommend(X, 0)
    with pytest.raises(ModelError, match="exclude is"):
        model.recommend(X, 1, exclude=X[:2])
