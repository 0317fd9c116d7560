"""Duplicates: the same row again, or the same user, item and time again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from whyrec.data.cleaning.step import ROW, Change, Step, check_choice, reasons
from whyrec.errors import ConfigError

KEEP = ("first", "last")


@dataclass(frozen=True, kw_only=True)
class Duplicates(Step):
    """Rows that repeat an earlier one.

    Attributes
    ----------
    columns
        What makes two rows the same; empty for every column (exact duplicates). Rows in which one
        of the named columns is empty are never duplicates.
    keep
        Which of them stays, `first` or `last`.

    Examples
    --------
    >>> frame = pl.DataFrame({"user": ["a", "a", "b"], "item": ["x", "x", "x"]})
    >>> Duplicates().apply(frame).reason.to_list()
    [None, 'the same row again', None]
    """

    name: ClassVar[str] = "duplicates"
    columns: tuple[str, ...] = ()
    keep: str = "first"

    def check(self) -> None:
        """Check the settings."""
        check_choice(self.name, "keep", self.keep, KEEP)
        if isinstance(self.columns, str):
            raise ConfigError(
                "columns is one text", where="cleaning step duplicates", remedy="give a list"
            )

    def apply(self, frame: pl.DataFrame) -> Change:
        """Set aside all but one of each set of equal rows."""
        for column in self.columns:
            self.column_of(frame, column)
        names = list(self.columns) or [c for c in frame.columns if c != ROW]
        judged = self.applies(frame)
        if self.columns:
            judged &= frame.select(pl.all_horizontal(pl.col(names).is_not_null())).to_series()
        key = pl.struct(names)
        unique = key.is_first_distinct() if self.keep == "first" else key.is_last_distinct()
        table = frame.lazy().filter(judged).with_row_index("_n").filter(~unique).select("_n")
        again = table.collect()["_n"]
        if not len(again):
            return Change(frame, why=self._why())
        positions = judged.arg_true().gather(again)
        mask = pl.Series([False]).new_from_index(0, frame.height).scatter(positions, True)
        return Change(frame, reasons(mask, self._why()), why=self._why())

    def _why(self) -> str:
        if not self.columns:
            return "the same row again"
        return f"the same {', '.join(self.columns)} again: the {self.keep} is kept"
