"""Orders of a history by search: take out, or put in, what now counts most, and ask again.

Leaving out one event at a time (`occlusion`) misses events that stand in for each other: without one
of them the others still carry the item. Here the events whose going costs the item most are taken
out for good, a tenth of the history at a time, and what remains is asked again (`successive` by the
score, `place` by the rank); or those that carry it best on their own are put in first (`enough`).

To ask about every event in every round would cost h²/2s calls, s events a round. What an event counts
for in the end lies near the mean of what it counts for in the whole history and on its own, so both
are asked once, 2h calls, and each round asks only about the events that stand highest by their sum.

These are searches for an order, made for the question "which events first?". Their parts are places
in that order and add up to nothing; for sums use contributions or `shapley`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from whyrec.errors import ModelError
from whyrec.evidence.attribution import BUDGET, Attribution, Masks, score_kept
from whyrec.recommend.base import Floats, History, Ints, Recommender

PARTS = 10
"""Rounds: parts into which the history is cut."""

DEPTHS = (1, 10)
"""Ranks whose holders' scores an item's score is compared with."""

SCORE, RANK, PLACE = 0, 1, 2
LEAD = {k: 3 + j for j, k in enumerate(DEPTHS)}
"""Columns of an answer: the lead is the score less that of the k-th strongest other item."""

TIE = 1e-3
"""What a lead weighs in PLACE: it decides where the rank does not change."""

WIDE, FIRST_WIDE = 1.5, 4.0
"""Events asked about in a round, in rounds' sizes; the second in the first rounds of putting in,
where what an event adds to so few differs most from what it adds to none."""

FEW, SHORTLIST = 3, 10
"""How many events are named one at a time, and out of how many."""


class Asked:
    """What a model says of one item when some of a history is kept; nothing is asked twice.

    Attributes
    ----------
    calls
        Different histories that the model has scored.
    """

    def __init__(self, recommender: Recommender, history: History, item: int) -> None:
        self.history, self.item = history, item
        self.calls = 0
        self._recommender = recommender
        self._known: dict[bytes, Floats] = {}

    def __call__(self, keep: Masks) -> Floats:
        """SCORE, RANK, PLACE and a LEAD for each depth: float64 [n, 3 + depths] for bool [n, h].

        Ranks are among the items outside the whole history; of equals the lower index comes first.
        PLACE is 1 / log2(1 + rank) and a little of the mean lead over the first ten others.

        Raises
        ------
        ModelError
            If the model answers with something that is not a finite number.
        """
        keys = [mask.tobytes() for mask in np.packbits(keep, axis=1)]
        new = {key: k for k, key in enumerate(keys) if key not in self._known}
        if new:
            self._known.update(zip(new, self._ask(keep[list(new.values())]), strict=True))
            self.calls += len(new)
        return np.array([self._known[key] for key in keys]).reshape(len(keys), 3 + len(DEPTHS))

    def _ask(self, keep: Masks) -> Floats:
        model, item = self._recommender, self.item
        hidden = np.union1d(self.history.items, [item])
        out = np.zeros((len(keep), 3 + len(DEPTHS)))
        others = min(DEPTHS[-1], model.n_items - len(hidden))
        for a, b, found in score_kept(model.scores, self.history, keep, model.n_items):
            own = found[:, item].copy()
            if not np.isfinite(own).all():
                raise ModelError(
                    "a score is not a finite number",
                    where=model.name,
                    remedy="make the model score every history, shorter ones and empty ones too",
                )
            rivals = found.copy()
            rivals[:, hidden] = -np.inf
            ahead = (rivals > own[:, None]).sum(1) + (rivals[:, :item] == own[:, None]).sum(1)
            out[a:b, SCORE], out[a:b, RANK] = own, 1 + ahead
            out[a:b, PLACE] = 1 / np.log2(2 + ahead)
            if others > 0:
                first = np.partition(rivals, np.arange(-others, 0), axis=1)[:, : -others - 1 : -1]
                lead = np.clip(own[:, None] - first, -1e300, 1e300)
                out[a:b, PLACE] += TIE * lead[:, :10].mean(1)
                for k, column in LEAD.items():
                    out[a:b, column] = lead[:, min(k, others) - 1]
        return out


class Search:
    """Orders for one item; all of them share their calls.

    Parameters
    ----------
    asked
        The model, the history of h events, and the item. 2h calls are spent at once.

    Attributes
    ----------
    lost, alone
        float64 [h, columns]: answers without each event, and with only this one.
    """

    def __init__(self, asked: Asked) -> None:
        self.asked, self.h = asked, len(asked.history)
        one = np.eye(self.h, dtype=np.bool_)
        self.lost, self.alone = asked(~one), asked(one)

    def effects(self, column: int) -> Floats:
        """Events by what is lost without each, in standard deviations: float64 [h]."""
        return _standard(-self.lost[:, column])

    def both(self, column: int) -> Floats:
        """Events by what is lost without them and what they carry alone: float64 [h]."""
        return self.effects(column) + _standard(self.alone[:, column])

    def taking_out(self, column: int, guess: Floats) -> Floats:
        """Places from h to 1: first what takes most from the rest, asked about as `guess` ranks."""
        return self._rounds(column, guess, self.lost[:, column], out=True)

    def putting_in(self, column: int, guess: Floats) -> Floats:
        """Places from h to 1: first what adds most to those named before."""
        return self._rounds(column, guess, -self.alone[:, column], out=False)

    def _rounds(self, column: int, guess: Floats, cost: Floats, *, out: bool) -> Floats:
        h, named = self.h, np.empty(0, np.int64)
        left, parts = np.arange(h), np.empty(h)
        for size in _sizes(h):
            if len(named):
                early = not out and len(named) < FIRST_WIDE * size
                wide = max(4, int(np.ceil((FIRST_WIDE if early else WIDE) * size)))
                among = left[np.argsort(-guess[left], kind="stable")[:wide]]
                cost = np.full(h, np.inf)
                found = self._with(among, named, out=out)[:, column]
                cost[among] = found if out else -found
            going = left[np.argsort(cost[left], kind="stable")[:size]]
            parts[going] = h - len(named) - np.arange(len(going))
            named = np.append(named, going)
            left = np.setdiff1d(left, going)
        return parts

    def few(self, column: int, *, out: bool) -> Floats:
        """The first three one at a time out of the ten likeliest; the others as they stand alone."""
        cost = self.lost[:, column] if out else -self.alone[:, column]
        order = np.argsort(cost, kind="stable")
        named = order[:0]
        for _ in range(min(FEW, self.h)):
            among = np.setdiff1d(order[:SHORTLIST], named)
            found = self._with(among, named, out=out)[:, column]
            named = np.append(named, among[found.argmin() if out else found.argmax()])
        parts = np.empty(self.h)
        parts[order] = np.arange(self.h, 0, -1)
        parts[named] = self.h + np.arange(len(named), 0, -1)
        return parts

    def _with(self, among: Ints, named: Ints, *, out: bool) -> Floats:
        """Answers where those named and one more are gone, or are all that is there."""
        keep = np.full((len(among), self.h), out)
        keep[:, named] = not out
        keep[np.arange(len(among)), among] = not out
        return self.asked(keep)


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
        int [items], item indices; each is searched on its own, with about 3.4 h calls.
    budget, seed
        As for every method; nothing here depends on them.

    Raises
    ------
    ModelError
        If the model answers with something that is not a finite number.
    """
    searches = _searches(recommender, history, items)
    return _attribution((s, s.taking_out(SCORE, s.both(SCORE))) for s in searches)


def place(
    recommender: Recommender, history: History, items: Ints, *, budget: int = BUDGET, seed: int = 0
) -> Attribution:
    """Order of going by the item's place: what takes it down the list goes first.

    Where the rank does not change, the lead over the strongest ten others decides. See `successive`.
    """
    searches = _searches(recommender, history, items)
    return _attribution((s, s.taking_out(PLACE, _standing(s))) for s in searches)


def enough(
    recommender: Recommender, history: History, items: Ints, *, budget: int = BUDGET, seed: int = 0
) -> Attribution:
    """Order of coming by the score: first what carries the item best with nothing else.

    About 4 h calls. See `successive`.
    """
    searches = _searches(recommender, history, items)
    return _attribution((s, s.putting_in(SCORE, s.both(SCORE))) for s in searches)


def orders(asked: Asked, *, budget: int = BUDGET) -> list[Floats]:
    """Thirteen orders of one history for one item, each float64 [h]; about 7 h calls in all.

    By what is lost without each event (score, place, lead over the first other item), by what each carries alone, by both, by the three searches and their mixtures, and two that
    name the first three events one at a time.

    Parameters
    ----------
    asked
        The model, the history and the item.
    budget
        A search that would pass so many calls is left out, and what it starts from stands in its
        place. The first 2h calls and some 30 for the first three events are spent in any case.
    """
    search = Search(asked)
    score, standing = search.both(SCORE), _standing(search)
    out, put, placed = score, score, standing
    round_ = (1 - 1 / PARTS) * search.h
    if asked.calls + FIRST_WIDE * round_ / 2 <= budget:
        put = search.putting_in(SCORE, score)
    if asked.calls + WIDE * round_ <= budget:
        out = search.taking_out(SCORE, score)
    if asked.calls + WIDE * round_ <= budget:
        placed = search.taking_out(PLACE, standing)
    out, put, placed = _ranks(out), _ranks(put), _ranks(placed)
    return [
        *(search.effects(column) for column in (SCORE, PLACE, LEAD[1])),
        search.alone[:, SCORE],
        search.alone[:, LEAD[10]],
        score,
        out,
        placed,
        put,
        out + placed,
        out + put,
        search.few(SCORE, out=True),
        search.few(SCORE, out=False),
    ]


def _searches(recommender: Recommender, history: History, items: Ints) -> Iterable[Search]:
    return (Search(Asked(recommender, history, item)) for item in np.asarray(items).tolist())


def _attribution(found: Iterable[tuple[Search, Floats]]) -> Attribution:
    pairs = list(found)
    parts = np.array([p / max(s.h, 1) for s, p in pairs])
    return Attribution(parts, None, sum(s.asked.calls for s, _ in pairs))


def _standing(search: Search) -> Floats:
    """Events by the place and by the lead over the tenth other item, which is never flat."""
    return search.effects(PLACE) + search.both(LEAD[10])


def _sizes(h: int) -> list[int]:
    return [len(part) for part in np.array_split(np.arange(h), PARTS) if len(part)]


def _standard(values: Floats) -> Floats:
    """Mean 0 and standard deviation 1, or all 0."""
    if not len(values):
        return values
    spread = values.std()
    return np.asarray((values - values.mean()) / (spread if spread > 0 else 1.0), np.float64)


def _ranks(values: Floats) -> Floats:
    """0 for the lowest to h - 1 for the highest."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(np.float64)
