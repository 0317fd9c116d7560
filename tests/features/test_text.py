"""One pipeline a language: words, stems, stop words, tags, places; keywords with scores and places."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyrec.errors import ConfigError
from whyrec.features.keywords import collection_keywords, item_keywords, item_text, keywords
from whyrec.features.text import analyse, guess_language, runs, terms

MIXED = st.text(alphabet="ab cT-'’.。，茶壶很好用12\n", max_size=40)


@given(MIXED)
def test_every_word_stands_where_it_says(text: str) -> None:
    tokens = analyse(text)
    assert all(text[t.start : t.end] == t.text for t in tokens)
    assert all(a.end <= b.start for a, b in pairwise(tokens))
    left = "".join(text.split())
    assert "".join(t.text for t in tokens if not t.text.isspace()) == left


@given(MIXED)
def test_runs_cover_the_text_without_gaps(text: str) -> None:
    found = list(runs(text))
    assert "".join(text[a:b] for _, a, b in found) == text


def test_english_by_hand() -> None:
    tokens = analyse("The hand-thrown mugs weren't cheap, 15cm tall.")
    assert [(t.text, t.norm, t.stop) for t in tokens] == [
        ("The", "the", True), ("hand-thrown", "hand-thrown", False), ("mugs", "mug", False),
        ("weren't", "weren't", True), ("cheap", "cheap", False), (",", ",", False), ("15cm", "15cm", False),
        ("tall", "tall", False), (".", ".", False),
    ]  # fmt: skip
    assert [t.pos for t in tokens if t.text in {"mugs", "15cm", "tall"}] == ["NOUN", "NUM", "ADJ"]
    assert [n for n, _ in terms("The hand-thrown mugs, Tim's T-light holders")] == [
        "hand", "thrown", "mug", "tim", "t-light", "holder"
    ]  # fmt: skip


def test_chinese_by_hand() -> None:
    tokens = analyse("这款茶壶的质量很好，值得推荐。")
    assert [(t.text, t.pos) for t in tokens if not t.stop and t.pos != "PUNCT"] == [
        ("款", "NUM"), ("茶壶", "NOUN"), ("质量", "NOUN"), ("值得", "VERB"), ("推荐", "VERB"),
    ]  # fmt: skip
    # 垫 and 箱 are nouns where they end a compound.
    assert [t.pos for t in analyse("唱片箱。")] == ["NOUN", "NOUN", "PUNCT"]


def test_mixed_texts_are_read_run_by_run() -> None:
    tokens = analyse("我的 iPhone 续航不错, very happy!")
    assert [(t.text, t.lang) for t in tokens if t.pos in {"NOUN", "PROPN", "ADJ"}] == [
        ("iPhone", "en"), ("续航", "zh"), ("不错", "zh"), ("happy", "en"),
    ]  # fmt: skip
    assert guess_language("我的 iPhone 续航不错") == "zh"


def test_textrank_by_hand() -> None:
    # Words in a row of nouns: oak - table - oak - chair. Within three words of each other:
    # oak-table, table-oak, oak-chair, table-chair: oak has links 2 + 1, table 2 + 1, chair 1 + 1.
    found = keywords("Oak, table, oak, chair", method="textrank", n=3)
    assert {k.text.lower() for k in found[:2]} == {"oak", "table"}
    assert found[0].score == pytest.approx(found[1].score)
    assert found[2].text == "chair"
    assert sum(k.score for k in found) == pytest.approx(3)


@pytest.mark.parametrize("method", ["textrank", "yake"])
@pytest.mark.parametrize(
    ("text", "lang", "best"),
    [
        (
            "Stainless steel water bottle. Keeps water cold. The bottle is light.",
            "en",
            "steel water",
        ),
        ("不锈钢水壶，壶身轻便。水壶保温一整天。", "zh", "水壶"),
    ],
)
def test_keywords_with_places(text: str, lang: str, best: str, method: str) -> None:
    found = keywords(text, lang=lang, method=method, n=5)  # type: ignore[arg-type]
    assert best in found[0].text.lower() or best in found[1].text.lower()
    assert all(text[k.start : k.end] == k.text for k in found)
    assert [k.score for k in found] == sorted((k.score for k in found), reverse=True)
    assert len({k.text for k in found}) == len(found)


def test_units_and_verbs_are_no_keywords() -> None:
    found = [k.text for k in keywords("Copper pan. Darkens slowly with use. 29 cm across.")]
    assert "cm" not in found
    assert "Darkens" not in found
    assert found[0] == "Copper pan"


def test_texts_without_words_have_no_keywords() -> None:
    assert keywords("") == keywords("  ") == keywords("...", method="yake") == []
    assert keywords("！？。") == []
    with pytest.raises(ConfigError, match="no such method: 'rake'; use textrank or yake"):
        keywords("x", method="rake")  # type: ignore[arg-type]


def test_items_have_texts_in_their_own_languages() -> None:
    import polars as pl

    from whyrec.data.catalogue import Catalogue

    table = pl.DataFrame(
        {
            "id": ["a"],
            "title": ["Oak shelf"],
            "title_zh": ["橡木书架"],
            "description": ["Made of solid oak."],
            "description_zh": [None],
        },
        schema_overrides={"description_zh": pl.String},
    )
    assert item_text(Catalogue(table), "en") == ["Oak shelf. Made of solid oak."]
    assert item_text(Catalogue(table), "zh") == ["橡木书架。"]
    [found] = item_keywords(Catalogue(table), "en", n=2)
    assert [k.text for k in found] == ["Oak shelf", "solid oak"]


def test_what_many_texts_share() -> None:
    rows = collection_keywords(["Oak shelf. Nice.", "Oak shelf. Wide.", "Lamp."], "en")
    assert [(text, n) for text, n, _ in rows] == [("oak shelf", 2)]
