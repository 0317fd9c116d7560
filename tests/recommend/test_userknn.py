"""UserKNN: the votes of the nearest people, by person and by event, and nobody's history saved."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from scipy import sparse
from tests.recommend.model_cases import histories, interactions, score

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import threads
from whyrec.recommend.base import History
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.userknn import KINDS, UserKNN

ITEMS = np.arange(20)
PLAIN = {"similarity": "cosine", "shrinkage": 0.0, "asymmetry": 0.5, "popularity": 0.0}


def by_hand() -> sparse.csr_matrix:
    """The first person and the third have nothing in common, the others do."""
    return sparse.csr_matrix(
        np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1]], np.float32)
    )


def test_a_score_worked_by_hand() -> None:
    X = by_hand()
    model = UserKNN(**PLAIN).fit(X)
    # s(0, 1) = 2/√6, s(0, 3) = 1/2; person 0 is nobody's neighbour to themself.
    first, third = 2 / 6**0.5, 0.5
    expected = [first, first + third, first, third]
    np.testing.assert_allclose(model.scores(X[:1])[0], expected, rtol=1e-12)
    history = History(np.array([0, 1], np.int32), np.ones(2, np.float32))
    parts = model.contributions(history, np.array([2, 3]))
    # Item 2 comes from person 1, who has both; item 3 from person 3, who has item 1 only.
    np.testing.assert_allclose(parts, [[1 / 6**0.5, 1 / 6**0.5], [0, 0.5]], rtol=1e-12)
    (by_person,) = model.breakdowns(history, np.array([2, 3]))
    assert (by_person.kind, by_person.names) == ("neighbour", ("1", "3"))
    np.testing.assert_allclose(by_person.parts, [[first, 0], [0, third]], rtol=1e-12)


def test_only_the_nearest_vote() -> None:
    model = UserKNN(**PLAIN, k=1).fit(by_hand())
    assert model.scores(by_hand()[:1])[0, 3] == 0


@pytest.mark.parametrize("similarity", KINDS)
def test_scores_are_the_plain_formula(similarity: str) -> None:
    X = interactions(7, 25)
    model = UserKNN(similarity=similarity, shrinkage=0.7, asymmetry=0.4, k=5).fit(X)
    W = X.toarray().astype(np.float64)
    V = W.copy()
    if similarity == "tfidf":
        W *= np.log((1 + 25) / (1 + (V > 0).sum(0))) + 1e-3
    dot, square = W @ W.T, (W * W).sum(1)
    if similarity == "jaccard":
        S = dot / (square[:, None] + square - dot + 0.7)
    elif similarity == "pearson":
        centred = W - W.mean(1, keepdims=True)
        length = np.sqrt((centred**2).sum(1))
        S = centred @ centred.T / (np.outer(length, length) + 0.7)
    else:
        S = dot / (np.outer(square**0.4, square**0.6) + 0.7)
    S[dot == 0] = 0
    np.fill_diagonal(S, 0)
    S = np.maximum(S, 0)
    for u in range(25):
        near = np.argsort(-S[u], kind="stable")[:5]
        np.testing.assert_allclose(
            model.scores(X[u])[0], S[u, near] @ V[near], rtol=1e-9, atol=1e-12
        )


_MODELS = {s: UserKNN(similarity=s, k=7).fit(interactions(0)) for s in KINDS}


@pytest.mark.parametrize("similarity", KINDS)
@given(history=histories())
def test_parts_sum_to_the_score_and_leaving_out_is_refolding(
    similarity: str, history: History
) -> None:
    model = _MODELS[similarity]
    scores = score(model, history)
    parts = model.contributions(history, ITEMS)
    np.testing.assert_allclose(parts.sum(1), scores, rtol=1e-9, atol=1e-12)
    (by_person,) = model.breakdowns(history, ITEMS)
    np.testing.assert_allclose(by_person.parts.sum(1), scores, rtol=1e-12, atol=1e-14)
    without = model.leave_one_out(history, ITEMS)
    for j, item in enumerate(history.items):
        assert (without[:, j] == score(model, history.without(np.array([item])))).all()


def test_an_item_asked_for_twice_is_answered_twice() -> None:
    history = History(np.array([1, 4], np.int32), np.ones(2, np.float32))
    parts = _MODELS["cosine"].contributions(history, np.array([3, 0, 3]))
    assert (parts[0] == parts[2]).all()


def test_people_with_the_very_same_history_do_not_count() -> None:
    rows = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]], np.float32)
    X = sparse.csr_matrix(rows)
    model = UserKNN(**PLAIN).fit(X)
    history = History(np.array([0, 1], np.int32), np.ones(2, np.float32))
    (by_person,) = model.breakdowns(history, np.array([2]))
    assert by_person.names == ("2",)
    # Other weights are another history.
    (by_person,) = model.breakdowns(
        History(history.items, np.array([1, 0.5], np.float32)), np.array([2])
    )
    assert by_person.names == ("0", "1", "2")


def small_dataset() -> Dataset:
    users = ["a", "a", "b", "b", "b", "c", "c", "d", "d"]
    items = ["x", "y", "x", "y", "z", "z", "w", "y", "w"]
    frame = pl.DataFrame({"user": users, "item": items})
    return Dataset.from_frames(frame)


def test_nobodys_history_is_saved_and_an_erasure_reaches_it(tmp_path) -> None:
    data = small_dataset()
    bundle = Bundle.fit(data, "userknn", **PLAIN)
    assert set(bundle.recommender.arrays()) == {"item_weights"}
    bundle.save(tmp_path / "model")
    back = Bundle.load(tmp_path / "model")
    one, two = bundle.recommend(["a"], 2), back.recommend(["a"], 2)
    assert (one.items == two.items).all()
    assert (one.scores == two.scores).all()
    model = UserKNN.from_arrays(bundle.recommender.params, bundle.recommender.arrays())
    X = data.histories("liked")
    with pytest.raises(ModelError, match=r"nobody to compare with.*attach"):
        model.scores(X[:1])
    b = data.user_index["b"]
    keep = data.events.filter(pl.col("user") != b)
    model.attach(Dataset(keep, data.catalogue, data.users))
    z = data.catalogue.index["z"]
    assert bundle.recommender.scores(X[data.user_index["a"]])[0, z] > 0
    assert model.scores(X[data.user_index["a"]])[0, z] == 0


def test_another_catalogue_is_refused() -> None:
    model = UserKNN().fit(interactions(0))
    with pytest.raises(ModelError, match="4 items where the model knows 20"):
        model.attach(small_dataset())


def test_the_number_of_threads_changes_nothing() -> None:
    X = interactions(4, 200, 60)
    model = UserKNN(k=9).fit(X)
    try:
        threads.set_threads(1)
        one = model.scores(X)
        threads.set_threads(3)
        assert (model.scores(X) == one).all()
    finally:
        threads.set_threads(None)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"similarity": "bm25"}, "not compared by bm25; use cosine"),
        ({"similarity": "x"}, "no such similarity"),
        ({"k": 0}, "userknn, k"),
        ({"popularity": 3}, "popularity"),
    ],
)
def test_wrong_parameters(params: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        UserKNN(**params)  # type: ignore[arg-type]
