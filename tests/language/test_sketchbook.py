"""The sketch book: verified, inspectable, kept whole, and varied down a list."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from whyrec.errors import LanguageError
from whyrec.language.backends.base import BackendStats
from whyrec.language.realise import sketches
from whyrec.language.shape import Shape
from whyrec.language.sketchbook import SketchBook, Used

SHAPE = Shape.parse("en|film|plain|history(own,2,rating)+feature(same,2,category)")
RANK = Shape.parse("zh|shop|plain|rank")
GOOD = [
    "You rated {history} highly, and {item} shares their {feature}.",
    "You gave {history} high marks, and {item} shares their {feature}.",
]
BAD = [
    "You bought {history}, and {item} shares their {feature}.",
    "You rated {history} highly, and {item} shares their {feature}. You will love it!",
    "You rated {history} highly.",
    "",
]


class Scribe:
    """A backend that writes what it is told to: the book must not believe it."""

    spec = "scribe"
    direct = False

    def __init__(self, texts: dict[Shape, list[str]]) -> None:
        self.texts, self.stats, self.asked = texts, BackendStats(), Counter()

    def sketches(self, shapes, n):
        self.asked.update(shapes)
        return [self.texts.get(s, [])[:n] for s in shapes]

    def write(self, requests):
        return [None for _ in requests]


def test_what_the_verifier_refuses_is_kept_with_the_reason_and_never_served(tmp_path: Path) -> None:
    book = SketchBook(tmp_path / "book.jsonl")
    done = book.fill([SHAPE], Scribe({SHAPE: [*BAD, *GOOD, GOOD[0]]}), per_shape=4)
    assert done.made == done.accepted + done.refused + done.duplicates
    assert done.accepted == 2
    assert done.refused == len(BAD)
    assert sum(done.codes.values()) == done.refused
    assert {s.text for s in book.sketches(SHAPE)} == set(GOOD)
    refused = [x for x in book.lines() if x.status == "refused"]
    assert all(x.problems for x in refused)


def test_each_line_on_disk_can_be_read_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl"
    SketchBook(path).fill([SHAPE], Scribe({SHAPE: GOOD + BAD}))
    lines = [json.loads(x) for x in path.read_text("utf-8").splitlines()]
    assert {x["shape"] for x in lines} == {SHAPE.key}
    assert {x["status"] for x in lines} == {"accepted", "refused"}
    accepted = next(x for x in lines if x["text"] == GOOD[0])
    assert [s["claims"] for s in accepted["sentences"]] == [[0, 1]]
    assert accepted["llm"] == "scribe"
    assert list(tmp_path.iterdir()) == [path]


def test_a_book_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "book.jsonl"
    book = SketchBook(path)
    book.fill([SHAPE, RANK], Scribe({SHAPE: GOOD, RANK: ["您列表中的第{rank}位是{item}。"]}))
    again = SketchBook(path)
    assert again.counts() == book.counts()
    assert again.sketches(RANK) == book.sketches(RANK)
    assert len(again) == 3


def test_a_full_shape_is_not_asked_for_again() -> None:
    book = SketchBook()
    scribe = Scribe({SHAPE: GOOD})
    book.fill([SHAPE], scribe, per_shape=2)
    book.fill([SHAPE], scribe, per_shape=2)
    assert scribe.asked[SHAPE] == 1


def test_a_file_that_says_accepted_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl"
    SketchBook(path).fill([SHAPE], Scribe({SHAPE: GOOD}))
    path.write_text(path.read_text("utf-8").replace("You rated", "You bought"), "utf-8")
    book = SketchBook(path)
    assert {s.text for s in book.sketches(SHAPE)} == {GOOD[1]}
    assert book.counts()["refused"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"shape": "x"}',
        '{"shape":"a","status":"maybe","text":"","sentences":[],"llm":"","problems":[]}',
    ],
)
def test_a_broken_line_is_named_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "book.jsonl"
    SketchBook(path).fill([SHAPE], Scribe({SHAPE: GOOD}))
    path.write_text(path.read_text("utf-8") + line + "\n", "utf-8")
    with pytest.raises(LanguageError, match=r"line 3: not a line of a sketch book; remove"):
        SketchBook(path)


def test_what_another_process_wrote_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl"
    one, two = SketchBook(path), SketchBook(path)
    one.fill([SHAPE], Scribe({SHAPE: GOOD[:1]}))
    two.fill([SHAPE], Scribe({SHAPE: GOOD[1:]}))
    assert len(SketchBook(path)) == 2


def test_a_place_that_cannot_be_written_leaves_the_book_in_memory(
    tmp_path: Path, monkeypatch
) -> None:
    import os

    monkeypatch.setattr(os, "access", lambda *_: False)
    book = SketchBook(tmp_path / "book.jsonl")
    book.fill([SHAPE], Scribe({SHAPE: GOOD}))
    assert len(book.sketches(SHAPE)) == 2
    assert not book.save()
    assert not list(tmp_path.iterdir())


def test_a_list_uses_each_sketch_once_before_any_twice() -> None:
    from whyrec.language.sketchbook import choose

    texts = sketches(SHAPE)
    used: Used = Used()
    openings: dict[str, str] = {}
    picked = [choose(texts, "u", str(k), used, openings) for k in range(len(texts))]
    assert len({s.text for s in picked}) == len(texts)
    again = Used()
    assert picked == [choose(texts, "u", str(k), again, openings) for k in range(len(texts))]
