"""`explain --rather`, `--why-not`, `--by` and `evidence`: JSON that adds up, tables that say it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.cli.cli_runs import Ran


@pytest.fixture(scope="module")
def listed(whyrec: Callable[..., Ran], model: Path, someone: str) -> list[str]:
    """The items of someone's list."""
    rows = whyrec("recommend", model, "--user", someone, "-n", 40, "--json").lines
    return [row["item"] for row in rows]


def test_rather(whyrec: Callable[..., Ran], model: Path, someone: str, listed: list[str]) -> None:
    pair = f"{listed[0]},{listed[1]}"
    done = whyrec("explain", model, "--user", someone, "--rather", pair, "--json")
    (line,) = done.lines
    assert (line["item"], line["rank"], line["other_rank"]) == (listed[0], 1, 2)
    total = sum(r["contribution"] for r in line["reasons"]) + line["baseline"]
    assert total == pytest.approx(line["gap"], rel=1e-6)
    shown = whyrec("explain", model, "--user", someone, "--rather", pair)
    assert shown.status == 0
    assert "rather than" in shown.out


def test_why_not(whyrec: Callable[..., Ran], model: Path, someone: str, listed: list[str]) -> None:
    args = ("explain", model, "--user", someone, "--why-not", listed[11])
    (line,) = whyrec(*args, "--json").lines
    assert (line["status"], line["rank"], line["last"]) == ("below", 12, listed[9])
    assert line["gap"] > 0
    for change in (line["without"], line["adding"]):
        assert change is None or change["rank"] <= 10
    assert "others score higher" in whyrec(*args).out
    (first,) = whyrec("explain", model, "--user", someone, "--why-not", listed[0], "--json").lines
    assert first["status"] == "shown"
    new = whyrec("explain", model, "--user", "new", "--new-user", "--why-not", listed[0])
    assert new.status == 0


def test_by(whyrec: Callable[..., Ran], model: Path, someone: str) -> None:
    args = ("explain", model, "--user", someone, "-n", 2, "--by", "category,time")
    for line in whyrec(*args, "--json", "--reasons", "all").lines:
        groups = {g["by"]: g["parts"] for g in line["evidence"]["groups"]}
        assert list(groups) == ["category", "time"]
        total = sum(r["contribution"] for r in line["evidence"]["reasons"])
        for parts in groups.values():
            assert sum(p["contribution"] for p in parts) == pytest.approx(total)
    assert "category" in whyrec(*args).out


def test_evidence(whyrec: Callable[..., Ran], ials: Path, tmp_path: Path) -> None:
    out = tmp_path / "evidence.parquet"
    (line,) = whyrec("evidence", ials, "--out", out, "-n", 3, "--reasons", 5, "--json").lines
    table = pl.read_parquet(out)
    assert line["pairs"] == table.height == 3 * line["users"]
    assert line["worst_residual"] < 1e-5
    sums = table["reasons"].list.eval(pl.element().struct.field("contribution")).list.sum()
    worst = (sums + table["baseline"] - table["score"]).abs() / table["score"].abs()
    assert float(worst.max()) < 1e-5
    assert table["reasons"].list.len().max() == 6


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--rather", "a"], "is not two items"),
        (["--rather", "a,b", "--why-not", "c"], "--rather and --why-not given"),
        (["--why-not", "no such thing"], "no such item"),
        (["--by", "mood"], "nothing is split by mood"),
        (["--method", "guess"], "no such method"),
    ],
)
def test_bad_input(
    args: list[str], says: str, whyrec: Callable[..., Ran], model: Path, someone: str
) -> None:
    done = whyrec("explain", model, "--user", someone, *args)
    assert done.status == 2
    assert says in done.err
    assert done.err.count("\n") == 1


def test_contrasts_speak_of_one_person(whyrec: Callable[..., Ran], model: Path) -> None:
    done = whyrec("explain", model, "--users", "all", "--why-not", "x")
    assert done.status == 2
    assert "one person" in done.err
