"""The word lists of the simulated shop."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def table(name: str) -> dict[str, Any]:
    """The word list `name` (a TOML file beside this module)."""
    return tomllib.loads((files("whyrec.data.shop.words") / f"{name}.toml").read_text("utf-8"))
