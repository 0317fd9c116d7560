"""The simulated shop counts the dirt that it adds: reading and cleaning must find all of it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from whyrec.data.cleaning import Cleaner
from whyrec.data.dataset import Dataset
from whyrec.data.shop import generate


def test_the_default_cleaner_finds_the_dirt_that_the_shop_added(tmp_path: Path) -> None:
    generate(tmp_path / "shop", seed=3, users=300, items=200)
    truth = json.loads((tmp_path / "shop" / "evaluation" / "truth.json").read_text())
    dirt = truth["dirt"]["counts"]
    data = Dataset.read(tmp_path / "shop")
    clean, report = Cleaner.default(data).clean(data)
    found = dict(report.set_aside.group_by("reason").len().rows())
    assert found["the same row again"] == dirt["event_rows_again"]
    assert found["rating outside 0.5 to 5"] == dirt["rating_off_scale"]
    unknown = report.set_aside.filter(
        pl.col("step") == "unknown_items", pl.col("table") == "events"
    )
    assert unknown.height == dirt["unknown_item"]
    read_aside = {c["reason"]: c["count"] for c in data.notes["set_aside"]}
    assert read_aside["the same item row again"] == dirt["item_rows_again"]
    # A broken time is none at all, or one of a clock that was never set.
    assert clean.events["time"].null_count() == dirt["broken_time"]
    table = clean.catalogue.table
    assert table.height == 200
    assert table["price"].null_count() == dirt["missing_price"]
    flagged = set(table.filter("price_outlier")["id"])
    assert flagged >= set(truth["dirt"]["items"]["price_outlier"])
    kept = dict(clean.events.group_by("event").len().rows())
    lost = truth["clean_events"]["rating"] - kept["rating"]
    assert lost == dirt["rating_off_scale"]
    assert sum(kept.values()) == sum(truth["clean_events"].values()) - lost
    assert clean.domain == "shop"


def test_untidy_titles_are_what_they_were(tmp_path: Path) -> None:
    generate(tmp_path / "shop", seed=3, users=300, items=200)
    truth = json.loads((tmp_path / "shop" / "evaluation" / "truth.json").read_text())
    data = Dataset.read(tmp_path / "shop")
    clean, _ = Cleaner.default(data).clean(data)
    titles = dict(clean.catalogue.table.select("id", "title").rows())
    untidy = truth["dirt"]["items"]["untidy_title"]
    assert len(untidy) == truth["dirt"]["counts"]["untidy_title"] > 0
    assert {i: titles[i].casefold() for i in untidy} == {
        i: truth["titles"][i].casefold() for i in untidy
    }
