"""A data set on disk: Parquet tables and one JSON file, with the fingerprint of the content."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from whyrec.data.catalogue import Catalogue
from whyrec.data.dataset import Dataset
from whyrec.data.files import atomic_dir
from whyrec.errors import DataError

FORMAT = "whyrec-dataset"
VERSION = 1
MANIFEST = "dataset.json"
TABLES = ("events", "items", "users")


def fingerprint(dataset: Dataset) -> str:
    """The sha256, in hex, of everything that a model or a text can depend on.

    The same rows give the same fingerprint, however they were stored or read; notes and rows set
    aside do not count.
    """
    digest = hashlib.sha256()
    head = {
        "domain": dataset.domain,
        "weights": dict(sorted(dataset.weights.items())),
        "best_rating": dataset.best_rating,
    }
    if dataset.half_life is not None:
        head["half_life"] = dataset.half_life
    digest.update(json.dumps(head, sort_keys=True).encode())
    for column in sorted(dataset.events.columns):
        digest.update(f"\0{column}\0".encode())
        _update(digest, dataset.events[column])
    _update(digest, pl.Series(dataset.users, dtype=pl.String))
    for column in sorted(dataset.catalogue.table.columns):
        digest.update(f"\0{column}\0".encode())
        _update(digest, dataset.catalogue.table[column])
    if dataset.reviews is not None:
        for column in sorted(dataset.reviews.columns):
            digest.update(f"\0reviews {column}\0".encode())
            _update(digest, dataset.reviews[column])
    return digest.hexdigest()


def _update(digest: Any, column: pl.Series) -> None:
    digest.update(f"{column.dtype}:{len(column)}\0".encode())
    missing = column.is_null()
    digest.update(np.packbits(missing.to_numpy()).tobytes())
    if column.dtype.is_nested() or column.dtype == pl.Object:
        digest.update(json.dumps(column.to_list(), ensure_ascii=False, default=str).encode())
    elif column.dtype in (pl.String, pl.Categorical, pl.Enum):
        text = column.cast(pl.String).fill_null("")
        digest.update(text.str.len_bytes().to_numpy().astype("<u4").tobytes())
        digest.update("".join(text.str.join("").to_list()).encode())
    else:
        physical = column.to_physical()
        if physical.dtype == pl.Boolean:
            physical = physical.cast(pl.UInt8)
        values = physical.fill_null(0).to_numpy()
        digest.update(np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"))).tobytes())


def write_dataset(dataset: Dataset, directory: str | Path) -> None:
    """Write the data set to a directory, whole or not at all.

    `events.parquet`, `items.parquet`, `users.parquet`, where there are any `reviews.parquet`, and `dataset.json` (domain, weights, notes,
    fingerprint, the sha256 of each file). An earlier one is replaced.

    Raises
    ------
    DataError
        If the place cannot be written or holds files of somebody else.
    """
    with atomic_dir(directory) as part:
        put_dataset(dataset, part)


def put_dataset(dataset: Dataset, directory: Path) -> None:
    """Write the files of `write_dataset` into an existing directory (one being built)."""
    tables = {
        "events": dataset.events,
        "items": dataset.catalogue.table,
        "users": pl.DataFrame({"id": pl.Series(dataset.users, dtype=pl.String)}),
    }
    if dataset.reviews is not None:
        tables["reviews"] = dataset.reviews
    hashes = {}
    for name, table in tables.items():
        file = directory / f"{name}.parquet"
        table.write_parquet(file, statistics=False)
        hashes[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "domain": dataset.domain,
        "weights": dict(dataset.weights),
        "half_life": dataset.half_life,
        "best_rating": dataset.best_rating,
        "users": dataset.n_users,
        "items": dataset.n_items,
        "events": dataset.events.height,
        "fingerprint": dataset.fingerprint,
        "files": hashes,
        "notes": dataset.notes,
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    (directory / MANIFEST).write_text(text + "\n", encoding="utf-8")


def load_dataset(directory: str | Path) -> Dataset:
    """Read what `write_dataset` wrote.

    Raises
    ------
    DataError
        If a file is missing, damaged, or of a later version.
    """
    home = Path(directory)
    manifest = _manifest(home)
    names = [*TABLES, *(["reviews"] if "reviews.parquet" in manifest["files"] else [])]
    tables = {name: _table(home / f"{name}.parquet", manifest["files"]) for name in names}
    try:
        return Dataset(
            events=tables["events"],
            catalogue=Catalogue(tables["items"]),
            users=tuple(tables["users"]["id"].to_list()),
            domain=manifest["domain"],
            weights=manifest["weights"],
            best_rating=manifest["best_rating"],
            half_life=manifest.get("half_life"),
            notes=manifest["notes"],
            reviews=tables.get("reviews"),
        )
    except (KeyError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"is not complete: {error}", where=str(home / MANIFEST), remedy="write it again"
        ) from error


def _manifest(home: Path) -> Mapping[str, Any]:
    file = home / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            "is not a data set written by whyrec",
            where=str(home),
            remedy=f"name a directory that holds {MANIFEST}, or read raw files",
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot be read: {error}", where=str(file), remedy="write the data set again"
        ) from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise DataError("is not a data set's description", where=str(file), remedy="name another")
    if manifest.get("version") != VERSION or not isinstance(manifest.get("files"), dict):
        raise DataError(
            f"is of version {manifest.get('version')}, this whyrec reads {VERSION}",
            where=str(file),
            remedy="use the whyrec that wrote it, or read the raw files again",
        )
    return manifest


def _table(file: Path, hashes: Mapping[str, str]) -> pl.DataFrame:
    try:
        raw = file.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(
            f"cannot be read: {reason}", where=str(file), remedy="write the data set again"
        ) from None
    if hashlib.sha256(raw).hexdigest() != hashes.get(file.name):
        raise DataError(
            "was changed or damaged since it was written",
            where=str(file),
            remedy="write the data set again",
        )
    return pl.read_parquet(io.BytesIO(raw))
