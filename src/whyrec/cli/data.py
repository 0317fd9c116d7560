"""`whyrec data`: make the simulated shop, describe a data set, clean one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyrec.cli import options, output

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset

data = typer.Typer(
    name="data", no_args_is_help=True, help="Events and items: make, describe, clean."
)


@data.command()
def shop(
    out: Annotated[Path, typer.Option(help="Directory to write.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same shop.")] = 0,
    users: Annotated[int, typer.Option(help="How many users.")] = 2000,
    items: Annotated[int, typer.Option(help="How many items.")] = 600,
    json: options.Json = False,
) -> None:
    """Write a simulated shop: a bilingual catalogue with pictures, events, reviews, some dirt.

    The hidden preferences that made the events are in truth.json, for evaluation only.
    """
    options.positive(users, "--users")
    options.positive(items, "--items")
    options.check_place(out, directory=True)
    from whyrec.data.shop import generate

    started = time.perf_counter()
    with output.working("opening the shop"):
        generate(out, seed=seed, users=users, items=items)
    files = sorted(p for p in out.rglob("*") if p.is_file() and not p.name.startswith("."))
    summary = {
        "out": str(out),
        "seed": seed,
        "users": users,
        "items": items,
        "files": len(files),
        "bytes": sum(p.stat().st_size for p in files),
        "seconds": round(time.perf_counter() - started, 2),
    }
    if json:
        output.json_line(summary)
        return
    from whyrec.cli import show

    output.stdout().print(show.facts(summary))


@data.command()
def describe(
    path: options.Data,
    map_: options.Map = None,
    domain: options.Domain = None,
    event: options.Event = None,
    json: options.Json = False,
) -> None:
    """Say how DATA is understood: format, columns, events, what was set aside."""
    mapping = options.key_values(map_, "--map")
    from whyrec.data.readers import read

    with output.working(f"reading {path}"):
        dataset = read(path, map=mapping or None, domain=domain, event=event)
    summary = _describe(dataset)
    notes = dict(dataset.notes)
    if json:
        output.json_line({**summary, "notes": notes})
        return
    from whyrec.cli import show

    console = output.stdout()
    counts = summary.pop("events_by_type")
    summary["items with"] = ", ".join(f"{k} ({n:,})" for k, n in summary.pop("known").items())
    console.print(show.facts({"format": notes.get("format"), **summary}))
    console.print(show.table([{"event": k, "rows": n} for k, n in counts.items()]))
    if notes.get("set_aside"):
        console.print(
            show.table(show.set_aside(notes["set_aside"]), title="\nSet aside in reading")
        )
    for remark in notes.get("remarks", ()):
        console.print(f"note: {output.safe(remark)}", markup=False)


@data.command()
def clean(
    path: options.Data,
    out: Annotated[
        Path | None, typer.Option(help="Directory to write the cleaned data set to.")
    ] = None,
    map_: options.Map = None,
    domain: options.Domain = None,
    event: options.Event = None,
    json: options.Json = False,
) -> None:
    """Clean DATA as `fit` does, and report what each step did and why."""
    mapping = options.key_values(map_, "--map")
    if out is not None:
        options.check_place(out, directory=True)
    from whyrec.data.cleaning import Cleaner
    from whyrec.data.readers import read

    with output.working(f"reading {path}"):
        dataset = read(path, map=mapping or None, domain=domain, event=event)
    with output.working("cleaning"):
        cleaned, report = Cleaner.default(dataset).clean(dataset)
    if out is not None:
        from whyrec.data.store import write_dataset

        write_dataset(cleaned, out)
    if json:
        output.json_line({**_describe(cleaned), "cleaning": report.to_json()})
        return

    output.stdout().print(report.table())
    kept = f"{cleaned.events.height:,} of {dataset.events.height:,} events"
    output.stdout().print(f"{kept} kept" + (f"; written to {out}" if out else ""), markup=False)


def _describe(dataset: Dataset) -> dict[str, Any]:
    """Sizes, times and columns of a data set, JSON-able."""
    import polars as pl

    events = dataset.events
    by_type = events["event"].value_counts(sort=True)
    table = dataset.catalogue.table
    known = {}
    for name in table.columns:
        filled = table[name].is_not_null()
        if table[name].dtype == pl.String:
            filled &= table[name] != ""
        elif isinstance(table[name].dtype, pl.List):
            filled &= table[name].list.len() > 0
        known[name] = int(filled.fill_null(False).sum())
    first, last = events["time"].min(), events["time"].max()
    return {
        "domain": dataset.domain,
        "users": dataset.n_users,
        "items": dataset.n_items,
        "events": events.height,
        "events_by_type": dict(by_type.iter_rows()),
        "first": str(first) if first is not None else None,
        "last": str(last) if last is not None else None,
        "best_rating": dataset.best_rating,
        "known": known,
        "fingerprint": dataset.fingerprint,
    }
