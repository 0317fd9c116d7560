"""Scores taken apart: by the model itself where it is exact, by calls to it where it is not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from whyrec.errors import ConfigError
from whyrec.evidence.attribution import BUDGET, METHODS, occlusion
from whyrec.recommend.base import Floats, History, Ints, Recommender


@dataclass(frozen=True, slots=True, eq=False)
class Attributed:
    """What is known of the scores of some items for one history.

    Attributes
    ----------
    parts, effects
        float64 [items, h]: what each event adds, and what the score loses without it.
    errors
        float64 [items, h], standard errors of the parts; None where nothing was sampled.
    baseline
        float64 [items].
    method
        `exact`, `surrogate` (a stand-in's parts), or the name of the method that asked the model.
    calls
        Histories that the model scored for it.
    """

    parts: Floats
    effects: Floats
    errors: Floats | None
    baseline: Floats
    method: str
    calls: int


class Attributor:
    """Takes the scores of a recommender apart.

    Parameters
    ----------
    recommender
        The fitted model.
    method, budget, seed
        How a model that is not exact is asked; see `evidence.attribution`.

    Raises
    ------
    ConfigError
        If there is no such method, or the budget is below 2.
    """

    def __init__(
        self,
        recommender: Recommender,
        *,
        method: str = "shapley",
        budget: int = BUDGET,
        seed: int = 0,
    ) -> None:
        if method not in METHODS:
            raise ConfigError(
                f"no such method: {method}", where="method", remedy=f"use {', '.join(METHODS)}"
            )
        if budget < 2:
            raise ConfigError(f"a budget of {budget} calls", where="budget", remedy="use 2 or more")
        self.recommender = recommender
        if recommender.surrogate:
            method = "surrogate"
        self.method = "exact" if recommender.exact else method
        self.budget = budget
        self.seed = seed

    def __call__(self, history: History, items: Ints) -> Attributed:
        """The scores of the items taken apart; the history must not be empty."""
        model = self.recommender
        if model.exact or model.surrogate:
            parts, effects = model.explain(history, items)
            return Attributed(parts, effects, None, model.baseline(items), self.method, 0)
        lost = occlusion(model, history, items)
        calls = lost.calls + 1
        baseline = self._nothing[items]
        if self.method == "occlusion":
            return Attributed(lost.parts, lost.parts, None, baseline, self.method, calls)
        found = METHODS[self.method](model, history, items, budget=self.budget, seed=self.seed)
        calls += found.calls
        return Attributed(found.parts, lost.parts, found.error, baseline, self.method, calls)

    @cached_property
    def _nothing(self) -> Floats:
        """The model's own scores of an empty history: float64 [n_items]."""
        nothing = History(np.empty(0, np.int32), np.empty(0, np.float32))
        model = self.recommender
        return np.asarray(model.scores(nothing.matrix(model.n_items))[0], np.float64)
