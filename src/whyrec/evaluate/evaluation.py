"""One model, fitted and asked on one or several splits: what it measures, person by person."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError, DataError
from whyrec.evaluate import lists as beyond
from whyrec.evaluate.intervals import PerPerson, bootstrap
from whyrec.evaluate.measures import Asked, everything
from whyrec.evaluate.ranking import Hits, auc_each
from whyrec.evaluate.rating import rating_errors
from whyrec.evaluate.splits import Split
from whyrec.features.facets import Facets
from whyrec.features.vectors import ItemFeatures, unit_rows
from whyrec.recommend.bundle import Bundle, take
from whyrec.recommend.checks import make_params
from whyrec.recommend.registry import model as model_class
from whyrec.recommend.rules import Rules

SCORES = 1 << 22
"""Scores held at once where all items are needed."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model measured.

    Attributes
    ----------
    model, params
        The recipe; `params` are those it was fitted with, defaults included.
    split
        How the data were split.
    each
        Measures that are means over people, by name (`ndcg@10`); indices are those of the users.
    whole
        Measures of all lists together (`coverage@10`), the mean over folds.
    missing
        Measures that were asked for and cannot be told, with the reason.
    people, pairs, folds
        Who was tested, on how many held-out pairs (likings, or ratings where only these count),
        in how many folds.
    fit_seconds, rank_seconds
        Medians over folds: to learn, and to make the lists of everybody tested.
    """

    model: str
    params: Mapping[str, Any]
    split: str
    each: Mapping[str, PerPerson]
    whole: Mapping[str, float]
    missing: Mapping[str, str]
    people: int
    pairs: int
    folds: int
    fit_seconds: float
    rank_seconds: float
    seed: int = field(default=0, repr=False)

    def value(self, name: str) -> float:
        """The measure of that name.

        Raises
        ------
        ConfigError
            If it was not measured.
        """
        if name in self.whole:
            return self.whole[name]
        if name not in self.each:
            raise ConfigError(
                self.missing.get(name, "not measured"),
                where=f"{self.model}, {name}",
                remedy=f"use {', '.join((*self.each, *self.whole))}",
            )
        return self.each[name].value

    @cached_property
    def intervals(self) -> Mapping[str, tuple[float, float]]:
        """95 % bootstrap intervals over people, of every measure that is a mean over them."""
        found = bootstrap(list(self.each.values()), seed=self.seed)
        return dict(zip(self.each, found, strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """The measures told, in the order of `MEASURES`."""
        wanted = [str(a) for a in everything(self._ks, ratings=True)]
        return tuple(n for n in wanted if n in self.each or n in self.whole)

    @property
    def _ks(self) -> list[int]:
        at = (n.partition("@")[2] for n in (*self.each, *self.whole))
        return sorted({int(k) for k in at if k})

    def to_json(self) -> dict[str, Any]:
        """Recipe, split, times, and each measure with its interval where it has one."""
        measures: dict[str, dict[str, float]] = {}
        for name in self.names:
            measures[name] = {"value": self.value(name)}
            if name in self.intervals:
                low, high = self.intervals[name]
                measures[name] |= {"low": low, "high": high}
        return {
            "model": self.model,
            "params": dict(self.params),
            "split": self.split,
            "folds": self.folds,
            "people": self.people,
            "pairs": self.pairs,
            "measures": measures,
            "missing": dict(self.missing),
            "fit_seconds": round(self.fit_seconds, 4),
            "rank_seconds": round(self.rank_seconds, 4),
        }


def evaluate(
    splits: Split | Sequence[Split],
    model: str,
    params: Mapping[str, Any] | None = None,
    *,
    ks: Sequence[int] = (10,),
    asked: Sequence[Asked] | None = None,
    people: int | None = None,
    seed: int = 0,
    rules: Rules | None = None,
) -> Evaluation:
    """Fit a model on each split's training part and measure it on what was held out.

    Parameters
    ----------
    params
        The model's parameters, as values or as text.
    ks
        Lengths of lists.
    asked
        Which measures; by default all, those of ratings where the model predicts ratings.
    people
        Test at most so many people, drawn at random; the model still learns from everybody.
    seed
        Of that draw and of the intervals.
    rules
        What pins, boosts or leaves out items in the lists.

    Raises
    ------
    ConfigError
        If the model, a parameter or a measure is not one of those allowed, or a list would be
        longer than the catalogue.
    ModelError, DataError
        If the data cannot be learnt from, or nothing that was asked for can be measured.
    """
    splits = [splits] if isinstance(splits, Split) else list(splits)
    rates = _rates(model, params)
    if asked is None:
        asked = everything(ks, ratings=rates)
    check_asked(model, params, asked, splits[0].train.n_items)
    folds = [_fold(s, model, dict(params or {}), asked, people, seed, rules) for s in splits]
    each = {n: reduce(add, (f.each[n] for f in folds)) for n in folds[0].each}
    whole = {n: float(np.mean([f.whole[n] for f in folds])) for n in folds[0].whole}
    missing = dict(folds[0].missing)
    for name in [n for n, m in each.items() if not m.count.any()]:
        missing[name] = "cannot be told of anybody's list"
        del each[name]
    for name in [n for n, v in whole.items() if np.isnan(v)]:
        missing[name] = "the lists are empty"
        del whole[name]
    tested = {u for f in folds for u in f.tested.tolist()}
    return Evaluation(
        model=model,
        params=folds[0].params,
        split=splits[0].name,
        each=each,
        whole=whole,
        missing=missing,
        people=len(tested),
        pairs=sum(f.pairs for f in folds),
        folds=len(splits),
        fit_seconds=float(np.median([f.fit_seconds for f in folds])),
        rank_seconds=float(np.median([f.rank_seconds for f in folds])),
        seed=seed,
    )


def check_asked(
    model: str, params: Mapping[str, Any] | None, asked: Sequence[Asked], n_items: int
) -> None:
    """Say what cannot be measured of a model before anything is fitted.

    Raises
    ------
    ConfigError
        If a list would be longer than the catalogue, or only ratings are asked of a model that
        predicts none.
    """
    longest = max([a.k or 1 for a in asked], default=1)
    if longest > n_items:
        raise ConfigError(
            f"lists of {longest} from a catalogue of {n_items}",
            where="k",
            remedy=f"use {n_items} or less",
        )
    ratings = bool(asked) and all(a.measure.group == "ratings" for a in asked)
    if ratings and not _rates(model, params):
        raise ConfigError(
            f"{model} ranks and predicts no ratings",
            where=", ".join(map(str, asked)),
            remedy="use a model of ratings, or ndcg@10",
        )


def _rates(model: str, params: Mapping[str, Any] | None) -> bool:
    kind = model_class(model)
    return bool(kind(**make_params(kind, params or {})).reads == "rated")


@dataclass(frozen=True, eq=False)
class _Fold:
    params: Mapping[str, Any]
    each: dict[str, PerPerson]
    whole: dict[str, float]
    missing: dict[str, str]
    tested: npt.NDArray[np.intp]
    pairs: int
    fit_seconds: float
    rank_seconds: float


def _fold(
    part: Split,
    model: str,
    params: Mapping[str, Any],
    asked: Sequence[Asked],
    people: int | None,
    seed: int,
    rules: Rules | None,
) -> _Fold:
    started = time.perf_counter()
    bundle = Bundle.fit(part.train, model, rules=rules, **params)
    fitted = time.perf_counter() - started
    groups = {a.measure.group for a in asked}
    each: dict[str, PerPerson] = {}
    whole: dict[str, float] = {}
    missing: dict[str, str] = {}
    tested: npt.NDArray[np.intp] = np.empty(0, np.intp)
    pairs, ranked = 0, 0.0
    if groups & {"hits", "lists", "scores"}:
        tested = _people(part.liked, people, seed)
        if not len(tested):
            raise DataError(
                "no liking is held out, so that lists cannot be judged",
                where=f"split {part.name}",
                remedy="hold out a larger share, or measure rmse and mae",
            )
        pairs = int(np.diff(part.liked.indptr)[tested].sum())
        asks = _Asks(part, bundle, tested)
        if groups & {"hits", "lists"}:
            started = time.perf_counter()
            ranking = bundle.rank(asks.histories, max(a.k or 1 for a in asked), exclude=asks.seen)
            ranked = time.perf_counter() - started
            _of_lists(asks, ranking.items, asked, each, whole, missing)
        if "scores" in groups:
            each["auc"] = asks.spread(asks.auc())
    if "ratings" in groups:
        rated = _people(part.rated, people, seed)
        if len(rated) and bundle.recommender.reads == "rated":
            errors = _Asks(part, bundle, rated).rating_errors()
            each |= {str(a): errors[a.measure.name] for a in asked if a.measure.name in errors}
            pairs = pairs or int(np.diff(part.rated.indptr)[rated].sum())
            tested = tested if len(tested) else rated
        else:
            why = "no rating is held out" if not len(rated) else f"{model} predicts no ratings"
            missing |= {str(a): why for a in asked if a.measure.group == "ratings"}
    if not each and not whole:
        raise DataError(
            "; ".join(dict.fromkeys(missing.values())) or "no measure is asked for",
            where=f"split {part.name}",
            remedy="ask for other measures, or give data that has them",
        )
    params = dict(bundle.recommender.params)
    return _Fold(params, each, whole, missing, tested, pairs, fitted, ranked)


def _people(test: sparse.csr_matrix, people: int | None, seed: int) -> npt.NDArray[np.intp]:
    """Who has something held out, ascending; at most so many."""
    found = np.flatnonzero(np.diff(test.indptr))
    if people is not None and len(found) > people:
        found = np.sort(np.random.default_rng(seed).choice(found, people, replace=False))
    return found


class _Asks:
    """The people asked, with what the model may know of them."""

    def __init__(self, part: Split, bundle: Bundle, people: npt.NDArray[np.intp]) -> None:
        self.part, self.bundle, self.people = part, bundle, people
        self.histories = take(part.given.histories(bundle.recommender.reads), people)
        self.seen = take(part.given.seen, people)
        self.liked = take(part.given.interactions, people)

    def spread(self, values: npt.NDArray[np.float64]) -> PerPerson:
        """Values of the people asked as a measure of all users, so that folds add up."""
        return _spread(PerPerson.of(values), self.people, self.part.train.n_users)

    def blocks(self) -> Iterator[slice]:
        step = max(1, SCORES // self.part.train.n_items)
        for start in range(0, len(self.people), step):
            yield slice(start, min(start + step, len(self.people)))

    def auc(self) -> npt.NDArray[np.float64]:
        test = take(self.part.liked, self.people)
        found = [
            auc_each(self.bundle.scores(self.histories[rows]), test[rows], self.seen[rows])
            for rows in self.blocks()
        ]
        return np.concatenate(found)

    def rating_errors(self) -> dict[str, PerPerson]:
        """Errors of the held-out ratings; predictions are kept on the scale of those learnt from."""
        values = self.part.train.history_pairs("rated")["value"].to_numpy()
        scale = (float(values.min()), float(self.part.train.best_rating or values.max()))
        test = take(self.part.rated, self.people)
        found = rating_errors(self.bundle.recommender, self.histories, test, scale=scale)
        n = self.part.train.n_users
        return {
            "rmse": _spread(found.squared, self.people, n),
            "mae": _spread(found.absolute, self.people, n),
        }


def _spread(measure: PerPerson, people: npt.NDArray[np.intp], n: int) -> PerPerson:
    total, count = np.zeros(n), np.zeros(n)
    total[people], count[people] = measure.total, measure.count
    return PerPerson(total, count, measure.root)


def _of_lists(
    asks: _Asks,
    items: npt.NDArray[np.integer[Any]],
    asked: Sequence[Asked],
    each: dict[str, PerPerson],
    whole: dict[str, float],
    missing: dict[str, str],
) -> None:
    train = asks.part.train
    hits = Hits.of(items, take(asks.part.liked, asks.people))
    popular = beyond.popularity(train.interactions)
    learnt = int((np.diff(train.interactions.indptr) > 0).sum())
    facets = Facets.build(train.catalogue)
    for one in asked:
        name, k = one.measure.name, one.k
        if k is None:
            continue
        top = items[:, :k]
        if one.measure.group == "hits":
            each[str(one)] = asks.spread(hits.each(name, k))
        elif name == "coverage":
            whole[str(one)] = beyond.coverage(top, train.n_items)
        elif name == "gini":
            whole[str(one)] = beyond.gini(beyond.exposure(top, train.n_items))
        elif name == "popularity":
            each[str(one)] = asks.spread(beyond.mean_popularity_each(top, popular))
        elif name == "popularity_lift":
            lift = beyond.popularity_lift_each(top, popular, asks.liked)
            each[str(one)] = asks.spread(lift)
        elif name == "novelty":
            each[str(one)] = asks.spread(beyond.novelty_each(top, popular, learnt))
        elif name == "diversity" and facets.matrix.nnz:
            features = ItemFeatures("facets", unit_rows(facets.matrix))
            each[str(one)] = asks.spread(beyond.diversity_each(top, features))
        elif name == "calibration" and any(f.field == "category" for f in facets.facets):
            shares = beyond.category_shares(facets)
            each[str(one)] = asks.spread(beyond.calibration_each(top, asks.liked, shares))
        else:
            what = "categories" if name == "calibration" else "categories, tags or other facets"
            missing[str(one)] = f"the catalogue has no {what}"
