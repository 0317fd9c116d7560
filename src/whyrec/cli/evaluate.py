"""`whyrec evaluate`: how good a model's lists and ratings are on what was held out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyrec.cli import options, output, protocol
from whyrec.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from whyrec.evaluate.evaluation import Evaluation


def evaluate(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA|MODEL",
            help="Data as `whyrec fit` reads them, or a model that it wrote: "
            "its recipe is learnt again from a part of its data and asked about the rest.",
        ),
    ],
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which recommender; ease if not given.")
    ] = None,
    set_: protocol.Set = None,
    params: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Parameters that `whyrec tune` found.")
    ] = None,
    method: protocol.Method = "per-user",
    share: protocol.Share = 0.2,
    folds: protocol.Folds = 1,
    last: protocol.Last = 1,
    at: protocol.At = None,
    k: protocol.Lengths = "10",
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Only these measures: ndcg@10, auc, rmse, … (repeat, or use commas)."),
    ] = None,
    fidelity: Annotated[
        bool,
        typer.Option("--fidelity", help="Also whether the model's reasons are what it goes by."),
    ] = False,
    people: protocol.People = None,
    seed: protocol.Seed = 0,
    map_: options.Map = None,
    domain: options.Domain = None,
    weight: options.Weight = None,
    event: options.Event = None,
    half_life: options.HalfLife = None,
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Rules as `whyrec fit` takes them: what do they cost?"),
    ] = None,
    clean: protocol.Clean = True,
    json: options.Json = False,
) -> None:
    """Learn from a part of DATA, ask about the rest, and print every measure with its interval.

    \b
    whyrec evaluate ml-100k --model ials --set factors=32 --folds 5
    whyrec evaluate ml-100k --model ease --split time --k 10,20
    whyrec evaluate model --json
    """
    from whyrec.evaluate.evaluation import evaluate as measure
    from whyrec.evaluate.measures import parse
    from whyrec.recommend.registry import MODELS
    from whyrec.recommend.rules import Rules

    protocol.check(method, share, folds, last)
    protocol.moment(at)
    ks = protocol.lengths(k)
    if people is not None:
        options.positive(people, "--people")
    named = [t for given in metric or () for t in given.split(",") if t.strip()]
    asked = [parse(t, ks[0]) for t in named] or None
    told, settings = protocol.recipe(params)
    settings |= options.settings(set_)
    ruled = Rules.read(rules) if rules is not None else None
    if (data / "manifest.json").is_file():
        from whyrec.recommend.bundle import Bundle

        given = (map_, domain, weight, event, half_life)
        if model or params or any(given):
            raise ConfigError(
                "a saved model has its own name, parameters and data",
                where=str(data),
                remedy="leave --model, --params and what is said of the data out, or name the data",
            )
        with output.working(f"loading {data}"):
            bundle = Bundle.load(data)
        name, dataset = bundle.recommender.name, bundle.dataset
        if name not in MODELS:
            raise ModelError(
                "was fitted elsewhere and cannot be learnt again from a part of its data",
                where=f"{data} ({name})",
                remedy=f"name the data, with --model {MODELS[0]} or another of whyrec's own",
            )
        settings = {**bundle.recommender.params, **settings}
        ruled = ruled or bundle.rules
        protocol.check_model(name, settings)
    else:
        name = protocol.merged(model, told, params)
        protocol.check_model(name, settings)
        dataset = protocol.load(
            data,
            map_=map_,
            domain=domain,
            weight=weight,
            event=event,
            half_life=half_life,
            clean=clean,
        )
    splits = protocol.cut(dataset, method, share=share, folds=folds, last=last, at=at, seed=seed)
    with output.working(f"fitting and asking {name}"):
        found = measure(
            splits, name, settings, ks=ks, asked=asked, people=people, seed=seed, rules=ruled
        )
    checked = []
    if fidelity:
        from whyrec.evaluate.reasons import PEOPLE, check_reasons

        with output.working("taking out what the reasons name"):
            checked = check_reasons(
                splits[0], name, settings, people=min(people or PEOPLE, PEOPLE), seed=seed
            )
    reasons = [c.to_json() for c in checked]
    if json:
        more = {"fidelity": reasons} if fidelity else {}
        output.json_line({"data": dataset.fingerprint, **found.to_json(), **more})
        return
    _print(found)
    if reasons:
        from whyrec.cli import show

        title = "\nReasons taken out: pos, cdcg and del fall, neg and ins stay where they are right"
        output.stdout().print(show.table([_rounded(r) for r in reasons], title=title))


def _print(found: Evaluation) -> None:
    from whyrec.cli import show

    console = output.stdout()
    recipe = ", ".join(f"{k}={v}" for k, v in found.params.items())
    facts = {
        "model": f"{found.model} ({recipe})" if recipe else found.model,
        "split": found.split,
        "tested": f"{found.people:,} people, {found.pairs:,} held-out pairs",
        "fit": f"{found.fit_seconds:.2f} s",
        "lists": f"{found.rank_seconds:.2f} s",
    }
    console.print(show.facts(facts))
    console.print()
    console.print(show.table(_rows(found)))
    for name, why in found.missing.items():
        console.print(f"{name}: not told, {output.safe(why)}", style="dim", markup=False)


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {k: f"{v:.3f}" if isinstance(v, float) else v for k, v in row.items()}


def _rows(found: Evaluation) -> list[dict[str, Any]]:
    from whyrec.evaluate.measures import parse

    rows = []
    for name in found.names:
        low, high = found.intervals.get(name, (None, None))
        measure = parse(name).measure
        better = {True: "↑", False: "↓", None: ""}[measure.higher]
        rows.append(
            {
                "measure": f"{name} {better}",
                "value": f"{found.value(name):.4f}",
                "95 % interval": "" if low is None else f"{low:.4f} to {high:.4f}",
                "what": measure.says,
            }
        )
    return rows
