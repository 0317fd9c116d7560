"""Many users: the same output from any number of processes, in two formats that hold the same."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.cli.cli_runs import Ran

from whyrec.batch import Job, explain_users, write_lines
from whyrec.batch.pool import Pool
from whyrec.errors import WhyrecError
from whyrec.recommend.bundle import Bundle


@pytest.fixture(scope="module")
def alone(model: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Everybody, written by one process."""
    out = tmp_path_factory.mktemp("alone") / "why.jsonl"
    users = Bundle.load(model).dataset.users
    explain_users(Job(str(model), langs=("en", "zh"), n=5), users, out, processes=1)
    return out.read_bytes()


def test_two_processes_write_the_same_bytes(model: Path, alone: bytes, tmp_path: Path) -> None:
    users = Bundle.load(model).dataset.users
    out = tmp_path / "why.jsonl"
    job = Job(str(model), langs=("en", "zh"), n=5)
    summary = explain_users(job, users, out, processes=2)
    assert out.read_bytes() == alone
    assert (summary.users, summary.texts) == (len(users), 10 * len(users))
    assert (summary.empty, summary.unverified) == (0, 0)
    assert summary.worst_residual < 1e-5


def test_standard_output_gets_the_same(
    process: Callable[..., Ran], model: Path, alone: bytes
) -> None:
    done = process("explain", model, "--users", "all", "--lang", "en,zh", "-n", 5, "--json")
    assert done.status == 0, done.err
    assert done.out.encode() == alone


def test_parquet_holds_what_the_lines_hold(model: Path, alone: bytes, tmp_path: Path) -> None:
    users = Bundle.load(model).dataset.users
    out = tmp_path / "why.parquet"
    done: list[int] = []
    job = Job(str(model), langs=("en", "zh"), n=5)
    explain_users(job, users, out, processes=2, progress=done.append)
    assert sum(done) == len(users)
    table = pl.read_parquet(out)
    lines = [json.loads(line) for line in alone.splitlines()]
    assert table.height == len(lines)
    for name in ("user", "item", "rank", "score", "lang", "text", "verified", "sentences"):
        assert table[name].to_list() == [line[name] for line in lines], name
    assert table["exact"].to_list() == [line["evidence"]["exact"] for line in lines]
    for row, line in zip(table.head(50).iter_rows(named=True), lines, strict=False):
        assert row["counterfactual"] == line["counterfactual"]
        absent = {"count": None, "error": None, "negative": None}
        reasons = [{**absent, **r} for r in line["evidence"]["reasons"]]
        assert row["reasons"] == reasons
        for told, claim in zip(row["claims"], line["claims"], strict=True):
            assert {k: v for k, v in told.items() if v is not None and v != []} == {
                k: v for k, v in claim.items() if v is not None
            }


def test_parquet_is_easy_to_ask(model: Path, tmp_path: Path) -> None:
    """What an analyst does first: which events carry how much?"""
    users = Bundle.load(model).dataset.users[:20]
    out = tmp_path / "why.parquet"
    explain_users(Job(str(model)), users, out)
    by_event = (
        pl.scan_parquet(out)
        .select("score", pl.col("reasons"))
        .explode("reasons")
        .unnest("reasons")
        .group_by("event")
        .agg(pl.col("contribution").sum())
        .collect()
    )
    assert by_event["contribution"].sum() == pytest.approx(pl.read_parquet(out)["score"].sum())


def test_new_people_stand_in_their_place(model: Path, tmp_path: Path) -> None:
    known = Bundle.load(model).dataset.users
    users = [known[0], "somebody new", known[1]]
    out = tmp_path / "why.jsonl"
    explain_users(Job(str(model), n=2, new_users=True), users, out)
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [line["user"] for line in lines] == [u for u in users for _ in range(2)]


def test_nobody_gives_an_empty_table(model: Path, tmp_path: Path) -> None:
    explain_users(Job(str(model)), [], tmp_path / "why.parquet")
    table = pl.read_parquet(tmp_path / "why.parquet")
    assert table.height == 0
    assert {"user", "text", "reasons", "exact"} <= set(table.columns)
    write_lines([], tmp_path / "why.jsonl")
    assert (tmp_path / "why.jsonl").read_bytes() == b""


def test_a_stream_is_written_in_order(model: Path) -> None:
    users = Bundle.load(model).dataset.users[:3]
    out = io.BytesIO()
    explain_users(Job(str(model), n=1), users, out)
    assert [json.loads(x)["user"] for x in out.getvalue().splitlines()] == list(users)


def test_a_worker_that_meets_an_error_tells_it(model: Path, tmp_path: Path) -> None:
    job = Job(str(model), n=1).to_json()
    task = {"users": ["nobody at all"], "part": str(tmp_path / "part"), "parquet": False}
    with Pool(job, 2) as pool, pytest.raises(WhyrecError, match="no such user: nobody at all"):
        list(pool.map([task]))


def test_a_worker_that_dies_is_told(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    job = Job(str(model), n=1).to_json()
    with Pool(job, 1) as pool, pytest.raises(WhyrecError, match="ended with status 1"):
        list(pool.map([{"users": [], "part": str(tmp_path / "part"), "parquet": False}]))
