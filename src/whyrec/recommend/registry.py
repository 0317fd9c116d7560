"""Which recommenders exist, by name; a class is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from whyrec.errors import ConfigError
from whyrec.recommend.base import Recommender

CLASSES = {
    "ease": "whyrec.recommend.ease:EASE",
    "ials": "whyrec.recommend.ials:IALS",
    "popularity": "whyrec.recommend.popularity:Popularity",
    "hybrid": "whyrec.recommend.hybrid:Hybrid",
}
"""`module:class` by name."""

MODELS = tuple(CLASSES)


def model(name: str) -> type[Recommender]:
    """The class of a recommender.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if name not in CLASSES:
        raise ConfigError(
            f"no such model: {name}", where="model", remedy=f"use {', '.join(MODELS)}"
        )
    module, _, attribute = CLASSES[name].partition(":")
    return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
