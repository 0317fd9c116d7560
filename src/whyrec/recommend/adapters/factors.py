"""Factor models of other libraries: a person's vector is folded in from the history, always.

With item vectors y_j, a history H and weights d, c of its events the person is

    x = A⁻¹ Σ_{j∈H} c_j y_j,      A = g YᵀY + λ I + Σ_{j∈H} d_j y_j y_jᵀ

and the score of item i is baseline_i + z_i·x, so that event j adds c_j z_iᵀA⁻¹y_j. Three kinds:

- `implicit`: c = offset + scale·weight, d = c - g: with g = 1 Hu, Koren and Volinsky (ICDM 2008),
  with g = 0 a ridge regression of ones. Mostly z = y; where the library's own people are known, z
  is y times a matrix learnt from them (see `foldin`).
- `rated`: c_j = r_j - offset_j (the baseline), d = 1, g = 0: a ridge regression of the residuals. A person's
  bias is one more column of ones (`joint`), a damped mean of the residuals (`mean`) or none.
- SVD++ (Koren, KDD 2008) adds |H|^-½ Σ_{j∈H} p_j to the vector, which is a part of each event too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.linalg import lapack

from whyrec.data.dataset import Reads
from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import threads
from whyrec.recommend.adapters.adapted import Adapted
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.checks import check_number
from whyrec.recommend.removal import Removal

BIASES = ("none", "joint", "mean")


class Folded(NamedTuple):
    """One history folded in.

    Attributes
    ----------
    at
        Positions in the history that the model knows: the other arrays are over these.
    solved
        A⁻¹Yᵀ, float64 [k, h].
    c, d
        Weights of the events in b and in A.
    own
        The item vectors, float64 [h, k].
    """

    at: Ints
    solved: Floats
    c: Floats
    d: Floats
    own: Floats


class Factors(Adapted):
    """Item factors with a rule to fold a history in.

    Parameters
    ----------
    kind
        `implicit` (reads liked events) or `rated` (reads ratings).
    regularization
        λ, in squared units of the factors.
    per_event
        Whether λ is multiplied by the number of events (ALS-WR, Spark).
    gram
        g, the weight of what the person did not choose; 0 for `rated`.
    offset, scale
        c of an implicit event of weight w is `offset + scale * w`.
    bias
        The person's bias in `rated`: `none`, `joint` or `mean`.
    damping
        λ of that bias: added to the number of ratings.

    Attributes
    ----------
    item_factors_
        Y, float32 [n_items, k]; zeros for what the original does not know.
    out_factors_
        Z, float32 [n_items, k].
    baseline_
        float64 [n_items].
    offsets_
        float64 [n_items]: what is taken from a rating before it is folded in, mostly the baseline.
    implicit_factors_
        p of SVD++, float32 [n_items, k], or None.
    known_
        bool [n_items]: what the original knows.
    """

    name: str = "factors"
    exact: bool = True
    linear: bool = False
    parallel: bool = False

    def __init__(
        self,
        *,
        kind: str = "implicit",
        regularization: float = 0.1,
        per_event: bool = False,
        gram: float = 1.0,
        offset: float = 1.0,
        scale: float = 0.0,
        bias: str = "none",
        damping: float = 0.0,
    ) -> None:
        if kind not in ("implicit", "rated"):
            raise ConfigError(
                f"no such kind: {kind}", where="factors", remedy="use implicit or rated"
            )
        if bias not in BIASES:
            raise ConfigError(
                f"no such bias: {bias}", where="factors", remedy=f"use {', '.join(BIASES)}"
            )
        check_number(regularization, where="factors, regularization", low=0)
        check_number(gram, where="factors, gram", low=0)
        check_number(damping, where="factors, damping", low=0)
        check_number(offset, where="factors, offset", low=0)
        check_number(scale, where="factors, scale", low=0)
        self.kind, self.bias = kind, bias
        self.regularization, self.per_event = float(regularization), bool(per_event)
        self.gram, self.damping = float(gram), float(damping)
        self.offset, self.scale = float(offset), float(scale)
        self.reads: Reads = "rated" if kind == "rated" else "liked"

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = ("kind", "regularization", "per_event", "gram", "offset", "scale", "bias")
        return {n: getattr(self, n) for n in (*names, "damping")}

    def take(
        self,
        item_factors: Any,
        *,
        baseline: Any = None,
        offsets: Any = None,
        out_factors: Any = None,
        implicit_factors: Any = None,
        known: Any = None,
    ) -> Self:
        """Use these arrays; what is None is zeros, the baseline, Y itself, absent, or all.

        Raises
        ------
        ModelError
            If they do not fit together or are not finite.
        """
        Y = np.ascontiguousarray(item_factors, np.float32)
        n = len(Y)
        self.n_items = n
        self.item_factors_ = Y
        self.out_factors_ = Y if out_factors is None else np.asarray(out_factors, np.float32)
        self.baseline_ = np.zeros(n) if baseline is None else np.asarray(baseline, np.float64)
        self.offsets_ = self.baseline_ if offsets is None else np.asarray(offsets, np.float64)
        self.implicit_factors_ = (
            None if implicit_factors is None else np.asarray(implicit_factors, np.float32)
        )
        self.known_ = np.ones(n, np.bool_) if known is None else np.asarray(known, np.bool_)
        pieces: list[Floats] = [Y, self.out_factors_, self.baseline_, self.offsets_]
        if self.implicit_factors_ is not None:
            pieces.append(self.implicit_factors_)
        if Y.ndim != 2 or {len(p) for p in (*pieces, self.known_)} != {n}:
            raise ModelError("arrays do not fit together", where=self.name, remedy="adapt again")
        if not all(np.isfinite(p).all() for p in pieces):
            raise ModelError(
                "factors or biases are not finite numbers", where=self.name, remedy="fit it again"
            )
        self._in = Y.astype(np.float64)
        self._out = self.out_factors_.astype(np.float64)
        self._implicit = (
            None if self.implicit_factors_ is None else self.implicit_factors_.astype(np.float64)
        )
        if self.bias == "joint":
            ones = self.known_.astype(np.float64)[:, None]
            self._in, self._out = np.hstack([self._in, ones]), np.hstack([self._out, ones])
        with threads.blas_threads(1):
            base = self.gram * (self._in.T @ self._in)
        self._ridge = np.full(base.shape[0], self.regularization)
        if self.bias == "joint":
            self._ridge[-1] = self.damping
        self._base = base
        return self

    @property
    def _plain(self) -> bool:
        """Whether only A⁻¹ changes when an event goes: then leaving out has a closed form."""
        return not self.per_event and self.bias != "mean" and self._implicit is None

    def _fold(self, history: History) -> Folded:
        at = np.flatnonzero(self.known_[history.items])
        own = self._in[history.items[at]]
        weights = history.weights[at].astype(np.float64)
        if self.kind == "rated":
            c = weights - self.offsets_[history.items[at]]
            d = np.ones(len(at))
        else:
            c = self.offset + self.scale * weights
            d = c - self.gram
        A = self._base + (own.T * d) @ own
        A[np.diag_indices_from(A)] += self._ridge * (len(at) if self.per_event else 1)
        if not len(at):
            return Folded(at, np.zeros((A.shape[0], 0)), c, d, own)
        _, solved, info = lapack.dposv(A, own.T, lower=1)
        if info != 0:
            raise ModelError(
                "a history cannot be folded in: its system is singular",
                where=self.name,
                remedy="use a regularization above 0",
            )
        return Folded(at, solved, c, d, own)

    def _vector(self, history: History) -> tuple[Floats, float]:
        """The person's vector (in the columns of Z) and bias outside of it."""
        f = self._fold(history)
        if not len(f.at):
            return np.zeros(self._out.shape[1]), 0.0
        c, mean = f.c, 0.0
        if self.bias == "mean":
            mean = float(c.sum()) / (len(c) + self.damping)
            c = c - mean
        if self._implicit is None:
            return f.solved @ c, mean
        z = self._implicit[history.items[f.at]].sum(0) / np.sqrt(len(c))
        k = len(z)
        x = f.solved @ (c - f.own[:, :k] @ z)
        x[:k] += z
        return x, mean

    def user_factors(self, histories: sparse.csr_matrix) -> Floats:
        """A⁻¹b of each history: float64 [histories, k]."""
        out = np.empty((histories.shape[0], self._in.shape[1]))
        for u in range(len(out)):
            a, b = histories.indptr[u], histories.indptr[u + 1]
            out[u] = self._vector(History(histories.indices[a:b], histories.data[a:b]))[0]
        return out

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        vectors = np.empty((end - start, self._out.shape[1]))
        means = np.empty((end - start, 1))
        with threads.blas_threads(1):
            for row, u in enumerate(range(start, end)):
                a, b = histories.indptr[u], histories.indptr[u + 1]
                history = History(histories.indices[a:b], histories.data[a:b])
                vectors[row], means[row] = self._vector(history)
            np.matmul(vectors, self._out.T, out=out)
        out += np.where(self.known_, means, 0.0)
        out += self.baseline_

    def baseline(self, items: Ints) -> Floats:
        """The part of the score that no event accounts for."""
        return np.asarray(self.baseline_[items])

    def contributions(self, history: History, items: Ints) -> Floats:
        """What each event adds: float64 [items, h]; zeros for events that the original cannot know."""
        self._check_fitted()
        out = np.zeros((len(items), len(history)))
        f = self._fold(history)
        if not len(f.at):
            return out
        Z = self._out[items]
        K = Z @ f.solved
        parts = K * f.c
        known = self.known_[items].astype(np.float64)[:, None]
        if self.bias == "mean":
            # b_u = Σ e/(h + β) is taken from every residual, and added to every score.
            parts += (known - K.sum(1, keepdims=True)) * (f.c / (len(f.c) + self.damping))
        if self._implicit is not None:
            p = self._implicit[history.items[f.at]] / np.sqrt(len(f.c))
            k = p.shape[1]
            parts += Z[:, :k] @ p.T - K @ (f.own[:, :k] @ p.T)
        out[:, f.at] = parts
        return out

    def _loss(self, f: Folded) -> Floats:
        """γ of each event: what x loses in the direction A⁻¹y_j without it (Sherman-Morrison)."""
        G = np.einsum("jk,kj->j", f.own, f.solved)
        q = f.own @ (f.solved @ f.c)
        return np.asarray(f.c - f.d * (q - G * f.c) / (1 - G * f.d))

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """Scores without each event: rank-one downdates where they hold, else scored again."""
        if not self._plain:
            return super().leave_one_out(history, items)
        parts, lost = self.explain(history, items)
        return np.asarray(parts.sum(1, keepdims=True) + self.baseline(items)[:, None] - lost)

    def explain(self, history: History, items: Ints) -> tuple[Floats, Floats]:
        """Contributions and effects."""
        if not self._plain:
            return super().explain(history, items)
        self._check_fitted()
        parts, lost = np.zeros((2, len(items), len(history)))
        f = self._fold(history)
        if len(f.at):
            K = self._out[items] @ f.solved
            parts[:, f.at] = K * f.c
            lost[:, f.at] = K * self._loss(f)
        return parts, lost

    def explain_many(
        self, histories: sparse.csr_matrix, items: Ints, *, effects: bool = True
    ) -> tuple[list[Floats], list[Floats]]:
        """`explain` for many histories at once, on one thread of BLAS: the products are small."""
        with threads.blas_threads(1):
            return super().explain_many(histories, items, effects=effects)

    def removal(self, history: History) -> Removal | None:
        """How every score falls when events are removed; None where λ or the mean follow them."""
        self._check_fitted()
        if not self._plain:
            return None
        f = self._fold(history)
        h = len(history)
        effects = np.zeros((h, self.n_items))
        c, d, own, gram = np.zeros(h), np.zeros(h), np.zeros(h), np.zeros((h, h))
        if len(f.at):
            effects[f.at] = (self._out @ f.solved).T
            c[f.at], d[f.at] = f.c, f.d
            own[f.at] = f.own @ (f.solved @ f.c)
            gram[np.ix_(f.at, f.at)] = f.own @ f.solved
        return Removal(effects, c, d, gram, own)

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`item_factors`, `out_factors` and `implicit_factors` where they differ or are, the rest."""
        self._check_fitted()
        out: dict[str, npt.NDArray[Any]] = {
            "item_factors": self.item_factors_,
            "baseline": self.baseline_,
            "known": self.known_,
        }
        if self.out_factors_ is not self.item_factors_:
            out["out_factors"] = self.out_factors_
        if self.offsets_ is not self.baseline_:
            out["offsets"] = self.offsets_
        if self.implicit_factors_ is not None:
            out["implicit_factors"] = self.implicit_factors_
        return out

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        return cls(**params).take(
            arrays["item_factors"],
            baseline=arrays["baseline"],
            known=arrays["known"],
            offsets=arrays.get("offsets"),
            out_factors=arrays.get("out_factors"),
            implicit_factors=arrays.get("implicit_factors"),
        )
