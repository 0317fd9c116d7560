"""Reasons made when they are asked for: a list of ten has thousands, a text tells three."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import overload

import numpy as np

from whyrec.data.events import EVENT_TYPES
from whyrec.evidence.types import CERTAIN, Reason
from whyrec.recommend.base import Floats, History, Ints

EVENT_NAMES = tuple(EVENT_TYPES)


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What the model reads of one person, as reasons tell it; shared by all items of a list.

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
    negative
        bool [h]: a low rating, which is no liking; None where the model reads likings only.
    whole
        Whether the history holds every pair of its events' types, so that groups may be counted.
    """

    history: History
    events: Ints
    values: Floats
    ids: Sequence[str]
    titles: Sequence[str]
    negative: Ints | None = None
    whole: bool = True

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
                self.negative,
                self.whole,
            ),
        )


class Reasons(Sequence[Reason]):
    """Reasons of one item, largest contribution first; behaves like a tuple.

    Attributes
    ----------
    past
        What the person did.
    order
        int [h]: positions in the history, by falling contribution.
    contributions, effects
        float64 [h], by position in the history: what each event adds, and what the score loses
        when it is left out.
    errors
        float64 [h], standard errors of the contributions; None where they are exact.
    others
        Reasons that are no events: rules.
    """

    __slots__ = ("_made", "contributions", "effects", "errors", "order", "others", "past")

    def __init__(
        self,
        past: Past,
        order: Ints,
        contributions: Floats,
        effects: Floats,
        errors: Floats | None = None,
        others: tuple[Reason, ...] = (),
    ) -> None:
        self.past = past
        self.order = order
        self.contributions = contributions
        self.effects = effects
        self.errors = errors
        self.others = others
        self._made: tuple[Reason, ...] | None = None
        if others:
            all_of_them = (*self._make(order), *others)
            self._made = tuple(sorted(all_of_them, key=lambda r: -r.contribution))

    def __len__(self) -> int:
        return len(self.order) + len(self.others)

    def told(self) -> Ints:
        """bool [h]: the events that may be told as why.

        They add to the score beyond their error, leaving them out lowers it, and they are no low
        ratings.
        """
        return may_be_told(self.contributions, self.errors, self.past.negative) & (self.effects > 0)

    def _make(self, positions: Ints) -> Iterator[Reason]:
        past = self.past
        items = past.history.items[positions].tolist()
        events = past.events[positions].tolist()
        values = past.values[positions].tolist()
        parts = self.contributions[positions].tolist()
        if self.errors is None and past.negative is None:
            for i, e, v, c in zip(items, events, values, parts, strict=True):
                value = None if isnan(v) else v
                yield Reason("history", c, past.ids[i], past.titles[i], EVENT_NAMES[e], value)
            return
        n = len(items)
        low = [False] * n if past.negative is None else past.negative[positions].tolist()
        errors = [None] * n if self.errors is None else self.errors[positions].tolist()
        for i, e, v, c, bad, error in zip(items, events, values, parts, low, errors, strict=True):
            value = None if isnan(v) else v
            did = EVENT_NAMES[e]
            yield Reason(
                "history", c, past.ids[i], past.titles[i], did, value, error=error, negative=bad
            )

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


def may_be_told(contributions: Floats, errors: Floats | None, negative: Ints | None) -> Ints:
    """bool, as `contributions` [..., h]: positive beyond the error, and no low rating."""
    told = contributions > (0.0 if errors is None else CERTAIN * errors)
    return np.asarray(told if negative is None else told & ~negative)
