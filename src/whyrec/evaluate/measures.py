"""The measures by name: which way is better, and what a name like `ndcg@10` asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from whyrec.errors import ConfigError

Group = Literal["hits", "scores", "lists", "ratings"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    Attributes
    ----------
    name
        As in `name@k`, or alone where lists have nothing to do with it.
    group
        What it needs: the `hits` of lists, the `scores` of all items, the `lists` by themselves or
        predicted `ratings`.
    higher
        Whether more is better; None where neither way is.
    cut
        Whether it is of the first k.
    says
        In a few words.
    """

    name: str
    group: Group
    higher: bool | None
    cut: bool
    says: str


MEASURES = {
    m.name: m
    for m in (
        Measure("ndcg", "hits", True, True, "hits, early ones most"),
        Measure("recall", "hits", True, True, "held-out items that are listed"),
        Measure("precision", "hits", True, True, "listed items that were held out"),
        Measure("map", "hits", True, True, "mean precision at the hits"),
        Measure("mrr", "hits", True, True, "1 / rank of the first hit"),
        Measure("hit_rate", "hits", True, True, "people with a hit"),
        Measure("auc", "scores", True, False, "held-out item beats another"),
        Measure("coverage", "lists", True, True, "catalogue that anybody is shown"),
        Measure("diversity", "lists", True, True, "unlike items in a list"),
        Measure("novelty", "lists", True, True, "bits: how unknown the items are"),
        Measure("calibration", "lists", False, True, "nats: off the person's taste"),
        Measure("popularity", "lists", None, True, "people who have a listed item"),
        Measure("popularity_lift", "lists", None, True, "list against history; 0 is even"),
        Measure("gini", "lists", None, True, "unevenly shown; 0 is even"),
        Measure("rmse", "ratings", False, False, "root mean square error"),
        Measure("mae", "ratings", False, False, "mean absolute error"),
    )
}
"""Every measure by name, in the order of tables."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A measure and its k.

    Examples
    --------
    >>> str(parse("NDCG@10")), str(parse("auc"))
    ('ndcg@10', 'auc')
    """

    measure: Measure
    k: int | None = None

    def __str__(self) -> str:
        return self.measure.name if self.k is None else f"{self.measure.name}@{self.k}"


def parse(text: str, k: int = 10) -> Asked:
    """What `ndcg@10`, `ndcg` (at the given k) or `rmse` asks for.

    Raises
    ------
    ConfigError
        If there is no such measure, or the k is no whole number above 0 or where none belongs.
    """
    name, at, number = text.strip().casefold().partition("@")
    name = name.replace("-", "_")
    if name not in MEASURES:
        raise ConfigError(
            f"no such measure: {text.strip()}",
            where="metric",
            remedy=f"use {', '.join(MEASURES)}, for example ndcg@10",
        )
    measure = MEASURES[name]
    if not measure.cut:
        if at:
            raise ConfigError(f"{name} has no k", where="metric", remedy=f"write {name}")
        return Asked(measure)
    if at and not (number.isdecimal() and int(number) > 0):
        raise ConfigError(
            f"{number!r} is no length of a list", where=f"metric {text}", remedy=f"write {name}@10"
        )
    return Asked(measure, int(number) if at else k)


def everything(ks: Iterable[int], *, ratings: bool) -> tuple[Asked, ...]:
    """All measures, those of lists at every k; those of ratings only where they apply."""
    return tuple(
        Asked(m, k)
        for m in MEASURES.values()
        if ratings or m.group != "ratings"
        for k in (tuple(ks) if m.cut else (None,))
    )
