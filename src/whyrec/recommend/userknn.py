"""UserKNN: an item is worth what the nearest people say of it (Resnick et al., CSCW 1994).

The score of item i is Σ_v s(u, v) x_vi over the k people nearest to the history u. The dot product
in s is a sum over the events of u, so with the neighbourhood and the norms as they are event j adds
Σ_v w_j x_vj x_vi / (l_u r_v + shrinkage); by neighbour, v adds s(u, v) x_vi.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.base import Breakdown, Floats, History, Ints
from whyrec.recommend.checks import check_fit, check_number
from whyrec.recommend.scoring import RowModel

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.userknn_kernels import People

KINDS = {"cosine": 0, "tfidf": 0, "pearson": 1, "jaccard": 2}


class UserKNN(RowModel):
    """Nearest people by what they both have.

    The one model that reads other people's histories when it scores. It saves none of them: the data
    set is given to it again with `attach`, so that what is erased there no longer counts here.

    Whose history is exactly the one asked about is nobody's neighbour: it is the person themself, or
    somebody who can only vote for what the person has already. A history that is the person's own
    less some events has the full one for a neighbour; that votes for no other candidate than the
    events left out, and takes one of the k places.

    Parameters
    ----------
    similarity
        `cosine`; `tfidf`: cosine with items weighted by rarity; `pearson` correlation; `jaccard`.
    k
        Neighbours of a person.
    shrinkage
        Added to the denominator: how many items must agree before people count as alike.
    asymmetry
        α of `cosine` and `tfidf`, 0 to 1: the power of the history asked about in the denominator,
        the other 1 - α going to the neighbour. Below 0.5 people with long histories, who vote for
        many items, count less.
    popularity
        How much less a popular item says about two people: weights in the sums over items are
        divided by people^popularity. 0 counts every item alike.

    Attributes
    ----------
    item_weights_
        float64 [n_items]: what sharing an item counts.

    Examples
    --------
    >>> X = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], np.float32))
    >>> model = UserKNN(similarity="cosine", shrinkage=0, asymmetry=0.5).fit(X)
    >>> model.scores(X[:1]).round(3).tolist()
    [[0.816, 1.316, 1.316]]
    """

    name: str = "userknn"
    exact: bool = True
    linear: bool = False

    def __init__(
        self,
        *,
        similarity: str = "cosine",
        k: int = 80,
        shrinkage: float = 1.0,
        asymmetry: float = 0.35,
        popularity: float = 0.0,
    ) -> None:
        from whyrec.recommend.similarity import check_knn

        check_knn("userknn", similarity=similarity, k=k, shrinkage=shrinkage, asymmetry=asymmetry)
        if similarity not in KINDS:
            raise ConfigError(
                f"people are not compared by {similarity}",
                where="userknn, similarity",
                remedy=f"use {', '.join(KINDS)}",
            )
        check_number(popularity, where="userknn, popularity", low=0, high=2)
        self.similarity, self.k = similarity, k
        self.shrinkage, self.asymmetry = float(shrinkage), float(asymmetry)
        self.popularity = float(popularity)

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = ("similarity", "k", "shrinkage", "asymmetry", "popularity")
        return {n: getattr(self, n) for n in names}

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Weigh the items, and take these people as those to compare with: O(events).

        Raises
        ------
        ModelError
            If there are no events, or a weight is not a finite number ≥ 0.
        """
        from whyrec.recommend.similarity import rarity

        X = check_fit(interactions, "userknn")
        weights = np.maximum(np.bincount(X.indices, minlength=X.shape[1]), 1.0)
        # Both factors of a product carry it, hence the half power.
        weights **= -self.popularity / 2
        if self.similarity == "tfidf":
            weights *= rarity(X, 0)
        self.item_weights_ = weights
        self.n_items = X.shape[1]
        return self._meet(X)

    def attach(self, dataset: Dataset) -> None:
        """Take the people of a data set, whose positive events are compared with from now on.

        Raises
        ------
        ModelError
            If it has another number of items than the model.
        """
        self._meet(self._check(dataset.histories("liked"), "userknn.attach"))

    def _meet(self, X: sparse.csr_matrix) -> Self:
        from whyrec.recommend.similarity import norms
        from whyrec.recommend.userknn_kernels import People

        by_item = X.T.tocsr()
        weighted = X.data * self.item_weights_[X.indices]
        rows = sparse.csr_matrix((weighted, X.indices, X.indptr), X.shape)
        norm = norms(rows, self.similarity, self.asymmetry)
        self._people = People(
            X.indptr,
            X.indices,
            X.data,
            by_item.indptr,
            by_item.indices,
            by_item.data,
            self.item_weights_,
            norm.right,
            norm.mean,
            KINDS[self.similarity],
            self.asymmetry,
            self.shrinkage,
        )
        return self

    def _all(self) -> People:
        self._check_fitted()
        if not hasattr(self, "_people"):
            raise ModelError(
                "nobody to compare with",
                where=self.name,
                remedy="call attach with a data set, or use it through a Bundle",
            )
        return self._people

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        from whyrec.recommend.userknn_kernels import score_rows

        csr = histories
        score_rows(self._all(), self.k, csr.indptr, csr.indices, csr.data, start, end, out)

    def contributions(self, history: History, items: Ints) -> Floats:
        """What each event adds, with the neighbourhood as it is: float64 [items, h]."""
        return self._explain(history, items)[0]

    def _explain(self, history: History, items: Ints) -> tuple[Floats, Floats, Ints]:
        """By event, by neighbour, and the neighbours' row numbers."""
        from whyrec.recommend.userknn_kernels import explain

        wanted, back = np.unique(items, return_inverse=True)
        parts = np.zeros((len(wanted), len(history)))
        by_person = np.zeros((len(wanted), self.k))
        who = np.empty(self.k, np.int32)
        size = explain(self._all(), *_arrays(history), wanted, parts, by_person, who)
        return parts[back], by_person[back, :size], who[:size]

    def breakdowns(self, history: History, items: Ints) -> tuple[Breakdown, ...]:
        """By neighbour; the names are row numbers of the attached data set."""
        _, parts, who = self._explain(history, items)
        return (Breakdown("neighbour", tuple(str(v) for v in who.tolist()), parts),)

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """Scores without each event, with the neighbours found anew: float64 [items, h]."""
        from whyrec.recommend.userknn_kernels import leave_one_out

        wanted, back = np.unique(items, return_inverse=True)
        out = np.zeros((len(wanted), len(history)))
        leave_one_out(self._all(), self.k, *_arrays(history), wanted, out)
        return out[back]

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`item_weights`; nobody's history."""
        self._check_fitted()
        return {"item_weights": self.item_weights_}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back; it scores once a data set is attached."""
        model = cls(**params)
        model.item_weights_ = np.asarray(arrays["item_weights"], np.float64)
        model.n_items = len(model.item_weights_)
        return model


def _arrays(history: History) -> tuple[Ints, Floats]:
    return np.asarray(history.items, np.int32), np.asarray(history.weights, np.float32)
