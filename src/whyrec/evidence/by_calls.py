"""The smallest change of a history that moves an item over a line, found by asking the model.

A change is a set of moves: events left out, or catalogue items added. Sizes are tried in turn, each
whole where the budget allows it; beyond that a beam goes on from the sets that came nearest. Every
set that is scored is held against every question that is still open. `excluded` says up to which
size every set was tried, and nothing more is called proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb

import numpy as np

from whyrec.recommend.base import Floats, Ints

BEAM = 3
"""Sets that a question goes on from, where a size cannot be tried whole."""

Sets = Sequence[tuple[int, ...]]
Score = Callable[[Sets], Iterator[tuple[int, Floats, Ints]]]
"""Sets of moves to (start, scores [m, n_items], candidates bool [n_items] or [m, n_items])."""


@dataclass(slots=True)
class Line:
    """A question: which moves bring the item past a place of the list, and in which direction.

    Attributes
    ----------
    item
        Item index.
    need
        The place: below it after the change (`enter` false), or at it or above (`enter` true).
    found, excluded
        The answer: the set of moves, empty if none was found; every set of up to `excluded` moves
        is known not to do it.
    """

    item: int
    need: int
    enter: bool = False
    found: tuple[int, ...] = ()
    excluded: int = 0
    near: list[tuple[float, tuple[int, ...]]] = field(default_factory=list)
    alone: dict[int, float] = field(default_factory=dict)


def search(
    lines: Sequence[Line], score: Score, moves: Sequence[int], max_size: int, budget: int
) -> int:
    """Answer the questions in place; the number of sets that were scored.

    Parameters
    ----------
    lines
        The questions.
    score
        What the model says after a set of moves.
    moves
        All moves there are, the most promising first: where the budget does not reach to try each,
        the first are.
    max_size
        The most moves that a set may hold.
    budget
        Sets that may be scored.
    """
    spent = 0
    complete = True
    for size in range(1, min(max_size, len(moves)) + 1):
        unanswered = [line for line in lines if not line.found]
        if not unanswered or spent >= budget:
            break
        left = budget - spent
        complete = complete and comb(len(moves), size) <= left
        if complete:
            sets: list[tuple[int, ...]] = list(combinations(moves, size))
        elif size == 1:
            sets = [(m,) for m in moves[:left]]
        else:
            sets = _beam(unanswered, left)
        if not sets:
            break
        spent += len(sets)
        _try(unanswered, sets, score, size)
        if complete:
            for line in unanswered:
                if not line.found:
                    line.excluded = size
    return spent


def _beam(lines: Sequence[Line], left: int) -> list[tuple[int, ...]]:
    """Each question's nearest sets, each with one move more; an equal share of the calls for each."""
    share = max(1, left // len(lines))
    sets: dict[tuple[int, ...], None] = {}
    for line in lines:
        ranked = sorted(line.alone, key=lambda m: (-line.alone[m], m))
        own: dict[tuple[int, ...], None] = {}
        wide = max(1, share // BEAM)
        for _, base in line.near[:BEAM]:
            further = [m for m in ranked if m not in base][:wide]
            own.update(dict.fromkeys(tuple(sorted((*base, m))) for m in further))
        sets.update(dict.fromkeys(list(own)[:share]))
    return list(sets)[:left]


def _try(lines: Sequence[Line], sets: Sets, score: Score, size: int) -> None:
    """Score the sets and hold each against each question."""
    margins = np.empty((len(lines), len(sets)))
    passed = np.zeros((len(lines), len(sets)), np.bool_)
    for start, scores, candidates in score(sets):
        end = start + len(scores)
        places = Places(scores, candidates, [line.need for line in lines])
        for k, line in enumerate(lines):
            passed[k, start:end], margins[k, start:end] = places.past(
                line.item, line.need, enter=line.enter
            )
    for line, good, margin in zip(lines, passed, margins, strict=True):
        order = np.argsort(-margin, kind="stable")
        if size == 1:
            line.alone = {sets[k][0]: float(margin[k]) for k in order.tolist()}
        won = order[good[order]]
        if len(won):
            line.found = sets[won[0]]
        line.near = [(float(margin[k]), sets[k]) for k in order[:BEAM].tolist()]


class Places:
    """Blocks of rankings, ready to say on which side of a place an item stands.

    Parameters
    ----------
    scores
        float64 [m, n_items].
    candidates
        bool [n_items] or [m, n_items].
    needs
        The places that will be asked about.
    """

    def __init__(self, scores: Floats, candidates: Ints, needs: Sequence[int]) -> None:
        self._scores = scores
        self._candidates = np.broadcast_to(candidates, scores.shape)
        n = scores.shape[1]
        places = sorted({k for need in needs for k in (need - 1, need) if k < n})
        worst_first = -np.where(self._candidates, scores, -np.inf)
        if places:
            worst_first.partition(places, axis=1)
        self._best = {k: -worst_first[:, k] for k in places}

    def past(self, item: int, need: int, *, enter: bool) -> tuple[Ints, Floats]:
        """Whether the item is past the line in each row, and by how much: bool, float64 [m].

        Ties are broken by the lower index, as in every ranking.
        """
        own = self._scores[:, item]
        nobody = np.full(len(own), -np.inf)
        last, next_ = self._best.get(need - 1, nobody), self._best.get(need, nobody)
        # The need-th best of all others: the item's own score is among the best where it is not less.
        bar = np.where(self._candidates[:, item] & (own >= last), next_, last)
        within = own > bar
        for row in np.flatnonzero(own == bar).tolist():
            within[row] = self._rank(row, item) <= need
        with np.errstate(invalid="ignore"):
            margin = np.nan_to_num(own - bar if enter else bar - own)
        return within == enter, margin

    def _rank(self, row: int, item: int) -> int:
        scores, own = self._scores[row], self._scores[row, item]
        before = scores > own
        before[:item] |= scores[:item] == own
        before[item] = False
        return 1 + int((before & self._candidates[row]).sum())
