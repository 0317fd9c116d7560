"""RMSE and MAE by hand; predictions are clipped for judging and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from whyrec.errors import ConfigError
from whyrec.evaluate.rating import RatingErrors, predict, rating_errors
from whyrec.recommend.mf import MF
from whyrec.recommend.ratingknn import RatingKNN

TEST = sparse.csr_matrix(np.array([[4.0, 2.0, 0], [0, 0, 0], [0, 5.0, 1.0]]))
TOLD = np.array([4.5, 0.0, 7.0, 2.0])


def test_errors_by_hand():
    # 0.5, -2, 2, 1: squares 0.25 + 4 + 4 + 1, absolutes 5.5.
    found = RatingErrors.of(TOLD, TEST)
    assert found.rmse == pytest.approx(np.sqrt(9.25 / 4))
    assert found.mae == pytest.approx(5.5 / 4)
    assert found.absolute.each[[0, 2]] == pytest.approx([1.25, 1.5])
    assert np.isnan(found.absolute.each[1])


def test_clipping_to_the_scale():
    # 0.5, 1 - 2, 5 - 5, 1.
    assert RatingErrors.of(TOLD, TEST, (1, 5)).mae == pytest.approx(2.5 / 4)


def test_folds_join_by_rating_not_by_fold():
    few = RatingErrors.of(np.array([3.0]), sparse.csr_matrix(np.array([[5.0], [0], [0]])))
    whole = RatingErrors.joined([RatingErrors.of(TOLD, TEST), few])
    assert whole.rmse == pytest.approx(np.sqrt((9.25 + 4) / 5))


def test_the_interval_holds_the_value_and_repeats():
    rng = np.random.default_rng(0)
    test = sparse.csr_matrix(rng.integers(1, 6, (200, 4)).astype(float))
    found = RatingErrors.of(test.data + rng.normal(0, 1, test.nnz), test)
    (low, high), (least, most) = found.intervals()
    assert low < found.rmse < high
    assert least < found.mae < most
    assert found.intervals() == ((low, high), (least, most))


@pytest.mark.parametrize(
    "model", [MF(factors=2, iterations=3), RatingKNN(shrinkage=1.0)], ids=lambda m: m.name
)
def test_predictions_are_the_scores_of_the_held_out_pairs(model):
    rng = np.random.default_rng(1)
    known = sparse.csr_matrix(rng.integers(0, 6, (20, 6)).astype(np.float32))
    test = sparse.csr_matrix(rng.integers(0, 6, (20, 6)).astype(float))
    model.fit(known)
    rows = np.repeat(np.arange(20), np.diff(test.indptr))
    scores = model.scores(known)[rows, test.indices]
    assert predict(model, known, test) == pytest.approx(scores)
    expected = np.sqrt(np.mean((np.clip(scores, 1, 5) - test.data) ** 2))
    assert rating_errors(model, known, test, scale=(1, 5)).rmse == pytest.approx(expected)


def test_nothing_held_out_is_told():
    with pytest.raises(ConfigError, match="0 held-out"):
        RatingErrors.of(np.empty(0), sparse.csr_matrix((2, 2)))
