"""Splits of a data set into what is learnt from and what is held out, the same for every model.

What is held out are (user, item) pairs with all their events, so that no sign of a held-out pair is
left in training. Pairs of every kind are held out, likings or not: what counts as right is decided
by the measure (`Split.liked`, `Split.rated`), and one split serves ranking and rating models alike.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, DataError

METHODS = ("per-user", "random", "leave-last", "time", "user")
"""Names of the ways to split, the default first."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Split:
    """One way to learn from a part and be asked about the rest.

    Attributes
    ----------
    name
        How it was made, for tables: `per-user 0.2, seed 0`; the same for all folds.
    train
        What a model learns from; catalogue and users are those of the whole.
    given
        What is known of everybody when lists are made: `train`, and of people who were held out
        whole the part of their events that is given.
    test
        The held-out pairs, columns as in `Dataset.pairs`.
    """

    name: str
    train: Dataset
    given: Dataset
    test: pl.DataFrame

    @cached_property
    def liked(self) -> sparse.csr_matrix:
        """users × items CSR of ones: the held-out pairs of positive weight."""
        return self._matrix(self.test.filter(pl.col("weight") > 0))

    @cached_property
    def rated(self) -> sparse.csr_matrix:
        """users × items CSR, float64: the held-out ratings, a stored 0 is one."""
        rated = self.test.filter((pl.col("event") == "rating") & pl.col("value").is_not_null())
        return self._matrix(rated, "value")

    def _matrix(self, pairs: pl.DataFrame, column: str | None = None) -> sparse.csr_matrix:
        data = np.ones(pairs.height) if column is None else pairs[column].to_numpy()
        place = (pairs["user"].to_numpy(), pairs["item"].to_numpy())
        shape = (self.train.n_users, self.train.n_items)
        return sparse.csr_matrix((data, place), shape=shape)


def held_out(
    users: npt.NDArray[np.integer[Any]], *, share: float = 0.2, seed: int = 0
) -> npt.NDArray[np.bool_]:
    """Which events to hold out: a share of each person's, at random.

    Of a person with m events round(share · m) are held out, but never all: the first of a
    permutation of theirs, in the order given, drawn by one generator (`numpy.random.default_rng`),
    person after person.

    Parameters
    ----------
    users
        int [events]: whose event each is, 0 to n - 1.

    Raises
    ------
    ConfigError
        If `share` is not between 0 and 1.

    Examples
    --------
    >>> held_out(np.array([0, 1, 0, 0, 0, 0, 1])).tolist()
    [False, False, False, True, False, False, False]
    """
    _check_share(share)
    order, starts = _by_person(users)
    rng = np.random.default_rng(seed)
    held = np.zeros(len(users), np.bool_)
    for start, m in starts:
        n = min(round(share * m), m - 1)
        held[order[start + rng.permutation(m)[: max(n, 0)]]] = True
    return held


def split(
    dataset: Dataset,
    method: str = "per-user",
    *,
    share: float = 0.2,
    folds: int = 1,
    last: int = 1,
    at: datetime.datetime | None = None,
    seed: int = 0,
) -> list[Split]:
    """Split a data set; the same arguments give the same splits.

    Parameters
    ----------
    method
        `per-user`: a share of each person's pairs, likings and others each by themselves, and
        never somebody's only liking. `random`: a share of all pairs, whosever they are.
        `leave-last`: each person's `last` newest likings with all that came after the first of
        them; who has no more likings than that is left whole and is not tested. `time`: events
        from a moment on, the same for everybody; of pairs known before it the later events are
        dropped. `user`: strong generalisation (Marlin, 2004; Liang et al., WWW 2018): a share of
        the people is not learnt from at all; of their pairs 1 - `share` are given as history and
        the rest is held out.
    share
        How much is held out, between 0 and 1. With folds of `per-user`, `random` and `user` it
        is 1 / folds of the pairs or people; `user` still holds out this share of their pairs.
    folds
        1 for one split; more for k-fold cross-validation: everything is held out once. In `time`
        the held-out share is cut into as many windows, each learnt up to its beginning.
    last
        How many likings `leave-last` holds out.
    at
        The moment of `time`; by default the one from which on `share` of the events lie.

    Raises
    ------
    ConfigError
        If the method or a number is not one of those allowed.
    DataError
        If times are missing where they are needed, or one of the two parts is empty.
    """
    if method not in METHODS:
        raise ConfigError(
            f"no such split: {method}", where="split", remedy=f"use {', '.join(METHODS)}"
        )
    _check_share(share)
    if folds < 1:
        raise ConfigError(f"{folds} folds", where="split", remedy="use 1 or more")
    if last < 1:
        raise ConfigError(f"the last {last}", where="split", remedy="hold out 1 or more")
    if at is not None and method != "time":
        raise ConfigError(
            "a moment is given", where=f"split {method}", remedy="use it with the split by time"
        )
    if method == "leave-last" and folds > 1:
        raise ConfigError(
            f"{folds} folds of leave-last",
            where="split",
            remedy="use 1: there is only one last event",
        )
    if not dataset.pairs.height:
        raise DataError("holds no events", where="split", remedy="give a data set with events")
    made: Iterator[Split]
    if method == "time":
        made = _by_time(dataset, share, folds, at)
    elif method == "leave-last":
        made = iter([_hold(dataset, _last_mask(dataset, last), f"leave-last {last}")])
    elif method == "user":
        made = _by_user(dataset, share, folds, seed)
    else:
        masks = _random_masks if method == "random" else _per_user_masks
        made = (
            _hold(dataset, mask, _named(method, share, folds, seed))
            for mask in masks(dataset.pairs, share, folds, seed)
        )
    return [_checked(s) for s in made]


def _named(method: str, share: float, folds: int, seed: int) -> str:
    how = f"{share:g}" if folds == 1 else f"in {folds} folds"
    return f"{method} {how}, seed {seed}"


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise ConfigError(f"a share of {share}", where="split", remedy="use one between 0 and 1")


def _checked(made: Split) -> Split:
    for part, what in ((made.train.pairs, "to learn from"), (made.test, "to be tested on")):
        usable = (part["weight"] > 0) | (part["event"] == "rating")
        if not usable.any():
            raise DataError(
                f"nothing is left {what}",
                where=f"split {made.name}",
                remedy="hold out another share, split another way, or give more data",
            )
    return made


def _by_person(users: npt.NDArray[Any]) -> tuple[npt.NDArray[np.intp], list[tuple[int, int]]]:
    """Rows ordered by person, and (first place in that order, number) of each person's."""
    order = np.argsort(users, kind="stable")
    sizes = np.bincount(users)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])) if len(sizes) else sizes
    return order, list(zip(starts.tolist(), sizes.tolist(), strict=True))


def _random_masks(pairs: pl.DataFrame, share: float, folds: int, seed: int) -> Iterator[Mask]:
    place = np.random.default_rng(seed).permutation(pairs.height)
    if folds == 1:
        yield place < round(share * pairs.height)
        return
    for k in range(folds):
        yield place % folds == k


def _per_user_masks(pairs: pl.DataFrame, share: float, folds: int, seed: int) -> Iterator[Mask]:
    users = pairs["user"].to_numpy().astype(np.int64)
    liked = (pairs["weight"] > 0).to_numpy()
    if folds == 1:
        held = np.zeros(pairs.height, np.bool_)
        # Likings and others by themselves: nobody is left with dislikes only.
        held[liked] = held_out(users[liked], share=share, seed=seed)
        held[~liked] = held_out(users[~liked], share=share, seed=seed + 1)
        yield held
        return
    fold = np.full(pairs.height, -1)
    rng = np.random.default_rng(seed)
    for kind in (liked, ~liked):
        rows = np.flatnonzero(kind)
        order, people = _by_person(users[rows])
        for start, m in people:
            if m > 1:  # somebody's only one of a kind is always learnt from
                deal = (rng.permutation(m) + rng.integers(folds)) % folds
                fold[rows[order[start : start + m]]] = deal
    for k in range(folds):
        yield fold == k


def _need_times(times: pl.Series, what: str) -> None:
    missing = times.null_count()
    if missing:
        raise DataError(
            f"{missing:,} of {len(times):,} events have no time",
            where=f"split {what}",
            remedy="map a column with --map time=COLUMN, or use the split per-user or random",
        )


def _last_mask(dataset: Dataset, last: int) -> Mask:
    """Each person's `last` newest likings and whatever came after the first of them."""
    _need_times(dataset.events["time"], "leave-last")
    pairs = dataset.pairs
    users = pairs["user"].to_numpy().astype(np.int64)
    times = pairs["time"].to_physical().to_numpy()
    liked = (pairs["weight"] > 0).to_numpy()
    order = np.lexsort((times, users))  # stable: of one moment the lower item comes first
    after = np.zeros(len(users), np.int64)
    owner = users[order]
    likings = np.cumsum(liked[order])
    total = np.bincount(users, weights=liked, minlength=dataset.n_users).astype(np.int64)
    before = np.concatenate(([0], np.cumsum(total)))
    after[order] = before[owner + 1] - likings + liked[order]  # likings from this row on
    return np.asarray((after < last + liked) & (total[users] > last))


def _hold(dataset: Dataset, held: Mask, name: str) -> Split:
    train = _without(dataset, held)
    return Split(name, train, train, dataset.pairs.filter(pl.Series(held)))


def _pair_of(dataset: Dataset) -> npt.NDArray[np.intp]:
    """The row of `dataset.pairs` that each event belongs to."""
    width = max(dataset.n_items, 1)
    pairs = dataset.pairs
    known = pairs["user"].to_numpy().astype(np.int64) * width + pairs["item"].to_numpy()
    events = dataset.events
    keys = events["user"].to_numpy().astype(np.int64) * width + events["item"].to_numpy()
    return np.asarray(np.searchsorted(known, keys))


def _without(dataset: Dataset, held: Mask) -> Dataset:
    keep = ~held[_pair_of(dataset)]
    return replace(dataset, events=dataset.events.filter(pl.Series(keep)), set_aside=None)


def _by_user(dataset: Dataset, share: float, folds: int, seed: int) -> Iterator[Split]:
    pairs = dataset.pairs
    users = pairs["user"].to_numpy().astype(np.int64)
    rng = np.random.default_rng(seed)
    place = rng.permutation(dataset.n_users)
    held = next(_per_user_masks(pairs, share, 1, seed))
    for k in range(folds):
        out = place < round(share * dataset.n_users) if folds == 1 else place % folds == k
        test = held & out[users]
        yield Split(
            _named("user", share, folds, seed),
            _without(dataset, out[users]),
            _without(dataset, test),
            pairs.filter(pl.Series(test)),
        )


def _by_time(
    dataset: Dataset, share: float, folds: int, at: datetime.datetime | None
) -> Iterator[Split]:
    events = dataset.events
    _need_times(events["time"], "time")
    times = events["time"].to_physical().to_numpy()
    ordered = np.sort(times)
    if at is None:
        first = min(int(np.floor((1 - share) * len(ordered))), len(ordered) - 1)
    else:
        naive = at.astimezone(datetime.UTC).replace(tzinfo=None) if at.tzinfo else at
        moment = pl.Series([naive], dtype=pl.Datetime("ms")).to_physical()[0]
        first = int(np.searchsorted(ordered, moment))
        if not 0 < first < len(ordered):
            oldest, newest = (_moment(int(ordered[k])) for k in (0, -1))
            raise DataError(
                f"there are no events on both sides of {naive}",
                where="split time",
                remedy=f"the events are from {oldest} to {newest}",
            )
    edges = [first + (len(ordered) - first) * k // folds for k in range(folds)]
    starts = [int(ordered[e]) for e in edges]
    ends = [*starts[1:], int(ordered[-1]) + 1]
    name = f"time from {_moment(starts[0])}" + (f" in {folds} windows" if folds > 1 else "")
    for start, end in zip(starts, ends, strict=True):
        train = replace(dataset, events=events.filter(pl.Series(times < start)), set_aside=None)
        window = pl.Series((times >= start) & (times < end))
        later = replace(dataset, events=events.filter(window), set_aside=None).pairs
        test = later.join(train.pairs.select("user", "item"), on=["user", "item"], how="anti")
        yield Split(name, train, train, test)


def _moment(stamp: int) -> str:
    moment = datetime.datetime.fromtimestamp(stamp / 1000, datetime.UTC)
    return f"{moment:%Y-%m-%d %H:%M}"
