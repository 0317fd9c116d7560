"""What people wrote about items: rows of reviews, from a table of their own or from the events'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from whyrec.data.ids import blank_to_null
from whyrec.data.readers.build import Reading
from whyrec.data.readers.cells import MOMENT, ids, times
from whyrec.data.readers.roles import Part
from whyrec.data.script import guess_language
from whyrec.data.titles import clean_text
from whyrec.errors import DataError

MAX_REVIEW = 20_000
"""Characters of a review that are kept."""

COLUMNS: dict[str, Any] = {
    "item": pl.String,
    "user": pl.String,
    "rating": pl.Float64,
    "text": pl.String,
    "lang": pl.String,
    "time": MOMENT,
}


def review_rows(parts: Sequence[Part], reading: Reading) -> pl.DataFrame | None:
    """The reviews of all parts that have texts, as in `COLUMNS`; None if there are none.

    A review is no event, so nothing in it stops the reading: a rating that is no number and a time
    that is none are left empty, and rows without item or text are left out.
    """
    frames = [_rows(part, reading) for part in parts if "text" in part.columns]
    rows = pl.concat(frames) if frames else pl.DataFrame(schema=COLUMNS)
    rows = rows.unique(("item", "user", "text"), keep="first", maintain_order=True)
    return rows if rows.height else None


def _rows(part: Part, reading: Reading) -> pl.DataFrame:
    table, columns = part.table, part.columns
    frame = table.frame
    nothing = pl.Series([None] * frame.height, dtype=pl.String)
    texts = frame[columns["text"]]
    if texts.dtype.is_nested() or texts.dtype in (pl.Object, pl.Binary):
        reading.remarks.append(f"{table.name}: {columns['text']} holds no plain text: not read")
        return pl.DataFrame(schema=COLUMNS)
    clean = [
        clean_text(t.replace("<br />", " ").replace("<br>", " "), limit=MAX_REVIEW) or None
        if t
        else None
        for t in blank_to_null(texts.cast(pl.String)).to_list()
    ]
    rating = nothing.cast(pl.Float64)
    if "rating" in columns and not frame[columns["rating"]].dtype.is_nested():
        rating = frame[columns["rating"]].cast(pl.Float64, strict=False).fill_nan(None)
        rating = pl.select(pl.when(rating.is_finite()).then(rating)).to_series()
    time = nothing.cast(MOMENT)
    if "time" in columns:
        try:
            time = times(table, columns["time"]).values
        except DataError:
            reading.remarks.append(f"{table.name}: the reviews' times are not read")
    given = nothing
    if "lang" in columns and not frame[columns["lang"]].dtype.is_nested():
        given = blank_to_null(frame[columns["lang"]].cast(pl.String))
    langs = [
        code.strip().lower()[:2] if code and code.strip()[:2].isalpha() else guess_language(text)
        for code, text in zip(given.to_list(), (t or "" for t in clean), strict=True)
    ]
    return pl.DataFrame(
        {
            "item": ids(table, columns["item_id"]),
            "user": ids(table, columns["user_id"]),
            "rating": rating,
            "text": pl.Series(clean, dtype=pl.String),
            "lang": pl.Series(langs, dtype=pl.String),
            "time": time,
        }
    ).filter(pl.col("item").is_not_null() & pl.col("text").is_not_null())
