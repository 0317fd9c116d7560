"""`whyrec compare`: models beside each other in one table and one picture, tested for chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyrec.cli import options, output, protocol
from whyrec.errors import ConfigError

if TYPE_CHECKING:
    from whyrec.evaluate.comparison import Comparison, Recipe


def compare(
    data: options.Data,
    models: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Which models, separated by commas; all if not given."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="MODEL.KEY=VALUE", help="A parameter of one of the models."),
    ] = None,
    params: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="A recipe of `whyrec tune`, beside the defaults; repeat."
        ),
    ] = None,
    metric: Annotated[str, typer.Option(help="To order and to test by.")] = "ndcg@10",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Directory for the table and the picture.")
    ] = None,
    method: protocol.Method = "per-user",
    share: protocol.Share = 0.2,
    folds: protocol.Folds = 1,
    last: protocol.Last = 1,
    at: protocol.At = None,
    k: protocol.Lengths = "10",
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
    """Learn several models from the same part of DATA and ask all about the same rest.

    A model that fails is told with its reason; the others go on.

    \b
    whyrec compare ml-100k --models ease,ials,popularity --out report
    whyrec compare ml-100k --models ease,ials --set ials.factors=32 --folds 5
    """
    from whyrec.evaluate.comparison import compare as measure
    from whyrec.evaluate.measures import parse

    protocol.check(method, share, folds, last)
    protocol.moment(at)
    ks = protocol.lengths(k)
    if people is not None:
        options.positive(people, "--people")
    asked = parse(metric, ks[0])
    recipes = _recipes(models, options.settings(set_), params or ())
    if out is not None:
        options.check_place(out, directory=True)
        _check_pictures()
    dataset = protocol.load(
        data, map_=map_, domain=domain, weight=weight, event=event, half_life=half_life, clean=clean
    )
    splits = protocol.cut(dataset, method, share=share, folds=folds, last=last, at=at, seed=seed)
    with output.progress("comparing", len(recipes)) as advance:
        started: list[str] = []

        def begin(name: str) -> None:
            advance(1 if started else 0)
            started.append(name)

        found = measure(splits, recipes, metric=asked, ks=ks, people=people, seed=seed, begin=begin)
    lines = _lines(found, dataset.fingerprint)
    if out is not None:
        with output.working(f"writing {out}"):
            _write(out, found, lines, splits[0].name)
    if json:
        for line in lines:
            output.json_line(line)
        return
    _print(found, out)


def _recipes(models: str | None, given: Mapping[str, str], files: Sequence[Path]) -> list[Recipe]:
    from whyrec.evaluate.comparison import Recipe
    from whyrec.recommend.registry import MODELS

    names = [m.strip() for m in models.split(",") if m.strip()] if models is not None else MODELS
    own: dict[str, dict[str, Any]] = {name: {} for name in names}
    if len(own) < len(names):
        twice = next(n for n in own if list(names).count(n) > 1)
        raise ConfigError(f"{twice} is named twice", where="--models", remedy="name it once")
    for key, value in given.items():
        name, dot, parameter = key.partition(".")
        if not dot or name not in own:
            raise ConfigError(
                f"“{key}” names no parameter of a compared model",
                where="--set",
                remedy=f"write MODEL.KEY=VALUE with a model of {', '.join(own)}",
            )
        own[name][parameter] = value
    recipes = [Recipe(name, name, settings) for name, settings in own.items()]
    for file in files:
        told, settings = protocol.recipe(file)
        recipes.append(Recipe(f"{told} ({file.stem})", str(told), settings))
    for recipe in recipes:
        protocol.check_model(recipe.model, recipe.params)
    return recipes


def _check_pictures() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise ConfigError(
            "the package matplotlib is not installed",
            where="--out",
            remedy="pip install 'whyrec[plots]', or leave --out away",
        )


def _lines(found: Comparison, data: str) -> list[dict[str, Any]]:
    """The JSON lines: one a model, the best first; one a failed model; one a pair."""
    return [
        *({"name": n, "data": data, **e.to_json()} for n, e in found.found.items()),
        *({"name": n, "failed": why} for n, why in found.failed.items()),
        *(d.to_json() for d in found.differences),
    ]


def _write(out: Path, found: Comparison, lines: Sequence[Mapping[str, Any]], split: str) -> None:
    import json

    from whyrec.data.files import atomic_dir
    from whyrec.evaluate.pictures import draw

    tested = next(iter(found.found.values()))
    title = f"{found.metric}, {split}, {tested.people:,} people"
    with atomic_dir(out) as part:
        text = "".join(json.dumps(x, ensure_ascii=False, allow_nan=False) + "\n" for x in lines)
        (part / "comparison.jsonl").write_text(text, encoding="utf-8")
        table = "\n\n".join(_markdown(rows) for rows in _tables(found, whole=True) if rows)
        notes = "".join(f"\n- {n}: {output.safe(why)}" for n, why in found.failed.items())
        (part / "comparison.md").write_text(f"{title}\n\n{table}\n{notes}", encoding="utf-8")
        draw(found, [part / "comparison.png", part / "comparison.svg"], title=title)


def _markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([str(r[n]) for n in names] for r in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _tables(found: Comparison, *, whole: bool = False) -> list[list[dict[str, Any]]]:
    """Rows of the table of all models, and of those that predict ratings; 80 columns hold them."""
    number = {name: k for k, name in enumerate(found.found, 1)}
    first = found.metric
    k = _length(found)
    others = [f"recall@{k}", f"coverage@{k}", f"novelty@{k}"]
    if whole:
        others[1:1] = [f"mrr@{k}", "auc"]
    wide, rated = [], []
    for name, each in found.found.items():
        row: dict[str, Any] = {"": number[name], "model": name}
        row |= _measured(each, first)
        row |= {n.partition("@")[0]: _figure(each, n) for n in others if n != first}
        row["fit s"] = f"{each.fit_seconds:.2f}"
        row["beats"] = _numbers([number[n] for n in found.beaten(name)])
        wide.append(row)
        if "rmse" in each.names and first != "rmse":
            row = {"": number[name], "model": name, **_measured(each, "rmse")}
            row["mae"] = _figure(each, "mae")
            row["beats"] = _numbers([number[n] for n in found.beaten(name, "rmse")])
            rated.append((each.value("rmse"), row))
    return [wide, [row for _, row in sorted(rated, key=lambda x: x[0])]]


def _length(found: Comparison) -> str:
    """The k of the table: the metric's, else the shortest of the lists made."""
    names = (n for e in found.found.values() for n in e.names)
    return next((n.partition("@")[2] for n in (found.metric, *names) if "@" in n), "10")


def _measured(each: Any, name: str) -> dict[str, str]:
    if name not in each.names:
        return {name: "", "interval": ""}
    low, high = each.intervals.get(name, (None, None))
    interval = "" if low is None else f"{low:.3f}–{high:.3f}"
    return {name: f"{each.value(name):.4f}", "interval": interval}


def _figure(each: Any, name: str) -> str:
    return f"{each.value(name):.3f}" if name in each.names else ""


def _numbers(numbers: Sequence[int]) -> str:
    """Numbers of models with runs joined.

    Examples
    --------
    >>> _numbers([2, 3, 4, 7])
    '2–4, 7'
    """
    runs: list[list[int]] = []
    for n in sorted(numbers):
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in runs)


def _print(found: Comparison, out: Path | None) -> None:
    from whyrec.cli import show

    console = output.stdout()
    tested = next(iter(found.found.values()))
    console.print(
        show.facts(
            {
                "split": tested.split,
                "tested": f"{tested.people:,} people, {tested.pairs:,} held-out pairs",
                "interval": f"95 %, bootstrap over people; lists of {_length(found)}",
                "beats": f"by {found.metric}, p < 0.05 after Holm's correction "
                "of paired permutation tests",
            }
        )
    )
    for rows, title in zip(_tables(found), ("", "\nRatings"), strict=True):
        if rows:
            console.print(show.table(rows, title=title))
    for name, why in found.failed.items():
        console.print(f"{name} failed: {output.safe(why)}", style="red", markup=False)
    if out is not None:
        console.print(f"\nwritten to {out}: comparison.md, .jsonl, .png, .svg", markup=False)
