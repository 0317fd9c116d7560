"""Items tables to catalogue columns: lists, prices, years, titles; doubles set aside."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from whyrec.data.ids import as_ids, blank_to_null
from whyrec.data.readers.build import Reading
from whyrec.data.readers.cells import numbers
from whyrec.data.readers.columns import translated
from whyrec.data.readers.roles import Part, genre_flags
from whyrec.data.readers.tables import Table
from whyrec.data.titles import film_title

_SYMBOLS = {"£": "GBP", "€": "EUR", "$": "USD", "¥": "CNY", "￥": "CNY", "元": "CNY"}
_NO_TAG = {"", "(no genres listed)", "unknown"}


def items_frame(parts: Sequence[Part], reading: Reading, *, film: bool) -> pl.DataFrame | None:
    """One row an item from all items tables; of two rows for one item the first is kept.

    A later table fills what an earlier one leaves empty.
    """
    if not parts:
        return None
    frames = [_one(part, reading, film=film) for part in parts]
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.join(frame, on="id", how="full", coalesce=True, maintain_order="left_right")
        both = [c for c in frame.columns if f"{c}_right" in whole.columns]
        whole = whole.with_columns(
            pl.coalesce(c, pl.col(f"{c}_right").cast(whole.schema[c], strict=False)) for c in both
        ).drop([f"{c}_right" for c in both])
    if film and "title" in whole.columns and whole["title"].count():
        whole = film_titles(whole)
    return whole


def _one(part: Part, reading: Reading, *, film: bool) -> pl.DataFrame:
    table, columns = part.table, part.columns
    frame = table.frame
    ids = as_ids(frame[columns["item_id"]])
    reading.set_aside(table, ids.is_null(), "no item id")
    double = ids.is_not_null() & ~ids.is_first_distinct()
    if double.any():
        same = frame.with_columns(ids.alias(columns["item_id"])).is_duplicated()
        again = double & same
        reading.set_aside(table, again, "the same item row again")
        reading.set_aside(table, double & ~again, "item id used before: the first row is kept")
    out = {"id": ids}
    used = set(columns.values())
    for target, column in columns.items():
        if target == "item_id":
            continue
        base = (translated(target) or (target,))[0]
        cells = frame[column]
        if base in ("title", "description", "brand"):
            out[target] = _text(cells)
        elif base == "category":
            typed = column.endswith("_seq")
            if cells.dtype.is_nested() or typed:
                out.setdefault("tags", tags(cells, " " if typed else None))
                out[target] = out["tags"].list.first()
            else:
                out[target] = _text(cells)
        elif base == "tags":
            out[target] = tags(cells, " " if column.endswith("_seq") else None)
        elif target == "price":
            out[target], currency = prices(table, column)
            if currency and "currency" not in columns:
                out["currency"] = currency
        elif target == "currency":
            out[target] = _text(cells)
        elif target == "year":
            out[target] = numbers(table, column).cast(pl.Int32, strict=False)
        elif target == "image":
            out[target] = _image(cells)
        else:
            out[column] = _text(cells)
    flags = genre_flags(table)
    if flags:
        out["tags"] = _flagged(frame, flags)
        used |= set(flags)
    for column in frame.columns:
        if column not in used and column not in out and not frame.schema[column].is_nested():
            out[column.split(":")[0].strip() or column] = frame[column]
    result = pl.DataFrame([cells.alias(name) for name, cells in out.items()])
    return result.filter(ids.is_not_null() & ~double)


def _text(cells: pl.Series) -> pl.Series:
    if isinstance(cells.dtype, pl.List):
        inner = cells.dtype.inner
        if inner is not None and inner != pl.String and not isinstance(inner, pl.DataType):
            return pl.Series(cells.name, [None] * len(cells), pl.String)
        return blank_to_null(cells.list.eval(pl.element().cast(pl.String)).list.join(" "))
    if cells.dtype.is_nested():
        return pl.Series(cells.name, [None] * len(cells), pl.String)
    return blank_to_null(cells.cast(pl.String))


def tags(cells: pl.Series, separator: str | None = None) -> pl.Series:
    """A column as lists of tags: JSON lists, or text parted by `|`, `;`, `,` or `separator`."""
    if isinstance(cells.dtype, pl.List):
        rows = [_flat(row) for row in cells.to_list()]
    else:
        texts = blank_to_null(cells.cast(pl.String))
        sample = texts.drop_nulls()
        if separator is None:
            separator = max("|;,", key=lambda s: int(sample.str.contains(s, literal=True).sum()))
            if sample.str.contains("、", literal=True).any():
                separator = "、"
        known: dict[str, list[str]] = {}
        rows = []
        for text in texts.to_list():
            if text is None:
                rows.append([])
                continue
            if text not in known:
                known[text] = _flat(
                    text.strip("[]").replace("'", "").split(separator)
                    if text.startswith("[")
                    else text.split(separator)
                )
            rows.append(known[text])
    return pl.Series(cells.name, rows, pl.List(pl.String))


def _flat(row: object) -> list[str]:
    if row is None:
        return []
    if isinstance(row, list):
        found: list[str] = []
        for cell in row:
            found += [tag for tag in _flat(cell) if tag not in found]
        return found
    text = " ".join(str(row).split())
    return [] if text.lower() in _NO_TAG else [text]


def _flagged(frame: pl.DataFrame, flags: Sequence[str]) -> pl.Series:
    on = [
        pl.when(pl.col(c).cast(pl.String).str.strip_chars() == "1").then(pl.lit(c))
        for c in flags
        if c.lower() != "unknown"
    ]
    return frame.select(pl.concat_list(on).list.drop_nulls()).to_series()


def prices(table: Table, column: str) -> tuple[pl.Series, pl.Series | None]:
    """(price, ISO currency where a sign tells it) of every row."""
    found = numbers(table, column)
    cells = table.frame[column]
    if cells.dtype != pl.String:
        return found, None
    sign = cells.str.extract(r"([£€$¥￥元])")
    if not sign.count():
        return found, None
    return found, sign.replace_strict(_SYMBOLS, default=None, return_dtype=pl.String)


def _image(cells: pl.Series) -> pl.Series:
    if not cells.dtype.is_nested():
        return _text(cells)
    firsts = []
    for row in cells.to_list():
        first = row[0] if isinstance(row, list) and row else row
        if isinstance(first, dict):
            first = first.get("large") or first.get("hi_res") or first.get("thumb")
        firsts.append(first if isinstance(first, str) else None)
    return pl.Series(cells.name, firsts, pl.String)


def film_titles(items: pl.DataFrame) -> pl.DataFrame:
    """`Terminator, The (1984)` → title `The Terminator`, year 1984.

    The year stays in titles that two films would share.
    """
    read = [film_title(raw) if raw else (None, None, None) for raw in items["title"].to_list()]
    frame = items.with_columns(
        pl.Series("title", [r[0] or None for r in read], pl.String),
        pl.Series("original_title", [r[1] for r in read], pl.String),
        pl.Series("_year", [r[2] for r in read], pl.Int32),
    )
    year = pl.coalesce("year", "_year") if "year" in items.columns else pl.col("_year")
    shared = pl.col("title").str.to_lowercase().is_duplicated() & pl.col("_year").is_not_null()
    return frame.with_columns(
        year.alias("year"),
        pl.when(shared)
        .then(pl.format("{} ({})", "title", "_year"))
        .otherwise("title")
        .alias("title"),
    ).drop("_year")
