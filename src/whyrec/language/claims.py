"""Claims: what a sentence may say, each with the condition under which it is true."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from whyrec.evidence.types import CERTAIN, World
from whyrec.privacy.kanon import K_ANON

ClaimKind = Literal["history", "feature", "people", "popular", "rating", "without", "rank"]
CLAIM_KINDS: tuple[ClaimKind, ...] = (
    "history",
    "feature",
    "people",
    "popular",
    "rating",
    "without",
    "rank",
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One checkable statement about a (user, item) pair.

    kind        says                                                        uses
    ----------  ----------------------------------------------------------  -------------------
    `history`   the person did `event` with `items`, and it counts          items, event, share
                the same about `count` items that carry a facet (a group)   field, value, count, event, share
    `feature`   the item and `items` carry the facet                        field, value, items
    `people`    `count` people with `event` on items[0] have it on the      items, event, count
                item too (more often than chance)
    `popular`   `count` people have `event` on the item                     event, count
    `rating`    `count` ratings average `mean` (best possible: `best`)      mean, count, best
    `without`   without `items` the item would not be in the shown list     items
    `rank`      the item is number `count` on the shown list (last resort)  count

    `items` are item ids. `share` is the part of the positive contributions, 0 to 1.
    """

    kind: ClaimKind
    items: tuple[str, ...] = ()
    event: str | None = None
    field: str | None = None
    value: str | None = None
    count: int | None = None
    mean: float | None = None
    best: float | None = None
    share: float | None = None

    def to_json(self, id: str) -> dict[str, Any]:
        """The claim as in `explain --json`; fields that do not apply are left out, `share` never is."""
        out: dict[str, Any] = {"id": id, "kind": self.kind}
        if self.items:
            out["items"] = list(self.items)
        for name in ("event", "field", "value", "count", "mean", "best"):
            v = getattr(self, name)
            if v is not None:
                out[name] = v
        out["share"] = self.share
        return out


def holds(claim: Claim, world: World) -> bool:
    """Whether the claim is true in that world: the one place where truth conditions live."""
    return _CONDITIONS[claim.kind](claim, world)


def _history(c: Claim, w: World) -> bool:
    if c.field is not None:
        members = [
            e
            for i in w.history()
            if (e := w.entry(i)) is not None
            and not e.negative
            and c.event in e.events
            and w.has_facet(i, c.field, str(c.value))
        ]
        if c.count is None or len(members) != c.count or c.count < 2:
            return False
        part = sum(e.contribution for e in members)
        error = math.hypot(*(e.error for e in members))
        return part > CERTAIN * error and _at_least(part, c.share, w)
    entries = [w.entry(i) for i in c.items]
    if not entries:
        return False
    part = 0.0
    for e in entries:
        if e is None or e.negative or c.event not in e.events:
            return False
        if not e.speaks_for or e.effect <= 0:
            return False
        part += e.contribution
    return _at_least(part, c.share, w)


def _at_least(part: float, share: float | None, w: World) -> bool:
    if share is None:
        return True
    total = w.total()
    return total > 0 and part / total >= share - 1e-6


def _feature(c: Claim, w: World) -> bool:
    if c.field is None or c.value is None or not w.has_facet(w.item, c.field, c.value):
        return False
    for i in c.items:
        e = w.entry(i)
        if e is None or e.negative or not e.speaks_for:
            return False
        if not w.has_facet(i, c.field, c.value):
            return False
    return True


def _people(c: Claim, w: World) -> bool:
    if len(c.items) != 1:
        return False
    known = w.people(c.items[0])
    if known is None:
        return False
    event, count, lift = known
    return (
        event == c.event and count >= K_ANON and lift > 1 and (c.count is None or c.count == count)
    )


def _popular(c: Claim, w: World) -> bool:
    known = w.popular()
    if known is None:
        return False
    event, count = known
    return event == c.event and count >= K_ANON and (c.count is None or c.count == count)


def _rating(c: Claim, w: World) -> bool:
    known = w.rating()
    if known is None or c.mean is None:
        return False
    mean, count, best = known
    return (
        count >= K_ANON
        and abs(mean - c.mean) < 0.05 + 1e-9
        and (c.count is None or c.count == count)
        and (c.best is None or c.best == best)
    )


def _without(c: Claim, w: World) -> bool:
    entries = [w.entry(i) for i in c.items]
    if not entries or any(e is None or e.negative for e in entries):
        return False
    return w.drops_without(c.items)


def _rank(c: Claim, w: World) -> bool:
    return c.count is not None and c.count == w.rank


_CONDITIONS = {
    "history": _history,
    "feature": _feature,
    "people": _people,
    "popular": _popular,
    "rating": _rating,
    "without": _without,
    "rank": _rank,
}
