"""What a cleaning step is: a small declaration that says which rows it changes or sets aside."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

import polars as pl

from whyrec.errors import ConfigError, DataError

TableName = Literal["events", "items"]
ROW = "_row"
"""The column by which a cleaner follows rows; steps leave it alone."""


@dataclass(frozen=True)
class Change:
    """What a step did to a frame of n rows.

    Attributes
    ----------
    frame
        The same n rows, cells changed, perhaps a column more.
    reason
        Why each row is set aside, null where it stays; None if none is.
    changed
        Which rows have a changed cell; None if none has.
    why
        One clause for the report, such as `outside 0.5 to 5`.
    detail
        JSON-able figures behind it: bounds, means, counts.
    """

    frame: pl.DataFrame
    reason: pl.Series | None = None
    changed: pl.Series | None = None
    why: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A cleaning step for one table.

    Attributes
    ----------
    table
        `events` or `items`; with a frame of one's own it does not matter.
    event
        Only rows of this event type, None for all; `value` holds ratings and quantities, which
        must not be judged together.
    """

    name: ClassVar[str]
    table: TableName = "events"
    event: str | None = None

    def __post_init__(self) -> None:
        check_choice(self.name, "table", self.table, ("events", "items"))
        self.check()

    def check(self) -> None:
        """Raise a `ConfigError` if the settings do not fit together."""

    def apply(self, frame: pl.DataFrame) -> Change:
        """What the step would do to the frame; the frame itself is not touched."""
        raise NotImplementedError

    def params(self) -> dict[str, Any]:
        """The step's settings that differ from their defaults, JSON-able."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if getattr(self, f.name) != f.default
        }

    def applies(self, frame: pl.DataFrame) -> pl.Series:
        """The rows that the step may judge, bool [n]."""
        if self.event is None or "event" not in frame.columns:
            return pl.Series([True], dtype=pl.Boolean).new_from_index(0, frame.height)
        return (frame["event"] == self.event).fill_null(False)

    def column_of(self, frame: pl.DataFrame, column: str, *, numeric: bool = False) -> pl.Series:
        """That column of the frame; a `DataError` if it is missing or text where numbers are due."""
        if column not in frame.columns:
            known = ", ".join(c for c in frame.columns if c != ROW)
            raise DataError(
                f"no column {column!r} in {self.table}",
                where=f"cleaning step {self.name}",
                remedy=f"name one of {known}",
            )
        cells = frame[column]
        if numeric and not cells.dtype.is_numeric():
            raise DataError(
                f"column {column!r} holds {cells.dtype}, not numbers",
                where=f"cleaning step {self.name}",
                remedy="name a column of numbers, or parse it first (step parse)",
            )
        return cells


def check_choice(step: str, option: str, value: str, allowed: Collection[str]) -> None:
    """Raise a `ConfigError` if `value` is not allowed."""
    if value not in allowed:
        raise ConfigError(
            f"no such {option}: {value!r}",
            where=f"cleaning step {step}",
            remedy=f"use one of {', '.join(allowed)}",
        )


def reasons(mask: pl.Series, reason: str) -> pl.Series | None:
    """The reason in every row of the mask, None if it holds nowhere."""
    if not mask.any():
        return None
    return pl.select(pl.when(mask).then(pl.lit(reason)).alias("reason")).to_series()


def differs(before: pl.Series, after: pl.Series) -> pl.Series:
    """Where two columns differ, a null being equal to a null."""
    return before.ne_missing(after)
