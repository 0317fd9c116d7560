"""Values that cannot be: off the scale of ratings, a price below zero, a clock never set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import polars as pl

from whyrec.data.cleaning.step import Change, Step, check_choice, reasons
from whyrec.errors import ConfigError, DataError

ACTIONS = ("drop", "empty", "clip")


@dataclass(frozen=True, kw_only=True)
class Range(Step):
    """Numbers outside `low` to `high` (both allowed themselves unless `open_low`).

    Attributes
    ----------
    action
        `drop` sets the row aside, `empty` empties the cell, `clip` moves it to the bound.
    open_low
        Whether `low` itself is outside too (a price of 0).

    Examples
    --------
    >>> frame = pl.DataFrame({"value": [0.0, 3.0, 55.0, None]})
    >>> Range(column="value", low=0.5, high=5).apply(frame).reason.to_list()
    ['value outside 0.5 to 5', None, 'value outside 0.5 to 5', None]
    """

    name: ClassVar[str] = "range"
    column: str
    low: float | None = None
    high: float | None = None
    open_low: bool = False
    action: str = "drop"

    def check(self) -> None:
        """Check the settings."""
        check_choice(self.name, "action", self.action, ACTIONS)
        if self.low is None and self.high is None:
            raise ConfigError(
                "neither low nor high is given", where="cleaning step range", remedy="give one"
            )

    def apply(self, frame: pl.DataFrame) -> Change:
        """Judge the numbers; missing is never outside."""
        cells = self.column_of(frame, self.column, numeric=True)
        outside = pl.Series([False]).new_from_index(0, frame.height)
        if self.low is not None:
            below = cells <= self.low if self.open_low else cells < self.low
            outside |= below.fill_null(False)
        if self.high is not None:
            outside |= (cells > self.high).fill_null(False)
        outside &= self.applies(frame)
        what = "rating" if (self.event, self.column) == ("rating", "value") else self.column
        why = f"{what} {self._bounds()}"
        if self.action == "drop":
            return Change(frame, reasons(outside, why), why=why)
        moved = cells.clip(self.low, self.high) if self.action == "clip" else pl.lit(None)
        fresh = frame.select(
            pl.when(outside).then(moved).otherwise(cells).cast(cells.dtype).alias(self.column)
        )
        did = "moved to the bound" if self.action == "clip" else "emptied"
        return Change(frame.with_columns(fresh.to_series()), changed=outside, why=f"{why}: {did}")

    def _bounds(self) -> str:
        if self.low is not None and self.high is not None:
            return f"outside {self.low:g} to {self.high:g}"
        if self.low is None:
            return f"above {self.high:g}"
        return f"{'not above' if self.open_low else 'below'} {self.low:g}"


NO_TIME = tuple(
    date.fromisoformat(day)
    for day in (
        "0001-01-01", "1899-12-30", "1900-01-01", "1904-01-01", "1970-01-01", "1980-01-01",
        "2000-01-01", "2038-01-19", "9999-12-31",
    )
)  # fmt: skip
"""Days that stand for "no time": the zeros of the clocks of .NET, spreadsheets, Unix, DOS and
others, the end of a 32-bit clock and of four-digit years."""


@dataclass(frozen=True, kw_only=True)
class UnsetClock(Step):
    """Times of clocks that were never set: a day of `NO_TIME`, far from every usual time.

    The cell is emptied and the event stays. Days within `years` of the middle half of the times
    are taken at their word.

    Examples
    --------
    >>> from datetime import datetime
    >>> days = [datetime(2024, 5, d) for d in (1, 2, 3)] + [datetime(1970, 1, 1)]
    >>> UnsetClock().apply(pl.DataFrame({"time": days})).changed.to_list()
    [False, False, False, True]
    """

    name: ClassVar[str] = "unset_clock"
    column: str = "time"
    years: float = 1.0

    def apply(self, frame: pl.DataFrame) -> Change:
        """Empty the times of unset clocks."""
        cells = self.column_of(frame, self.column)
        if not cells.dtype.is_temporal():
            raise DataError(
                f"column {self.column!r} holds {cells.dtype}, not times",
                where=f"cleaning step {self.name}",
                remedy="parse it first (step parse, as_='time')",
            )
        why = f"{self.column} of a clock that was never set: emptied"
        stamps = cells.cast(pl.Datetime("ms")).cast(pl.Int64)
        low, high = stamps.quantile(0.25, "nearest"), stamps.quantile(0.75, "nearest")
        if low is None or high is None:
            return Change(frame, why=why)
        reach = self.years * 365 * 86_400_000
        far = (stamps < low - reach) | (stamps > high + reach)
        unset = (far & cells.cast(pl.Date).is_in(NO_TIME) & self.applies(frame)).fill_null(False)
        fresh = pl.select(pl.when(~unset).then(cells).alias(self.column)).to_series()
        return Change(frame.with_columns(fresh), changed=unset, why=why)
