"""`whyrec features`: the commands of the how-to run, answer in both languages, and say what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from whyrec.cli.app import run


@pytest.fixture(scope="module")
def shop(tmp_path_factory: Any) -> str:
    from whyrec.data.shop import generate

    place: Path = tmp_path_factory.mktemp("features") / "shop"
    generate(place, users=150, items=60)
    return str(place)


@pytest.fixture(scope="module")
def model(shop: str, tmp_path_factory: Any) -> str:
    from whyrec.data.readers import read
    from whyrec.recommend.bundle import Bundle

    place = tmp_path_factory.mktemp("model") / "model"
    Bundle.fit(read(shop), "ials", factors=8, iterations=2).save(place)
    return str(place)


def lines(capsys: Any, *argv: str) -> list[dict[str, Any]]:
    assert run(["features", *argv, "--json"]) == 0, capsys.readouterr().err
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_keywords_stand_in_their_text(shop: str, capsys: Any) -> None:
    for lang in ("en", "zh"):
        for line in lines(capsys, "keywords", shop, "--items", "4", "--lang", lang):
            assert line["keywords"]
            for k in line["keywords"]:
                assert line["text"][k["start"] : k["end"]] == k["text"]


def test_aspects_tell_nothing_of_few_people(shop: str, capsys: Any) -> None:
    head, *items = lines(capsys, "aspects", shop, "--items", "5", "--k-anon", "3", "--lang", "zh")
    assert head["reviews"] > 50
    assert {"价格", "颜色"} <= {a["aspect"] for a in head["aspects"]}
    assert all(a["people"] >= 3 for line in items for a in line["aspects"])
    [strict] = lines(capsys, "aspects", shop, "--k-anon", "100000")
    assert strict["aspects"] == []


def test_segments_of_data_and_of_a_model(
    shop: str, model: str, tmp_path: Path, capsys: Any
) -> None:
    [found] = lines(capsys, "segments", shop, "--out", str(tmp_path / "who.csv"))
    assert sum(s["people"] for s in found["segments"]) == found["people"]
    assert (tmp_path / "who.csv").read_text().startswith("user,segment\n")
    [by_model] = lines(capsys, "segments", model, "--by", "model", "-k", "2")
    assert by_model["k"] == 2


@pytest.mark.parametrize(
    "argv",
    [
        ("--out", "items.html"),
        ("--of", "users", "--method", "tsne", "--out", "people.png", "--lang", "zh"),
        ("--of", "segments", "--out", "segments.svg"),
        ("--by", "tfidf+image:0.3", "--out", "pictures.html"),
    ],
)
def test_pictures_are_written(
    shop: str, tmp_path: Path, argv: tuple[str, ...], capsys: Any
) -> None:
    out = tmp_path / argv[argv.index("--out") + 1]
    changed = [str(out) if a == out.name else a for a in argv]
    [told] = lines(capsys, "project", shop, *changed)
    assert told["points"] > 0
    assert out.stat().st_size > 1000


def test_a_model_draws_its_factors(model: str, tmp_path: Path, capsys: Any) -> None:
    for of in ("items", "users"):
        out = str(tmp_path / f"{of}.html")
        lines(capsys, "project", model, "--of", of, "--by", "model", "--out", out)


def test_people_are_not_named_in_their_picture(shop: str, tmp_path: Path, capsys: Any) -> None:
    lines(capsys, "project", shop, "--of", "users", "--out", str(tmp_path / "p.html"))
    assert "U0001" not in (tmp_path / "p.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("keywords", "{shop}", "--method", "rake"), "--method: no such method: rake; use textrank or"),
        (("keywords", "{shop}", "--item", "nope"), "--item: no such item: nope; the catalogue has"),
        (("project", "{shop}", "--out", "x.gif"), "--out: no such value: .gif; use a file that ends in"),
        (("project", "{shop}", "--of", "shops", "--out", "x.png"), "--of: no such value: shops"),
        (("segments", "{shop}", "--by", "model"), "data have no factors; name a model"),
        (("segments", "{shop}", "--k-anon", "1000"), "people with positive events; give at least 2000"),
        (("segments", "{shop}", "--out", "who.txt"), "who.txt: a list of people is written as .csv or"),
        (("project", "{shop}", "--by", "wrods", "--out", "x.png"), "no such source of features: 'wrods'"),
        (("aspects", "/nowhere"), "/nowhere: no such file"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(shop: str, argv: tuple[str, ...], message: str, capsys: Any) -> None:
    assert run(["features", *(a.format(shop=shop) for a in argv)]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_tables_are_for_people(shop: str, capsys: Any) -> None:
    for argv in (["keywords", shop, "--items", "2"], ["aspects", shop, "--items", "1"], ["segments", shop]):  # fmt: skip
        assert run(["features", *argv]) == 0
        assert len(capsys.readouterr().out.splitlines()) > 2
