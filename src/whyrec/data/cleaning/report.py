"""What cleaning did: counts, reasons, samples, and the rows set aside, for a table or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from rich.table import Table as RichTable


@dataclass(frozen=True)
class StepReport:
    """What one step did.

    Attributes
    ----------
    step, table
        The step's name (`reading` for what the reader set aside) and the table it worked on.
    rows_in
        Rows before the step.
    changed
        Rows with a changed or added cell.
    set_aside
        Rows set aside, by reason; of items also `events of these items`.
    why
        What was judged, in words.
    params, detail
        The step's settings and the figures it found; JSON-able.
    samples
        Up to five item ids (or row numbers of a frame without items) that were touched. Never user
        ids: a report is shown and logged.
    """

    step: str
    table: str
    rows_in: int
    changed: int = 0
    set_aside: Mapping[str, int] = field(default_factory=dict)
    why: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    samples: tuple[str, ...] = ()

    @property
    def rows_out(self) -> int:
        """Rows after the step."""
        return self.rows_in - sum(n for why, n in self.set_aside.items() if why != OF_ITEMS)

    def to_json(self) -> dict[str, Any]:
        """The step as one JSON object."""
        return {
            "step": self.step,
            "table": self.table,
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "changed": self.changed,
            "set_aside": dict(self.set_aside),
            "why": self.why,
            "params": dict(self.params),
            "detail": dict(self.detail),
            "samples": list(self.samples),
        }


OF_ITEMS = "events of these items"


@dataclass(frozen=True)
class CleaningReport:
    """What a cleaner did, step by step.

    Attributes
    ----------
    steps
        What the reader set aside first, then every step of the cleaner, also those that found
        nothing.
    set_aside
        The rows set aside by the steps: `step`, `reason`, `table`, `row` (index in the frame that
        came in) and the row's cells; `user` and `item` are ids. Empty if none were.
    read_aside
        The rows that the reader set aside, as in `Dataset.set_aside`.
    """

    steps: tuple[StepReport, ...]
    set_aside: pl.DataFrame = field(repr=False)
    read_aside: pl.DataFrame | None = field(default=None, repr=False)

    @property
    def changed(self) -> int:
        """Rows changed, summed over the steps."""
        return sum(step.changed for step in self.steps)

    @property
    def removed(self) -> int:
        """Rows set aside by the steps (reading not counted)."""
        return self.set_aside.height

    def rows(self) -> Iterator[dict[str, Any]]:
        """One line a step and reason: step, table, rows, changed, set_aside, why, samples."""
        for step in self.steps:
            base = {"step": step.step, "table": step.table, "rows": step.rows_in}
            samples = ", ".join(step.samples)
            if step.changed or not step.set_aside:
                yield {
                    **base,
                    "changed": step.changed,
                    "set_aside": 0,
                    "why": step.why,
                    "samples": samples,
                }
            for why, count in step.set_aside.items():
                yield {**base, "changed": 0, "set_aside": count, "why": why, "samples": samples}

    def table(self, title: str = "Cleaning") -> RichTable:
        """The lines of `rows` as a table for the terminal."""
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=title, title_justify="left")
        table.add_column("step")
        table.add_column("table")
        for column in ("rows", "changed", "set aside"):
            table.add_column(column, justify="right")
        table.add_column("what and why", overflow="fold")
        for line in self.rows():
            table.add_row(
                line["step"],
                line["table"],
                f"{line['rows']:,}",
                f"{line['changed']:,}",
                f"{line['set_aside']:,}",
                escape(line["why"]),
            )
        return table

    def to_json(self) -> dict[str, Any]:
        """The report as one JSON object, without the rows themselves."""
        return {
            "changed": self.changed,
            "set_aside": self.removed,
            "steps": [step.to_json() for step in self.steps],
        }
