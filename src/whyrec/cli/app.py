"""The tree of commands, and what becomes of every error."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated

import typer

from whyrec.cli import output
from whyrec.cli.adapt import adapt
from whyrec.cli.compare import compare
from whyrec.cli.data import data
from whyrec.cli.demo import demo
from whyrec.cli.evaluate import evaluate
from whyrec.cli.evidence import evidence
from whyrec.cli.explain import explain
from whyrec.cli.features import features
from whyrec.cli.fit import fit
from whyrec.cli.lm import lm
from whyrec.cli.recommend import recommend
from whyrec.cli.review import review
from whyrec.cli.sketches import sketches
from whyrec.cli.tune import tune
from whyrec.cli.verify import verify
from whyrec.errors import WhyrecError

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""Typer carries a copy of Click in newer versions and imports it in older ones: this is its own."""

app = typer.Typer(
    name="whyrec",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Recommend, and say why: reasons that are the model's own, in words that are checked.",
    epilog="Exit status: 0 done, 1 a text was refused, 2 bad input (one line says what to do), 130 Ctrl-C.",
)
for command in (
    demo,
    fit,
    recommend,
    explain,
    evidence,
    verify,
    sketches,
    review,
    evaluate,
    tune,
    compare,
):
    app.command()(command)
app.add_typer(data, name="data")
app.add_typer(features, name="features")
app.add_typer(adapt, name="adapt")
app.add_typer(lm, name="lm")


def _version(wanted: bool) -> None:
    if wanted:
        from whyrec import __version__

        print(f"whyrec {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _whyrec(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Options before the command."""


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)  # unwinds, so that nothing half-written stays


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        # Not `app()`: that would turn Ctrl-C and broken pipes into exits of its own.
        command = typer.main.get_command(app)
        args = list(sys.argv[1:] if argv is None else argv)
        with command.make_context("whyrec", args) as context:
            command.invoke(context)
        sys.stdout.flush()
        return 0
    except typer.Exit as e:
        sys.stdout.flush()
        return e.exit_code
    except WhyrecError as e:
        output.error(str(e))
        return 2
    except UsageError as e:
        if type(e).__name__ == "NoArgsIsHelpError":  # `whyrec` or `whyrec data`, and no more
            e.show()  # type: ignore[attr-defined]
            return 2
        path = getattr(getattr(e, "ctx", None), "command_path", "whyrec")
        output.error(f"{e.format_message().rstrip('.')}; see {path} --help")  # type: ignore[attr-defined]
        return 2
    except (KeyboardInterrupt, typer.Abort):
        output.error("stopped; nothing half-written was left")
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read our output has gone: say nothing, and keep Python's own flush at exit quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as e:
        if os.environ.get("WHYREC_DEBUG"):
            raise
        where = f"{e.filename}: " if e.filename else ""
        output.error(f"{where}{e.strerror or e}; check the path, its rights and the disk's space")
        return 2
    except MemoryError:
        output.error("out of memory; take fewer --processes, or a smaller data set or model")
        return 2
    except Exception as e:
        if os.environ.get("WHYREC_DEBUG"):
            raise
        output.error(
            f"unexpected {type(e).__name__}: {str(e)[:300]}; "
            "this is a bug in whyrec: WHYREC_DEBUG=1 shows where"
        )
        return 1
