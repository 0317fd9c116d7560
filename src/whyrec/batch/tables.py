"""Explanations as a Parquet table: one row a text, what is flat flat, what is nested nested."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whyrec.data.files import atomic_file
from whyrec.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl


FORMATS = (".parquet", ".jsonl")
"""Endings of the files that explanations are written to."""


def check_format(out: str | Path) -> None:
    """Whether the file's ending names a format.

    Raises
    ------
    ConfigError
        If it does not.
    """
    if Path(out).suffix not in FORMATS:
        raise ConfigError(
            "its ending names no format",
            where=str(out),
            remedy=f"name a file that ends in {' or '.join(FORMATS)}",
        )


def _json_schema() -> dict[str, pl.DataType]:
    """The columns of one line of `explain --json`, as polars types."""
    import polars as pl

    text, real, whole, flag = pl.String(), pl.Float64(), pl.Int64(), pl.Boolean()
    texts = pl.List(text)
    claim = {"id": text, "kind": text, "items": texts, "event": text, "field": text, "value": text,
             "count": whole, "mean": real, "best": real, "share": real}  # fmt: skip
    reason = {"kind": text, "item": text, "title": text, "event": text, "value": real,
              "contribution": real, "count": whole, "error": real, "negative": flag}  # fmt: skip
    evidence = {"exact": flag, "residual": real, "method": text, "calls": whole, "error": real,
                "reasons": pl.List(pl.Struct(reason))}  # fmt: skip
    counterfactual = {"question": text, "items": texts, "new_rank": whole, "proved": flag}
    return {
        "user": text,
        "item": text,
        "title": text,
        "rank": whole,
        "score": real,
        "baseline": real,
        "lang": text,
        "text": text,
        "sentences": pl.List(pl.Struct({"text": text, "claims": texts})),
        "claims": pl.List(pl.Struct(claim)),
        "evidence": pl.Struct(evidence),
        "counterfactual": pl.Struct(counterfactual),
        "source": text,
        "llm": text,
        "model": text,
        "verified": flag,
    }


def to_parquet(lines: Path, out: Path) -> None:
    """One file of JSON lines as Parquet; the fields of `evidence` become columns."""
    import polars as pl

    schema = _json_schema()
    if lines.stat().st_size:
        table = pl.read_ndjson(lines, schema=schema)
    else:
        table = pl.DataFrame(schema=schema)
    table.unnest("evidence").write_parquet(out)


def join_parquet(parts: Sequence[Path], out: Path) -> None:
    """The parts one after another as one Parquet file, streamed."""
    import polars as pl

    if not parts:
        pl.DataFrame(schema=_json_schema()).unnest("evidence").write_parquet(out)
        return
    pl.scan_parquet(list(parts)).sink_parquet(out, maintain_order=True, row_group_size=20_000)


def write_lines(lines: Iterable[Mapping[str, Any]], out: str | Path) -> None:
    """Lines of `explain --json` as a `.jsonl` or `.parquet` file, whole or not at all.

    Raises
    ------
    ConfigError, DataError
        If the ending names no format, or the place cannot be written.
    """
    check_format(out)
    with atomic_file(out) as place, tempfile.TemporaryDirectory(prefix="whyrec-") as folder:
        parquet = Path(out).suffix == ".parquet"
        plain = Path(folder) / "lines" if parquet else place
        with plain.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        if parquet:
            to_parquet(plain, place)
