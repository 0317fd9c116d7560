"""Index: the names that a text about a pair may hold, each folded once for all pairs that share it."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Any

from whyrec.evidence.types import World
from whyrec.language.verify.names import (
    Form,
    Names,
    facet_forms,
    facet_names,
    item_forms,
    item_names,
    prepared,
)

_KEPT = 64
Facet = tuple[str, str]


class Index:
    """The names of one world in one language.

    What a world notes (`whyrec.evidence.names.Notes`) is used: forms of names are made once for its
    catalogue, and the names of a history once for all items of the person's list.

    Attributes
    ----------
    items
        The item and the history.
    facets
        What the item carries.
    """

    def __init__(self, world: World, lang: str) -> None:
        self._lang = lang
        notes = getattr(world, "notes", None)
        self._catalogue: dict[Any, Any] = {} if notes is None else notes.catalogue
        self._person: dict[Any, Any] = {} if notes is None else notes.person
        self._noted = notes is not None
        self.items = Names(self._history(world))
        self.items.add(self._titles(world, world.item), world.item)
        self.facets = Names(ordered=True)
        self._add_facets(self.facets, world, world.facets(world.item))
        self._all: Names | None = None

    def every_facet(self, world: World) -> Names:
        """What the item or anything in the history carries."""
        if self._all is None:
            key = ("facets", self._lang)
            shared = self._person.get(key)
            if shared is None:
                shared = Names(ordered=True)
                carried = {f for i in _others(world) for f in world.facets(i)}
                self._add_facets(shared, world, carried)
                self._person[key] = shared
            self._all = Names(shared, ordered=True)
            self._add_facets(self._all, world, world.facets(world.item))
        return self._all

    def _history(self, world: World) -> Names:
        key = ("items", self._lang)
        known = self._person.get(key)
        if known is None:
            known = Names()
            for i in _others(world):
                known.add(self._titles(world, i), i)
            self._person[key] = known
        return known

    def _add_facets(self, names: Names, world: World, facets: Iterable[Facet]) -> None:
        for f in facets:
            names.add(self._labels(world, f), f)

    def _titles(self, world: World, item: str) -> tuple[Form, ...]:
        if not self._noted:
            return item_names(world.names(item, self._lang), self._lang)
        key = ("item", item, self._lang)
        known = self._catalogue.get(key)
        if known is None:
            names = world.names(item, self._lang)
            known = prepared(form for n in names for form in item_forms(n, self._lang))
            self._catalogue[key] = known
        return known

    def _labels(self, world: World, facet: Facet) -> tuple[Form, ...]:
        if not self._noted:
            return facet_names(world.facet_labels(*facet, self._lang), self._lang)
        key = ("facet", facet, self._lang)
        known = self._catalogue.get(key)
        if known is None:
            labels = world.facet_labels(*facet, self._lang)
            known = prepared(form for n in labels for form in facet_forms(n, self._lang))
            self._catalogue[key] = known
        return known


def _others(world: World) -> Collection[str]:
    # The names of a history are shared by worlds of which its items may be the item.
    return [i for i in world.mentionable() if i != world.item or i in world.history()]


_indices: OrderedDict[tuple[int, str], tuple[weakref.ref[World], Index]] = OrderedDict()


def index_of(world: World, lang: str) -> Index:
    """The index of a world; the last few are kept as long as their worlds live."""
    key = (id(world), lang)
    known = _indices.get(key)
    if known is not None and known[0]() is world:
        return known[1]
    index = Index(world, lang)
    try:
        _indices[key] = weakref.ref(world), index
    except TypeError:  # a world with slots alone is read anew each time
        return index
    while len(_indices) > _KEPT:
        _indices.popitem(last=False)
    return index
