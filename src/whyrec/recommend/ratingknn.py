"""Item neighbours for ratings, about a baseline (Koren, TKDD 2010), exact by event.

b_ui = μ + b_u + b_i, and the prediction is b_ui + Σ_j s_ij (r_uj - b_uj) / (δ + Σ_j s_ij) over the k
most similar items j that the person rated. b_i is learnt; b_u = Σ_j e_j / (λ + h) with
e_j = r_uj - μ - b_j, so that, with g_ij = s_ij / (δ + Σ s), rating j adds

    g_ij e_j + (1 - Σ_l g_il) e_j / (λ + h)

which is linear in the ratings. s is the correlation of residuals over the people who rated both,
shrunk by n / (n + shrinkage) where n did.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.data.dataset import Reads
from whyrec.errors import ModelError
from whyrec.recommend import threads
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.checks import check_number
from whyrec.recommend.rating_factors import check_ratings
from whyrec.recommend.scoring import RowModel

PASSES = 10
"""Of alternating ridge for the biases; they settle in five."""
BLOCK_BYTES = 16 << 20
"""Similarities worked out at once by one thread."""


class RatingKNN(RowModel):
    """k nearest items, for ratings.

    Parameters
    ----------
    k
        Neighbours that a prediction uses, of those the person rated.
    shrinkage
        How many people must have rated both before a correlation counts half.
    damping
        δ, in units of similarity: with few or weak neighbours the baseline prevails.
    bias_regularization
        λ, in ratings.
    stored
        Similar items kept for each item, positive ones only; bounds memory.

    Attributes
    ----------
    item_bias_
        μ + b_i, float64 [n_items].
    neighbours_
        int32 [n_items, stored], most similar first, -1 where there are fewer.
    similarities_
        float32 [n_items, stored].

    Examples
    --------
    >>> R = sparse.csr_matrix(np.array([[5, 4, 1], [4, 5, 1], [1, 2, 5], [5, 5, 0]], np.float32))
    >>> model = RatingKNN(shrinkage=1.0).fit(R)
    >>> model.neighbours_[0].tolist()
    [1, -1]
    """

    name: str = "ratingknn"
    exact: bool = True
    linear: bool = False
    reads: Reads = "rated"

    def __init__(
        self,
        *,
        k: int = 40,
        shrinkage: float = 100.0,
        damping: float = 0.3,
        bias_regularization: float = 4.0,
        stored: int = 512,
    ) -> None:
        check_number(k, where="ratingknn, k", low=1, whole=True)
        check_number(shrinkage, where="ratingknn, shrinkage", low=0)
        check_number(damping, where="ratingknn, damping", low=1e-9)
        check_number(bias_regularization, where="ratingknn, bias_regularization", low=1e-9)
        check_number(stored, where="ratingknn, stored", low=1, whole=True)
        self.k, self.stored = k, stored
        self.shrinkage, self.damping = float(shrinkage), float(damping)
        self.bias_regularization = float(bias_regularization)

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = ("k", "shrinkage", "damping", "bias_regularization", "stored")
        return {n: getattr(self, n) for n in names}

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Learn biases and similarities from a users × items CSR of ratings.

        Raises
        ------
        ModelError
            If there are no ratings, or one is not a finite number.
        """
        R = check_ratings(interactions, self.name)
        mean = float(R.data.mean(dtype=np.float64))
        people = np.repeat(np.arange(R.shape[0]), np.diff(R.indptr))
        ratings = R.data.astype(np.float64) - mean
        of_people, of_items = np.zeros(R.shape[0]), np.zeros(R.shape[1])
        heard = np.bincount(people, minlength=R.shape[0]) + self.bias_regularization
        rated = np.bincount(R.indices, minlength=R.shape[1]) + self.bias_regularization
        for _ in range(PASSES):
            left = ratings - of_items[R.indices]
            of_people = np.bincount(people, left, R.shape[0]) / heard
            left = ratings - of_people[people]
            of_items = np.bincount(R.indices, left, R.shape[1]) / rated
        residual = ratings - of_people[people] - of_items[R.indices]
        E = sparse.csr_matrix((residual, R.indices, R.indptr), shape=R.shape)
        near, similar = self._similar(E)
        return self._take(mean + of_items, near, similar)

    def _similar(self, E: sparse.csr_matrix) -> tuple[Ints, Floats]:
        n_items = E.shape[1]
        width = max(1, min(self.stored, n_items - 1))
        near: Ints = np.full((n_items, width), -1, np.int32)
        similar: Floats = np.zeros((n_items, width), np.float32)
        ones, square = E.copy(), E.copy()
        ones.data[:] = 1
        square.data **= 2
        columns = [m.T.tocsr() for m in (E, ones, square)]

        def work(start: int, end: int) -> None:
            mine, there, power = (c[start:end] for c in columns)
            both = (there @ ones).toarray()
            product = (mine @ E).toarray()
            scale = np.sqrt((power @ ones).toarray() * (there @ square).toarray())
            s = np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
            s *= both / np.maximum(both + self.shrinkage, 1e-12)
            s[np.arange(end - start), np.arange(start, end)] = 0
            order = np.argsort(-s, axis=1, kind="stable")[:, :width]
            best = np.take_along_axis(s, order, 1)
            near[start:end] = np.where(best > 0, order, -1)
            similar[start:end] = np.where(best > 0, best, 0)

        step = max(1, BLOCK_BYTES // (8 * n_items))
        edges = [*range(0, n_items, step), n_items]
        threads.run(work, list(pairwise(edges)))
        return near, similar

    def _take(self, bias: Floats, near: Ints, similar: Floats) -> Self:
        self.item_bias_ = np.ascontiguousarray(bias, np.float64)
        self.neighbours_ = np.ascontiguousarray(near, np.int32)
        self.similarities_ = np.ascontiguousarray(similar, np.float32)
        self.n_items = len(self.item_bias_)
        fits = self.neighbours_.shape == self.similarities_.shape
        if not fits or len(self.neighbours_) != self.n_items:
            raise ModelError("arrays do not fit together", where=self.name, remedy="fit again")
        return self

    @property
    def _stored(self) -> tuple[Ints, Floats, Floats, int, float, float]:
        self._check_fitted()
        return (
            self.neighbours_,
            self.similarities_,
            self.item_bias_,
            self.k,
            self.damping,
            self.bias_regularization,
        )

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        from whyrec.recommend.ratingknn_kernels import score_rows

        csr = (histories.indptr, histories.indices, histories.data)
        score_rows(*self._stored, *csr, start, end, out)

    def baseline(self, items: Ints) -> Floats:
        """μ + b_i."""
        self._check_fitted()
        return np.asarray(self.item_bias_[items])

    def contributions(self, history: History, items: Ints) -> Floats:
        """g_ij e_j + (1 - Σ_l g_il) e_j / (λ + h): float64 [items, h]."""
        return self._explain(history, items, leave_out=False)[0]

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """Scores without each rating; the next neighbour takes a lost one's place."""
        parts, lost = self._explain(history, items, leave_out=True)
        return np.asarray(parts.sum(1, keepdims=True) + self.baseline(items)[:, None] - lost)

    def explain(self, history: History, items: Ints) -> tuple[Floats, Floats]:
        """Contributions and effects at once."""
        return self._explain(history, items, leave_out=True)

    def _explain(self, history: History, items: Ints, *, leave_out: bool) -> tuple[Floats, Floats]:
        from whyrec.recommend.ratingknn_kernels import explain

        shape = (len(items), len(history))
        parts = np.empty(shape)
        lost = np.empty(shape if leave_out else (0, 0))
        rated = (np.asarray(history.items), np.asarray(history.weights, np.float32))
        explain(*self._stored, *rated, np.asarray(items), parts, lost)
        return parts, lost

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`item_bias`, `neighbours` and `similarities`."""
        near, similar, bias, *_ = self._stored
        return {"item_bias": bias, "neighbours": near, "similarities": similar}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        return cls(**params)._take(
            arrays["item_bias"], arrays["neighbours"], arrays["similarities"]
        )
