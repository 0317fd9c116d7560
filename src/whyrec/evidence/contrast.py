"""Contrast: why this item rather than that one, and why an item was not shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from whyrec.evidence.types import Evidence, Reason, Split

Status = Literal["shown", "below", "seen", "filtered"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the history that turns the outcome, re-ranked by the model.

    Attributes
    ----------
    action
        `remove`: the events on `items` are left out; `add`: events on them are added.
    items
        Item ids.
    rank
        The rank of the item in question after the change.
    other_rank
        That of the other item, where there are two.
    proved
        Whether no smaller change of this kind does it.
    """

    action: Literal["remove", "add"]
    items: tuple[str, ...]
    rank: int
    proved: bool
    other_rank: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The change as in `explain --json`."""
        return {
            "action": self.action,
            "items": list(self.items),
            "rank": self.rank,
            "other_rank": self.other_rank,
            "proved": self.proved,
        }


@dataclass(frozen=True, slots=True)
class Rather:
    """Why `item` stands before `other` (or, with a negative gap, behind it).

    Attributes
    ----------
    gap
        `score - other_score`; the contributions and `baseline` of this record are differences too,
        and add up to it (within `residual`).
    reasons
        Largest difference first: what speaks for `item`, last what speaks for `other`.
    breakdowns
        The gap by feature, neighbour or model, where the model knows.
    turn
        The smallest set of events found without which the one behind stands before.
    """

    user: str
    item: str
    other: str
    gap: float
    score: float
    other_score: float
    rank: int
    other_rank: int
    baseline: float
    exact: bool
    residual: float
    method: str
    calls: int
    error: float | None
    reasons: tuple[Reason, ...]
    breakdowns: tuple[Split, ...] = ()
    turn: Change | None = None

    def to_json(self, keep: int | None = None) -> dict[str, Any]:
        """The contrast as in `explain --rather --json`, with the `keep` largest reasons."""
        return {
            "user": self.user,
            "item": self.item,
            "other": self.other,
            "gap": self.gap,
            "score": self.score,
            "other_score": self.other_score,
            "rank": self.rank,
            "other_rank": self.other_rank,
            "baseline": self.baseline,
            "exact": self.exact,
            "residual": self.residual,
            "method": self.method,
            "calls": self.calls,
            "error": self.error,
            "reasons": [r.to_json() for r in largest(self.reasons, keep)],
            "breakdowns": [b.to_json() for b in self.breakdowns],
            "turn": self.turn.to_json() if self.turn else None,
        }


@dataclass(frozen=True, slots=True)
class NotShown:
    """Why an item is not on the shown list, and what would bring it in.

    Attributes
    ----------
    status
        `below`: others score higher; `seen`: the person knows it already; `filtered`: `rule` keeps
        it out; `shown`: it is on the list.
    rank
        Its place among everything that may be recommended.
    last
        The last item of the shown list, None if the list is empty.
    gap
        The score of `last` less that of the item; 0 without a `last`.
    evidence
        The item's own evidence: the events that speak for it and against it.
    against
        Why `last` rather than the item.
    without, adding
        The smallest change found that brings it into the list: of events removed, of catalogue
        items added. None where nothing was found or it is not `below`.
    """

    user: str
    item: str
    status: Status
    rank: int
    score: float
    list_size: int
    last: str | None
    gap: float
    evidence: Evidence
    rule: str | None = None
    against: Rather | None = None
    without: Change | None = None
    adding: Change | None = None

    def to_json(self, keep: int | None = None) -> dict[str, Any]:
        """The answer as in `explain --why-not --json`, with the `keep` largest reasons."""
        evidence = self.evidence.to_json()
        evidence["reasons"] = [r.to_json() for r in largest(self.evidence.reasons, keep)]
        return {
            "user": self.user,
            "item": self.item,
            "status": self.status,
            "rule": self.rule,
            "rank": self.rank,
            "score": self.score,
            "baseline": self.evidence.baseline,
            "list_size": self.list_size,
            "last": self.last,
            "gap": self.gap,
            "evidence": evidence,
            "against": self.against.to_json(keep) if self.against else None,
            "without": self.without.to_json() if self.without else None,
            "adding": self.adding.to_json() if self.adding else None,
        }


def largest(of: Sequence[Reason], keep: int | None) -> tuple[Reason, ...]:
    """The `keep` reasons of largest size in falling order, the others as one of kind `rest`.

    Examples
    --------
    >>> reasons = [Reason("history", c) for c in (3.0, 0.5, 0.25, -2.0)]
    >>> [(r.kind, r.contribution) for r in largest(reasons, 2)]
    [('history', 3.0), ('history', -2.0), ('rest', 0.75)]
    """
    reasons = tuple(of)
    if keep is None or len(reasons) <= keep + 1:
        return reasons
    order = sorted(range(len(reasons)), key=lambda k: (-abs(reasons[k].contribution), k))
    rest = [reasons[k] for k in order[keep:]]
    total = math.fsum(r.contribution for r in rest)
    kept = tuple(reasons[k] for k in sorted(order[:keep]))
    return (*kept, Reason("rest", total, count=sum(r.count or 1 for r in rest)))
