"""The truth about one (user, item) pair, asked lazily: answers come from the model and the data."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from whyrec.evidence.deeds import Deed
from whyrec.evidence.names import Notes
from whyrec.evidence.reasons import Reasons
from whyrec.evidence.types import Entry, Evidence

if TYPE_CHECKING:
    from whyrec.evidence.engine import EvidenceEngine
    from whyrec.evidence.person import Person


class PairWorld:
    """Implements `whyrec.evidence.types.World`; made by `EvidenceEngine.world`."""

    def __init__(self, engine: EvidenceEngine, evidence: Evidence) -> None:
        self._engine = engine
        self._evidence = evidence
        self._index = engine.bundle.item(evidence.item)
        self._catalogue = engine.bundle.dataset.catalogue
        self._dropped: dict[frozenset[str], bool] = {}
        self._entries: dict[str, Entry] = {}
        self.user = evidence.user
        self.item = evidence.item
        self.domain = engine.bundle.dataset.domain
        self.list_size = evidence.list_size
        self.rank = evidence.rank

    @cached_property
    def _person(self) -> Person:
        return self._engine.person(self.user, new_user=True)

    @cached_property
    def _parts(self) -> dict[str, tuple[float, float, float]]:
        """(contribution, effect, error) of each event of the history, by item id."""
        reasons = self._evidence.reasons
        if isinstance(reasons, Reasons):
            past, parts, effects = reasons.past, reasons.contributions, reasons.effects
            errors = reasons.errors
        else:
            past = self._person.past
            if not len(past.history):
                return {}
            found = self._engine.attributor(past.history, np.array([self._index], np.int32))
            parts, effects = found.parts[0], found.effects[0]
            errors = None if found.errors is None else found.errors[0]
        ids = [past.ids[i] for i in past.history.items.tolist()]
        sure = [0.0] * len(ids) if errors is None else errors.tolist()
        worth = zip(parts.tolist(), effects.tolist(), sure, strict=True)
        return dict(zip(ids, worth, strict=True))

    @cached_property
    def _deeds(self) -> dict[str, Deed]:
        return self._engine.deeds(self.user)

    @cached_property
    def notes(self) -> Notes:
        """Where readers keep what they work out about the catalogue and this person's history."""
        return self._engine.names.notes(self.user, self._deeds)

    def names(self, item: str, lang: str) -> tuple[str, ...]:
        """Names by which the item may be called in text, the shown title first."""
        return self._engine.names.of(self._engine.bundle.item(item), lang)

    def mentionable(self) -> Collection[str]:
        """The item and everything in the history."""
        return (self.item, *self._deeds)

    def find_title(self, name: str) -> tuple[str, ...]:
        """Ids of catalogue items with exactly this name, case aside."""
        return tuple(self._catalogue.ids[i] for i in self._engine.names.find(name))

    def entry(self, item: str) -> Entry | None:
        """What the person did with that item."""
        known = self._entries.get(item)
        if known is not None:
            return known
        deed = self._deeds.get(item)
        if deed is None:
            return None
        part, effect, error = self._parts.get(item, (0.0, 0.0, 0.0))
        known = self._entries[item] = Entry(
            item,
            deed.event,
            deed.events,
            deed.value,
            deed.count,
            part,
            effect,
            deed.negative,
            error,
        )
        return known

    def history(self) -> Collection[str]:
        """Everything the person had to do with, negative ones included."""
        return self._deeds.keys()

    def total(self) -> float:
        """The sum of the positive contributions."""
        return self._total

    @cached_property
    def _total(self) -> float:
        return float(sum(c for c, _, _ in self._parts.values() if c > 0))

    def has_facet(self, item: str, field: str, value: str) -> bool:
        """Whether the catalogue gives the item this facet."""
        k = self._catalogue.index.get(item)
        return k is not None and self._engine.facets.has(k, field, value)

    def facets(self, item: str) -> Collection[tuple[str, str]]:
        """All (field, value) of the item."""
        k = self._catalogue.index.get(item)
        return () if k is None else [(f.field, f.value) for f in self._engine.facets.of(k)]

    def facet_labels(self, field: str, value: str, lang: str) -> tuple[str, ...]:
        """How the facet may be written in that language, the shown one first."""
        return self._engine.facets.labels(field, value, lang)

    def people(self, item: str) -> tuple[str, int, float] | None:
        """(event, people with it on both, lift), None below k_anon or for a stranger's item."""
        attested = self._engine.attested
        deed = self._deeds.get(item)
        if deed is None or deed.negative:
            return None
        peers = np.array([self._catalogue.index[item]], np.int32)
        both, lift = attested.people(self._index, peers)
        if both[0] < attested.k_anon:
            return None
        return attested.event, int(both[0]), float(lift[0])

    def popular(self) -> tuple[str, int] | None:
        """(event, people) of the item, None below k_anon."""
        return self._engine.attested.popular(self._index)

    def rating(self) -> tuple[float, int, float] | None:
        """(mean, ratings, best possible) of the item, None below k_anon or without ratings."""
        return self._engine.attested.rating(self._index)

    def drops_without(self, items: Collection[str]) -> bool:
        """Whether the item leaves the shown list when the model ranks without those events."""
        key = frozenset(items)
        if key not in self._dropped:
            self._dropped[key] = self._drops(key)
        return self._dropped[key]

    def _drops(self, items: frozenset[str]) -> bool:
        if self.rank > self.list_size or not items <= self._parts.keys():
            return False
        gone = self._evidence.gone
        if gone is not None and items == set(gone.items):
            return gone.new_rank > self.list_size
        if self._engine.bundle.recommender.surrogate:
            return False
        removed = np.array([self._catalogue.index[i] for i in items], np.int32)
        find = self._engine.counterfactuals.rank_without
        return find(self._person, self._index, removed) > self.list_size
