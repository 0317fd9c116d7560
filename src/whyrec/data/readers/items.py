"""Items tables to catalogue columns: lists, prices, years, titles; doubles set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from whyrec.data.ids import blank_to_null
from whyrec.data.readers.build import Reading
from whyrec.data.readers.cells import ids, numbers
from whyrec.data.readers.columns import key, translated
from whyrec.data.readers.roles import Part, genre_flags
from whyrec.data.readers.tables import Table
from whyrec.data.titles import MAX_TITLE, clean_text, film_title, restore

_SYMBOLS = {"£": "GBP", "€": "EUR", "$": "USD", "¥": "CNY", "￥": "CNY", "元": "CNY"}
SHOWN = ("title", "description", "category", "brand")
"""Text columns that are shown, in every language."""

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
    keys = ids(table, columns["item_id"])
    reading.set_aside(table, keys.is_null(), "no item id")
    double = keys.is_not_null() & ~keys.is_first_distinct()
    if double.any():
        same = frame.with_columns(keys.alias(columns["item_id"])).is_duplicated()
        again = double & same
        reading.set_aside(table, again, "the same item row again")
        reading.set_aside(table, double & ~again, "item id used before: the first row is kept")
    out = {"id": keys}
    used = set(columns.values())
    for target, column in columns.items():
        if target == "item_id":
            continue
        base = (translated(target) or (target,))[0]
        cells = frame[column]
        if base in SHOWN and base != "category":
            out[target] = _text(cells)
        elif base == "category":
            typed = column.endswith("_seq")
            if typed:  # RecBole: several words of one kind
                out.setdefault("genres", tags(cells, " "))
            elif cells.dtype.is_nested():
                out.setdefault("tags", tags(cells))
                out[target] = out["tags"].list.first()
            else:
                out[target] = _text(cells)
        elif base in {"genres", "tags"}:
            out[target] = tags(cells, " " if column.endswith("_seq") else None)
        elif target == "price":
            lenient = bool({key(c) for c in frame.columns} & {"asin", "parentasin"})
            out[target], currency = prices(table, column, reading if lenient else None)
            if currency is not None and "currency" not in columns:
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
        out["genres"] = _flagged(frame, flags)
        used |= set(flags)
    for column in frame.columns:
        if column not in used and column not in out and not frame.schema[column].is_nested():
            out[column.split(":")[0].strip() or column] = frame[column]
    tidied = pl.Series([False]).new_from_index(0, frame.height)
    for target in [t for t in out if (translated(t) or (t,))[0] in SHOWN]:
        fresh = tidy(out[target], None if target.startswith("description") else MAX_TITLE)
        tidied |= fresh.ne_missing(out[target])
        out[target] = fresh
    reading.change(table, tidied, "control characters and stray white space taken out")
    for target in [t for t in out if t.startswith(("genres_", "tags_"))]:
        base = target.split("_")[0]
        uneven = out[target].list.len() != out[base].list.len() if base in out else ~keys.is_null()
        reading.change(table, uneven, f"{target} does not match {base} one by one: left empty")
        out[target] = pl.select(pl.when(~uneven).then(out[target])).to_series()
    result = pl.DataFrame([cells.alias(name) for name, cells in out.items()])
    return result.filter(keys.is_not_null() & ~double)


def tidy(cells: pl.Series, limit: int | None) -> pl.Series:
    """Every cell without control characters and stray white space; null if nothing is left.

    Entities and markup stay as they are: whether they are dirt is for the cleaning to judge.
    """
    rough = cells.is_not_null() & (
        ~cells.str.contains(r"^[ -~]+$")
        | cells.str.contains(r"  |^ | $")
        | (cells.str.len_bytes() > (limit or 1 << 30))
    )
    if not rough.any():
        return cells
    texts = cells.to_list()
    for index in rough.arg_true().to_list():
        texts[index] = clean_text(texts[index], limit=limit, entities=False) or None
    return pl.Series(cells.name, texts, pl.String)


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
    text = clean_text(str(row), limit=MAX_TITLE, entities=False)
    return [] if text.lower() in _NO_TAG else [text]


def _flagged(frame: pl.DataFrame, flags: Sequence[str]) -> pl.Series:
    on = [
        pl.when(pl.col(c).cast(pl.String).str.strip_chars() == "1").then(pl.lit(c))
        for c in flags
        if c.lower() != "unknown"
    ]
    return frame.select(pl.concat_list(on).list.drop_nulls()).to_series()


def prices(
    table: Table, column: str, lenient: Reading | None = None
) -> tuple[pl.Series, pl.Series | None]:
    """(price, ISO currency where a sign tells it) of every row.

    With `lenient`, for catalogues that write ranges and words among prices, what is no number is
    left empty and remarked there.
    """
    cells = table.frame[column]
    if lenient is not None and cells.dtype == pl.String:
        plain = cells.str.strip_chars().str.contains(r"^[£$€¥]?\s*[\d,]*\.?\d+$").fill_null(False)
        odd = cells.is_not_null() & ~plain & (cells.str.strip_chars() != "")
        if odd.any():
            lenient.remarks.append(f"{int(odd.sum())} prices that are no number left empty")
        cells = pl.select(pl.when(plain).then(cells).alias(column)).to_series()
        table = replace(table, frame=table.frame.with_columns(cells))
    found = numbers(table, column)
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
    raws = items["title"].to_list()
    # The MovieLens 100K that goes round in UTF-8 lost its accents, but not in the addresses.
    address = next((c for c in items.columns if key(c) == "imdburl"), None)
    if address is not None:
        raws = [r and restore(r, a) for r, a in zip(raws, items[address].to_list(), strict=True)]
    read = [film_title(raw) if raw else (None, None, None) for raw in raws]
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


def items_of_events(part: Part, keys: pl.Series) -> pl.DataFrame | None:
    """What a table of events says about its items: the first name, category, brand and tags, the
    median price; None if it says nothing.
    """
    table, columns = part.table, part.columns
    known = {
        target: column
        for target, column in columns.items()
        if (translated(target) or (target,))[0] in SHOWN or target == "price"
    }
    if not known:
        return None
    cells = {
        target: numbers(table, column)
        if target == "price"
        else tidy(_text(table.frame[column]), MAX_TITLE)
        for target, column in known.items()
    }
    rows = pl.DataFrame([keys.alias("id"), *(c.alias(t) for t, c in cells.items())])
    return (
        rows.filter(pl.col("id").is_not_null())
        .group_by("id", maintain_order=True)
        .agg(pl.col(t).median() if t == "price" else pl.col(t).drop_nulls().first() for t in cells)
    )
