"""Item neighbours of other libraries: a rating predicted from the most similar items that one rated.

With e_j = r_j - base_j, the person's bias b = Σ e_j / (h + β) (or 0), and the k most similar items
N of the history, similarity s_ij > 0,

    score_i = base_i + b + σ_i Σ_{j∈N} a_ij (e_j - b) / σ_j,      a_ij = s_ij / Σ_{l∈N} s_il

(`mean`), or Σ_{j∈N} s_ij (`sum`). Which items are in N depends on which are in the history, but
not on their ratings, so that the score is linear in the ratings and falls apart by event exactly.
"""

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
from whyrec.recommend.checks import check_number


class ItemNeighbours(Adapted):
    """The k nearest items of the history decide.

    Parameters
    ----------
    kind
        `mean` of ratings (reads ratings), or `sum` of similarities (reads liked events).
    k, min_k
        At most and at least so many neighbours.
    bias
        Whether a person has a bias.
    damping
        β of that bias.
    negative
        Whether unlike items count too, with their sign; a_ij is then s_ij / Σ |s_il|.
    otherwise
        Where fewer than `min_k` neighbours are found: `base` (base_i + b), or `below` everything
        else, shared evenly by the events: none of them speaks for the item.

    Attributes
    ----------
    similarity_
        S[j, i] = s_ij, CSR or dense [n_items, n_items].
    base_, spread_
        float64 [n_items]: base and σ.
    known_
        bool [n_items]: what the original knows.
    """

    name: str = "item-neighbours"
    exact: bool = True
    linear: bool = False
    parallel: bool = False

    def __init__(
        self,
        *,
        kind: str = "mean",
        k: int = 40,
        min_k: int = 1,
        bias: bool = False,
        damping: float = 0.0,
        negative: bool = False,
        otherwise: str = "base",
    ) -> None:
        for value, allowed in ((kind, ("mean", "sum")), (otherwise, ("base", "below"))):
            if value not in allowed:
                raise ConfigError(
                    f"{value} is not allowed", where=self.name, remedy=f"use {' or '.join(allowed)}"
                )
        check_number(k, where=f"{self.name}, k", low=1, whole=True)
        check_number(min_k, where=f"{self.name}, min_k", low=0, whole=True)
        check_number(damping, where=f"{self.name}, damping", low=0)
        self.kind, self.otherwise = kind, otherwise
        self.k, self.min_k = int(k), int(min_k)
        self.bias, self.damping, self.negative = bool(bias), float(damping), bool(negative)
        self.reads: Reads = "rated" if kind == "mean" else "liked"

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = ("kind", "k", "min_k", "bias", "damping", "negative", "otherwise")
        return {n: getattr(self, n) for n in names}

    def take(self, similarity: Any, *, base: Any, spread: Any = None, known: Any = None) -> Self:
        """Use these arrays; σ is 1 and everything is known if not said otherwise.

        Raises
        ------
        ModelError
            If they do not fit together or are not finite.
        """
        S: Any = similarity.tocsr() if sparse.issparse(similarity) else np.asarray(similarity)
        n = S.shape[0]
        self.similarity_: Any = S
        self.base_ = np.asarray(base, np.float64)
        self.spread_ = np.ones(n) if spread is None else np.asarray(spread, np.float64)
        self.known_ = np.ones(n, np.bool_) if known is None else np.asarray(known, np.bool_)
        self.n_items = n
        rest = (self.base_, self.spread_, self.known_)
        if S.ndim != 2 or S.shape[1] != n or {len(a) for a in rest} != {n}:
            raise ModelError("arrays do not fit together", where=self.name, remedy="adapt again")
        values: Any = S.data if sparse.issparse(S) else S
        if not all(np.isfinite(a).all() for a in (values, self.base_, self.spread_)):
            raise ModelError("values are not finite", where=self.name, remedy="fit it again")
        if (self.spread_ <= 0).any():
            raise ModelError("a spread is not above 0", where=self.name, remedy="fit it again")
        base = self.base_[self.known_] if self.known_.any() else np.zeros(1)
        low, high = float(base.min()), float(base.max())
        self._floor = low - (high - low) - 10
        return self

    def _shares(self, own: Ints, items: Ints | None) -> tuple[Floats, Any]:
        """(a_ij or s_ij as [h, items], whether enough neighbours were found [items])."""
        if sparse.issparse(self.similarity_):
            rows = self.similarity_[own]
            block = (rows if items is None else rows[:, items]).toarray().astype(np.float64)
        elif items is None:
            block = self.similarity_[own].astype(np.float64)
        else:
            block = self.similarity_[np.ix_(own, items)].astype(np.float64)
        if not self.negative:
            np.maximum(block, 0, out=block)
        if len(own) > self.k:
            _keep_largest(block, self.k)
        enough = (block != 0).sum(0) >= max(self.min_k, 1)
        if self.kind == "mean":
            total = np.abs(block).sum(0)
            block /= np.where(total > 0, total, 1)
        block[:, ~enough] = 0
        return block, enough

    def _parts(self, history: History, items: Ints | None) -> tuple[Ints, Floats]:
        """(positions that the model knows, what each of them adds: [known, items])."""
        at = np.flatnonzero(self.known_[history.items])
        own = history.items[at]
        chosen = slice(None) if items is None else items
        shares, enough = self._shares(own, items)
        h = len(at)
        if self.kind == "mean":
            e = history.weights[at].astype(np.float64) - self.base_[own]
            shares *= self.spread_[chosen] / self.spread_[own][:, None]
            taken = shares.sum(0)
            shares *= e[:, None]
            if self.bias and h:
                known = self.known_[chosen]
                shares += (e / (h + self.damping))[:, None] * np.where(known, 1 - taken, 0)
        if self.otherwise == "below" and h:
            lost = ~enough
            shares[:, lost] = ((self._floor - self.base_[chosen][lost]) / h)[None, :]
        return at, shares

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        for row, u in enumerate(range(start, end)):
            a, b = histories.indptr[u], histories.indptr[u + 1]
            history = History(histories.indices[a:b], histories.data[a:b])
            out[row] = self.base_ + self._parts(history, None)[1].sum(0)

    def baseline(self, items: Ints) -> Floats:
        """base_i."""
        return np.asarray(self.base_[items])

    def contributions(self, history: History, items: Ints) -> Floats:
        """What each rated item adds: float64 [items, h]."""
        self._check_fitted()
        out = np.zeros((len(items), len(history)))
        at, parts = self._parts(history, np.asarray(items))
        out[:, at] = parts.T
        return out

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """Scores without each event, from those that are left: float64 [items, h]."""
        self._check_fitted()
        out = np.empty((len(items), len(history)))
        for j, item in enumerate(history.items):
            rest = history.without(np.array([item]))
            out[:, j] = self.base_[items] + self._parts(rest, np.asarray(items))[1].sum(0)
        return out

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`similarity` (or the three arrays of a CSR matrix), `base`, `spread`, `known`."""
        self._check_fitted()
        S = self.similarity_
        rest = {"base": self.base_, "spread": self.spread_, "known": self.known_}
        if sparse.issparse(S):
            return {"data": S.data, "indices": S.indices, "indptr": S.indptr, **rest}
        return {"similarity": S, **rest}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        S: Any = arrays.get("similarity")
        if S is None:
            n = len(arrays["indptr"]) - 1
            parts = (arrays["data"], arrays["indices"], arrays["indptr"])
            S = sparse.csr_matrix(parts, shape=(n, n))
        rest = {k: arrays[k] for k in ("base", "spread", "known")}
        return cls(**params).take(S, **rest)


def _keep_largest(block: Floats, k: int) -> None:
    """Zero all but the k largest of each column (0 is nothing); among equals the first rows stay."""
    keys = np.where(block != 0, -block, np.inf)
    limit = np.partition(keys, k - 1, axis=0)[k - 1]
    larger = keys < limit
    equal = keys == limit
    room = k - larger.sum(0)
    equal &= np.cumsum(equal, axis=0) <= room
    block[~(larger | equal)] = 0
