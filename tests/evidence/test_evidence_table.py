"""Evidence as Parquet: rows add up, say what the engine says, and appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.evidence.evidence_cases import small_dataset, small_engine

from whyrec.batch import evidence as table_of
from whyrec.batch.evidence import write_evidence
from whyrec.errors import ConfigError, UnknownUserError
from whyrec.evidence.engine import EvidenceEngine
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.rules import Rules


def test_rows_say_what_the_engine_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_of, "PART", 40)  # several parts, as for many users
    rules = Rules.parse([{"name": "push", "item": "tag = Drama", "boost": 0.1}])
    bundle = Bundle.fit(small_dataset(2), "ials", rules=rules, factors=4)
    engine = EvidenceEngine(bundle, list_size=4)
    users = bundle.dataset.users
    done: list[int] = []
    made = write_evidence(engine, users, tmp_path / "e.parquet", n=4, keep=2, progress=done.append)
    table = pl.read_parquet(tmp_path / "e.parquet")
    assert [p.name for p in tmp_path.iterdir()] == ["e.parquet"]
    assert (made.users, made.pairs) == (len(users), table.height)
    assert sum(done) == len(users)
    rows = iter(table.iter_rows(named=True))
    kinds = set()
    for user, evidences in engine.batch(users, 4, counterfactuals=False):
        for e in evidences:
            row = next(rows)
            assert (row["user"], row["item"], row["rank"]) == (user, e.item, e.rank)
            assert row["score"] == pytest.approx(e.score)
            assert row["baseline"] == pytest.approx(e.baseline)
            assert (row["exact"], row["method"], row["calls"]) == (e.exact, e.method, e.calls)
            total = sum(r["contribution"] for r in row["reasons"]) + row["baseline"]
            assert total == pytest.approx(row["score"], rel=1e-9)
            told = [r for r in row["reasons"] if r["kind"] == "history"]
            own = [r for r in e.reasons if r.kind == "history"]
            assert [r["item"] for r in told] == [r.item for r in own[: len(told)]]
            assert [r["event"] for r in told] == [r.event for r in own[: len(told)]]
            assert [r["value"] for r in told] == [r.value for r in own[: len(told)]]
            assert sum(r["count"] or 1 for r in row["reasons"]) == len(e.reasons)
            kinds |= {r["kind"] for r in row["reasons"]}
    assert kinds == {"history", "rest", "rule"}
    assert made.worst_residual < 1e-9


def test_sampled_rows_carry_method_calls_and_error(tmp_path: Path) -> None:
    engine = small_engine(2, "ials")
    engine.bundle.recommender.exact = False
    sampled = EvidenceEngine(engine.bundle, list_size=3, budget=40)
    users = engine.bundle.dataset.users
    write_evidence(sampled, users, tmp_path / "e.parquet", n=3, keep=None)
    table = pl.read_parquet(tmp_path / "e.parquet").filter(pl.col("reasons").list.len() > 0)
    assert set(table["method"]) == {"shapley"}
    assert not table["exact"].any()
    assert (table["calls"] > 0).all()
    assert table["error"].null_count() == 0
    assert all(r["error"] is not None for row in table["reasons"] for r in row)


def test_nobody_and_bad_input(tmp_path: Path) -> None:
    engine = small_engine(2, "ease")
    made = write_evidence(engine, [], tmp_path / "none.parquet")
    assert (made.users, pl.read_parquet(tmp_path / "none.parquet").height) == (0, 0)
    with pytest.raises(ConfigError, match=r"not a \.parquet file"):
        write_evidence(engine, ["u0"], tmp_path / "e.csv")
    with pytest.raises(ConfigError, match="reasons"):
        write_evidence(engine, ["u0"], tmp_path / "e.parquet", keep=0)
    with pytest.raises(UnknownUserError):
        write_evidence(engine, ["u0", "nobody"], tmp_path / "e.parquet")
    assert [p.name for p in tmp_path.iterdir()] == ["none.parquet"]
