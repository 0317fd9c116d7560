"""Outliers by Z-score, interquartile range or isolation forest: set aside, clipped or flagged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from whyrec.data.cleaning.step import Change, Step, check_choice, differs, reasons
from whyrec.errors import ConfigError

METHODS = ("zscore", "iqr", "isolation_forest")
ACTIONS = ("drop", "clip", "flag")


@dataclass(frozen=True, kw_only=True)
class Outliers(Step):
    """Values of a numeric column that lie far from the others.

    Attributes
    ----------
    method
        `zscore`: farther from the mean than `threshold` standard deviations (of the population);
        `iqr`: farther outside the quartiles than `threshold` times their distance (Tukey 1977);
        `isolation_forest`: what random splits isolate early (Liu, Ting & Zhou 2008;
        scikit-learn's `IsolationForest`, `threshold` is its `contamination`, by default `auto`).
    action
        `drop` sets the row aside, `clip` moves the value to the nearest bound (with an isolation
        forest the nearest inlier), `flag` marks it in the column `<column>_outlier`.
    threshold
        Defaults to 3 (zscore), 1.5 (iqr) or `auto` (isolation forest).
    with_
        Further numeric columns that an isolation forest looks at together with `column`.
    seed
        Of the isolation forest.

    Examples
    --------
    >>> frame = pl.DataFrame({"value": [1.0, 2.0, 3.0, 4.0, 100.0]})
    >>> step = Outliers(column="value", method="iqr", action="clip")
    >>> step.apply(frame).frame["value"].to_list()
    [1.0, 2.0, 3.0, 4.0, 7.0]
    """

    name: ClassVar[str] = "outliers"
    column: str
    method: str = "iqr"
    action: str = "flag"
    threshold: float | None = None
    with_: tuple[str, ...] = ()
    seed: int = 0

    def check(self) -> None:
        """Check the settings."""
        check_choice(self.name, "method", self.method, METHODS)
        check_choice(self.name, "action", self.action, ACTIONS)
        if self.threshold is not None and not self.threshold > 0:
            raise ConfigError(
                f"threshold {self.threshold} is not above 0",
                where=f"cleaning step {self.name}",
                remedy="give a positive number",
            )
        if self.method == "isolation_forest" and self.threshold and self.threshold > 0.5:
            raise ConfigError(
                f"threshold {self.threshold} is more than half of the rows",
                where=f"cleaning step {self.name}",
                remedy="give the share of outliers, at most 0.5",
            )
        if self.with_ and self.method != "isolation_forest":
            raise ConfigError(
                f"{self.method} looks at one column",
                where=f"cleaning step {self.name}",
                remedy="use isolation_forest for several",
            )

    def apply(self, frame: pl.DataFrame) -> Change:
        """Find the outliers and act on them; missing values are never outliers."""
        cells = self.column_of(frame, self.column, numeric=True)
        values = cells.cast(pl.Float64).fill_nan(None)
        judged = self.applies(frame) & values.is_not_null()
        for other in self.with_:
            judged &= self.column_of(frame, other, numeric=True).is_not_null()
        known = values.filter(judged).to_numpy()
        if len(known) < 2:
            return Change(frame, why="too few values to judge")
        if self.method == "isolation_forest":
            inside = self._isolate(frame.filter(judged), known)
            kept = known[inside]
            low, high = (kept.min(), kept.max()) if len(kept) else (known.min(), known.max())
            out = np.zeros(frame.height, bool)
            out[np.flatnonzero(judged.to_numpy())[~inside]] = True
            outside = pl.Series(out)
        else:
            low, high = self._bounds(known)
            outside = judged & ((values < low) | (values > high)).fill_null(False)
        return self._act(frame, cells, outside, float(low), float(high))

    def _bounds(self, known: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
        if self.method == "zscore":
            reach = (self.threshold or 3.0) * known.std()
            return float(known.mean() - reach), float(known.mean() + reach)
        low, high = np.quantile(known, [0.25, 0.75])
        reach = (self.threshold or 1.5) * (high - low)
        return float(low - reach), float(high + reach)

    def _isolate(
        self, rows: pl.DataFrame, known: np.ndarray[tuple[int], np.dtype[np.float64]]
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        from sklearn.ensemble import IsolationForest

        columns = [known, *(rows[c].cast(pl.Float64).to_numpy() for c in self.with_)]
        forest = IsolationForest(contamination=self.threshold or "auto", random_state=self.seed)
        inside: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
            forest.fit_predict(np.column_stack(columns)) > 0
        )
        return inside

    def _act(
        self, frame: pl.DataFrame, cells: pl.Series, outside: pl.Series, low: float, high: float
    ) -> Change:
        how = {"zscore": "Z-score", "iqr": "interquartile range"}.get(
            self.method, "isolation forest"
        )
        shown = f"{self.column} outside {low:.4g} to {high:.4g} ({how})"
        if self.method == "isolation_forest":
            shown = f"{self.column} is rare among the others ({how})"
        detail = {"low": low, "high": high}
        if self.action == "drop":
            return Change(frame, reasons(outside, shown), why=shown, detail=detail)
        if self.action == "flag":
            flag = f"{self.column}_outlier"
            marked = frame.with_columns(outside.alias(flag))
            return Change(marked, changed=outside, why=f"{shown}: flagged in {flag}", detail=detail)
        bounded = cells.cast(pl.Float64).clip(low, high)
        if cells.dtype.is_integer():
            inner = cells.cast(pl.Float64).clip(np.ceil(low), np.floor(high))
            bounded = inner.cast(cells.dtype)
        clipped = frame.select(
            pl.when(outside).then(bounded).otherwise(cells).alias(self.column)
        ).to_series()
        return Change(
            frame.with_columns(clipped),
            changed=differs(cells, clipped),
            why=f"{shown}: moved to the bound",
            detail=detail,
        )
