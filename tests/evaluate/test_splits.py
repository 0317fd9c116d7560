"""Splits: nothing leaks, nothing is lost, nobody is left with nothing, the same seed is the same split."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluate.split_cases import START, clustered, dataset, datasets

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, DataError
from whyrec.evaluate.splits import METHODS, Split, held_out, split

WAYS = st.one_of(
    st.fixed_dictionaries(
        {
            "method": st.sampled_from(["per-user", "random", "user"]),
            "share": st.sampled_from([0.1, 0.2, 0.5, 0.8]),
            "folds": st.integers(1, 4),
            "seed": st.integers(0, 5),
        }
    ),
    st.fixed_dictionaries({"method": st.just("leave-last"), "last": st.integers(1, 3)}),
    st.fixed_dictionaries(
        {
            "method": st.just("time"),
            "share": st.sampled_from([0.2, 0.5]),
            "folds": st.integers(1, 3),
        }
    ),
)


def keys(table: pl.DataFrame) -> set[tuple[int, int]]:
    return set(table.select("user", "item").rows())


def tried(data: Dataset, way: dict) -> list[Split]:
    """The splits, or none where the data are too few for them, which must be said as such."""
    try:
        return split(data, **way)
    except DataError as error:
        assert "nothing is left" in str(error)
        return []


@given(data=datasets(), way=WAYS)
def test_no_pair_stands_in_both_parts(data: Dataset, way: dict) -> None:
    for part in tried(data, way):
        test = keys(part.test)
        assert len(test) == part.test.height
        assert not test & keys(part.train.events)
        assert not test & keys(part.given.events)
        assert test <= keys(data.events)


@given(data=datasets(), way=WAYS)
def test_catalogue_and_users_stay_the_same(data: Dataset, way: dict) -> None:
    for part in tried(data, way):
        for one in (part.train, part.given):
            assert one.users == data.users
            assert one.catalogue is data.catalogue
            assert one.best_rating == data.best_rating
        assert part.liked.shape == (data.n_users, data.n_items)


@given(data=datasets(), way=WAYS)
def test_every_event_is_learnt_from_given_held_out_or_later(data: Dataset, way: dict) -> None:
    for part in tried(data, way):
        kept = keys(part.given.events) | keys(part.test)
        if way["method"] == "time":
            assert kept <= keys(data.events)
        else:
            assert kept == keys(data.events)
            held = part.test.height and part.given.events.height < data.events.height
            assert held


@given(data=datasets(), way=WAYS)
def test_the_same_arguments_give_the_same_split(data: Dataset, way: dict) -> None:
    for one, other in zip(tried(data, way), tried(data, way), strict=True):
        assert one.test.equals(other.test)
        assert one.train.events.equals(other.train.events)


@given(data=datasets(), folds=st.integers(2, 4), seed=st.integers(0, 3))
def test_folds_hold_everything_out_once(data: Dataset, folds: int, seed: int) -> None:
    parts = tried(data, {"method": "random", "folds": folds, "seed": seed})
    if parts:
        held = [pair for part in parts for pair in part.test.select("user", "item").rows()]
        assert len(held) == len(set(held))
        assert set(held) == keys(data.pairs)


@given(data=datasets(), share=st.floats(0.01, 0.99), folds=st.integers(1, 4))
def test_per_user_nobody_loses_their_last_liking(data: Dataset, share: float, folds: int) -> None:
    had = np.diff(data.interactions.indptr) > 0
    for part in tried(data, {"method": "per-user", "share": share, "folds": folds}):
        assert ((np.diff(part.train.interactions.indptr) > 0) == had).all()


@given(data=datasets(), last=st.integers(1, 3))
def test_leave_last_holds_out_the_newest_likings_and_what_followed(
    data: Dataset, last: int
) -> None:
    for part in tried(data, {"method": "leave-last", "last": last}):
        likings = np.diff(data.interactions.indptr)
        held = np.diff(part.liked.indptr)
        assert (held == np.where(likings > last, last, 0)).all()
        newest = dict(part.train.pairs.group_by("user").agg(pl.col("time").max()).rows())
        oldest = dict(part.test.group_by("user").agg(pl.col("time").min()).rows())
        assert all(newest[u] <= t for u, t in oldest.items())


@given(data=datasets(), folds=st.integers(1, 3))
def test_by_time_nothing_is_learnt_from_the_future(data: Dataset, folds: int) -> None:
    for part in tried(data, {"method": "time", "share": 0.4, "folds": folds}):
        assert part.train.events["time"].max() < part.test["time"].min()


@given(data=datasets(), folds=st.integers(1, 3), seed=st.integers(0, 3))
def test_people_held_out_are_not_learnt_from_and_keep_a_history(
    data: Dataset, folds: int, seed: int
) -> None:
    for part in tried(data, {"method": "user", "share": 0.4, "folds": folds, "seed": seed}):
        tested = set(part.test["user"].to_list())
        assert not tested & set(part.train.events["user"].to_list())
        asked = np.flatnonzero(np.diff(part.liked.indptr))
        assert (np.diff(part.given.interactions.indptr)[asked] > 0).all()


def test_a_pair_is_held_out_with_all_its_events() -> None:
    data = dataset(
        [(u, i, event, None, 5) for u in range(3) for i in range(4) for event in ("view", "purchase")],
        3, 4,
    )  # fmt: skip
    part = split(data, "per-user", share=0.25)[0]
    assert part.test.height == 3
    assert part.train.events.height == 3 * 3 * 2


def test_likings_and_ratings_of_the_held_out_part() -> None:
    rows = [(0, 0, "rating", 5.0, 0), (0, 1, "rating", 1.0, 1), (0, 2, "rating", 4.0, 2)]
    rows += [(1, i, "rating", 4.0, i) for i in range(3)]
    part = split(dataset(rows, 2, 3), "leave-last", last=1)[0]
    assert part.liked.toarray().tolist() == [[0, 0, 1], [0, 0, 1]]
    assert part.rated.toarray().tolist() == [[0, 0, 4], [0, 0, 4]]
    # With two held out the low rating between them goes too: a list must not know of it.
    first = dataset(
        [*rows, (0, 0, "rating", 5.0, 0), (1, 3, "rating", 5.0, 9), (0, 3, "rating", 5.0, 0)], 2, 4
    )
    part = split(first, "leave-last", last=2)[0]
    assert part.test.filter(pl.col("user") == 0)["item"].to_list() == [1, 2, 3]


def test_the_cut_by_time_worked_by_hand() -> None:
    rows = [(0, 0, "purchase", None, 0), (1, 1, "purchase", None, 1), (0, 1, "purchase", None, 2),
            (0, 0, "purchase", None, 3), (1, 2, "purchase", None, 4)]  # fmt: skip
    part = split(dataset(rows, 2, 3), "time", at=START + datetime.timedelta(hours=2))[0]
    assert keys(part.train.events) == {(0, 0), (1, 1)}
    assert keys(part.test) == {(0, 1), (1, 2)}  # (0, 0) was known before
    # A moment with a zone is the same moment.
    zone = datetime.timezone(datetime.timedelta(hours=8))
    moment = (START + datetime.timedelta(hours=10)).replace(tzinfo=zone)
    assert split(dataset(rows, 2, 3), "time", at=moment)[0].test.equals(part.test)


def test_per_user_on_likings_is_the_mask_of_the_benchmarks() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (u, i, "purchase", None, 0) for u in range(9) for i in rng.permutation(20)[: 3 + u].tolist()
    ]
    data = dataset(rows, 9, 20)
    held = held_out(data.pairs["user"].to_numpy().astype(np.int64), seed=4)
    assert split(data, share=0.2, seed=4)[0].test.equals(data.pairs.filter(pl.Series(held)))


@pytest.mark.parametrize(
    ("way", "says"),
    [
        ({"method": "by-moon"}, "no such split"),
        ({"share": 0.0}, "a share of 0.0"),
        ({"share": 1.0}, "a share of 1.0"),
        ({"folds": 0}, "0 folds"),
        ({"method": "leave-last", "last": 0}, "the last 0"),
        ({"method": "leave-last", "folds": 3}, "only one last event"),
        ({"at": START}, "a moment is given"),
        ({"method": "time", "at": START + datetime.timedelta(days=999)}, "on both sides"),
        ({"method": "time", "at": START - datetime.timedelta(days=999)}, "on both sides"),
        ({"method": "leave-last", "last": 500}, "nothing is left to be tested on"),
    ],
)
def test_bad_requests_are_refused(way: dict, says: str) -> None:
    with pytest.raises((ConfigError, DataError), match=says):
        split(clustered(), **way)


@pytest.mark.parametrize("method", ["leave-last", "time"])
def test_missing_times_are_told(method: str) -> None:
    rows = [(u, i, "purchase", None, None if u == 1 else 3) for u in range(3) for i in range(4)]
    with pytest.raises(DataError, match=r"4 of 12 events have no time.*--map time=COLUMN"):
        split(dataset(rows, 3, 4), method)


def test_every_method_works_on_ordinary_data() -> None:
    for method in METHODS:
        part = split(clustered(), method)[0]
        assert part.liked.nnz
        assert part.rated.nnz
