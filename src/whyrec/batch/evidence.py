"""Evidence of many users as a Parquet table, a row a recommendation, streamed in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from whyrec.data.files import atomic_file
from whyrec.errors import ConfigError
from whyrec.evidence.blocks import attributed
from whyrec.evidence.reasons import EVENT_NAMES

if TYPE_CHECKING:
    import polars as pl

    from whyrec.evidence.attributed import Attributed
    from whyrec.evidence.engine import EvidenceEngine
    from whyrec.evidence.person import Person
    from whyrec.recommend.base import Floats, Ints

PART = 100_000
"""Reasons gathered before they are written out."""


@dataclass
class EvidenceSummary:
    """What a table of evidence came to.

    Attributes
    ----------
    users, pairs
        How many.
    contributions
        How many were computed, those that the table sums up included.
    worst_residual
        The largest |sum of the parts - score| / max(|score|, the largest |contribution|).
    """

    users: int = 0
    pairs: int = 0
    contributions: int = 0
    worst_residual: float = 0.0


def write_evidence(
    engine: EvidenceEngine,
    users: Sequence[str],
    out: str | Path,
    *,
    n: int = 10,
    keep: int | None = 20,
    progress: Callable[[int], None] | None = None,
) -> EvidenceSummary:
    """Write the evidence of everybody's list to a Parquet file, whole or not at all.

    Columns: `user`, `item`, `rank`, `score`, `baseline`, `exact`, `residual`, `method`, `calls`,
    `error`, and `reasons`, a list of structs (`kind`, `item`, `event`, `value`, `contribution`,
    `error`, `negative`, `count`): the `keep` largest, and the others as one of kind `rest`. They and the
    baseline add up to the score, within the residual.

    Parameters
    ----------
    engine
        Of the bundle to explain.
    users
        Ids, in the order of the table.
    out
        `….parquet`.
    n
        Items a user.
    keep
        Reasons told one by one; None for all.
    progress
        Called with the number of users done since the last call.

    Raises
    ------
    ConfigError
        If the file's ending is another, or n or `keep` is below 1.
    UnknownUserError
        If the data do not hold an id; nothing is left at `out` then.
    """
    import polars as pl

    if Path(out).suffix != ".parquet":
        raise ConfigError("is not a .parquet file", where=str(out), remedy="name one that is")
    for value, where in ((n, "n"), (keep, "reasons")):
        if value is not None and value < 1:
            raise ConfigError(f"{value} is not 1 or more", where=where, remedy="for example 10")
    summary = EvidenceSummary()
    with (
        atomic_file(out) as place,
        tempfile.TemporaryDirectory(prefix=".whyrec-", dir=place.parent) as folder,
    ):
        parts: list[Path] = []
        for table in _tables(engine, users, n, keep, summary, progress):
            parts.append(Path(folder) / f"{len(parts):06d}.parquet")
            table.write_parquet(parts[-1])
        if parts:
            pl.scan_parquet(parts).sink_parquet(place, maintain_order=True, row_group_size=4_000)
        else:
            _Rows(engine, keep).table().write_parquet(place)
    return summary


def _tables(
    engine: EvidenceEngine,
    users: Sequence[str],
    n: int,
    keep: int | None,
    summary: EvidenceSummary,
    progress: Callable[[int], None] | None,
) -> Iterator[pl.DataFrame]:
    rows = _Rows(engine, keep)
    since = 0
    for person, top, found in attributed(engine, users, n):
        rows.add(person, top, found, summary)
        since += 1
        if rows.reasons >= PART:
            yield rows.table()
            rows = _Rows(engine, keep)
            if progress is not None:
                progress(since)
            since = 0
    if rows.pairs:
        yield rows.table()
    if progress is not None:
        progress(since)


class _Rows:
    """Rows of the table while they are gathered, as flat arrays."""

    def __init__(self, engine: EvidenceEngine, keep: int | None) -> None:
        self._engine = engine
        self._keep = keep
        self._flat: list[tuple[Any, ...]] = []
        self._pairs: list[tuple[Any, ...]] = []
        self.reasons = 0
        self.pairs = 0

    def add(
        self, person: Person, top: Ints, found: Attributed | None, summary: EvidenceSummary
    ) -> None:
        """A person's list."""
        k = len(top)
        scores = person.open[top]
        ruled, rules = person.ruled(top)
        baseline: Floats = scores - ruled
        total: Floats = np.zeros(k)
        largest: Floats = np.zeros(k)
        if found is None:
            method, calls, errors = "exact", 0, None
        else:
            baseline, total = found.baseline, found.parts.sum(1)
            largest = np.abs(found.parts).max(1)
            method, calls, errors = found.method, found.calls, found.errors
        residual = scores - (total + baseline + ruled)
        size = np.maximum(np.maximum(np.abs(scores), largest), 1e-9)
        exact = (np.abs(residual) <= 1e-5 * size) & (method == "exact")
        error = np.full(k, np.nan) if errors is None else errors.max(1)
        self._pairs.append(
            (person.id, top, scores, baseline, exact, residual, method, calls, error, rules)
        )
        if found is not None:
            self._add_parts(person, found, k)
            summary.contributions += found.parts.size
        self.pairs += k
        summary.users += 1
        summary.pairs += k
        summary.worst_residual = max(
            summary.worst_residual, float((np.abs(residual) / size).max(initial=0.0))
        )

    def _add_parts(self, person: Person, found: Attributed, k: int) -> None:
        parts, past = found.parts, person.past
        h = parts.shape[1]
        whole = self._keep is None or h <= self._keep + 1
        m = h if whole else int(self._keep or h)
        order = np.argsort(-parts, axis=1, kind="stable")[:, :m]
        shown = np.take_along_axis(parts, order, 1)
        at = order.ravel()
        nothing = np.full(k * m, np.nan)
        errors = nothing if found.errors is None else np.take_along_axis(found.errors, order, 1)
        pair = np.repeat(np.arange(self.pairs, self.pairs + k), m)
        low = np.zeros(k * m, np.bool_) if past.negative is None else past.negative[at]
        items, events = past.history.items[at], past.events[at]
        count = np.zeros(k * m, np.int64)
        values = past.values[at]
        self._flat.append(
            (pair, items, events, values, shown.ravel(), np.ravel(errors), low, count)
        )
        if not whole:
            rest = parts.sum(1) - shown.sum(1)
            none, one = np.full(k, np.nan), np.full(k, -1)
            self._flat.append(
                (np.arange(self.pairs, self.pairs + k), one, one, none, rest, none,
                 np.zeros(k, np.bool_), np.full(k, h - m))
            )  # fmt: skip
        self.reasons += k * (m + 1)

    def table(self) -> pl.DataFrame:
        """The rows as a table."""
        import polars as pl

        schema = {
            "kind": pl.String(), "item": pl.String(), "event": pl.String(), "value": pl.Float64(),
            "contribution": pl.Float64(), "error": pl.Float64(), "negative": pl.Boolean(),
            "count": pl.Int64(),
        }  # fmt: skip
        reasons = pl.concat([self._events(schema), self._rules(schema)]).sort(
            "pair", maintain_order=True
        )
        gathered = reasons.group_by("pair", maintain_order=True).agg(
            pl.struct(*schema).alias("reasons")
        )
        nobody: list[Any] = []
        return (
            self._heads()
            .join(gathered, on="pair", how="left", maintain_order="left")
            .with_columns(pl.col("reasons").fill_null(pl.lit(nobody, pl.List(pl.Struct(schema)))))
            .drop("pair")
        )

    def _heads(self) -> pl.DataFrame:
        import polars as pl

        ids = pl.Series("item", self._engine.bundle.dataset.catalogue.ids, pl.String)
        p = self._pairs
        counts = [len(one[1]) for one in p]
        users = pl.Series("user", [one[0] for one in p], pl.String)
        which = pl.Series(np.repeat(np.arange(len(p), dtype=np.uint32), counts))

        def joined(k: int, dtype: Any) -> Any:
            return np.concatenate([one[k] for one in p] or [np.empty(0)]).astype(dtype)

        return pl.DataFrame(
            {
                "pair": np.arange(self.pairs),
                "user": users.gather(which),
                "item": ids.gather(pl.Series(joined(1, np.uint32))),
                "rank": [k for c in counts for k in range(1, c + 1)],
                "score": joined(2, np.float64),
                "baseline": joined(3, np.float64),
                "exact": joined(4, np.bool_),
                "residual": joined(5, np.float64),
                "method": pl.Series([one[6] for one in p], dtype=pl.String).gather(which),
                "calls": pl.Series([one[7] for one in p], dtype=pl.Int64).gather(which),
                "error": joined(8, np.float64),
            }
        ).with_columns(pl.col("rank").cast(pl.Int64), pl.col("error").fill_nan(None))

    def _events(self, schema: Any) -> pl.DataFrame:
        import polars as pl

        ids = pl.Series(self._engine.bundle.dataset.catalogue.ids, dtype=pl.String)
        names = pl.Series(EVENT_NAMES, dtype=pl.String)
        columns = [np.concatenate(c) for c in zip(*self._flat, strict=True)] or [np.empty(0)] * 8
        pair, items, events, values, worth, errors, low, count = columns
        rest = pl.Series(count > 0)
        none = pl.lit(None)

        def named(of: pl.Series, index: Any) -> pl.Series:
            return of.gather(pl.Series(np.maximum(index, 0).astype(np.uint32)))

        table = pl.DataFrame(
            {
                "pair": pair.astype(np.int64),
                "item": named(ids, items),
                "event": named(names, events),
                "value": values,
                "contribution": worth,
                "error": errors,
                "negative": low.astype(np.bool_),
                "count": count.astype(np.int64),
                "rest": rest,
            }
        )
        return table.select(
            "pair",
            pl.when("rest").then(pl.lit("rest")).otherwise(pl.lit("history")).alias("kind"),
            pl.when("rest").then(none).otherwise("item").alias("item"),
            pl.when("rest").then(none).otherwise("event").alias("event"),
            pl.col("value").fill_nan(None),
            "contribution",
            pl.col("error").fill_nan(None),
            "negative",
            pl.when("rest").then("count").otherwise(none).alias("count"),
        ).cast(schema)

    def _rules(self, schema: Any) -> pl.DataFrame:
        """What rules added, after the other reasons of each pair."""
        import polars as pl

        rows = []
        pair = 0
        for one in self._pairs:
            for own in one[9]:
                rows += [
                    (pair, "rule", r.title, None, None, r.contribution, None, False, None)
                    for r in own
                ]
                pair += 1
        return pl.DataFrame(rows, schema={"pair": pl.Int64(), **schema}, orient="row")
