"""Linear models that hold a few links an item: sparse B, scores Σ_j w_j B_ji, bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ModelError
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.removal import Removal
from whyrec.recommend.scoring import RowModel, blocks


class SparseLinks(RowModel):
    """What ItemKNN and the sparse form of EASE share once B is known; exact and linear.

    Attributes
    ----------
    links_
        B as CSR by candidate, float32 [n_items, n_items]: row i holds what one event on each of
        the items linked to i adds to i, ascending by item. Memory is 16 bytes a link: the same
        numbers are kept by event's item as well, for scoring.
    """

    exact: bool = True
    linear: bool = True

    def _take(self, links: sparse.csr_matrix) -> Self:
        self.links_ = links
        self.n_items = links.shape[0]
        self._by_event = links.T.tocsr()
        return self

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        from whyrec.recommend.sparse_links_kernels import score_rows

        B = self._by_event
        score_rows(
            B.indptr,
            B.indices,
            B.data,
            histories.indptr,
            histories.indices,
            histories.data,
            start,
            end,
            out,
        )

    def contributions(self, history: History, items: Ints) -> Floats:
        """w_j B_ji: float64 [items, h]."""
        return self._explain(history.matrix(self.n_items), np.asarray(items)[None])[0]

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """The score less each contribution: float64 [items, h]."""
        c = self.contributions(history, items)
        return np.asarray(c.sum(1, keepdims=True) - c)

    def explain(self, history: History, items: Ints) -> tuple[Floats, Floats]:
        """Contributions, which are the effects too."""
        parts = self.contributions(history, items)
        return parts, parts

    def explain_many(
        self, histories: sparse.csr_matrix, items: Ints, *, effects: bool = True
    ) -> tuple[list[Floats], list[Floats]]:
        """`explain` for many histories at once."""
        parts = self._explain(histories, items)
        return parts, parts if effects else []

    def _explain(self, histories: sparse.csr_matrix, items: Ints) -> list[Floats]:
        from whyrec.recommend.sparse_links_kernels import contribute_rows

        self._check_fitted()
        n = items.shape[1]
        offsets = n * histories.indptr.astype(np.int64)
        flat = np.empty(offsets[-1])
        B = self.links_
        contribute_rows(
            B.indptr,
            B.indices,
            B.data,
            histories.indptr,
            histories.indices,
            histories.data,
            items,
            offsets,
            flat,
        )
        return blocks(flat, offsets, n)

    def removal(self, history: History) -> Removal:
        """How every score falls when events are removed; see `Removal`."""
        self._check_fitted()
        effects = self._by_event[history.items].toarray().astype(np.float64)
        return Removal.linear(effects, history.weights.astype(np.float64))

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`indptr`, `sources` and `links` of the CSR matrix by candidate."""
        self._check_fitted()
        B = self.links_
        return {"indptr": B.indptr, "sources": B.indices, "links": B.data}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back.

        Raises
        ------
        ModelError
            If the arrays are no square CSR matrix.
        """
        n = len(arrays["indptr"]) - 1
        place = (arrays["links"], arrays["sources"], arrays["indptr"])
        try:
            links = sparse.csr_matrix(place, shape=(n, n))
            links.check_format(full_check=True)
        except ValueError:
            raise ModelError(
                "arrays do not fit together", where=cls.name, remedy="fit again"
            ) from None
        return cls(**params)._take(links)
