"""`whyrec adapt`: somebody else's recommender, from a file or a server, beside the data it explains from."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyrec.cli import options, output

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

adapt = typer.Typer(
    no_args_is_help=True,
    help="Put whyrec beside a recommender that you have: factors, lists, ONNX or a server.",
)

Out = Annotated[Path, typer.Option(help="Directory to write the model to.")]
Events = Annotated[
    Path, typer.Option("--data", metavar="DATA", help="The events and items that it was fitted on.")
]
Ignore = Annotated[
    bool,
    typer.Option(
        "--ignore-missing", help="Leave out what the data do not hold, instead of an error."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="An option of the adapter (repeat)."),
]


@adapt.command()
def factors(
    items: Annotated[
        Path, typer.Argument(metavar="ITEMS", help="Parquet file or directory: id, features.")
    ],
    data: Events,
    out: Out,
    users: Annotated[
        Path | None, typer.Option(help="The people's factors: their lists are compared.")
    ] = None,
    rated: Annotated[
        bool, typer.Option("--rated", help="The model predicts ratings, not events.")
    ] = False,
    regularization: Annotated[
        float | None, typer.Option(help="Spark's regParam: fold in exactly as Spark would.")
    ] = None,
    alpha: Annotated[float, typer.Option(help="Spark's alpha.")] = 1.0,
    mean: Annotated[float, typer.Option(help="Mean rating taken off before factorising.")] = 0.0,
    ignore_missing: Ignore = False,
    map_: options.Map = None,
    domain: options.Domain = None,
    weight: options.Weight = None,
    event: options.Event = None,
    json: options.Json = False,
) -> None:
    """Item factors (Spark ALS and others).

    \b
    whyrec adapt factors itemFactors --users userFactors --data events.parquet --out model
    """

    def make(dataset: Dataset) -> Bundle:
        from whyrec.recommend.adapters import from_factors

        return from_factors(
            items,
            dataset,
            users=users,
            kind="rated" if rated else "implicit",
            regularization=regularization,
            alpha=alpha,
            mean=mean,
            missing=_missing(ignore_missing),
        )

    _run(make, data, out, map_, domain, weight, event, json)


@adapt.command()
def lists(
    file: Annotated[
        Path,
        typer.Argument(metavar="LISTS", help="Parquet or CSV: user_id, item_id, score or rank."),
    ],
    data: Events,
    out: Out,
    ignore_missing: Ignore = False,
    map_: options.Map = None,
    domain: options.Domain = None,
    weight: options.Weight = None,
    event: options.Event = None,
    json: options.Json = False,
) -> None:
    """Ready-made lists: shown as they are, explained by a stand-in with its residual.

    \b
    whyrec adapt lists lists.parquet --data events.parquet --out model
    """

    def make(dataset: Dataset) -> Bundle:
        from whyrec.recommend.adapters import from_lists

        return from_lists(file, dataset, missing=_missing(ignore_missing))

    _run(make, data, out, map_, domain, weight, event, json)


@adapt.command()
def onnx(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An ONNX file, weights inside.")],
    data: Events,
    out: Out,
    items: Annotated[
        Path | None, typer.Option(help="Text file: one item id a line, in the model's order.")
    ] = None,
    set_: Set = None,
    ignore_missing: Ignore = False,
    map_: options.Map = None,
    domain: options.Domain = None,
    weight: options.Weight = None,
    event: options.Event = None,
    json: options.Json = False,
) -> None:
    """An ONNX network from a history to scores (PyTorch, TensorFlow, Keras, …).

    \b
    whyrec adapt onnx autoencoder.onnx --data events.parquet --out model
    whyrec adapt onnx sasrec.onnx --set input=sequence --set length=50 --set skip=1 --data … --out …
    """
    settings = options.key_values(set_, "--set")
    ids = _ids(items)

    def make(dataset: Dataset) -> Bundle:
        from whyrec.recommend.adapters import from_onnx

        return from_onnx(file, dataset, items=ids, missing=_missing(ignore_missing), **settings)

    _run(make, data, out, map_, domain, weight, event, json)


@adapt.command()
def http(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where histories are posted.")],
    data: Events,
    out: Out,
    items: Annotated[
        Path | None, typer.Option(help="Text file: one item id a line, in the server's order.")
    ] = None,
    set_: Set = None,
    ignore_missing: Ignore = False,
    map_: options.Map = None,
    domain: options.Domain = None,
    weight: options.Weight = None,
    event: options.Event = None,
    json: options.Json = False,
) -> None:
    """A server that scores histories; only its URL is saved.

    \b
    whyrec adapt http http://127.0.0.1:8080/score --data events.parquet --out model
    """
    settings = options.key_values(set_, "--set")
    ids = _ids(items)

    def make(dataset: Dataset) -> Bundle:
        from whyrec.recommend.adapters import from_http

        return from_http(url, dataset, items=ids, missing=_missing(ignore_missing), **settings)

    _run(make, data, out, map_, domain, weight, event, json)


def _missing(ignore: bool) -> Any:
    return "ignore" if ignore else "error"


def _ids(file: Path | None) -> list[str] | None:
    if file is None:
        return None
    return [line for _, line in options.lines_of(str(file), "a text file of item ids")]


def _run(
    make: Callable[[Dataset], Bundle],
    data: Path,
    out: Path,
    map_: list[str] | None,
    domain: str | None,
    weight: list[str] | None,
    event: str | None,
    json: bool,
) -> None:
    """Read the data, adapt, save, and say what is kept of the original."""
    mapping = options.key_values(map_, "--map")
    weights = options.event_weights(weight)
    options.check_place(out, directory=True)

    from whyrec.data.readers import read

    started = time.perf_counter()
    with output.working(f"reading {data}"):
        dataset = read(data, map=mapping or None, domain=domain, weights=weights, event=event)
    with output.working("adapting"):
        bundle = make(dataset)
    with output.working(f"saving {out}"):
        bundle.save(out)
    summary = {
        "model": bundle.fingerprint,
        "out": str(out),
        "exact": bundle.recommender.exact,
        "users": dataset.n_users,
        "items": dataset.n_items,
        **{k: v for k, v in bundle.notes.items() if k != "adapted"},
        "seconds": round(time.perf_counter() - started, 2),
    }
    if json:
        output.json_line(summary)
        return
    from whyrec.cli import show

    kept = summary.pop("fidelity", None)
    told = {**summary, **(kept or {})}
    output.stdout().print(show.facts(told))
