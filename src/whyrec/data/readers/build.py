"""Rows that mean something to a `Dataset`: ids to indices, what cannot be used set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from whyrec.data.catalogue import COLUMNS, Catalogue
from whyrec.data.dataset import Dataset
from whyrec.data.ids import encode
from whyrec.data.readers.cells import MOMENT, times
from whyrec.data.readers.tables import Table
from whyrec.errors import DataError

EVENT_COLUMNS = {
    "user": pl.String,
    "item": pl.String,
    "event": pl.String,
    "value": pl.Float64,
    "time": MOMENT,
}
SCALES = (1.0, 5.0, 10.0, 100.0)
"""The ends of the rating scales in use."""


@dataclass
class Reading:
    """What happened while reading: the notes and the rows set aside, gathered as it goes."""

    format: str = "plain"
    place: str | None = None
    files: dict[str, Any] = field(default_factory=dict)
    ignored: list[dict[str, str]] = field(default_factory=list)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    counts: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    aside: list[pl.DataFrame] = field(default_factory=list)

    def set_aside(self, table: Table, mask: pl.Series, reason: str) -> None:
        """Count and keep the rows of `table` where `mask` holds."""
        count = int(mask.sum())
        if not count:
            return
        rows = table.frame.with_row_index("row", offset=table.first_row).filter(mask)
        self.counts.append(
            {
                "reason": reason,
                "count": count,
                "file": table.name,
                "rows_in": table.frame.height,
                "rows": rows["row"].head(5).to_list(),
            }
        )
        plain = [
            pl.col(c).cast(pl.String) if not t.is_nested() else pl.lit(None, pl.String).alias(c)
            for c, t in table.frame.schema.items()
        ]
        self.aside.append(
            rows.select(
                pl.lit(reason).alias("reason"),
                pl.lit(table.name).alias("file"),
                pl.col("row").cast(pl.Int64),
                pl.struct(plain).struct.json_encode().alias("cells"),
            )
        )

    def change(self, table: Table, mask: pl.Series, reason: str) -> None:
        """Count the rows of `table` of which a cell was changed in reading."""
        rows = mask.arg_true()
        if len(rows):
            self.changed.append(
                {
                    "reason": reason,
                    "count": len(rows),
                    "file": table.name,
                    "rows_in": table.frame.height,
                    "rows": [table.row(k) for k in rows.head(5).to_list()],
                }
            )

    def times(self, table: Table, column: str) -> pl.Series:
        """The column's times; broken ones are missing and counted, ambiguity is remarked."""
        found = times(table, column)
        if found.remark:
            self.remarks.append(f"{table.name}: {found.remark}")
        self.change(table, found.broken, f"{column} is no time: left empty")
        return found.values

    def notes(self) -> dict[str, Any]:
        """The JSON-able notes of the data set."""
        return {
            "format": self.format,
            "place": self.place,
            "files": self.files,
            "ignored": self.ignored,
            "columns": self.columns,
            "remarks": self.remarks,
            "set_aside": self.counts,
            "changed": self.changed,
        }

    def aside_frame(self) -> pl.DataFrame | None:
        """All rows set aside: `reason`, `file`, `row`, `cells` (JSON)."""
        return pl.concat(self.aside) if self.aside else None


def best_rating(values: pl.Series) -> float | None:
    """The end of the scale that holds all but 1 in 200 of the ratings, None without ratings."""
    values = values.drop_nulls()
    if not len(values):
        return None
    for scale in SCALES:
        if (values > scale).sum() <= len(values) // 200:
            return scale
    top = values.max()
    return float(top) if isinstance(top, int | float) else None


def build(
    events: Sequence[pl.DataFrame],
    items: pl.DataFrame | None,
    reading: Reading,
    *,
    domain: str,
    weights: Mapping[str, float] | None = None,
    best: float | None = None,
    where: str | None = None,
    reviews: pl.DataFrame | None = None,
) -> Dataset:
    """The data set of parsed events (`EVENT_COLUMNS` and more) and items (`COLUMNS` and more).

    Raises
    ------
    DataError
        If no event is left, or only one user or one item.
    """
    rows = pl.concat(events, how="diagonal") if len(events) > 1 else events[0]
    if not rows.height:
        raise DataError(
            "holds no events that can be used",
            where=where,
            remedy=_why_none(reading) or "give rows of user and item ids",
        )
    users = rows["user"].unique(maintain_order=True)
    sold = rows["item"].unique(maintain_order=True)
    for what, ids in (("user", users), ("item", sold)):
        if len(ids) == 1:
            raise DataError(
                f"holds events of one {what} only",
                where=where,
                remedy=f"give events of several {what}s: nothing can be learnt from one",
            )
    table = catalogue_table(items, sold, reading)
    coded = rows.with_columns(
        encode(rows["user"], users).alias("user"),
        encode(rows["item"], table["id"]).alias("item"),
    )
    if best is None:
        best = best_rating(rows.filter(pl.col("event") == "rating")["value"])
    written = None if reviews is None else coded_reviews(reviews, users, table["id"], reading)
    return Dataset(
        events=coded,
        catalogue=Catalogue(table),
        users=tuple(users.to_list()),
        domain=domain,
        weights=dict(weights or {}),
        best_rating=best,
        notes=reading.notes(),
        set_aside=reading.aside_frame(),
        reviews=written,
    )


def coded_reviews(
    reviews: pl.DataFrame, users: pl.Series, items: pl.Series, reading: Reading
) -> pl.DataFrame | None:
    """Reviews with indices for ids, None if none is left.

    One of an item that the catalogue does not hold is left out and remarked; one by somebody
    without events has no user.
    """
    known = reviews.filter(pl.col("item").is_in(items.implode()))
    if known.height < reviews.height:
        reading.remarks.append(
            f"{reviews.height - known.height} reviews of items that are not in the catalogue left out"
        )
    if not known.height:
        return None
    places = pl.DataFrame({"user": users}).with_row_index("_user")
    joined = known.join(places, on="user", how="left", maintain_order="left")
    return joined.select(
        encode(known["item"], items).alias("item"),
        pl.col("_user").cast(pl.UInt32).alias("user"),
        *("rating", "text", "lang", "time"),
    )


def _why_none(reading: Reading) -> str:
    return ", ".join(f"set aside: {c['count']} ({c['reason']})" for c in reading.counts)


def catalogue_table(items: pl.DataFrame | None, sold: pl.Series, reading: Reading) -> pl.DataFrame:
    """The items table with a row for every item that has events and a title in every row."""
    if items is None:
        items = pl.DataFrame({"id": []}, schema={"id": pl.String})
    missing = sold.filter(~sold.is_in(items["id"].implode()))
    if len(missing):
        if items.height:
            reading.remarks.append(
                f"{len(missing)} items with events are not in the items table; "
                "their id is their title"
            )
        items = pl.concat([items, pl.DataFrame({"id": missing})], how="diagonal")
    if "title" not in items.columns:
        items = items.with_columns(pl.lit(None, pl.String).alias("title"))
    items = items.with_columns(pl.col("title").fill_null(pl.col("id")))
    known = [c for c in COLUMNS if c in items.columns]
    return items.select(*known, *(c for c in items.columns if c not in known))
