"""Scaling: min–max, Z-score and robust; for ratings by user as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from whyrec.data.cleaning.step import Change, Step, check_choice

METHODS = ("minmax", "zscore", "robust")


@dataclass(frozen=True, kw_only=True)
class Scale(Step):
    """A numeric column on a common scale, written beside the column so that the original stays.

    Attributes
    ----------
    method
        `minmax`: to 0…1; `zscore`: mean 0 and standard deviation 1 (of the population); `robust`:
        median 0 and interquartile range 1. A constant column becomes 0 everywhere.
    by
        Scale within groups of equal `by`; with `user` and `event="rating"` it takes out that some
        people rate high and some low.
    into
        Name of the new column, by default `<column>_scaled`.

    Examples
    --------
    >>> frame = pl.DataFrame({"value": [1.0, 2.0, 5.0]})
    >>> Scale(column="value").apply(frame).frame["value_scaled"].to_list()
    [0.0, 0.25, 1.0]
    """

    name: ClassVar[str] = "scale"
    column: str
    method: str = "minmax"
    by: str | None = None
    into: str | None = None

    def check(self) -> None:
        """Check the settings."""
        check_choice(self.name, "method", self.method, METHODS)

    def apply(self, frame: pl.DataFrame) -> Change:
        """Add the scaled column; missing stays missing."""
        self.column_of(frame, self.column, numeric=True)
        if self.by is not None:
            self.column_of(frame, self.by)
        into = self.into or f"{self.column}_scaled"
        x = pl.when("_here").then(pl.col(self.column).cast(pl.Float64).fill_nan(None))
        if self.method == "minmax":
            centre, width = x.min(), x.max() - x.min()
        elif self.method == "zscore":
            centre, width = x.mean(), x.std(ddof=0)
        else:
            quartiles = [x.quantile(q, interpolation="linear") for q in (0.25, 0.75)]
            centre, width = x.median(), quartiles[1] - quartiles[0]
        if self.by is not None:
            centre, width = centre.over(self.by), width.over(self.by)
        scaled = pl.when(width > 0).then((x - centre) / width).otherwise(x * 0.0)
        marked = frame.with_columns(self.applies(frame).alias("_here"))
        result = marked.with_columns(scaled.alias(into)).drop("_here")
        detail = {}
        if self.by is None:
            names = {"minmax": ("min", "range"), "zscore": ("mean", "std")}
            figures = marked.select(centre.alias("c"), width.alias("w")).row(0)
            detail = dict(zip(names.get(self.method, ("median", "iqr")), figures, strict=True))
        why = (
            f"{self.column} scaled ({self.method}{f' by {self.by}' if self.by else ''}) into {into}"
        )
        return Change(result, changed=result[into].is_not_null(), why=why, detail=detail)
