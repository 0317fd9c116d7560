"""The `whyrec` command: parse, call, print."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit status.

    0: done; 1: `verify` refused a text, or a bug in whyrec; 2: bad input, one line on stderr says
    where, what and what to do; 130: Ctrl-C.
    """
    from whyrec.cli.app import run

    raise SystemExit(run(argv))
