"""A recipe on disk: a model's name and parameters, as `whyrec tune` writes and `whyrec fit` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whyrec.data.files import atomic_file
from whyrec.errors import DataError


def write_recipe(content: Mapping[str, Any], file: str | Path) -> None:
    """Write JSON with `model`, `params` and whatever else is known, whole or not at all.

    Raises
    ------
    DataError
        If the place cannot be written.
    """
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_file(file) as part:
        part.write_text(text + "\n", encoding="utf-8")


def read_recipe(file: str | Path) -> tuple[str, dict[str, Any]]:
    """The model's name and its parameters.

    Raises
    ------
    DataError
        If it cannot be read or is no recipe.
    """
    remedy = "name a file that `whyrec tune --out` wrote"
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError("no such file", where=str(file), remedy=remedy) from None
    except IsADirectoryError:
        raise DataError("is a directory", where=str(file), remedy=remedy) from None
    except ValueError as error:
        raise DataError(f"not JSON: {error}", where=str(file), remedy=remedy) from None
    if not isinstance(content, dict):
        content = {}
    model, params = content.get("model"), content.get("params")
    if not isinstance(model, str) or not isinstance(params, dict):
        raise DataError("holds no “model” and “params”", where=str(file), remedy=remedy)
    return model, params
