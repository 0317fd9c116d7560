"""Counterfactuals: found by search, re-ranked by the model from scratch, and only then believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from whyrec.evidence.attribution import BUDGET, Masks, score_kept
from whyrec.evidence.by_calls import Line, Sets
from whyrec.evidence.by_calls import search as search_by_calls
from whyrec.evidence.types import Counterfactual, Question
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.removal import Removal

if TYPE_CHECKING:
    from whyrec.evidence.person import Person

PAIR_BUDGET = 5_000_000
"""Elementary steps spent on pairs for one question; beyond it sizes are not called excluded."""


class Counterfactuals:
    """Finds the smallest sets of events without which items lose their place.

    By arithmetic where the model knows how its scores fall (`Recommender.removal`), else by asking
    it: also where a rule adds other amounts to another history.

    Parameters
    ----------
    max_size
        The most events that a set may hold.
    budget
        Histories that the model may score for one person, where it is asked.
    """

    def __init__(self, bundle: Bundle, max_size: int, budget: int = BUDGET) -> None:
        self.bundle = bundle
        self.max_size = max_size
        # What a table would have held for another history, nobody can be asked.
        self.budget = 0 if bundle.recommender.surrogate else budget

    def find(
        self, person: Person, items: Ints, ranks: Sequence[int], list_size: int
    ) -> tuple[list[Counterfactual | None], list[Counterfactual | None]]:
        """(`gone`, `displaced`) of each item; None where no set of up to `max_size` was found.

        Items that the person has already, and those below the shown list, have no `gone`; the
        former have no `displaced` either.
        """
        gone: list[Counterfactual | None] = [None] * len(items)
        displaced: list[Counterfactual | None] = [None] * len(items)
        # (place in the list, rivals that must stand before it, question)
        asked: list[tuple[int, int, Question]] = []
        shown = person.listable[items]
        for k, rank in enumerate(ranks):
            if shown[k]:
                if rank <= list_size:
                    asked.append((k, list_size, "gone"))
                asked.append((k, rank, "displaced"))
        if not asked:
            return gone, displaced
        queries = items[[a[0] for a in asked]], np.array([a[1] for a in asked], np.int64)
        sets, proved = self.search(person, *queries)
        new_ranks = self._rerank(person, items, asked, sets)
        ids = self.bundle.dataset.catalogue.ids
        for (k, need, question), chosen, sure, rank in zip(
            asked, sets, proved, new_ranks, strict=True
        ):
            if len(chosen) and rank > need:
                names = tuple([ids[i] for i in person.history.items[chosen].tolist()])
                found = Counterfactual(question, names, rank, sure)
                (gone if question == "gone" else displaced)[k] = found
        return gone, displaced

    def search(
        self, person: Person, items: Ints, needs: Ints, candidates: Ints | None = None
    ) -> tuple[list[Ints], list[bool]]:
        """Positions in the history without which `needs[q]` candidates stand before `items[q]`.

        Empty where no set was found, and whether every smaller set is known not to do. Candidates
        are the person's unless others are given.
        """
        rivals = person.candidates if candidates is None else candidates
        removal = self.removal(person.history)
        if removal is None:
            return self._ask(person.history, rivals, items, needs)
        return self._search(person, removal, items, needs, rivals)

    def removal(self, history: History) -> Removal | None:
        """How scores fall by arithmetic; None where the model, or a rule, must be asked."""
        bound = self.bundle.bound_rules
        moving = bound is not None and any(
            r.action == "pin" or r.deviations or r.user is not None for r in bound.rules
        )
        return None if moving else self.bundle.recommender.removal(history)

    def _ask(
        self, history: History, candidates: Ints, items: Ints, needs: Ints
    ) -> tuple[list[Ints], list[bool]]:
        lines = [Line(i, need) for i, need in zip(items.tolist(), needs.tolist(), strict=True)]
        self.leave_out(history, candidates, lines)
        found: list[Ints] = [np.array(line.found, np.int32) for line in lines]
        return found, [line.excluded >= len(line.found) - 1 for line in lines]

    def leave_out(self, history: History, candidates: Ints, lines: Sequence[Line]) -> None:
        """Answer questions about leaving events out, by asking the model."""

        def score(sets: Sets) -> Iterator[tuple[int, Floats, Ints]]:
            keep = _keep(sets, len(history))
            n_items = self.bundle.dataset.n_items
            for start, _, scores in score_kept(self.bundle.scores, history, keep, n_items):
                yield start, scores, candidates

        # Heavier events first: what the budget does not reach is what weighs least.
        moves = np.argsort(-np.abs(history.weights), kind="stable").tolist()
        search_by_calls(lines, score, moves, self.max_size, self.budget)

    def _search(
        self, person: Person, removal: Removal, items: Ints, needs: Ints, candidates: Ints
    ) -> tuple[list[Ints], list[bool]]:
        from whyrec.evidence.search import search

        sets = np.full((len(items), self.max_size), -1, np.int32)
        sizes = np.zeros(len(items), np.int64)
        excluded = np.zeros(len(items), np.int64)
        search(
            person.scores,
            candidates,
            items,
            needs,
            removal.effects,
            removal.weights,
            removal.excess,
            removal.gram,
            removal.own,
            self.max_size,
            PAIR_BUDGET,
            sets,
            sizes,
            excluded,
        )
        found: list[Ints] = []
        # All events at once: what is left is a person without a history, ranked by popularity.
        h = len(person.history)
        if h <= self.max_size:
            everything = np.arange(h, dtype=np.int32)
            found += [s[:n] if n else everything for s, n in zip(sets, sizes.tolist(), strict=True)]
            sizes[sizes == 0] = h
        else:
            found += [s[:n] for s, n in zip(sets, sizes.tolist(), strict=True)]
        return found, [bool(p) for p in excluded >= sizes - 1]

    def _rerank(
        self,
        person: Person,
        items: Ints,
        asked: Sequence[tuple[int, int, Question]],
        sets: Sequence[Ints],
    ) -> list[int]:
        """The rank of each asked item after the removal of its set, from scratch."""
        from whyrec.evidence.search import rank_of

        keys = [tuple(sorted(s.tolist())) for s in sets]
        distinct = {key: row for row, key in enumerate(dict.fromkeys(k for k in keys if k))}
        if not distinct:
            return [0] * len(asked)
        scores = self.scores_without(person.history, list(distinct))
        return [
            rank_of(scores[distinct[key]], person.candidates, items[k]) if key else 0
            for (k, _, _), key in zip(asked, keys, strict=True)
        ]

    def scores_without(self, history: History, removed: Sequence[Sequence[int]]) -> Floats:
        """Scores after removing each set of positions: float64 [sets, n_items]."""
        n_items = self.bundle.dataset.n_items
        blocks = score_kept(self.bundle.scores, history, _keep(removed, len(history)), n_items)
        return np.concatenate([scores for _, _, scores in blocks])

    def rank_without(self, person: Person, item: int, removed: Ints) -> int:
        """The item's rank after removing the events on the given items."""
        from whyrec.evidence.search import rank_of

        left = person.history.without(removed)
        scores = self.bundle.scores(left.matrix(self.bundle.dataset.n_items))[0]
        return rank_of(scores, person.candidates, item)


def _keep(removed: Sequence[Sequence[int]], h: int) -> Masks:
    """Which events are left after each removal: bool [sets, h]."""
    keep = np.ones((len(removed), h), np.bool_)
    for row, positions in enumerate(removed):
        keep[row, list(positions)] = False
    return keep
