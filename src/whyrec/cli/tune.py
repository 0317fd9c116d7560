"""`whyrec tune`: search a model's parameters, and say what the best ones give on data kept apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyrec.cli import options, output, protocol
from whyrec.errors import ConfigError

if TYPE_CHECKING:
    from whyrec.evaluate.evaluation import Evaluation
    from whyrec.evaluate.tuning import Trial, Tuned

SHOWN = 5
"""Trials printed, best first."""


def tune(
    data: options.Data,
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="Where the best recipe goes.")],
    model: Annotated[str, typer.Option(metavar="NAME", help="Which recommender.")] = "ease",
    set_: protocol.Set = None,
    trials: Annotated[int, typer.Option(help="How many recipes to try in all.")] = 30,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Begin no trial after so long.")
    ] = None,
    metric: Annotated[str, typer.Option(help="What is to become better.")] = "ndcg@10",
    storage: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.sqlite",
            help="Keep every trial there: the same command goes on where it was stopped.",
        ),
    ] = None,
    method: protocol.Method = "per-user",
    share: protocol.Share = 0.2,
    folds: Annotated[int, typer.Option(help="Validation splits a trial is measured on.")] = 2,
    last: protocol.Last = 1,
    people: protocol.People = None,
    seed: protocol.Seed = 0,
    map_: options.Map = None,
    domain: options.Domain = None,
    weight: options.Weight = None,
    event: options.Event = None,
    half_life: options.HalfLife = None,
    clean: protocol.Clean = True,
    json: options.Json = False,
) -> None:
    """Search the parameters of a model inside the training part of DATA.

    A test part is kept apart, split as `whyrec evaluate` splits it, and asked once at the end.
    Ctrl-C keeps what was found.

    \b
    whyrec tune ml-100k --model ials --trials 30 --out best.json
    whyrec tune ml-100k --model ials --timeout 600 --storage ials.sqlite --out best.json
    whyrec fit ml-100k --params best.json --out model
    """
    from whyrec.evaluate.measures import parse
    from whyrec.evaluate.spaces import space

    protocol.check(method, share, folds, last)
    options.positive(trials, "--trials")
    if people is not None:
        options.positive(people, "--people")
    if timeout is not None and not timeout > 0:
        raise ConfigError(f"{timeout:g} seconds", where="--timeout", remedy="give more than 0")
    asked = parse(metric)
    space(model)
    fixed = options.settings(set_)
    protocol.check_model(model, fixed)
    options.check_place(out)
    if storage is not None:
        options.check_place(storage)

    from whyrec.evaluate.evaluation import evaluate
    from whyrec.evaluate.recipe import write_recipe
    from whyrec.evaluate.tuning import tune as search
    from whyrec.evaluate.tuning import validation

    dataset = protocol.load(
        data, map_=map_, domain=domain, weight=weight, event=event, half_life=half_life, clean=clean
    )
    outer = protocol.cut(dataset, method, share=share, folds=1, last=last, at=None, seed=seed)[0]
    inner = validation(outer, method, share=share, folds=folds, last=last, seed=seed)
    with output.progress(f"trying {model}", trials) as advance:

        def tell(trial: Trial) -> None:
            advance(1)
            if json:
                output.json_line(trial.to_json())

        found = search(
            inner, model, asked, fixed=fixed, trials=trials, timeout=timeout,
            storage=storage, people=people, seed=seed, tell=tell,
        )  # fmt: skip
    tests: dict[str, Evaluation] = {}
    if not found.stopped:
        for name, params in (("test", found.params), ("test_of_defaults", fixed)):
            with output.working(f"asking about the test part ({name})"):
                tests[name] = evaluate(
                    outer, model, params, asked=[asked], people=people, seed=seed
                )
    content = _content(found, tests, dataset.fingerprint, outer.name)
    write_recipe(content, out)
    if json:
        output.json_line({"out": str(out), **content})
    else:
        _print(found, content, out)
    if found.stopped:
        output.stderr().print(
            f"stopped; the best of {len(found.trials)} trials is in {out}", markup=False
        )
        raise KeyboardInterrupt


def _content(found: Tuned, tests: dict[str, Evaluation], data: str, split: str) -> dict[str, Any]:
    from whyrec import __version__

    told = {name: _told(e, found.metric) for name, e in tests.items()}
    return {
        "model": found.model,
        "params": _whole(found),
        "metric": found.metric,
        "validation": found.value,
        "validation_of_defaults": found.start,
        **told,
        "trials": {s: found.count(s) for s in ("complete", "pruned", "failed")},
        "split": split,
        "data": data,
        "whyrec": __version__,
    }


def _whole(found: Tuned) -> dict[str, Any]:
    """Every parameter of the model, as numbers and not as the text of the command line."""
    from whyrec.recommend.checks import make_params
    from whyrec.recommend.registry import model as model_class

    kind = model_class(found.model)
    return dict(kind(**make_params(kind, found.params)).params)


def _told(found: Evaluation, metric: str) -> dict[str, float]:
    low, high = found.intervals.get(metric, (None, None))
    value = {"value": found.value(metric)}
    return value if low is None or high is None else {**value, "low": low, "high": high}


def _print(found: Tuned, content: dict[str, Any], out: Path) -> None:
    from whyrec.cli import show

    console = output.stdout()
    counts = content["trials"]
    facts = {
        "best": ", ".join(f"{k}={_short(v)}" for k, v in content["params"].items()),
        f"{found.metric}, validation": f"{found.value:.4f}"
        + ("" if found.start is None else f" (defaults {found.start:.4f})"),
    }
    if "test" in content:
        facts[f"{found.metric}, test"] = (
            f"{_interval(content['test'])} (defaults {_interval(content['test_of_defaults'])})"
        )
    facts["trials"] = ", ".join(f"{n} {s}" for s, n in counts.items() if n)
    facts["out"] = str(out)
    console.print(show.facts(facts))
    told = [t for t in found.trials if t.state == "complete"]
    ordered = sorted(told, key=lambda t: t.value or 0.0, reverse=_higher(found.metric))
    rows = [
        {"trial": t.number, found.metric: f"{t.value:.4f}", "seconds": f"{t.seconds:.1f}",
         **{k: _short(v) for k, v in t.params.items()}}
        for t in ordered[:SHOWN]
    ]  # fmt: skip
    console.print(show.table(rows, title="\nThe best trials"))
    problems = list(dict.fromkeys(t.problem for t in found.trials if t.problem))
    for problem in problems[:SHOWN]:
        console.print(f"failed: {output.safe(problem)}", style="dim", markup=False)


def _higher(metric: str) -> bool:
    from whyrec.evaluate.measures import parse

    return parse(metric).measure.higher is not False


def _interval(told: dict[str, float]) -> str:
    text = f"{told['value']:.4f}"
    return f"{text} [{told['low']:.4f}, {told['high']:.4f}]" if "low" in told else text


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        named = [p for p in value if isinstance(p, dict) and "model" in p]
        if named:
            return " + ".join(f"{p.get('weight', 1):.2f} {p['model']}" for p in named)
    return str(value)
