"""The names and types of `explain --json`, `verify --json` and the others are a contract."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.cli_runs import Ran

NUMBER = (int, float)
MAYBE_TEXT = (str, type(None))
LINE = {
    "user": str, "item": str, "title": str, "rank": int, "score": NUMBER, "baseline": NUMBER,
    "lang": str, "text": str, "sentences": list, "claims": list, "evidence": dict,
    "counterfactual": (dict, type(None)), "source": str, "llm": str, "model": str, "verified": bool,
}  # fmt: skip
REASON = {
    "kind": str, "item": MAYBE_TEXT, "title": MAYBE_TEXT, "event": MAYBE_TEXT,
    "value": (int, float, type(None)), "contribution": NUMBER,
}  # fmt: skip
EVIDENCE = {
    "exact": bool, "residual": NUMBER, "method": str, "calls": int,
    "error": (int, float, type(None)), "reasons": list,
}  # fmt: skip
KINDS = {"history", "feature", "people", "popular", "rating", "without", "rank"}


def has(
    value: dict[str, Any], shape: dict[str, Any], *, also: frozenset[str] = frozenset()
) -> None:
    """The value has exactly these names (and maybe `also`), each of its type, no bool as a number."""
    assert set(shape) <= set(value) <= set(shape) | also
    for name, kind in shape.items():
        assert isinstance(value[name], kind), (name, value[name])
        assert kind is bool or not isinstance(value[name], bool), (name, value[name])


def check_line(line: dict[str, Any], keep: int = 20) -> None:
    has(line, LINE)
    assert list(line) == list(LINE)
    assert line["rank"] >= 1
    assert line["source"] in {"sketch", "direct", "realiser"}
    assert line["verified"] is True
    claims = {}
    for claim in line["claims"]:
        assert claim["kind"] in KINDS
        assert isinstance(claim["share"], (*NUMBER, type(None)))
        claims[claim["id"]] = claim
    assert len(claims) == len(line["claims"]) >= 1
    for sentence in line["sentences"]:
        has(sentence, {"text": str, "claims": list})
        assert set(sentence["claims"]) <= set(claims)
        assert sentence["text"] in line["text"]
    assert {c for s in line["sentences"] for c in s["claims"]} == set(claims)
    has(line["evidence"], EVIDENCE, also=frozenset({"breakdowns", "groups"}))
    reasons = line["evidence"]["reasons"]
    assert len(reasons) <= keep + 1
    for reason in reasons:
        has(reason, REASON, also=frozenset({"count", "error", "negative"}))
    one_by_one = [r["contribution"] for r in reasons if r["kind"] != "rest"]
    assert one_by_one == sorted(one_by_one, reverse=True)
    rest = [r for r in reasons if r["kind"] == "rest"]
    assert rest in ([], reasons[-1:])
    assert all(r["count"] >= 2 and r["item"] is None for r in rest)
    total = math.fsum(r["contribution"] for r in reasons) + line["baseline"]
    assert total == pytest.approx(line["score"], rel=1e-5, abs=1e-9)
    counterfactual = line["counterfactual"]
    if counterfactual is not None:
        shape = {"question": str, "items": list, "new_rank": int, "proved": bool}
        has(counterfactual, shape)
        assert counterfactual["question"] in {"gone", "displaced"}
        assert counterfactual["new_rank"] > line["rank"]


@pytest.mark.parametrize("which", ["model", "ials"])
def test_explain(
    which: str, whyrec: Callable[..., Ran], someone: str, request: pytest.FixtureRequest
) -> None:
    done = whyrec("explain", request.getfixturevalue(which), "--user", someone, "--json",
                  "--lang", "en,zh", "-n", 10)  # fmt: skip
    assert (done.status, done.err) == (0, "")
    for line in done.lines:
        check_line(line)
    heads = [(x["lang"], x["rank"]) for x in done.lines]
    assert heads == [(lang, k) for lang in ("en", "zh") for k in range(1, 11)]
    assert {x["user"] for x in done.lines} == {someone}


def test_explain_one_item(
    whyrec: Callable[..., Ran], model: Path, someone: str, some_item: str
) -> None:
    done = whyrec("explain", model, "--user", someone, "--item", some_item, "--json")
    (line,) = done.lines
    check_line(line)
    assert line["item"] == some_item


def test_reasons_can_be_had_whole_or_short(
    whyrec: Callable[..., Ran], model: Path, someone: str
) -> None:
    args = ("explain", model, "--user", someone, "-n", 1, "--json", "--reasons")
    (whole,), (short,) = whyrec(*args, "all").lines, whyrec(*args, 3).lines
    check_line(whole, keep=10**6)
    check_line(short, keep=3)
    long, brief = whole["evidence"]["reasons"], short["evidence"]["reasons"]
    assert all(r["kind"] == "history" for r in long)
    assert brief[:3] == long[:3]
    assert brief[3]["count"] == len(long) - 3
    assert brief[3]["contribution"] == pytest.approx(math.fsum(r["contribution"] for r in long[3:]))


def test_titles_of_reasons_are_in_the_language_of_the_line(
    whyrec: Callable[..., Ran], model: Path, someone: str
) -> None:
    lines = whyrec("explain", model, "--user", someone, "-n", 3, "--json", "--lang", "en,zh").lines
    titles = {x["lang"]: [r["title"] for r in x["evidence"]["reasons"]][:5] for x in lines}
    assert all(t.isascii() for t in titles["en"])
    assert any(not t.isascii() for t in titles["zh"])


def test_somebody_new(whyrec: Callable[..., Ran], model: Path) -> None:
    done = whyrec("explain", model, "--user", "somebody new", "--new-user", "--json",
                  "--lang", "en,zh")  # fmt: skip
    assert done.status == 0
    for line in done.lines:
        check_line(line)
        assert line["evidence"]["reasons"] == []
        assert line["counterfactual"] is None
        assert line["score"] == line["baseline"]
    # The first text of each list says that it is for somebody without a history.
    assert re.search(r"\bnew\b|no history|nothing from you", done.lines[0]["text"])
    assert re.search("您(刚|是新|在这里还没有|还没有)", done.lines[10]["text"])


def test_verify_says_ok_for_what_explain_says(
    whyrec: Callable[..., Ran], model: Path, someone: str
) -> None:
    for line in whyrec("explain", model, "--user", someone, "--json", "--lang", "en,zh").lines:
        done = whyrec("verify", model, "--user", someone, "--item", line["item"], "--lang",
                      line["lang"], "--text", line["text"], "--json")  # fmt: skip
        (verdict,) = done.lines
        has(verdict, {"ok": bool, "sentences": list})
        assert verdict["ok"] is True, verdict
        assert done.status == 0
        for sentence in verdict["sentences"]:
            has(sentence, {"text": str, "ok": bool, "claims": list, "problems": list})
            assert sentence["ok"]
            assert sentence["claims"]
            assert sentence["problems"] == []


def test_verify_names_the_lie(
    whyrec: Callable[..., Ran], model: Path, someone: str, some_item: str
) -> None:
    text = "You will love this! Everyone is buying it."
    done = whyrec("verify", model, "--user", someone, "--item", some_item, "--text", text, "--json")
    (verdict,) = done.lines
    assert done.status == 1
    assert verdict["ok"] is False
    problems = [p for s in verdict["sentences"] for p in s["problems"]]
    assert problems
    for problem in problems:
        has(problem, {"code": str, "span": list, "message": str})
        start, end = problem["span"]
        assert 0 <= start <= end <= len(text)
        assert problem["code"]
        assert problem["message"]


def test_verify_many(
    whyrec: Callable[..., Ran], model: Path, someone: str, some_item: str, tmp_path: Path
) -> None:
    lines = whyrec("explain", model, "--user", someone, "--json", "-n", 3).lines
    asked = [{k: x[k] for k in ("user", "item", "lang", "text")} for x in lines]
    asked.append({**asked[0], "text": "It is the best thing ever made."})
    text = "".join(json.dumps(a, ensure_ascii=False) + "\n" for a in asked)
    (tmp_path / "texts.jsonl").write_text(text, "utf-8")
    from_file = whyrec("verify", model, "--batch", tmp_path / "texts.jsonl", "--json", "-n", 3)
    from_stdin = whyrec("verify", model, "--batch", "-", "--json", "-n", 3, stdin=text.encode())
    assert from_file.lines == from_stdin.lines
    assert [x["ok"] for x in from_file.lines] == [True, True, True, False]
    assert [(x["user"], x["item"], x["lang"]) for x in from_file.lines] == [
        (a["user"], a["item"], a["lang"]) for a in asked
    ]
    assert from_file.status == 1


def test_recommend(whyrec: Callable[..., Ran], model: Path, someone: str) -> None:
    done = whyrec("recommend", model, "--user", someone, "-n", 5, "--json")
    shape = {"user": str, "item": str, "title": str, "rank": int, "score": NUMBER}
    for line in done.lines:
        has(line, shape)
    assert [x["rank"] for x in done.lines] == [1, 2, 3, 4, 5]
    explained = whyrec("explain", model, "--user", someone, "-n", 5, "--json").lines
    assert [x["item"] for x in explained] == [x["item"] for x in done.lines]
    assert [x["score"] for x in explained] == pytest.approx([x["score"] for x in done.lines])


def test_fit_says_what_it_did(whyrec: Callable[..., Ran], shop: Path, tmp_path: Path) -> None:
    done = whyrec("fit", shop, "--out", tmp_path / "m", "--set", "regularization=100", "--json",
                  "--weight", "view=0.1")  # fmt: skip
    (line,) = done.lines
    assert line["params"] == {"regularization": 100.0}
    assert line["model"].startswith("ease-")
    assert line["events"] <= line["events_read"]
    assert {"steps", "changed", "set_aside"} <= set(line["cleaning"])
    assert done.err == ""


def test_the_same_data_give_the_same_model(
    whyrec: Callable[..., Ran], shop: Path, tmp_path: Path
) -> None:
    made = [whyrec("fit", shop, "--out", tmp_path / x, "--json").lines[0]["model"] for x in "ab"]
    assert made[0] == made[1]


def test_describe_and_clean(whyrec: Callable[..., Ran], shop: Path, tmp_path: Path) -> None:
    (seen,) = whyrec("data", "describe", shop, "--json").lines
    assert seen["domain"] == "shop"
    assert seen["events"] == sum(seen["events_by_type"].values())
    (cleaned,) = whyrec("data", "clean", shop, "--out", tmp_path / "clean", "--json").lines
    assert seen["events"] - cleaned["cleaning"]["set_aside"] <= cleaned["events"] < seen["events"]
    (again,) = whyrec("data", "describe", tmp_path / "clean", "--json").lines
    assert again["fingerprint"] == cleaned["fingerprint"]


def test_sketches_are_counted_and_shown(whyrec: Callable[..., Ran], own_model: Path) -> None:
    filled = whyrec("sketches", own_model, "--fill", "--lang", "en", "--json")
    assert filled.status == 0
    for row in filled.lines:
        has(row, {"shape": str, "accepted": int, "refused": int, "codes": dict})
        assert row["refused"] == sum(row["codes"].values())
    shown = whyrec("sketches", own_model, "--show", "--lang", "en", "--json").lines
    assert sum(x["status"] == "accepted" for x in shown) == sum(r["accepted"] for r in filled.lines)
    for line in shown:
        assert line["status"] == "accepted" or line["problems"]


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["explain", "--help"]])
def test_help_and_version(args: list[str], whyrec: Callable[..., Ran]) -> None:
    done = whyrec(*args)
    assert done.status == 0
    assert "whyrec" in done.out
    assert done.err == ""
