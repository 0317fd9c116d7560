"""`whyrec demo`: the whole way on a simulated shop, offline, ending in a page to open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from whyrec.cli import options


def demo(
    out: Annotated[Path, typer.Option(help="Directory to write to.")] = Path("whyrec-demo"),
    json: options.Json = False,
) -> None:
    """Shop, cleaning, model, explanations of 20 users in both languages, and report.html."""
