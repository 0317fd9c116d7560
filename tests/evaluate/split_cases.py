"""Small data sets to split, drawn and made."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

from whyrec.data.catalogue import Catalogue
from whyrec.data.dataset import Dataset

START = datetime.datetime(2026, 1, 1)


def dataset(
    rows: list[tuple[int, int, str, float | None, int | None]],
    n_users: int,
    n_items: int,
    **more: Any,
) -> Dataset:
    """Events of (user, item, event, value, hour)."""
    events = pl.DataFrame(
        {
            "user": pl.Series([r[0] for r in rows], dtype=pl.UInt32),
            "item": pl.Series([r[1] for r in rows], dtype=pl.UInt32),
            "event": pl.Series([r[2] for r in rows], dtype=pl.String),
            "value": pl.Series([r[3] for r in rows], dtype=pl.Float64),
            "time": pl.Series(
                [None if r[4] is None else START + datetime.timedelta(hours=r[4]) for r in rows],
                dtype=pl.Datetime("ms"),
            ),
        }
    )
    ids = [f"i{k}" for k in range(n_items)]
    table = pl.DataFrame(
        {"id": ids, "title": ids, "genres": [[f"g{k % 3}"] for k in range(n_items)]}
    )
    return Dataset(
        events, Catalogue(table), tuple(f"u{k}" for k in range(n_users)), best_rating=5.0, **more
    )


EVENT = st.sampled_from(["purchase", "view", "rating", "dislike", "return"])


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """Up to 60 events, repeated pairs, low ratings, returns and equal times among them."""
    n_users, n_items = draw(st.integers(2, 7)), draw(st.integers(3, 12))
    row = st.tuples(
        st.integers(0, n_users - 1), st.integers(0, n_items - 1), EVENT, st.integers(1, 5),
        st.integers(0, 30),
    )  # fmt: skip
    drawn = draw(st.lists(row, min_size=6, max_size=60))
    rows = [(u, i, e, float(v) if e == "rating" else None, t) for u, i, e, v, t in drawn]
    return dataset(rows, n_users, n_items)


def clustered(n_users: int = 60, n_items: int = 30, seed: int = 0) -> Dataset:
    """Ratings where people of one half like the items of one half, with times."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, str, float | None, int | None]] = []
    for u in range(n_users):
        for i in rng.permutation(n_items)[: n_items // 2].tolist():
            mine = (u % 2) == (i % 2)
            value = rng.choice([4, 5] if mine or rng.random() < 0.1 else [1, 2])
            rows.append((u, i, "rating", float(value), int(rng.integers(1000))))
    return dataset(rows, n_users, n_items)
