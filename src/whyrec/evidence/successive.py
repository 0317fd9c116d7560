"""Attribution by successive removal: again and again take out what the item now leans on most.

Leaving out one event at a time (`occlusion`) misses events that stand in for each other: without
one of them the others still carry the item. Here the events whose going costs the item most are
taken out for good, some at a time, and what remains is asked again; the parts are the order of
going. `successive` looks at the score, `place` at the item's rank among what the person does not
have, and `two_ended` at both ends at once: what is lost without the events, and what they carry alone.

These are searches for an order, made for the question "which events first?". Their parts are places
in that order and add up to nothing; for sums use contributions or `shapley`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from whyrec.errors import ConfigError
from whyrec.evidence.attribution import BUDGET, Attribution, Game, Masks, score_kept
from whyrec.recommend.base import Floats, History, Ints, Recommender

Worth = Callable[[Masks], Floats]

RIVALS = 10
"""How many of the strongest other items a lead is measured against."""

LEAD = 1e-3
"""What a lead weighs beside the rank: it decides where the rank does not change."""

ALONE = 0.3
"""What carrying alone weighs beside being needed, in `two_ended`."""


def successive(
    recommender: Recommender, history: History, items: Ints, *, budget: int = BUDGET, seed: int = 0
) -> Attribution:
    """Order of going by the score, from 1 for what went first to 1/h for what went last.

    Parameters
    ----------
    recommender
        Any model; only its `scores` are used.
    history
        h events, in the order in which the model reads them.
    items
        int [items], item indices; each is searched on its own.
    budget
        Model calls for each item: the more, the fewer events go at once. A round of h calls is
        spent in any case.
    seed
        As for every method; nothing here depends on it.

    Raises
    ------
    ConfigError
        If the budget is below 2.
    ModelError
        If the model answers with something that is not a finite number.
    """

    def worth(item: int) -> Worth:
        game = Game(recommender, history, np.array([item]))
        return lambda keep: game(keep)[:, 0]

    return _search(worth, len(history), items, budget)


def place(
    recommender: Recommender, history: History, items: Ints, *, budget: int = BUDGET, seed: int = 0
) -> Attribution:
    """Order of going by the item's place: what takes it down the list goes first.

    The worth of a history is 1 / log2(1 + rank), and where that does not change the item's lead over
    the mean of its ten strongest rivals. Items of the history are no rivals. See `successive`.
    """
    n_items = recommender.n_items

    def worth(item: int) -> Worth:
        hidden = np.append(np.asarray(history.items), item)
        rivals = max(1, min(RIVALS, n_items - len(hidden)))

        def value(keep: Masks) -> Floats:
            out = np.empty(len(keep))
            for a, b, found in score_kept(recommender.scores, history, keep, n_items):
                own = found[:, item].copy()
                scores = found.copy()
                scores[:, hidden] = -np.inf
                rank = 1 + (scores >= own[:, None]).sum(1)
                top = -np.partition(-scores, rivals - 1, axis=1)[:, :rivals]
                lead = own - np.where(np.isfinite(top), top, own[:, None]).mean(1)
                out[a:b] = 1 / np.log2(1 + rank) + LEAD * lead
            return out

        return value

    return _search(worth, len(history), items, budget)


def two_ended(
    recommender: Recommender, history: History, items: Ints, *, budget: int = BUDGET, seed: int = 0
) -> Attribution:
    """Order by what an event's going costs the rest and what it adds to those already named.

    Twice the calls of `successive` an event and round. See there.
    """

    def worth(item: int) -> Worth:
        game = Game(recommender, history, np.array([item]))
        return lambda keep: game(keep)[:, 0]

    return _search(worth, len(history), items, budget, alone=ALONE)


def _search(
    worth: Callable[[int], Worth], h: int, items: Ints, budget: int, *, alone: float = 0.0
) -> Attribution:
    if budget < 2:
        raise ConfigError(f"a budget of {budget} calls", where="budget", remedy="use 2 or more")
    ways = 2 if alone else 1
    # Rounds of h, h - s, h - 2s, … events come to about h²/2s; each is asked about `ways` times.
    size = max(1, -(-ways * h * h // (2 * max(budget - ways * h // 2, 1))))
    parts = np.empty((len(items), h))
    calls = 0
    for k, item in enumerate(np.asarray(items).tolist()):
        value = worth(item)
        left, named = np.arange(h), np.empty(0, np.int64)
        while len(left):
            n = len(left)
            keep = np.zeros((ways * n, h), np.bool_)
            keep[:n, left] = True
            keep[np.arange(n), left] = False
            if alone:
                keep[n:, named] = True
                keep[n + np.arange(n), left] = True
            found = value(keep)
            calls += len(keep)
            cost = found[:n] - alone * found[n:] if alone else found
            going = np.argsort(cost, kind="stable")[:size]
            parts[k, left[going]] = (h - len(named) - np.arange(len(going))) / h
            named = np.append(named, left[going])
            left = np.delete(left, going)
    return Attribution(parts, None, calls)
