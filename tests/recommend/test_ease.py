"""EASE is the closed form of the paper, and its contributions are its scores taken apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from tests.recommend.model_cases import interactions

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.ease import EASE


def plain_ease(X: np.ndarray, reg: float) -> np.ndarray:
    P = np.linalg.inv(X.T @ X + reg * np.eye(X.shape[1]))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    return B


@pytest.mark.parametrize(("users", "items"), [(30, 20), (5, 70), (200, 131), (3, 1), (1, 3)])
def test_weights_are_the_closed_form(users: int, items: int) -> None:
    X = interactions(1, users, items)
    model = EASE(regularization=3.0).fit(X)
    expected = plain_ease(X.toarray().astype(np.float64), 3.0)
    np.testing.assert_allclose(model.weights_, expected, rtol=1e-4, atol=1e-7)
    assert (np.diag(model.weights_) == 0).all()


def test_scores_are_history_times_weights() -> None:
    X = interactions(2)
    model = EASE(regularization=3.0).fit(X)
    np.testing.assert_allclose(
        model.scores(X), X.toarray() @ model.weights_, rtol=1e-12, atol=1e-15
    )


def test_an_item_that_nobody_has_scores_zero() -> None:
    X = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 0]], np.float32))
    assert (EASE(regularization=1.0).fit(X).scores(X)[:, 2] == 0).all()


def test_a_singular_gram_matrix_is_refused_with_the_remedy() -> None:
    X = sparse.csr_matrix(np.array([[1, 1], [1, 1], [1, 1]], np.float32))
    with pytest.raises(ModelError, match=r"singular; set regularization above 0"):
        EASE(regularization=0).fit(X)
    # Rounding leaves a pivot of 1e-7 here where the truth is 0.
    third = interactions(3, 40, 12).toarray()
    third[:, 11] = third[:, 3] * 0.6 + third[:, 5]
    with pytest.raises(ModelError, match="singular"):
        EASE(regularization=0).fit(sparse.csr_matrix(third))


def test_without_regularisation_a_regular_gram_matrix_is_no_problem() -> None:
    X = sparse.csr_matrix(np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], np.float32))
    model = EASE(regularization=0).fit(X)
    np.testing.assert_allclose(model.weights_, plain_ease(X.toarray(), 0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "8", None, True])
def test_regularisation_must_be_a_number_from_zero(value: object) -> None:
    with pytest.raises(ConfigError, match="regularization"):
        EASE(regularization=value)  # type: ignore[arg-type]


def test_more_items_than_memory_are_refused_before_anything_is_allocated() -> None:
    X = sparse.csr_matrix((np.ones(1, np.float32), ([0], [0])), shape=(1, 10_000_000))
    with pytest.raises(ModelError, match=r"10000000 items need .* GiB"):
        EASE().fit(X)


def test_powers_weigh_items_and_people_as_told() -> None:
    X = interactions(5, 40, 12)
    dense = X.toarray().astype(np.float64)
    sizes, people = (dense > 0).sum(1), (dense > 0).sum(0) + 1.0
    rows = np.maximum(sizes, 1) / sizes[sizes > 0].mean()
    weighed = dense * rows[:, None] ** -0.2
    P = np.linalg.inv(weighed.T @ weighed + np.diag(3.0 * (people / people.mean()) ** 0.5))
    expected = -P / np.diag(P)
    np.fill_diagonal(expected, 0)
    model = EASE(regularization=3.0, item_power=0.5, user_power=0.4).fit(X)
    np.testing.assert_allclose(model.weights_, expected, rtol=1e-4, atol=1e-6)
    again = EASE.from_arrays(model.params, model.arrays())
    assert (
        again.params
        == model.params
        == {
            "regularization": 3.0,
            "item_power": 0.5,
            "user_power": 0.4,
        }
    )
    assert EASE().params == {"regularization": 250.0}
