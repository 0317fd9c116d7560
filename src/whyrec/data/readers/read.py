"""The way from paths or frames to a `Dataset`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from whyrec.data.dataset import Dataset
from whyrec.data.events import EVENT_TYPES
from whyrec.data.readers.build import Reading, build
from whyrec.data.readers.cells import EVENT_WORDS, MOMENT, events, ids, numbers
from whyrec.data.readers.columns import check_map_found, key, parse_map
from whyrec.data.readers.frames import as_frame
from whyrec.data.readers.goods import goods_table
from whyrec.data.readers.invoices import invoice_lines, is_invoices
from whyrec.data.readers.items import items_frame, items_of_events
from whyrec.data.readers.reviews import review_rows
from whyrec.data.readers.roles import Part, classify, genre_flags, name_columns
from whyrec.data.readers.tables import Table, read_table
from whyrec.errors import ConfigError, DataError

DOMAINS = (
    "film",
    "shop",
    "generic",
    "music",
    "news",
    "video",
    "social",
    "course",
    "health",
    "finance",
)
SUFFIXES = (
    ".csv", ".tsv", ".txt", ".dat", ".data", ".item", ".user", ".inter",
    ".parquet", ".pq", ".json", ".jsonl", ".ndjson",
)  # fmt: skip
"""Files of a directory that are looked at; each also with `.gz`."""

STORED = "dataset.json"


def read(
    path: str | Path | Sequence[str | Path],
    *,
    map: Mapping[str, str] | None = None,
    domain: str | None = None,
    weights: Mapping[str, float] | None = None,
    event: str | None = None,
) -> Dataset:
    """Read events and items from a file, several files or a directory.

    CSV, TSV, `::`- or `|`-separated text, Parquet, JSON and JSON Lines, plain or `.gz`, recognised
    by content: MovieLens, invoice lines (Online Retail II), RecBole atomic files, Amazon reviews
    with their metadata, and any table with a user and an item column beside an optional items
    table. What could not be used is counted in `Dataset.notes["set_aside"]` and kept in
    `Dataset.set_aside`.

    Parameters
    ----------
    path
        A file, a directory or a list of files.
    map
        {target: column} where the column names are not understood, such as
        `{"user_id": "CustomerID"}`.
    domain
        One of `DOMAINS`; by default the one that fits the format: `film`, `shop` or `generic`.
    weights
        Event weights that differ from the defaults.
    event
        What a row of the events table is, where no column says so (default: `rating` with a
        rating, `purchase` with a quantity or order number, else `interaction`).

    Raises
    ------
    DataError
        If something cannot be read or used; the message names file, row, field and remedy.
    ConfigError
        If an option has no such value.
    """
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(p) for p in path]
    if len(paths) == 1 and (paths[0] / STORED).is_file():
        from whyrec.data.store import load_dataset

        stored = load_dataset(paths[0])
        return stored.with_weights(weights) if weights else stored
    reading = Reading()
    if len(paths) == 1:
        home = paths[0] if paths[0].is_dir() else paths[0].parent
        reading.place = str(home)
    tables = []
    for place in paths:
        if place.is_dir():
            tables += _directory(place, reading)
        else:
            tables.append(name_columns(read_table(place)))
    where = ", ".join(str(p) for p in paths)
    return read_tables(
        tables, reading, map=map, domain=domain, weights=weights, event=event, where=where
    )


def from_frames(
    events: Any,
    items: Any = None,
    *,
    map: Mapping[str, str] | None = None,
    domain: str | None = None,
    weights: Mapping[str, float] | None = None,
    event: str | None = None,
) -> Dataset:
    """The data set of pandas, polars or Arrow tables, by the same rules as `read`."""
    tables = [Table("events", as_frame(events, "events"), first_row=0)]
    if items is not None:
        tables.append(Table("items", as_frame(items, "items"), first_row=0))
    return read_tables(
        tables, Reading(), map=map, domain=domain, weights=weights, event=event, where="events"
    )


def _directory(place: Path, reading: Reading) -> list[Table]:
    tables = []
    for file in sorted(place.iterdir()):
        if not file.is_file() or file.name.startswith("."):
            continue
        name = file.name.lower().removesuffix(".gz")
        if name.endswith((".base", ".test")):
            # MovieLens 100K brings ten splits of u.data along; they are its rows again.
            reading.ignored.append({"file": file.name, "why": "a split of the data beside it"})
            continue
        if not name.endswith(SUFFIXES):
            reading.ignored.append({"file": file.name, "why": "not a data file"})
            continue
        tables.append(name_columns(read_table(file)))
    if not tables:
        raise DataError(
            "holds no data files",
            where=str(place),
            remedy=f"put in events and items as {', '.join(SUFFIXES)} (or .gz)",
        )
    return tables


def _check_options(domain: str | None, event: str | None) -> None:
    if domain is not None and domain not in DOMAINS:
        raise ConfigError(
            f"no such domain: {domain}", where="domain", remedy=f"use one of {', '.join(DOMAINS)}"
        )
    if event is not None and event not in EVENT_TYPES:
        raise ConfigError(
            f"no such event type: {event}",
            where="event",
            remedy=f"use one of {', '.join(EVENT_TYPES)}",
        )


def read_tables(
    tables: Sequence[Table],
    reading: Reading,
    *,
    map: Mapping[str, str] | None,
    domain: str | None,
    weights: Mapping[str, float] | None,
    event: str | None,
    where: str,
) -> Dataset:
    """The data set of tables of raw cells; see `read`."""
    _check_options(domain, event)
    checked = parse_map(map)
    check_map_found(checked, {t.name: t.frame.columns for t in tables})
    parts = [classify(t, checked) for t in tables]
    sources = _choose_events(parts, reading, where)
    catalogues = [p for p in parts if p.role == "items"]
    for part in parts:
        reading.files[part.table.name] = {
            "role": part.role, "rows": part.table.frame.height, **part.table.info
        }  # fmt: skip
        if part.role == "other":
            reading.ignored.append({"file": part.table.name, "why": part.why})
        else:
            reading.columns[part.table.name] = part.columns
    reading.format, found_domain = _format(sources, catalogues)
    if reading.format == "invoices":
        read_parts = [invoice_lines(p, reading) for p in sources]
        rows = [lines for lines, _ in read_parts]
        items = items_frame(catalogues, reading, film=False)
        goods = goods_table(pl.concat([g for _, g in read_parts], how="diagonal"))
        items = goods if items is None else items
    else:
        rows = [_plain(p, reading, event) for p in sources]
        items = items_frame(catalogues, reading, film=found_domain == "film")
        if items is None and all(p.role == "events" for p in sources):
            items = _items_of_events(sources)
        if reading.format == "plain" and _is_shop(rows, items):
            found_domain = "shop"
    texts = [p for p in parts if p.role == "reviews" or p in sources]
    return build(
        rows,
        items,
        reading,
        domain=domain or found_domain,
        weights=weights,
        where=where,
        reviews=review_rows(texts, reading),
    )


def _items_of_events(sources: Sequence[Part]) -> pl.DataFrame | None:
    found = [items_of_events(p, ids(p.table, p.columns["item_id"])) for p in sources]
    frames = [frame for frame in found if frame is not None]
    if not frames:
        return None
    return pl.concat(frames, how="diagonal").unique("id", keep="first", maintain_order=True)


def _is_shop(rows: Sequence[pl.DataFrame], items: pl.DataFrame | None) -> bool:
    """Whether things with prices were bought."""
    sold = any(r["event"].is_in(["purchase", "cart"]).any() for r in rows)
    return sold and items is not None and "price" in items.columns


def _choose_events(parts: Sequence[Part], reading: Reading, where: str) -> list[Part]:
    sources = [p for p in parts if p.role == "events"]
    reviews = [p for p in parts if p.role == "reviews"]
    if not sources:
        sources, reviews = reviews, []
    for part in reviews:
        if "text" not in part.columns:
            part.role, part.why = "other", "reviews without a column of text are not read"
    if not sources:
        listing = "; ".join(
            f"{p.table.name} has {', '.join(p.table.frame.columns) or 'none'}" for p in parts
        )
        raise DataError(
            "no table has a column of user ids and one of item ids",
            where=where,
            remedy=f"map them (user_id=COLUMN item_id=COLUMN); {listing}",
        )
    for part in sources:
        if not part.table.frame.height:
            raise DataError(
                "holds a header and no rows", where=part.table.name, remedy="give rows of events"
            )
    return sources


def _format(sources: Sequence[Part], catalogues: Sequence[Part]) -> tuple[str, str]:
    """(format, domain) by the columns of the tables."""
    if all(is_invoices(p) for p in sources):
        return "invoices", "shop"
    if all(c.count(":") == 1 for p in sources for c in p.table.frame.columns):
        return "recbole", "film" if _films(catalogues) else "generic"
    keys = {key(c) for p in sources for c in p.table.frame.columns}
    if keys & {"asin", "parentasin"}:
        return "amazon", "shop"
    if _films(catalogues) or keys & {"movieid", "filmid"}:
        return "movielens", "film"
    return "plain", "generic"


def _films(catalogues: Sequence[Part]) -> bool:
    for part in catalogues:
        keys = {key(c) for c in part.table.frame.columns}
        if genre_flags(part.table) or keys & {"movieid", "filmid", "movietitle", "imdburl"}:
            return True
        if not part.table.header and part.table.info.get("separator") == "::":
            return True
    return False


def _plain(part: Part, reading: Reading, default: str | None) -> pl.DataFrame:
    table, columns = part.table, part.columns
    frame = table.frame
    user = ids(table, columns["user_id"])
    item = ids(table, columns["item_id"])
    bad = user.is_null()
    reading.set_aside(table, bad, "no user id")
    reading.set_aside(table, item.is_null() & ~bad, "no item id")
    bad |= item.is_null()
    empty = pl.Series([None] * frame.height, dtype=pl.Float64)
    rating = numbers(table, columns["rating"]) if "rating" in columns else empty
    amount = empty
    for name in ("value", "quantity"):
        if name in columns:
            amount = numbers(table, columns[name])
            break
    time = pl.Series([None] * frame.height, dtype=MOMENT)
    if "time" in columns:
        time = reading.times(table, columns["time"])
    if default is None:
        bought = {"quantity", "order"} & set(columns)
        named_so = EVENT_WORDS.get(key(table.name.split(".")[0]))
        default = named_so or ("purchase" if bought else "interaction")
    if "event" in columns:
        named, undone = events(table, columns["event"])
        reading.set_aside(table, undone & ~bad, "takes back a cart or wish: says nothing for sure")
        bad |= undone
    elif "rating" in columns:
        named = pl.Series(["rating"], dtype=pl.String).new_from_index(0, frame.height)
    else:
        named = pl.Series([default], dtype=pl.String).new_from_index(0, frame.height)
    out = (
        pl.DataFrame(
            {
                "user": user,
                "item": item,
                "event": named,
                "value": amount,
                "rating": rating,
                "time": time,
            }
        )
        .with_columns(
            pl.when(pl.col("event").is_null())
            .then(
                pl.when(pl.col("rating").is_not_null())
                .then(pl.lit("rating"))
                .otherwise(pl.lit(default))
            )
            .otherwise("event")
            .alias("event")
        )
        .with_columns(
            pl.when(pl.col("event") == "rating")
            .then(pl.coalesce("rating", "value"))
            .otherwise("value")
            .alias("value")
        )
    )
    unrated = (out["event"] == "rating") & out["value"].is_null() & ~bad
    reading.set_aside(table, unrated, "a rating without its number")
    out = out.drop("rating")
    for name in ("order", "price"):
        if name in columns:
            cells = ids(table, columns[name]) if name == "order" else numbers(table, columns[name])
            out = out.with_columns(cells.alias(name))
    return out.filter(~(bad | unrated))
