"""Which recommenders exist, by name."""

from __future__ import annotations

from whyrec.errors import ConfigError
from whyrec.recommend.base import Recommender

MODELS = ("ease", "ials", "popularity")


def model(name: str) -> type[Recommender]:
    """The class of a recommender.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if name == "ease":
        from whyrec.recommend.ease import EASE

        return EASE
    if name == "ials":
        from whyrec.recommend.ials import IALS

        return IALS
    if name == "popularity":
        from whyrec.recommend.popularity import Popularity

        return Popularity
    raise ConfigError(f"no such model: {name}", where="model", remedy=f"use {', '.join(MODELS)}")
