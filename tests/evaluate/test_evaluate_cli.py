"""`whyrec evaluate`, `tune` and `compare` as processes: what they print, refuse, keep and go on from."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from tests.cli.cli_runs import Ran, command, files_below, run_here, run_process
from tests.evaluate.split_cases import clustered

from whyrec.data.store import write_dataset

pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ratings of 60 people as a CSV file with times."""
    file = tmp_path_factory.mktemp("evaluate") / "ratings.csv"
    data = clustered()
    table = data.events.select("user", "item", "value", "time")
    lines = [f"u{u},i{i},{v},{t:%Y-%m-%dT%H:%M:%S}" for u, i, v, t in table.rows()]
    file.write_text("user_id,item_id,rating,time\n" + "\n".join(lines) + "\n")
    return file


def refused(done: Ran, *says: str) -> None:
    """One line on stderr, nothing on stdout, status 2."""
    assert done.status == 2, done.err
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1, done.err
    for part in says:
        assert part in done.err, done.err


def test_evaluate_prints_every_measure_with_its_interval(events: Path) -> None:
    done = run_process(
        "evaluate", events, "--model", "mf", "--set", "factors=4", "--k", "3,5", "--json"
    )
    assert done.status == 0, done.err
    (line,) = done.lines
    assert line["model"] == "mf"
    assert line["params"]["factors"] == 4
    assert {"ndcg@3", "ndcg@5", "auc", "rmse", "mae", "coverage@5"} <= set(line["measures"])
    for told in line["measures"].values():
        assert told.get("low", told["value"]) <= told["value"] <= told.get("high", told["value"])
    shown = run_process("evaluate", events, "--model", "mf", "--set", "factors=4", "--k", "3,5")
    assert f"{line['measures']['rmse']['value']:.4f}" in shown.out
    assert "interval" in shown.out


def test_reasons_are_taken_out_beside_random_ones(events: Path) -> None:
    (line,) = run_here("evaluate", events, "--metric", "ndcg@5", "--fidelity", "--json").lines
    own, searched, random = line["fidelity"]
    methods = [row["method"] for row in (own, searched, random)]
    assert methods == ["contributions", "successive", "random"]
    assert searched["del"] <= own["del"] + 0.01 < random["del"]
    assert own["cdcg"] < random["cdcg"]
    assert own["ins"] > random["ins"]
    assert "Reasons taken out" in run_here("evaluate", events, "--metric", "auc", "--fidelity").out


def test_a_saved_model_is_its_recipe_on_its_own_data(events: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    assert (
        run_here(
            "fit", events, "--model", "ease", "--set", "regularization=33", "--out", model
        ).status
        == 0
    )
    (own,) = run_here("evaluate", model, "--json").lines
    (same,) = run_here("evaluate", events, "--set", "regularization=33", "--json").lines
    assert own["params"] == {"regularization": 33.0}
    assert own["measures"] == same["measures"]
    refused(run_here("evaluate", model, "--model", "ials"), "a saved model", "--model")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ("--metric goodness", ("no such measure: goodness", "ndcg")),
        ("--k 0", ("“0” is not a length", "--k")),
        ("--k ten", ("“ten”", "--k 10,20")),
        ("--k 500", ("lists of 500 from a catalogue of 30", "use 30 or less")),
        ("--split by-moon", ("no such split", "per-user")),
        ("--share 1.5", ("--share", "1.5")),
        ("--folds 0", ("--folds", "0")),
        ("--split leave-last --folds 2", ("only one last event",)),
        ("--split time --at yesterday", ("--at", "2026-01-31")),
        ("--split time --at 1999-01-01", ("on both sides", "the events are from")),
        ("--at 2026-01-01", ("a moment is given",)),
        ("--model oracle", ("no such model: oracle",)),
        ("--set depth=3", ("depth", "regularization")),
        ("--people 0", ("--people",)),
        ("--metric rmse", ("ease ranks and predicts no ratings",)),
        ("--params nowhere.json", ("nowhere.json", "no such file", "whyrec tune")),
    ],
)
def test_bad_requests_get_one_line(events: Path, args: str, says: tuple[str, ...]) -> None:
    refused(run_here("evaluate", events, *args.split()), *says)


def test_data_that_cannot_be_split_get_one_line(tmp_path: Path) -> None:
    one = tmp_path / "one.csv"
    one.write_text("user_id,item_id\na,x\na,y\na,z\n")
    refused(run_process("evaluate", one), "one user only")
    bare = tmp_path / "bare.csv"
    bare.write_text(
        "user_id,item_id\n" + "".join(f"u{u},i{i}\n" for u in range(4) for i in range(5))
    )
    for method in ("time", "leave-last"):
        done = run_here("evaluate", bare, "--split", method, "--k", "2")
        refused(done, "20 of 20 events have no time", "--map time=COLUMN")
    thin = tmp_path / "thin.csv"
    thin.write_text("user_id,item_id\n" + "".join(f"u{u},i{u % 3}\n" for u in range(9)))
    refused(run_here("evaluate", thin, "--k", "2"), "nothing is left to be tested on")


def test_compare_writes_a_table_and_a_picture(events: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    done = run_process(
        "compare", events, "--models", "ease,popularity,mf", "--set", "mf.factors=2,ease.regularization=9",
        "--metric", "auc", "--k", "5", "--out", out, "--json",
    )  # fmt: skip
    assert done.status == 0, done.err
    models = [x for x in done.lines if "measures" in x]
    values = [x["measures"]["auc"]["value"] for x in models]
    assert values == sorted(values, reverse=True)
    assert next(x for x in models if x["name"] == "ease")["params"] == {"regularization": 9.0}
    pairs = [x for x in done.lines if "better" in x]
    assert len(pairs) == 3
    assert any(p["significant"] and p["worse"] == "popularity" for p in pairs)
    assert files_below(out) == {
        ".whyrec",
        "comparison.jsonl",
        "comparison.md",
        "comparison.png",
        "comparison.svg",
    }
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")
    svg = (out / "comparison.svg").read_text()
    assert "seconds to fit" in svg or "<svg" in svg
    assert [
        json.loads(x) for x in (out / "comparison.jsonl").read_text().splitlines()
    ] == done.lines
    assert "| ease |" in (out / "comparison.md").read_text()


def test_compare_tells_what_fails_and_goes_on(tmp_path: Path) -> None:
    bare = tmp_path / "bare.csv"
    rows = [f"u{u},i{(u + i) % 9}\n" for u in range(9) for i in range(5)]
    bare.write_text("user_id,item_id\n" + "".join(rows))
    done = run_here(
        "compare", bare, "--models", "mf,popularity,ease", "--k", "3", "--metric", "ndcg@3"
    )
    assert done.status == 0, done.err
    assert "mf failed:" in done.out
    assert "popularity" in done.out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ("--models ease,oracle", ("no such model: oracle",)),
        ("--models ease,ease", ("ease is named twice",)),
        ("--models ease --set ials.factors=3", ("ials.factors", "MODEL.KEY=VALUE")),
        ("--models ease --set ease.depth=3", ("depth",)),
        ("--metric gini@10", ("neither more nor less",)),
        ("--models ,", ("no models",)),
    ],
)
def test_bad_comparisons_get_one_line(events: Path, args: str, says: tuple[str, ...]) -> None:
    refused(run_here("compare", events, *args.split()), *says)


def test_tune_finds_a_recipe_that_fit_takes(events: Path, tmp_path: Path) -> None:
    best = tmp_path / "best.json"
    args = ("tune", events, "--model", "ease", "--trials", "6", "--out", best, "--json")
    done = run_process(*args)
    assert done.status == 0, done.err
    *trials, last = done.lines
    assert [t["trial"] for t in trials] == list(range(6))
    assert trials[0]["params"] == {"regularization": 250.0}  # begins with the defaults
    told = json.loads(best.read_text())
    assert {k: v for k, v in last.items() if k != "out"} == told
    assert told["validation"] == max(t["value"] for t in trials if t["state"] == "complete")
    assert told["validation"] >= told["validation_of_defaults"]
    fitted = run_here("fit", events, "--params", best, "--out", tmp_path / "model", "--json")
    assert fitted.lines[0]["params"] == told["params"]
    (measured,) = run_here(
        "evaluate", events, "--params", best, "--metric", "ndcg@10", "--json"
    ).lines
    assert measured["measures"]["ndcg@10"] == told["test"]
    # The same seed finds the same.
    again = tmp_path / "again.json"
    assert (
        run_process("tune", events, "--model", "ease", "--trials", "6", "--out", again).status == 0
    )
    assert json.loads(again.read_text()) == told
    refused(
        run_here("fit", events, "--params", best, "--model", "ials", "--out", tmp_path / "no"),
        "of ease, not of ials",
    )


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ("--model popularity", ("nothing to search",)),
        ("--model oracle", ("no such model",)),
        ("--set regularization=3", ("nothing to search",)),
        ("--trials 0", ("--trials",)),
        ("--timeout 0", ("--timeout",)),
        ("--metric popularity", ("neither more nor less",)),
        ("--metric rmse", ("predicts no ratings",)),
    ],
)
def test_bad_searches_get_one_line(
    events: Path, tmp_path: Path, args: str, says: tuple[str, ...]
) -> None:
    before = files_below(tmp_path)
    refused(run_here("tune", events, "--out", tmp_path / "x.json", *args.split()), *says)
    assert files_below(tmp_path) == before


def test_a_storage_that_is_none_gets_one_line(events: Path, tmp_path: Path) -> None:
    note = tmp_path / "note.sqlite"
    note.write_text("dear diary, this is no data base at all" * 50)
    done = run_here("tune", events, "--storage", note, "--out", tmp_path / "x.json")
    refused(done, "note.sqlite", "cannot be used as a storage")
    assert note.read_text().startswith("dear diary")


def finished(storage: Path) -> int:
    """How many trials the storage holds as complete or pruned."""
    try:
        with sqlite3.connect(f"file:{storage}?mode=ro", uri=True) as base:
            rows = base.execute("select count(*) from trials where state in ('COMPLETE', 'PRUNED')")
            return int(rows.fetchone()[0])
    except sqlite3.Error:
        return 0


def began(args: list[str], storage: Path, trials: int) -> subprocess.Popen[bytes]:
    """A process of `tune` that has finished some trials."""
    process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(1200):
        if finished(storage) >= trials:
            return process
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    raise AssertionError("no trial was finished")


def test_a_killed_search_goes_on_where_it_stood(events: Path, tmp_path: Path) -> None:
    storage, best = tmp_path / "trials.sqlite", tmp_path / "best.json"
    args = [
        "tune",
        events,
        "--model",
        "ials",
        "--set",
        "iterations=2",
        "--storage",
        storage,
        "--out",
        best,
    ]
    process = began(command(*args, "--trials", "5000"), storage, 3)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not best.exists()
    kept = finished(storage)
    done = run_process(*args, "--trials", str(kept + 2), "--json")
    assert done.status == 0, done.err
    *trials, last = done.lines
    assert 1 <= len(trials) <= 2
    assert all(t["trial"] >= kept for t in trials)
    assert sum(last["trials"].values()) == kept + 2
    # A third call has nothing left to try and tells the same.
    done = run_process(*args, "--trials", str(kept + 2), "--json")
    assert done.lines == [last]


def test_ctrl_c_keeps_what_was_found(events: Path, tmp_path: Path) -> None:
    storage, best = tmp_path / "trials.sqlite", tmp_path / "best.json"
    args = command(
        "tune", events, "--model", "ease", "--trials", "5000", "--storage", storage, "--out", best
    )
    process = began(args, storage, 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"the best of" in err
    told = json.loads(best.read_text())
    assert told["params"]["regularization"] > 0
    assert "test" not in told


def test_a_data_set_of_our_own_is_read_too(tmp_path: Path) -> None:
    write_dataset(clustered(20, 12, seed=1), tmp_path / "data")
    (line,) = run_here("evaluate", tmp_path / "data", "--k", "4", "--split", "time", "--json").lines
    assert line["split"].startswith("time from 2026")
    assert np.isfinite(line["measures"]["ndcg@4"]["value"])
