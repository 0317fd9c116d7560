"""Which table is what: events, items, or something that is not read and noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from whyrec.data.readers.cells import EVENT_WORDS
from whyrec.data.readers.columns import EVENT_TARGETS, TEXT_KEYS, assign, key
from whyrec.data.readers.tables import Table

GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western",
)  # fmt: skip
"""The genre flags of MovieLens 100K, in their order."""

_PERSON = {"age", "gender", "sex", "occupation", "zip", "zipcode", "email", "birthday", "birthyear"}
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)$"


@dataclass
class Part:
    """A table with its role and what its columns mean.

    Attributes
    ----------
    role
        `events`, `reviews`, `items` or `other`.
    why
        Why a table of role `other` is not read.
    """

    table: Table
    role: str
    columns: dict[str, str]
    why: str = ""


def genre_flags(table: Table) -> list[str]:
    """Names of the 0/1 columns that are MovieLens genres, if it has them."""
    names = {key(g): g for g in GENRES}
    found = [c for c in table.frame.columns if key(c) in names]
    return found if len(found) >= 10 else []


def name_columns(table: Table) -> Table:
    """Names for the columns of a file without a header, by what they hold."""
    if table.header or not table.frame.height:
        return table
    frame = table.frame
    sample = frame.head(1000)
    width = frame.width
    numeric = [
        bool(sample[c].drop_nulls().str.strip_chars().str.contains(_NUMBER).all())
        and sample[c].count() > 0
        for c in sample.columns
    ]
    names: list[str] | None = None
    if width == 24 and not numeric[1] and all(numeric[5:]):
        names = ["item_id", "title", "release_date", "video_release_date", "imdb_url", *GENRES]
    elif width == 3 and numeric[0] and not numeric[1] and not numeric[2]:
        if not _events_column(sample, 2):
            names = ["item_id", "title", "genres"]
    elif (width == 5 and _is_gender(sample, 1)) or (width == 5 and _is_gender(sample, 2)):
        names = ["user_id", *(["gender", "age"] if _is_gender(sample, 1) else ["age", "gender"])]
        names += ["occupation", "zip"]
    if names is None and 2 <= width <= 6:
        names = _event_names(sample, numeric)
    if names is None:
        return table
    renamed = frame.rename(dict(zip(frame.columns, names, strict=True)))
    info = {**table.info, "columns_taken_as": names}
    return Table(table.name, renamed, table.first_row, table.header, info)


def _is_gender(sample: pl.DataFrame, index: int) -> bool:
    return bool(sample.to_series(index).drop_nulls().is_in(["M", "F"]).all())


def _events_column(sample: pl.DataFrame, index: int) -> bool:
    words = sample.to_series(index).drop_nulls().unique().to_list()
    return bool(words) and all(key(w) in EVENT_WORDS for w in words)


def _event_names(sample: pl.DataFrame, numeric: list[bool]) -> list[str] | None:
    names = ["user_id", "item_id"]
    for index in range(2, sample.width):
        column = sample.to_series(index)
        if _events_column(sample, index):
            names.append("event")
        elif numeric[index]:
            size = column.cast(pl.Float64, strict=False).abs().median()
            big = isinstance(size, float) and size > 1e8
            small = "value" if "event" in names else "rating" if index == 2 else None
            names.append("time" if big else small or f"column_{index + 1}")
        else:
            names.append(f"column_{index + 1}")
    if "event" in names and "rating" in names:
        names[names.index("rating")] = "category"  # as in Taobao's user behaviour files
    return names if len(set(names)) == len(names) else None


def classify(table: Table, map: Mapping[str, str]) -> Part:
    """The role of one table."""
    columns = assign(table.frame.columns, map)
    keys = {key(c) for c in table.frame.columns}
    if "user_id" not in columns and "item_id" not in columns and not keys & _PERSON:
        own = next((c for c in table.frame.columns if key(c) == "id"), None)
        if own and ({"title", "description", "category"} & set(columns)):
            columns["item_id"] = own
    if not table.frame.width:
        return Part(table, "other", {}, "not a table")
    if "user_id" in columns and "item_id" in columns:
        if "tag" in keys and not {"rating", "event", "value"} & set(columns):
            return Part(table, "other", columns, "tags given by users are not read")
        role = "reviews" if "text" in columns or keys & TEXT_KEYS else "events"
        return Part(table, role, columns)
    if "item_id" in columns:
        flags = genre_flags(table)
        about = {
            target: column
            for target, column in columns.items()
            if target not in EVENT_TARGETS[2:] and column not in flags
        }
        main = next((c for c in table.frame.columns if key(c) in ("maincategory", "maincat")), None)
        many = about.get("category")
        if main and many and many != main and table.frame.schema[many].is_nested():
            about.setdefault("tags", many)  # Amazon: the path is tags, its root the category
            about["category"] = main
        if len(about) > 1 or flags:
            return Part(table, "items", about)
        return Part(table, "other", columns, "no column describes an item")
    if "user_id" in columns or keys & _PERSON:
        return Part(table, "other", columns, "what is known about users is not read")
    return Part(table, "other", columns, "no column holds user or item ids")
