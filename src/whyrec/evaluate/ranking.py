"""Measures of top-n lists against held-out items; every one is a mean over the people who have some.

Definitions (Järvelin and Kekäläinen, TOIS 2002, for NDCG), binary relevance, rank r from 1:
DCG@k = Σ rel_r / log2(r + 1), NDCG@k = DCG@k / that of the best possible list of k;
recall@k = hits / held-out items; precision@k = hits / k; hit rate@k = whether there is a hit;
MRR@k = 1 / rank of the first hit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError

Floats = npt.NDArray[np.float64]


def held_out(
    users: npt.NDArray[np.integer], *, share: float = 0.2, seed: int = 0
) -> npt.NDArray[np.bool_]:
    """Which events to hold out: a share of each person's, at random.

    Of a person with m events round(share · m) are held out: the first of a permutation of theirs, in
    the order given, drawn by one generator (`numpy.random.default_rng`), person after person.

    Parameters
    ----------
    users
        int [events]: whose event each is, 0 to n - 1.

    Raises
    ------
    ConfigError
        If `share` is not between 0 and 1.

    Examples
    --------
    >>> held_out(np.array([0, 1, 0, 0, 0, 0, 1])).tolist()
    [False, False, False, True, False, False, False]
    """
    if not 0 < share < 1:
        raise ConfigError(f"a share of {share}", where="split", remedy="use one between 0 and 1")
    order = np.argsort(users, kind="stable")
    sizes = np.bincount(users)
    rng = np.random.default_rng(seed)
    held = np.zeros(len(users), np.bool_)
    start = 0
    for m in sizes.tolist():
        held[order[start + rng.permutation(m)[: round(share * m)]]] = True
        start += m
    return held


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
    >>> found.precision(2), found.recall(2), found.mrr(2), round(found.ndcg(2), 4)
    (0.5, 0.5, 1.0, 0.6131)
    """

    hits: npt.NDArray[np.bool_]
    relevant: npt.NDArray[np.int64]
    items: npt.NDArray[np.integer]
    n_items: int

    @classmethod
    def of(cls, items: npt.NDArray[np.integer], test: sparse.csr_matrix) -> Hits:
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
        held = np.zeros(test.shape, np.bool_)
        held[np.repeat(np.arange(len(relevant)), relevant), test.indices] = True
        lists = items[people]
        hits = held[people[:, None], np.maximum(lists, 0)] & (lists >= 0)
        return cls(hits, relevant[people], lists, test.shape[1])

    def _top(self, k: int) -> npt.NDArray[np.bool_]:
        if not 1 <= k <= self.hits.shape[1]:
            raise ConfigError(
                f"k = {k} of lists of {self.hits.shape[1]}",
                where="ranking measures",
                remedy="make longer lists or use a smaller k",
            )
        return self.hits[:, :k]

    def ndcg_each(self, k: int) -> Floats:
        """NDCG@k of each person: float64 [people]."""
        top = self._top(k)
        gain = 1 / np.log2(np.arange(2, k + 2))
        best = np.cumsum(gain)[np.minimum(self.relevant, k) - 1]
        return np.asarray((top * gain).sum(1) / best)

    def ndcg(self, k: int) -> float:
        """NDCG@k."""
        return float(self.ndcg_each(k).mean())

    def recall(self, k: int) -> float:
        """Recall@k: of all held-out items, not of the first k."""
        return float((self._top(k).sum(1) / self.relevant).mean())

    def precision(self, k: int) -> float:
        """Precision@k; a shorter list is as bad as one filled with misses."""
        return float(self._top(k).sum(1).mean() / k)

    def hit_rate(self, k: int) -> float:
        """The share of people with at least one hit among the first k."""
        return float(self._top(k).any(1).mean())

    def mrr(self, k: int) -> float:
        """The mean of 1 / rank of the first hit, 0 without one."""
        top = self._top(k)
        first = top.argmax(1) + 1
        return float(np.where(top.any(1), 1 / first, 0).mean())

    def coverage(self, k: int) -> float:
        """The share of the catalogue that stands in anybody's first k."""
        self._top(k)
        shown = np.unique(self.items[:, :k])
        return float((shown >= 0).sum() / self.n_items)
