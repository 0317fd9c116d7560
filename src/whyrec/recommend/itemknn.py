"""ItemKNN: an item is worth what its nearest items in the history are worth (Sarwar et al., 2001).

The score of item i is Σ_j w_j s(j, i) over those events j of the history that are among the k items
nearest to i, so that w_j s(j, i) is what event j adds to it (Deshpande and Karypis, TOIS 2004).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.recommend import threads
from whyrec.recommend.checks import check_fit, check_number
from whyrec.recommend.sparse_links import SparseLinks


class ItemKNN(SparseLinks):
    """Nearest items by what people have both.

    Parameters
    ----------
    similarity
        `cosine`; `tfidf`: cosine with people weighted by rarity (who has few items tells more about
        two of them); `pearson` correlation; `jaccard`; `bm25`: the product of BM25 weights.
    k
        Neighbours of an item, 20 to 500.
    shrinkage
        Added to the denominator, in its unit (about people for cosine): how many people must agree
        before a similarity is believed.
    asymmetry
        α of `cosine` and `tfidf`, 0 to 1: the power of the event's item in the denominator, the other
        1 - α going to the candidate. Above 0.5 popular candidates gain.
    activity
        How much less a person with many events says about two of them: weights in the sums over
        people are divided by events^activity. 0 counts everybody alike.

    Examples
    --------
    >>> X = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32))
    >>> model = ItemKNN(similarity="cosine", shrinkage=0, activity=0).fit(X)
    >>> model.scores(X[:1]).round(3).tolist()
    [[0.816, 0.816, 0.577]]
    """

    name: str = "itemknn"

    def __init__(
        self,
        *,
        similarity: str = "tfidf",
        k: int = 200,
        shrinkage: float = 1.0,
        asymmetry: float = 0.5,
        activity: float = 1.0,
    ) -> None:
        from whyrec.recommend.similarity import check_knn

        check_knn("itemknn", similarity=similarity, k=k, shrinkage=shrinkage, asymmetry=asymmetry)
        check_number(activity, where="itemknn, activity", low=0, high=2)
        self.similarity, self.k = similarity, k
        self.shrinkage, self.asymmetry = float(shrinkage), float(asymmetry)
        self.activity = float(activity)

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = ("similarity", "k", "shrinkage", "asymmetry", "activity")
        return {n: getattr(self, n) for n in names}

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Find the neighbours: O(Σ_u events_u²) time, 8 · n_items · k bytes; no Gram matrix is kept.

        Raises
        ------
        ModelError
            If there are no events, or a weight is not a finite number ≥ 0.
        """
        from whyrec.recommend.nearest_kernels import nearest_rows
        from whyrec.recommend.similarity import norms

        X = check_fit(interactions, "itemknn")
        by_user = self._weighted(X)
        by_item = by_user.T.tocsr()
        norm = norms(by_item, self.similarity, self.asymmetry)
        n = X.shape[1]
        k = max(1, min(self.k, n - 1))
        sources = np.empty((n, k), np.int32)
        links = np.empty((n, k), np.float32)
        sizes = np.zeros(n, np.int64)

        def work(start: int, end: int) -> None:
            nearest_rows(
                by_item.indptr,
                by_item.indices,
                by_item.data,
                by_user.indptr,
                by_user.indices,
                by_user.data,
                norm.left,
                norm.right,
                norm.mean,
                norm.union,
                self.shrinkage,
                start,
                end,
                sources,
                links,
                sizes,
            )

        threads.run(work, threads.pieces(gram_cost(by_item, by_user)))
        return self._take(pack(sources, links, sizes))

    def _weighted(self, X: sparse.csr_matrix) -> sparse.csr_matrix:
        """X with the weights that the similarity sums, float64."""
        from whyrec.recommend.similarity import bm25, rarity

        events = np.diff(X.indptr)
        data = X.data.astype(np.float64)
        if self.similarity == "bm25":
            by_item = X.T.tocsr()
            by_item.data = bm25(by_item)
            data = by_item.T.tocsr().data
        each = np.ones(X.shape[0])
        if self.similarity in ("tfidf", "bm25"):
            each = rarity(X, 1)
        # Both factors of a product carry it, hence the half power.
        each = each / np.maximum(events, 1) ** (self.activity / 2)
        return sparse.csr_matrix((data * np.repeat(each, events), X.indices, X.indptr), X.shape)


def gram_cost(by_item: sparse.csr_matrix, by_user: sparse.csr_matrix) -> npt.NDArray[np.float64]:
    """Products an item, to share the work out by."""
    pairs = np.diff(by_user.indptr)[by_item.indices].astype(np.float64)
    items = np.repeat(np.arange(by_item.shape[0]), np.diff(by_item.indptr))
    return np.asarray(np.bincount(items, pairs, by_item.shape[0]) + 100, np.float64)


def pack(
    sources: npt.NDArray[np.int32], links: npt.NDArray[np.float32], sizes: npt.NDArray[np.int64]
) -> sparse.csr_matrix:
    """The first `sizes[i]` columns of each row of [n, k] tables as an n × n CSR matrix."""
    n, k = sources.shape
    kept = np.arange(k) < sizes[:, None]
    indptr = np.concatenate(([0], np.cumsum(sizes)))
    place = (links[kept], sources[kept], indptr.astype(np.int64 if indptr[-1] >> 31 else np.int32))
    return sparse.csr_matrix(place, shape=(n, n))
