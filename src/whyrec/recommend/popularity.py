"""Popularity: how many people have an item; the list for whoever has no history yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.checks import check_fit
from whyrec.recommend.removal import Removal
from whyrec.recommend.scoring import RowModel


class Popularity(RowModel):
    """The same scores for everybody: the number of people with a positive event on the item.

    Nothing in a history contributes; the count is the baseline.
    """

    name: str = "popularity"
    exact: bool = True
    linear: bool = True

    @property
    def params(self) -> Mapping[str, Any]:
        """It has none."""
        return {}

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Count people."""
        X = check_fit(interactions, "popularity")
        return self._take(np.bincount(X.indices, minlength=X.shape[1]))

    def _take(self, counts: npt.NDArray[Any]) -> Self:
        self.counts_ = np.asarray(counts, np.int64)
        self.n_items = len(self.counts_)
        return self

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        out[:] = self.counts_

    def baseline(self, items: Ints) -> Floats:
        """The counts."""
        return self.counts_[items].astype(np.float64)

    def contributions(self, history: History, items: Ints) -> Floats:
        """Zeros."""
        return np.zeros((len(items), len(history)))

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """The counts, whatever is left out."""
        return np.repeat(self.baseline(items)[:, None], len(history), 1)

    def removal(self, history: History) -> Removal:
        """Nothing falls."""
        h = len(history)
        return Removal.linear(np.zeros((h, self.n_items)), np.zeros(h))

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`counts`."""
        self._check_fitted()
        return {"counts": self.counts_}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        return cls(**params)._take(arrays["counts"])
