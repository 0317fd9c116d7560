"""Ids and titles: one spelling, fit to be shown."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyrec.data.ids import as_ids, encode
from whyrec.data.titles import MAX_TITLE, clean_text, film_title, goods_title, restore


@pytest.mark.parametrize(
    ("cells", "ids"),
    [
        ([13085.0, None, 2.0], ["13085", None, "2"]),
        ([float("nan"), 1e15], [None, "1000000000000000"]),
        ([9007199254740993, 1], ["9007199254740993", "1"]),
        (["13085.0", "", "17.0"], ["13085", None, "17"]),
        (["13085.0", "A17.0"], ["13085.0", "A17.0"]),
        (["1e+05", "100001"], ["100000", "100001"]),
        (["007", "7"], ["007", "7"]),
        (["007.0", "1.5"], ["007.0", "1.5"]),
        ([" a ", "NaN", "null", "b"], ["a", None, None, "b"]),
        ([True, False], ["true", "false"]),
        ([1.5, 2.0], ["1.5", "2.0"]),
    ],
)
def test_ids_are_text(cells: list[object], ids: list[str | None]) -> None:
    assert as_ids(pl.Series(cells)).to_list() == ids


@given(st.lists(st.integers(-(2**53), 2**53)))
def test_whole_floats_and_integers_give_the_same_id(numbers: list[int]) -> None:
    exact = as_ids(pl.Series(numbers, dtype=pl.Int64)).to_list()
    assert as_ids(pl.Series([float(n) for n in numbers], dtype=pl.Float64)).to_list() == exact


def test_encode_gives_positions_and_null_for_strangers() -> None:
    assert encode(pl.Series(["b", "x", "a"]), pl.Series(["a", "b"])).to_list() == [1, None, 0]


@pytest.mark.parametrize(
    ("raw", "title", "other", "year"),
    [
        ("Terminator, The (1984)", "The Terminator", None, 1984),
        ("Toy Story (1995)", "Toy Story", None, 1995),
        ("Avventura, L' (1960)", "L'Avventura", None, 1960),
        ("Seven (Se7en) (1995)", "Seven", "Se7en", 1995),
        ("Postino, Il (The Postman) (1994)", "Il Postino", "The Postman", 1994),
        ("Misérables, Les (1995)", "Les Misérables", None, 1995),
        (
            "Seven Samurai (The Magnificent Seven) (Shichinin) (1954)",
            "Seven Samurai",
            "The Magnificent Seven",
            1954,
        ),
        (
            "Double vie de V\ufffdronique, La (Double Life of Veronique, The) (1991)",
            "The Double Life of Veronique",
            "La Double vie de V\ufffdronique",
            1991,
        ),
        ("unknown", "unknown", None, None),
        ("2001: A Space Odyssey (1968)", "2001: A Space Odyssey", None, 1968),
        ("1984", "1984", None, None),
        ("Good, The Bad and The Ugly, The (1966)", "The Good, The Bad and The Ugly", None, 1966),
        ("Cosby (TV) (2001) ", "Cosby", "TV", 2001),
    ],
)
def test_film_titles_are_turned_round(
    raw: str, title: str, other: str | None, year: int | None
) -> None:
    assert film_title(raw) == (title, other, year)


def test_lost_characters_come_back_from_the_address() -> None:
    address = "http://us.imdb.com/Title?%C1+k%F6ldum+klaka+(1994)"
    assert restore("\ufffd k\ufffdldum klaka (Cold Fever) (1994)", address) == (
        "Á köldum klaka (Cold Fever) (1994)"
    )
    assert restore("caf\ufffd", "http://x/tea") == "caf\ufffd"


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", "White Hanging Heart T-Light Holder"),
        ("15CM CHRISTMAS GLASS BALL 20 LIGHTS", "15CM Christmas Glass Ball 20 Lights"),
        ("SET/20 RED RETROSPOT  PAPER NAPKINS ", "Set/20 Red Retrospot Paper Napkins"),
        ('RECORD FRAME 7" SINGLE SIZE', 'Record Frame 7" Single Size'),
        ("USB OFFICE MIRROR BALL", "USB Office Mirror Ball"),
        ("CHILD'S GARDEN SPADE AND RAKE", "Child's Garden Spade and Rake"),
        ("D'AMANDES SOAP", "D'Amandes Soap"),
        ("THE KING GIFT BAG 25x24x12cm", "The King Gift Bag 25x24x12cm"),
        ("Dotcomgiftshop Gift Voucher", "Dotcomgiftshop Gift Voucher"),
        ("M.O.P. BRACELET W/CHAIN", "M.O.P. Bracelet w/Chain"),
        ("3D SHEET OF CAT STICKERS", "3D Sheet of Cat Stickers"),
    ],
)
def test_goods_names_are_calmed(raw: str, title: str) -> None:
    assert goods_title(raw) == title


@given(st.text())
def test_calming_changes_nothing_but_case(raw: str) -> None:
    assert goods_title(raw).casefold() == clean_text(raw, limit=MAX_TITLE).casefold()


@given(st.text())
def test_calming_twice_is_calming_once(raw: str) -> None:
    assert goods_title(goods_title(raw)) == goods_title(raw)


@given(st.text())
def test_clean_text_has_no_control_or_bidirectional_characters(raw: str) -> None:
    text = clean_text(raw)
    assert not set(text) & set("\x00\x07\x1b\n\r\t\u202a\u202b\u202d\u202e\u2066\u2067\u2069\ufeff")
    assert text == " ".join(text.split())


def test_long_titles_end_in_an_ellipsis() -> None:
    title = clean_text("a" * 1000, limit=MAX_TITLE)
    assert len(title) == MAX_TITLE
    assert title.endswith("…")


def test_chinese_full_width_punctuation_stays() -> None:
    assert clean_text("你好，世界：《异形》") == "你好，世界：《异形》"
