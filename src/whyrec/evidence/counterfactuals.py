"""Counterfactuals: found by search, re-ranked by the model from scratch, and only then believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from whyrec.evidence.types import Counterfactual, Question
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.removal import Removal

if TYPE_CHECKING:
    from whyrec.evidence.engine import Person

PAIR_BUDGET = 5_000_000
"""Elementary steps spent on pairs for one question; beyond it sizes are not called excluded."""


class Counterfactuals:
    """Finds the smallest sets of events without which items lose their place.

    Parameters
    ----------
    max_size
        The most events that a set may hold.
    """

    def __init__(self, bundle: Bundle, max_size: int) -> None:
        self.bundle = bundle
        self.max_size = max_size

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
        shown = person.candidates[items]
        for k, rank in enumerate(ranks):
            if shown[k]:
                if rank <= list_size:
                    asked.append((k, list_size, "gone"))
                asked.append((k, rank, "displaced"))
        if not asked:
            return gone, displaced
        removal = self.bundle.recommender.removal(person.history)
        if removal is None:
            return gone, displaced
        sets, proved = self._search(
            person, removal, items[[a[0] for a in asked]], np.array([a[1] for a in asked], np.int64)
        )
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

    def _search(
        self, person: Person, removal: Removal, items: Ints, needs: Ints
    ) -> tuple[list[Ints], list[bool]]:
        from whyrec.evidence.search import search

        sets = np.full((len(items), self.max_size), -1, np.int32)
        sizes = np.zeros(len(items), np.int64)
        excluded = np.zeros(len(items), np.int64)
        search(
            person.scores,
            person.candidates,
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
        h = len(history)
        keep = np.ones((len(removed), h), np.bool_)
        for row, positions in enumerate(removed):
            keep[row, list(positions)] = False
        indptr = np.concatenate(([0], np.cumsum(keep.sum(1)))).astype(np.int32)
        items = np.broadcast_to(history.items, keep.shape)[keep]
        weights = np.broadcast_to(history.weights, keep.shape)[keep]
        shape = (len(removed), self.bundle.dataset.n_items)
        return self.bundle.scores(sparse.csr_matrix((weights, items, indptr), shape=shape))

    def rank_without(self, person: Person, item: int, removed: Ints) -> int:
        """The item's rank after removing the events on the given items."""
        from whyrec.evidence.search import rank_of

        left = person.history.without(removed)
        scores = self.bundle.scores(left.matrix(self.bundle.dataset.n_items))[0]
        return rank_of(scores, person.candidates, item)
