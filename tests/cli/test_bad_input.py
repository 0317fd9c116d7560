"""Bad input gets one line that says where, what and what to do, status 2, and leaves nothing behind."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from tests.cli.cli_runs import Ran, files_below

EVENTS = "user_id,item_id,rating\n" + "".join(
    f"u{u},i{i},{1 + (u + i) % 5}\n" for u in range(6) for i in range(6) if (u * i) % 4 != 1
)


@dataclass(frozen=True)
class Case:
    """One bad input: how it is made, the command (`{here}`, `{model}`, `{user}`), what it must say."""

    name: str
    args: str
    says: tuple[str, ...]
    files: tuple[tuple[str, str | bytes], ...] = ()
    prepare: Callable[[Path], object] | None = None


def half_parquet(here: Path) -> None:
    whole = here / "whole.parquet"
    pl.DataFrame({"user_id": ["a", "b"] * 50, "item_id": ["x", "y"] * 50}).write_parquet(whole)
    raw = whole.read_bytes()
    whole.unlink()
    (here / "events.parquet").write_bytes(raw[: len(raw) // 2])


FIT = "fit {here}/events.csv --out {here}/made"

CASES = [
    # the data
    Case("missing file", "fit {here}/nowhere.csv --out {here}/made", ("nowhere.csv", "no such file", "check the path")),
    Case("empty directory", "fit {here}/empty --out {here}/made", ("empty", "no data files"),
         prepare=lambda here: (here / "empty").mkdir()),
    Case("empty file", FIT, ("events.csv", "is empty", "give a file"), (("events.csv", ""),)),
    Case("header only", FIT, ("events.csv", "no rows"), (("events.csv", "user_id,item_id\n"),)),
    Case("wrong column", FIT, ("user", "map", "colour"),
         (("events.csv", "colour,shade\nred,dark\nblue,light\n"),)),
    Case("text in a number", FIT, ("events.csv", "row 3", "rating", "'good'", "correct the cell"),
         (("events.csv", "user_id,item_id,rating\na,x,5\nb,y,good\nc,x,3\n"),)),
    Case("NaN among ratings given as infinity", FIT, ("events.csv", "row 3", "finite number"),
         (("events.csv", "user_id,item_id,rating\na,x,5\nb,y,inf\nc,x,3\n"),)),
    Case("one user", FIT, ("one user only", "several users"),
         (("events.csv", "user_id,item_id\na,x\na,y\na,z\n"),)),
    Case("one item", FIT, ("one item only", "several items"),
         (("events.csv", "user_id,item_id\na,x\nb,x\nc,x\n"),)),
    Case("a row too long", FIT, ("events.csv", "row 3", "cells"),
         (("events.csv", "user_id,item_id\na,x\nb,y,z,w\nc,x\n"),)),
    Case("a quote never closed", FIT, ("events.csv",),
         (("events.csv", 'user_id,item_id\na,"x\nb,y\nc,x\n'),)),
    Case("binary", FIT, ("events.csv", "binary"), (("events.csv", bytes(range(256)) * 8),)),
    Case("an unknown event", FIT, ("events.csv", "row 3", "'adored'", "use one of"),
         (("events.csv", "user_id,item_id,event\na,x,view\nb,y,adored\n"),)),
    Case("a time that is none", FIT, ("events.csv", "row 2", "time"),
         (("events.csv", "user_id,item_id,time\na,x,yesterday\nb,y,2020-01-01\n"),)),
    Case("truncated Parquet", "fit {here}/events.parquet --out {here}/made",
         ("events.parquet", "cut short or damaged"), prepare=half_parquet),
    Case("truncated gzip", "fit {here}/events.csv.gz --out {here}/made",
         ("events.csv.gz", "damaged or cut short"), (("events.csv.gz", gzip.compress(EVENTS.encode())[:-12]),)),
    Case("bad JSON Lines", "fit {here}/events.jsonl --out {here}/made", ("events.jsonl", "line 2", "JSON"),
         (("events.jsonl", '{"user_id": "a", "item_id": "x"}\n{"user_id": "b", "item\n'),)),
    Case("items without events", "fit {here}/items.csv --out {here}/made", ("items.csv",),
         (("items.csv", "item_id,title\nx,X\ny,Y\n"),)),
    Case("describe a missing file", "data describe {here}/nowhere", ("nowhere", "no such file")),
    Case("clean a missing file", "data clean {here}/nowhere --out {here}/made", ("nowhere", "no such file")),
    # options of fit
    Case("--map without =", FIT + " --map user_id", ("--map", "KEY=VALUE"), (("events.csv", EVENTS),)),
    Case("--map to no column", FIT + " --map user_id=Customer", ("Customer", "name one that exists"),
         (("events.csv", EVENTS),)),
    Case("--map of no field", FIT + " --map shoe=user_id", ("shoe", "map one of"), (("events.csv", EVENTS),)),
    Case("--map twice", FIT + " --map user_id=a,user_id=b", ("--map", "twice"), (("events.csv", EVENTS),)),
    Case("--set of no parameter", FIT + " --set depth=3", ("depth", "regularization"), (("events.csv", EVENTS),)),
    Case("--set that is no number", FIT + " --set regularization=high", ("regularization", "'high'", "a number"),
         (("events.csv", EVENTS),)),
    Case("--set out of range", FIT + " --set regularization=-1", ("regularization", "-1"), (("events.csv", EVENTS),)),
    Case("no such model", FIT + " --model oracle", ("oracle", "ease"), (("events.csv", EVENTS),)),
    Case("--weight that is no number", FIT + " --weight view=much", ("--weight view", "much", "0.1"),
         (("events.csv", EVENTS),)),
    Case("--weight of no event", FIT + " --weight glance=0.5", ("glance", "view"), (("events.csv", EVENTS),)),
    Case("--event of no kind", FIT + " --event glance", ("glance", "view"), (("events.csv", EVENTS),)),
    Case("--domain of no kind", FIT + " --domain cars", ("cars", "film"), (("events.csv", EVENTS),)),
    # places that cannot be written
    Case("a model below a file", "fit {here}/events.csv --out {here}/events.csv/made",
         ("events.csv", "is a file", "another place"), (("events.csv", EVENTS),)),
    Case("a model over somebody's files", "fit {here}/events.csv --out {here}/mine",
         ("mine", "did not write", "new directory"),
         (("events.csv", EVENTS), ("mine/letter.txt", "dear"))),
    Case("a shop below a file", "data shop --out {here}/a/shop", ("is a file", "another place"), (("a", "x"),)),
    Case("a shop over somebody's files", "data shop --out {here}/mine", ("mine", "did not write"),
         (("mine/letter.txt", "dear"),)),
    Case("texts below a file", "explain {model} --user {user} --out {here}/a/why.jsonl",
         ("is a file", "another place"), (("a", "x"),)),
    Case("texts over a directory", "explain {model} --user {user} --out {here}/why.jsonl",
         ("why.jsonl", "is a directory"), prepare=lambda here: (here / "why.jsonl").mkdir()),
    Case("an ending of no format", "explain {model} --user {user} --out {here}/why.xlsx",
         ("why.xlsx", ".parquet or .jsonl")),
    # models
    Case("no such model directory", "recommend {here}/nothing --user 1", ("nothing", "no such directory", "whyrec fit")),
    Case("a directory without a model", "recommend {here} --user 1", ("no model here", "whyrec fit")),
    Case("a file for a model", "recommend {here}/a --user 1", ("a file, not a model",), (("a", "x"),)),
    # people and items
    Case("unknown user", "recommend {model} --user nobody", ("no such user: nobody", "--new-user")),
    Case("unknown user to explain to", "explain {model} --user nobody", ("no such user: nobody", "--new-user")),
    Case("unknown item", "explain {model} --user {user} --item nothing", ("no such item: nothing", "for example")),
    Case("unknown user to verify for", "verify {model} --user nobody --item x --text Yes.", ("no such user: nobody",)),
    Case("unknown item to verify", "verify {model} --user {user} --item nothing --text Yes.",
         ("no such item: nothing",)),
    # options of explain
    Case("no such language", "explain {model} --user {user} --lang xx", ("xx", "en, zh")),
    Case("no such language model", "explain {model} --user {user} --llm gpt", ("gpt", "openai:MODEL")),
    Case("a Transformers model that is not there", "explain {model} --user {user} --llm hf:{here}/none",
         ("none",)),
    Case("--base-url without a server", "explain {model} --user {user} --base-url http://127.0.0.1:1",
         ("--base-url", "openai:MODEL")),
    Case("direct mode with a sketcher", "explain {model} --user {user} --mode direct", ("nano", "sketches only")),
    Case("no such mode", "explain {model} --user {user} --mode fast", ("--mode", "sketch or direct")),
    Case("a list of nothing", "explain {model} --user {user} -n 0", ("-n", "1 or more")),
    Case("a number that is none", "explain {model} --user {user} -n ten", ("-n", "valid integer", "explain --help")),
    Case("nobody named", "explain {model}", ("--user", "--users all")),
    Case("one and many", "explain {model} --user {user} --users all", ("both",)),
    Case("an item for many", "explain {model} --users all --item x", ("--item", "--user")),
    Case("reasons in words", "explain {model} --user {user} --reasons few", ("--reasons", "all")),
    Case("no file of users", "explain {model} --users {here}/who.txt --json", ("who.txt", "no such file", "--users all")),
    Case("an empty file of users", "explain {model} --users {here}/who.txt --json", ("who.txt", "no user ids"),
         (("who.txt", "\n\n"),)),
    Case("a stranger in a file of users", "explain {model} --users {here}/who.txt --out {here}/why.parquet",
         ("who.txt, line 2", "no such user: stranger", "--new-user"), (("who.txt", "{user}\nstranger\n"),)),
    Case("a file of users that is no text", "explain {model} --users {here}/who.txt --json",
         ("who.txt, line 1", "not UTF-8"), (("who.txt", b"\xff\xfe\x00u\n"),)),
    Case("no processes", "explain {model} --users all --out {here}/why.jsonl --processes 0",
         ("processes", "1 or more")),
    # verify
    Case("a text missing", "verify {model} --user {user} --item x", ("--text missing",)),
    Case("a text and a file", "verify {model} --user {user} --batch {here}/t.jsonl", ("--batch",)),
    Case("bad JSON in a batch", "verify {model} --batch {here}/t.jsonl", ("t.jsonl, line 2", "not JSON", '"user"'),
         (("t.jsonl", '{"user":"{user}","item":"{item}","lang":"en","text":"Yes."}\n{oops\n'),)),
    Case("a field missing in a batch", "verify {model} --batch {here}/t.jsonl", ("t.jsonl, line 1", "no “text”"),
         (("t.jsonl", '{"user":"{user}","item":"{item}","lang":"en"}\n'),)),
    Case("a number for a text", "verify {model} --batch {here}/t.jsonl", ("t.jsonl, line 1", "“text” is not text"),
         (("t.jsonl", '{"user":"{user}","item":"{item}","lang":"en","text":7}\n'),)),
    Case("a stranger in a batch", "verify {model} --batch {here}/t.jsonl", ("t.jsonl, line 1", "no such user: stranger"),
         (("t.jsonl", '{"user":"stranger","item":"{item}","lang":"en","text":"Yes."}\n'),)),
    Case("an empty batch", "verify {model} --batch {here}/t.jsonl", ("t.jsonl", "no texts"), (("t.jsonl", ""),)),
    # the rest
    Case("no such command", "recomend {model}", ("recomend", "--help")),
    Case("no such option", "recommend {model} --user {user} --topn 3", ("--topn", "recommend --help")),
    Case("an option without its value", "fit {here}/events.csv", ("--out", "fit --help"), (("events.csv", EVENTS),)),
    Case("a shop of nobody", "data shop --out {here}/shop --users 0", ("--users", "1 or more")),
    Case("no such setting of training", "lm train --out {here}/lm --set depth=9", ("depth", "layers")),
    Case("weights that are not there", "lm eval {here}/none", ("none",)),
    Case("a report below a file", "demo --out {here}/a/demo", ("is a file", "another place"), (("a", "x"),)),
]  # fmt: skip


def fill(text: str | bytes, here: Path, model: Path, user: str, item: str) -> bytes:
    if isinstance(text, bytes):
        return text
    for name, value in (("here", here), ("model", model), ("user", user), ("item", item)):
        text = text.replace(f"{{{name}}}", str(value))
    return text.encode()


def is_one_line_with_a_remedy(done: Ran) -> bool:
    lines = done.err.splitlines()
    return len(lines) == 1 and lines[0].startswith("whyrec: ") and ";" in lines[0]


def test_there_are_many_cases() -> None:
    assert len({c.name for c in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_bad_input(
    case: Case,
    whyrec: Callable[..., Ran],
    model: Path,
    someone: str,
    some_item: str,
    tmp_path: Path,
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for name, content in case.files:
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_bytes(fill(content, here, model, someone, some_item))
    if case.prepare is not None:
        case.prepare(here)
    before = files_below(tmp_path) | files_below(model)
    args = fill(case.args, here, model, someone, some_item).decode().split()
    done = whyrec(*args)
    assert done.status == 2, done
    assert is_one_line_with_a_remedy(done), done.err
    for part in case.says:
        assert part in done.err
    assert done.out == ""
    assert files_below(tmp_path) | files_below(model) == before


def test_errors_stay_off_stdout_with_json(whyrec: Callable[..., Ran], model: Path) -> None:
    done = whyrec("explain", model, "--user", "nobody", "--json")
    assert (done.status, done.out) == (2, "")
    assert is_one_line_with_a_remedy(done)


@pytest.mark.parametrize("place", ["arrays", "dataset", "manifest.json"])
def test_a_flipped_byte_in_a_model_is_found(
    place: str, whyrec: Callable[..., Ran], own_model: Path
) -> None:
    target = own_model / place
    files = [target] if target.is_file() else sorted(p for p in target.rglob("*") if p.is_file())
    for file in files:
        raw = file.read_bytes()
        spot = len(raw) // 2
        file.write_bytes(raw[:spot] + bytes([raw[spot] ^ 1]) + raw[spot + 1 :])
        done = whyrec("recommend", own_model, "--user", "x")
        file.write_bytes(raw)
        assert done.status == 2
        assert is_one_line_with_a_remedy(done), done.err
        assert file.name in done.err
        assert "changed since it was written" in done.err


def test_a_missing_file_in_a_model_is_found(whyrec: Callable[..., Ran], own_model: Path) -> None:
    gone = next((own_model / "arrays").glob("*.npy"))
    gone.unlink()
    done = whyrec("recommend", own_model, "--user", "x")
    assert done.status == 2
    assert gone.name in done.err
    assert is_one_line_with_a_remedy(done), done.err


def test_a_model_of_the_future_is_refused(whyrec: Callable[..., Ran], own_model: Path) -> None:
    manifest = own_model / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
    done = whyrec("recommend", own_model, "--user", "x")
    assert done.status == 2
    assert "newer whyrec" in done.err
    assert is_one_line_with_a_remedy(done), done.err


def test_scores_that_are_no_numbers_are_refused(
    whyrec: Callable[..., Ran], own_model: Path, someone: str
) -> None:
    """A model whose arrays hold NaN, with fingerprints that fit: made so, not damaged."""
    import hashlib

    import numpy as np

    from whyrec.recommend import manifest

    file = next((own_model / "arrays").glob("*.npy"))
    array = np.load(file)
    array[:] = np.nan
    np.save(file, array)
    content = json.loads((own_model / "manifest.json").read_text())
    name = file.relative_to(own_model).as_posix()
    content["files"][name] = hashlib.sha256(file.read_bytes()).hexdigest()
    content["sha256"] = manifest._seal(content)
    (own_model / "manifest.json").write_text(json.dumps(content))
    done = whyrec("explain", own_model, "--user", someone, "--json")
    assert done.status == 2
    assert done.out == ""
    assert is_one_line_with_a_remedy(done), done.err


def test_a_broken_line_in_a_sketch_book_is_named(
    whyrec: Callable[..., Ran], own_model: Path, someone: str
) -> None:
    book = own_model / "sketches" / "nano.jsonl"
    book.parent.mkdir(exist_ok=True)
    book.write_text('{"shape": "en|\n')
    done = whyrec("explain", own_model, "--user", someone)
    assert done.status == 2
    assert "nano.jsonl, line 1" in done.err
    assert is_one_line_with_a_remedy(done), done.err


def test_an_id_cannot_drive_the_terminal(whyrec: Callable[..., Ran], model: Path) -> None:
    done = whyrec("recommend", model, "--user", "\x1b[31mred\x07")
    assert done.status == 2
    assert "\x1b" not in done.err
    assert "\x07" not in done.err


def test_a_failed_fit_leaves_the_old_model(
    whyrec: Callable[..., Ran], own_model: Path, tmp_path: Path
) -> None:
    before = {p: p.read_bytes() for p in own_model.rglob("*") if p.is_file()}
    (tmp_path / "events.csv").write_text("user_id,item_id\na,x\n")
    assert whyrec("fit", tmp_path / "events.csv", "--out", own_model).status == 2
    assert {p: p.read_bytes() for p in own_model.rglob("*") if p.is_file()} == before


def test_a_failed_batch_leaves_the_old_file(
    whyrec: Callable[..., Ran], own_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "why.jsonl"
    out.write_text("old\n")
    shutil.rmtree(own_model / "arrays")
    assert whyrec("explain", own_model, "--users", "all", "--out", out).status == 2
    assert out.read_text() == "old\n"
