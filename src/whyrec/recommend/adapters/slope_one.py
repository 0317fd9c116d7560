"""Slope One (Lemire and Maclachlan, SDM 2005): one's mean, and how much better an item is than others.

score_i = mean(r) + Σ_{j∈R} dev_ij / |R|, R the rated items that anybody rated together with i. Event j
adds r_j / h, and dev_ij / |R| if it is in R.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.data.dataset import Reads
from whyrec.errors import ModelError
from whyrec.recommend.adapters.adapted import Adapted
from whyrec.recommend.base import Floats, History, Ints


class SlopeOne(Adapted):
    """Deviations between items, as another library counted them.

    Attributes
    ----------
    deviations_
        float32 [n_items, n_items]: row j, column i is dev_ij, NaN-free.
    together_
        bool [n_items, n_items]: whether anybody rated both.
    known_
        bool [n_items].
    """

    name: str = "slope-one"
    exact: bool = True
    linear: bool = False
    parallel: bool = False
    reads: Reads = "rated"

    @property
    def params(self) -> Mapping[str, Any]:
        """It has none."""
        return {}

    def take(self, deviations: Any, together: Any, known: Any) -> Self:
        """Use these arrays.

        Raises
        ------
        ModelError
            If they do not fit together.
        """
        self.together_ = np.asarray(together, np.bool_)
        self.deviations_ = np.where(self.together_, deviations, 0).astype(np.float32)
        self.known_ = np.asarray(known, np.bool_)
        self.n_items = n = len(self.known_)
        if self.together_.shape != (n, n) or not np.isfinite(self.deviations_).all():
            raise ModelError("arrays do not fit together", where=self.name, remedy="adapt again")
        # Below any mean of ratings that can be met: what the original does not know comes last.
        self._low = float(np.abs(self.deviations_).max(initial=0)) * 2 + 1
        return self

    def _parts(self, history: History, items: Ints | None) -> tuple[Ints, Floats]:
        at = np.flatnonzero(self.known_[history.items])
        own = history.items[at]
        pick: Any = own if items is None else np.ix_(own, items)
        linked = self.together_[pick]
        shares = self.deviations_[pick].astype(np.float64) / np.maximum(linked.sum(0), 1)
        if len(at):
            ratings = history.weights[at].astype(np.float64)
            known = self.known_ if items is None else self.known_[items]
            shares += (ratings / len(at))[:, None] * known
        return at, shares

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        base = self.baseline(np.arange(self.n_items))
        for row, u in enumerate(range(start, end)):
            a, b = histories.indptr[u], histories.indptr[u + 1]
            history = History(histories.indices[a:b], histories.data[a:b])
            out[row] = base + self._parts(history, None)[1].sum(0)

    def baseline(self, items: Ints) -> Floats:
        """0, and below every score for items that the original does not know."""
        return np.where(self.known_[items], 0.0, -self._low)

    def contributions(self, history: History, items: Ints) -> Floats:
        """What each rated item adds: float64 [items, h]."""
        self._check_fitted()
        out = np.zeros((len(items), len(history)))
        at, parts = self._parts(history, np.asarray(items))
        out[:, at] = parts.T
        return out

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """Scores without each event: float64 [items, h]."""
        self._check_fitted()
        out = np.empty((len(items), len(history)))
        base = self.baseline(np.asarray(items))
        for j, item in enumerate(history.items):
            rest = history.without(np.array([item]))
            out[:, j] = base + self._parts(rest, np.asarray(items))[1].sum(0)
        return out

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`deviations`, `together` and `known`."""
        self._check_fitted()
        return {
            "deviations": self.deviations_,
            "together": self.together_,
            "known": self.known_,
        }

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        return cls(**params).take(arrays["deviations"], arrays["together"], arrays["known"])
