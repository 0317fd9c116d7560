"""People's decisions about sketches: kept by fingerprint, obeyed, and never half-written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from whyrec.errors import ConfigError, LanguageError
from whyrec.language.backends.base import BackendStats, DirectRequest
from whyrec.language.review import Reviews, fingerprint
from whyrec.language.shape import Shape
from whyrec.language.sketchbook import SketchBook

SHAPE = Shape.parse("en|film|plain|history(own,1,rating)+rating")
GOOD = "You rated {history} highly. {item} averages {mean} in {raters} ratings."
OTHER = "{item} averages {mean} in {raters} ratings. You rated {history} highly."
MINE = "You gave {history} high marks. {item} averages {mean} in {raters} ratings."


class Writer:
    """A model that always writes the same two sketches, as a retrained one might."""

    spec, direct = "writer", False
    stats = BackendStats()

    def sketches(self, shapes: Sequence[Shape], n: int) -> list[list[str]]:
        return [[GOOD, OTHER] for _ in shapes]

    def write(self, requests: Sequence[DirectRequest]) -> list[str | None]:
        return [None for _ in requests]


def _book(reviews: Reviews, **options: bool) -> SketchBook:
    book = SketchBook(reviews=reviews, **options)
    book.fill([SHAPE], Writer())
    return book


def _texts(book: SketchBook) -> set[str]:
    return {s.text for s in book.sketches(SHAPE)}


def test_drafts_are_served_unless_only_approved_ones_may_be() -> None:
    assert _texts(_book(Reviews())) == {GOOD, OTHER}
    assert _texts(_book(Reviews(), approved_only=True)) == set()
    reviews = Reviews()
    reviews.decide(SHAPE.key, GOOD, "approved")
    assert _texts(_book(reviews, approved_only=True)) == {GOOD}


def test_a_refused_sketch_is_not_served_when_another_model_writes_it_again(tmp_path: Path) -> None:
    place = tmp_path / "reviews.jsonl"
    Reviews(place).decide(SHAPE.key, GOOD, "refused", note="too dry")
    assert _texts(_book(Reviews(place))) == {OTHER}


def test_an_edit_stands_in_place_of_the_sketch(tmp_path: Path) -> None:
    place = tmp_path / "reviews.jsonl"
    Reviews(place).decide(SHAPE.key, GOOD, "edited", edit=f"  {MINE} ")
    book = _book(Reviews(place))
    assert _texts(book) == {MINE, OTHER}
    assert {s.llm for s in book.sketches(SHAPE) if s.text == MINE} == {"person"}
    assert _texts(_book(Reviews(place), approved_only=True)) == {MINE}


def test_an_edit_that_says_something_else_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    place = tmp_path / "reviews.jsonl"
    reviews = Reviews(place)
    for lie in (
        "You bought {history}. {item} averages {mean} in {raters} ratings.",
        "You rated {history} highly, and you will love {item}.",
        "You rated {history} highly.",
        "<b>You rated {history} highly.</b> {item} averages {mean} in {raters} ratings.",
    ):
        with pytest.raises(LanguageError, match="refuses the edit"):
            reviews.decide(SHAPE.key, GOOD, "edited", edit=lie)
    assert not place.exists()
    assert _texts(_book(reviews)) == {GOOD, OTHER}


def test_a_decision_can_be_taken_back_and_the_file_keeps_the_history(tmp_path: Path) -> None:
    place = tmp_path / "reviews.jsonl"
    reviews = Reviews(place)
    reviews.decide(SHAPE.key, GOOD, "refused")
    book = _book(reviews)
    assert _texts(book) == {OTHER}
    reviews.decide(SHAPE.key, GOOD, "draft")
    book.reviewed()
    assert _texts(book) == {GOOD, OTHER}
    lines = [json.loads(x) for x in place.read_text().splitlines()]
    assert [x["state"] for x in lines] == ["refused", "draft"]
    assert {x["id"] for x in lines} == {fingerprint(SHAPE.key, GOOD)}
    assert len(Reviews(place)) == 0


def test_bad_decisions_and_broken_files_say_what_is_wrong(tmp_path: Path) -> None:
    reviews = Reviews()
    with pytest.raises(ConfigError, match="no such state"):
        reviews.decide(SHAPE.key, GOOD, "maybe")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="belong together"):
        reviews.decide(SHAPE.key, GOOD, "edited")
    place = tmp_path / "reviews.jsonl"
    place.write_text('{"shape": "x"}\n')
    with pytest.raises(LanguageError, match="line 1"):
        Reviews(place)
