"""Cells to values: numbers, times and event names, strictly, naming the cell that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from whyrec.data.events import EVENT_TYPES
from whyrec.data.ids import as_ids, blank_to_null
from whyrec.data.readers.columns import key
from whyrec.data.readers.tables import Table
from whyrec.errors import DataError

_WORDS = {
    "purchase": "purchase purchases purchased buy bought buying order orders ordered sale sales sold transaction checkout"
    " paid payment 购买 下单 支付 成交 已购",
    "like": "like liked likes favorite favourite favorited favourited fav faved love loved heart"
    " save saved bookmark bookmarked wishlist addtowishlist thumbsup upvote follow collect"
    " 喜欢 点赞 收藏 加收藏",
    "rating": "rating rate rated ratings review reviewed 评分 打分 评价 评论",
    "cart": "cart carts addtocart addcart basket addtobasket addedtocart carted 加购 加购物车 加入购物车",
    "interaction": "interaction interactions interact interacted share shared comment commented download"
    " downloaded install installed subscribe subscribed enroll enrolled enrol enrolled apply"
    " applied borrow borrowed checkin visit visited 互动",
    "view": "view viewed views pageview pv detailview productview viewitem viewdetail browse"
    " browsed watch watched watching play played plays listen listened stream streamed read"
    " 浏览 查看 观看 看过 播放 收听 阅读",
    "click": "click clicked clicks open opened tap tapped 点击 点开",
    "dislike": "dislike disliked thumbsdown downvote hide hidden notinterested 不喜欢 踩",
    "return": "return returned refund refunded cancel cancelled canceled cancellation 退货 退款 取消",
}
EVENT_WORDS: Mapping[str, str] = MappingProxyType(
    {word: name for name, words in _WORDS.items() for word in words.split()}
)
"""Event type by word, as compared by `columns.key`."""

UNDOING = frozenset({"removefromcart", "removefromwishlist", "unlike", "unfollow", "uncart"})
"""Words for taking something back that was no purchase: such rows are set aside and counted."""

_TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f UTC",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%m/%d/%y %H:%M",
    "%m/%d/%y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%m %d, %Y",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日",
)
_DATE_ONLY = re.compile(r"%[HMS]")

_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999  # years 1 to 9999 in ms

MOMENT = pl.Datetime("ms")

BROKEN_SHARE = 0.05
"""Up to this share of the times may be broken; they are then missing, and counted."""


def bad_cell(table: Table, index: int, name: str, cell: object, what: str) -> DataError:
    """The error that names one cell: file, row, field, value."""
    return DataError(
        f"{str(cell)[:80]!r} is not {what}",
        where=f"{table.name}, row {table.row(index)}, {name}",
        remedy="correct the cell, or leave it empty where nothing is known",
    )


def scalar(table: Table, column: str) -> pl.Series:
    """The column, if each of its cells is one value.

    Raises
    ------
    DataError
        If it holds lists or objects.
    """
    cells = table.frame[column]
    if cells.dtype.is_nested() or cells.dtype in (pl.Object, pl.Binary):
        raise DataError(
            f"column {column!r} holds {cells.dtype}, not single values",
            where=table.name,
            remedy="map another column, or write one value a cell",
        )
    return cells


def ids(table: Table, column: str) -> pl.Series:
    """A column of ids as text; see `whyrec.data.ids.as_ids`."""
    return as_ids(scalar(table, column))


def numbers(table: Table, column: str) -> pl.Series:
    """A column as float64; empty, NaN and "missing" cells are null.

    Raises
    ------
    DataError
        If a cell is text or infinite, naming file, row, field and value.
    """
    cells = scalar(table, column)
    if cells.dtype.is_numeric() or cells.dtype == pl.Boolean:
        found = cells.cast(pl.Float64).fill_nan(None)
    elif cells.dtype == pl.Null:
        return pl.Series(column, [None] * len(cells), pl.Float64)
    else:
        cells = blank_to_null(cells.cast(pl.String))
        found = cells.cast(pl.Float64, strict=False).fill_nan(None)
        wrong = found.is_null() & cells.is_not_null()
        if wrong.any():
            plain = (
                cells.str.replace(r"^[£$€¥￥]\s*", "")
                .str.replace(r"\s*[€元£$]$", "")
                .str.replace_all(r"(\d),(\d{3})\b", "$1$2")
            )
            if table.info.get("separator") == ";":
                plain = plain.str.replace(r"^(-?\d+),(\d+)$", "$1.$2")
            found = plain.cast(pl.Float64, strict=False).fill_nan(None)
            wrong = found.is_null() & cells.is_not_null()
        if wrong.any():
            index = wrong.arg_max() or 0
            raise bad_cell(table, index, column, cells[index], "a number")
    infinite = found.is_infinite().fill_null(False)
    if infinite.any():
        index = infinite.arg_max() or 0
        raise bad_cell(table, index, column, table.frame[column][index], "a finite number")
    return found


def _from_epoch(stamps: pl.Series) -> pl.Series:
    """Unix seconds, milliseconds, micro- or nanoseconds, by their size."""
    typical = stamps.drop_nulls().abs().median()
    size = float(typical) if isinstance(typical, int | float) else 0.0
    scale = 1000.0 if size < 1e11 else 1.0 if size < 1e14 else 1e-3 if size < 1e17 else 1e-6
    moments = (stamps * scale).round(0)
    sane = (moments >= _FIRST) & (moments <= _LAST)  # false for infinite ones too
    return pl.select(pl.when(sane).then(moments)).to_series().cast(pl.Int64).cast(MOMENT)


@dataclass(frozen=True)
class Times:
    """A column of times.

    Attributes
    ----------
    values
        Datetime[ms], UTC where a zone was given; null where there is none.
    broken
        Cells that hold something else than a time; their value is null.
    remark
        What was ambiguous, None if nothing was.
    """

    values: pl.Series
    broken: pl.Series
    remark: str | None = None


def times(table: Table, column: str) -> Times:
    """Unix time in s, ms, µs or ns by its size, ISO 8601 and the common written forms.

    An event without its time is still an event, so a few broken cells (up to `BROKEN_SHARE`) are
    told apart; more of them mean that the column was not understood.

    Raises
    ------
    DataError
        If too many cells are no time, naming file, row, field and value of the first.
    """
    cells = scalar(table, column)
    dtype = cells.dtype
    none = pl.Series([False]).new_from_index(0, len(cells))
    if dtype == pl.Date:
        return Times(cells.cast(MOMENT), none)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone:
            cells = cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return Times(cells.dt.cast_time_unit("ms"), none)
    if dtype.is_numeric():
        cells = cells.cast(pl.Float64).fill_nan(None)
        return _judged(table, column, cells, _from_epoch(cells), "epoch")
    if dtype == pl.Null:
        return Times(pl.Series(column, [None] * len(cells), MOMENT), none)
    cells = blank_to_null(cells.cast(pl.String))
    return _judged(table, column, cells, *_best_reading(cells))


def _judged(table: Table, column: str, cells: pl.Series, found: pl.Series, form: str) -> Times:
    """The times, if few enough of the cells are broken."""
    broken = found.is_null() & cells.is_not_null()
    if broken.sum() > BROKEN_SHARE * cells.count():
        index = broken.arg_max() or 0
        raise bad_cell(table, index, column, cells[index], "a time")
    return Times(found, broken, None if form == "epoch" else _ambiguity(cells.drop_nulls(), form))


def _best_reading(cells: pl.Series) -> tuple[pl.Series, str]:
    """(times, form) by the form that reads most cells, the earlier one of several."""
    stamps = cells.cast(pl.Float64, strict=False).fill_nan(None)
    if cells.count() and stamps.count() >= (1 - BROKEN_SHARE) * cells.count():
        return _from_epoch(stamps), "epoch"
    sample = cells.drop_nulls().head(1000)
    read = {form: _parse(sample, form).count() for form in _TIME_FORMATS}
    best: tuple[pl.Series, str] | None = None
    for form in sorted(_TIME_FORMATS, key=lambda form: -read[form]):
        if best is not None and not read[form]:
            break
        found = _parse(cells, form)
        if best is None or found.count() > best[0].count():
            best = found, form
        if best[0].null_count() == cells.null_count():
            break
    assert best is not None  # there are forms
    return best


def _parse(cells: pl.Series, form: str) -> pl.Series:
    if not _DATE_ONLY.search(form):
        return cells.str.to_date(form, strict=False, exact=True).cast(MOMENT)
    if "z" in form:
        found = cells.str.to_datetime(form, strict=False, time_unit="ms", time_zone="UTC")
        return found.dt.replace_time_zone(None)
    return cells.str.to_datetime(form, strict=False, time_unit="ms")


def _ambiguity(present: pl.Series, form: str) -> str | None:
    if form.startswith("%m/%d/%Y"):
        other = form.replace("%m/%d", "%d/%m")
        if not _parse(present, other).null_count():
            return "dates read as month/day/year; they could be day/month/year"
    return None


def events(table: Table, column: str) -> tuple[pl.Series, pl.Series]:
    """(event type or null, whether the row takes something back) of every row.

    Raises
    ------
    DataError
        If a cell is no known event, with the list of those allowed.
    """
    cells = blank_to_null(scalar(table, column).cast(pl.String))
    words = cells.unique().drop_nulls().to_list()
    names: dict[str, str | None] = {}
    for word in words:
        plain = key(word)
        if plain in EVENT_WORDS or plain in EVENT_TYPES:
            names[word] = EVENT_WORDS.get(plain, plain)
        elif plain in UNDOING:
            names[word] = None
        else:
            index = (cells == word).arg_max() or 0
            raise DataError(
                f"{word[:80]!r} is not an event",
                where=f"{table.name}, row {table.row(index)}, {column}",
                remedy=f"use one of {', '.join(EVENT_TYPES)}, or a common word for it",
            )
    undone = cells.is_in([word for word, name in names.items() if name is None]).fill_null(False)
    return cells.replace_strict(names, return_dtype=pl.String, default=None), undone
