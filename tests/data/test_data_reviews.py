"""What people wrote is read, kept, fingerprinted and cleaned with the items it is about."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from whyrec.data.cleaning import Cleaner, UnknownItems
from whyrec.data.readers import from_frames, read
from whyrec.data.script import guess_language
from whyrec.data.store import load_dataset, write_dataset

EVENTS = "user,item,event\na,x,buy\nb,x,buy\nb,y,buy\nc,y,view\n"
ITEMS = "item,title\nx,Red teapot\ny,Oak shelf\n"


def shop(place: Path, *lines: dict[str, object]) -> Path:
    (place / "events.csv").write_text(EVENTS)
    (place / "items.csv").write_text(ITEMS)
    if lines:
        text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
        (place / "reviews.jsonl").write_text(text + "\n", encoding="utf-8")
    return place


def test_reviews_beside_events_are_read_by_their_indices(tmp_path: Path) -> None:
    data = read(
        shop(
            tmp_path,
            {"user_id": "b", "item_id": "y", "rating": 2, "text": "Too  big.\u202e<br />Bad", "time": "2024-01-05"},
            {"user_id": "a", "item_id": "x", "rating": 5, "text": "茶壶很好", "lang": "zh-CN"},
            {"user_id": "z", "item_id": "x", "rating": None, "text": "By somebody without events"},
        )
    )  # fmt: skip
    assert data.reviews is not None
    assert data.reviews.select("item", "user", "rating", "text", "lang").rows() == [
        (1, 1, 2.0, "Too big. Bad", "en"),
        (0, 0, 5.0, "茶壶很好", "zh"),
        (0, None, None, "By somebody without events", "en"),
    ]
    assert data.reviews.schema["item"] == data.reviews.schema["user"] == pl.UInt32
    assert str(data.reviews["time"][0]) == "2024-01-05 00:00:00"
    # They are no events, and their authors no users.
    assert data.events.height == 4
    assert data.users == ("a", "b", "c")
    assert data.notes["files"]["reviews.jsonl"]["role"] == "reviews"


def test_what_cannot_be_used_of_a_review_stops_nothing(tmp_path: Path) -> None:
    data = read(
        shop(
            tmp_path,
            {"user_id": "a", "item_id": "x", "rating": "many", "text": "Fine", "time": "once"},
            {"user_id": "a", "item_id": "x", "rating": "many", "text": "Fine", "time": "once"},
            {"user_id": "a", "item_id": "gone", "rating": "3", "text": "Of no item here", "time": ""},
            {"user_id": "a", "item_id": "y", "rating": "3", "text": "  ", "time": ""},
        )
    )  # fmt: skip
    assert data.reviews is not None
    assert data.reviews.select("item", "rating", "text", "time").rows() == [(0, None, "Fine", None)]
    assert "1 reviews of items that are not in the catalogue left out" in data.notes["remarks"]


def test_a_table_of_reviews_that_is_the_events_keeps_its_texts() -> None:
    data = from_frames(
        {
            "reviewerID": ["a", "b", "b"],
            "asin": ["x", "x", "y"],
            "overall": [5, 2, 4],
            "reviewText": ["Lovely.", None, "Fine."],
        }
    )
    assert data.events.height == 3
    assert data.reviews is not None
    assert data.reviews.select("user", "item", "rating", "text").rows() == [
        (0, 0, 5.0, "Lovely."),
        (1, 1, 4.0, "Fine."),
    ]


def test_a_column_of_text_can_be_mapped() -> None:
    table = {"user": ["a", "b"], "item": ["x", "y"], "rating": [1, 2], "opinion": ["bad", "good"]}
    assert from_frames(table).reviews is None
    mapped = from_frames(table, map={"text": "opinion"})
    assert mapped.reviews is not None
    assert mapped.reviews["text"].to_list() == ["bad", "good"]


def test_data_without_reviews_have_none(tmp_path: Path) -> None:
    assert read(shop(tmp_path)).reviews is None


def test_reviews_are_stored_and_change_the_fingerprint(tmp_path: Path) -> None:
    place = tmp_path / "raw"
    place.mkdir()
    bare = read(shop(place)).fingerprint
    one = {"user_id": "a", "item_id": "x", "text": "Lovely"}
    data = read(shop(place, one))
    other = read(shop(place, {**one, "text": "Awful"}))
    assert len({bare, data.fingerprint, other.fingerprint}) == 3
    write_dataset(data, tmp_path / "stored")
    again = load_dataset(tmp_path / "stored")
    assert again.reviews is not None
    assert again.reviews.equals(data.reviews)
    assert again.fingerprint == data.fingerprint
    assert load_dataset(_stored_without(tmp_path, place)).reviews is None


def _stored_without(tmp_path: Path, place: Path) -> Path:
    (place / "reviews.jsonl").unlink()
    write_dataset(read(place), tmp_path / "bare")
    return tmp_path / "bare"


def test_cleaning_takes_reviews_along_with_their_items() -> None:
    data = from_frames(
        {
            "user": ["a", "b", "a", "b"],
            "item": ["gone", "x", "x", "y"],
            "rating": [1, 2, 3, 4],
            "text": ["of the unknown", "of x", "of x too", "of y"],
        },
        {"item": ["x", "y"], "title": ["Teapot", "Shelf"]},
    )
    clean, _ = Cleaner(UnknownItems()).clean(data)
    assert clean.catalogue.ids == ["x", "y"]
    assert clean.reviews is not None
    told = [(clean.catalogue.ids[i], t) for i, t in clean.reviews.select("item", "text").rows()]
    assert told == [("x", "of x"), ("x", "of x too"), ("y", "of y")]
    # What came in stays as it was.
    assert data.reviews is not None
    assert data.reviews.height == 4


@pytest.mark.parametrize(
    ("text", "lang"),
    [("Great mug", "en"), ("很好", "zh"), ("iPhone 15 Pro 很好用", "zh"), ("The 茶 mug is lovely", "en"), ("123 !", "en")],
)  # fmt: skip
def test_the_language_is_guessed_by_script(text: str, lang: str) -> None:
    assert guess_language(text) == lang
