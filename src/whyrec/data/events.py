"""Event types: what a person can do with an item, what it weighs, which one is told."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class EventType:
    """One thing a person can do with an item.

    Attributes
    ----------
    name
        The word used in data, JSON and on the command line.
    weight
        Default strength as a sign of interest, 0 to 1. A negative sign (`dislike`, `return`)
        weighs 0: the pair is known but is never told as a liking.
    rank
        Of several events on one item, the one with the highest rank is the one that is told.
    negative
        Whether the event speaks against the item; it then silences the pair's other events.
    """

    name: str
    weight: float
    rank: int
    negative: bool = False


EVENT_TYPES = MappingProxyType(
    {
        e.name: e
        for e in (
            EventType("purchase", 1.0, 9),
            EventType("like", 1.0, 8),
            EventType("rating", 1.0, 7),
            EventType("cart", 0.6, 6),
            EventType("interaction", 1.0, 5),
            EventType("view", 0.2, 3),
            EventType("click", 0.3, 4),
            EventType("dislike", 0.0, 10, negative=True),
            EventType("return", 0.0, 11, negative=True),
        )
    }
)
"""Every event type by name. `interaction` is a pair of which nothing more is known."""

TOLD_EVENTS = tuple(
    e.name for e in sorted(EVENT_TYPES.values(), key=lambda e: -e.rank) if not e.negative
)
"""Event types that a reason can tell, strongest first."""
