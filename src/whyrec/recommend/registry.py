"""Which recommenders exist, by name; a class is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from whyrec.errors import ConfigError

if TYPE_CHECKING:
    from whyrec.recommend.base import Recommender

CLASSES = {
    "ease": "whyrec.recommend.ease:EASE",
    "ials": "whyrec.recommend.ials:IALS",
    "ease-sparse": "whyrec.recommend.ease_sparse:SparseEASE",
    "itemknn": "whyrec.recommend.itemknn:ItemKNN",
    "mf": "whyrec.recommend.mf:MF",
    "bpmf": "whyrec.recommend.bpmf:BPMF",
    "ratingknn": "whyrec.recommend.ratingknn:RatingKNN",
    "userknn": "whyrec.recommend.userknn:UserKNN",
    "bpr": "whyrec.recommend.bpr:BPR",
    "popularity": "whyrec.recommend.popularity:Popularity",
    "content": "whyrec.recommend.content:Content",
    "hybrid": "whyrec.recommend.hybrid:Hybrid",
    "stacking": "whyrec.recommend.stacking:Stacking",
    "bagging": "whyrec.recommend.bagging:Bagging",
    "multvae": "whyrec.recommend.neural.multvae:MultVAE",
    "sasrec": "whyrec.recommend.neural.sasrec:SASRec",
}
"""`module:class` by name."""

ADAPTED = {
    "als": "whyrec.recommend.adapters.als:ConfidenceIALS",
    "factors": "whyrec.recommend.adapters.factors:Factors",
    "feature-factors": "whyrec.recommend.adapters.features:FeatureFactors",
    "item-weights": "whyrec.recommend.adapters.weights:ItemWeights",
    "item-neighbours": "whyrec.recommend.adapters.neighbours:ItemNeighbours",
    "user-neighbours": "whyrec.recommend.adapters.user_neighbours:UserNeighbours",
    "slope-one": "whyrec.recommend.adapters.slope_one:SlopeOne",
    "onnx": "whyrec.recommend.adapters.onnx:OnnxModel",
    "http": "whyrec.recommend.adapters.http:HttpModel",
    "lists": "whyrec.recommend.adapters.lists:Lists",
}
"""Those that only adapters make: they can be loaded, but not fitted."""

MODELS = tuple(CLASSES)


def model(name: str) -> type[Recommender]:
    """The class of a recommender.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    path = CLASSES.get(name) or ADAPTED.get(name)
    if path is None:
        raise ConfigError(
            f"no such model: {name}", where="model", remedy=f"use {', '.join(MODELS)}"
        )
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
