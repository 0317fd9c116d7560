"""The cleaner: steps in order over a data set or a frame, with a report of all they did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, overload

import numpy as np
import polars as pl

from whyrec.data.catalogue import Catalogue
from whyrec.data.cleaning.duplicates import Duplicates
from whyrec.data.cleaning.invoices import Cancellations, NotGoods
from whyrec.data.cleaning.missing import Missing, UnknownItems
from whyrec.data.cleaning.outliers import Outliers
from whyrec.data.cleaning.ranges import Range, UnsetClock
from whyrec.data.cleaning.report import OF_ITEMS, CleaningReport, StepReport
from whyrec.data.cleaning.scaling import Scale
from whyrec.data.cleaning.step import ROW, Change, Step
from whyrec.data.cleaning.text import NormaliseText, Parse
from whyrec.data.dataset import Dataset
from whyrec.data.readers.frames import as_frame
from whyrec.errors import ConfigError, DataError

STEPS: Mapping[str, type[Step]] = {
    step.name: step
    for step in (
        Missing, UnknownItems, Outliers, Duplicates, NormaliseText, Parse, Scale, Range, UnsetClock, NotGoods, Cancellations
    )
}  # fmt: skip
"""Every step by its name, for configuration."""

NAMED_SHARE = 0.9
"""From this share of events on named items on, an item without a name is a catalogue's gap."""

FAR_OUT = 3.0
"""Tukey's "far out": interquartile ranges beyond the quartiles."""


class Cleaner:
    """Cleaning steps, run in the order given.

    A step never deletes: rows it takes out are in the report's `set_aside`.

    Examples
    --------
    >>> frame = pl.DataFrame({"item": ["a", "a", "b"], "price": [1.0, 1.0, None]})
    >>> cleaner = Cleaner(Duplicates(), Missing(column="price", method="mean"))
    >>> clean, report = cleaner.clean(frame)
    >>> clean["price"].to_list(), report.removed, report.changed
    ([1.0, 1.0], 1, 1)
    """

    def __init__(self, *steps: Step | Iterable[Step]) -> None:
        flat: list[Step] = []
        for step in steps:
            flat += [step] if isinstance(step, Step) else list(step)
        self.steps = tuple(flat)

    def __repr__(self) -> str:
        return f"Cleaner({', '.join(map(repr, self.steps))})"

    @classmethod
    def from_config(cls, config: Iterable[Mapping[str, Any]]) -> Cleaner:
        """The cleaner of a JSON-able list such as `[{"step": "missing", "column": "price"}]`.

        Raises
        ------
        ConfigError
            If a step, option or value does not exist; the message lists those that do.
        """
        return cls(*(_configured(dict(entry)) for entry in config))

    @classmethod
    def default(cls, dataset: Dataset) -> Cleaner:
        """The steps that suit a data set as it was read.

        Nothing legitimate is taken out: unusual quantities are flagged, not removed, and what is
        missing in the catalogue stays missing, because a filled-in price would be told as a fact.
        """
        steps: list[Step] = []
        items, events = dataset.catalogue.table, dataset.events
        invoices = dataset.notes.get("format") == "invoices"
        if invoices:
            steps.append(NotGoods())
        named = (items["title"] != items["id"]).gather(events["item"])
        if named.sum() >= NAMED_SHARE * events.height:
            steps.append(UnknownItems())
        texts = _text_columns(items, "title", "description")
        case = "calm" if dataset.domain == "shop" else "keep"
        steps.append(NormaliseText(table="items", columns=texts, form="NFC", case=case))
        names = _text_columns(items, "category", "brand")
        if names:
            steps.append(NormaliseText(table="items", columns=names, form="NFC", unify=True))
        if "price" in items.columns:
            steps += [
                Range(table="items", column="price", low=0.0, open_low=True, action="empty"),
                Outliers(table="items", column="price", threshold=FAR_OUT, action="flag"),
            ]
        if invoices and "price" in events.columns:
            steps.append(Range(column="price", low=0.0, open_low=True, event="purchase"))
        if events["time"].count():
            steps.append(UnsetClock())
        steps.append(Duplicates())
        if invoices:
            steps.append(Cancellations())
        else:
            if dataset.best_rating is not None:
                low = _lowest(dataset)
                steps.append(
                    Range(column="value", event="rating", low=low, high=dataset.best_rating)
                )
            if events["time"].count():
                same = ("user", "item", "event", "time")
                steps.append(Duplicates(columns=same, keep="last"))
        bought = events.filter(pl.col("event") == "purchase")["value"]
        if bought.count():
            quantity = Outliers(column="value", event="purchase", method="zscore", threshold=6.0)
            steps.append(quantity)
        return cls(*steps)

    @overload
    def clean(self, data: Dataset) -> tuple[Dataset, CleaningReport]: ...

    @overload
    def clean(self, data: Any) -> tuple[pl.DataFrame, CleaningReport]: ...

    def clean(self, data: Any) -> tuple[Any, CleaningReport]:
        """Clean a `Dataset` or a frame (pandas, polars, Arrow); what comes in stays as it is.

        Returns
        -------
        tuple
            The clean data set (people keep their index, items that were set aside leave the
            catalogue; `notes["cleaning"]` holds the report as JSON) or polars frame, and the
            report.
        """
        if isinstance(data, Dataset):
            return _Run(data).clean(self.steps)
        frame = as_frame(data, "frame").with_row_index(ROW)
        reports: list[StepReport] = []
        aside: list[pl.DataFrame] = []
        for step in self.steps:
            change = step.apply(frame)
            reports.append(_report(step, "frame", change, frame))
            rows = _aside(step, "frame", change)
            frame = change.frame
            if rows is not None:
                aside.append(rows)
                frame = _kept(frame, change)
        return frame.drop(ROW), CleaningReport(tuple(reports), _concat(aside))


def _text_columns(items: pl.DataFrame, *names: str) -> tuple[str, ...]:
    """Columns of those names, and their versions by language, that hold any text."""
    return tuple(
        column
        for column in items.columns
        if (column in names or column[:-3] in names)
        and items.schema[column] == pl.String
        and items[column].count()
    )


def _configured(entry: dict[str, Any]) -> Step:
    name = entry.pop("step", None)
    if name not in STEPS:
        raise ConfigError(
            f"no such step: {name!r}", where="cleaning", remedy=f"use one of {', '.join(STEPS)}"
        )
    step = STEPS[name]
    known = [f.name for f in fields(step)]
    for option in entry:
        if option not in known:
            raise ConfigError(
                f"step {name} has no option {option!r}",
                where="cleaning",
                remedy=f"use {', '.join(known)}",
            )
    lists: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    try:
        return step(**lists)
    except TypeError as error:
        raise ConfigError(
            f"step {name}: {error}", where="cleaning", remedy=f"its options are {', '.join(known)}"
        ) from None


def _lowest(dataset: Dataset) -> float:
    """Where the rating scale begins: a 0 among 1 to 5 stars means "not rated"."""
    ratings = dataset.events.filter(pl.col("event") == "rating")["value"]
    best = dataset.best_rating or 0.0
    if (ratings < 0).sum() > len(ratings) // 20:
        return -best
    return 0.5 if best == 5.0 else 0.0


def _kept(frame: pl.DataFrame, change: Change) -> pl.DataFrame:
    return frame if change.reason is None else frame.filter(change.reason.is_null())


def _aside(step: Step, table: str, change: Change) -> pl.DataFrame | None:
    """The rows that a step sets aside, as in `CleaningReport.set_aside`."""
    if change.reason is None or not change.reason.count():
        return None
    return _marked(change.frame, change.reason, step.name, table)


def _marked(frame: pl.DataFrame, reason: pl.Series, step: str, table: str) -> pl.DataFrame:
    return frame.select(
        pl.lit(step).alias("step"),
        reason.alias("reason"),
        pl.lit(table).alias("table"),
        pl.col(ROW).cast(pl.Int64).alias("row"),
        *(c for c in frame.columns if c not in (ROW, "step", "reason", "table", "row")),
    ).filter(pl.col("reason").is_not_null())


def _concat(aside: list[pl.DataFrame]) -> pl.DataFrame:
    if aside:
        return pl.concat(aside, how="diagonal_relaxed")
    names = {"step": pl.String, "reason": pl.String, "table": pl.String, "row": pl.Int64}
    return pl.DataFrame(schema=names)


def _report(
    step: Step, table: str, change: Change, before: pl.DataFrame, ids: pl.Series | None = None
) -> StepReport:
    """`ids`: the id to show for each row; row numbers without it."""
    touched = pl.Series([False]).new_from_index(0, before.height)
    reasons: dict[str, int] = {}
    if change.reason is not None:
        touched |= change.reason.is_not_null()
        counts = change.reason.drop_nulls().value_counts(sort=True)
        reasons = {str(why): int(n) for why, n in counts.rows()}
    changed = 0
    if change.changed is not None:
        touched |= change.changed
        changed = int(change.changed.sum())
    first = touched.arg_true()
    shown = before[ROW].gather(first.head(5)).cast(pl.String)
    if ids is not None:
        shown = ids.gather(first.head(200)).unique(maintain_order=True).head(5)
    return StepReport(
        step=step.name,
        table=table,
        rows_in=before.height,
        changed=changed,
        set_aside=reasons,
        why=change.why,
        params={k: v for k, v in step.params().items() if k != "table"},
        detail=change.detail,
        samples=tuple(shown.to_list()),
    )


class _Run:
    """One pass over a data set: both tables, and what was set aside so far."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.events = dataset.events.with_row_index(ROW)
        self.items = dataset.catalogue.table.with_row_index(ROW)
        self.aside: list[pl.DataFrame] = []

    def clean(self, steps: Iterable[Step]) -> tuple[Dataset, CleaningReport]:
        notes = self.dataset.notes
        reports = [_reading(note, "set_aside") for note in notes.get("set_aside", ())]
        reports += [_reading(note, "changed") for note in notes.get("changed", ())]
        for step in steps:
            run = self._items_step if step.table == "items" else self._events_step
            reports.append(run(step))
        report = CleaningReport(tuple(reports), _concat(self.aside), self.dataset.set_aside)
        return self._dataset(report), report

    def _events_step(self, step: Step) -> StepReport:
        before = self.events
        change = step.apply(before)
        ids = self.dataset.catalogue.table["id"].gather(before["item"])
        report = _report(step, "events", change, before, ids)
        rows = _aside(step, "events", change)
        self.events = change.frame
        if rows is not None:
            self.aside.append(self._with_ids(rows))
            self.events = _kept(change.frame, change)
        return report

    def _items_step(self, step: Step) -> StepReport:
        before = self.items
        change = step.apply(before)
        report = _report(step, "items", change, before, before["id"])
        rows = _aside(step, "items", change)
        self.items = change.frame
        if rows is None:
            return report
        self.aside.append(rows)
        self.items = _kept(change.frame, change)
        gone = np.ones(self.dataset.n_items, bool)
        gone[self.items[ROW].to_numpy()] = False
        lost = pl.Series(gone[self.events["item"].to_numpy()])
        if not lost.any():
            return report
        reason = pl.select(pl.when(lost).then(pl.lit(report.why)).alias("r")).to_series()
        self.aside.append(self._with_ids(_marked(self.events, reason, step.name, "events")))
        self.events = self.events.filter(~lost)
        return replace(report, set_aside={**report.set_aside, OF_ITEMS: int(lost.sum())})

    def _with_ids(self, rows: pl.DataFrame) -> pl.DataFrame:
        users = pl.Series(self.dataset.users, dtype=pl.String)
        return rows.with_columns(
            users.gather(rows["user"]).alias("user"),
            self.dataset.catalogue.table["id"].gather(rows["item"]).alias("item"),
        )

    def _dataset(self, report: CleaningReport) -> Dataset:
        old = self.items[ROW].to_numpy()
        if not self.events.height:
            raise DataError(
                "cleaning left no events",
                where="cleaning",
                remedy="look at the report's set_aside and leave out the step that took them",
            )
        events, reviews = self.events.drop(ROW), self.dataset.reviews
        if len(old) < self.dataset.n_items:
            new = np.zeros(self.dataset.n_items, np.uint32)
            new[old] = np.arange(len(old), dtype=np.uint32)
            events = events.with_columns(pl.Series("item", new[events["item"].to_numpy()]))
            if reviews is not None:
                left = pl.Series(np.isin(reviews["item"].to_numpy(), old))
                reviews = reviews.filter(left)
                reviews = reviews.with_columns(pl.Series("item", new[reviews["item"].to_numpy()]))
                reviews = reviews if reviews.height else None
        items = self.items.drop(ROW)
        if items["title"].null_count():
            items = items.with_columns(pl.col("title").fill_null(pl.col("id")))
        return replace(
            self.dataset,
            events=events,
            catalogue=Catalogue(items),
            reviews=reviews,
            notes={**self.dataset.notes, "cleaning": report.to_json()},
        )


def _reading(note: Mapping[str, Any], kind: str) -> StepReport:
    """A count of the reader as a line of the report."""
    count, reason = int(note["count"]), str(note["reason"])
    return StepReport(
        step="reading",
        table=str(note["file"]),
        rows_in=int(note["rows_in"]),
        changed=count if kind == "changed" else 0,
        set_aside={reason: count} if kind == "set_aside" else {},
        why=reason,
        samples=tuple(f"row {row}" for row in note.get("rows", ())),
    )
