"""Item neighbours for ratings: similarities and a prediction by hand, and reasons that add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from scipy import sparse
from tests.recommend.rating_cases import N_ITEMS, rated_histories, ratings

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.base import History
from whyrec.recommend.ratingknn import RatingKNN

ALL = np.arange(N_ITEMS, dtype=np.int32)
MODELS = {
    k: RatingKNN(k=k, shrinkage=2.0, damping=0.5, stored=8).fit(ratings()) for k in (1, 2, 40)
}


def by_hand() -> RatingKNN:
    # Item 2 is like item 0 (s = 0.8), item 1 (0.5) and item 3 (0.25); c = 3 everywhere.
    near = np.array([[2, -1, -1], [2, -1, -1], [0, 1, 3], [2, -1, -1]])
    similar = np.array([[0.8, 0, 0], [0.5, 0, 0], [0.8, 0.5, 0.25], [0.25, 0, 0]])
    model = RatingKNN(k=2, damping=0.2, bias_regularization=1.0)
    return model._take(np.full(4, 3.0), near, similar)


def test_a_prediction_by_hand():
    # e = (2, -1, 1) on items 0, 1, 3; b_u = 2 / (1 + 3) = 1/2. The two nearest are 0 and 1:
    # 3 + 1/2 + (0.8 (2 - 1/2) + 0.5 (-1 - 1/2)) / (0.2 + 1.3) = 3.8.
    model = by_hand()
    history = History(np.array([0, 1, 3], np.int32), np.array([5, 2, 4], np.float32))
    assert model.scores(history.matrix(4))[0, 2] == pytest.approx(3.8)
    # (1 - Σg) = 0.2 / 1.5; each e counts that / 4 through b_u, and g e as a neighbour.
    bias = 0.2 / 1.5 / 4
    expected = [1.6 / 1.5 + 2 * bias, -0.5 / 1.5 - bias, bias]
    assert model.contributions(history, np.array([2]))[0] == pytest.approx(expected)
    # Without item 0 item 3 steps in: b_u = 0, (0.5 · -1 + 0.25 · 1) / 0.95.
    assert model.leave_one_out(history, np.array([2]))[0, 0] == pytest.approx(3 - 0.25 / 0.95)


def test_similarity_is_the_shrunken_correlation_of_residuals():
    R = ratings()
    model = RatingKNN(shrinkage=3.0, stored=N_ITEMS).fit(R)
    mean = R.data.mean(dtype=float)
    people = np.repeat(np.arange(R.shape[0]), np.diff(R.indptr))
    E, there = np.zeros(R.shape), np.zeros(R.shape, bool)
    there[people, R.indices] = True
    b_i = model.item_bias_ - mean
    # The people's biases that belong to the items': one more half-step, which has settled.
    left = R.data - mean - b_i[R.indices]
    b_u = np.bincount(people, left) / (np.bincount(people) + 4)
    E[people, R.indices] = left - b_u[people]
    i = 2
    for j, s in zip(model.neighbours_[i], model.similarities_[i], strict=True):
        if j < 0:
            break
        both = there[:, i] & there[:, j]
        a, b = E[both, i], E[both, j]
        correlation = a @ b / np.sqrt((a @ a) * (b @ b))
        assert s == pytest.approx(correlation * both.sum() / (both.sum() + 3), abs=0.02)


@pytest.mark.parametrize("k", list(MODELS))
@given(history=rated_histories())
def test_contributions_and_baseline_sum_to_the_score(k, history):
    model = MODELS[k]
    scores = model.scores(history.matrix(N_ITEMS))[0]
    sums = model.contributions(history, ALL).sum(1) + model.baseline(ALL)
    assert sums == pytest.approx(scores, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("k", list(MODELS))
@given(history=rated_histories())
def test_leaving_one_out_is_predicting_again(k, history):
    model = MODELS[k]
    found = model.leave_one_out(history, ALL)
    for place, item in enumerate(history.items.tolist()):
        rest = history.without(np.array([item]))
        again = model.scores(rest.matrix(N_ITEMS))[0]
        assert found[:, place] == pytest.approx(again, rel=1e-9, abs=1e-9)


def test_nobody_known_gets_the_items_own_rating():
    model = MODELS[2]
    nothing = sparse.csr_matrix((1, N_ITEMS), dtype=np.float32)
    assert model.scores(nothing)[0] == pytest.approx(model.item_bias_)


def test_back_from_arrays():
    model = MODELS[2]
    again = RatingKNN.from_arrays(model.params, model.arrays())
    assert np.array_equal(again.scores(ratings()), model.scores(ratings()))


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError):
        RatingKNN(damping=0.0)
    with pytest.raises(ModelError, match="no ratings"):
        RatingKNN().fit(sparse.csr_matrix((2, 2), dtype=np.float32))
