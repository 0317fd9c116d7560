"""Scores that come from outside: checked, put in our order, and explained by asking again.

The scores are the original's own. Nothing is known of their making, so that the model is not exact,
and evidence is found by scoring parts of a history (see `evidence.attribution`).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ModelError
from whyrec.recommend.adapters.adapted import Adapted
from whyrec.recommend.adapters.vocabulary import Alignment
from whyrec.recommend.base import Floats, History, Ints

BATCH = 256
"""Histories asked about at once."""


class Scorer(Adapted):
    """A model that is asked for its scores, some histories at a time.

    Attributes
    ----------
    rows
        Which of its items are which of ours.
    batch
        Histories asked about at once.
    """

    exact: bool = False
    linear: bool = False
    parallel: bool = False
    rows: Alignment
    batch: int = BATCH

    @abstractmethod
    def _ask(self, histories: sparse.csr_matrix) -> Any:
        """Scores [histories, their items] for histories in their columns; they are checked here."""

    def _use(self, rows: Alignment) -> None:
        self.rows = rows
        self.n_items = len(rows.theirs)

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        for a in range(start, end, self.batch):
            b = min(a + self.batch, end)
            asked = self.rows.outward(histories[a:b])
            out[a - start : b - start] = self._ours(self._ask(asked), b - a)

    def _ours(self, answer: Any, n: int) -> npt.NDArray[np.float64]:
        """The checked answer in our order; items that they do not know come last.

        Raises
        ------
        ModelError
            If it is not numbers of the right shape, or one is not finite.
        """
        shape = (n, self.rows.size)
        try:
            scores = np.asarray(answer, np.float64)
        except (TypeError, ValueError, OverflowError):
            raise ModelError(
                f"answered with {type(answer).__name__} that is not a table of numbers",
                where=self.name,
                remedy=f"answer {shape[0]} × {shape[1]} scores: a row a history, a column an item",
            ) from None
        if scores.shape != shape:
            raise ModelError(
                f"answered {' × '.join(map(str, scores.shape)) or 'one number'} "
                f"for {shape[0]} histories and {shape[1]} items",
                where=self.name,
                remedy=f"answer {shape[0]} × {shape[1]} scores: a row a history, a column an item",
            )
        bad = ~np.isfinite(scores)
        if bad.any():
            row, column = np.argwhere(bad)[0].tolist()
            raise ModelError(
                f"{int(bad.sum())} scores are not finite numbers, the first is "
                f"{scores[row, column]} in row {row}, column {column}",
                where=self.name,
                remedy="give items that must not be shown a low number",
            )
        if self.rows.identity:
            return scores
        low = scores.min(1, initial=0) - np.ptp(scores, axis=1) - 1
        theirs = self.rows.theirs
        return np.where(theirs >= 0, scores[:, np.maximum(theirs, 0)], low[:, None])

    def contributions(self, history: History, items: Ints) -> Floats:
        """Not known.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("only the scores are known; evidence is sampled from them")
