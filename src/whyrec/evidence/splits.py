"""The same score in other parts: by group of events, and by feature, neighbour or model."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from whyrec.errors import ConfigError
from whyrec.evidence.reasons import EVENT_NAMES, Past
from whyrec.evidence.types import Part, Split
from whyrec.features.facets import Facets
from whyrec.privacy.kanon import k_anonymous
from whyrec.recommend.base import Breakdown, Floats, Ints

GROUPS = ("category", "tag", "brand", "word", "event", "time")
"""What events can be grouped by."""

BREAKDOWNS = ("feature", "neighbour", "model")
"""What a model may know of its own scores."""

NAMED = 20
"""Parts of a breakdown that are named; the others are summed."""

_DAY = 86_400_000


def check_splits(by: Sequence[str]) -> None:
    """Whether every name is one of `GROUPS` or `BREAKDOWNS`.

    Raises
    ------
    ConfigError
        If one is not.
    """
    for name in by:
        if name not in GROUPS + BREAKDOWNS:
            raise ConfigError(
                f"nothing is split by {name[:40]}",
                where="by",
                remedy=f"use {', '.join(GROUPS + BREAKDOWNS)}",
            )


def group(
    by: str, past: Past, times: Ints, contributions: Floats, facets: Facets, index: Ints
) -> Split:
    """The contributions of one item summed over groups of events; they add up to the same.

    An event in several groups (a film of two genres) counts in each with an equal share.

    Parameters
    ----------
    by
        One of `GROUPS`.
    past
        The events.
    times
        int64 [h]: milliseconds since 1970, `np.iinfo(int64).min` where unknown.
    contributions
        float64 [h].
    facets
        Of the catalogue.
    index
        int [h]: the catalogue index of each event's item.
    """
    names: list[tuple[str, ...]]
    if by == "event":
        names = [(EVENT_NAMES[e],) for e in past.events.tolist()]
    elif by == "time":
        names = [(t,) if t else () for t in periods(times)]
    else:
        names = [tuple(f.value for f in facets.of(i) if f.field == by) for i in index.tolist()]
    worth: dict[str | None, list[float]] = defaultdict(list)
    for own, c in zip(names, contributions.tolist(), strict=True):
        for name in own or (None,):
            worth[name].append(c / max(len(own), 1))
    parts = [Part(name, math.fsum(cs), len(cs)) for name, cs in worth.items()]
    if by == "time":
        parts.sort(key=lambda p: (p.name is None, p.name or ""))
    else:
        parts.sort(key=lambda p: (p.name is None, -p.contribution, p.name or ""))
    return Split(by, tuple(parts))


def periods(times: Ints) -> list[str | None]:
    """The year, month or day of each event, as fits the time that they span; None if unknown.

    Examples
    --------
    >>> day = 86_400_000
    >>> periods(np.array([0, 40 * day, 59 * day]))
    ['1970-01', '1970-02', '1970-03']
    >>> periods(np.array([0, 2 * day])), periods(np.array([0, 2000 * day]))
    (['1970-01-01', '1970-01-03'], ['1970', '1975'])
    """
    unknown = np.iinfo(np.int64).min
    known = times[times != unknown]
    span = int(known.max() - known.min()) // _DAY if len(known) else 0
    form = "%Y" if span > 3 * 365 else "%Y-%m" if span > 31 else "%Y-%m-%d"
    return [
        None if t == unknown else datetime.fromtimestamp(t / 1000, UTC).strftime(form)
        for t in times.tolist()
    ]


def breakdown(found: Breakdown, parts: Floats, k_anon: int) -> Split | None:
    """A model's own breakdown of one item; neighbours only as a crowd, and only a large one.

    Parameters
    ----------
    found
        Names the parts.
    parts
        float64 [names]: its row for the item, or the difference of two.
    k_anon
        People that a crowd must count.
    """
    used = np.flatnonzero(parts)
    total = math.fsum(parts.tolist())
    if found.kind == "neighbour":
        if not k_anonymous(len(used), k_anon):
            return None
        return Split("neighbour", (Part(None, total, len(used)),))
    order = used[np.argsort(-np.abs(parts[used]), kind="stable")]
    named, rest = order[:NAMED], order[NAMED:]
    named = named[np.argsort(-parts[named], kind="stable")]
    out = [Part(found.names[k], float(parts[k])) for k in named.tolist()]
    if len(rest):
        out.append(Part(None, math.fsum(parts[rest].tolist()), len(rest)))
    return Split(found.kind, tuple(out))
