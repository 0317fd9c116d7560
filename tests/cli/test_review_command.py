"""`whyrec review`: what people decide is what `whyrec explain` serves, in one process or several."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.cli_runs import Ran

Whyrec = Callable[..., Ran]


def _texts(whyrec: Whyrec, model: Path, *more: str) -> tuple[set[str], set[str]]:
    """The sources and the texts of some people's lists."""
    from whyrec.recommend.bundle import Bundle

    few = model.parent / "few.txt"
    few.write_text("\n".join(Bundle.load(model).dataset.users[:12]))
    done = whyrec("explain", model, "--users", few, "-n", 2, "--json", *more)
    assert done.status == 0, done.err
    return {x["source"] for x in done.lines}, {x["text"] for x in done.lines}


def test_a_refused_sketch_is_used_no_more_by_any_process(whyrec: Whyrec, own_model: Path) -> None:
    _texts(whyrec, own_model)
    rows = whyrec("review", own_model, "--json", "--lang", "en").lines
    assert rows
    assert {r["state"] for r in rows} == {"draft"}
    ids = [a for r in rows for a in ("--refuse", r["id"])]
    assert whyrec("review", own_model, *ids, "--note", "all of them").status == 0
    for processes in ("1", "2"):
        sources, _ = _texts(whyrec, own_model, "--processes", processes)
        assert "sketch" not in sources
    again = whyrec("review", own_model, "--json", "--state", "refused").lines
    assert {r["note"] for r in again} == {"all of them"}


def test_only_approved_sketches_are_used_when_asked(whyrec: Whyrec, own_model: Path) -> None:
    _texts(whyrec, own_model)
    assert _texts(whyrec, own_model, "--approved-only")[0] == {"realiser"}
    rows = whyrec("review", own_model, "--json", "--lang", "en").lines
    whyrec("review", own_model, *[a for r in rows for a in ("--approve", r["id"])])
    assert "sketch" in _texts(whyrec, own_model, "--approved-only")[0]


def test_decisions_travel_as_a_file(whyrec: Whyrec, own_model: Path, tmp_path: Path) -> None:
    _texts(whyrec, own_model)
    rows = whyrec("review", own_model, "--json", "--lang", "en").lines
    rows[0]["state"] = "refused"
    place = tmp_path / "decisions.jsonl"
    place.write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert "1 decided" in whyrec("review", own_model, "--import", place).err
    assert "0 decided" not in whyrec("review", own_model, "--import", place).err
    state = {r["id"]: r["state"] for r in whyrec("review", own_model, "--json").lines}
    assert state[rows[0]["id"]] == "refused"
    place.write_text('{"shape": 1}\n')
    bad = whyrec("review", own_model, "--import", place)
    assert bad.status == 2
    assert "line 1" in bad.err


def test_bad_ids_and_lies_decide_nothing(whyrec: Whyrec, own_model: Path) -> None:
    _texts(whyrec, own_model)
    row = whyrec("review", own_model, "--json", "--lang", "en").lines[0]
    unknown = whyrec("review", own_model, "--approve", row["id"], "--refuse", "feedfeedfeed")
    assert unknown.status == 2
    assert "no sketch" in unknown.err
    lie = whyrec("review", own_model, "--edit", row["id"], "--text", "You will love {item}.")
    assert lie.status == 2
    assert "verifier refuses" in lie.err
    assert whyrec("review", own_model, "--edit", row["id"]).status == 2
    assert {r["state"] for r in whyrec("review", own_model, "--json").lines} == {"draft"}
