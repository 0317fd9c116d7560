"""What all models that came from elsewhere share: they are not fitted here, and say where they are from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import sparse

from whyrec.errors import ModelError
from whyrec.recommend.base import Floats, History, Ints, Recommender
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.scoring import RowModel

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset

PROBE = 8
"""Histories that are scored to tell apart models without arrays."""


class Adapted(RowModel):
    """A model that another library, a file, a function or a server gave."""

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Refused: it was fitted elsewhere.

        Raises
        ------
        ModelError
            Always.
        """
        raise ModelError(
            "was fitted elsewhere",
            where=self.name,
            remedy="fit it where it came from and adapt it again, see whyrec.recommend.adapters",
        )

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """Scores of the items without each event, by scoring again: float64 [items, h]."""
        return leave_one_out(self, history, items)


def without_each(history: History, n_items: int) -> sparse.csr_matrix:
    """h rows: the history without its first event, without its second, …"""
    h = len(history)
    keep = ~np.eye(h, dtype=np.bool_)
    indptr = np.arange(h + 1, dtype=np.int32) * max(h - 1, 0)
    items = np.broadcast_to(history.items, (h, h))[keep]
    weights = np.broadcast_to(history.weights, (h, h))[keep]
    return sparse.csr_matrix((weights, items, indptr), shape=(h, n_items))


def leave_one_out(model: Recommender, history: History, items: Ints) -> Floats:
    """Scores of the items without each event, from `model.scores`: float64 [items, h]."""
    if not len(history):
        return np.empty((len(items), 0))
    return np.asarray(model.scores(without_each(history, model.n_items))[:, items].T)


def bundle_of(
    model: Recommender, dataset: Dataset, source: Mapping[str, Any], **notes: Any
) -> Bundle:
    """The model with its data; `source` and `notes` (those that are not None) are what it says.

    Raises
    ------
    ModelError
        If the data hold nothing of what the model reads.
    """
    if not dataset.histories(model.reads).nnz:
        what = "ratings" if model.reads == "rated" else "positive events"
        raise ModelError(
            f"it reads {what}, and the data hold none",
            where=model.name,
            remedy="give the data that it was fitted on",
        )
    model.attach(dataset)
    said = {k: v for k, v in notes.items() if v is not None}
    return Bundle(model, dataset, {"adapted": dict(source), **said})


def source_of(model: Any, package: str | None = None) -> dict[str, Any]:
    """The class of somebody's model, and the package that it came with, where it is known."""
    out = {"class": f"{type(model).__module__}.{type(model).__qualname__}"}
    if package is not None:
        try:
            out["package"] = f"{package} {metadata.version(package)}"
        except metadata.PackageNotFoundError:
            out["package"] = package
    return out


def attribute(model: Any, name: str, where: str) -> Any:
    """What fitting leaves on somebody's model.

    Raises
    ------
    ModelError
        If it is not there, because the model was not fitted or is another kind of object.
    """
    value = getattr(model, name, None)
    if value is None:
        raise ModelError(
            f"{type(model).__name__} has no {name}", where=where, remedy="fit the model first"
        )
    return value


def unsupported(model: Any, where: str, known: Sequence[str]) -> ModelError:
    """The error about a class that has no adapter of its own."""
    return ModelError(
        f"{type(model).__name__} is not one of {', '.join(known)}",
        where=where,
        remedy="give its scores as a function with from_callable, or its lists with from_lists",
    )


def behaviour(
    name: str, dataset: Dataset, score: Callable[[sparse.csr_matrix], Floats], histories: Any
) -> str:
    """A fingerprint for a model without arrays: the data, and how it scores a few histories."""
    digest = hashlib.sha256(f"{name} {dataset.fingerprint}".encode())
    scores = np.round(score(histories[:PROBE]), 6)
    digest.update(np.ascontiguousarray(scores).data)
    return f"{name}-{digest.hexdigest()[:12]}"


def json_text(value: Any) -> str:
    """Compact JSON for messages, cut to a line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:79] + "…"
