"""Several models on the same splits: one table, and who is better than whom beyond chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, ModelError, WhyrecError
from whyrec.evaluate.evaluation import Evaluation, evaluate
from whyrec.evaluate.intervals import FLIPS, holm, sign_flips
from whyrec.evaluate.measures import Asked
from whyrec.evaluate.splits import Split
from whyrec.recommend.checks import make_params
from whyrec.recommend.registry import model as model_class

SIGNIFICANT = 0.05
"""Corrected p-values below it are told as a difference."""

WARM_PEOPLE = 40


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model with its parameters, and what it is called in the table."""

    name: str
    model: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two models on one metric.

    Attributes
    ----------
    better, worse
        Names; `better` is ahead, by chance or not.
    gain
        By how much the metric differs, as a positive number.
    p
        Two-sided, of the paired permutation test over people, corrected by Holm for all pairs.
    """

    metric: str
    better: str
    worse: str
    gain: float
    p: float

    @property
    def significant(self) -> bool:
        """Whether it is more than chance."""
        return self.p < SIGNIFICANT

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "metric": self.metric,
            "better": self.better,
            "worse": self.worse,
            "gain": self.gain,
            "p": self.p,
            "significant": self.significant,
        }


@dataclass(frozen=True)
class Comparison:
    """Models by name, the best first, and what failed.

    Attributes
    ----------
    metric
        What they are ordered and tested by.
    found
        One evaluation a model.
    differences
        Every pair, on `metric`, and on `rmse` of the models that predict ratings.
    failed
        Why a model could not be measured, by name.
    """

    metric: str
    found: Mapping[str, Evaluation]
    differences: tuple[Difference, ...]
    failed: Mapping[str, str]

    def beaten(self, name: str, metric: str | None = None) -> tuple[str, ...]:
        """Names of the models that one is better than, beyond chance."""
        metric = metric or self.metric
        return tuple(
            d.worse
            for d in self.differences
            if d.better == name and d.metric == metric and d.significant
        )


def compare(
    splits: Sequence[Split],
    recipes: Sequence[Recipe],
    *,
    metric: Asked,
    ks: Sequence[int] = (10,),
    people: int | None = None,
    seed: int = 0,
    begin: Callable[[str], None] | None = None,
) -> Comparison:
    """Fit and ask every model on the same splits, one after the other.

    A model that cannot be measured is told with its reason and the others go on.

    Parameters
    ----------
    metric
        By which they are ordered and tested; models that do not have it come last.
    begin
        Called with a name before its model is fitted.

    Raises
    ------
    ConfigError
        If there are no models, two have one name, or neither way of the metric is better.
    ModelError
        If every model failed.
    """
    _check(recipes, metric)
    if metric.k is not None and metric.k not in ks:
        ks = sorted({*ks, metric.k})
    found: dict[str, Evaluation] = {}
    failed: dict[str, str] = {}
    for recipe in recipes:
        if begin is not None:
            begin(recipe.name)
        try:
            _warm(splits[0].train, recipe)
            found[recipe.name] = evaluate(
                splits, recipe.model, recipe.params, ks=ks, people=people, seed=seed
            )
        except WhyrecError as error:
            failed[recipe.name] = str(error)
        except MemoryError:
            failed[recipe.name] = "out of memory; use a smaller data set or model"
        except Exception as error:
            # One model's bug must not cost hours of the others' work; it is told as what it is.
            failed[recipe.name] = f"unexpected {type(error).__name__}: {str(error)[:200]}"
    if not found:
        name, why = next(iter(failed.items()))
        raise ModelError(f"no model could be measured ({name}: {why})", where="compare")
    name = str(metric)
    sign = 1 if metric.measure.higher else -1

    def place(item: tuple[str, Evaluation]) -> tuple[bool, float]:
        if name not in item[1].names:
            return True, 0.0
        return False, -sign * item[1].value(name)

    ordered = dict(sorted(found.items(), key=place))
    tested = dict.fromkeys((name, "rmse"))
    differences = [
        d for m in tested for d in _differences(ordered, m, sign if m == name else -1, seed)
    ]
    return Comparison(name, ordered, tuple(differences), failed)


def _check(recipes: Sequence[Recipe], metric: Asked) -> None:
    if not recipes:
        raise ConfigError("no models are named", where="compare", remedy="name two or more")
    names = [r.name for r in recipes]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ConfigError(f"{twice[0]} is named twice", where="compare", remedy="name it once")
    if metric.measure.higher is None:
        raise ConfigError(
            f"neither more nor less {metric} is better", where="metric", remedy="use ndcg@10"
        )
    for recipe in recipes:
        kind = model_class(recipe.model)
        kind(**make_params(kind, recipe.params))


def _warm(dataset: Dataset, recipe: Recipe) -> None:
    """Fit on a few people, so that compiling and importing are not told as the time to fit."""
    few = dataset.events["user"].unique().sort().head(WARM_PEOPLE)
    part = replace(
        dataset,
        events=dataset.events.filter(dataset.events["user"].is_in(few.implode())),
        set_aside=None,
    )
    kind = model_class(recipe.model)
    model = kind(**make_params(kind, recipe.params))
    try:
        model.fit_dataset(part)
    except Exception:
        return  # what is wrong with it is told by the real fit


def _differences(
    found: Mapping[str, Evaluation], metric: str, sign: int, seed: int
) -> list[Difference]:
    """Every pair of the models that have the metric, tested on the people of both."""
    each = {n: e.each[metric] for n, e in found.items() if metric in e.each}
    pairs = list(combinations(each, 2))
    if not pairs:
        return []
    columns = []
    for a, b in pairs:
        both = (each[a].count > 0) & (each[b].count > 0)
        # Of a root mean square the squares are compared: they add up over people.
        columns.append(np.where(both, each[a].total - each[b].total, 0.0))
    differences = np.column_stack(columns)
    differences = differences[(differences != 0).any(1)]
    p = holm(sign_flips(differences, flips=FLIPS, seed=seed))
    out = []
    for k, (a, b) in enumerate(pairs):
        gain = sign * (each[a].value - each[b].value)
        better, worse = (a, b) if gain >= 0 else (b, a)
        out.append(Difference(metric, better, worse, abs(gain), float(p[k])))
    return out
