"""`whyrec lm`: train and measure the embedded language model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyrec.cli import options, output
from whyrec.errors import ConfigError

if TYPE_CHECKING:
    from whyrec.training import Progress

lm = typer.Typer(
    name="lm", no_args_is_help=True, help="The embedded language model: train it, measure it."
)


@lm.command()
def train(
    out: Annotated[Path, typer.Option(help="Directory for checkpoints and the exported model.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of training: --set steps=500."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads of torch; all cores if not given.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Train a small decoder on the project's own phrase grammar; needs torch (the `train` extra).

    A stopped training is resumed by the same command. The result is used with --llm nano:OUT/model.
    """
    settings = options.key_values(set_, "--set")
    options.check_place(out, directory=True)
    if threads is not None:
        options.positive(threads, "--threads")
    values = _settings(settings)
    from whyrec.training import TrainConfig, train

    config = replace(TrainConfig(), **values)  # type: ignore[arg-type]
    watch = _Watch()
    with watch:
        done = train(out, config=config, threads=threads, progress=watch)
    last = done.rows[-1] if done.rows else None
    summary = {
        "model": str(done.model) if done.model else None,
        "steps": done.steps,
        "stopped_early": done.stopped_early,
        "seconds": round(done.seconds, 1),
        "valid_loss": last.valid_loss if last else None,
        "slots_exact": last.slots_exact if last else None,
        "accepted": last.accepted if last else None,
    }
    if json:
        output.json_line(summary)
        return
    from whyrec.cli import show

    output.stdout().print(show.facts(summary))


@lm.command("eval")
def evaluate(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[MODEL]", help="Exported model; the one in the package if not given."
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", help="Texts for each shape.")] = 4,
    lang: Annotated[str | None, typer.Option(metavar="en|zh", help="One language only.")] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="Training corpus, to tell new sentences from learnt ones.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of sampling.")] = 0,
    json: options.Json = False,
) -> None:
    """Sample sketches for every shape and say how many are well formed, accepted, distinct, new."""
    options.positive(n, "-n")
    if lang is not None:
        options.languages([lang])
    from whyrec.training.corpus import all_shapes
    from whyrec.training.evaluation import evaluate_lm

    with output.working("sampling"):
        report = evaluate_lm(path, shapes=all_shapes(lang), n=n, corpus=corpus, seed=seed)
    if json:
        output.json_line(report.to_json())
        return
    from whyrec.cli import show

    figures = report.to_json()
    families, refused = figures.pop("families"), figures.pop("refused")
    console = output.stdout()
    console.print(show.facts(figures))
    console.print(show.table(families, title="\nBy family of shapes"))
    if refused:
        rows = [{"shape": key, "text": text} for key, text in refused[:10]]
        console.print(show.table(rows, title="\nSome that were refused"))


class _Watch:
    """Progress of training on stderr: one bar a stage."""

    def __init__(self) -> None:
        self._stage: str | None = None
        self._bar: Any = None
        self._step: Any = None
        self._done = 0

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)

    def __call__(self, at: Progress) -> None:
        if at.stage != self._stage:
            self.__exit__()
            self._bar = output.progress(
                {"corpus": "writing", "train": "training"}.get(at.stage, at.stage), at.total
            )
            self._step = self._bar.__enter__()
            self._stage, self._done = at.stage, 0
        self._step(at.done - self._done)
        self._done = at.done


def _settings(given: dict[str, str]) -> dict[str, int | float]:
    """The values as the settings' own types."""
    from dataclasses import asdict

    from whyrec.training import TrainConfig

    defaults: dict[str, int | float] = asdict(TrainConfig())
    out: dict[str, int | float] = {}
    for name, text in given.items():
        if name not in defaults:
            raise ConfigError(
                f"no setting “{name}”", where="--set", remedy=f"use one of {', '.join(defaults)}"
            )
        try:
            out[name] = type(defaults[name])(text)
        except ValueError:
            kind = "a whole number" if isinstance(defaults[name], int) else "a number"
            raise ConfigError(
                f"“{text}” is not {kind}",
                where=f"--set {name}",
                remedy=f"for example {name}={defaults[name]}",
            ) from None
    return out
