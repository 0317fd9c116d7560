"""Options that say how models are judged: the data, the split, the people, the lengths of lists."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyrec.cli import options, output
from whyrec.errors import ConfigError, DataError

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.evaluate.splits import Split

Method = Annotated[
    str,
    typer.Option(
        "--split",
        metavar="per-user|random|leave-last|time|user",
        help="What is held out: a share of each person's pairs, of all pairs, the newest likings, "
        "what came after a moment, or whole people.",
    ),
]
Share = Annotated[float, typer.Option(help="How much is held out.")]
Folds = Annotated[int, typer.Option(help="1 holds out once; 5 is five-fold cross-validation.")]
Last = Annotated[int, typer.Option(help="Likings a person that leave-last holds out.")]
At = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="The moment of the split by time, for example 2026-01-31."),
]
Lengths = Annotated[
    str, typer.Option("--k", help="Length of lists; several separated by commas: 10,20.")
]
People = Annotated[int | None, typer.Option(help="Test at most so many people, drawn at random.")]
Seed = Annotated[int, typer.Option(help="Of the split, the drawn people and the intervals.")]
Clean = Annotated[bool, typer.Option("--clean/--no-clean", help="Clean the data first.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the model."),
]


def load(
    data: Path,
    *,
    map_: Sequence[str] | None,
    domain: str | None,
    weight: Sequence[str] | None,
    event: str | None,
    half_life: float | None,
    clean: bool,
) -> Dataset:
    """The data set, read and cleaned as `fit` does it."""
    mapping = options.key_values(map_, "--map")
    weights = options.event_weights(weight)
    from whyrec.data.cleaning import Cleaner
    from whyrec.data.readers import read

    with output.working(f"reading {data}"):
        dataset = read(data, map=mapping or None, domain=domain, weights=weights, event=event)
    if clean:
        with output.working("cleaning"):
            dataset, _ = Cleaner.default(dataset).clean(dataset)
    return dataset if half_life is None else dataset.with_half_life(half_life)


def lengths(text: str) -> tuple[int, ...]:
    """`10,20` as numbers, ascending.

    Raises
    ------
    ConfigError
        If one is not a whole number above 0.

    Examples
    --------
    >>> lengths("20, 10")
    (10, 20)
    """
    found = set()
    for part in text.split(","):
        if not part.strip().isdecimal() or int(part) < 1:
            raise ConfigError(
                f"“{part.strip()}” is not a length of a list",
                where="--k",
                remedy="give whole numbers from 1, for example --k 10,20",
            )
        found.add(int(part))
    return tuple(sorted(found))


def moment(text: str | None) -> datetime.datetime | None:
    """A date, or date and time, in ISO 8601.

    Raises
    ------
    ConfigError
        If it is none.
    """
    if text is None:
        return None
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"“{text}” is no date", where="--at", remedy="write it as 2026-01-31"
        ) from None


def check(method: str, share: float, folds: int, last: int) -> None:
    """Say what is wrong with the options before anything is read.

    Raises
    ------
    ConfigError
        If a value is not one of those allowed.
    """
    from whyrec.evaluate.splits import METHODS

    if method not in METHODS:
        raise ConfigError(
            f"no such split: {method}", where="--split", remedy=f"use {', '.join(METHODS)}"
        )
    if not 0 < share < 1:
        raise ConfigError(
            f"{share} is no share", where="--share", remedy="give one between 0 and 1: --share 0.2"
        )
    options.positive(folds, "--folds")
    options.positive(last, "--last")


def cut(
    dataset: Dataset,
    method: str,
    *,
    share: float,
    folds: int,
    last: int,
    at: str | None,
    seed: int,
) -> list[Split]:
    """The splits that the options ask for."""
    from whyrec.evaluate.splits import split

    with output.working("splitting"):
        return split(dataset, method, share=share, folds=folds, last=last, at=moment(at), seed=seed)


def recipe(file: Path | None) -> tuple[str | None, dict[str, Any]]:
    """Model and parameters of a file that `whyrec tune` wrote; nothing if none is given.

    Raises
    ------
    DataError
        If it is no such file.
    """
    if file is None:
        return None, {}
    from whyrec.evaluate.recipe import read_recipe

    return read_recipe(file)


def merged(model: str | None, told: str | None, file: Path | None, default: str = "ease") -> str:
    """The model's name of `--model` and of `--params`, which must not contradict each other.

    Raises
    ------
    DataError
        If they do.
    """
    if model is not None and told is not None and model != told:
        raise DataError(
            f"holds parameters of {told}, not of {model}",
            where=str(file),
            remedy=f"leave --model out, or pass --model {told}",
        )
    return model or told or default


def check_model(model: str, params: Mapping[str, Any]) -> None:
    """Make the model once, so that a bad value is told before minutes of reading.

    Raises
    ------
    ConfigError
        If the model, a parameter's name or a value is not one of those allowed.
    """
    from whyrec.recommend.checks import make_params
    from whyrec.recommend.registry import model as model_class

    kind = model_class(model)
    kind(**make_params(kind, params))
