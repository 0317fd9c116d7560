"""What the planner reads of somebody's history: the strongest events for an item, and groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from whyrec.data.events import EVENT_TYPES, TOLD_EVENTS
from whyrec.evidence.reasons import EVENT_NAMES, Past, Reasons
from whyrec.evidence.types import CERTAIN, Evidence
from whyrec.recommend.base import Floats, Ints

LOOKED_AT = 24
"""So many of the strongest events are looked at; what comes after carries too little to be told."""

RANK = {name: EVENT_TYPES[name].rank for name in TOLD_EVENTS}

_TOLD = np.array([name in RANK for name in EVENT_NAMES])


class Part(NamedTuple):
    """One history item with its told event and what it contributes."""

    item: str
    event: str
    contribution: float


class Told:
    """A history as the reasons for one item tell it.

    Attributes
    ----------
    top
        The events that contribute most, each positive beyond its error, with a positive effect,
        and no low rating.
    total
        The sum of all positive contributions.
    low
        Ids of low ratings, which no text names as why.
    """

    __slots__ = ("_contributions", "_errors", "_pairs", "low", "top", "total")

    def __init__(
        self,
        top: list[Part],
        total: float,
        pairs: Callable[[], Sequence[tuple[str, str] | None]],
        contributions: Floats,
        errors: Floats | None = None,
        low: frozenset[str] = frozenset(),
    ) -> None:
        self.top = top
        self.total = total
        self._pairs = pairs
        self._contributions = contributions
        self._errors = errors
        self.low = low

    def part(self, positions: Ints) -> float:
        """The share of the positive contributions that those events carry together, 0 if unsure."""
        part = float(self._contributions[positions].sum())
        if self._errors is not None and part <= CERTAIN * float(
            np.linalg.norm(self._errors[positions])
        ):
            return 0.0
        return part / self.total

    def by_facet(self, facets: Callable[[str], Sequence[int]]) -> dict[int, dict[str, Ints]]:
        """Positions in the history by facet and told event: the same for a whole list."""
        found: dict[int, dict[str, list[int]]] = {}
        for k, pair in enumerate(self._pairs()):
            if pair is None:
                continue
            item, event = pair
            for f in facets(item):
                found.setdefault(f, {}).setdefault(event, []).append(k)
        return {
            f: {event: np.array(at) for event, at in events.items()} for f, events in found.items()
        }


def read(e: Evidence) -> Told:
    """The history behind an evidence.

    Reasons of the engine are read as arrays, without making a `Reason` of each. Of other reasons
    the effect of leaving one out is not known; it then counts as the contribution, which it is in
    a linear model.
    """
    if isinstance(e.reasons, Reasons):
        return _from_arrays(e.reasons)
    rest = any(r.kind == "rest" for r in e.reasons)
    own = [r for r in e.reasons if r.kind == "history" and r.item is not None and r.event in RANK]
    own = [r for r in own if not r.negative]
    positive = [r for r in own if r.contribution > CERTAIN * (r.error or 0.0)]
    total = sum(r.contribution for r in e.reasons if r.contribution > 0 and r.kind != "rule")
    top = [Part(str(r.item), str(r.event), r.contribution) for r in positive[:LOOKED_AT]]
    groups = [] if rest else own  # a tail that is summed up cannot be counted
    return Told(
        top,
        total,
        lambda: [(str(r.item), str(r.event)) for r in groups],
        np.array([r.contribution for r in groups]),
        low=frozenset(str(r.item) for r in e.reasons if r.negative),
    )


def _from_arrays(reasons: Reasons) -> Told:
    past, c = reasons.past, reasons.contributions
    first = reasons.order[:LOOKED_AT]
    first = first[reasons.told()[first] & _TOLD[past.events[first]]]
    ids = past.ids
    top = [
        Part(ids[i], EVENT_NAMES[e], x)
        for i, e, x in zip(
            past.history.items[first].tolist(),
            past.events[first].tolist(),
            c[first].tolist(),
            strict=True,
        )
    ]
    return Told(
        top,
        float(c[c > 0].sum()),
        lambda: _groupable(past),
        c,
        reasons.errors,
        _low(past),
    )


def _low(past: Past) -> frozenset[str]:
    if past.negative is None:
        return frozenset()
    return frozenset(past.ids[i] for i in past.history.items[past.negative].tolist())


def _groupable(past: Past) -> list[tuple[str, str] | None]:
    """(item, event) of each position in the history; None for what no group may count."""
    if not past.whole:
        return []
    low = past.negative
    return [
        None if low is not None and low[k] else (past.ids[i], EVENT_NAMES[e])
        for k, (i, e) in enumerate(
            zip(past.history.items.tolist(), past.events.tolist(), strict=True)
        )
    ]
