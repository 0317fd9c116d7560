"""Scoring and ranking shared by all models that score a row at a time; memory is bounded."""

from __future__ import annotations

from abc import abstractmethod
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import threads
from whyrec.recommend.base import Floats, Ints, Ranking, Recommender
from whyrec.recommend.checks import check_histories

BLOCK_BYTES = 8 << 20
"""Scores held at once by one thread while ranking."""


class RowModel(Recommender):
    """A recommender that can score any range of histories into a given block.

    Attributes
    ----------
    parallel
        Whether blocks may be scored from several threads at once. Models that bring threads of
        their own (torch, somebody's function) say no.
    """

    parallel: bool = True

    @abstractmethod
    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        """Write the scores of histories `start` to `end` into `out` [end - start, n_items]."""

    def _check_fitted(self) -> None:
        if not hasattr(self, "n_items"):
            raise ModelError("not fitted", where=self.name, remedy="call fit first")

    def scores(self, histories: sparse.csr_matrix) -> Floats:
        """Scores of every item for each history: float64 [histories, n_items]."""
        self._check_fitted()
        csr = self._check(histories, f"{self.name}.scores")
        out = np.empty(csr.shape, np.float64)
        self._run(csr, lambda a, b: self._score_rows(csr, a, b, out[a:b]))
        return out

    def recommend(
        self, histories: sparse.csr_matrix, n: int, *, exclude: sparse.csr_matrix | None = None
    ) -> Ranking:
        """The n best items for each history; see `Recommender.recommend`.

        Raises
        ------
        ConfigError
            If n is below 1.
        ModelError
            If the histories or `exclude` do not fit the model.
        """
        self._check_fitted()
        csr = self._check(histories, f"{self.name}.recommend")
        return rank(self._score_rows, csr, n, exclude, parallel=self.parallel)

    def _check(self, histories: sparse.csr_matrix, what: str) -> sparse.csr_matrix:
        return check_histories(histories, self.reads, what=what, n_items=self.n_items)

    def _run(self, csr: sparse.csr_matrix, work: Any) -> None:
        if csr.shape[0] == 1 or not self.parallel:
            step = max(1, BLOCK_BYTES // (8 * self.n_items))
            for start in range(0, csr.shape[0], step):
                work(start, min(start + step, csr.shape[0]))
        else:
            threads.run(work, threads.pieces(np.diff(csr.indptr) + 8))


def blocks(flat: Floats, offsets: Ints, n: int) -> list[Floats]:
    """The [n, h] block of each history in a flat array: views from `offsets[u]` to the next."""
    ends = offsets.tolist()
    return [flat[a:b].reshape(n, (b - a) // n) for a, b in pairwise(ends)]


def check_exclude(
    exclude: sparse.csr_matrix | None, csr: sparse.csr_matrix
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Where each row of `exclude` starts, and its items, ascending; both empty without any.

    Raises
    ------
    ModelError
        If it is not as large as the histories.
    """
    if exclude is None:
        none: npt.NDArray[np.int32] = np.empty(0, np.int32)
        return none, none
    if exclude.shape != csr.shape:
        raise ModelError(
            f"exclude is {exclude.shape}, the histories {csr.shape}",
            where="recommend",
            remedy="pass a matrix of the same shape",
        )
    exclude = exclude.tocsr()
    if not exclude.has_sorted_indices:
        exclude = exclude.sorted_indices()
    return exclude.indptr.astype(np.int32), exclude.indices.astype(np.int32)


def rank(
    score_rows: Any,
    csr: sparse.csr_matrix,
    n: int,
    exclude: sparse.csr_matrix | None,
    *,
    parallel: bool = True,
) -> Ranking:
    """Rank every row with `score_rows(csr, start, end, out)`, block by block."""
    from whyrec.recommend.topn import LONG, sort_rows, top_rows

    if n < 1:
        raise ConfigError(f"a list of {n}", where="n", remedy="use 1 or more")
    rows, n_items = csr.shape
    indptr, hidden = check_exclude(exclude, csr)
    short = min(n, n_items)
    items: Ints = np.full((rows, n), -1, np.int32)
    scores: Floats = np.full((rows, n), -np.inf)
    choose = top_rows if short <= LONG else sort_rows
    step = max(1, BLOCK_BYTES // (8 * n_items))

    def work(start: int, end: int) -> None:
        block = np.empty((min(step, end - start), n_items))
        for a in range(start, end, step):
            b = min(a + step, end)
            part = block[: b - a]
            score_rows(csr, a, b, part)
            choose(part, indptr, hidden, a, short, items[a:b, :short], scores[a:b, :short])

    if rows == 1 or not parallel:
        work(0, rows)
    else:
        threads.run(work, threads.pieces(np.diff(csr.indptr) + 8))
    return Ranking(items, scores)
