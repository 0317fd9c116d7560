"""Missing cells: set the row aside, or fill with the mean, median, mode or a constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl

from whyrec.data.cleaning.step import ROW, Change, Step, TableName, check_choice, differs, reasons
from whyrec.errors import ConfigError

METHODS = ("drop", "mean", "median", "mode", "constant")


@dataclass(frozen=True, kw_only=True)
class Missing(Step):
    """What to do where `column` is empty (null or NaN; in text also blank).

    Attributes
    ----------
    method
        `drop` (the row is set aside), `mean`, `median`, `mode` (the most frequent value, the
        smallest of several) or `constant`.
    value
        The constant.
    by
        Fill within groups of equal `by`, such as the median price of a category; groups that have
        no value take that of the whole column.

    Examples
    --------
    >>> frame = pl.DataFrame({"price": [1.0, None, 3.0, 8.0]})
    >>> Missing(column="price", method="median").apply(frame).frame["price"].to_list()
    [1.0, 3.0, 3.0, 8.0]
    """

    name: ClassVar[str] = "missing"
    column: str
    method: str = "drop"
    value: Any = None
    by: str | None = None

    def check(self) -> None:
        """Check the settings."""
        check_choice(self.name, "method", self.method, METHODS)
        if (self.method == "constant") != (self.value is not None):
            raise ConfigError(
                "a constant needs its value, and nothing else has one",
                where=f"cleaning step {self.name}",
                remedy="give method='constant' and value together",
            )

    def apply(self, frame: pl.DataFrame) -> Change:
        """Set aside or fill the rows whose cell is empty."""
        numeric = self.method in ("mean", "median")
        cells = self.column_of(frame, self.column, numeric=numeric)
        here = self.applies(frame)
        if cells.dtype.is_float():
            cells = cells.fill_nan(None)
        elif cells.dtype == pl.String:
            cells = pl.select(pl.when(cells.str.strip_chars() != "").then(cells)).to_series()
        empty = cells.is_null() & here
        if self.method == "drop":
            return Change(frame, reasons(empty, f"no {self.column}"), why=f"no {self.column}")
        table = pl.DataFrame({"x": cells, "here": here})
        if self.by is not None:
            table = table.with_columns(self.column_of(frame, self.by).alias("by"))
        fill = self._fill(table)
        if self.method == "constant":
            fill = fill.cast(cells.dtype, strict=False)
        elif cells.dtype.is_integer():
            fill = fill.cast(pl.Float64).round(0).cast(cells.dtype)
        filled = table.select(pl.when(empty).then(fill).otherwise(pl.col("x")).alias(self.column))
        column = filled.to_series().cast(cells.dtype)
        changed = differs(frame[self.column], column)
        shown = fill.filter(empty).unique()
        how = f"with {self.value!r}" if self.method == "constant" else f"with the {self.method}"
        detail = {"filled_with": shown[0]} if len(shown) == 1 else {"different_values": len(shown)}
        why = f"empty {self.column} filled {how}" + (f" by {self.by}" if self.by else "")
        return Change(frame.with_columns(column), changed=changed, why=why, detail=detail)

    def _fill(self, table: pl.DataFrame) -> pl.Series:
        if self.method == "constant":
            return pl.Series([self.value]).new_from_index(0, table.height)
        known = table.filter("here", pl.col("x").is_not_null())
        whole = self._statistic(known["x"])
        everywhere = whole.new_from_index(0, table.height)
        if self.by is None:
            return everywhere
        groups = {key[0]: self._statistic(group["x"])[0] for key, group in known.group_by("by")}
        dtype = whole.dtype
        found = table["by"].replace_strict(groups, default=None, return_dtype=dtype)
        return found.fill_null(everywhere)

    def _statistic(self, known: pl.Series) -> pl.Series:
        if self.method == "mode":
            return known.mode().sort().head(1) if len(known) else known.clear(1)
        figure = known.mean() if self.method == "mean" else known.median()
        return pl.Series([figure], dtype=pl.Float64)


@dataclass(frozen=True, kw_only=True)
class UnknownItems(Step):
    """Items of which nothing is known but the id: no name, no price, nothing.

    They leave the catalogue with their events. An item that has any other cell filled stays.

    Examples
    --------
    >>> items = pl.DataFrame({"id": ["1", "2"], "title": ["Alien", "2"], "year": [1979, None]})
    >>> UnknownItems().apply(items).reason.to_list()
    [None, 'nothing is known of the item but its id']
    """

    name: ClassVar[str] = "unknown_items"
    table: TableName = "items"

    def apply(self, frame: pl.DataFrame) -> Change:
        """Set aside the items whose title is their id and whose other columns are empty."""
        ids = self.column_of(frame, "id")
        bare = ids == self.column_of(frame, "title")
        for column in frame.columns:
            if column in ("id", "title", ROW):
                continue
            cells = frame[column]
            if isinstance(cells.dtype, pl.List):
                bare &= cells.list.len().fill_null(0) == 0
            elif cells.dtype != pl.Boolean:  # flags of earlier steps tell nothing
                bare &= cells.is_null()
        why = "nothing is known of the item but its id"
        return Change(frame, reasons(bare, why), why=why)
