"""Files to tables of raw cells: format, packing, encoding, separator and header by content."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from whyrec.errors import DataError

_SAMPLE = 1 << 16
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Table:
    """One file's rows as they stand in it.

    Attributes
    ----------
    name
        The file, for messages.
    frame
        Delimited text: every cell text or null. Parquet and JSON: as typed in the file.
    first_row
        What the first row of `frame` is called in messages (2 below a header line).
    header
        False if the file had no header line: columns are then `column_1`, `column_2`, …
    info
        JSON-able: how the file was read.
    """

    name: str
    frame: pl.DataFrame
    first_row: int = 1
    header: bool = True
    info: dict[str, Any] = field(default_factory=dict)

    def row(self, index: int) -> int:
        """The number by which a person finds row `index` of the frame in the file."""
        return self.first_row + index


def read_table(path: Path) -> Table:
    """Read one file, whatever its format; `.gz` is unpacked.

    Raises
    ------
    DataError
        If the file is missing, empty, cut short, binary or not a table.
    """
    raw = _bytes(path)
    if not raw.strip(b"\x00 \r\n\t\xef\xbb\xbf"):
        raise _empty(path)
    if raw[:4] == b"PAR1":
        return _parquet(path, raw)
    text, encoding = _decode(path, raw)
    start = text[:_SAMPLE].lstrip()[:1]
    if start in (b"{", b"["):
        return _json(path, text, encoding)
    return _delimited(path, text, encoding)


def _empty(path: Path) -> DataError:
    return DataError("is empty", where=str(path), remedy="give a file with a header and rows")


def _bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError("no such file", where=str(path), remedy="check the path") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(
            f"cannot be read: {reason}", where=str(path), remedy="check the path and its rights"
        ) from None
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error):
            raise DataError(
                "the gzip data is damaged or cut short",
                where=str(path),
                remedy="fetch or pack the file again",
            ) from None
    return raw


def _parquet(path: Path, raw: bytes) -> Table:
    try:
        frame = pl.read_parquet(io.BytesIO(raw))
    except Exception as error:
        raise DataError(
            "not a whole Parquet file: cut short or damaged",
            where=str(path),
            remedy="fetch or write the file again",
        ) from error
    return Table(path.name, frame, info={"format": "parquet"})


def _decode(path: Path, raw: bytes) -> tuple[bytes, str]:
    """The same text as UTF-8 without a byte order mark, and the name of what it was."""
    if raw[:3] == b"\xef\xbb\xbf":
        raw = raw[3:]
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return raw.decode("utf-16").encode(), "utf-16"
        except UnicodeDecodeError:
            raise DataError(
                "damaged UTF-16 text", where=str(path), remedy="save it as UTF-8"
            ) from None
    if b"\x00" in raw[:_SAMPLE]:
        raise DataError(
            "binary, not a table",
            where=str(path),
            remedy="give CSV, TSV, Parquet, JSON or JSON Lines, plain or .gz",
        )
    if raw.isascii():
        return raw, "ascii"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        encoding = "gb18030" if _looks_chinese(raw) else "cp1252"
        try:
            return raw.decode(encoding).encode(), encoding
        except UnicodeDecodeError:
            return raw.decode("latin-1").encode(), "latin-1"
    return raw, "utf-8"


def _looks_chinese(raw: bytes) -> bool:
    # A Chinese character of GB 2312 is two bytes >= A1, so they come in runs of even length;
    # accented letters of Western encodings stand alone among ASCII.
    runs = re.findall(rb"[\x80-\xff]+", raw[: 1 << 20])
    even = sum(len(run) % 2 == 0 for run in runs)
    return bool(runs) and even >= 0.95 * len(runs)


def _json(path: Path, text: bytes, encoding: str) -> Table:
    info = {"format": "json", "encoding": encoding}
    if text[:_SAMPLE].lstrip()[:1] == b"[":
        try:
            rows = json.loads(text)
        except ValueError as error:
            raise _bad_json(path, error) from None
        return Table(path.name, _from_rows(path, rows), info=info)
    try:
        one = json.loads(text)
    except ValueError:
        return _json_lines(path, text, {**info, "format": "jsonl"})
    lists = [v for v in one.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
    if len(lists) == 1:
        return Table(path.name, _from_rows(path, lists[0]), info=info)
    if b"\n" in text.strip():
        return Table(path.name, pl.DataFrame(), info=info)
    return Table(path.name, _from_rows(path, [one]), info={**info, "format": "jsonl"})


def _bad_json(path: Path, error: ValueError) -> DataError:
    line = getattr(error, "lineno", None)
    return DataError(
        f"not JSON: {error}" if line is None else f"not JSON at line {line}: {error.args[0]}",
        where=str(path),
        remedy="give one JSON object a line, or one list of objects",
    )


def _json_lines(path: Path, text: bytes, info: dict[str, Any]) -> Table:
    try:
        frame = pl.read_ndjson(io.BytesIO(text), infer_schema_length=10_000)
        return Table(path.name, frame, info=info)
    except (pl.exceptions.PolarsError, OSError, ValueError):
        pass  # uneven rows, or the Python literals of early Amazon files: the slow way
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            try:
                row = ast.literal_eval(line.decode("utf-8").strip())
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                raise DataError(
                    f"line {number} is not a JSON object",
                    where=str(path),
                    remedy="give one whole JSON object a line; the file may be cut short",
                ) from None
        rows.append(row)
    return Table(path.name, _from_rows(path, rows), info=info)


def _from_rows(path: Path, rows: Any) -> pl.DataFrame:
    """A frame of JSON objects; columns of mixed types become text."""
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise DataError(
                f"entry {number} is not a JSON object",
                where=str(path),
                remedy="give one object an event or item",
            )
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame([_column(name, [row.get(name) for row in rows]) for name in names])


def _column(name: str, cells: list[Any]) -> pl.Series:
    """Cells of one JSON field: numbers, flags, texts or lists of texts; text if they are mixed."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {list}:
        return pl.Series(name, [c and _texts(c) for c in cells], pl.List(pl.String))
    if kinds == {bool}:
        return pl.Series(name, cells, pl.Boolean)
    if kinds == {int} and all(c is None or abs(c) < 2**63 for c in cells):
        return pl.Series(name, cells, pl.Int64)
    if kinds and kinds <= {int, float}:
        return pl.Series(name, [None if c is None else float(c) for c in cells], pl.Float64)
    return pl.Series(name, [_cell_text(c) for c in cells], pl.String)


def _texts(cell: Any) -> list[str]:
    """The texts in nested lists, in their order; of an object its largest picture's address."""
    if isinstance(cell, list):
        return [text for inner in cell for text in _texts(inner)]
    if isinstance(cell, dict):
        cell = next((cell[k] for k in ("hi_res", "large", "url", "thumb") if cell.get(k)), None)
    return [] if cell is None else [_cell_text(cell) or ""]


def _cell_text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        # JSON may hold halves of surrogate pairs, which no text file can.
        return cell and cell.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(cell, ensure_ascii=True, default=str)


def split_line(line: str, separator: str, quoted: bool) -> list[str]:
    """The cells of one line."""
    if not quoted or len(separator) > 1:
        return line.split(separator)
    return next(iter(csv.reader([line], delimiter=separator)), [""])


def _sniff(lines: list[str]) -> tuple[str, bool]:
    """(separator, whether cells may be quoted) by the sample's first lines."""
    if all("::" in line for line in lines):
        return "::", False
    best: tuple[tuple[float, int], str, bool] | None = None
    for separator in "\t,|;":
        quoted = separator in ",;" or _has_quoted_cells(lines, separator)
        counts = [len(split_line(line, separator, quoted)) for line in lines]
        typical = max(set(counts), key=counts.count)
        if typical > 1:
            score = (counts.count(typical) / len(counts), typical)
            if best is None or score > best[0]:
                best = (score, separator, quoted)
    return (best[1], best[2]) if best else (",", True)


def _has_quoted_cells(lines: Iterable[str], separator: str) -> bool:
    sep = re.escape(separator)
    pattern = re.compile(rf'(^|{sep})"[^"]*"({sep}|$)')
    return any(pattern.search(line) for line in lines)


def _delimited(path: Path, text: bytes, encoding: str) -> Table:
    sample = text[:_SAMPLE].decode("utf-8", "ignore")
    lines = [line for line in sample.splitlines() if line.strip()]
    if len(text) > _SAMPLE and len(lines) > 1:
        lines.pop()
    lines = lines[:200]
    if not lines:
        raise _empty(path)
    separator, quoted = _sniff(lines)
    first = [cell.strip() for cell in split_line(lines[0], separator, quoted)]
    header = not any(_NUMBER.fullmatch(cell) for cell in first)
    if len(separator) > 1:
        text = text.replace(separator.encode(), b"\x1f")
    info = {"format": "text", "encoding": encoding, "separator": separator, "header": header}
    try:
        frame = pl.read_csv(
            io.BytesIO(text),
            has_header=header,
            separator="\x1f" if len(separator) > 1 else separator,
            quote_char='"' if quoted else None,
            infer_schema=False,
            raise_if_empty=True,
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _uneven(path, text, separator, quoted, len(first)) from error
    return Table(path.name, frame, 2 if header else 1, header, info)


def _uneven(path: Path, text: bytes, separator: str, quoted: bool, width: int) -> DataError:
    """Which line has another number of cells than the first."""
    separator = "\x1f" if len(separator) > 1 else separator
    lines = io.StringIO(text.decode("utf-8", "replace"), newline="")
    rows = (
        csv.reader(lines, delimiter=separator)
        if quoted
        else (line.rstrip("\r\n").split(separator) for line in lines)
    )
    try:
        for number, cells in enumerate(rows, 1):
            if len(cells) > width:
                return DataError(
                    f"row {number} has {len(cells)} cells, the first row has {width}",
                    where=str(path),
                    remedy="quote cells that hold the separator",
                )
    except csv.Error as error:
        return DataError(f"not a table: {error}", where=str(path), remedy="write it as CSV")
    return DataError(
        "not a table of rows and columns",
        where=str(path),
        remedy="check for a quote that is opened and not closed",
    )
