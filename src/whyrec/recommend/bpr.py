"""BPR and WARP over histories: pairwise ranking in which a person is the sum of their events.

A person's vector is x_u = Σ_j w_j p_j / (Σ_j w_j)^β, a source vector for each event instead of a
free vector for each person (FISM: Kabbur et al., KDD 2013); the score of item i is b_i + q_iᵀx_u, so
that event j adds w_j q_iᵀp_j / (Σ w)^β exactly. Learnt by stochastic gradients (Adagrad) so that
what a person has stands before what they have not: BPR (Rendle et al., UAI 2009) by the logistic
loss of one random pair, WARP (Weston et al., IJCAI 2011) by the hinge loss of the first random item
that comes too close, weighted by the rank that this tells of. The event that is predicted is left
out of x_u.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.base import Floats, History, Ints, Ranking
from whyrec.recommend.checks import check_fit, check_number
from whyrec.recommend.factor_rank import rank_factors
from whyrec.recommend.scoring import RowModel, blocks

LOSSES = ("bpr", "warp")

TRIES = {"bpr": 4, "warp": 50}
"""Random items drawn for an event at most: BPR needs one that the person has not, WARP a close one."""


class BPR(RowModel):
    """Bayesian personalised ranking, or WARP, over sums of event vectors.

    One thread learns, so that the same seed gives the same model everywhere.

    Parameters
    ----------
    loss
        `warp` or `bpr`.
    factors
        k, the length of a vector.
    learning_rate
        Of Adagrad.
    regularization
        L2, a step.
    power
        β, 0 to 1: 0 sums the events, 1 takes their mean.
    iterations
        Passes over the events.
    seed
        Of the first vectors and the drawing.

    Attributes
    ----------
    event_factors_, item_factors_
        P and Q, float32 [n_items, factors].
    bias_
        b, float32 [n_items].
    losses_
        Mean loss of each pass: a list of floats; empty after `from_arrays`.

    Examples
    --------
    >>> X = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32))
    >>> model = BPR(factors=4, iterations=5).fit(X)
    >>> history = History(np.array([0, 1], np.int32), np.ones(2, np.float32))
    >>> c = model.contributions(history, np.array([2])).sum() + model.baseline(np.array([2]))
    >>> bool(np.isclose(c[0], model.scores(X[:1])[0, 2]))
    True
    """

    name: str = "bpr"
    exact: bool = True
    linear: bool = False

    def __init__(
        self,
        *,
        loss: str = "warp",
        factors: int = 64,
        learning_rate: float = 0.05,
        regularization: float = 0.01,
        power: float = 0.5,
        iterations: int = 15,
        seed: int = 0,
    ) -> None:
        if loss not in LOSSES:
            raise ConfigError(
                f"no such loss: {loss}", where="bpr", remedy=f"use {' or '.join(LOSSES)}"
            )
        check_number(factors, where="bpr, factors", low=1, high=4096, whole=True)
        check_number(learning_rate, where="bpr, learning_rate", low=1e-9, high=10)
        check_number(regularization, where="bpr, regularization", low=0)
        check_number(power, where="bpr, power", low=0, high=1)
        check_number(iterations, where="bpr, iterations", low=1, whole=True)
        check_number(seed, where="bpr, seed", low=0, whole=True)
        self.loss, self.factors, self.learning_rate = loss, factors, float(learning_rate)
        self.regularization, self.power = float(regularization), float(power)
        self.iterations, self.seed = iterations, seed

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = (
            "loss",
            "factors",
            "learning_rate",
            "regularization",
            "power",
            "iterations",
            "seed",
        )
        return {n: getattr(self, n) for n in names}

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Learn the vectors: O(iterations · events · factors) time for BPR.

        Raises
        ------
        ModelError
            If there are no events, a weight is not a finite number ≥ 0, or the vectors diverge.
        """
        from whyrec.recommend.bpr_kernels import train

        X = check_fit(interactions, "bpr")
        users, n = X.shape
        rng = np.random.default_rng(self.seed)
        spread = np.float32(1 / np.sqrt(self.factors))
        P = (rng.random((n, self.factors), np.float32) - np.float32(0.5)) * spread
        Q = (rng.random((n, self.factors), np.float32) - np.float32(0.5)) * spread
        bias = np.zeros(n, np.float32)
        P_past, Q_past, bias_past = np.ones_like(P), np.ones_like(Q), np.ones_like(bias)
        state = rng.integers(0, 2**63, 1).astype(np.uint64)
        self.losses_ = [
            float(
                train(
                    X.indptr,
                    X.indices,
                    X.data,
                    rng.permutation(users),
                    P,
                    Q,
                    bias,
                    P_past,
                    Q_past,
                    bias_past,
                    self.loss == "warp",
                    TRIES[self.loss],
                    self.power,
                    self.learning_rate,
                    self.regularization,
                    state,
                )
            )
            for _ in range(self.iterations)
        ]
        # What nobody chose was only ever pushed down; its source vector is still as it was drawn.
        P[np.bincount(X.indices, minlength=n) == 0] = 0
        if not (np.isfinite(P).all() and np.isfinite(Q).all() and np.isfinite(bias).all()):
            raise ModelError(
                "the vectors are not finite numbers",
                where="bpr.fit",
                remedy="set learning_rate lower or regularization higher",
            )
        return self._take(P, Q, bias)

    def _take(
        self,
        event_factors: npt.NDArray[np.float32],
        item_factors: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32],
    ) -> Self:
        self.event_factors_, self.item_factors_, self.bias_ = event_factors, item_factors, bias
        self.n_items = len(bias)
        self._by_factor = np.ascontiguousarray(item_factors.T)
        return self

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        from whyrec.recommend.bpr_kernels import score_rows

        score_rows(
            self.event_factors_,
            self._by_factor,
            self.bias_,
            self.power,
            histories.indptr,
            histories.indices,
            histories.data,
            start,
            end,
            out,
        )

    def recommend(
        self, histories: sparse.csr_matrix, n: int, *, exclude: sparse.csr_matrix | None = None
    ) -> Ranking:
        """The n best items for each history; see `Recommender.recommend`."""
        self._check_fitted()
        csr = self._check(histories, f"{self.name}.recommend")
        return rank_factors(
            lambda a, b: self.user_factors(csr[a:b]),
            self._score_rows,
            self.item_factors_,
            self.bias_,
            csr,
            n,
            exclude,
        )

    def user_factors(self, histories: sparse.csr_matrix) -> Floats:
        """x of each history: float64 [histories, factors]."""
        from whyrec.recommend.bpr_kernels import fold_in

        self._check_fitted()
        out = np.zeros((histories.shape[0], self.factors))
        for u in range(len(out)):
            a, b = histories.indptr[u], histories.indptr[u + 1]
            fold_in(
                self.event_factors_, self.power, histories.indices[a:b], histories.data[a:b], out[u]
            )
        return out

    def baseline(self, items: Ints) -> Floats:
        """b_i: what an item scores with somebody without a past."""
        return self.bias_[items].astype(np.float64)

    def contributions(self, history: History, items: Ints) -> Floats:
        """w_j q_iᵀp_j / (Σ w)^β: float64 [items, h]."""
        return self._explain(history.matrix(self.n_items), np.asarray(items)[None])[0]

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """b_i + (score - b_i - contribution) · (Σ w / (Σ w - w_j))^β: float64 [items, h]."""
        return self._without(self.contributions(history, items), history.weights, items)

    def _without(self, parts: Floats, weights: Floats, items: Ints) -> Floats:
        w = weights.astype(np.float64)
        rest = w.sum() - w
        # Of a history of one event nothing is left; rounding must not make something of it.
        grown = np.zeros(len(w))
        if len(w) > 1:
            grown = (w.sum() / rest) ** self.power
        left = (parts.sum(1, keepdims=True) - parts) * grown
        return np.asarray(left + self.baseline(items)[:, None])

    def explain_many(
        self, histories: sparse.csr_matrix, items: Ints, *, effects: bool = True
    ) -> tuple[list[Floats], list[Floats]]:
        """`explain` for many histories at once."""
        parts = self._explain(histories, items)
        if not effects:
            return parts, []
        lost = []
        for u, part in enumerate(parts):
            weights = histories.data[histories.indptr[u] : histories.indptr[u + 1]]
            scores = part.sum(1, keepdims=True) + self.baseline(items[u])[:, None]
            lost.append(scores - self._without(part, weights, items[u]))
        return parts, lost

    def _explain(self, histories: sparse.csr_matrix, items: Ints) -> list[Floats]:
        from whyrec.recommend.bpr_kernels import contribute_rows

        self._check_fitted()
        n = items.shape[1]
        offsets = n * histories.indptr.astype(np.int64)
        flat = np.empty(offsets[-1])
        contribute_rows(
            self.event_factors_,
            self.item_factors_,
            self.power,
            histories.indptr,
            histories.indices,
            histories.data,
            items,
            offsets,
            flat,
        )
        return blocks(flat, offsets, n)

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`event_factors`, `item_factors` and `bias`."""
        self._check_fitted()
        return {
            "event_factors": self.event_factors_,
            "item_factors": self.item_factors_,
            "bias": self.bias_,
        }

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        model = cls(**params)
        model.losses_ = []
        return model._take(arrays["event_factors"], arrays["item_factors"], arrays["bias"])
