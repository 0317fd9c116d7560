"""BPR and WARP: a person is the sum of their events, so that a score comes apart exactly."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from scipy import sparse
from tests.recommend.model_cases import histories, interactions, score

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import threads
from whyrec.recommend.base import History
from whyrec.recommend.bpr import BPR, LOSSES

ITEMS = np.arange(20)


def test_a_score_worked_by_hand() -> None:
    arrays = {
        "event_factors": np.array([[1, 0], [0, 2], [0, 0]], np.float32),
        "item_factors": np.array([[0, 0], [1, 1], [3, 4]], np.float32),
        "bias": np.array([0, 0.5, -1], np.float32),
    }
    model = BPR.from_arrays({"factors": 2, "power": 0.5}, arrays)
    history = History(np.array([0, 1], np.int32), np.array([1, 3], np.float32))
    # x = (1·(1, 0) + 3·(0, 2)) / √4 = (0.5, 3)
    np.testing.assert_allclose(score(model, history), [0, 0.5 + 3.5, -1 + 13.5])
    parts = model.contributions(history, np.array([1, 2]))
    np.testing.assert_allclose(parts, [[0.5, 3], [1.5, 12]])
    # Without the second event x = (1, 0); without the first 3·(0, 2) / √3.
    left = model.leave_one_out(history, np.array([1]))
    np.testing.assert_allclose(left, [[0.5 + 6 / 3**0.5, 0.5 + 1]])


@cache
def fitted(loss: str) -> BPR:
    return BPR(loss=loss, factors=7, iterations=3, power=0.6).fit(interactions(0))


@pytest.mark.parametrize("loss", LOSSES)
@given(history=histories())
def test_parts_sum_to_the_score_and_leaving_out_is_refolding(loss: str, history: History) -> None:
    model = fitted(loss)
    parts = model.contributions(history, ITEMS)
    scores = score(model, history)
    np.testing.assert_allclose(parts.sum(1) + model.baseline(ITEMS), scores, rtol=1e-6, atol=1e-9)
    without = model.leave_one_out(history, ITEMS)
    for j, item in enumerate(history.items):
        rest = score(model, history.without(np.array([item])))
        np.testing.assert_allclose(without[:, j], rest, rtol=1e-6, atol=1e-8)


def test_many_explained_at_once_are_each_explained_alone() -> None:
    X = interactions(1, 9)
    model = fitted("warp")
    lists = np.tile(np.arange(7), (9, 1))  # seven items: not a multiple of the unrolled loop
    parts, lost = model.explain_many(X, lists)
    for u in range(9):
        a, b = X.indptr[u], X.indptr[u + 1]
        history = History(X.indices[a:b], X.data[a:b])
        one, loss = model.explain(history, lists[u])
        np.testing.assert_allclose(parts[u], one, rtol=1e-12)
        np.testing.assert_allclose(lost[u], loss, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_it_learns_who_goes_with_whom(loss: str) -> None:
    # Two tastes that share nothing: what a person lacks of their own taste must come first.
    rng = np.random.default_rng(0)
    dense = np.zeros((200, 40), np.float32)
    for u in range(200):
        dense[u, rng.choice(20, 8, replace=False) + 20 * (u % 2)] = 1
    X = sparse.csr_matrix(dense)
    model = BPR(loss=loss, factors=8).fit(X)
    lists = model.recommend(X, 10, exclude=X).items
    own = (lists >= 20) == (np.arange(200) % 2 == 1)[:, None]
    assert own.mean() > 0.95
    assert model.losses_[-1] < model.losses_[0]


def test_the_seed_decides_and_the_number_of_threads_does_not() -> None:
    X = interactions(4, 100, 30)
    found = []
    try:
        for n, seed in ((1, 0), (3, 0), (1, 1)):
            threads.set_threads(n)
            found.append(BPR(factors=5, iterations=2, seed=seed).fit(X).item_factors_)
    finally:
        threads.set_threads(None)
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()


def test_people_with_one_event_teach_nothing_but_break_nothing() -> None:
    X = sparse.csr_matrix(np.eye(4, dtype=np.float32))
    model = BPR(factors=3, iterations=2).fit(X)
    assert np.isfinite(model.scores(X)).all()


def test_somebody_without_a_past_gets_the_biases() -> None:
    model = fitted("bpr")
    empty = sparse.csr_matrix((2, 20), dtype=np.float32)
    np.testing.assert_array_equal(model.scores(empty)[1], model.bias_.astype(np.float64))
    assert (model.recommend(empty, 5).items == np.argsort(-model.bias_, kind="stable")[:5]).all()


def test_factors_that_explode_are_reported() -> None:
    X = interactions(0)
    X.data[:] = np.float32(3e38)
    with pytest.raises(ModelError, match="not finite numbers; set learning_rate lower"):
        BPR(factors=3, iterations=2).fit(X)


def test_it_comes_back_from_its_arrays() -> None:
    one = fitted("warp")
    two = BPR.from_arrays(one.params, one.arrays())
    assert two.params == one.params
    assert (one.scores(interactions(2)) == two.scores(interactions(2))).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loss": "hinge"}, "no such loss: hinge; use bpr or warp"),
        ({"factors": 0}, "bpr, factors"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"power": 1.5}, "power"),
        ({"iterations": 0}, "iterations"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_parameters(params: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BPR(**params)  # type: ignore[arg-type]
