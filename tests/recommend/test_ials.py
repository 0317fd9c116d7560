"""iALS solves the normal equations of the paper, in training and in fold-in."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from tests.recommend.model_cases import interactions, score, small_ials

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import threads
from whyrec.recommend.base import History
from whyrec.recommend.ials import IALS


def normal_equations(Y: np.ndarray, row: np.ndarray, alpha: float, reg: float) -> np.ndarray:
    """x of one row, with a dense confidence for every item."""
    c = 1 + alpha * row
    A = Y.T @ (Y * c[:, None]) + reg * np.eye(Y.shape[1])
    return np.linalg.solve(A, Y.T @ (c * (row > 0)))


def objective(X: np.ndarray, P: np.ndarray, Q: np.ndarray, alpha: float, reg: float) -> float:
    error = (1 + alpha * X) * ((X > 0) - P @ Q.T) ** 2
    return float(error.sum() + reg * ((P**2).sum() + (Q**2).sum()))


@pytest.mark.parametrize("factors", [1, 2, 7, 8, 16, 33, 64])
def test_fold_in_solves_the_normal_equations(factors: int) -> None:
    X = interactions(4)
    model = small_ials(factors=factors).fit(X)
    Y = model.item_factors_.astype(np.float64)
    expected = [normal_equations(Y, row, 4.0, 0.5) for row in X.toarray().astype(np.float64)]
    np.testing.assert_allclose(model.user_factors(X), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.scores(X), np.array(expected) @ Y.T, rtol=1e-9, atol=1e-12)


def test_cholesky_training_is_plain_alternating_least_squares() -> None:
    X = interactions(5)
    model = small_ials(solver="cholesky", iterations=3, seed=9).fit(X)
    rng = np.random.default_rng(9)
    rng.random((X.shape[0], 7), np.float32)
    Q = rng.random((X.shape[1], 7), np.float32).astype(np.float64) * 0.01
    dense = X.toarray().astype(np.float64)
    for _ in range(3):
        P = np.array([normal_equations(Q, row, 4.0, 0.5) for row in dense])
        Q = np.array([normal_equations(P, row, 4.0, 0.5) for row in dense.T])
    np.testing.assert_allclose(model.item_factors_, Q, rtol=2e-3, atol=2e-5)


def test_conjugate_gradients_reach_the_objective_of_the_exact_solver() -> None:
    X = interactions(6, 60, 40)
    found = {}
    for solver in ("cg", "cholesky"):
        model = small_ials(solver=solver, iterations=40).fit(X)
        P, Q = model.user_factors(X), model.item_factors_.astype(np.float64)
        found[solver] = objective(X.toarray(), P, Q, 4.0, 0.5)
    assert found["cg"] <= found["cholesky"] * 1.02


def test_the_same_seed_gives_the_same_model_on_any_number_of_threads() -> None:
    X = interactions(7, 300, 50)
    try:
        found = []
        for n in (1, 2, 3):
            threads.set_threads(n)
            found.append(small_ials().fit(X).item_factors_)
    finally:
        threads.set_threads(None)
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()
    assert (small_ials(seed=1).fit(X).item_factors_ != found[0]).any()


def test_first_factors_are_random_for_from_zero_nothing_is_learnt() -> None:
    assert np.abs(small_ials().fit(interactions(8)).item_factors_).max() > 0.01


def test_an_item_that_nobody_has_scores_zero() -> None:
    X = interactions(9).tolil()
    X[:, 3] = 0
    model = small_ials().fit(X.tocsr())
    assert (model.scores(X.tocsr())[:, 3] == 0).all()


def test_an_empty_history_scores_zero_everywhere() -> None:
    model = small_ials().fit(interactions(10))
    empty = History(np.empty(0, np.int32), np.empty(0, np.float32))
    assert (score(model, empty) == 0).all()


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"factors": 0}, "factors"),
        ({"factors": 2.5}, "factors"),
        ({"regularization": -1}, "regularization"),
        ({"alpha": 0}, "alpha"),
        ({"alpha": float("nan")}, "alpha"),
        ({"iterations": 0}, "iterations"),
        ({"solver": "magic"}, "magic; use cg or cholesky"),
        ({"cg_steps": 0}, "cg_steps"),
        ({"seed": -1}, "seed"),
    ],
)
def test_parameters_out_of_range_are_named(params: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        IALS(**params)  # type: ignore[arg-type]


def test_factors_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(ModelError, match="not finite"):
        small_ials(regularization=0, factors=64, alpha=1e30, iterations=5).fit(interactions(11))


@pytest.mark.parametrize("solver", ["cg", "cholesky"])
def test_equal_weights_are_kept_once_and_change_nothing(solver: str) -> None:
    rng = np.random.default_rng(3)
    dense = (rng.random((40, 30)) < 0.2) * np.float32(0.5)
    X = sparse.csr_matrix(dense.astype(np.float32))
    alike = IALS(factors=8, iterations=4, solver=solver).fit(X)
    # One weight that differs by a hair takes the way of different weights.
    X.data[0] = np.nextafter(np.float32(0.5), np.float32(1))
    other = IALS(factors=8, iterations=4, solver=solver).fit(X)
    np.testing.assert_allclose(alike.item_factors_, other.item_factors_, rtol=2e-3, atol=1e-5)
