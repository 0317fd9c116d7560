"""Bayesian matrix factorisation of ratings (BPMF: Salakhutdinov and Mnih, ICML 2008).

The model of `whyrec.recommend.mf` with everything it guesses drawn from its posterior by Gibbs
sampling: vectors, their means and precision, the noise, and what having rated tells of a row (Macau:
Simm et al., 2017; both sides: Rendle, Zhang and Koren, arXiv 1905.01395). The items of several draws
are kept. A person's vector is not drawn but solved for given each of them, so that the prediction,
their mean, is an exact sum over what was rated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from scipy import sparse
from scipy.linalg import solve_triangular

from whyrec.errors import ConfigError
from whyrec.recommend import threads
from whyrec.recommend.base import Floats
from whyrec.recommend.checks import check_number
from whyrec.recommend.implicit_prior import ImplicitPrior
from whyrec.recommend.mf import SIDES
from whyrec.recommend.rating_factors import RatingFactors, check_ratings, standardise

PRIOR_ROWS = 2.0
"""As how many rows of zeros the prior of a side's mean counts."""


class BPMF(RatingFactors):
    """Bayesian matrix factorisation for ratings: the most accurate, and nothing to tune.

    Parameters
    ----------
    factors
        k, the length of a vector.
    samples
        Draws that are kept. Scoring and explaining cost as many fold-ins; 10 are nearly as good.
    burn_in
        Passes before the first is kept.
    thin
        Passes from one kept draw to the next.
    implicit
        Which rows are also pulled to what having rated, or having been rated, tells: `none`,
        `items`, `users`, `both`.
    implicit_regularization
        How many rows must agree before that is believed.
    seed
        Of all that is drawn.

    Examples
    --------
    >>> R = sparse.csr_matrix(np.array([[5, 4, 1], [4, 5, 1], [1, 2, 5], [5, 5, 0]], np.float32))
    >>> model = BPMF(factors=1, samples=4).fit(R)
    >>> model.item_factors_.shape
    (4, 3, 2)
    """

    name: str = "bpmf"

    def __init__(
        self,
        *,
        factors: int = 16,
        samples: int = 30,
        burn_in: int = 16,
        thin: int = 2,
        implicit: str = "both",
        implicit_regularization: float = 2.0,
        seed: int = 0,
    ) -> None:
        check_number(factors, where="bpmf, factors", low=1, high=1024, whole=True)
        check_number(samples, where="bpmf, samples", low=1, high=1000, whole=True)
        check_number(burn_in, where="bpmf, burn_in", low=0, whole=True)
        check_number(thin, where="bpmf, thin", low=1, whole=True)
        check_number(implicit_regularization, where="bpmf, implicit_regularization", low=1e-6)
        check_number(seed, where="bpmf, seed", low=0, whole=True)
        if implicit not in SIDES:
            raise ConfigError(
                f"no such implicit: {implicit}", where="bpmf", remedy=f"use {', '.join(SIDES)}"
            )
        self.factors, self.samples, self.burn_in, self.thin = factors, samples, burn_in, thin
        self.implicit, self.seed = implicit, seed
        self.implicit_regularization = float(implicit_regularization)

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = ("factors", "samples", "burn_in", "thin", "implicit", "implicit_regularization")
        return {n: getattr(self, n) for n in (*names, "seed")}

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Draw from the posterior given a users × items CSR of ratings.

        Raises
        ------
        ModelError
            If there are no ratings, or one is not a finite number.
        """
        mean, unit, R = standardise(check_ratings(interactions, self.name))
        turned = R.T.tocsr()
        rng = np.random.default_rng(self.seed)
        strength = self.implicit_regularization
        people = Side(R, self.factors, strength if self.implicit in ("users", "both") else 0, rng)
        items = Side(
            turned, self.factors, strength if self.implicit in ("items", "both") else 0, rng
        )
        beta = 1.0  # a first guess; one draw later it is forgotten
        kept: list[tuple[Floats, Floats, Floats]] = []
        for n in range(self.burn_in + self.samples * self.thin):
            people.draw_prior()
            items.draw_prior()
            people.draw_rows(items.rows, beta)
            items.draw_rows(people.rows, beta)
            beta = _draw_precision(R, people.rows, items.rows, rng)
            if n >= self.burn_in and (n - self.burn_in) % self.thin == self.thin - 1:
                kept.append(_as_ridge(people, items.rows, beta, mean, unit))
        bias, factors, implicit = (np.stack(part) for part in zip(*kept, strict=True))
        return self._take(bias, factors, implicit)


def _draw_precision(
    R: sparse.csr_matrix, people: Floats, items: Floats, rng: np.random.Generator
) -> float:
    """1 / the variance of ratings about their prediction, given everything else."""
    from whyrec.recommend.mf_kernels import squared_error

    total = squared_error(people, items, 0.0, R.indptr, R.indices, R.data)
    return float(rng.gamma(1 + R.nnz / 2, 1 / (1 + total / 2)))


class Side:
    """The people, or the items: rows [bias, factors] with a normal prior that is drawn too.

    Attributes
    ----------
    rows
        float64 [n, d].
    center
        float64 [d], the prior mean of a row of which nothing is known.
    links
        float64 [columns, d], or [0, d]: what each rating at all tells of the row.
    precision
        float64 [d, d].
    """

    def __init__(
        self, R: sparse.csr_matrix, factors: int, strength: float, rng: np.random.Generator
    ) -> None:
        n, d = R.shape[0], factors + 1
        self._R, self._rng = R, rng
        self._prior = ImplicitPrior(R, strength) if strength else None
        self.rows: Floats = rng.normal(0, 0.1, (n, d))
        self.rows[:, 0] = 0
        self.links: Floats = np.zeros((R.shape[1] if strength else 0, d))
        self._told: Floats = np.zeros((n, d))
        self.center: Floats = np.zeros(d)
        self.precision: Floats = np.eye(d)

    def draw_prior(self) -> None:
        """Mean and precision of the rows (normal-Wishart), then what having rated tells."""
        rng, (n, d) = self._rng, self.rows.shape
        rows = self.rows - self._told
        mean = rows.mean(0)
        centred = rows - mean
        shift = PRIOR_ROWS * n / (PRIOR_ROWS + n) * np.outer(mean, mean)
        with threads.blas_threads(1):
            scatter = np.eye(d) + centred.T @ centred + shift
            half = np.linalg.inv(np.linalg.cholesky(scatter)).T
            # Bartlett's decomposition of a Wishart draw with n + d degrees of freedom.
            lower = np.tril(rng.standard_normal((d, d)), -1)
            lower[np.diag_indices(d)] = np.sqrt(rng.chisquare(n + d - np.arange(d)))
            root = half @ lower
            self.precision = root @ root.T
            spread = np.linalg.inv(np.linalg.cholesky(self.precision))
        self.center = n * mean / (PRIOR_ROWS + n)
        self.center = self.center + rng.standard_normal(d) @ spread / np.sqrt(PRIOR_ROWS + n)
        if self._prior is not None:
            self.links = self._prior.draw(self.rows - self.center, spread, rng)
            self._told = self._prior.means(self.links)

    def draw_rows(self, other: Floats, beta: float) -> None:
        """Every row given the other side."""
        from whyrec.recommend.mf_kernels import solve_rows

        R = self._R
        pull = (self.center + self._told) @ self.precision
        noise = self._rng.standard_normal(self.rows.shape)
        csr = (R.indptr, R.indices, R.data)

        def work(start: int, end: int) -> None:
            solve_rows(other, 0.0, *csr, self.precision, beta, pull, noise, start, end, self.rows)

        threads.run(work, threads.pieces(np.diff(R.indptr) + self.rows.shape[1]))


def _as_ridge(
    people: Side, items: Floats, beta: float, mean: float, unit: float
) -> tuple[Floats, Floats, Floats]:
    """(c, z, v) of one draw in the form of `rating_factors`.

    With Λ / β = C Cᵀ a person is center + F B + C⁻ᵀτ, so that z = C⁻¹[1, y], v = B C, and what the
    center adds belongs to the item's baseline. All of it was learnt of (r - mean) / unit.
    """
    z = items.copy()
    z[:, 0] = 1
    C = np.linalg.cholesky(people.precision / beta)
    turned = solve_triangular(C, z.T, lower=True).T
    bias = items[:, 0] + z @ people.center
    return mean + unit * bias, turned, unit * (people.links @ C)
