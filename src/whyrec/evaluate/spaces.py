"""Where the parameters of each model are searched: one space a registered model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from whyrec.errors import ConfigError
from whyrec.recommend.registry import MODELS
from whyrec.recommend.registry import model as model_class


@dataclass(frozen=True, slots=True)
class Real:
    """Numbers from low to high, evenly in their logarithm unless `log` is False."""

    low: float
    high: float
    log: bool = True

    def suggest(self, trial: Any, name: str) -> float:
        """Draw one."""
        return float(trial.suggest_float(name, self.low, self.high, log=self.log))


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole numbers from low to high, evenly in their logarithm unless `log` is False."""

    low: int
    high: int
    log: bool = True

    def suggest(self, trial: Any, name: str) -> int:
        """Draw one."""
        return int(trial.suggest_int(name, self.low, self.high, log=self.log))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values."""

    values: tuple[str | bool | int | float | None, ...]

    def suggest(self, trial: Any, name: str) -> str | bool | int | float | None:
        """Draw one."""
        drawn: str | bool | int | float | None = trial.suggest_categorical(name, self.values)
        return drawn


Dimension = Real | Whole | Choice


@dataclass(frozen=True)
class Space:
    """What may be drawn for a model.

    Attributes
    ----------
    dimensions
        By name; the names are constructor parameters unless `build` makes these of them.
    build
        From drawn values to constructor parameters.
    start
        Drawn values to begin with, so that the result is never worse than them; by default the
        constructor's own.
    """

    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    build: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    start: Mapping[str, Any] | None = None

    def suggest(self, trial: Any) -> dict[str, Any]:
        """Constructor parameters for an Optuna trial."""
        drawn = {name: d.suggest(trial, name) for name, d in self.dimensions.items()}
        return dict(self.build(drawn)) if self.build else drawn

    def without(self, fixed: Mapping[str, Any]) -> Space:
        """The space less what is given; nothing is left to draw of a built parameter given."""
        if self.build is not None:
            return Space() if set(fixed) & set(self.build(self.start or {})) else self
        return Space({n: d for n, d in self.dimensions.items() if n not in fixed})

    def beginning(self, model: str) -> dict[str, Any]:
        """Drawn values of `start`, those of the constructor without one."""
        if self.start is not None:
            return dict(self.start)
        defaults = inspect.signature(model_class(model)).parameters
        return {n: defaults[n].default for n in self.dimensions}


def _weights(*parts: str) -> Space:
    """Weights of a hybrid's parts, drawn one by one and summing to 1."""

    def build(drawn: Mapping[str, Any]) -> Mapping[str, Any]:
        total = sum(drawn[p] for p in parts)
        return {"parts": [{"model": p, "weight": drawn[p] / total} for p in parts]}

    return Space(
        {p: Real(0.01, 1.0, log=False) for p in parts},
        build,
        {p: 1 / len(parts) for p in parts},
    )


_NEAREST: dict[str, Dimension] = {"k": Whole(10, 1000), "shrinkage": Real(0.0, 100.0, log=False)}

SPACES: Mapping[str, Space] = {
    "popularity": Space(),
    "ease": Space({"regularization": Real(1.0, 20_000.0)}),
    "ease-sparse": Space({"regularization": Real(1.0, 20_000.0), "neighbours": Whole(50, 1000)}),
    "ials": Space(
        {
            "factors": Whole(8, 256),
            "regularization": Real(0.1, 300.0),
            "alpha": Real(0.1, 100.0),
            "iterations": Whole(5, 30),
        }
    ),
    "itemknn": Space(
        {
            **_NEAREST,
            "similarity": Choice(("tfidf", "cosine", "bm25", "jaccard", "pearson")),
            "asymmetry": Real(0.0, 1.0, log=False),
            "activity": Real(0.0, 1.0, log=False),
        }
    ),
    "userknn": Space(
        {
            **_NEAREST,
            "similarity": Choice(("cosine", "tfidf", "jaccard", "pearson")),
            "asymmetry": Real(0.0, 1.0, log=False),
            "popularity": Real(0.0, 1.0, log=False),
        }
    ),
    "bpr": Space(
        {
            "loss": Choice(("warp", "bpr")),
            "factors": Whole(8, 256),
            "learning_rate": Real(0.005, 0.5),
            "regularization": Real(1e-5, 0.1),
            "power": Real(0.0, 1.0, log=False),
            "iterations": Whole(10, 100),
        }
    ),
    "mf": Space(
        {
            "factors": Whole(4, 128),
            "regularization": Real(1.0, 100.0),
            "bias_regularization": Real(0.5, 50.0),
            "implicit": Choice(("items", "none", "users", "both")),
            "implicit_regularization": Real(0.5, 50.0),
        }
    ),
    "bpmf": Space(
        {
            "factors": Whole(4, 64),
            "samples": Whole(10, 100),
            "implicit": Choice(("both", "items", "users", "none")),
            "implicit_regularization": Real(0.2, 20.0),
        }
    ),
    "ratingknn": Space(
        {
            "k": Whole(5, 300),
            "shrinkage": Real(1.0, 1000.0),
            "damping": Real(0.01, 10.0),
            "bias_regularization": Real(0.5, 50.0),
        }
    ),
    "content": Space(
        {"features": Choice(("tfidf", "facets", "tfidf+facets", "lsa"))},
    ),
    "hybrid": _weights("ease", "ials", "itemknn"),
    "stacking": Space({"regularization": Real(1e-6, 1.0), "folds": Whole(2, 8)}),
    "bagging": Space(
        {"of": Choice(("ials", "ease", "itemknn", "bpr")), "n": Whole(2, 20)},
        start={"of": "ials", "n": 5},
    ),
    "multvae": Space(
        {
            "hidden": Whole(100, 1000),
            "latent": Whole(32, 400),
            "dropout": Real(0.1, 0.8, log=False),
            "beta": Real(0.01, 1.0),
            "learning_rate": Real(2e-4, 5e-3),
        }
    ),
    "sasrec": Space(
        {
            "length": Whole(20, 200),
            "width": Choice((64, 32, 128)),
            "blocks": Whole(1, 3, log=False),
            "dropout": Real(0.0, 0.6, log=False),
            "learning_rate": Real(2e-4, 5e-3),
        }
    ),
}
"""By the name in the registry."""


def space(model: str) -> Space:
    """The space of a model.

    Raises
    ------
    ConfigError
        If there is no such model or nobody has said where to search.
    """
    model_class(model)
    if model not in SPACES:
        known = [m for m in MODELS if m in SPACES]
        raise ConfigError(
            "nobody has said where to search its parameters",
            where=model,
            remedy=f"tune {', '.join(known)}, or try values with --set",
        )
    return SPACES[model]
