"""Reading a model's answer: lenient with the packing, never raising, never inventing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyrec.language.backends.answers import read_text, read_texts, without_reasoning

plain = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="`<>"),
    min_size=1,
    max_size=40,
)


@given(st.lists(plain, min_size=1, max_size=5), st.sampled_from(["{}", "x {}", "```json\n{}\n```"]))
def test_a_json_list_comes_back_as_it_was_however_it_is_packed(
    items: list[str], packing: str
) -> None:
    import unicodedata

    content = packing.replace("{}", json.dumps({"texts": items}))
    assert read_texts(content) == ([unicodedata.normalize("NFC", t) for t in items], None)


@given(st.text(max_size=300), st.booleans())
def test_any_answer_is_read_without_raising(content: str, cut: bool) -> None:
    texts, code = read_texts(content, cut=cut)
    assert bool(texts) == (code is None)
    assert all(t and t == " ".join(t.split()) for t in texts)
    one, code = read_text(content, cut=cut)
    assert (one is None) == (code is not None)


@given(st.lists(plain, min_size=1, max_size=4), st.data())
def test_of_a_list_that_breaks_off_only_finished_texts_are_kept(
    items: list[str], data: st.DataObject
) -> None:
    import unicodedata

    whole = json.dumps({"texts": items}, ensure_ascii=False)
    cut = whole[: data.draw(st.integers(12, len(whole) - 1))]
    texts, _ = read_texts(cut, cut=True)
    assert texts == [unicodedata.normalize("NFC", t) for t in items][: len(texts)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("- You bought {history}.\n- {history} led here.", ["You bought {history}.", "{history} led here."]),
        ('"You bought {history}."', ["You bought {history}."]),
        ("{history}: you bought these.", ["{history}: you bought these."]),
        ('[{"text": "a b"}, {"text": "c d"}, 7, null]', ["a b", "c d"]),
        ('{"templates": ["a b"]}', ["a b"]),
        ('{"texts": "a b"}', ["a b"]),
        ('{"texts": ["a\\n  b"]}', ["a b"]),
        ('{"texts": ["ok ok", "\\ud83d"]}', ["ok ok"]),
        ('{"texts": ["ok ok", "%s"]}' % ("long " * 400), ["ok ok"]),
    ],
)  # fmt: skip
def test_forms_that_models_really_use(content: str, expected: list[str]) -> None:
    assert read_texts(content) == (expected, None)


def test_a_direct_text_that_breaks_off_is_no_text() -> None:
    assert read_text('{"text": "You bought', cut=True) == (None, "truncated")
    assert read_text("You bought", cut=True) == (None, "truncated")
    assert read_text('{"text": ""}') == (None, "empty")
    assert read_text('{"texts": ["You bought it.", "It is red."]}') == (
        "You bought it. It is red.",
        None,
    )


def test_reasoning_is_never_an_answer() -> None:
    assert without_reasoning("<think>a</think>x<think>b</think>y") == "xy"
    assert read_texts("<thinking>a\nb</thinking>") == ([], "empty")
