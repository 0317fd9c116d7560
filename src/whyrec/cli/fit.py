"""`whyrec fit`: read, clean, learn, save, and say what happened."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from whyrec.cli import options, output, protocol
from whyrec.recommend.registry import MODELS


def fit(
    data: options.Data,
    out: Annotated[Path, typer.Option(help="Directory to write the model to.")],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help=f"Which recommender: {', '.join(MODELS)}; ease if not given."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the model."),
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Model and parameters that `whyrec tune` found."),
    ] = None,
    map_: options.Map = None,
    domain: options.Domain = None,
    weight: options.Weight = None,
    event: options.Event = None,
    half_life: options.HalfLife = None,
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Rules that pin, boost or leave out (TOML or JSON)."),
    ] = None,
    clean: Annotated[bool, typer.Option("--clean/--no-clean", help="Clean the data first.")] = True,
    json: options.Json = False,
) -> None:
    """Learn a recommender from DATA and save it with the data that it explains from.

    \b
    whyrec fit ml-100k --out model
    whyrec fit orders.csv --map user_id=CustomerID,item_id=StockCode --domain shop --out model
    whyrec fit ml-1m --model ials --set factors=64 --out model
    whyrec fit ml-1m --params best.json --out model
    whyrec fit shop --model hybrid --set parts=ease:0.7,content:0.3 --rules rules.toml --out model
    """
    mapping = options.key_values(map_, "--map")
    weights = options.event_weights(weight)
    told, found = protocol.recipe(params)
    settings = {**found, **options.settings(set_)}
    options.days(half_life)
    model = protocol.merged(model, told, params)
    options.check_place(out, directory=True)

    from whyrec.recommend.bundle import Bundle
    from whyrec.recommend.rules import Rules

    ruled = Rules.read(rules) if rules is not None else None
    protocol.check_model(model, settings)

    from whyrec.data.cleaning import Cleaner
    from whyrec.data.readers import read

    started = time.perf_counter()
    with output.working(f"reading {data}"):
        dataset = read(data, map=mapping or None, domain=domain, weights=weights, event=event)
    rows_read = dataset.events.height
    report = None
    if clean:
        with output.working("cleaning"):
            dataset, report = Cleaner.default(dataset).clean(dataset)
    if half_life is not None:
        dataset = dataset.with_half_life(half_life)
    if ruled is not None:
        ruled.of(dataset, where=str(rules))
    with output.working(f"fitting {model}"):
        bundle = Bundle.fit(dataset, model, rules=ruled, **settings)
    if bundle.bound_rules is not None:
        for name in (n for n, items in bundle.bound_rules.named.items() if not items):
            output.stderr().print(f"rule “{name}” is for no item", style="yellow", markup=False)
    with output.working(f"saving {out}"):
        bundle.save(out)
    summary = {
        "model": bundle.fingerprint,
        "out": str(out),
        "params": dict(bundle.recommender.params),
        "domain": dataset.domain,
        "events_read": rows_read,
        "events": dataset.events.height,
        "users": dataset.n_users,
        "items": dataset.n_items,
        "data": dataset.fingerprint,
        "fit_seconds": bundle.notes["fit_seconds"],
        "seconds": round(time.perf_counter() - started, 2),
    }
    set_aside = list(dataset.notes.get("set_aside", ()))
    if json:
        cleaning = report.to_json() if report is not None else None
        output.json_line({**summary, "set_aside": set_aside, "cleaning": cleaning})
        return
    from whyrec.cli import show

    console = output.stdout()
    shown = {**summary, "params": ", ".join(f"{k}={v}" for k, v in summary["params"].items())}
    console.print(show.facts(shown))
    if set_aside and report is None:
        console.print(show.table(show.set_aside(set_aside), title="\nSet aside in reading"))
    if report is not None:
        console.print(report.table())
