"""What neural recommenders have in common: no sum of parts, effects by the model's own scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ModelError
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.neural import runtime
from whyrec.recommend.scoring import RowModel


class NeuralModel(RowModel):
    """A recommender whose score is a network of the whole history.

    Attributes
    ----------
    network_
        `torch.nn.Module`, ready to score.
    curve_
        float64 [epochs, 3]: epoch from 1, mean training loss, NDCG@10 on the validation people
        (-1 without validation).
    """

    exact: bool = False
    linear: bool = False
    parallel: bool = False
    network_: Any
    curve_: Floats

    def _new_network(self, n_items: int) -> Any:
        raise NotImplementedError

    def contributions(self, history: History, items: Ints) -> Floats:
        """There are none: the score is not a sum over events. Evidence samples them instead.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(
            f"{self.name} has no additive contributions; attribute by calls of the model"
        )

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """Scores without each event, by scoring each shorter history: float64 [items, h]."""
        self._check_fitted()
        h = len(history)
        out = np.empty((len(items), h))
        step = max(1, (4 << 20) // max(self.n_items, h))
        for a in range(0, h, step):
            rows = shorter(history, np.arange(a, min(a + step, h)), self.n_items)
            out[:, a : a + step] = self.scores(rows)[:, items].T
        return out

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """The network's tensors by name, and `curve`."""
        self._check_fitted()
        return {**runtime.to_arrays(self.network_), "curve": self.curve_}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back.

        Raises
        ------
        ModelError
            If the arrays do not fit the parameters, or torch is not installed.
        """
        model = cls(**params)
        if cls._table not in arrays or "curve" not in arrays:
            raise ModelError("arrays do not fit together", where=cls.name, remedy="fit again")
        n_items = len(arrays[cls._table]) - cls._extra_rows
        model.network_ = runtime.load_arrays(model._new_network(n_items), arrays, model=cls.name)
        model.curve_ = np.asarray(arrays["curve"], np.float64)
        model.n_items = n_items
        return model

    _table: str = ""
    """The tensor that has one row an item."""

    _extra_rows: int = 0
    """Rows of that tensor that are no items."""


def shorter(history: History, positions: Ints, n_items: int) -> sparse.csr_matrix:
    """The history without each one of these positions: CSR [positions, n_items], order kept."""
    h = len(history)
    keep = np.arange(h)[None, :] != positions[:, None]
    where = np.broadcast_to(np.arange(h), keep.shape)[keep]
    indptr = np.arange(len(positions) + 1) * (h - 1)
    data = np.asarray(history.weights)[where]
    return sparse.csr_matrix(
        (data, np.asarray(history.items)[where], indptr), shape=(len(positions), n_items)
    )
