"""Frames of other libraries as polars frames, without needing those libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from whyrec.errors import DataError


def as_frame(data: Any, name: str) -> pl.DataFrame:
    """A pandas, polars or Arrow table, or a mapping or list of rows, as a polars frame.

    pandas goes through NumPy, column by column, so that pyarrow is not needed.

    Raises
    ------
    DataError
        If it is none of these.
    """
    if isinstance(data, pl.DataFrame):
        return data
    if isinstance(data, pl.LazyFrame):
        return data.collect()
    module = type(data).__module__.split(".")[0]
    if module == "pandas":
        return pl.DataFrame([_pandas_column(str(c), data[c]) for c in data.columns])
    if hasattr(data, "__arrow_c_stream__"):
        return pl.DataFrame(data)
    if isinstance(data, dict | list):
        try:
            return pl.DataFrame(data)
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise DataError(f"not a table: {error}", where=name, remedy="give a frame") from None
    raise DataError(
        f"cannot read a {type(data).__name__}",
        where=name,
        remedy="give a pandas, polars or Arrow table",
    )


def _pandas_column(name: str, column: Any) -> pl.Series:
    kind = column.dtype.kind if hasattr(column.dtype, "kind") else "O"
    if isinstance(column.dtype, np.dtype) and kind in "iufb":
        return pl.Series(name, column.to_numpy())
    if isinstance(column.dtype, np.dtype) and kind == "M":
        return pl.Series(name, column.to_numpy().astype("datetime64[ms]"))
    if kind == "M":  # with a time zone
        return pl.Series(
            name,
            column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[ms]"),
        )
    missing = column.isna().to_numpy()
    cells = [None if gone else cell for cell, gone in zip(column.tolist(), missing, strict=True)]
    try:
        return pl.Series(name, cells)
    except (TypeError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if c is None else str(c) for c in cells], pl.String)
