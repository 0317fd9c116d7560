"""Weighted hybrids: models summed after affine calibration, so that their reasons still add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import calibration as affine
from whyrec.recommend import parts as spec
from whyrec.recommend.base import History, Recommender
from whyrec.recommend.combination import Combination

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset

DEFAULT_PARTS = "ease:0.6,ials:0.4"
CALIBRATIONS = ("auto", "none")


class Hybrid(Combination):
    """A weighted sum of recommenders (Burke, UMUAI 2002).

    Parameters
    ----------
    parts
        The models and their weights: `ease:0.6,ials(factors=128):0.4`, a mapping of weights, or a
        list of `{"model": …, "params": {…}, "weight": …}`, or `best`, the sum that ranks best of all
        on MovieLens-1M (`whyrec.recommend.parts.PRESETS`). Weights are made to sum to 1.
    calibration
        `auto`: scores are brought to one unit before they are weighted. Ranking: mean 0 and
        deviation 1 over the candidates of a sample of people. Ratings: models of ratings stay
        as they are, others are put on the rating scale by least squares, each event left out of its
        own score. `none`: scores are summed as they are.

    Examples
    --------
    >>> X = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32))
    >>> model = Hybrid(parts="ease(regularization=1):0.7,popularity:0.3").fit(X)
    >>> history = History(np.array([0], np.int32), np.ones(1, np.float32))
    >>> items = np.arange(3)
    >>> parts = model.contributions(history, items).sum(1) + model.baseline(items)
    >>> bool(np.allclose(parts, model.scores(history.matrix(3))[0]))
    True
    """

    name: str = "hybrid"

    def __init__(self, *, parts: Any = None, calibration: str = "auto") -> None:
        if calibration not in CALIBRATIONS:
            raise ConfigError(
                f"no such calibration: {calibration}",
                where="hybrid, calibration",
                remedy=f"use {' or '.join(CALIBRATIONS)}",
            )
        self.calibration = calibration
        self._parts = spec.parse(DEFAULT_PARTS if parts is None else parts, where="hybrid, parts")
        self._hold([p.make() for p in self._parts])

    @classmethod
    def of(
        cls,
        models: Sequence[Recommender],
        weights: Sequence[float],
        histories: sparse.csr_matrix,
        *,
        calibration: str = "auto",
        like: float | None = None,
    ) -> Self:
        """A hybrid of models that are fitted already, calibrated on histories.

        Parameters
        ----------
        histories
            users × items CSR of what the hybrid reads.
        like
            The rating from which an event is a liking, where models of ratings and of likings are
            summed.

        Raises
        ------
        ModelError
            If the models know different numbers of items.
        """
        if len(models) != len(weights) or len({m.n_items for m in models}) != 1:
            raise ModelError(
                "models and weights do not fit together",
                where="hybrid",
                remedy="give one weight a model, and models of the same catalogue",
            )
        parts = [spec.Part(m.name, dict(m.params), w) for m, w in zip(models, weights, strict=True)]
        self = cls(parts=parts, calibration=calibration)
        self._hold(models)
        self.n_items, self.like_ = models[0].n_items, like
        return self._calibrate(histories)

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments; each part with all of its own."""
        parts = [
            {"model": p.model, "params": dict(m.params), "weight": p.weight}
            for p, m in zip(self._parts, self.parts_, strict=True)
        ]
        return {"parts": parts, "calibration": self.calibration}

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Fit every part, then calibrate.

        Raises
        ------
        ModelError
            If a part cannot learn from the matrix.
        """
        return self._calibrate(self._fit_parts(interactions))

    def fit_dataset(self, dataset: Dataset) -> Self:
        """Fit every part on what it reads of the data set, then calibrate."""
        return self._calibrate(self._fit_parts_on(dataset))

    def _calibrate(self, X: sparse.csr_matrix) -> Self:
        scale, offset = np.ones(len(self.parts_)), np.zeros(len(self.parts_))
        if self.calibration == "auto":
            people = X[affine.sample(X)]
            for k, part in enumerate(self.parts_):
                if self.reads != "rated":
                    shown = self._view(people, part)[0]
                    scale[k], offset[k] = affine.standardise(part.scores(shown), people)
                elif part.reads != "rated":
                    scale[k], offset[k] = self._to_ratings(part, people)
        shares = spec.weights(self._parts)
        self.coefficients_ = shares * scale
        self.offset_ = float(shares @ offset)
        return self

    def _to_ratings(self, part: Recommender, people: sparse.csr_matrix) -> tuple[float, float]:
        whole = [_row(people, u) for u in range(people.shape[0])]
        shown = [self._shown(h, part)[0] for h in whole]
        scores = affine.without_itself(part, shown, [h.items for h in whole])
        return affine.least_squares(scores, people.data.astype(np.float64))

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted hybrid back."""
        # Parts need not be models that can be made and fitted here: adapters cannot.
        model = cls(calibration=params["calibration"])
        model._parts = spec.parse(params["parts"], where="hybrid, parts")
        return model._restore(model._parts, arrays)


def _row(matrix: sparse.csr_matrix, u: int) -> History:
    a, b = matrix.indptr[u], matrix.indptr[u + 1]
    return History(matrix.indices[a:b], matrix.data[a:b])
