"""ItemKNN: every similarity is its formula, and what an event adds is its similarity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from tests.recommend.model_cases import histories, interactions, score

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import threads
from whyrec.recommend.base import History
from whyrec.recommend.itemknn import ItemKNN
from whyrec.recommend.similarity import SIMILARITIES

ITEMS = np.arange(20)


def by_hand() -> sparse.csr_matrix:
    """Four people; A and B have two people in common, B and C one, A and C none."""
    return sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]], np.float32))


@pytest.mark.parametrize(
    ("params", "ab", "bc"),
    [
        # |A| = √2, |B| = √3, |C| = √2.
        ({"similarity": "cosine"}, 2 / 6**0.5, 1 / 6**0.5),
        ({"similarity": "cosine", "shrinkage": 4.0}, 2 / (6**0.5 + 4), 1 / (6**0.5 + 4)),
        ({"similarity": "jaccard"}, 2 / 3, 1 / 4),
        # Correlation of (1,1,0,0) with (1,1,1,0) and of (1,1,1,0) with (0,0,1,1).
        ({"similarity": "pearson"}, 1 / 3**0.5, None),
        # Everybody but the last person has two items: each counts a half.
        ({"similarity": "cosine", "activity": 1.0}, 1 / 1.5**0.5, 0.5 / (1.5 * 1.5) ** 0.5),
    ],
)
def test_similarities_worked_by_hand(
    params: dict[str, object], ab: float, bc: float | None
) -> None:
    plain = {"shrinkage": 0.0, "activity": 0.0, "k": 3}
    B = ItemKNN(**{**plain, **params}).fit(by_hand()).links_.toarray()
    assert B[0, 1] == pytest.approx(ab)
    assert B[1, 0] == pytest.approx(ab)
    assert B[1, 2] == pytest.approx(bc or 0)  # a negative correlation is no link
    assert B[0, 2] == 0
    assert (np.diag(B) == 0).all()


def test_asymmetry_gives_the_norm_of_one_side_more_power() -> None:
    model = ItemKNN(similarity="cosine", asymmetry=1, shrinkage=0, activity=0).fit(by_hand())
    B = model.links_.toarray()
    # 2 common people over all people of the event's item: 2/3 from B to A, 2/2 from A to B.
    assert B[0, 1] == pytest.approx(2 / 3)
    assert B[1, 0] == pytest.approx(1)


@pytest.mark.parametrize("similarity", ["tfidf", "bm25"])
def test_weighted_similarities_are_products_of_weighted_vectors(similarity: str) -> None:
    X = interactions(3, 40, 15)
    dense = X.toarray().astype(np.float64)
    rare = np.log((1 + 15) / (1 + (dense > 0).sum(1))) + 1e-3
    W = dense.copy()
    if similarity == "bm25":
        length = dense.sum(0) / dense.sum(0).mean()
        W = np.where(dense > 0, 2.2 * dense / (1.2 * (0.25 + 0.75 * length) + dense), 0)
    W = W * rare[:, None]
    S = W.T @ W
    if similarity == "tfidf":
        S /= np.sqrt(np.outer(np.diag(S), np.diag(S)))
    np.fill_diagonal(S, 0)
    found = ItemKNN(similarity=similarity, k=99, shrinkage=0, activity=0).fit(X)
    np.testing.assert_allclose(found.links_.toarray(), S, rtol=1e-5, atol=1e-8)


@given(k=st.integers(1, 19), seed=st.integers(0, 5))
def test_the_neighbours_kept_are_the_nearest(k: int, seed: int) -> None:
    X = interactions(seed)
    all_ = ItemKNN(k=19).fit(X).links_.toarray()
    kept = ItemKNN(k=k).fit(X).links_.toarray()
    for i in ITEMS:
        order = np.lexsort((ITEMS, -all_[i]))[:k]
        expected = np.zeros(20)
        expected[order] = all_[i, order]
        # float32 may tie what float64 could tell apart: compare values, not places.
        np.testing.assert_array_equal(np.sort(kept[i]), np.sort(expected))


@pytest.mark.parametrize("similarity", SIMILARITIES)
@given(history=histories())
def test_contributions_sum_and_leaving_out_is_refolding(similarity: str, history: History) -> None:
    model = _fitted(similarity)
    parts = model.contributions(history, ITEMS)
    np.testing.assert_allclose(parts.sum(1), score(model, history), rtol=1e-12, atol=1e-14)
    without = model.leave_one_out(history, ITEMS)
    for j, item in enumerate(history.items):
        rest = history.without(np.array([item]))
        np.testing.assert_allclose(without[:, j], score(model, rest), rtol=1e-9, atol=1e-12)


@given(history=histories(min_size=2), data=st.data())
def test_removing_any_set_is_refolding(history: History, data: st.DataObject) -> None:
    model = _fitted("tfidf")
    which = data.draw(st.sets(st.integers(0, len(history) - 1), min_size=1))
    removed = np.array(sorted(which))
    found = model.removal(history).scores(score(model, history), removed)
    expected = score(model, history.without(history.items[removed]))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


_MODELS: dict[str, ItemKNN] = {}


def _fitted(similarity: str) -> ItemKNN:
    if similarity not in _MODELS:
        _MODELS[similarity] = ItemKNN(similarity=similarity, k=6).fit(interactions(0))
    return _MODELS[similarity]


def test_many_explained_at_once_are_each_explained_alone() -> None:
    X = interactions(1, 12)
    model = _fitted("cosine")
    lists = np.array([[0, 5, -1]] * 12)
    parts, lost = model.explain_many(X, lists)
    for u in range(12):
        a, b = X.indptr[u], X.indptr[u + 1]
        one = model.contributions(History(X.indices[a:b], X.data[a:b]), np.array([0, 5]))
        assert (parts[u][:2] == one).all()
        assert (lost[u] == parts[u]).all()


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_the_number_of_threads_changes_nothing(similarity: str) -> None:
    X = interactions(4, 200, 60)
    found = []
    try:
        for n in (1, 2, 3):
            threads.set_threads(n)
            found.append(ItemKNN(similarity=similarity, k=9).fit(X).links_)
    finally:
        threads.set_threads(None)
    for other in found[1:]:
        assert (found[0].indices == other.indices).all()
        assert (found[0].data == other.data).all()


def test_it_comes_back_from_its_arrays() -> None:
    one = _fitted("jaccard")
    two = ItemKNN.from_arrays(one.params, one.arrays())
    assert two.params == one.params
    assert (one.scores(interactions(2)) == two.scores(interactions(2))).all()
    broken = {**one.arrays(), "sources": one.arrays()["sources"] + 10}
    with pytest.raises(ModelError, match="do not fit together"):
        ItemKNN.from_arrays(one.params, broken)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"similarity": "euclid"}, "no such similarity: euclid; use cosine"),
        ({"k": 0}, "itemknn, k"),
        ({"k": 1.5}, "itemknn, k"),
        ({"shrinkage": -1}, "shrinkage"),
        ({"shrinkage": float("nan")}, "shrinkage"),
        ({"asymmetry": 1.1}, "asymmetry"),
        ({"activity": -0.1}, "activity"),
    ],
)
def test_wrong_parameters(params: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ItemKNN(**params)  # type: ignore[arg-type]
