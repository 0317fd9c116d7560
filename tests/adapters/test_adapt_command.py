"""`whyrec adapt`: from a file or a server to a model that explains, without a line of Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.adapters.adapter_cases import small
from tests.adapters.scorer_server import good, serving
from tests.cli.cli_runs import run_here

from whyrec.recommend.ials import IALS


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """The small data set as a file."""
    data = small()
    pairs = data.history_pairs("rated")
    pl.DataFrame(
        {
            "user_id": [data.users[u] for u in pairs["user"].to_list()],
            "item_id": [data.catalogue.ids[i] for i in pairs["item"].to_list()],
            "rating": pairs["value"],
        }
    ).write_csv(tmp_path / "events.csv")
    return tmp_path / "events.csv"


def explains(model: Path) -> None:
    ran = run_here("explain", model, "--user", "u7", "--llm", "none", "-n", 2, "--json")
    assert ran.status == 0, ran.err
    assert len(ran.lines) == 2


def test_factors(events: Path, tmp_path: Path) -> None:
    data = small()
    model = IALS(factors=4, iterations=3).fit(data.interactions)
    for name, ids, values in (
        ("items", data.catalogue.ids, model.item_factors_),
        ("users", data.users, model.user_factors(data.interactions)),
    ):
        frame = pl.DataFrame({"id": list(ids), "features": np.asarray(values).tolist()})
        frame.write_parquet(tmp_path / f"{name}.parquet")
    common = ("--data", events, "--out", tmp_path / "model", "--json")
    refused = run_here("adapt", "factors", tmp_path / "items.parquet", *common)
    assert refused.status == 2
    assert "2 of the model's 40 items are not in the data set" in refused.err
    users = ("--users", tmp_path / "users.parquet", "--ignore-missing")
    ran = run_here("adapt", "factors", tmp_path / "items.parquet", *users, *common)
    assert ran.status == 0, ran.err
    assert ran.lines[0]["exact"] is True
    assert ran.lines[0]["fidelity"]["top10_kept"] > 0.7
    explains(tmp_path / "model")


def test_lists(events: Path, tmp_path: Path) -> None:
    rows = [(u, i) for u in ("u7", "u14", "u21") for i in ("100", "113", "126")]
    pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row").write_csv(tmp_path / "l.csv")
    ran = run_here("adapt", "lists", tmp_path / "l.csv", "--data", events, "--out", tmp_path / "m")
    assert ran.status == 0, ran.err
    explains(tmp_path / "m")


def test_http(events: Path, tmp_path: Path) -> None:
    def service(body: dict[str, object]) -> object:
        n = len(body["histories"])  # type: ignore[arg-type]
        return good([np.linspace(0, 1, 38).tolist()] * n)

    with serving(service) as server:  # type: ignore[arg-type]
        options = ("--set", "timeout=5", "--data", events, "--out", tmp_path / "m")
        ran = run_here("adapt", "http", server.url, *options)
        assert ran.status == 0, ran.err
        explains(tmp_path / "m")
    late = run_here("explain", tmp_path / "m", "--user", "u7", "--llm", "none")
    assert late.status == 2
    assert "cannot be reached" in late.err


def test_bad_calls_are_one_line(events: Path, tmp_path: Path) -> None:
    out = ("--data", events, "--out", tmp_path / "m")
    for call, said in (
        (("factors", tmp_path / "none.parquet"), "no such file"),
        (("onnx", tmp_path / "none.onnx"), "no such file"),
        (("onnx", events), "not an ONNX graph"),
        (("http", "gopher://x"), "not an http or https URL"),
        (("http", "http://127.0.0.1:9/", "--set", "colour=red"), "no such parameter: colour"),
    ):
        ran = run_here("adapt", *call, *out)
        assert ran.status == 2
        assert said in ran.err
        assert ran.err.count("\n") == 1
        assert not (tmp_path / "m").exists()
