"""Attribution by model calls: what each event adds to a score that has no exact parts.

The history is a game whose players are its events and whose worth is the model's own score of what
is left of it. One call is one history scored, for all items at once. `occlusion` takes each event
out once; `shapley` averages what an event adds over random orders of arrival (Castro, Gómez and
Tejada 2009), each order together with its reverse (Mitchell et al. 2022, JMLR 23:43).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.base import Floats, History, Ints, Recommender

Masks = npt.NDArray[np.bool_]
"""Which events are kept: bool [n, h]."""

BUDGET = 1024
"""Model calls that one attribution may take, unless told otherwise."""

BLOCK_BYTES = 32 << 20
"""Scores held at once."""

ENUMERATED = 12
"""Histories up to so many events are enumerated whole where the budget allows it."""


class Attribution(NamedTuple):
    """What the events add to the scores of some items, and how well that is known.

    Attributes
    ----------
    parts
        float64 [items, h].
    error
        float64 [items, h], a standard error of each part; None where nothing was sampled.
    calls
        Histories that the model scored for it.
    """

    parts: Floats
    error: Floats | None
    calls: int


class Method(Protocol):
    """A way to attribute scores to events by model calls."""

    def __call__(
        self, recommender: Recommender, history: History, items: Ints, *, budget: int, seed: int
    ) -> Attribution:
        """The parts of each item's score."""


class Game:
    """The scores of some items as a function of the events that are kept; counts its calls."""

    def __init__(self, recommender: Recommender, history: History, items: Ints) -> None:
        self._recommender = recommender
        self._history = history
        self._items = np.asarray(items, np.int64)
        self.calls = 0

    def __call__(self, keep: Masks) -> Floats:
        """Scores of the items with the kept events only: float64 [n, items] for bool [n, h].

        Raises
        ------
        ModelError
            If the model answers with something that is not a finite number.
        """
        out = np.empty((len(keep), len(self._items)))
        for start, end, scores in score_kept(
            self._recommender.scores, self._history, keep, self._n
        ):
            out[start:end] = scores[:, self._items]
        self.calls += len(keep)
        if not np.isfinite(out).all():
            raise ModelError(
                "a score is not a finite number",
                where=self._recommender.name,
                remedy="make the model score every history, shorter ones and empty ones too",
            )
        return out

    @property
    def _n(self) -> int:
        return self._recommender.n_items


class _Scores(Protocol):
    def __call__(self, histories: sparse.csr_matrix) -> Floats: ...


def score_kept(
    scores: _Scores, history: History, keep: Masks, n_items: int
) -> Iterator[tuple[int, int, Floats]]:
    """(start, end, scores [end - start, n_items]) of the kept events, in blocks of bounded memory.

    Events stay in their order and a stored rating of 0 stays stored.
    """
    step = max(1, BLOCK_BYTES // (8 * max(n_items, 1)))
    for start in range(0, len(keep), step):
        end = min(start + step, len(keep))
        yield start, end, scores(kept(history, keep[start:end], n_items))


def kept(history: History, keep: Masks, n_items: int) -> sparse.csr_matrix:
    """One row a mask of bool [n, h]: the history's kept events as a CSR matrix [n, n_items].

    Examples
    --------
    >>> history = History(np.array([2, 0], np.int32), np.array([0.0, 1.0], np.float32))
    >>> rows = kept(history, np.array([[True, True], [True, False]]), 3)
    >>> rows.indices.tolist(), rows.data.tolist(), rows.indptr.tolist()
    ([2, 0, 2], [0.0, 1.0, 0.0], [0, 2, 3])
    """
    indptr = np.concatenate(([0], np.cumsum(keep.sum(1)))).astype(np.int32)
    items = np.broadcast_to(history.items, keep.shape)[keep]
    weights = np.broadcast_to(history.weights, keep.shape)[keep]
    return sparse.csr_matrix((weights, items, indptr), shape=(len(keep), n_items))


def occlusion(
    recommender: Recommender, history: History, items: Ints, *, budget: int = BUDGET, seed: int = 0
) -> Attribution:
    """What each score loses when one event is left out: h + 1 calls, whatever the budget.

    The parts need not add up to anything.

    Parameters
    ----------
    recommender
        Any model; only its `scores` are used.
    history
        h events, in the order in which the model reads them.
    items
        int [items], item indices.
    budget, seed
        As for every method; nothing here depends on them.

    Raises
    ------
    ModelError
        If the model answers with something that is not a finite number.
    """
    h = len(history)
    game = Game(recommender, history, items)
    keep = np.ones((h + 1, h), np.bool_)
    keep[np.arange(h), np.arange(h)] = False
    worth = game(keep)
    return Attribution(np.ascontiguousarray((worth[h] - worth[:h]).T), None, game.calls)


def shapley(
    recommender: Recommender, history: History, items: Ints, *, budget: int = BUDGET, seed: int = 0
) -> Attribution:
    """Shapley values of the events; the parts of an item sum to f(history) - f(nothing).

    That sum is exact whatever was sampled. Histories with 2^h ≤ budget (and h ≤ 12) are enumerated,
    and their error is 0. Longer ones are sampled: each pair of a random order and its reverse costs
    2 (h - 1) calls, and one pair is drawn even where the budget is less. The error of a part is the
    standard error of the mean over pairs; from a single pair it is half the distance of the two
    orders, which is on the safe side where they are negatively correlated.

    Parameters
    ----------
    recommender
        Any model; only its `scores` are used.
    history
        h events, in the order in which the model reads them.
    items
        int [items], item indices; they share every call.
    budget
        Model calls that may be spent.
    seed
        Of the orders; the same seed gives the same numbers.

    Raises
    ------
    ConfigError
        If the budget is below 2.
    ModelError
        If the model answers with something that is not a finite number.
    """
    if budget < 2:
        raise ConfigError(f"a budget of {budget} calls", where="budget", remedy="use 2 or more")
    h = len(history)
    game = Game(recommender, history, items)
    if h <= ENUMERATED and 2**h <= budget:
        parts = _enumerated(game, h, len(items))
        return Attribution(parts, np.zeros_like(parts), game.calls)
    ends = game(np.array([[False] * h, [True] * h]))
    rng = np.random.default_rng(seed)
    pairs = max(1, (budget - 2) // (2 * (h - 1)))
    total = np.zeros((len(items), h))
    squares = np.zeros_like(total)
    for _ in range(pairs):
        order = rng.permutation(h)
        both = _along(game, (order, order[::-1]), ends)
        mean = (both[0] + both[1]) / 2
        total += mean
        if pairs > 1:
            squares += mean**2
        else:
            error = np.abs(both[0] - both[1]) / 2
    parts = total / pairs
    if pairs > 1:
        spread = np.maximum(squares / pairs - parts**2, 0.0) * pairs / (pairs - 1)
        error = np.sqrt(spread / pairs)
    return Attribution(parts, error, game.calls)


def _along(game: Game, orders: tuple[Ints, Ints], ends: Floats) -> list[Floats]:
    """What each event adds when the events arrive in that order: [items, h] for each order."""
    h = len(orders[0])
    keep = np.empty((len(orders), h - 1, h), np.bool_)
    for k, order in enumerate(orders):
        place = np.empty(h, np.int64)
        place[order] = np.arange(h)
        keep[k] = place < np.arange(1, h)[:, None]
    worth = game(keep.reshape(-1, h)).reshape(len(orders), h - 1, -1)
    found = []
    for k, order in enumerate(orders):
        steps = np.diff(np.concatenate((ends[:1], worth[k], ends[1:])), axis=0)
        out = np.empty((steps.shape[1], h))
        out[:, order] = steps.T
        found.append(out)
    return found


def _enumerated(game: Game, h: int, n: int) -> Floats:
    """Shapley values from the worth of every subset: float64 [n, h]."""
    subsets = np.arange(2**h)
    keep = (subsets[:, None] >> np.arange(h) & 1).astype(np.bool_)
    worth = game(keep)
    size = keep.sum(1)
    weight = np.array([1 / (h * comb(h - 1, s)) for s in range(h)])
    out = np.empty((n, h))
    for j in range(h):
        without = subsets[~keep[:, j]]
        added = worth[without | 1 << j] - worth[without]
        out[:, j] = weight[size[without]] @ added
    return out


METHODS: dict[str, Method] = {"shapley": shapley, "occlusion": occlusion}
"""The methods by the name that evidence gives them."""
