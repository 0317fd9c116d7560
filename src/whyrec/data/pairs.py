"""From events to one row a (user, item) pair: what is told, what it weighs, what silences it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from whyrec.data.events import EVENT_TYPES

LIKE_SHARE = 0.7
"""A rating at or above this share of the best one is a liking (3.5 of 5, 7 of 10)."""

_NAMES = tuple(EVENT_TYPES)
_NEGATIVE = np.array([EVENT_TYPES[n].negative for n in _NAMES])
# A negative event is told only where a pair has nothing else, so it ranks lowest here.
_RANK = np.array([0 if e.negative else e.rank for e in EVENT_TYPES.values()], np.int8)
_RATING = _NAMES.index("rating")

Array = npt.NDArray[Any]


def count_pairs(
    events: pl.DataFrame,
    n_items: int,
    *,
    weights: Mapping[str, float],
    best_rating: float | None,
) -> pl.DataFrame:
    """The table described at `Dataset.pairs`.

    One sort, then sums over runs of equal (user, item); about 0.1 µs an event.
    """
    rows = events.select(
        (pl.col("user").cast(pl.UInt64) * max(n_items, 1) + pl.col("item")).alias("key"),
        pl.col("event").cast(pl.Enum(_NAMES)).to_physical().cast(pl.UInt8).alias("code"),
        "value",
        pl.col("time").to_physical().alias("time"),
    )
    # Stable sorts of one number each cost half of one sort by three columns.
    if rows["time"].count() and not rows["time"].is_sorted(nulls_last=False):
        rows = rows.sort("time", nulls_last=False, maintain_order=True)
    rank = pl.Series(_RANK[rows["code"].to_numpy()]).cast(pl.UInt64)
    order = rows["key"] * 16 + rank
    if not order.is_sorted():
        rows = rows.with_columns(order.alias("order")).sort("order", maintain_order=True)
    return _runs(rows, n_items, weights, best_rating)


def decay(pairs: pl.DataFrame, half_life: float) -> pl.DataFrame:
    """Pairs with weights that halve every `half_life` days before the last event of all.

    Pairs of unknown time keep their weight, and none falls below a thousandth of it, so that a
    liked pair stays one.

    Examples
    --------
    >>> from datetime import datetime
    >>> table = pl.DataFrame({"time": [datetime(2026, 1, 1), datetime(2026, 1, 31)], "weight": [1.0, 1.0]})
    >>> decay(table, 30)["weight"].to_list()
    [0.5, 1.0]
    """
    age = (pl.col("time").max() - pl.col("time")).dt.total_seconds(fractional=True) / 86_400
    factor = (-age * (float(np.log(2)) / half_life)).exp().clip(1e-3, 1.0).fill_null(1.0)
    return pairs.with_columns((pl.col("weight") * factor).cast(pairs["weight"].dtype))


def _runs(
    rows: pl.DataFrame, n_items: int, weights: Mapping[str, float], best_rating: float | None
) -> pl.DataFrame:
    key = rows["key"].to_numpy()
    code = rows["code"].to_numpy()
    value = rows["value"].to_numpy()
    known = rows["value"].is_not_null().to_numpy()
    new = np.ones(len(key), bool)
    np.not_equal(key[1:], key[:-1], out=new[1:])
    starts = np.flatnonzero(new)
    if not len(starts):
        return _EMPTY.clone()
    ends = np.append(starts[1:], len(key)) - 1
    told = code[ends]
    run = np.cumsum(new) - 1
    is_told = code == told[run]
    count = np.add.reduceat(is_told, starts, dtype=np.uint32)
    counted = is_told & known
    total = np.add.reduceat(np.where(counted, value, 0.0), starts)
    has_value = np.logical_or.reduceat(counted, starts)
    last = _last(counted & (code == _RATING), starts)
    rated = (told == _RATING) & (last >= 0)
    total[rated] = value[last[rated]]
    negative = np.logical_or.reduceat(_NEGATIVE[code], starts)
    if best_rating is not None:
        latest = _last((code == _RATING) & known, starts)
        judged = latest >= 0
        # A later rating replaces an earlier one; any other negative event stays.
        negative[judged] |= value[latest[judged]] < LIKE_SHARE * best_rating
    scale = np.array([weights.get(n, EVENT_TYPES[n].weight) for n in _NAMES], np.float32)
    weight = np.maximum.reduceat(scale[code], starts)
    weight[negative] = 0.0
    masks = np.bitwise_or.reduceat((1 << code.astype(np.uint16)).astype(np.uint16), starts)
    first = key[starts]
    return pl.DataFrame(
        {
            "user": (first // n_items).astype(np.uint32),
            "item": (first % n_items).astype(np.uint32),
            "event": pl.Series(_NAMES).gather(told),
            "types": _types(masks),
            "value": pl.Series(total).zip_with(
                pl.Series(has_value), pl.Series([None], dtype=pl.Float64)
            ),
            "count": count,
            "time": _latest(rows, starts),
            "weight": weight,
            "negative": negative,
        }
    )


def _last(mask: Array, starts: Array) -> Array:
    """The index of the last true row of every run, -1 where there is none."""
    return np.maximum.reduceat(np.where(mask, np.arange(len(mask)), -1), starts)


def _latest(rows: pl.DataFrame, starts: Array) -> pl.Series:
    time = rows["time"]
    if not time.count():
        return pl.Series([None] * len(starts), dtype=pl.Datetime("ms"))
    lowest = np.iinfo(np.int64).min
    stamps = np.maximum.reduceat(time.fill_null(lowest).to_numpy(), starts)
    found = pl.Series(stamps)
    return found.set(found == lowest, None).cast(pl.Datetime("ms"))


def _types(masks: Array) -> pl.Series:
    """Lists of event names of bit masks; few masks occur, so each list is made once."""
    distinct, where = np.unique(masks, return_inverse=True)
    lists = [sorted(n for k, n in enumerate(_NAMES) if mask >> k & 1) for mask in distinct.tolist()]
    return pl.Series(lists, dtype=pl.List(pl.String)).gather(where.astype(np.uint32))


_EMPTY = pl.DataFrame(
    schema={
        "user": pl.UInt32,
        "item": pl.UInt32,
        "event": pl.String,
        "types": pl.List(pl.String),
        "value": pl.Float64,
        "count": pl.UInt32,
        "time": pl.Datetime("ms"),
        "weight": pl.Float32,
        "negative": pl.Boolean,
    }
)
