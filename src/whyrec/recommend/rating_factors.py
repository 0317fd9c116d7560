"""Rating models whose people are a ridge solution over what they rated: exact by event.

Every such model is brought to one form. Item i has a baseline c_i and a vector z_i; a person with
ratings r_j is θ = A⁻¹ Σ_j (z_j (r_j - c_j) + v_j / √h), A = I + Σ_j z_j z_jᵀ, and the predicted
rating is c_i + z_iᵀθ. v_j says what rating j at all tells, whatever the value (Koren, KDD 2008:
the implicit feedback of SVD++). The first number of z_i is the same for every item: the person's
own bias is an entry of θ, so that it too belongs to the events.

Event j adds z_iᵀA⁻¹(z_j (r_j - c_j) + v_j / √h), negative where a rating speaks against the item.
What is missing is missing: it stands in no sum. Predictions may leave the rating scale; they are
clipped only where they are compared with ratings (`whyrec.evaluate.rating`), because a clipped
number is no sum. A model may hold several members (posterior samples); their mean is the score.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.data.dataset import Reads
from whyrec.errors import ModelError
from whyrec.recommend import threads
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.checks import check_histories
from whyrec.recommend.removal import Removal
from whyrec.recommend.scoring import RowModel, blocks


class RatingFactors(RowModel):
    """Base of the rating models in the form above; subclasses learn the arrays.

    Attributes
    ----------
    item_bias_
        c, float64 [members, n_items].
    item_factors_
        z, float32 [members, n_items, d].
    implicit_factors_
        v, float32 [members, n_items, d], or [members, 0, d] where there is none.
    """

    exact: bool = True
    linear: bool = False
    reads: Reads = "rated"

    def _take(self, bias: Floats, factors: Floats, implicit: Floats | None = None) -> Self:
        if implicit is None:
            implicit = np.empty((len(factors), 0, factors.shape[2]))
        self.item_bias_ = np.ascontiguousarray(bias, np.float64)
        self.item_factors_ = np.ascontiguousarray(factors, np.float32)
        self.implicit_factors_ = np.ascontiguousarray(implicit, np.float32)
        members, self.n_items, d = self.item_factors_.shape
        fits = self.item_bias_.shape == (members, self.n_items)
        if not fits or self.implicit_factors_.shape not in (
            (members, 0, d),
            (members, self.n_items, d),
        ):
            raise ModelError("arrays do not fit together", where=self.name, remedy="fit again")
        if not all(np.isfinite(a).all() for a in (self.item_bias_, self.item_factors_)):
            raise ModelError(
                "the factors are not finite numbers",
                where=f"{self.name}.fit",
                remedy="set learning_rate lower or regularization higher",
            )
        self._baseline = self.item_bias_.mean(0)
        wide = self.item_factors_.transpose(0, 2, 1).reshape(members * d, self.n_items)
        self._by_factor = wide.astype(np.float64) / members
        return self

    @property
    def _stored(self) -> tuple[Floats, Floats, Floats]:
        self._check_fitted()
        return self.item_factors_, self.implicit_factors_, self.item_bias_

    def user_factors(self, histories: sparse.csr_matrix) -> Floats:
        """θ by fold-in, the members side by side: float64 [histories, members · d]."""
        from whyrec.recommend.rating_kernels import fold_rows

        stored = self._stored
        csr = self._check(histories, f"{self.name}.user_factors")
        out = np.empty((csr.shape[0], self._by_factor.shape[0]))
        self._run(
            csr,
            lambda a, b: fold_rows(*stored, csr.indptr, csr.indices, csr.data, a, b, out[a:b]),
        )
        return out

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        from whyrec.recommend.rating_kernels import fold_rows, score_people

        theta = np.empty((end - start, self._by_factor.shape[0]))
        csr = (histories.indptr, histories.indices, histories.data)
        fold_rows(*self._stored, *csr, start, end, theta)
        score_people(theta, self._by_factor, self._baseline, out)

    def predict_pairs(self, histories: sparse.csr_matrix, people: Ints, items: Ints) -> Floats:
        """Predicted ratings of single pairs: float64 [pairs].

        Parameters
        ----------
        people
            int [pairs], rows of `histories`.
        items
            int [pairs].
        """
        from whyrec.recommend.rating_kernels import predict_pairs

        theta = self.user_factors(histories)
        out = np.empty(len(people))
        predict_pairs(theta, self.item_factors_, self._baseline, people, items, out)
        return out

    def baseline(self, items: Ints) -> Floats:
        """c_i: what the item is rated, whoever asks."""
        self._check_fitted()
        return np.asarray(self._baseline[items])

    def contributions(self, history: History, items: Ints) -> Floats:
        """z_iᵀA⁻¹(z_j (r_j - c_j) + v_j / √h): float64 [items, h]."""
        return self._explain(history, items, leave_out=False)[0]

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """Scores without each rating, all by rank-one downdates: float64 [items, h]."""
        parts, lost = self._explain(history, items, leave_out=True)
        return np.asarray(parts.sum(1, keepdims=True) + self.baseline(items)[:, None] - lost)

    def explain(self, history: History, items: Ints) -> tuple[Floats, Floats]:
        """Contributions and effects in one solve."""
        return self._explain(history, items, leave_out=True)

    def _explain(self, history: History, items: Ints, *, leave_out: bool) -> tuple[Floats, Floats]:
        from whyrec.recommend.rating_kernels import explain

        shape = (len(items), len(history))
        parts = np.empty(shape)
        lost = np.empty(shape if leave_out else (0, 0))
        explain(
            *self._stored,
            np.asarray(history.items),
            np.asarray(history.weights, np.float32),
            np.asarray(items),
            parts,
            lost,
        )
        return parts, lost

    def explain_many(
        self, histories: sparse.csr_matrix, items: Ints, *, effects: bool = True
    ) -> tuple[list[Floats], list[Floats]]:
        """`explain` for many histories at once."""
        from whyrec.recommend.rating_kernels import explain_rows

        stored = self._stored
        n = items.shape[1]
        offsets = n * histories.indptr.astype(np.int64)
        flat = np.empty(offsets[-1])
        lost = np.empty(offsets[-1] if effects else 0)
        csr = (histories.indptr, histories.indices, histories.data)
        self._run(
            histories,
            lambda a, b: explain_rows(*stored, *csr, items, offsets, a, b, flat, lost),
        )
        return blocks(flat, offsets, n), blocks(lost, offsets, n) if effects else []

    def removal(self, history: History) -> Removal | None:
        """How every score falls when ratings are removed (Woodbury, as for iALS with c - 1 = 1).

        None for a model with several members, or with implicit terms, whose 1/√h changes with what
        is left: no single set of effects describes those.
        """
        self._check_fitted()
        if len(self.item_factors_) > 1 or self.implicit_factors_.shape[1]:
            return None
        Z = self.item_factors_[0, history.items].astype(np.float64)
        e = history.weights.astype(np.float64) - self.item_bias_[0, history.items]
        with threads.blas_threads(1):
            A = Z.T @ Z
            A[np.diag_indices_from(A)] += 1
            solved = np.linalg.solve(A, Z.T)
            gram = Z @ solved
            effects = solved.T @ self._by_factor
            return Removal(effects, e, np.ones(len(e)), gram, gram @ e)

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`item_bias`, `item_factors` and `implicit_factors`."""
        factors, implicit, bias = self._stored
        return {"item_bias": bias, "item_factors": factors, "implicit_factors": implicit}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        model = cls(**params)
        return model._take(arrays["item_bias"], arrays["item_factors"], arrays["implicit_factors"])


def standardise(R: sparse.csr_matrix) -> tuple[float, float, sparse.csr_matrix]:
    """(mean, standard deviation, ratings with mean 0 and deviation 1): any scale learns alike.

    Ratings that do not differ keep their unit.
    """
    ratings = R.data.astype(np.float64)
    mean, unit = float(ratings.mean()), float(ratings.std())
    unit = unit if unit > 1e-6 * max(abs(mean), 1e-300) else 1.0
    scaled = ((ratings - mean) / unit).astype(np.float32)
    return mean, unit, sparse.csr_matrix((scaled, R.indices, R.indptr), shape=R.shape)


def check_ratings(matrix: Any, model: str) -> sparse.csr_matrix:
    """The ratings to learn from: CSR sorted by item, float32, at least one.

    Raises
    ------
    ModelError
        If there is none, one is not a finite number, or a pair is there twice.
    """
    csr = check_histories(matrix, "rated", what=f"{model}.fit")
    if csr.nnz == 0:
        raise ModelError(
            "there are no ratings to learn from",
            where=f"{model}.fit",
            remedy="name the rating column (--map rating=COLUMN), or use a model of likings: ease",
        )
    if not csr.has_sorted_indices:
        csr = csr.sorted_indices()
    return csr
