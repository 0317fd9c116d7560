"""The real data sets, as they are published and as they are dirty."""

from __future__ import annotations

import time
from pathlib import Path

import polars as pl
import pytest

from whyrec.data.cleaning import Cancellations, Cleaner, CleaningReport
from whyrec.data.dataset import Dataset
from whyrec.data.store import load_dataset, write_dataset

pytestmark = pytest.mark.data


def test_movielens_100k(data_dir: Path) -> None:
    data = Dataset.read(data_dir / "movielens-100k")
    assert (data.n_users, data.n_items, data.events.height) == (943, 1682, 100_000)
    assert (data.domain, data.best_rating) == ("film", 5.0)
    table = data.catalogue.table
    assert table.filter(pl.col("title") == "The Terminator")["year"].to_list() == [1984]
    assert table.filter(pl.col("title") == "Les Misérables").height == 1
    assert table["title"].null_count() == 0
    liked = data.events.filter(pl.col("value") >= 3.5).height
    assert data.interactions.nnz == liked == 55_375
    assert data.seen.nnz == 100_000
    clean, report = Cleaner.default(data).clean(data)
    assert report.removed == 0
    assert clean.n_items == data.n_items


def test_movielens_1m_pairs(data_dir: Path) -> None:
    data = Dataset.read(data_dir / "movielens-1m")
    assert (data.n_users, data.n_items, data.events.height) == (6040, 3883, 1_000_209)
    assert data.interactions.nnz == 1_000_209
    assert data.pairs["event"].unique().to_list() == ["interaction"]
    assert data.catalogue.table["title"].str.contains(r"\(\d{4}\)$").sum() < 100
    assert Cleaner.default(data).clean(data)[1].removed == 0


@pytest.fixture(scope="module")
def retail(data_dir: Path) -> tuple[Dataset, Dataset, CleaningReport, float]:
    start = time.perf_counter()
    data = Dataset.read(data_dir / "online-retail-ii")
    clean, report = Cleaner.default(data).clean(data)
    return data, clean, report, time.perf_counter() - start


def test_every_invoice_line_is_accounted_for(
    retail: tuple[Dataset, Dataset, CleaningReport, float],
) -> None:
    data, clean, report, _ = retail
    aside = report.set_aside.filter(pl.col("table") == "events").height
    without_customer = sum(c["count"] for c in data.notes["set_aside"])
    assert without_customer == 107_927
    assert clean.events.height + aside + without_customer == 525_461
    assert data.set_aside is not None
    assert data.set_aside.height == 107_927


def test_cancellations_leave_no_return_and_no_overdraft(
    retail: tuple[Dataset, Dataset, CleaningReport, float],
) -> None:
    _, clean, report, _ = retail
    assert clean.events["event"].unique().to_list() == ["purchase"]
    assert (clean.events["value"] > 0).all()
    counts = dict(report.set_aside.group_by("reason").len().rows())
    assert counts[Cancellations.MATCHED] > 7_000
    assert counts[Cancellations.UNDONE] > 3_000


def test_the_goods_have_names_and_no_charges_are_among_them(
    retail: tuple[Dataset, Dataset, CleaningReport, float],
) -> None:
    _, clean, _, _ = retail
    table = clean.catalogue.table
    assert table.filter(pl.col("id") == "85123A")["title"].to_list() == [
        "White Hanging Heart T-Light Holder"
    ]
    for code in ("POST", "D", "M", "DOT", "BANK CHARGES", "ADJUST", "TEST001", "C2", "S"):
        assert code not in clean.catalogue.index
    named = (table["title"] != table["id"]).gather(clean.events["item"])
    assert named.all()


def test_a_second_cleaning_finds_no_more_returns_or_charges(
    retail: tuple[Dataset, Dataset, CleaningReport, float],
) -> None:
    _, clean, _, _ = retail
    _, report = Cleaner.default(clean).clean(clean)
    # Two lines of one invoice may be equal once a cancellation took from one of them.
    assert set(report.set_aside["reason"]) <= {"the same row again"}
    assert report.removed < 10


def test_online_retail_is_stored_and_read_back(
    retail: tuple[Dataset, Dataset, CleaningReport, float], tmp_path: Path
) -> None:
    _, clean, _, _ = retail
    write_dataset(clean, tmp_path / "stored")
    again = load_dataset(tmp_path / "stored")
    assert again.fingerprint == clean.fingerprint
    assert again.pairs.equals(clean.pairs)
