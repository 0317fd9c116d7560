"""The sparse form of EASE: EASE itself where every item is a neighbour, ridge regression elsewhere."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from tests.recommend.model_cases import histories, interactions, score

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, ModelError
from whyrec.evaluate.ranking import Hits, held_out
from whyrec.recommend import ease_sparse, threads
from whyrec.recommend.base import History
from whyrec.recommend.ease import EASE
from whyrec.recommend.ease_sparse import SparseEASE

ITEMS = np.arange(20)


def crowded(seed: int = 0, users: int = 60, items: int = 20) -> sparse.csr_matrix:
    """Interactions in which every item has somebody in common with every other."""
    X = interactions(seed, users, items, density=0.5)
    assert ((X.T @ X).toarray() > 0).all()
    return X


def test_a_column_worked_by_hand() -> None:
    # G = [[2, 2, 0], [2, 3, 1], [0, 1, 1]]; the one neighbour of item 0 is item 1:
    # (3 + 1) b = 2; of item 2 it is item 1 too: 4 b = 1.
    X = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32))
    B = SparseEASE(regularization=1.0, neighbours=1).fit(X).links_.toarray()
    np.testing.assert_allclose(B[0], [0, 0.5, 0])
    np.testing.assert_allclose(B[2], [0, 0.25, 0])
    # With both for neighbours item 1 solves [[3, 0], [0, 2]] b = [2, 1].
    B = SparseEASE(regularization=1.0, neighbours=2).fit(X).links_.toarray()
    np.testing.assert_allclose(B[1], [2 / 3, 0, 1 / 2], rtol=1e-6)


@pytest.mark.parametrize("head_bytes", [4 * 20**2, 4 * 7**2, 4])
def test_with_every_neighbour_it_is_ease_whatever_part_of_the_gram_matrix_is_kept(
    monkeypatch: pytest.MonkeyPatch, head_bytes: int
) -> None:
    monkeypatch.setattr(ease_sparse, "HEAD_BYTES", head_bytes)
    X = crowded()
    few, full = SparseEASE(regularization=3.0).fit(X), EASE(regularization=3.0).fit(X)
    np.testing.assert_allclose(few.scores(X), full.scores(X), rtol=1e-5, atol=1e-6)


@given(m=st.integers(1, 18), head=st.integers(1, 20), seed=st.integers(0, 3))
def test_a_column_is_the_ridge_regression_on_the_items_that_go_with_it_most(
    m: int, head: int, seed: int
) -> None:
    X = interactions(seed)
    G = (X.T @ X).toarray().astype(np.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ease_sparse, "HEAD_BYTES", 4 * head**2)
        B = SparseEASE(regularization=2.0, neighbours=m).fit(X).links_
    strength = G / np.diag(G)[None] ** ease_sparse.POWER
    for i in ITEMS:
        S = B[i].indices
        others = np.setdiff1d(np.flatnonzero(G[i]), [i])
        assert len(S) == min(m, len(others))
        rest = np.setdiff1d(others, S)
        if len(rest):
            assert strength[i, S].min() >= strength[i, rest].max() * (1 - 1e-6)
        solved = np.linalg.solve(G[np.ix_(S, S)] + 2 * np.eye(len(S)), G[S, i])
        np.testing.assert_allclose(B[i].data, solved, rtol=1e-4, atol=1e-6)


@cache
def fitted() -> SparseEASE:
    return SparseEASE(regularization=2.0, neighbours=6).fit(interactions(0))


@given(history=histories())
def test_contributions_sum_and_leaving_out_is_refolding(history: History) -> None:
    model = fitted()
    parts = model.contributions(history, ITEMS)
    scale = np.abs(parts).max()
    np.testing.assert_allclose(parts.sum(1), score(model, history), atol=1e-12 * scale)
    without = model.leave_one_out(history, ITEMS)
    for j, item in enumerate(history.items):
        rest = score(model, history.without(np.array([item])))
        np.testing.assert_allclose(without[:, j], rest, atol=1e-12 * scale)


@given(history=histories(min_size=2), data=st.data())
def test_removing_any_set_is_refolding(history: History, data: st.DataObject) -> None:
    which = data.draw(st.sets(st.integers(0, len(history) - 1), min_size=1))
    removed = np.array(sorted(which))
    found = fitted().removal(history).scores(score(fitted(), history), removed)
    expected = score(fitted(), history.without(history.items[removed]))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_an_item_that_nobody_has_scores_zero() -> None:
    X = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 0]], np.float32))
    assert (SparseEASE(regularization=1.0).fit(X).scores(X)[:, 2] == 0).all()


def test_without_regularisation_a_singular_system_is_refused_with_the_remedy() -> None:
    X = sparse.csr_matrix(np.ones((4, 3), np.float32))
    with pytest.raises(ModelError, match=r"3 items is singular; set regularization above 0"):
        SparseEASE(regularization=0).fit(X)
    plain = SparseEASE(regularization=0).fit(crowded()).scores(crowded())
    full = EASE(regularization=0).fit(crowded()).scores(crowded())
    np.testing.assert_allclose(plain, full, rtol=1e-3, atol=1e-4)


def test_ease_names_it_where_the_square_matrix_is_too_large() -> None:
    X = sparse.csr_matrix((np.ones(1, np.float32), ([0], [0])), shape=(1, 10_000_000))
    with pytest.raises(ModelError, match="use --model ease-sparse"):
        EASE().fit(X)


def test_many_more_items_than_a_square_matrix_allows() -> None:
    rng = np.random.default_rng(0)
    n = 300_000  # 360 GB as a dense float32 matrix
    rows, cols = np.repeat(np.arange(2000), 10), rng.integers(0, n, 20_000)
    X = sparse.csr_matrix((np.ones(20_000, np.float32), (rows, cols)), shape=(2000, n))
    model = SparseEASE(neighbours=20).fit(X)
    assert model.links_.nnz <= 20 * n
    assert model.recommend(X[:2], 5, exclude=X[:2]).items.shape == (2, 5)


def test_the_number_of_threads_changes_nothing() -> None:
    X = interactions(4, 200, 60)
    found = []
    try:
        for n in (1, 3):
            threads.set_threads(n)
            found.append(SparseEASE(neighbours=9).fit(X).links_)
    finally:
        threads.set_threads(None)
    assert (found[0].indices == found[1].indices).all()
    assert (found[0].data == found[1].data).all()


def test_it_comes_back_from_its_arrays() -> None:
    one = fitted()
    two = SparseEASE.from_arrays(one.params, one.arrays())
    assert two.params == one.params
    assert (one.scores(interactions(2)) == two.scores(interactions(2))).all()


@pytest.mark.parametrize(
    "params", [{"regularization": -1}, {"neighbours": 0}, {"neighbours": 2.5}, {"neighbours": "x"}]
)
def test_wrong_parameters(params: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="ease-sparse"):
        SparseEASE(**params)  # type: ignore[arg-type]


@pytest.mark.data
def test_on_real_events_it_ranks_nearly_as_well_as_ease(data_dir) -> None:
    pairs = Dataset.read(data_dir / "movielens-100k").interactions.tocoo()
    held = held_out(pairs.row)

    def matrix(keep: np.ndarray) -> sparse.csr_matrix:
        ones = np.ones(keep.sum(), np.float32)
        return sparse.csr_matrix((ones, (pairs.row[keep], pairs.col[keep])), shape=pairs.shape)

    train, test = matrix(~held), matrix(held)
    full, few = (
        Hits.of(m.fit(train).recommend(train, 10, exclude=train).items, test).ndcg(10)
        for m in (EASE(regularization=200), SparseEASE(regularization=150, neighbours=300))
    )
    assert few > 0.985 * full
