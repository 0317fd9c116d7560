"""Stacking learns from held-out pairs how much each model counts, and stays a sum."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from tests.recommend.model_cases import histories, score

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.base import History
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.stacking import Stacking, _held_out, _ridge, climb

ITEMS = np.arange(20)


def tastes(seed: int = 0, people: int = 120, items: int = 20) -> sparse.csr_matrix:
    """People of two tastes: popularity says nothing of what they like next, items of theirs do."""
    rng = np.random.default_rng(seed)
    X = np.zeros((people, items), np.float32)
    for u in range(people):
        own = np.arange(items // 2) + (u % 2) * (items // 2)
        X[u, rng.choice(own, 6, replace=False)] = 1
    return sparse.csr_matrix(X)


@cache
def stack() -> Stacking:
    return Stacking(parts="ease(regularization=5),popularity").fit(tastes())


def test_the_model_that_knows_gets_the_weight() -> None:
    model = Stacking(parts="popularity:0.9,ease(regularization=5):0.1").fit(tastes())
    assert model.weights_[1] > 0.8
    np.testing.assert_allclose(model.weights_.sum(), 1)


@given(history=histories())
def test_it_stays_a_sum(history: History) -> None:
    model = stack()
    parts = model.contributions(history, ITEMS)
    whole = parts.sum(1) + model.baseline(ITEMS)
    np.testing.assert_allclose(whole, score(model, history), atol=1e-9)


def test_ridge_finds_weights_and_intercept_of_exact_predictions() -> None:
    rng = np.random.default_rng(1)
    S = rng.normal(size=(400, 3))
    y = 2 + S @ np.array([0.5, 0, 1.5])
    w, b = _ridge(S, y, 0)
    np.testing.assert_allclose(w, [0.5, 0, 1.5], atol=1e-9)
    assert abs(b - 2) < 1e-9


def test_ridge_gives_no_weight_below_zero_and_shares_between_copies() -> None:
    rng = np.random.default_rng(1)
    one = rng.normal(size=500)
    w, _ = _ridge(np.column_stack([one, one]), one, 1e-3)
    np.testing.assert_allclose(w, [0.5, 0.5], atol=1e-6)
    w, _ = _ridge(np.column_stack([one, -one]), one, 1e-3)
    assert 0 <= w[1] < 1e-3


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_the_search_stays_among_shares_and_never_gets_worse(target: list[float]) -> None:
    goal = np.array(target) + 1e-3
    goal /= goal.sum()
    start = np.full(len(goal), 1 / len(goal))

    def value(w: np.ndarray) -> float:
        assert (w >= 0).all()
        np.testing.assert_allclose(w.sum(), 1)
        return -float(((w - goal) ** 2).sum())

    found = climb(value, start)
    assert value(found) >= value(start)
    assert np.abs(found - goal).max() < 0.15


@pytest.mark.parametrize("newest", [False, True])
def test_a_fifth_of_each_history_is_held_out(newest: bool) -> None:
    sizes = [0, 2, 3, 5, 10, 50]
    indices = np.concatenate([np.arange(n)[::-1] for n in sizes]).astype(np.int32)
    indptr = np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
    X = sparse.csr_matrix((np.ones(len(indices), np.float32), indices, indptr), shape=(6, 50))
    held = _held_out(X, 0, newest=newest)
    counts = [int(held[a:b].sum()) for a, b in pairwise(indptr)]
    assert counts == [0, 0, 1, 1, 2, 10]
    if newest:
        assert held[indptr[4] : indptr[5]].tolist() == [False] * 8 + [True] * 2


def rated() -> Dataset:
    """Ratings that an item's own level explains."""
    rng = np.random.default_rng(3)
    pairs = [(u, i) for u in range(50) for i in rng.choice(20, 9, replace=False)]
    return Dataset.from_frames(
        pl.DataFrame(
            {
                "user_id": [f"u{u:02}" for u, _ in pairs],
                "item_id": [f"i{i:02}" for _, i in pairs],
                "event": ["rating"] * len(pairs),
                "value": [float(np.clip(1 + i % 5 + rng.normal(0, 0.3), 1, 5)) for _, i in pairs],
            }
        )
    )


def test_a_stack_comes_back_from_disk(tmp_path: Path) -> None:
    bundle = Bundle.fit(rated(), "stacking", parts="ease(regularization=5),popularity")
    bundle.save(tmp_path / "model")
    again = Bundle.load(tmp_path / "model")
    assert (again.scores(again.histories) == bundle.scores(bundle.histories)).all()
    assert again.recommender.params == bundle.recommender.params


def test_the_same_seed_learns_the_same() -> None:
    assert (stack().weights_ == Stacking(**stack().params).fit(tastes()).weights_).all()


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"parts": "ease"}, "1 part given; name at least 2"),
        ({"folds": 1}, "stacking, folds: 1 is not allowed; use a whole number from 2"),
        ({"people": 0}, "stacking, people"),
        ({"regularization": -1}, "stacking, regularization"),
    ],
)
def test_bad_parameters_are_refused(params: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Stacking(**params)  # type: ignore[arg-type]
    assert says in str(caught.value)


def test_too_little_to_hold_out_is_said() -> None:
    X = sparse.csr_matrix(np.eye(4, dtype=np.float32))
    with pytest.raises(ModelError, match="too little to hold anything out; use hybrid"):
        Stacking(parts="ease,popularity").fit(X)
