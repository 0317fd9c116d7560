"""Reasons made when they are asked for: a list of ten has thousands, a text tells three."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import overload

import numpy as np

from whyrec.data.events import EVENT_TYPES
from whyrec.evidence.types import Reason
from whyrec.recommend.base import Floats, History, Ints

EVENT_NAMES = tuple(EVENT_TYPES)


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """One person's positive pairs, as reasons tell them; shared by all items of a list.

    Attributes
    ----------
    history
        What the model reads.
    events
        uint8 [h]: positions in `EVENT_NAMES` of the told events.
    values
        float64 [h]: the last rating or the quantity, NaN if none.
    ids, titles
        Of every item of the catalogue, by index.
    """

    history: History
    events: Ints
    values: Floats
    ids: Sequence[str]
    titles: Sequence[str]

    def __reduce__(self) -> tuple[object, ...]:
        # Only what the history names travels between processes, never the catalogue.
        own = np.arange(len(self.history), dtype=np.int32)
        items = self.history.items.tolist()
        return (
            Past,
            (
                History(own, self.history.weights),
                self.events,
                self.values,
                tuple(self.ids[i] for i in items),
                tuple(self.titles[i] for i in items),
            ),
        )


class Reasons(Sequence[Reason]):
    """History reasons of one item, largest contribution first; behaves like a tuple.

    Attributes
    ----------
    past
        What the person did.
    order
        int [h]: positions in the history, by falling contribution.
    contributions, effects
        float64 [h], by position in the history: what each event adds, and what the score loses
        when it is left out.
    """

    __slots__ = ("_made", "contributions", "effects", "order", "past")

    def __init__(self, past: Past, order: Ints, contributions: Floats, effects: Floats) -> None:
        self.past = past
        self.order = order
        self.contributions = contributions
        self.effects = effects
        self._made: tuple[Reason, ...] | None = None

    def __len__(self) -> int:
        return len(self.order)

    def _make(self, positions: Ints) -> Iterator[Reason]:
        past = self.past
        items = past.history.items[positions].tolist()
        events = past.events[positions].tolist()
        values = past.values[positions].tolist()
        parts = self.contributions[positions].tolist()
        for i, e, v, c in zip(items, events, values, parts, strict=True):
            value = None if isnan(v) else v
            yield Reason("history", c, past.ids[i], past.titles[i], EVENT_NAMES[e], value)

    def __iter__(self) -> Iterator[Reason]:
        if self._made is None:
            self._made = tuple(self._make(self.order))
        return iter(self._made)

    @overload
    def __getitem__(self, k: int) -> Reason: ...
    @overload
    def __getitem__(self, k: slice) -> tuple[Reason, ...]: ...
    def __getitem__(self, k: int | slice) -> Reason | tuple[Reason, ...]:
        if self._made is not None:
            return self._made[k]
        if isinstance(k, slice):
            return tuple(self._make(self.order[k]))
        at = k + len(self) if k < 0 else k
        if not 0 <= at < len(self):
            raise IndexError(f"no reason {k} among {len(self)}")
        return next(self._make(self.order[at : at + 1]))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Reasons | tuple):
            return tuple(self) == tuple(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
