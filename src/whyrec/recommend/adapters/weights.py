"""Linear item-item models of other libraries: a score is a weighted sum of item similarities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.data.dataset import Reads
from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.adapters.adapted import Adapted
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.removal import Removal


class ItemWeights(Adapted):
    """score_i = Σ_j w_j B_ji with any matrix B, sparse or dense.

    Parameters
    ----------
    binary
        Whether every event weighs 1.
    reads
        `liked` events, or ratings (`rated`), which are then the weights.

    Attributes
    ----------
    weights_
        B [n_items, n_items]: CSR or dense, float32 or float64. Row j is what an event on j adds.
    """

    name: str = "item-weights"
    exact: bool = True
    linear: bool = True

    def __init__(self, *, binary: bool = False, reads: Reads = "liked") -> None:
        if reads not in ("liked", "rated"):
            raise ConfigError(f"cannot read {reads}", where=self.name, remedy="use liked or rated")
        self.binary, self.reads = bool(binary), reads

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        return {"binary": self.binary, "reads": self.reads}

    def take(self, weights: Any) -> Self:
        """Use this matrix.

        Raises
        ------
        ModelError
            If it is not square or holds a value that is not finite.
        """
        B: Any = weights.tocsr() if sparse.issparse(weights) else np.ascontiguousarray(weights)
        if B.ndim != 2 or B.shape[0] != B.shape[1]:
            raise ModelError(
                f"the weights are {B.shape}, not items × items",
                where=self.name,
                remedy="adapt it again",
            )
        values: Any = B.data if sparse.issparse(B) else B
        if not np.isfinite(values).all():
            raise ModelError(
                "weights are not finite numbers", where=self.name, remedy="fit it again"
            )
        if values.dtype not in (np.float32, np.float64):
            B = B.astype(np.float64)
        self.weights_: Any = B
        self.n_items = B.shape[0]
        return self

    def _event_weights(self, weights: Floats) -> npt.NDArray[np.float64]:
        wide = weights.astype(np.float64)
        return np.ones_like(wide) if self.binary else wide

    def _rows(self, items: Ints) -> Floats:
        """Rows of B as a dense float64 block [items, n_items]."""
        rows: Any = self.weights_[items]
        return np.asarray(rows.toarray() if sparse.issparse(rows) else rows, np.float64)

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        a, b = histories.indptr[start], histories.indptr[end]
        indptr = histories.indptr[start : end + 1] - a
        data = self._event_weights(histories.data[a:b])
        part = sparse.csr_matrix(
            (data, histories.indices[a:b], indptr), shape=(end - start, self.n_items)
        )
        scores: Any = part @ self.weights_
        out[:] = scores.toarray() if sparse.issparse(scores) else scores

    def contributions(self, history: History, items: Ints) -> Floats:
        """w_j B_ji: float64 [items, h]."""
        self._check_fitted()
        if sparse.issparse(self.weights_):
            block = np.asarray(self.weights_[history.items][:, items].toarray(), np.float64)
        else:
            block = self.weights_[np.ix_(history.items, items)].astype(np.float64)
        return np.asarray((block * self._event_weights(history.weights)[:, None]).T)

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """The score less each contribution: float64 [items, h]."""
        c = self.contributions(history, items)
        return np.asarray(c.sum(1, keepdims=True) - c)

    def explain(self, history: History, items: Ints) -> tuple[Floats, Floats]:
        """Contributions, which are the effects too."""
        parts = self.contributions(history, items)
        return parts, parts

    def removal(self, history: History) -> Removal:
        """How every score falls when events are removed; see `Removal`."""
        self._check_fitted()
        return Removal.linear(self._rows(history.items), self._event_weights(history.weights))

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`weights`, or the three arrays of a CSR matrix."""
        self._check_fitted()
        B = self.weights_
        if sparse.issparse(B):
            return {"data": B.data, "indices": B.indices, "indptr": B.indptr}
        return {"weights": B}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        if "weights" in arrays:
            return cls(**params).take(arrays["weights"])
        n = len(arrays["indptr"]) - 1
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        return cls(**params).take(sparse.csr_matrix(parts, shape=(n, n)))
