"""Dirt: a measured share of what is wrong with real data, each kind counted in the truth file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from whyrec.data.shop.behaviour import EVENTS, Log

SHARES = {
    "item_rows_again": 0.01,
    "missing_description": 0.03,
    "missing_price": 0.02,
    "price_outlier": 0.01,
    "untidy_title": 0.03,
    "event_rows_again": 0.01,
    "unknown_item": 0.001,
    "broken_time": 0.003,
    "rating_off_scale": 0.005,
}
"""Kinds of dirt with their share of the rows they can befall: items, events or ratings."""

BROKEN_TIMES = ("", "1970-01-01 00:00:00", "2038-01-19 03:14:07")
"""No time, the zero of a clock that was never set, and the last second of a 32-bit clock."""

OFF_SCALE = (0.0, -1.0, 11.0, 50.0)
PRICE_FACTOR = 100.0


@dataclass(frozen=True)
class EventDirt:
    """Rows of the log that get dirty; every row at most once.

    Attributes
    ----------
    again
        Rows that are written twice.
    unknown
        Rows copied with an item id that is in no catalogue.
    broken_time, off_scale
        Rows whose time or rating is replaced, with what it is replaced by.
    """

    again: npt.NDArray[np.intp]
    unknown: npt.NDArray[np.intp]
    broken_time: dict[int, str]
    off_scale: dict[int, float]


def event_dirt(log: Log, rng: np.random.Generator) -> EventDirt:
    """Choose the rows of the log that get dirty."""
    ratings = np.flatnonzero(log.event == EVENTS.index("rating"))
    off = rng.choice(ratings, _count("rating_off_scale", len(ratings)), replace=False)
    free = np.setdiff1d(np.arange(len(log)), off)
    counts = [_count(k, len(log)) for k in ("event_rows_again", "unknown_item", "broken_time")]
    counts = [min(c, len(free) // 3) for c in counts]
    chosen = rng.choice(free, sum(counts), replace=False)
    again, unknown, broken = np.split(chosen, np.cumsum(counts)[:-1])
    return EventDirt(
        again=np.sort(again),
        unknown=np.sort(unknown),
        broken_time={int(k): BROKEN_TIMES[n % len(BROKEN_TIMES)] for n, k in enumerate(broken)},
        off_scale={int(k): OFF_SCALE[n % len(OFF_SCALE)] for n, k in enumerate(off)},
    )


def soil_items(
    rows: list[dict[str, Any]], rng: np.random.Generator
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """The catalogue's rows with dirt, and the ids of the items that each kind befell.

    Every item gets at most one kind, so that each can be checked by itself.
    """
    kinds = (
        "missing_description", "missing_price", "price_outlier", "untidy_title", "item_rows_again"
    )  # fmt: skip
    order = rng.permutation(len(rows))
    soiled = [dict(r) for r in rows]
    befell: dict[str, list[str]] = {}
    start = 0
    for kind in kinds:
        places = np.sort(order[start : start + _count(kind, len(rows))])
        start += len(places)
        befell[kind] = [rows[int(k)]["item_id"] for k in places]
        for n, k in enumerate(places.tolist()):
            if kind == "missing_description":
                soiled[k]["description"] = soiled[k]["description_zh"] = None
            elif kind == "missing_price":
                soiled[k]["price"] = None
            elif kind == "price_outlier":
                soiled[k]["price"] = f"{float(soiled[k]['price']) * PRICE_FACTOR:.2f}"
            elif kind == "untidy_title":
                soiled[k]["title"] = _untidy(soiled[k]["title"], n)
    again = [
        dict(soiled[k])
        for k, r in enumerate(rows)
        if r["item_id"] in set(befell["item_rows_again"])
    ]
    return soiled + again, befell


def _untidy(title: str, n: int) -> str:
    """The title as a careless export writes it: shouted, with entities, tags or stray spaces."""
    words = title.split(" ")
    return (
        title.upper(),
        "  ".join(words) + " ",
        "&nbsp;".join([" ".join(words[:-1]), words[-1]]),
        f"<b>{title}</b>",
        title.replace("-", "&#45;").replace(" ", "\u00a0", 1) + "\t",
    )[n % 5]


def _count(kind: str, rows: int) -> int:
    return round(SHARES[kind] * rows)
