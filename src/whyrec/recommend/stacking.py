"""Stacking: how much each model counts is learnt on pairs that it has not seen (Wolpert, 1992)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ModelError
from whyrec.recommend import calibration as affine
from whyrec.recommend import parts as spec
from whyrec.recommend.base import Floats, Ints, Recommender
from whyrec.recommend.checks import check_number
from whyrec.recommend.combination import Combination

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset

DEFAULT_PARTS = "ease,ials"
SHARE = 0.2
"""How much of each history is held out when weights of a ranking are learnt."""
TOP = 100
"""Candidates of each model that a sum of models is ranked among."""
LIST = 10
"""Length of the lists whose NDCG is made best."""
STEPS = (0.25, 0.1, 0.05, 0.02)

Mask = npt.NDArray[np.bool_]
Fit = Callable[[Mask], tuple[list[Recommender], sparse.csr_matrix]]
"""Parts fitted without the masked entries of the histories, and the histories without them."""


class Stacking(Combination):
    """A sum of models with learnt weights, none of them negative.

    Ratings: `folds`-fold out-of-fold predictions, then ridge regression with weights from 0 and an
    intercept (Breiman, Stacked regressions, 1996). Ranking: a fifth of every history is held out
    (the newest fifth where a part reads the order), and the weights of the standardised scores are
    searched, coordinate by coordinate, for the best NDCG@10. Then every part learns from everything.

    Parameters
    ----------
    parts
        The models, as `Hybrid` takes them; weights given are where the search of a ranking begins.
    folds
        Of ratings.
    regularization
        Of ratings: the ridge, in shares of the mean variance of the predictions.
    people
        Of ranking: whose lists are judged, at most.
    seed
        Of what is held out.

    Attributes
    ----------
    weights_
        float64 [parts]: learnt; shares of standardised scores (ranking), or factors of predicted
        ratings.
    """

    name: str = "stacking"
    weights_: Floats

    def __init__(
        self,
        *,
        parts: Any = None,
        folds: int = 5,
        regularization: float = 1e-3,
        people: int = 2000,
        seed: int = 0,
    ) -> None:
        check_number(folds, where="stacking, folds", low=2, whole=True)
        check_number(regularization, where="stacking, regularization", low=0)
        check_number(people, where="stacking, people", low=1, whole=True)
        check_number(seed, where="stacking, seed", low=0, whole=True)
        self.folds, self.regularization = folds, float(regularization)
        self.people, self.seed = people, seed
        given = DEFAULT_PARTS if parts is None else parts
        self._parts = spec.parse(given, where="stacking, parts", least=2)
        self._hold([p.make() for p in self._parts])

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments; each part with all of its own."""
        parts = [
            {"model": p.model, "params": dict(m.params), "weight": p.weight}
            for p, m in zip(self._parts, self.parts_, strict=True)
        ]
        names = ("folds", "regularization", "people", "seed")
        return {"parts": parts, **{n: getattr(self, n) for n in names}}

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Learn the weights, then fit every part on everything.

        Raises
        ------
        ModelError
            If a part cannot learn from the matrix, or there is too little to hold anything out.
        """
        X = self._fit_parts(interactions)

        def fit(held: Mask) -> tuple[list[Recommender], sparse.csr_matrix]:
            left = _keep(X, ~held)
            parts = [p.make() for p in self._parts]
            return [p.fit(self._view(left, p)[0]) for p in parts], left

        return self._learn(X, fit)

    def fit_dataset(self, dataset: Dataset) -> Self:
        """Learn the weights, then fit every part on everything; see `fit`."""
        X = self._fit_parts_on(dataset)

        def fit(held: Mask) -> tuple[list[Recommender], sparse.csr_matrix]:
            rest = _without(dataset, X, held)
            parts = [p.make().fit_dataset(rest) for p in self._parts]
            for part in parts:
                part.attach(rest)
            return parts, rest.histories(self.reads)

        return self._learn(X, fit)

    def _learn(self, X: sparse.csr_matrix, fit: Fit) -> Self:
        if self.reads == "rated":
            self.weights_, self.offset_ = self._regress(X, fit)
            self.coefficients_ = self.weights_
            return self
        self.weights_ = self._search(X, fit)
        people = X[affine.sample(X)]
        scale, offset = self._standards(self.parts_, people)
        self.coefficients_, self.offset_ = self.weights_ * scale, float(self.weights_ @ offset)
        return self

    def _standards(
        self, parts: list[Recommender], people: sparse.csr_matrix
    ) -> tuple[Floats, Floats]:
        found = [affine.standardise(p.scores(self._view(people, p)[0]), people) for p in parts]
        return np.array([f[0] for f in found]), np.array([f[1] for f in found])

    def _regress(self, X: sparse.csr_matrix, fit: Fit) -> tuple[Floats, float]:
        """Weights from 0 and the intercept, from out-of-fold predictions of every rating."""
        rng = np.random.default_rng(self.seed)
        if X.nnz < 2 * self.folds:
            raise _too_little(self.name)
        fold = rng.permutation(X.nnz) % self.folds
        predicted = np.empty((X.nnz, len(self._parts)))
        rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        for k in range(self.folds):
            held = fold == k
            parts, left = fit(held)
            for u0, u1, block in self._blocks(parts, left):
                mine = np.flatnonzero(held[X.indptr[u0] : X.indptr[u1]]) + X.indptr[u0]
                predicted[mine] = block[:, rows[mine] - u0, X.indices[mine]].T
        return _ridge(predicted, X.data.astype(np.float64), self.regularization)

    def _blocks(
        self, parts: list[Recommender], left: sparse.csr_matrix
    ) -> Iterator[tuple[int, int, Floats]]:
        step = max(1, (32 << 20) // (8 * left.shape[1] * len(parts)))
        for a in range(0, left.shape[0], step):
            b = min(a + step, left.shape[0])
            block = left[a:b]
            yield a, b, np.stack([p.scores(self._view(block, p)[0]) for p in parts])

    def _search(self, X: sparse.csr_matrix, fit: Fit) -> Floats:
        """Shares of standardised scores that make the lists of held-out people best."""
        held = _held_out(X, self.seed, newest=self.reads == "sequence")
        if not held.any():
            raise _too_little(self.name)
        parts, left = fit(held)
        wanted = _keep(X, held)
        rows = np.flatnonzero((np.diff(wanted.indptr) > 0) & (np.diff(left.indptr) > 0))
        if not len(rows):
            raise _too_little(self.name)
        if len(rows) > self.people:
            rows = rows[np.linspace(0, len(rows) - 1, self.people).astype(np.int64)]
        left, wanted = left[rows], wanted[rows]
        scale, offset = self._standards(parts, left[affine.sample(left)])
        lists: list[tuple[Floats, Mask, int]] = []
        for a, b, block in self._blocks(parts, left):
            block = block * scale[:, None, None] + offset[:, None, None]
            for u in range(a, b):
                lists.append(_candidates(block[:, u - a], left[u].indices, wanted[u].indices))
        return climb(lambda w: _ndcg(lists, w), spec.weights(self._parts))

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """As `Combination.arrays`, and `weights`."""
        return {**super().arrays(), "weights": self.weights_}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        model = cls(**params)
        model.weights_ = np.asarray(arrays["weights"], np.float64)
        return model._restore(model._parts, arrays)


def _too_little(name: str) -> ModelError:
    return ModelError(
        "there is too little to hold anything out", where=f"{name}.fit", remedy="use hybrid"
    )


def _keep(X: sparse.csr_matrix, keep: Mask) -> sparse.csr_matrix:
    """The entries of a mask, in their order."""
    total = np.concatenate(([0], np.cumsum(keep)))
    indptr = total[X.indptr].astype(X.indptr.dtype)
    return sparse.csr_matrix((X.data[keep], X.indices[keep], indptr), shape=X.shape)


def _without(dataset: Dataset, X: sparse.csr_matrix, held: Mask) -> Dataset:
    """The data set without any event of the masked pairs of its histories."""
    rows = np.repeat(np.arange(X.shape[0], dtype=np.int64), np.diff(X.indptr))
    gone = rows[held] * X.shape[1] + X.indices[held]
    events = dataset.events
    keys = events["user"].to_numpy().astype(np.int64) * X.shape[1] + events["item"].to_numpy()
    return replace(dataset, events=events.filter(~np.isin(keys, gone)))


def _held_out(X: sparse.csr_matrix, seed: int, *, newest: bool) -> Mask:
    """A fifth of each row, at random or from its end; rows of fewer than 3 are left whole."""
    rng = np.random.default_rng(seed)
    sizes = np.diff(X.indptr)
    rows = np.repeat(np.arange(X.shape[0]), sizes)
    within = np.arange(X.nnz) - X.indptr[:-1][rows]
    order = -within.astype(np.float64) if newest else rng.random(X.nnz)
    rank = np.empty(X.nnz, np.int64)
    rank[np.lexsort((order, rows))] = within
    many = np.where(sizes < 3, 0, np.maximum(np.rint(SHARE * sizes), 1))
    return np.asarray(rank < many[rows], np.bool_)


def _ridge(predicted: Floats, y: Floats, regularization: float) -> tuple[Floats, float]:
    """w ≥ 0 and b that minimise Σ (y - b - Σ w_p s_p)² + n · λ · v · Σ (w_p - 1/P)²."""
    from scipy.optimize import nnls

    middle, mean = predicted.mean(0), y.mean()
    S = predicted - middle
    P = S.shape[1]
    # Drawn to equal shares, not to 0: near-copies then share what neither can claim alone.
    strength = np.sqrt(regularization * (S**2).sum() / P)
    A = np.vstack([S, strength * np.eye(P)])
    target = np.concatenate([y - mean, np.full(P, strength / P)])
    w = np.asarray(nnls(A, target)[0])
    return w, float(mean - middle @ w)


def _candidates(scores: Floats, seen: Ints, wanted: Ints) -> tuple[Floats, Mask, int]:
    """Scores [parts, candidates] of what any part ranks high, which are wanted, how many are."""
    open_ = np.ones(scores.shape[1], np.bool_)
    open_[seen] = False
    items = np.flatnonzero(open_)
    if len(items) > TOP:
        best = np.argpartition(-scores[:, items], TOP, axis=1)[:, :TOP]
        items = np.unique(items[best])
    return scores[:, items].copy(), np.isin(items, wanted), len(wanted)


def _ndcg(lists: list[tuple[Floats, Mask, int]], w: Floats) -> float:
    gain = 1 / np.log2(np.arange(2, LIST + 2))
    best = np.cumsum(gain)
    total = 0.0
    for scores, right, wanted in lists:
        whole = w @ scores
        n = min(LIST, len(whole))
        top = np.argpartition(-whole, n - 1)[:n]
        top = top[np.argsort(-whole[top], kind="stable")]
        total += float(gain[:n] @ right[top]) / float(best[min(wanted, LIST) - 1])
    return total / len(lists)


def climb(value: Callable[[Floats], float], start: Floats) -> Floats:
    """Shares from 0 that sum to 1, moved part by part in ever smaller steps while that helps.

    Examples
    --------
    >>> climb(lambda w: -abs(w[0] - 0.75), np.array([0.5, 0.5])).tolist()
    [0.75, 0.25]
    """
    w: Floats = np.asarray(start, np.float64)
    best = value(w)
    for step in STEPS:
        moved = True
        while moved:
            moved = False
            for p in range(len(w)):
                for change in (step, -step):
                    trial = _moved(w, p, change)
                    if trial is None:
                        continue
                    found = value(trial)
                    if found > best + 1e-12:
                        w, best, moved = trial, found, True
    return w


def _moved(w: Floats, p: int, change: float) -> Floats | None:
    """The shares with one of them changed and the others scaled to what is left."""
    new = min(max(w[p] + change, 0.0), 1.0)
    if new == w[p] or len(w) == 1:
        return None
    rest = w.copy()
    rest[p] = 0
    if rest.sum() < 1e-9:
        rest = np.ones(len(w))
        rest[p] = 0
    out = rest * ((1 - new) / rest.sum())
    out[p] = new
    return np.asarray(out)
