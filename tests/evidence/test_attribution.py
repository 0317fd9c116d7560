"""Attributions by model calls: exact where they can be, honest about their error where they cannot."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from whyrec.errors import ConfigError, ModelError
from whyrec.evidence.attribution import METHODS, kept, occlusion, shapley
from whyrec.recommend.base import History
from whyrec.recommend.ease import EASE
from whyrec.recommend.ials import IALS
from whyrec.recommend.scoring import RowModel


class Function(RowModel):
    """A model that is somebody's function of (items, weights) of one history."""

    name = "function"
    exact = False
    linear = False
    reads = "rated"
    parallel = False

    def __init__(self, score: Any, n_items: int) -> None:
        self.score, self.n_items, self.rows = score, n_items, 0

    def _score_rows(self, histories: Any, start: int, end: int, out: Any) -> None:
        for u in range(start, end):
            a, b = histories.indptr[u], histories.indptr[u + 1]
            out[u - start] = self.score(histories.indices[a:b].tolist(), histories.data[a:b])
        self.rows += end - start

    fit = contributions = leave_one_out = params = arrays = from_arrays = None  # type: ignore[assignment]


Function.__abstractmethods__ = frozenset()  # only `scores` is asked of it


def history(items: list[int], weights: list[float] | None = None) -> History:
    values = weights if weights is not None else [1.0] * len(items)
    return History(np.array(items, np.int32), np.array(values, np.float32))


def by_definition(score: Any, events: History) -> np.ndarray[Any, Any]:
    """Shapley values as the mean over all orders, one at a time."""
    h = len(events)
    total: Any = np.zeros((len(score([], np.empty(0))), h))
    orders = list(permutations(range(h)))
    for order in orders:
        before = score([], np.empty(0))
        for k in range(h):
            own = sorted(order[: k + 1])
            after = score(events.items[own].tolist(), events.weights[own])
            total[:, order[k]] += np.asarray(after) - before
            before = np.asarray(after)
    return np.asarray(total / len(orders))


def curved(items: list[int], weights: Any) -> list[float]:
    """Events that help each other, one that matters only first, and a rating that counts as such."""
    pair = 2.0 if {1, 3} <= set(items) else 0.0
    first = 1.5 if items and items[0] == 4 else 0.0
    return [pair + first, float(np.sum(weights)) ** 2, float(len(items) > 2)]


def test_small_histories_are_enumerated_and_equal_the_definition() -> None:
    model = Function(curved, 3)
    events = history([4, 1, 3, 2], [1.0, 0.0, 3.0, 5.0])
    model.n_items = 5
    model.score = lambda i, w: [*curved(i, w), 0.0, 0.0]
    parts, error, calls = shapley(model, events, np.array([0, 1, 2]))
    assert parts == pytest.approx(by_definition(curved, events), abs=1e-9)
    assert error is not None
    assert not error.any()
    assert calls == model.rows == 2**4


@given(seed=st.integers(0, 1000), budget=st.integers(2, 400))
def test_sampled_parts_add_up_to_the_score_whatever_the_budget(seed: int, budget: int) -> None:
    rng = np.random.default_rng(seed)
    X = sparse.random(60, 30, 0.3, format="csr", random_state=seed, dtype=np.float32)
    X.data[:] = 1
    model = IALS(factors=4, iterations=2, alpha=5.0).fit(X)
    u = int(rng.integers(60))
    row = X[u]
    if not row.nnz:
        return
    events, items = History(row.indices, row.data), np.arange(5, dtype=np.int32)
    parts, error, calls = shapley(model, events, items, budget=budget, seed=seed)
    both = model.scores(sparse.vstack([row, row * 0]).tocsr())[:, :5]
    assert parts.sum(1) == pytest.approx(both[0] - both[1], abs=1e-9)
    assert error is not None
    assert error.shape == parts.shape
    assert calls <= max(budget, 2 * row.nnz)


def test_of_a_linear_model_every_method_gives_the_contributions() -> None:
    X = sparse.random(80, 40, 0.4, format="csr", random_state=1, dtype=np.float32)
    model = EASE(regularization=5.0).fit(X)
    events, items = History(X[3].indices, X[3].data), np.arange(7, dtype=np.int32)
    for method in METHODS.values():
        parts, error, _ = method(model, events, items, budget=200, seed=3)
        assert parts == pytest.approx(model.contributions(events, items), abs=1e-9)
        assert error is None or error.max() < 1e-7


def test_the_stated_error_covers_the_distance_to_the_truth() -> None:
    """95 % intervals from many pairs hold the enumerated value about that often."""
    rng = np.random.default_rng(5)
    links = rng.normal(size=(10, 10))

    def score(items: list[int], weights: Any) -> Any:
        x = np.zeros(10)
        x[items] = weights
        return np.tanh(links @ x)

    model = Function(score, 10)
    events = history(list(range(9)), [1.0, 2.0, 0.5, 1.0, 1.0, 3.0, 1.0, 0.2, 1.0])
    items = np.arange(10)
    truth = shapley(model, events, items, budget=2**9).parts
    inside = []
    for seed in range(40):
        parts, error, _ = shapley(model, events, items, budget=2**9 - 1, seed=seed)
        assert error is not None
        inside.append(np.abs(parts - truth) <= 2.04 * error + 1e-12)
    assert 0.90 <= np.mean(inside) <= 0.99


def test_more_calls_bring_it_nearer() -> None:
    X = sparse.random(200, 60, 0.3, format="csr", random_state=2, dtype=np.float32)
    X.data[:] = 1
    model = IALS(factors=8, iterations=3, alpha=10.0).fit(X)
    events, items = History(X[0].indices, X[0].data), np.arange(10, dtype=np.int32)
    few, many = (shapley(model, events, items, budget=b, seed=1) for b in (100, 6400))
    assert few.calls < many.calls <= 6400
    assert few.error is not None
    assert many.error is not None
    assert many.error.mean() < few.error.mean() / 3


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_same_seed_gives_the_same_numbers(method: str) -> None:
    X = sparse.random(50, 40, 0.5, format="csr", random_state=2, dtype=np.float32)
    model = IALS(factors=4, iterations=2).fit(X)
    events, items = History(X[0].indices, X[0].data), np.arange(4, dtype=np.int32)
    one, two = (METHODS[method](model, events, items, budget=120, seed=9) for _ in range(2))
    assert np.array_equal(one.parts, two.parts)
    assert one.calls == two.calls


def test_occlusion_is_what_the_score_loses() -> None:
    model = Function(lambda i, w: [*curved(i, w), 0.0, 0.0], 5)
    events = history([4, 1, 3], [1.0, 0.0, 2.0])
    parts, error, calls = occlusion(model, events, np.array([0, 1, 2]), budget=1, seed=0)
    assert error is None
    assert calls == model.rows == 4
    assert parts.tolist() == [[1.5, 2.0, 2.0], [5.0, 0.0, 8.0], [1.0, 1.0, 1.0]]


def test_one_event_and_none() -> None:
    model = Function(lambda i, w: [*curved(i, w), 0.0, 0.0], 5)
    one = shapley(model, history([4]), np.array([0]), budget=3)
    assert one.parts.tolist() == [[1.5]]
    none = shapley(model, history([]), np.array([0, 1]), budget=3)
    assert none.parts.shape == (2, 0)
    assert occlusion(model, history([]), np.array([0])).parts.shape == (1, 0)


def test_masks_keep_order_and_stored_zeros() -> None:
    rows = kept(history([3, 0, 2], [0.0, 4.0, 1.0]), np.array([[1, 0, 1], [0, 0, 0]], bool), 4)
    assert rows.indices.tolist() == [3, 2]
    assert rows.data.tolist() == [0.0, 1.0]
    assert rows.indptr.tolist() == [0, 2, 2]


def test_what_cannot_be_used_is_said() -> None:
    broken = Function(lambda i, w: [float("nan")], 1)
    with pytest.raises(ModelError, match="not a finite number"):
        occlusion(broken, history([0]), np.array([0]))
    with pytest.raises(ConfigError, match="budget"):
        shapley(broken, history([0]), np.array([0]), budget=1)
