"""Ids are text: one spelling for an id, whatever type the file gave it."""

from __future__ import annotations

import polars as pl

MISSING = ("", "nan", "null", "none", "na", "n/a", "<na>", "nat", "\\n")
"""Cells that mean "nothing here", compared without case."""

_FLOAT = r"^[+-]?\d+\.0+$"
_INTEGER = r"^[+-]?\d+$"
_SCIENTIFIC = r"^[+-]?\d(\.\d+)?[eE]\+?\d{1,2}$"


def blank_to_null(cells: pl.Series) -> pl.Series:
    """Text cells stripped of outer white space; cells that mean "missing" become null."""
    cells = cells.str.strip_chars()
    missing = (cells.str.len_bytes() <= 4) & cells.str.to_lowercase().is_in(MISSING)
    if not missing.any():
        return cells
    return cells.to_frame("x").select(pl.when(~missing).then("x").alias(cells.name)).to_series()


def as_ids(column: pl.Series) -> pl.Series:
    """A column of ids as text; null where there is none.

    Whole floats lose their `.0` (a column of integers with gaps comes out of many tools as
    floats); in a text column only if every cell is such a number. Leading zeros stay.

    Examples
    --------
    >>> as_ids(pl.Series([13085.0, None, 1e15])).to_list()
    ['13085', None, '1000000000000000']
    >>> as_ids(pl.Series(["007", " a ", "nan"])).to_list()
    ['007', 'a', None]
    >>> as_ids(pl.Series(["13085.0", "12"])).to_list()
    ['13085', '12']
    """
    dtype = column.dtype
    if dtype.is_float():
        column = column.fill_nan(None)
        whole = column.round(0)
        if ((whole == column) & (column.abs() < 2**63)).fill_null(True).all():
            return whole.cast(pl.Int64).cast(pl.String)
        return column.cast(pl.String)
    if dtype in (pl.Categorical, pl.Enum) or dtype == pl.Null:
        column = column.cast(pl.String)
    if column.dtype != pl.String:
        return column.cast(pl.String)
    column = blank_to_null(column)
    sample = column.drop_nulls()
    if not len(sample) or not _numeric(sample.head(1)):
        return column
    if sample.str.contains(_INTEGER).all() or not _numeric(sample):
        return column
    exact = sample.str.contains(_SCIENTIFIC)
    if exact.any() and not (sample.filter(exact).cast(pl.Float64) % 1 == 0).all():
        return column
    return (
        column.to_frame("x")
        .select(
            pl.when(pl.col("x").str.contains(_FLOAT))
            .then(pl.col("x").str.replace(r"\.0+$", ""))
            .when(pl.col("x").str.contains(_SCIENTIFIC))
            .then(pl.col("x").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False))
            .otherwise("x")
            .alias(column.name)
        )
        .to_series()
    )


def _numeric(cells: pl.Series) -> bool:
    pattern = f"({_FLOAT})|({_INTEGER})|({_SCIENTIFIC})"
    return bool(cells.str.contains(pattern).all())


def encode(ids: pl.Series, known: pl.Series) -> pl.Series:
    """Indices (UInt32) of `ids` in the unique text series `known`; null where not in it."""
    table = pl.DataFrame({"id": known, "index": pl.arange(len(known), dtype=pl.UInt32, eager=True)})
    return (
        ids.alias("id").to_frame().join(table, on="id", how="left", maintain_order="left")["index"]
    )
