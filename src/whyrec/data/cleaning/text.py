"""Names and formats: one spelling for text, numbers and times out of what was typed."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import polars as pl

from whyrec.data.cleaning.step import Change, Step, check_choice, differs, reasons
from whyrec.data.ids import as_ids, blank_to_null
from whyrec.data.readers.cells import numbers, times
from whyrec.data.readers.tables import Table
from whyrec.data.titles import clean_text, goods_title
from whyrec.errors import DataError

FORMS = ("NFC", "NFKC")
CASES = ("keep", "lower", "upper", "title", "calm")
KINDS = ("number", "time", "id")
_TIDY = re.compile(r"[!-%'-;=-~]+(?: [!-%'-;=-~]+)*")  # ASCII without & and <, single spaces
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|<!--.*?-->")


@dataclass(frozen=True, kw_only=True)
class NormaliseText(Step):
    """Text without control characters, HTML entities, tags and stray white space, in one form.

    Attributes
    ----------
    columns
        Text columns; lists of text are normalised element by element.
    form
        Unicode form: `NFC` keeps full-width and superscript signs, `NFKC` folds them.
    case
        `keep`, `lower`, `upper`, `title`, or `calm`: names of several words printed in capitals in
        title case, others as they are.
    unify
        Spellings that differ only in case become the most frequent one (`home`, `Home` → `Home`).

    Examples
    --------
    >>> frame = pl.DataFrame({"title": ["  Tea&nbsp;&amp; cake ", "<b>Ｔea</b>"]})
    >>> NormaliseText(columns=("title",), table="items").apply(frame).frame["title"].to_list()
    ['Tea & cake', 'Tea']
    """

    name: ClassVar[str] = "normalise_text"
    columns: tuple[str, ...]
    form: str = "NFKC"
    case: str = "keep"
    unify: bool = False

    def check(self) -> None:
        """Check the settings."""
        check_choice(self.name, "form", self.form, FORMS)
        check_choice(self.name, "case", self.case, CASES)

    def apply(self, frame: pl.DataFrame) -> Change:
        """Normalise the columns; what has no text afterwards becomes empty."""
        here = self.applies(frame)
        changed = pl.Series([False]).new_from_index(0, frame.height)
        detail = {}
        for column in self.columns:
            cells = self.column_of(frame, column)
            if cells.dtype == pl.List(pl.String):
                fresh = self._lists(cells)
            elif cells.dtype == pl.String:
                fresh = self._texts(cells)
            else:
                raise DataError(
                    f"column {column!r} holds {cells.dtype}, not text",
                    where=f"cleaning step {self.name}",
                    remedy="name a column of text",
                )
            fresh = frame.select(pl.when(here).then(fresh).otherwise(cells).alias(column))[column]
            other = differs(cells, fresh)
            detail[column] = int(other.sum())
            changed |= other
            frame = frame.with_columns(fresh)
        why = f"{', '.join(self.columns)}: spelling, white space, entities, control characters"
        return Change(frame, changed=changed, why=why, detail=detail)

    def _texts(self, cells: pl.Series) -> pl.Series:
        spellings = cells.drop_nulls().unique().to_list()
        fresh = {text: self._one(text) for text in spellings}
        if self.unify:
            counts = cells.drop_nulls().value_counts().rows()
            fresh = _unified(fresh, dict(counts))
        return cells.replace_strict(fresh, default=None, return_dtype=pl.String)

    def _lists(self, cells: pl.Series) -> pl.Series:
        rows = cells.to_list()
        flat = pl.Series([x for row in rows for x in row or ()], dtype=pl.String)
        fresh = dict(zip(flat.to_list(), self._texts(flat).to_list(), strict=True))
        kept = [
            None if row is None else list(dict.fromkeys(fresh[x] for x in row if fresh.get(x)))
            for row in rows
        ]
        return pl.Series(kept, dtype=pl.List(pl.String))

    def _one(self, text: str) -> str | None:
        if not _TIDY.fullmatch(text):
            text = self._tidied(text)
        if self.case == "calm":
            text = goods_title(text) if " " in text else text
        elif self.case != "keep":
            text = getattr(text, self.case)()
        return text or None

    def _tidied(self, text: str) -> str:
        # `&amp;lt;b&amp;gt;` was escaped more than once; unescaping until it rests keeps the step
        # idempotent.
        for _ in range(5):
            plain = html.unescape(_MARKUP.sub(" ", text))
            if plain == text:
                break
            text = plain
        text = clean_text(unicodedata.normalize(cast(Literal["NFC", "NFKC"], self.form), text))
        return clean_text(_MARKUP.sub(" ", text))


def _unified(fresh: dict[str, str | None], counts: dict[str, int]) -> dict[str, str | None]:
    groups: dict[str, Counter[str]] = {}
    for raw, text in fresh.items():
        if text is not None:
            groups.setdefault(text.casefold(), Counter())[text] += counts.get(raw, 0)
    best = {
        folded: min(spellings, key=lambda s: (-spellings[s], s))
        for folded, spellings in groups.items()
    }
    return {raw: text if text is None else best[text.casefold()] for raw, text in fresh.items()}


@dataclass(frozen=True, kw_only=True)
class Parse(Step):
    """A text column read as numbers, times or ids; rows whose cell cannot be read are set aside.

    Attributes
    ----------
    as_
        `number` (`£1,299.00` → 1299), `time` (as the readers take it) or `id` (`13085.0` → 13085).
    """

    name: ClassVar[str] = "parse"
    column: str
    as_: str = "number"

    def check(self) -> None:
        """Check the settings."""
        check_choice(self.name, "as_", self.as_, KINDS)

    def apply(self, frame: pl.DataFrame) -> Change:
        """Read the column; empty cells stay empty."""
        cells = self.column_of(frame, self.column)
        if self.as_ == "id":
            ids = as_ids(cells).alias(self.column)
            changed = differs(cells.cast(pl.String), ids)
            return Change(frame.with_columns(ids), changed=changed, why=f"{self.column} as ids")
        known = blank_to_null(cells.cast(pl.String)) if cells.dtype == pl.String else cells
        bad: list[int] = []
        while True:
            try:
                found = self._read(known)
                break
            except DataError:
                # Strict reading stops at the first bad cell; text is then judged cell by cell.
                bad = [k for k, cell in enumerate(known.to_list()) if not self._readable(cell)]
                blank = pl.Series([False]).new_from_index(0, len(known)).scatter(bad, True)
                known = pl.select(pl.when(~blank).then(known)).to_series()
        mask = pl.Series([False]).new_from_index(0, frame.height)
        if bad:
            mask = mask.scatter(bad, True)
        why = f"{self.column} is not a {self.as_}"
        return Change(
            frame.with_columns(found.alias(self.column)),
            reasons(mask, why),
            why=f"{self.column} as {self.as_}",
        )

    def _read(self, cells: pl.Series) -> pl.Series:
        table = Table(self.table, cells.alias(self.column).to_frame(), first_row=0)
        if self.as_ == "time":
            read = times(table, self.column)
            if read.broken.any():
                raise DataError("some cells are no time", where=self.column)
            return read.values
        return (
            numbers(table, self.column)
            if self.as_ == "number"
            else times(table, self.column).values
        )

    def _readable(self, cell: object) -> bool:
        if cell is None:
            return True
        try:
            self._read(pl.Series([cell]))
        except DataError:
            return False
        return True
