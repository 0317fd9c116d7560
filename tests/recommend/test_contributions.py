"""For both models: parts add up to the score, leaving out is scoring without, for any set."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.recommend.model_cases import fitted, histories, score

from whyrec.recommend.base import History, Recommender

MODELS = ("ease", "ials")
ITEMS = np.arange(20)
model = cache(fitted)


def relative(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> float:
    return float((np.abs(a - b) / np.maximum(scale, 1e-9)).max())


@pytest.mark.parametrize("name", MODELS)
@given(history=histories())
def test_contributions_sum_to_the_score(name: str, history: History) -> None:
    parts = model(name).contributions(history, ITEMS)
    assert parts.shape == (20, len(history))
    scores = score(model(name), history)
    assert relative(parts.sum(1), scores, np.abs(parts).max(1)) < 1e-9


@pytest.mark.parametrize("name", MODELS)
@given(history=histories())
def test_leaving_one_out_is_scoring_without_it(name: str, history: History) -> None:
    found = model(name).leave_one_out(history, ITEMS)
    for j, item in enumerate(history.items):
        expected = score(model(name), history.without(np.array([item])))
        np.testing.assert_allclose(found[:, j], expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
@given(history=histories(min_size=2), data=st.data())
def test_removing_any_set_is_scoring_without_it(
    name: str, history: History, data: st.DataObject
) -> None:
    which = data.draw(st.sets(st.integers(0, len(history) - 1), min_size=1))
    removed = np.array(sorted(which))
    found = model(name).removal(history).scores(score(model(name), history), removed)
    expected = score(model(name), history.without(history.items[removed]))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@given(history=histories())
def test_effects_are_what_leaving_out_costs(name: str, history: History) -> None:
    parts, effects = model(name).explain(history, ITEMS)
    assert (parts == model(name).contributions(history, ITEMS)).all()
    expected = parts.sum(1, keepdims=True) - model(name).leave_one_out(history, ITEMS)
    np.testing.assert_allclose(effects, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_scores_do_not_depend_on_what_else_is_in_the_batch(name: str) -> None:
    from tests.recommend.model_cases import interactions

    X = interactions(12, 100)
    together = model(name).scores(X)
    alone = np.vstack([model(name).scores(X[u]) for u in range(X.shape[0])])
    assert (together == alone).all()


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_from_its_arrays(name: str) -> None:
    one: Recommender = model(name)
    two = type(one).from_arrays(one.params, one.arrays())
    history = History(np.array([1, 4], np.int32), np.ones(2, np.float32))
    assert (score(one, history) == score(two, history)).all()
    assert two.params == one.params
