"""Whatever the bytes: a data set, or a `DataError` in one line; never another exception."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from whyrec.data.cleaning import Cleaner
from whyrec.data.dataset import Dataset
from whyrec.data.readers import from_frames, read
from whyrec.errors import WhyrecError


def attempt(raw: bytes, name: str = "e.csv") -> Dataset | None:
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / name
        file.write_bytes(raw)
        try:
            return read(file)
        except WhyrecError as error:
            assert "\n" not in str(error)
            assert error.remedy
            return None


@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    attempt(raw)


CELL = st.one_of(
    st.sampled_from(["", "a", "b", "1", "2.0", "nan", "5", "inf", '"', "x,y", "2024-01-01", "buy"]),
    st.text(max_size=6),
)
HEADER = st.lists(
    st.sampled_from(
        ["user", "item", "event", "rating", "time", "value", "title", "price", "tags", "Invoice",
         "StockCode", "Quantity", "category", "id", "x", "text", "tag", "genres", "year"]
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=200)
@given(
    HEADER, st.lists(st.lists(CELL, min_size=1, max_size=6), max_size=6), st.sampled_from(",\t|;")
)
def test_any_table(header: list[str], rows: list[list[str]], separator: str) -> None:
    lines = [separator.join(header), *(separator.join(row) for row in rows)]
    attempt("\n".join(lines).encode())


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    ),
    max_leaves=4,
)
OBJECT = st.dictionaries(
    st.sampled_from(
        ["user_id", "item_id", "rating", "timestamp", "title", "price", "categories", "images",
         "parent_asin", "description", "event", "asin", "year", "tags"]
    ),
    JSON,
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(OBJECT, min_size=1, max_size=5), st.booleans())
def test_any_objects(rows: list[dict[str, Any]], lines: bool) -> None:
    text = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    attempt(text.encode(), "e.jsonl")


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from("xyz"),
            st.sampled_from(["buy", "view", "rate", "refund"]),
            st.one_of(st.none(), st.floats(-5, 60)),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_default_cleaner_never_breaks_a_data_set(rows: list[Any]) -> None:
    frame = pl.DataFrame(
        rows,
        schema={"user": pl.String, "item": pl.String, "event": pl.String, "value": pl.Float64},
        orient="row",
    )
    try:
        data = from_frames(frame, {"item": ["x", "y"], "title": ["Ex", "Y"], "price": [1.0, -1.0]})
        clean, report = Cleaner.default(data).clean(data)
    except WhyrecError:
        return
    aside = report.set_aside.filter(pl.col("table") == "events").height
    assert clean.events.height + aside == data.events.height
    assert int(clean.events["item"].max() or 0) < clean.n_items  # type: ignore[arg-type]
    assert clean.pairs.height <= clean.events.height
    json.dumps(report.to_json())
