"""EASE for large catalogues: each column of B solved over the items that go with it most.

Column i of EASE is the ridge regression of item i on all others. Here it is that on at most the
m items S that go with it most: (G_SS + λI) b = G_Si, with G = XᵀX. Where every item has somebody in
common with every other and m = n_items - 1, that is EASE itself. Sparse neighbourhoods as in Steck
(Markov Random Fields for Collaborative Filtering, NeurIPS 2019), each column here solved exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ModelError
from whyrec.recommend import threads
from whyrec.recommend.checks import check_fit, check_number
from whyrec.recommend.itemknn import gram_cost, pack
from whyrec.recommend.sparse_links import SparseLinks

HEAD_BYTES = 256 << 20
"""Memory of the Gram matrix of the most popular items, which most systems are made of."""

POWER = 0.6
"""Neighbours j of i are those of the largest G_ji / G_jj^POWER: 0 takes the popular items for all,
1 the rarest; 0.5 to 0.75 lose the least NDCG on MovieLens-1M."""


class SparseEASE(SparseLinks):
    """EASE with at most `neighbours` links an item.

    Parameters
    ----------
    regularization
        λ as in EASE.
    neighbours
        m: the items that a column is solved over, 50 to 500.

    Examples
    --------
    >>> X = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32))
    >>> model = SparseEASE(regularization=1.0, neighbours=2).fit(X)
    >>> int(model.recommend(X[:1], 1, exclude=X[:1]).items[0, 0])
    2
    """

    name: str = "ease-sparse"

    def __init__(self, *, regularization: float = 250.0, neighbours: int = 300) -> None:
        check_number(regularization, where="ease-sparse, regularization", low=0)
        check_number(neighbours, where="ease-sparse, neighbours", low=1, high=20_000, whole=True)
        self.regularization, self.neighbours = float(regularization), neighbours

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        return {"regularization": self.regularization, "neighbours": self.neighbours}

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Learn B: O(Σ_u events_u² + n_items · m³) time, 24 · n_items · m + 256 MiB bytes at most.

        Raises
        ------
        ModelError
            If there are no events, a weight is not a finite number ≥ 0, or a system is singular
            (λ = 0).
        """
        from whyrec.recommend.ease_sparse_kernels import solve_columns

        X = check_fit(interactions, "ease-sparse")
        by_item = X.T.tocsr()
        n = X.shape[1]
        squares = np.asarray(np.bincount(X.indices, X.data.astype(np.float64) ** 2, n), np.float64)
        m = max(1, min(self.neighbours, n - 1))
        head, head_gram = _head(X)
        popular = np.maximum(squares, 1e-30) ** -POWER
        sources = np.empty((n, m), np.int32)
        links = np.empty((n, m), np.float32)
        sizes = np.zeros(n, np.int64)
        singular = []

        def work(start: int, end: int) -> None:
            bad = solve_columns(
                by_item.indptr,
                by_item.indices,
                by_item.data,
                X.indptr,
                X.indices,
                X.data,
                squares,
                popular,
                head,
                head_gram,
                self.regularization,
                start,
                end,
                sources,
                links,
                sizes,
            )
            singular.append(bad)

        threads.run(work, threads.pieces(gram_cost(by_item, X) + m**3 / 10))
        if sum(singular):
            raise ModelError(
                f"the Gram matrix of the neighbours of {sum(singular)} items is singular",
                where="ease-sparse.fit",
                remedy="set regularization above 0",
            )
        return self._take(pack(sources, links, sizes))


def _head(X: sparse.csr_matrix) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The rows in a dense Gram matrix of the most popular items (-1: not in it), and the matrix."""
    from whyrec.recommend.ease_sparse_kernels import full_gram_rows

    n = X.shape[1]
    size = min(n, int((HEAD_BYTES // 4) ** 0.5))
    events = np.bincount(X.indices, minlength=n)
    chosen = np.sort(np.argsort(-events, kind="stable")[:size])
    head = np.full(n, -1, np.int32)
    head[chosen] = np.arange(size)
    part = X[:, chosen] if size < n else X
    by_item = part.T.tocsr()
    gram = np.zeros((size, size), np.float32)

    def work(start: int, end: int) -> None:
        full_gram_rows(
            by_item.indptr,
            by_item.indices,
            by_item.data,
            part.indptr,
            part.indices,
            part.data,
            start,
            end,
            gram,
        )

    threads.run(work, threads.pieces(gram_cost(by_item, part)))
    return head, gram
