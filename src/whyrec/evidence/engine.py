"""From a model and its data to `Evidence`: ranks, contributions, counterfactuals and facts."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy import sparse

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError
from whyrec.evidence import differences
from whyrec.evidence.attributed import Attributed, Attributor
from whyrec.evidence.attribution import BUDGET
from whyrec.evidence.contrast import NotShown, Rather
from whyrec.evidence.counterfactuals import Counterfactuals
from whyrec.evidence.deeds import Deed, Deeds
from whyrec.evidence.facts import Attested
from whyrec.evidence.names import Names
from whyrec.evidence.person import Person, people
from whyrec.evidence.reasons import EVENT_NAMES, Past, Reasons, may_be_told
from whyrec.evidence.splits import GROUPS, breakdown, check_splits, group
from whyrec.evidence.types import Evidence, Fact, Part, Reason, Split
from whyrec.features.facets import Facets
from whyrec.privacy.kanon import K_ANON
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.bundle import Bundle, take

if TYPE_CHECKING:
    from whyrec.evidence.world import PairWorld

KEPT = 64
"""Users whose deeds are kept for the worlds of their lists."""

BLOCK_BYTES = 16 << 20
"""Scores held at once in `batch`."""

EXACT = 1e-5
"""Residual, relative, up to which contributions count as adding up."""


class EvidenceEngine:
    """Computes evidence from a bundle; holds nothing about anybody between calls but a few caches.

    Parameters
    ----------
    bundle
        Model and data.
    facets
        Of the bundle's catalogue; built if None.
    list_size
        The n of the shown list, about which `gone` and `without` speak.
    k_anon
        People that a crowd must count before it is told.
    max_size
        The most events a counterfactual may remove, 1 to 5. Sizes 1 and 2 are searched
        exhaustively, larger ones greedily.
    method, budget, seed
        How a model that is not exact is asked (see `evidence.attribution`): `shapley` or
        `occlusion`, the model calls that one person's attribution may take, and the seed of what
        is sampled. A search for counterfactuals by calls may take half as many again.

    Raises
    ------
    ConfigError
        If `list_size`, `max_size` or `budget` is out of range, or there is no such method.
    """

    def __init__(
        self,
        bundle: Bundle,
        facets: Facets | None = None,
        *,
        list_size: int = 10,
        k_anon: int = K_ANON,
        max_size: int = 3,
        method: str = "shapley",
        budget: int = BUDGET,
        seed: int = 0,
    ) -> None:
        if list_size < 1:
            raise ConfigError(f"a list of {list_size}", where="list_size", remedy="use 1 or more")
        if not 1 <= max_size <= 5:
            raise ConfigError(f"sets of {max_size}", where="max_size", remedy="use 1 to 5")
        self.bundle = bundle
        self.facets = facets or Facets.build(bundle.dataset.catalogue)
        self.list_size = list_size
        self.attested = Attested(bundle, self.facets, k_anon=k_anon)
        self.names = Names(bundle.dataset.catalogue)
        self.attributor = Attributor(bundle.recommender, method=method, budget=budget, seed=seed)
        self.counterfactuals = Counterfactuals(bundle, max_size, budget // 2)
        catalogue = bundle.dataset.catalogue
        self._ids, self._titles = catalogue.ids, catalogue.titles("")
        # Aligned with the bundle's histories, which hold the same pairs in the same order.
        reads = bundle.recommender.reads
        pairs = bundle.dataset.history_pairs(reads)
        code = {n: k for k, n in enumerate(EVENT_NAMES)}
        self._events = pairs["event"].replace_strict(code, return_dtype=pl.UInt8).to_numpy()
        self._values = pairs["value"].fill_null(np.nan).to_numpy()
        self._main = EVENT_NAMES.index(bundle.main_event)
        self._negative = pairs["negative"].to_numpy() if reads == "rated" else None
        self._whole = reads != "rated" or _ratings_are_all_told(bundle.dataset)
        self._last: Person | None = None
        self._deeds: dict[int, dict[str, Deed]] = {}
        self._lock = threading.Lock()

    def explain(
        self,
        user: str,
        *,
        n: int = 10,
        items: Sequence[str] | None = None,
        counterfactuals: bool = True,
        new_user: bool = False,
        by: Sequence[str] = (),
    ) -> list[Evidence]:
        """Evidence for the n best items of a user, or for the given ones.

        Parameters
        ----------
        items
            Item ids, in any order; their rank among everything that may be recommended is told.
        counterfactuals
            Whether to look for `gone` and `displaced`.
        new_user
            Whether an unknown id is somebody new and not an error.
        by
            Other parts of each score that are wanted: groups of events (`splits.GROUPS`), and
            `feature`, `neighbour` or `model` where the model knows them.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If the data do not hold an id.
        ConfigError
            If n is below 1, or nothing is split by such a name.
        """
        _check_n(n)
        check_splits(by)
        person = self.person(user, new_user=new_user)
        if items is None:
            (wanted,) = self.top([person], n)
        else:
            wanted = np.array([self.bundle.item(i) for i in items], np.int32)
        return self._evidence(person, wanted, counterfactuals, by)

    def rather(self, user: str, item: str, other: str, *, new_user: bool = False) -> Rather:
        """Why `item` stands before `other`, and what would turn it; see `Rather`.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If the data do not hold an id.
        ConfigError
            If the two items are the same.
        """
        return differences.rather(self, self.person(user, new_user=new_user), item, other)

    def not_shown(self, user: str, item: str, *, new_user: bool = False) -> NotShown:
        """Why the item is not on the user's shown list, and what would bring it in.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If the data do not hold an id.
        """
        return differences.not_shown(self, self.person(user, new_user=new_user), item)

    def explain_items(self, person: Person, items: Ints) -> list[Evidence]:
        """Evidence for some items of a person, without counterfactuals."""
        return self._evidence(person, items, False)

    def shown(self, person: Person) -> Ints:
        """The items of a person's shown list, best first: int32 [at most list_size]."""
        return self.top([person], self.list_size)[0]

    def batch(
        self, users: Iterable[str], n: int = 10, *, counterfactuals: bool = True
    ) -> Iterator[tuple[str, list[Evidence]]]:
        """(user, evidence for the n best items) for many users, in order, in bounded memory.

        Raises
        ------
        UnknownUserError
            If the data do not hold an id.
        """
        _check_n(n)
        for persons in self.persons(users):
            for person, top in zip(persons, self.top(persons, n), strict=True):
                yield person.id, self._evidence(person, top, counterfactuals)

    def persons(self, users: Iterable[str]) -> Iterator[list[Person]]:
        """Users in blocks of bounded memory, in order.

        Raises
        ------
        UnknownUserError
            If the data do not hold an id.
        """
        block = max(1, min(256, BLOCK_BYTES // (9 * max(self.bundle.dataset.n_items, 1))))
        for ids in _blocks(users, block):
            yield self._people(ids, np.array([self.bundle.user(i) for i in ids], np.int64))

    def world(self, evidence: Evidence) -> PairWorld:
        """The truth about one pair, for planners and verifiers."""
        from whyrec.evidence.world import PairWorld

        return PairWorld(self, evidence)

    def person(self, user: str, *, new_user: bool = False) -> Person:
        """History, candidates and scores of one user; the last one is kept."""
        last = self._last
        if last is not None and last.id == user:
            return last
        data = self.bundle.dataset
        index = data.user_index.get(user, -1) if new_user else self.bundle.user(user)
        (person,) = self._people([user], np.array([index], np.int64))
        self._last = person
        return person

    def _people(self, ids: Sequence[str], rows: Ints) -> list[Person]:
        histories, seen = self.bundle.histories, self.bundle.dataset.seen
        pasts = [self._past(k) for k in rows.tolist()]
        return people(self.bundle, ids, rows, pasts, take(histories, rows), take(seen, rows))

    def _past(self, index: int) -> Past:
        if index < 0:
            nothing = History(np.empty(0, np.int32), np.empty(0, np.float32))
            return Past(nothing, self._events[:0], self._values[:0], self._ids, self._titles)
        indptr = self.bundle.histories.indptr
        a, b = indptr[index], indptr[index + 1]
        return Past(
            self.bundle.history(index),
            self._events[a:b],
            self._values[a:b],
            self._ids,
            self._titles,
            None if self._negative is None else self._negative[a:b],
            self._whole,
        )

    def deeds(self, user: str) -> dict[str, Deed]:
        """What a user did, by item id, negative events included; the last few users are kept."""
        index = self.bundle.dataset.user_index.get(user, -1)
        if index < 0:
            return {}
        with self._lock:
            if index not in self._deeds:
                if len(self._deeds) >= KEPT:
                    del self._deeds[next(iter(self._deeds))]
                self._deeds[index] = self._all_deeds.of(index)
            return self._deeds[index]

    @cached_property
    def _all_deeds(self) -> Deeds:
        return Deeds(self.bundle.dataset)

    @cached_property
    def _nothing(self) -> Ints:
        return np.empty(0, np.int32)

    def top(self, persons: Sequence[Person], n: int) -> list[Ints]:
        """The items of each person's list of n, best first: int32 arrays."""
        from whyrec.recommend.topn import LONG, sort_rows, top_rows

        scores = np.stack([p.scores for p in persons])
        hidden = sparse.csr_matrix(~np.stack([p.listable for p in persons]))
        short = min(n, scores.shape[1])
        items = np.empty((len(scores), short), np.int32)
        choose = top_rows if short <= LONG else sort_rows
        best = np.empty((len(scores), short))
        choose(scores, hidden.indptr, hidden.indices, 0, short, items, best)
        return [row[row >= 0] for row in items]

    def _evidence(
        self, person: Person, items: Ints, counterfactuals: bool, by: Sequence[str] = ()
    ) -> list[Evidence]:
        past = person.past
        ranks = [self.rank(person, i) for i in items.tolist()]
        if not len(past.history):
            return self._cold(person, items, ranks)
        scores = person.open[items]
        found = self.attributor(past.history, items)
        parts = found.parts
        order = np.argsort(-parts, axis=1, kind="stable")
        ruled, rules = person.ruled(items)
        residual = scores - (parts.sum(1) + found.baseline + ruled)
        size = np.maximum(np.abs(scores), np.abs(parts).max(1))
        exact = np.abs(residual) <= EXACT * np.maximum(size, 1e-9)
        facts = self._facts(past, items, found, order)
        if counterfactuals:
            gone, displaced = self.counterfactuals.find(person, items, ranks, self.list_size)
        else:
            gone = displaced = [None] * len(items)
        errors = found.errors
        breakdowns, groups = self._splits(person, items, parts, rules, by)
        return [
            Evidence(
                user=person.id,
                item=self._ids[i],
                score=float(scores[k]),
                rank=ranks[k],
                baseline=float(found.baseline[k]),
                exact=bool(exact[k]) and found.method == "exact",
                residual=float(residual[k]),
                reasons=Reasons(
                    past,
                    order[k],
                    parts[k],
                    found.effects[k],
                    None if errors is None else errors[k],
                    rules[k],
                ),
                facts=facts[k],
                gone=gone[k],
                displaced=displaced[k],
                list_size=self.list_size,
                method=found.method,
                calls=found.calls,
                error=None if errors is None else float(errors[k].max()),
                breakdowns=breakdowns[k],
                groups=groups[k],
            )
            for k, i in enumerate(items.tolist())
        ]

    def rank(self, person: Person, item: int) -> int:
        """The rank of an item for a person; what a filter keeps out is never on the list."""
        rank = person.rank(item)
        return max(rank, self.list_size + 1) if person.scores[item] == -np.inf else rank

    def _splits(
        self,
        person: Person,
        items: Ints,
        parts: Floats,
        rules: Sequence[tuple[Reason, ...]],
        by: Sequence[str],
    ) -> tuple[list[tuple[Split, ...]], list[tuple[Split, ...]]]:
        """(breakdowns, groups) of each item; what rules added are parts of each split."""
        n = len(items)
        if not by:
            return [()] * n, [()] * n
        past = person.past
        groups = [
            tuple(
                group(name, past, self.times(person), row, self.facets, past.history.items)
                for name in by
                if name in GROUPS
            )
            for row in parts
        ]
        known = [b for b in self.bundle.recommender.breakdowns(past.history, items) if b.kind in by]
        k_anon = self.attested.k_anon
        made = [[breakdown(b, b.parts[k], k_anon) for b in known] for k in range(n)]
        breakdowns = [tuple(b for b in row if b is not None) for row in made]
        ruled = [tuple(Part(r.title, r.contribution) for r in own) for own in rules]

        def add(splits: tuple[Split, ...], own: tuple[Part, ...]) -> tuple[Split, ...]:
            return tuple(replace(s, parts=(*s.parts, *own)) for s in splits) if own else splits

        return list(map(add, breakdowns, ruled)), list(map(add, groups, ruled))

    def times(self, person: Person) -> Ints:
        """When the events of a person's history were: int64 [h], milliseconds since 1970.

        The least int64 where the time is unknown.
        """
        if person.index < 0:
            return np.empty(0, np.int64)
        indptr = self.bundle.histories.indptr
        return self._times[indptr[person.index] : indptr[person.index + 1]]

    @cached_property
    def _times(self) -> Ints:
        pairs = self.bundle.dataset.history_pairs(self.bundle.recommender.reads)
        unknown = int(np.iinfo(np.int64).min)
        return pairs["time"].dt.epoch("ms").fill_null(unknown).to_numpy()

    def _facts(
        self, past: Past, items: Ints, found: Attributed, order: Ints
    ) -> list[tuple[Fact, ...]]:
        parts = found.parts
        if found.errors is not None or past.negative is not None:
            # Facts rest on events that may be told: what may not counts as nothing here.
            parts = np.where(may_be_told(parts, found.errors, past.negative), parts, 0.0)
            order = np.argsort(-parts, axis=1, kind="stable")
        main = past.events == self._main
        return self.attested.facts(items, past.history.items, main, parts, order)

    def _cold(self, person: Person, items: Ints, ranks: list[int]) -> list[Evidence]:
        """Without a history the list is the most popular items; the count is what is not a rule's."""
        empty: Any = np.empty((len(items), 0))
        facts = self.attested.facts(items, self._nothing, self._nothing, empty, empty)
        ruled, rules = person.ruled(items)
        return [
            Evidence(
                user=person.id,
                item=self._ids[i],
                score=float(person.open[i]),
                rank=ranks[k],
                baseline=float(person.open[i] - ruled[k]),
                exact=True,
                residual=0.0,
                reasons=tuple(sorted(rules[k], key=lambda r: -r.contribution)),
                facts=facts[k],
                list_size=self.list_size,
            )
            for k, i in enumerate(items.tolist())
        ]


def _ratings_are_all_told(dataset: Dataset) -> bool:
    """Whether every pair that has a rating is told as one, so that rated histories miss none."""
    rated = pl.col("types").list.contains("rating")
    told = (pl.col("event") == "rating") & pl.col("value").is_not_null()
    return dataset.pairs.filter(rated & ~told & ~pl.col("negative")).is_empty()


def _blocks(users: Iterable[str], size: int) -> Iterator[list[str]]:
    block: list[str] = []
    for user in users:
        block.append(user)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def _check_n(n: int) -> None:
    if n < 1:
        raise ConfigError(f"a list of {n}", where="n", remedy="use 1 or more")
