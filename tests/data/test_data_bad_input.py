"""Bad data: one line that says where, what and what to do."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from whyrec.data.dataset import Dataset
from whyrec.data.readers import from_frames, read
from whyrec.data.store import load_dataset, write_dataset
from whyrec.errors import ConfigError, DataError, WhyrecError

GOOD = "user,item,rating\na,x,4\nb,y,5\n"


def parquet_bytes(tmp_path: Path) -> bytes:
    file = tmp_path / "whole"
    pl.DataFrame({"user": ["a", "b"] * 500, "item": ["x", "y"] * 500}).write_parquet(file)
    raw = file.read_bytes()
    file.unlink()
    return raw


CASES: dict[str, tuple[str, str | bytes, str]] = {
    "empty file": ("e.csv", "", r"e\.csv: is empty; give a file with a header and rows"),
    "blank file": ("e.csv", "\n \n", r"e\.csv: is empty"),
    "header only": ("e.csv", "user,item,rating\n", r"e\.csv: holds a header and no rows; give rows"),
    "no user column": (
        "e.csv",
        "Kunde,item\na,x\n",
        r"no table has a column of user ids and one of item ids; map them .*e\.csv has Kunde, item",
    ),
    "text in a number": (
        "e.csv",
        "user,item,rating\na,x,4\nb,y,good\n",
        r"e\.csv, row 3, rating: 'good' is not a number; correct the cell",
    ),
    "infinite number": ("e.csv", "user,item,rating\na,x,inf\nb,y,1\n", r"row 2, rating: 'inf' is not a finite"),
    "no time": ("e.csv", "user,item,time\na,x,soon\nb,y,2024-01-01\n", r"row 2, time: 'soon' is not a time"),
    "unknown event": (
        "e.csv",
        "user,item,event\na,x,buy\nb,y,teleport\n",
        r"row 3, event: 'teleport' is not an event; use one of purchase, like, rating, cart",
    ),
    "uneven row": (
        "e.csv",
        "user,item,rating\na,x,4\nb,y,5,6,7\n",
        r"e\.csv: row 3 has 5 cells, the first row has 3; quote cells",
    ),
    "binary": ("e.csv", b"\x89PNG\x00\x00\x01", r"e\.csv: binary, not a table; give CSV"),
    "cut gzip": ("e.csv.gz", gzip.compress(GOOD.encode() * 200)[:-30], r"gzip data is damaged or cut short"),
    "broken JSON line": ("e.jsonl", '{"user": "a", "item": "x"}\n{"user": "b", "it', r"line 2 is not a JSON object"),
    "broken JSON list": ("e.json", '[{"user": "a"}, {"user": ]', r"not JSON at line 1"),
    "JSON of numbers": ("e.json", "[1, 2, 3]", r"entry 1 is not a JSON object"),
    "one user": ("e.csv", "user,item\na,x\na,y\n", r"events of one user only; give events of several users"),
    "one item": ("e.csv", "user,item\na,x\nb,x\n", r"events of one item only; give events of several items"),
    "only empty ids": ("e.csv", "user,item\n,x\n,y\n", r"no events that can be used; set aside: 2 \(no user id\)"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_files_are_told_in_one_line(tmp_path: Path, case: str) -> None:
    name, content, message = CASES[case]
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    for place in (file, tmp_path):
        with pytest.raises(DataError, match=message) as error:
            read(place)
        assert "\n" not in str(error.value)
        assert error.value.remedy


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file; check the path"):
        read(tmp_path / "nowhere.csv")


def test_an_empty_directory(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no data files; put in events and items as"):
        read(tmp_path)


@pytest.mark.parametrize("keep", [5, 100, -1])
def test_a_truncated_parquet_file(tmp_path: Path, keep: int) -> None:
    (tmp_path / "e.parquet").write_bytes(parquet_bytes(tmp_path)[:keep])
    with pytest.raises(
        DataError, match=r"e\.parquet: not a whole Parquet file: cut short or damaged"
    ):
        read(tmp_path)


def test_broken_latin_text_is_read_as_latin_and_noted(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_bytes("user,item\na,café\nb,naïf\n".encode("latin-1"))
    data = read(tmp_path)
    assert data.catalogue.ids == ["café", "naïf"]
    assert data.notes["files"]["e.csv"]["encoding"] == "cp1252"


def test_double_items_are_set_aside_and_counted(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(GOOD)
    (tmp_path / "items.csv").write_text("item,title\nx,Ex\nx,Ex\ny,Why\nx,Another\n,None\n")
    data = read(tmp_path)
    assert data.catalogue.table.rows() == [("x", "Ex"), ("y", "Why")]
    counts = {c["reason"]: (c["count"], c["rows"]) for c in data.notes["set_aside"]}
    assert counts == {
        "no item id": (1, [6]),
        "the same item row again": (1, [3]),
        "item id used before: the first row is kept": (1, [5]),
    }
    assert data.set_aside is not None
    assert json.loads(data.set_aside.filter(pl.col("row") == 5)["cells"][0])["title"] == "Another"


def test_rows_without_ids_are_set_aside_and_counted(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("user,item,rating\na,x,4\n,x,4\nb,,4\nb,y,\nb,y,2\n")
    data = read(tmp_path)
    assert data.events.height == 2
    counts = {c["reason"]: c["rows"] for c in data.notes["set_aside"]}
    assert counts == {"no user id": [3], "no item id": [4], "a rating without its number": [5]}


def test_nan_in_a_frame_is_missing_not_a_number() -> None:
    rows = {"user": ["a", "b", "a"], "item": ["x", "y", "x"], "rating": [float("nan"), 4.0, 5.0]}
    data = from_frames(pl.DataFrame(rows))
    assert data.events["value"].to_list() == [4.0, 5.0]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"map": {"colour": "x"}},
            ConfigError,
            "map: nothing is called 'colour'; map one of user_id",
        ),
        ({"map": {"user": "a", "user_id": "b"}}, ConfigError, "'user_id' is mapped twice"),
        (
            {"map": {"user_id": "CustomerID"}},
            DataError,
            r"no column 'CustomerID' to take user_id from; name one that exists: e\.csv has user, item",
        ),
        ({"domain": "opera"}, ConfigError, "no such domain: opera; use one of film, shop, generic"),
        ({"event": "teleport"}, ConfigError, "no such event type: teleport; use one of purchase"),
        ({"weights": {"bought": 1.0}}, ConfigError, "no such event type: bought; use one of"),
    ],
)
def test_options_that_do_not_exist(
    tmp_path: Path, options: dict[str, object], error: type[WhyrecError], message: str
) -> None:
    (tmp_path / "e.csv").write_text(GOOD)
    with pytest.raises(error, match=message):
        read(tmp_path, **options)  # type: ignore[arg-type]


def test_something_that_is_no_frame() -> None:
    with pytest.raises(
        DataError, match="events: cannot read a int; give a pandas, polars or Arrow"
    ):
        Dataset.from_frames(42)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "e.csv").write_text(GOOD)
    write_dataset(read(tmp_path / "raw"), tmp_path / "stored")
    return tmp_path / "stored"


def test_a_stored_data_set_is_the_same_again(stored: Path) -> None:
    data, again = read(stored.parent / "raw"), load_dataset(stored)
    assert again.fingerprint == data.fingerprint
    assert again.users == data.users
    assert again.notes == data.notes
    assert read(stored).fingerprint == data.fingerprint
    assert read(stored, weights={"rating": 0.5}).weights == {"rating": 0.5}


@pytest.mark.parametrize("name", ["events.parquet", "items.parquet", "users.parquet"])
def test_one_flipped_byte_is_noticed(stored: Path, name: str) -> None:
    raw = bytearray((stored / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (stored / name).write_bytes(raw)
    with pytest.raises(DataError, match=f"{name}: was changed or damaged since it was written"):
        load_dataset(stored)


def test_a_stored_data_set_with_a_part_missing(stored: Path) -> None:
    (stored / "items.parquet").unlink()
    with pytest.raises(DataError, match=r"items\.parquet: cannot be read: no such file"):
        load_dataset(stored)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("{}", "is not a data set's description"),
        ("[]", "is not a data set's"),
    ],
)
def test_a_broken_description(stored: Path, text: str, message: str) -> None:
    (stored / "dataset.json").write_text(text)
    with pytest.raises(DataError, match=message):
        load_dataset(stored)


def test_a_later_version_is_refused(stored: Path) -> None:
    description = json.loads((stored / "dataset.json").read_text())
    (stored / "dataset.json").write_text(json.dumps({**description, "version": 99}))
    with pytest.raises(DataError, match="is of version 99, this whyrec reads 1; use the whyrec"):
        load_dataset(stored)


def test_a_directory_that_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not a data set written by whyrec; name a directory"):
        load_dataset(tmp_path)
