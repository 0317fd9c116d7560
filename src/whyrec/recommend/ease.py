"""EASE: a linear item-item model with a closed-form solution (Steck, WWW 2019, arXiv 1905.03375).

B minimises ‖X - XB‖² + λ‖B‖² with a zero diagonal: P = (XᵀX + λI)⁻¹, B_ji = -P_ji / P_ii. The score
of item i is Σ_j w_j B_ji over the history, so that w_j B_ji is what event j adds to it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ModelError
from whyrec.recommend import threads
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.checks import check_fit, check_number
from whyrec.recommend.removal import Removal
from whyrec.recommend.scoring import RowModel, blocks


class EASE(RowModel):
    """Embarrassingly Shallow Autoencoder.

    Parameters
    ----------
    regularization
        λ, in squared weight units: how many people must agree before two items count as linked.
        Higher is smoother; 100 to 1,000 suits most data.
    item_power
        a: λ of an item that n people have is λ · ((n + 1) / (n̄ + 1))^a, so that with a above 0 what
        many people have is smoothed more than what few have. 0 is the paper's.
    user_power
        b: somebody with h items counts (h / h̄)^-b, so that with b above 0 people of many items do
        not drown the others. 0 is the paper's.

    Attributes
    ----------
    links_
        float32 [n_items, n_items], symmetric with zero diagonal: -P.
    scale_
        float64 [n_items]: 1 / P_ii, so that B_ji = links_[j, i] · scale_[i]. Because P is
        symmetric, both a row and a column of B are read from contiguous memory.

    Examples
    --------
    >>> X = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32))
    >>> model = EASE(regularization=1.0).fit(X)
    >>> int(model.recommend(X[:1], 1, exclude=X[:1]).items[0, 0])
    2
    """

    name: str = "ease"
    exact: bool = True
    linear: bool = True

    def __init__(
        self,
        *,
        regularization: float = 250.0,
        item_power: float = 0.0,
        user_power: float = 0.0,
    ) -> None:
        check_number(regularization, where="ease, regularization", low=0)
        check_number(item_power, where="ease, item_power", low=-2, high=2)
        check_number(user_power, where="ease, user_power", low=-2, high=2)
        self.regularization = float(regularization)
        self.item_power, self.user_power = float(item_power), float(user_power)

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments; powers of 0 are left out."""
        powers = {"item_power": self.item_power, "user_power": self.user_power}
        return {
            "regularization": self.regularization,
            **{name: power for name, power in powers.items() if power},
        }

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Learn B: O(n_items³) time, 8 · n_items² bytes.

        Raises
        ------
        ModelError
            If there are no events, a weight is not a finite number ≥ 0, the Gram matrix is singular
            (λ = 0), or the matrix does not fit into memory.
        """
        X = check_fit(interactions, "ease")
        _check_memory(X.shape[1])
        P = _gram(_weighed(X, self.user_power))
        np.einsum("ii->i", P)[:] += self._ridge(X)
        with threads.blas_threads():
            # Row-major upper triangle is column-major lower: the transpose is what LAPACK reads.
            _invert_in_place(P.T)
        self.n_items = X.shape[1]
        self.scale_ = 1.0 / np.einsum("ii->i", P)
        self.links_ = _narrow(P)
        return self

    def _ridge(self, X: sparse.csr_matrix) -> Floats | float:
        if self.item_power == 0:
            return self.regularization
        people = np.bincount(X.indices, minlength=X.shape[1]) + 1.0
        return np.asarray(self.regularization * (people / people.mean()) ** self.item_power)

    @property
    def weights_(self) -> Floats:
        """B, float64 [n_items, n_items]; B[j, i] is what one event on j adds to item i."""
        return np.asarray(self.links_.astype(np.float64) * self.scale_)

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        from whyrec.recommend.ease_kernels import score_rows

        score_rows(
            self.links_,
            self.scale_,
            histories.indptr,
            histories.indices,
            histories.data,
            start,
            end,
            out,
        )

    def contributions(self, history: History, items: Ints) -> Floats:
        """w_j B_ji: float64 [items, h]."""
        from whyrec.recommend.ease_kernels import contribute

        self._check_fitted()
        out = np.empty((len(items), len(history)))
        contribute(self.links_, self.scale_, history.items, history.weights, items, out)
        return out

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """The score less each contribution: float64 [items, h]."""
        c = self.contributions(history, items)
        return np.asarray(c.sum(1, keepdims=True) - c)

    def explain(self, history: History, items: Ints) -> tuple[Floats, Floats]:
        """Contributions, which are the effects too."""
        parts = self.contributions(history, items)
        return parts, parts

    def explain_many(
        self, histories: sparse.csr_matrix, items: Ints, *, effects: bool = True
    ) -> tuple[list[Floats], list[Floats]]:
        """`explain` for many histories at once."""
        from whyrec.recommend.ease_kernels import contribute_rows

        self._check_fitted()
        n = items.shape[1]
        offsets = n * histories.indptr.astype(np.int64)
        flat = np.empty(offsets[-1])
        contribute_rows(
            self.links_,
            self.scale_,
            histories.indptr,
            histories.indices,
            histories.data,
            items,
            offsets,
            flat,
        )
        parts = blocks(flat, offsets, n)
        return parts, parts if effects else []

    def removal(self, history: History) -> Removal:
        """How every score falls when events are removed; see `Removal`."""
        self._check_fitted()
        effects = self.links_[history.items] * self.scale_
        return Removal.linear(effects, history.weights.astype(np.float64))

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`links` and `scale`."""
        self._check_fitted()
        return {"links": self.links_, "scale": self.scale_}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        model = cls(**params)
        model.links_, model.scale_ = arrays["links"], arrays["scale"]
        model.n_items = len(model.scale_)
        if model.links_.size != model.n_items**2:
            raise ModelError("arrays do not fit together", where="ease", remedy="fit again")
        return model


def _weighed(X: sparse.csr_matrix, power: float) -> sparse.csr_matrix:
    """The rows times the root of what each person counts."""
    if power == 0:
        return X
    sizes = np.diff(X.indptr)
    people = np.maximum(sizes, 1) / sizes[sizes > 0].mean()
    root = np.repeat(people ** (-power / 2), sizes).astype(np.float32)
    return sparse.csr_matrix((X.data * root, X.indices, X.indptr), shape=X.shape)


def _check_memory(n_items: int) -> None:
    need = 8 * n_items**2
    try:
        have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return
    if need > have:
        raise ModelError(
            f"{n_items} items need {need / 2**30:.0f} GiB, this machine has {have / 2**30:.0f}",
            where="ease.fit",
            remedy="use --model ease-sparse (or ials), which need no square matrix",
        )


def _gram(X: sparse.csr_matrix) -> npt.NDArray[np.float64]:
    """XᵀX, upper triangle, float64 [n_items, n_items]."""
    from whyrec.recommend.ease_kernels import gram_rows

    n_items = X.shape[1]
    by_item = X.tocsc()
    G = np.zeros((n_items, n_items), np.float64)
    cost = np.diff(by_item.indptr).astype(np.float64) + 1

    def work(start: int, end: int) -> None:
        gram_rows(
            by_item.indptr,
            by_item.indices,
            by_item.data,
            X.indptr,
            X.indices,
            X.data,
            start,
            end,
            G,
        )

    threads.run(work, threads.pieces(cost))
    return G


def _narrow(P: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """-P with a zero diagonal, both triangles, in float32 and in the memory of P, which is lost."""
    from whyrec.recommend.ease_kernels import mirror, narrow

    n = len(P)
    links = P.reshape(-1).view(np.float32)[: n * n].reshape(n, n)
    narrow(P, links)
    mirror(links)
    del links
    # Gives the second half of the memory back where it lies.
    P.resize(((n * n + 1) // 2,), refcheck=False)
    return P.view(np.float32)[: n * n].reshape(n, n)


def _invert_in_place(A: npt.NDArray[np.float64]) -> None:
    """Replace the lower triangle of a symmetric positive definite matrix by that of its inverse."""
    from scipy.linalg import lapack

    scale = float(np.einsum("ii->i", A).max())
    factor, info = lapack.dpotrf(A, lower=1, clean=0, overwrite_a=1)
    if info == 0:
        # A pivot lost in rounding means that the inverse would be noise.
        least = float(np.einsum("ii->i", factor).min()) ** 2
        info = int(least <= scale * len(A) * np.finfo(np.float64).eps)
    if info == 0:
        inverse, info = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if info != 0:
        raise ModelError(
            "the Gram matrix is singular",
            where="ease.fit",
            remedy="set regularization above 0",
        )
    if not np.shares_memory(inverse, A):
        A[:] = inverse
