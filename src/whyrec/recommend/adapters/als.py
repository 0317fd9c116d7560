"""Another library's implicit-feedback ALS: our fold-in with their item factors and confidences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from whyrec.recommend.adapters.adapted import Adapted
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.checks import check_number
from whyrec.recommend.ials import IALS
from whyrec.recommend.removal import Removal


class ConfidenceIALS(Adapted, IALS):
    """iALS whose confidence is any straight line of the event weight: c = offset + scale · weight.

    The kernels of `IALS` know c = 1 + α·weight, and only c matters to them; they are given c - 1
    with α = 1. Where an event's c is below 1 (implicit's α = 1 with weights below 1) the matrix
    stays positive definite, because YᵀY holds the event's own y yᵀ once.

    Parameters
    ----------
    factors
        k, the length of a vector.
    regularization
        λ of the fold-in.
    offset, scale
        c of an event of weight w is `offset + scale * w`.
    """

    name: str = "als"

    def __init__(
        self,
        *,
        factors: int = 64,
        regularization: float = 0.01,
        offset: float = 0.0,
        scale: float = 1.0,
    ) -> None:
        super().__init__(factors=factors, regularization=regularization, alpha=1.0)
        check_number(offset, where="als, offset", low=0)
        check_number(scale, where="als, scale", low=0)
        self.offset, self.scale = float(offset), float(scale)

    @classmethod
    def of(
        cls, item_factors: Any, *, regularization: float, offset: float, scale: float
    ) -> ConfidenceIALS:
        """The model with these item factors [n_items, k]."""
        Y = np.asarray(item_factors, np.float32)
        params = {"regularization": regularization, "offset": offset, "scale": scale}
        return cls.from_arrays({"factors": Y.shape[1], **params}, {"item_factors": Y})

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        return {n: getattr(self, n) for n in ("factors", "regularization", "offset", "scale")}

    def _confidence(self, weights: Floats) -> Floats:
        c = self.offset + self.scale * weights.astype(np.float64)
        return np.asarray(c - 1, np.float32)

    def _sure(self, history: History) -> History:
        return History(history.items, self._confidence(history.weights))

    def _sure_rows(self, histories: sparse.csr_matrix) -> sparse.csr_matrix:
        parts = (self._confidence(histories.data), histories.indices, histories.indptr)
        return sparse.csr_matrix(parts, shape=histories.shape)

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        super()._score_rows(self._sure_rows(histories[start:end]), 0, end - start, out)

    def user_factors(self, histories: sparse.csr_matrix) -> Floats:
        """x by fold-in for each history: float64 [histories, factors]."""
        return super().user_factors(self._sure_rows(histories))

    def _explain(self, history: History, items: Ints, *, leave_out: bool) -> tuple[Floats, Floats]:
        return super()._explain(self._sure(history), items, leave_out=leave_out)

    def explain_many(
        self, histories: sparse.csr_matrix, items: Ints, *, effects: bool = True
    ) -> tuple[list[Floats], list[Floats]]:
        """`explain` for many histories at once."""
        return super().explain_many(self._sure_rows(histories), items, effects=effects)

    def removal(self, history: History) -> Removal:
        """How every score falls when events are removed; see `Removal`."""
        return super().removal(self._sure(history))
