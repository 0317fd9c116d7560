"""Attested facts: what the catalogue and many people's behaviour say about an item and a history."""

from __future__ import annotations

import threading
from functools import cached_property

import numpy as np
import polars as pl

from whyrec.evidence.types import Fact
from whyrec.features.facets import Facets
from whyrec.privacy.kanon import K_ANON
from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.bundle import Bundle

FEATURES = 3
"""Feature facts kept for an item."""

PEERS = 8
"""Strongest events of a history whose crowds are looked at."""

PEOPLE = 3
"""People facts kept for an item."""


class Attested:
    """Facts that recompute from the data, ready to be asked by item index.

    Crowds are counted over positive pairs whose told event is `event`, people once each; ratings
    over each person's last rating of an item, low ones included. What fewer than `k_anon` people
    did is never returned.
    """

    def __init__(self, bundle: Bundle, facets: Facets, *, k_anon: int = K_ANON) -> None:
        self.k_anon = max(k_anon, 1)
        self.event = bundle.main_event
        self.facets = facets
        self.ids = bundle.dataset.catalogue.ids
        self.best = bundle.dataset.best_rating
        crowd = bundle.crowd
        by_item = crowd.tocsc()
        self._indptr, self._people = by_item.indptr, by_item.indices
        self.counts = np.diff(self._indptr)
        self.people_total = int((np.diff(crowd.indptr) > 0).sum())
        self._n_users = crowd.shape[0]
        # Kernels release the GIL, so every thread has scratch arrays of its own.
        self._scratch = threading.local()
        self._facet_indptr = facets.matrix.indptr
        self._facet_items = facets.matrix.indices
        self._events = bundle.dataset.events
        self._n_items = bundle.dataset.n_items

    @cached_property
    def _ratings(self) -> tuple[Floats, Ints]:
        """Mean and number of ratings by item."""
        last = (
            self._events.lazy()
            .filter((pl.col("event") == "rating") & pl.col("value").is_not_null())
            .sort("user", "item", "time", nulls_last=False, maintain_order=True)
            .group_by("user", "item", maintain_order=True)
            .agg(pl.col("value").last())
            .select("item", "value")
            .collect()
        )
        items = last["item"].to_numpy()
        n = np.bincount(items, minlength=self._n_items)
        total = np.bincount(items, last["value"].to_numpy(), minlength=self._n_items)
        return total / np.maximum(n, 1), n

    def popular(self, item: int) -> tuple[str, int] | None:
        """(event, people) of an item."""
        n = int(self.counts[item])
        return (self.event, n) if n >= self.k_anon else None

    def rating(self, item: int) -> tuple[float, int, float] | None:
        """(mean, ratings, best possible) of an item."""
        if self.best is None:
            return None
        mean, n = self._ratings
        if n[item] < self.k_anon:
            return None
        return float(mean[item]), int(n[item]), float(self.best)

    def people(self, item: int, peers: Ints) -> tuple[Ints, Floats]:
        """(people with both, lift) for one item and several others: int64, float64 [peers]."""
        both = self._both(np.array([item], np.int32), np.asarray(peers, np.int32)[None])[0]
        return both, self._lift(both, self.counts[item], self.counts[peers])

    def _both(self, items: Ints, peers: Ints) -> Ints:
        from whyrec.evidence.kernels import shared_people

        out = np.zeros(peers.shape, np.int64)
        shared_people(self._indptr, self._people, items, peers, self._mine().mark, out)
        return out

    def _mine(self) -> threading.local:
        mine = self._scratch
        if not hasattr(mine, "mark"):
            mine.mark = np.zeros(self._n_users, np.bool_)
            mine.slot = np.full(max(len(self.facets.facets), 1), -1, np.int32)
        return mine

    def _lift(self, both: Ints, one: Ints, other: Ints) -> Floats:
        return np.asarray(both * float(self.people_total) / np.maximum(one * other, 1))

    def facts(
        self, items: Ints, history: Ints, events: Ints, contributions: Floats, order: Ints
    ) -> list[tuple[Fact, ...]]:
        """The facts of each item of one person's list.

        Parameters
        ----------
        items
            int32 [n].
        history
            int32 [h]: item indices of positive events.
        events
            bool [h]: whether the told event is `event`.
        contributions
            float64 [n, h].
        order
            int [n, h]: positions in the history, by falling contribution.
        """
        out: list[list[Fact]] = [[] for _ in items]
        if len(history):
            self._features(items, history, contributions, order, out)
            self._crowds(items, history, events, contributions, order, out)
        for facts, i in zip(out, items.tolist(), strict=True):
            popular = self.popular(i)
            if popular is not None:
                facts.append(Fact("popular", event=popular[0], count=popular[1]))
            rating = self.rating(i)
            if rating is not None:
                facts.append(Fact("rating", mean=rating[0], count=rating[1], best=rating[2]))
        return [tuple(f) for f in out]

    def _features(
        self, items: Ints, history: Ints, contributions: Floats, order: Ints, out: list[list[Fact]]
    ) -> None:
        from whyrec.evidence.kernels import carriers, shared_facets

        if not self.facets.facets:
            return
        indptr, facets = self._facet_indptr, self._facet_items
        best = np.empty((len(items), FEATURES), np.int32)
        shared_facets(
            indptr, facets, self.facets.idf, history, items, contributions, self._mine().slot, best
        )
        ids = self.ids
        for a, row in enumerate(best.tolist()):
            for k in row:
                if k < 0:
                    break
                who = carriers(indptr, facets, k, history, order[a], contributions[a])
                facet = self.facets.facets[k]
                names = tuple([ids[i] for i in who.tolist()])
                out[a].append(Fact("feature", names, field=facet.field, value=facet.value))

    def _crowds(
        self,
        items: Ints,
        history: Ints,
        events: Ints,
        contributions: Floats,
        order: Ints,
        out: list[list[Fact]],
    ) -> None:
        near = order[:, :PEERS]
        told = events[near] & (np.take_along_axis(contributions, near, 1) > 0)
        peers = np.where(told, history[near], -1).astype(np.int32)
        both = self._both(items, peers)
        lift = self._lift(both, self.counts[items][:, None], self.counts[peers])
        good = (both >= self.k_anon) & (lift > 1)
        places = np.argwhere(good)
        for a, b in places.tolist():
            facts = out[a]
            if sum(f.kind == "people" for f in facts) < PEOPLE:
                facts.append(
                    Fact(
                        "people",
                        (self.ids[peers[a, b]],),
                        event=self.event,
                        count=int(both[a, b]),
                        lift=float(lift[a, b]),
                    )
                )
