"""Measures of top-n lists against held-out items; every one is a mean over the people who have some.

Binary relevance rel_r at rank r from 1, R the number of held-out items:
precision@k = hits / k; recall@k = hits / R; hit rate@k = whether there is a hit;
DCG@k = Σ rel_r / log2(r + 1), NDCG@k = DCG@k / that of the best possible list of k (Järvelin and
Kekäläinen, TOIS 2002); AP@k = Σ rel_r · precision@r / min(R, k), MAP its mean (Manning et al.,
Introduction to Information Retrieval, 8.4, cut at k); MRR@k = 1 / rank of the first hit (Voorhees,
TREC-8 1999); AUC = the chance that a held-out item scores above an item that is neither held out
nor known, ties count half (Hanley and McNeil, Radiology 1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError
from whyrec.evaluate.splits import held_out

__all__ = ["Hits", "auc_each", "held_out"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Hits:
    """Lists joined with what was held out; the measures are its methods.

    Attributes
    ----------
    hits
        bool [people, n]: whether the item at that rank was held out.
    relevant
        int [people]: how many items were held out; all are above 0.
    items
        int [people, n]: the lists, -1 where they are shorter.
    n_items
        Size of the catalogue.

    Examples
    --------
    >>> test = sparse.csr_matrix(np.array([[0, 1, 0, 1]]))
    >>> found = Hits.of(np.array([[3, 0]]), test)
    >>> found.precision(2), found.recall(2), found.mrr(2), found.map(2), round(found.ndcg(2), 4)
    (0.5, 0.5, 1.0, 0.5, 0.6131)
    """

    hits: npt.NDArray[np.bool_]
    relevant: npt.NDArray[np.int64]
    items: npt.NDArray[np.integer[Any]]
    n_items: int

    @classmethod
    def of(cls, items: npt.NDArray[np.integer[Any]], test: sparse.csr_matrix) -> Hits:
        """Join lists [users, n] with held-out items; people without any are left out.

        Raises
        ------
        ConfigError
            If the two are not about the same number of people, or nobody has held-out items.
        """
        if len(items) != test.shape[0]:
            raise ConfigError(
                f"{len(items)} lists for {test.shape[0]} people",
                where="ranking measures",
                remedy="pass one list for each row of the held-out matrix",
            )
        relevant = np.diff(test.indptr).astype(np.int64)
        people = np.flatnonzero(relevant)
        if not len(people):
            raise ConfigError(
                "nothing is held out", where="ranking measures", remedy="hold out a larger share"
            )
        # One number a pair, found by bisection: memory grows with the lists, not the catalogue.
        width = np.int64(test.shape[1])
        held = np.sort(np.repeat(np.arange(len(relevant)) * width, relevant) + test.indices)
        lists = items[people]
        keys = people[:, None] * width + lists
        place = np.minimum(np.searchsorted(held, keys), len(held) - 1)
        hits = (held[place] == keys) & (lists >= 0)
        return cls(hits, relevant[people], lists, int(width))

    def _top(self, k: int) -> npt.NDArray[np.bool_]:
        if not 1 <= k <= self.hits.shape[1]:
            raise ConfigError(
                f"k = {k} of lists of {self.hits.shape[1]}",
                where="ranking measures",
                remedy="make longer lists or use a smaller k",
            )
        return self.hits[:, :k]

    def each(self, measure: str, k: int) -> Floats:
        """A measure of each person by its name: float64 [people].

        `ndcg`, `recall`, `precision`, `hit_rate`, `map` or `mrr`.
        """
        return np.asarray(getattr(self, f"{measure}_each")(k), np.float64)

    def ndcg_each(self, k: int) -> Floats:
        """NDCG@k of each person: float64 [people]."""
        top = self._top(k)
        gain = 1 / np.log2(np.arange(2, k + 2))
        best = np.cumsum(gain)[np.minimum(self.relevant, k) - 1]
        return np.asarray((top * gain).sum(1) / best)

    def recall_each(self, k: int) -> Floats:
        """Recall@k of each person, of all held-out items and not of the first k."""
        return np.asarray(self._top(k).sum(1) / self.relevant)

    def precision_each(self, k: int) -> Floats:
        """Precision@k of each person; a shorter list is as bad as one filled with misses."""
        return np.asarray(self._top(k).sum(1) / k)

    def hit_rate_each(self, k: int) -> Floats:
        """1 for each person with a hit among the first k, else 0."""
        return np.asarray(self._top(k).any(1), np.float64)

    def map_each(self, k: int) -> Floats:
        """Average precision@k of each person, divided by what a perfect list of k could hit."""
        top = self._top(k)
        precision = np.cumsum(top, 1) / np.arange(1, k + 1)
        return np.asarray((precision * top).sum(1) / np.minimum(self.relevant, k))

    def mrr_each(self, k: int) -> Floats:
        """1 / rank of each person's first hit among the first k, 0 without one."""
        top = self._top(k)
        return np.where(top.any(1), 1 / (top.argmax(1) + 1), 0.0)

    def ndcg(self, k: int) -> float:
        """NDCG@k."""
        return float(self.ndcg_each(k).mean())

    def recall(self, k: int) -> float:
        """Recall@k."""
        return float(self.recall_each(k).mean())

    def precision(self, k: int) -> float:
        """Precision@k."""
        return float(self.precision_each(k).mean())

    def hit_rate(self, k: int) -> float:
        """The share of people with at least one hit among the first k."""
        return float(self.hit_rate_each(k).mean())

    def map(self, k: int) -> float:
        """Mean average precision@k."""
        return float(self.map_each(k).mean())

    def mrr(self, k: int) -> float:
        """The mean of 1 / rank of the first hit, 0 without one."""
        return float(self.mrr_each(k).mean())

    def coverage(self, k: int) -> float:
        """The share of the catalogue that stands in anybody's first k."""
        self._top(k)
        shown = np.unique(self.items[:, :k])
        return float((shown >= 0).sum() / self.n_items)


def auc_each(
    scores: npt.NDArray[np.floating[Any]], test: sparse.csr_matrix, seen: sparse.csr_matrix
) -> Floats:
    """The AUC of each person: float64 [people], NaN without held-out items or without others.

    Parameters
    ----------
    scores
        Of every item for each person: [people, n_items].
    test, seen
        people × n_items CSR: what was held out, and what is known and so is no candidate.

    Examples
    --------
    >>> test, seen = (sparse.csr_matrix(np.array([r])) for r in ([0, 1, 0, 0, 1], [1, 0, 0, 0, 0]))
    >>> auc_each(np.array([[9.0, 3.0, 2.0, 1.0, 1.0]]), test, seen).tolist()  # 1 and 1, then 0 and ½
    [0.625]
    """
    out = np.full(len(scores), np.nan)
    candidate = np.empty(scores.shape[1], np.bool_)
    for row, line in enumerate(scores):
        wanted = test.indices[test.indptr[row] : test.indptr[row + 1]]
        candidate[:] = True
        candidate[seen.indices[seen.indptr[row] : seen.indptr[row + 1]]] = False
        candidate[wanted] = False
        others = np.sort(line[candidate])
        if len(wanted) and len(others):
            mine = line[wanted]
            below = np.searchsorted(others, mine, "left") + np.searchsorted(others, mine, "right")
            out[row] = below.sum() / (2 * len(wanted) * len(others))
    return out
