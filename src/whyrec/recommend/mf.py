"""Biased matrix factorisation of ratings, by SGD, by batch gradient descent or by ALS.

All three minimise one objective (Koren, Bell and Volinsky, IEEE Computer 2009), over the ratings
that exist and no others:

    Σ (r_ui - μ - b_u - b_i - x_uᵀy_i)² + λ Σ_u ‖x_u - m_u‖² + λ Σ_i ‖y_i - m_i‖² + λ_b (Σ b_u² + Σ b_i²)

Ratings are learnt in units of their standard deviation about their mean. m is 0, or what having rated tells of the row (`whyrec.recommend.implicit_prior`; biases have such a
mean too). First factors are random: from zeros the gradient is zero for ever. The people that were
learnt with are thrown away; whoever asks is folded in (`whyrec.recommend.rating_factors`), which is
the last half-step of ALS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import threads
from whyrec.recommend.base import Floats
from whyrec.recommend.checks import check_number
from whyrec.recommend.implicit_prior import ImplicitPrior
from whyrec.recommend.rating_factors import RatingFactors, check_ratings, standardise

SIDES = ("none", "items", "users", "both")
PASSES = {"als": 10, "sgd": 60, "batch": 200}
RATES = {"als": 0.0, "sgd": 0.01, "batch": 1.0}
MOMENTUM = 0.9
"""Of batch gradient descent: the share of the last step that is taken again."""


class MF(RatingFactors):
    """Biased matrix factorisation for ratings.

    Parameters
    ----------
    factors
        k, the length of a vector.
    regularization
        λ, the same for every row; 10 to 25 suits most data, whatever the rating scale.
    bias_regularization
        λ_b. An item with one 5 gets only 1 / (1 + λ_b) of its distance from the mean.
    solver
        `als`: alternating least squares, fewest passes; `sgd`: stochastic gradient descent, a step
        a rating in random order; `batch`: gradient descent on all ratings at once, each row's step
        divided by its ratings + λ, with momentum.
    iterations
        Passes over all ratings; 0 for what suits the solver (als 10, sgd 60, batch 200).
    learning_rate
        Of sgd and batch; 0 for what suits the solver (0.01, 1).
    implicit
        Which rows are also pulled to what having rated, or having been rated, tells: `none`,
        `items`, `users` (the terms of SVD++), `both`.
    implicit_regularization
        How many rows must agree before that is believed.
    validation
        The share of ratings held out to watch the error, 0 to 0.5. The model itself is then learnt
        from all ratings.
    patience
        Passes without a better validation error after which learning stops; 0: never. The model is
        then learnt in as many passes as were best.
    seed
        Of the random first factors, the order of sgd, and the held-out ratings.

    Attributes
    ----------
    curve_
        float64 [passes, 1 or 2]: RMSE after each pass on the ratings learnt from and, by fold-in,
        on those held out, if there are such.

    Examples
    --------
    >>> R = sparse.csr_matrix(np.array([[5, 4, 1], [4, 5, 1], [1, 2, 5], [5, 5, 0]], np.float32))
    >>> model = MF(factors=2, regularization=0.5, bias_regularization=0.5, implicit="none").fit(R)
    >>> bool(model.scores(R)[3, 2] < model.scores(R)[2, 2])
    True
    """

    name: str = "mf"

    def __init__(
        self,
        *,
        factors: int = 24,
        regularization: float = 14.0,
        bias_regularization: float = 4.0,
        solver: str = "als",
        iterations: int = 0,
        learning_rate: float = 0.0,
        implicit: str = "items",
        implicit_regularization: float = 3.0,
        validation: float = 0.0,
        patience: int = 0,
        seed: int = 0,
    ) -> None:
        check_number(factors, where="mf, factors", low=1, high=4096, whole=True)
        check_number(regularization, where="mf, regularization", low=1e-6)
        check_number(bias_regularization, where="mf, bias_regularization", low=1e-6)
        check_number(implicit_regularization, where="mf, implicit_regularization", low=1e-6)
        check_number(iterations, where="mf, iterations", low=0, whole=True)
        check_number(learning_rate, where="mf, learning_rate", low=0)
        check_number(validation, where="mf, validation", low=0, high=0.5)
        check_number(patience, where="mf, patience", low=0, whole=True)
        check_number(seed, where="mf, seed", low=0, whole=True)
        for key, value, known in (("solver", solver, PASSES), ("implicit", implicit, SIDES)):
            if value not in known:
                raise ConfigError(
                    f"no such {key}: {value}", where="mf", remedy=f"use {', '.join(known)}"
                )
        if patience and not validation:
            raise ConfigError(
                "patience without ratings held out to watch",
                where="mf, patience",
                remedy="set validation, for example 0.1",
            )
        self.factors, self.solver, self.implicit = factors, solver, implicit
        self.regularization = float(regularization)
        self.bias_regularization = float(bias_regularization)
        self.implicit_regularization = float(implicit_regularization)
        self.iterations, self.learning_rate = iterations, float(learning_rate)
        self.validation, self.patience, self.seed = float(validation), patience, seed

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        return {n: getattr(self, n) for n in self._names}

    _names = (
        "factors",
        "regularization",
        "bias_regularization",
        "solver",
        "iterations",
        "learning_rate",
        "implicit",
        "implicit_regularization",
        "validation",
        "patience",
        "seed",
    )

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Learn from a users × items CSR of ratings; a stored 0 is a rating, a missing one none.

        Raises
        ------
        ModelError
            If there are no ratings, one is not a finite number, or learning diverges.
        """
        R = check_ratings(interactions, self.name)
        passes = self.iterations or PASSES[self.solver]
        learnt = R
        held: sparse.coo_matrix | None = None
        if self.validation:
            learnt, held = _hold_out(R, self.validation, self.seed)
        best, self.curve_ = self._learn(learnt, held, passes)
        if held is not None:
            self._learn(R, None, best if self.patience else passes)
        return self

    def _learn(
        self, R: sparse.csr_matrix, held: sparse.coo_matrix | None, passes: int
    ) -> tuple[int, Floats]:
        """Learn in so many passes, fewer if patience ends; the best pass, and the curve."""
        from whyrec.recommend.mf_kernels import squared_error

        learning = Learning(R, self)
        step = learning.steps[self.solver]
        curve: list[tuple[float, ...]] = []
        best, best_error = passes, np.inf
        for n in range(1, passes + 1):
            step()
            if not np.isfinite(learning.S[:, 0]).all():
                break
            total = squared_error(learning.T, learning.S, *learning.ratings)
            curve.append((learning.unit * float(np.sqrt(total / R.nnz)),))
            if held is not None:
                learning.give(self)
                found = self.predict_pairs(R, held.row, held.col)
                error = float(np.sqrt(np.mean((found - held.data) ** 2)))
                curve[-1] += (error,)
                if error < best_error:
                    best, best_error = n, error
                elif self.patience and n - best >= self.patience:
                    break
        learning.give(self)
        return best, np.array(curve).reshape(-1, 1 if held is None else 2)

    @property
    def mse_curve(self) -> Floats:
        """`curve_` squared."""
        return np.asarray(self.curve_**2)

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Those of `RatingFactors`, and `curve`."""
        return {**super().arrays(), "curve": self.curve_}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        model = super().from_arrays(params, arrays)
        model.curve_ = arrays["curve"]
        return model


class Learning:
    """The state while `MF` learns: people T and items S, rows [bias, factors], and their means."""

    def __init__(self, R: sparse.csr_matrix, model: MF) -> None:
        self.mean, self.unit, self._R = standardise(R)
        self._turned, self._model = self._R.T.tocsr(), model
        self._rng = np.random.default_rng(model.seed)
        users, n_items = R.shape
        d = model.factors + 1
        self.T = self._rng.normal(0, 0.1, (users, d))
        self.S = self._rng.normal(0, 0.1, (n_items, d))
        self.T[:, 0] = self.S[:, 0] = 0
        self.penalty = np.full(d, model.regularization)
        self.penalty[0] = model.bias_regularization
        strength = model.implicit_regularization
        self._people = ImplicitPrior(R, strength) if model.implicit in ("users", "both") else None
        wanted = model.implicit in ("items", "both")
        self._items = ImplicitPrior(self._turned, strength) if wanted else None
        self.mean_T: Floats = np.zeros((users, d))
        self.mean_S: Floats = np.zeros((n_items, d))
        self._links: Floats = np.zeros((0, d))
        self._speed = (np.zeros_like(self.T), np.zeros_like(self.S))
        self.steps: Mapping[str, Callable[[], None]] = {
            "als": self.als,
            "sgd": self.sgd,
            "batch": self.batch,
        }

    @property
    def ratings(self) -> tuple[float, Any, Any, Any]:
        """Their mean, 0, and the CSR arrays, as kernels take them."""
        return 0.0, self._R.indptr, self._R.indices, self._R.data

    def _expect(self) -> None:
        """The means of both sides anew, from the vectors as they are."""
        if self._people is not None:
            self._links = self._people.fit(self.T)
            self.mean_T = self._people.means(self._links)
        if self._items is not None:
            self.mean_S = self._items.means(self._items.fit(self.S))

    def als(self) -> None:
        """All people given the items, then all items given the people, each exactly."""
        self._half(self._R, self.S, self.mean_T, self.T)
        self._half(self._turned, self.T, self.mean_S, self.S)
        self._expect()

    def _half(self, R: sparse.csr_matrix, other: Floats, mean: Floats, solve: Floats) -> None:
        from whyrec.recommend.mf_kernels import solve_rows

        precision = np.diag(self.penalty)
        pull = mean * self.penalty
        none = np.empty((0, 0))
        csr = (R.indptr, R.indices, R.data)

        def work(start: int, end: int) -> None:
            solve_rows(other, 0.0, *csr, precision, 1.0, pull, none, start, end, solve)

        threads.run(work, threads.pieces(np.diff(R.indptr) + len(self.penalty)))

    def sgd(self) -> None:
        """One step a rating, in random order."""
        from whyrec.recommend.mf_kernels import sgd_pass

        R = self._R
        people = np.repeat(np.arange(R.shape[0], dtype=np.int32), np.diff(R.indptr))
        counts = [np.maximum(np.diff(m.indptr), 1)[:, None] for m in (R, self._turned)]
        people_shrink, items_shrink = (self.penalty[:2] / c for c in counts)
        sgd_pass(
            self.T,
            self.S,
            0.0,
            self._rng.permutation(R.nnz),
            people,
            R.indices,
            R.data,
            people_shrink,
            items_shrink,
            self.mean_T,
            self.mean_S,
            self._rate,
        )
        self._expect()

    @property
    def _rate(self) -> float:
        return self._model.learning_rate or RATES[self._model.solver]

    def slope(self) -> tuple[Floats, Floats]:
        """The gradient of half the objective at T and S, means held: two arrays of their shapes."""
        from whyrec.recommend.mf_kernels import gradient

        dT = self.penalty * (self.T - self.mean_T)
        dS = self.penalty * (self.S - self.mean_S)
        gradient(self.T, self.S, *self.ratings, dT, dS)
        return dT, dS

    def batch(self) -> None:
        """One step down the whole gradient, with momentum."""
        for matrix, rows, slope, speed in zip(
            (self._R, self._turned), (self.T, self.S), self.slope(), self._speed, strict=True
        ):
            scale = np.diff(matrix.indptr)[:, None] + self.penalty
            speed *= MOMENTUM
            speed -= (1 - MOMENTUM) * self._rate * slope / scale
            rows += speed
        self._expect()

    def give(self, model: MF) -> None:
        """Hand the items to the model in the form of `RatingFactors`: unit ridge for the person."""
        root = np.sqrt(self.penalty)
        z = self.S / root
        z[:, 0] = 1 / root[0]
        links = self._links * root * self.unit
        model._take(self.mean + self.unit * self.S[None, :, 0], z[None], links[None])


def _hold_out(
    R: sparse.csr_matrix, share: float, seed: int
) -> tuple[sparse.csr_matrix, sparse.coo_matrix]:
    """(ratings to learn from, ratings to watch), drawn at random."""
    rng = np.random.default_rng([seed, 1])
    watched = rng.permutation(R.nnz) < round(share * R.nnz)
    if not watched.any() or watched.all():
        raise ModelError(
            f"a share of {share} of {R.nnz} ratings leaves nothing to learn from or to watch",
            where="mf.fit",
            remedy="set validation to 0",
        )
    people = np.repeat(np.arange(R.shape[0]), np.diff(R.indptr))
    # Not via COO of the whole: a stored 0 is a rating and must stay one.
    kept = ~watched
    indptr = np.concatenate(([0], np.cumsum(np.bincount(people[kept], minlength=R.shape[0]))))
    learnt = sparse.csr_matrix((R.data[kept], R.indices[kept], indptr), shape=R.shape)
    held = sparse.coo_matrix(
        (R.data[watched], (people[watched], R.indices[watched])), shape=R.shape
    )
    return learnt, held
