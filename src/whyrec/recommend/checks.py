"""Checks of what comes in from outside: interaction matrices, histories and parameters."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from whyrec.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from whyrec.data.dataset import Reads


def check_matrix(matrix: Any, *, what: str, n_items: int | None = None) -> sparse.csr_matrix:
    """The matrix as CSR with sorted indices, float32 weights > 0 and finite, zeros left out.

    Raises
    ------
    ModelError
        If it is not two-dimensional, has another number of items than `n_items`, or holds a
        weight that is NaN, infinite or negative.
    """
    if not sparse.issparse(matrix) or matrix.ndim != 2:
        raise ModelError(
            "not a sparse users × items matrix", where=what, remedy="pass a CSR matrix"
        )
    csr = matrix.tocsr()
    if n_items is not None and csr.shape[1] != n_items:
        raise ModelError(
            f"{csr.shape[1]} items where the model knows {n_items}",
            where=what,
            remedy="use the data set that the model was fitted on, or fit again",
        )
    if not np.isfinite(csr.data).all():
        row = int(np.searchsorted(csr.indptr, np.flatnonzero(~np.isfinite(csr.data))[0], "right"))
        raise ModelError(
            f"a weight in row {row - 1} is not a finite number",
            where=what,
            remedy="clean the events (weights must be numbers above 0)",
        )
    if (csr.data < 0).any():
        row = int(np.searchsorted(csr.indptr, np.flatnonzero(csr.data < 0)[0], "right"))
        raise ModelError(
            f"a weight in row {row - 1} is negative",
            where=what,
            remedy="give events that speak against an item the weight 0",
        )
    if (csr.data == 0).any() or not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
        csr.eliminate_zeros()
    return csr if csr.dtype == np.float32 else csr.astype(np.float32)


def check_histories(
    matrix: Any, reads: Reads, *, what: str, n_items: int | None = None
) -> sparse.csr_matrix:
    """The matrix as float32 CSR for a model that reads `liked`, `rated` or `sequence` histories.

    `liked` is `check_matrix`. Ratings may be zero or negative and every stored one counts;
    sequences keep the order of their rows. Neither may hold an item twice in a row.

    Raises
    ------
    ModelError
        As `check_matrix`, and if a row names an item twice.
    """
    if reads == "liked":
        return check_matrix(matrix, what=what, n_items=n_items)
    if reads == "sequence":
        ordered = matrix.tocsr() if sparse.issparse(matrix) and matrix.ndim == 2 else matrix
        check_matrix(
            ordered.copy() if sparse.issparse(ordered) else ordered, what=what, n_items=n_items
        )
    else:
        ordered = matrix
        if not sparse.issparse(matrix) or matrix.ndim != 2:
            raise ModelError(
                "not a sparse users × items matrix", where=what, remedy="pass a CSR matrix"
            )
        ordered = matrix.tocsr()
        if n_items is not None and ordered.shape[1] != n_items:
            raise ModelError(
                f"{ordered.shape[1]} items where the model knows {n_items}",
                where=what,
                remedy="use the data set that the model was fitted on, or fit again",
            )
        if not np.isfinite(ordered.data).all():
            raise ModelError(
                "a rating is not a finite number", where=what, remedy="clean the ratings"
            )
    if _repeats(ordered):
        raise ModelError(
            "a row names an item twice", where=what, remedy="keep one event a person and item"
        )
    return ordered if ordered.dtype == np.float32 else ordered.astype(np.float32)


def _repeats(csr: sparse.csr_matrix) -> bool:
    if csr.has_canonical_format:
        return False
    rows = np.repeat(np.arange(csr.shape[0], dtype=np.int64), np.diff(csr.indptr))
    keys = rows * csr.shape[1] + csr.indices
    return len(np.unique(keys)) < len(keys)


def check_fit(matrix: Any, model: str) -> sparse.csr_matrix:
    """`check_matrix` for fitting: it must hold at least one event."""
    csr = check_matrix(matrix, what=f"{model}.fit")
    if csr.nnz == 0:
        raise ModelError(
            "there are no positive events to learn from",
            where=f"{model}.fit",
            remedy="check the event types, their weights and the rating scale",
        )
    return csr


def make_params(model: type, params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters for a model's constructor, text from the command line converted by its default.

    Raises
    ------
    ConfigError
        If a name is unknown or a value cannot be read.
    """
    known = {
        p.name: p.default
        for p in inspect.signature(model).parameters.values()
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    }
    name = getattr(model, "name", model.__name__)
    out: dict[str, Any] = {}
    for key, value in params.items():
        if key not in known:
            raise ConfigError(
                f"no such parameter: {key}",
                where=name,
                remedy=f"use {', '.join(known)}" if known else "it takes none",
            )
        out[key] = _convert(value, known[key], f"{name}, {key}")
    return out


def _convert(value: Any, default: Any, where: str) -> Any:
    """`value` as the kind of thing that `default` is; a default of None takes anything."""
    if default is None:
        return value
    wanted = type(default)
    if wanted in (list, tuple, dict) and isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = value.split(",") if wanted is not dict else value
    try:
        if wanted is bool and isinstance(value, str):
            value = _SWITCH[value.casefold()]
        elif isinstance(value, str) and wanted in (float, int):
            value = wanted(value)
        elif wanted is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        elif wanted in (list, tuple) and isinstance(value, list | tuple):
            value = wanted(value)
    except (ValueError, KeyError):
        pass
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise ConfigError(
            f"{value!r} is not {_KINDS[wanted]}", where=where, remedy=f"for example {default}"
        )
    return value


_SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_KINDS = {
    int: "a whole number",
    float: "a number",
    str: "a word",
    bool: "true or false",
    list: "a list",
    tuple: "a list",
    dict: "a table in JSON",
}


def check_number(
    value: Any, *, where: str, low: float, high: float = np.inf, whole: bool = False
) -> None:
    """Raise ConfigError unless `value` is a finite number from `low` to `high`."""
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    good = isinstance(value, kinds) and not isinstance(value, bool)
    if not good or not np.isfinite(value) or not low <= value <= high:
        top = "" if high == np.inf else f" to {high:g}"
        raise ConfigError(
            f"{value!r} is not allowed",
            where=where,
            remedy=f"use a {'whole ' if whole else ''}number from {low:g}{top}",
        )
