"""The values that evidence is made of; each has one JSON form (`to_json`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

ReasonKind = Literal["history", "feature", "people", "rule", "bias", "rest"]
Question = Literal["displaced", "gone"]

CERTAIN = 2.0
"""Standard errors that a sampled contribution must lie above zero to be told (95 %)."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One additive part of a score.

    `item`, `title`, `event` and `value` tell which event it came from (`value`: the last rating or
    quantity, None if none). A reason of kind `rest` carries the sum of a long tail and its `count`;
    one of kind `rule` is a shop's rule, and `title` its name. `error` is the standard error of a
    sampled contribution. `negative` marks a low rating, dislike or return, which may well speak for
    an item and still is no liking.
    """

    kind: ReasonKind
    contribution: float
    item: str | None = None
    title: str | None = None
    event: str | None = None
    value: float | None = None
    count: int | None = None
    error: float | None = None
    negative: bool = False

    def to_json(self) -> dict[str, Any]:
        """The reason as in `explain --json`."""
        out: dict[str, Any] = {
            "kind": self.kind,
            "item": self.item,
            "title": self.title,
            "event": self.event,
            "value": self.value,
            "contribution": self.contribution,
        }
        if self.count is not None:
            out["count"] = self.count
        if self.error is not None:
            out["error"] = self.error
        if self.negative:
            out["negative"] = True
        return out


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a `Split`; `count` events, features or people are behind it, where they count.

    `name` is None for what belongs to none of the others.
    """

    name: str | None
    contribution: float
    count: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The part as in `explain --json`."""
        return {"name": self.name, "contribution": self.contribution, "count": self.count}


@dataclass(frozen=True, slots=True)
class Split:
    """The same score in other parts than events.

    Attributes
    ----------
    by
        Groups of events: `category`, `tag`, `brand`, `word`, `event` or `time`. Breakdowns that the
        model itself knows: `feature`, `neighbour` or `model`.
    parts
        Largest first (`time`: oldest first); with the evidence's baseline they add up to what its
        reasons add up to.
    """

    by: str
    parts: tuple[Part, ...]

    def to_json(self) -> dict[str, Any]:
        """The split as in `explain --json`."""
        return {"by": self.by, "parts": [p.to_json() for p in self.parts]}


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """A set of events without which the outcome is another one, re-ranked by the model.

    Attributes
    ----------
    question
        `displaced`: another item takes this item's place (it falls below its rank);
        `gone`: it leaves the shown list of n.
    items
        Ids of the items whose events are removed.
    new_rank
        The item's rank (1 is best) after removal, by re-ranking.
    proved
        Whether no smaller set answers the question.
    """

    question: Question
    items: tuple[str, ...]
    new_rank: int
    proved: bool

    def to_json(self) -> dict[str, Any]:
        """The counterfactual as in `explain --json`."""
        return {
            "question": self.question,
            "items": list(self.items),
            "new_rank": self.new_rank,
            "proved": self.proved,
        }


@dataclass(frozen=True, slots=True)
class Fact:
    """Something attested by the catalogue or by what many people did.

    kind `feature`: `field`, `value`, and the history `items` that carry it too;
    kind `people`: of those with `event` on `items[0]`, `count` have it on the item too, with `lift`;
    kind `popular`: `count` people have `event` on the item;
    kind `rating`: `mean` of `count` ratings, on a scale that ends at `best`.
    """

    kind: Literal["feature", "people", "popular", "rating"]
    items: tuple[str, ...] = ()
    event: str | None = None
    field: str | None = None
    value: str | None = None
    count: int | None = None
    mean: float | None = None
    best: float | None = None
    lift: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why the model put `item` at `rank` for `user`: the parts add up to the score.

    Attributes
    ----------
    reasons
        Largest contribution first; `sum(contribution) + baseline == score` (within `residual`).
        A tuple or `Reasons`, which makes each `Reason` when it is asked for.
    exact
        Whether the parts are the model's own arithmetic (`method` is `exact`) and add up:
        |residual| <= 1e-5 × max(|score|, the largest |contribution|, 1e-9).
    gone, displaced
        The counterfactuals found, None where none was found or asked for.
    list_size
        The n of the shown list that `rank` and `gone` speak about.
    method
        Where the contributions come from: `exact`, or a method of `evidence.attribution`
        (`shapley`: they add up, each within its error; `occlusion`: they need not add up).
    calls
        Histories that the model scored to attribute the scores of the list; 0 where it knew.
    error
        The largest standard error of a contribution, None where nothing was sampled.
    breakdowns, groups
        The score by feature, neighbour or model, and by groups of events, where asked for.
    """

    user: str
    item: str
    score: float
    rank: int
    baseline: float
    exact: bool
    residual: float
    reasons: Sequence[Reason]
    facts: tuple[Fact, ...] = ()
    gone: Counterfactual | None = None
    displaced: Counterfactual | None = None
    list_size: int = 10
    method: str = "exact"
    calls: int = 0
    error: float | None = None
    breakdowns: tuple[Split, ...] = ()
    groups: tuple[Split, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The `evidence` object of `explain --json`."""
        out: dict[str, Any] = {
            "exact": self.exact,
            "residual": self.residual,
            "method": self.method,
            "calls": self.calls,
            "error": self.error,
            "reasons": [r.to_json() for r in self.reasons],
        }
        if self.breakdowns:
            out["breakdowns"] = [b.to_json() for b in self.breakdowns]
        if self.groups:
            out["groups"] = [g.to_json() for g in self.groups]
        return out


@dataclass(frozen=True, slots=True)
class Entry:
    """What one person did with one item: the told event, all event types, and what it is worth.

    `contribution` and `effect` (score lost by leaving it out) are for the item in question.
    `negative` marks a low rating, dislike or return: never to be told as a liking. `error` is the
    standard error of the contribution, 0 where it is exact.
    """

    item: str
    event: str
    events: frozenset[str]
    value: float | None
    count: int
    contribution: float
    effect: float
    negative: bool = False
    error: float = 0.0

    @property
    def speaks_for(self) -> bool:
        """Whether the contribution is positive beyond its sampling error."""
        return self.contribution > CERTAIN * self.error


class World(Protocol):
    """Everything true about one (user, item) pair, asked lazily: the planner's and verifier's oracle.

    Item arguments are ids. `PairWorld` (evidence.world) answers from model and data; `SketchWorld`
    (language.sketch) answers for a shape with invented names, so that sketches are verified by the
    same code as any other text.
    """

    user: str
    item: str
    domain: str
    list_size: int
    rank: int

    def names(self, item: str, lang: str) -> tuple[str, ...]:
        """Names by which the item may be called in text, the shown title first."""

    def mentionable(self) -> Collection[str]:
        """Ids of the item and of everything in the person's history."""

    def find_title(self, name: str) -> tuple[str, ...]:
        """Ids of catalogue items, anywhere, with exactly this name (case-folded)."""

    def entry(self, item: str) -> Entry | None:
        """What the person did with that item, None if nothing."""

    def history(self) -> Collection[str]:
        """Ids of all items in the person's history, negative ones included."""

    def total(self) -> float:
        """The sum of the positive contributions to the item's score."""

    def has_facet(self, item: str, field: str, value: str) -> bool:
        """Whether the catalogue gives the item this facet."""

    def facets(self, item: str) -> Collection[tuple[str, str]]:
        """All (field, value) of the item."""

    def facet_labels(self, field: str, value: str, lang: str) -> tuple[str, ...]:
        """How the facet may be written in that language, the shown one first."""

    def people(self, item: str) -> tuple[str, int, float] | None:
        """(event, count, lift) of people with the event on `item` and on the pair's item."""

    def popular(self) -> tuple[str, int] | None:
        """(event, count) of people with the event on the pair's item."""

    def rating(self) -> tuple[float, int, float] | None:
        """(mean, count, best) of the pair's item."""

    def drops_without(self, items: Collection[str]) -> bool:
        """Whether re-ranking without those items' events drops the item out of the shown list."""
