"""`pairs`, `interactions` and `seen` against a plain, slow reading of their definition."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyrec.data.catalogue import Catalogue
from whyrec.data.dataset import Dataset
from whyrec.data.events import EVENT_TYPES
from whyrec.errors import ConfigError

USERS, ITEMS = 4, 3
START = datetime(2024, 1, 1)


def dataset(rows: list[tuple[Any, ...]], **options: Any) -> Dataset:
    schema = {
        "user": pl.UInt32,
        "item": pl.UInt32,
        "event": pl.String,
        "value": pl.Float64,
        "time": pl.Datetime("ms"),
    }
    events = pl.DataFrame(rows, schema=schema, orient="row")
    ids = [f"i{k}" for k in range(ITEMS)]
    catalogue = Catalogue(pl.DataFrame({"id": ids, "title": ids}))
    return Dataset(events, catalogue, tuple(f"u{k}" for k in range(USERS)), **options)


def slow_pairs(data: Dataset) -> list[dict[str, Any]]:
    groups: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for row in data.events.to_dicts():
        groups.setdefault((row["user"], row["item"]), []).append(row)
    out = []
    for (user, item), rows in sorted(groups.items()):
        early = datetime.min
        rows = sorted(rows, key=lambda r: r["time"] or early)
        kinds = {r["event"] for r in rows}
        positive = [k for k in kinds if not EVENT_TYPES[k].negative]
        told = (
            max(positive, key=lambda k: EVENT_TYPES[k].rank)
            if positive
            else sorted(rows, key=lambda r: r["time"] or early)[-1]["event"]
        )
        of_told = [r for r in rows if r["event"] == told]
        values = [r["value"] for r in of_told if r["value"] is not None]
        ratings = [r["value"] for r in rows if r["event"] == "rating" and r["value"] is not None]
        negative = any(EVENT_TYPES[k].negative for k in kinds)
        if ratings and data.best_rating:
            negative |= ratings[-1] < 0.7 * data.best_rating
        weights = [data.weights.get(k, EVENT_TYPES[k].weight) for k in kinds]
        value = None
        if values:
            value = values[-1] if told == "rating" else sum(values)
        out.append(
            {
                "user": user,
                "item": item,
                "event": told,
                "types": sorted(kinds),
                "value": value,
                "count": len(of_told),
                "time": max((r["time"] for r in rows if r["time"]), default=None),
                "weight": float(np.float32(0.0 if negative else max(weights))),
                "negative": negative,
            }
        )
    return out


EVENT = st.tuples(
    st.integers(0, USERS - 1),
    st.integers(0, ITEMS - 1),
    st.sampled_from(list(EVENT_TYPES)),
    st.one_of(st.none(), st.integers(1, 5).map(float)),
    st.one_of(st.none(), st.integers(0, 20).map(lambda d: START + timedelta(days=d))),
)


@given(
    st.lists(EVENT, max_size=30),
    st.sampled_from([None, 5.0]),
    st.sampled_from([{}, {"view": 0.9, "purchase": 0.5}]),
)
def test_pairs_are_what_their_definition_says(
    rows: list[tuple[Any, ...]], best: float | None, weights: dict[str, float]
) -> None:
    data = dataset(rows, best_rating=best, weights=weights)
    # Equal times of two events of one type have no order by definition: keep the first row only.
    unique = data.events.unique(
        ["user", "item", "event", "time"], keep="first", maintain_order=True
    )
    negatives = [k for k, e in EVENT_TYPES.items() if e.negative]
    alone = unique.filter(
        ~pl.col("event").is_in(negatives) | pl.struct("user", "item", "time").is_first_distinct()
    )
    data = Dataset(alone, data.catalogue, data.users, best_rating=best, weights=weights)
    assert data.pairs.to_dicts() == slow_pairs(data)


def test_a_return_silences_a_purchase_and_keeps_it_out_of_lists() -> None:
    data = dataset([(0, 1, "purchase", 2.0, START), (0, 1, "return", 2.0, START)])
    row = data.pairs.to_dicts()[0]
    assert (row["event"], row["negative"], row["weight"]) == ("purchase", True, 0.0)
    assert data.interactions.nnz == 0
    assert data.seen[0, 1] == 1


def test_a_later_high_rating_replaces_a_low_one() -> None:
    low, high = (0, 0, "rating", 2.0, START), (0, 0, "rating", 5.0, START + timedelta(days=1))
    liked = dataset([high, low], best_rating=5.0)
    assert liked.pairs["value"].to_list() == [5.0]
    assert liked.pairs["negative"].to_list() == [False]
    disliked = dataset([(*low[:4], START + timedelta(days=2)), high], best_rating=5.0)
    assert disliked.pairs["negative"].to_list() == [True]


def test_interactions_hold_the_strongest_weight_of_a_pair() -> None:
    data = dataset(
        [(0, 0, "view", None, None), (0, 0, "cart", None, None), (2, 1, "view", None, None)]
    )
    dense = data.interactions.toarray()
    assert dense.shape == (USERS, ITEMS)
    assert dense.dtype == np.float32
    assert dense[0, 0] == np.float32(0.6)
    assert dense[2, 1] == np.float32(0.2)
    assert dense.sum() == pytest.approx(0.8)


def test_an_empty_data_set_has_empty_pairs() -> None:
    data = dataset([])
    assert data.pairs.height == 0
    assert data.interactions.shape == (USERS, ITEMS)


def test_other_weights_make_another_data_set() -> None:
    data = dataset([(0, 0, "view", None, None)])
    heavier = data.with_weights({"view": 0.7})
    assert heavier.interactions[0, 0] == np.float32(0.7)
    assert heavier.fingerprint != data.fingerprint
    with pytest.raises(ConfigError, match="no such event type: viev; use one of purchase"):
        data.with_weights({"viev": 1.0})
