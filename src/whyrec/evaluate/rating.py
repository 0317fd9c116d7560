"""Errors of predicted ratings on what was held out: RMSE and MAE, with intervals over people.

Predictions are clipped to the rating scale here and nowhere else: a model's own prediction may leave
the scale, because its reasons must add up to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from whyrec.errors import ConfigError
from whyrec.evaluate.intervals import LEVEL, PerPerson, bootstrap
from whyrec.recommend.base import Floats, Recommender
from whyrec.recommend.rating_factors import RatingFactors

BLOCK_BYTES = 64 << 20
"""Scores held at once where a model can only score whole rows."""


@dataclass(frozen=True, eq=False)
class RatingErrors:
    """Errors of each person's held-out ratings.

    Attributes
    ----------
    squared, absolute
        Summed over the ratings of each person; `squared.value` is the RMSE, `absolute.value` the
        MAE, both over all ratings alike.
    """

    squared: PerPerson
    absolute: PerPerson

    @classmethod
    def of(
        cls, predicted: Floats, test: sparse.csr_matrix, scale: tuple[float, float] | None = None
    ) -> RatingErrors:
        """The errors of predictions in the order of `test.data`, clipped to `scale`.

        Raises
        ------
        ConfigError
            If nothing is held out, or there is not one prediction for each held-out rating.

        Examples
        --------
        >>> test = sparse.csr_matrix(np.array([[0, 4.0, 2.0], [5.0, 0, 0]]))
        >>> found = RatingErrors.of(np.array([4.0, 4.0, 6.0]), test, (1, 5))
        >>> round(found.rmse, 3), round(found.mae, 3)
        (1.155, 0.667)
        """
        if not test.nnz or len(predicted) != test.nnz:
            raise ConfigError(
                f"{len(predicted)} predictions for {test.nnz} held-out ratings",
                where="rating measures",
                remedy="hold ratings out, and predict each of them",
            )
        told = predicted if scale is None else np.clip(predicted, *scale)
        error = told - test.data
        rows = np.repeat(np.arange(test.shape[0]), np.diff(test.indptr))
        count = np.diff(test.indptr).astype(np.float64)
        squared = np.bincount(rows, error**2, test.shape[0]).astype(np.float64)
        absolute = np.bincount(rows, np.abs(error), test.shape[0]).astype(np.float64)
        return cls(PerPerson(squared, count, root=True), PerPerson(absolute, count))

    @classmethod
    def joined(cls, folds: Sequence[RatingErrors]) -> RatingErrors:
        """Folds of the same people as one."""
        first, *others = folds
        squared, absolute = first.squared, first.absolute
        for fold in others:
            squared, absolute = squared + fold.squared, absolute + fold.absolute
        return cls(squared, absolute)

    @property
    def rmse(self) -> float:
        """√(mean of squared errors)."""
        return self.squared.value

    @property
    def mae(self) -> float:
        """The mean of absolute errors."""
        return self.absolute.value

    def intervals(
        self, *, level: float = LEVEL, seed: int = 0
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Bootstrap intervals of RMSE and MAE over people, whose ratings come or go together."""
        rmse, mae = bootstrap([self.squared, self.absolute], level=level, seed=seed)
        return rmse, mae


def predict(model: Recommender, histories: sparse.csr_matrix, test: sparse.csr_matrix) -> Floats:
    """Predicted ratings, not clipped, in the order of `test.data`: float64 [test.nnz].

    Parameters
    ----------
    histories
        users × items CSR of what is known of each person (`Dataset.histories(model.reads)` of the
        part that was learnt from).
    test
        users × items CSR of the held-out ratings.
    """
    rows = np.repeat(np.arange(test.shape[0]), np.diff(test.indptr))
    if isinstance(model, RatingFactors):
        return model.predict_pairs(histories, rows, test.indices)
    out: Floats = np.empty(test.nnz)
    step = max(1, BLOCK_BYTES // (8 * test.shape[1]))
    for start in range(0, test.shape[0], step):
        end = min(start + step, test.shape[0])
        a, b = test.indptr[start], test.indptr[end]
        scores = model.scores(histories[start:end])
        out[a:b] = scores[rows[a:b] - start, test.indices[a:b]]
    return out


def rating_errors(
    model: Recommender,
    histories: sparse.csr_matrix,
    test: sparse.csr_matrix,
    *,
    scale: tuple[float, float] | None = None,
) -> RatingErrors:
    """How far a model's predictions lie from the held-out ratings; see `predict`.

    Parameters
    ----------
    scale
        (lowest, highest) rating, to which predictions are clipped; None: not at all.
    """
    return RatingErrors.of(predict(model, histories, test), test, scale)
