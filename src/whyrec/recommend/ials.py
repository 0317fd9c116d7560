"""iALS: matrix factorisation for implicit feedback (Hu, Koren and Volinsky, ICDM 2008).

Alternating least squares on Σ c_ui (p_ui - x_uᵀy_i)² + λ(Σ‖x_u‖² + Σ‖y_i‖²), p = 1 and
c = 1 + α·weight where there is an event, p = 0 and c = 1 where there is none. The package
`implicit` takes c from its matrix as it is: give it 1 + α·weight to have the same problem.

A person's vector is solved from the history when it is needed (fold-in), in float64:
A = YᵀY + λI + Σ_{j∈H} (c_j - 1) y_j y_jᵀ, x = A⁻¹ Σ c_j y_j. What event j adds to item i is
c_j y_iᵀA⁻¹y_j; the sum over j is the score, whatever Y is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import threads
from whyrec.recommend.base import Floats, History, Ints, Ranking
from whyrec.recommend.checks import check_fit, check_number
from whyrec.recommend.factor_rank import rank_factors
from whyrec.recommend.removal import Removal
from whyrec.recommend.scoring import RowModel, blocks

SOLVERS = ("cg", "cholesky")


class _Rows(NamedTuple):
    """Rows of a CSR matrix as the kernels take them; equal weights are kept once."""

    indptr: Ints
    items: Ints
    weights: Floats
    each: int

    @classmethod
    def of(cls, X: sparse.csr_matrix) -> Self:
        return cls(X.indptr, X.indices, X.data, 1)

    @classmethod
    def turned(cls, X: sparse.csr_matrix) -> Self:
        """The rows of Xᵀ: of its arrays only what must be is made."""
        weight = X.data[0]
        if (X.data != weight).any():
            return cls.of(X.T.tocsr())
        marks = np.ones(X.nnz, np.bool_)
        T = sparse.csr_matrix((marks, X.indices, X.indptr), shape=X.shape).T.tocsr()
        longest = int(np.diff(T.indptr).max())
        return cls(T.indptr, T.indices, np.full(longest, weight, X.data.dtype), 0)


class IALS(RowModel):
    """Implicit alternating least squares with fold-in.

    Parameters
    ----------
    factors
        k, the length of a vector.
    regularization
        λ, the same for every row.
    alpha
        α: how much more an event of weight 1 counts than no event.
    iterations
        Passes over users and items.
    solver
        `cg`: `cg_steps` steps of conjugate gradients from the last solution (Takács et al., RecSys
        2011); `cholesky`: each row exactly. Fold-in is always exact.
    cg_steps
        Steps a row and pass.
    seed
        Of the random first factors; the same seed gives the same model.

    Attributes
    ----------
    item_factors_
        Y, float32 [n_items, factors].

    Examples
    --------
    >>> X = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32))
    >>> model = IALS(factors=4, iterations=5).fit(X)
    >>> history = History(np.array([0, 1], np.int32), np.ones(2, np.float32))
    >>> c = model.contributions(history, np.array([2]))
    >>> bool(np.isclose(c.sum(), model.scores(X[:1])[0, 2]))
    True
    """

    name: str = "ials"
    exact: bool = True
    linear: bool = False

    def __init__(
        self,
        *,
        factors: int = 64,
        regularization: float = 30.0,
        alpha: float = 4.0,
        iterations: int = 15,
        solver: str = "cg",
        cg_steps: int = 3,
        seed: int = 0,
    ) -> None:
        check_number(factors, where="ials, factors", low=1, high=4096, whole=True)
        check_number(regularization, where="ials, regularization", low=0)
        check_number(alpha, where="ials, alpha", low=1e-9)
        check_number(iterations, where="ials, iterations", low=1, whole=True)
        check_number(cg_steps, where="ials, cg_steps", low=1, whole=True)
        check_number(seed, where="ials, seed", low=0, whole=True)
        if solver not in SOLVERS:
            raise ConfigError(
                f"no such solver: {solver}", where="ials", remedy=f"use {' or '.join(SOLVERS)}"
            )
        self.factors, self.regularization, self.alpha = factors, float(regularization), float(alpha)
        self.iterations, self.solver, self.cg_steps = iterations, solver, cg_steps
        self.seed = seed

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = ("factors", "regularization", "alpha", "iterations", "solver", "cg_steps", "seed")
        return {n: getattr(self, n) for n in names}

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Learn the item factors, on as many threads as set.

        Raises
        ------
        ModelError
            If there are no events, a weight is not a finite number ≥ 0, or the factors diverge.
        """
        X = check_fit(interactions, "ials")
        users, n_items = X.shape
        by_user, by_item = _Rows.of(X), _Rows.turned(X)
        rng = np.random.default_rng(self.seed)
        P = rng.random((users, self.factors), np.float32)
        Q = rng.random((n_items, self.factors), np.float32)
        P *= np.float32(0.01)
        Q *= np.float32(0.01)
        for _ in range(self.iterations):
            self._half(by_user, P, Q)
            self._half(by_item, Q, P)
        del P, by_item
        # What nobody chose has nothing to say: its vector would otherwise stay as it was drawn.
        Q[np.bincount(X.indices, minlength=n_items) == 0] = 0
        if not np.isfinite(Q).all():
            raise ModelError(
                "the factors are not finite numbers",
                where="ials.fit",
                remedy="set regularization higher or alpha lower",
            )
        return self._take(Q)

    def _half(self, rows: _Rows, solve: Floats, fixed: Floats) -> None:
        from whyrec.recommend import ials_kernels as kernels

        cost = np.diff(rows.indptr) + self.factors
        ends = threads.pieces(cost)
        if self.solver == "cg":
            # Too small a product to share out: threads of BLAS would only wait for each other.
            with threads.blas_threads(1):
                gram = fixed.T @ fixed
            gram[np.diag_indices_from(gram)] += np.float32(self.regularization)
            alpha: Any = np.float32(self.alpha)

            def work(start: int, end: int) -> None:
                kernels.cg_rows(fixed, gram, *rows, alpha, self.cg_steps, start, end, solve)
        else:
            base = self._base(fixed)

            def work(start: int, end: int) -> None:
                kernels.solve_rows(fixed, base, *rows, self.alpha, start, end, solve)

        threads.run(work, ends)

    def _base(self, Y: Floats) -> Floats:
        """YᵀY + λI in float64."""
        base = np.zeros((Y.shape[1], Y.shape[1]))
        with threads.blas_threads(1):
            # By blocks: all of Y in float64 would be the largest array of the fit.
            for start in range(0, len(Y), 8192):
                wide = Y[start : start + 8192].astype(np.float64)
                base += wide.T @ wide
        base[np.diag_indices_from(base)] += self.regularization
        return base

    def _take(self, item_factors: npt.NDArray[np.float32]) -> Self:
        self.item_factors_ = np.ascontiguousarray(item_factors, np.float32)
        self.n_items = len(item_factors)
        self._gram = self._base(self.item_factors_)
        for made in ("_by_factor", "_by_factor_wide"):
            self.__dict__.pop(made, None)
        return self

    @cached_property
    def _by_factor(self) -> npt.NDArray[np.float32]:
        return np.ascontiguousarray(self.item_factors_.T)

    @cached_property
    def _by_factor_wide(self) -> npt.NDArray[np.float64]:
        return self._by_factor.astype(np.float64)

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        from whyrec.recommend.ials_kernels import score_rows

        score_rows(
            self.item_factors_,
            self._by_factor,
            self._gram,
            histories.indptr,
            histories.indices,
            histories.data,
            self.alpha,
            start,
            end,
            out,
        )

    def recommend(
        self, histories: sparse.csr_matrix, n: int, *, exclude: sparse.csr_matrix | None = None
    ) -> Ranking:
        """The n best items for each history; see `Recommender.recommend`."""
        self._check_fitted()
        csr = self._check(histories, f"{self.name}.recommend")
        return rank_factors(
            lambda a, b: self.user_factors(csr[a:b]),
            self._score_rows,
            self.item_factors_,
            np.empty(0, np.float32),
            csr,
            n,
            exclude,
        )

    def user_factors(self, histories: sparse.csr_matrix) -> Floats:
        """x by fold-in for each history: float64 [histories, factors]."""
        from whyrec.recommend.ials_kernels import solve_rows

        self._check_fitted()
        out = np.zeros((histories.shape[0], self.factors))
        args = (histories.indptr, histories.indices, histories.data.astype(np.float32))
        solve_rows(self.item_factors_, self._gram, *args, 1, self.alpha, 0, len(out), out)
        return out

    def contributions(self, history: History, items: Ints) -> Floats:
        """c_j y_iᵀA⁻¹y_j: float64 [items, h]."""
        return self._explain(history, items, leave_out=False)[0]

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """Scores without each event, all by rank-one downdates: float64 [items, h]."""
        parts, lost = self._explain(history, items, leave_out=True)
        return np.asarray(parts.sum(1, keepdims=True) - lost)

    def explain(self, history: History, items: Ints) -> tuple[Floats, Floats]:
        """Contributions and effects in one solve."""
        parts, lost = self._explain(history, items, leave_out=True)
        return parts, lost

    def explain_many(
        self, histories: sparse.csr_matrix, items: Ints, *, effects: bool = True
    ) -> tuple[list[Floats], list[Floats]]:
        """`explain` for many histories at once."""
        from whyrec.recommend.ials_kernels import explain_rows

        self._check_fitted()
        n = items.shape[1]
        offsets = n * histories.indptr.astype(np.int64)
        flat = np.empty(offsets[-1])
        lost = np.empty(offsets[-1] if effects else 0)
        explain_rows(
            self.item_factors_,
            self._gram,
            histories.indptr,
            histories.indices,
            histories.data,
            self.alpha,
            items,
            0,
            histories.shape[0],
            offsets,
            flat,
            lost,
        )
        return blocks(flat, offsets, n), blocks(lost, offsets, n) if effects else []

    def _explain(self, history: History, items: Ints, *, leave_out: bool) -> tuple[Floats, Floats]:
        from whyrec.recommend.ials_kernels import explain

        self._check_fitted()
        shape = (len(items), len(history))
        contributions = np.empty(shape)
        lost = np.empty(shape if leave_out else (0, 0))
        explain(
            self.item_factors_,
            self._gram,
            np.asarray(history.items),
            np.asarray(history.weights, np.float32),
            self.alpha,
            np.asarray(items),
            contributions,
            lost,
        )
        return contributions, lost

    def removal(self, history: History) -> Removal:
        """How every score falls when events are removed; see `Removal`."""
        from whyrec.recommend.ials_kernels import factorise

        self._check_fitted()
        c = 1 + self.alpha * history.weights.astype(np.float64)
        U, x, V = factorise(
            self.item_factors_,
            self._gram,
            np.asarray(history.items),
            np.asarray(history.weights, np.float32),
            self.alpha,
        )
        from scipy.linalg.blas import dtrsm

        # U is the upper Cholesky factor: A = UᵀU, so V A⁻¹ = (V U⁻¹) U⁻ᵀ.
        with threads.blas_threads(1):
            half = dtrsm(1.0, U, V, side=1)
            solved = dtrsm(1.0, U, half, side=1, trans_a=1)
            effects = np.asarray(solved, order="C") @ self._by_factor_wide
            return Removal(effects, c, c - 1, half @ half.T, V @ x)

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`item_factors`."""
        self._check_fitted()
        return {"item_factors": self.item_factors_}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        return cls(**params)._take(arrays["item_factors"])
