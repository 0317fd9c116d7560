"""`adapt`: which adapter a fitted model needs, told by the library that its class comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whyrec.errors import ModelError
from whyrec.recommend.adapters.cornac import from_cornac
from whyrec.recommend.adapters.functions import from_callable
from whyrec.recommend.adapters.implicit import from_implicit
from whyrec.recommend.adapters.lenskit import from_lenskit
from whyrec.recommend.adapters.lightfm import from_lightfm
from whyrec.recommend.adapters.recbole import from_recbole
from whyrec.recommend.adapters.surprise import from_surprise

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

LIBRARIES = {
    "implicit": from_implicit,
    "surprise": from_surprise,
    "lightfm": from_lightfm,
    "lenskit": from_lenskit,
    "cornac": from_cornac,
    "recbole": from_recbole,
}
"""The adapter of each library, by the top package of its classes (or of a base class)."""


def adapt(model: Any, dataset: Dataset, **options: Any) -> Bundle:
    """A fitted model of a known library, or a function, as a whyrec bundle.

    Parameters
    ----------
    model
        Fitted with implicit, scikit-surprise, lightfm, lenskit, cornac or recbole; else anything
        that can be called with a CSR matrix of histories.
    **options
        Those of the library's `from_…`.

    Raises
    ------
    ModelError
        If it is neither.
    """
    for kind in type(model).__mro__:
        make: Any = LIBRARIES.get(kind.__module__.partition(".")[0])
        if make is not None:
            bundle: Bundle = make(model, dataset, **options)
            return bundle
    if callable(model):
        return from_callable(model, dataset, **options)
    raise ModelError(
        f"no adapter for {type(model).__module__}.{type(model).__qualname__}",
        where="adapt",
        remedy=f"use a model of {', '.join(LIBRARIES)}, or from_callable, from_factors, from_onnx, "
        "from_http, from_lists",
    )
