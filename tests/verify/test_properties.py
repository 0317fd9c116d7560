"""Invariants: no text raises, no hostile title lets a lie through, changed facts are noticed."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.verify import corpus, lies, toy

from whyrec.errors import LanguageError
from whyrec.language.verify import CODES, verify

LANGS = st.sampled_from(["en", "zh"])
BITS = st.sampled_from(
    [*"“”\"'‘’《》「」（）()[]{}<>.,;:!?。，；：！？、…—- \n\t\u200b\u202e\ud7ff0123456789",
     "You ", "rated ", "“Alien”", "《异形》", "highly", "because ", "it ", "is ", "not ", "您", "给",
     "打了高分", "science fiction", "科幻", "{item}", "3,456", "and ", "与", "the ", "is here"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(BITS, max_size=25).map("".join)), LANGS)
@settings(max_examples=400, deadline=None)
def test_no_text_raises_and_spans_lie_in_the_text(text: str, lang: str) -> None:
    verdict = verify(text, toy.world(), lang)
    assert verdict.ok == (bool(verdict.sentences) and not verdict.problems)
    for p in verdict.problems:
        assert p.code in CODES
        assert 0 <= p.span[0] <= p.span[1] <= len(text)


@given(st.data(), LANGS)
@settings(max_examples=150, deadline=None)
def test_a_single_changed_fact_is_noticed(data: st.DataObject, lang: str) -> None:
    groups = [g for g in corpus.groups(lang) if "cold" not in g[0]]
    _, w, texts = data.draw(st.sampled_from(groups))
    text = data.draw(st.sampled_from(texts))
    kind = data.draw(st.sampled_from(sorted(lies.KINDS)))
    rng = random.Random(data.draw(st.integers(0, 1000)))
    for changed in lies.KINDS[kind](text, w, lang, rng):
        if changed != text:
            assert not verify(changed, w, lang).ok, (kind, changed)


HOSTILE = [
    "Ignore previous instructions",
    "You bought it. Everyone did",
    "Not in your top ten",
    "12 people who bought this",
    "{item} {history}",
    "A “quoted” name",
    "It",
    "Up",
    "Her",
    "Both",
    "The Others",
    "Number 3",
    "<b>bold</b>",
    "https://a.example/x",
    "שלום עולם",
    "Line\nbreak",
    "100% Cotton, White",
    "Will It Blend? No!",
    "Rated highly",
    "$9.99 & more",
    "because",
    "您没买过",
    "《双重》书名",
]


@pytest.mark.parametrize("title", HOSTILE)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_hostile_titles_are_names_and_nothing_else(title: str, lang: str) -> None:
    w = toy.world()
    w.titles["a"] = {"en": title, "zh": title}
    quoted = f"“{title}”" if lang == "en" else f"《{title}》"
    other = "“Blade Runner”" if lang == "en" else "《银翼杀手》"
    true = f"You rated {quoted} highly." if lang == "en" else f"您给{quoted}打了高分。"
    verdict = verify(true, w, lang)
    assert verdict.ok, verdict.problems
    assert [c.items for c in verdict.sentences[0].claims] == [("a",)]
    false = [
        f"You bought {quoted}.",
        f"You never rated {quoted} highly.",
        f"You rated {quoted} and “Titanic” highly.",
        f"You rated {quoted} highly. You will love it.",
        f"Without {quoted} it would not be in your top ten.",
        f"You rated {other} highly, and {quoted} is film noir.",
    ] if lang == "en" else [
        f"您买过{quoted}。",
        f"您没给{quoted}打高分。",
        f"您给{quoted}和《泰坦尼克号》打了高分。",
        f"您给{quoted}打了高分。您一定会喜欢。",
        f"少了{quoted}，它不会进入您的前十。",
    ]  # fmt: skip
    for text in false:
        assert not verify(text, w, lang).ok, text


names = st.text(
    st.characters(blacklist_categories=("Cs",)) | st.sampled_from("“”《》{}.,'\"<>\n"),
    min_size=1,
    max_size=30,
).filter(lambda t: t.strip() == t and " ".join(t.split()) == t)


@given(names)
@settings(max_examples=200, deadline=None)
def test_any_title_in_the_history_lets_no_wrong_verb_or_item_through(title: str) -> None:
    w = toy.world()
    w.titles["a"] = {"en": title, "zh": title}
    for text in (f"You bought “{title}”.", f"You rated “{title}” and “Titanic” highly."):
        assert not verify(text, w, "en").ok, text
    for text in (f"您买过《{title}》。", f"您给《{title}》和《泰坦尼克号》打了高分。"):
        assert not verify(text, w, "zh").ok, text


@given(st.text(string.ascii_lowercase, min_size=4, max_size=9))
@settings(max_examples=100, deadline=None)
def test_unknown_names_are_never_taken_for_known_ones(word: str) -> None:
    text = f"You rated “{word}” highly."
    assert not verify(text, toy.world(), "en").ok


def test_one_title_within_another_is_the_longer_one() -> None:
    w = toy.world()
    w.titles["b"] = {"en": "Alien Nation", "zh": "异形国度"}
    (s,) = verify("You rated “Alien” and “Alien Nation” highly.", w, "en").sentences
    assert s.claims[0].items == ("a", "b")
    (s,) = verify("您给《异形》和《异形国度》打了高分。", w, "zh").sentences
    assert s.claims[0].items == ("a", "b")


def test_the_same_title_twice_is_the_one_that_makes_it_true() -> None:
    w = toy.world()
    w.titles["low"] = {"en": "Alien", "zh": "异形"}
    assert verify("You rated “Alien” highly.", w, "en").ok
    w.titles["x"] = {"en": "Alien", "zh": "异形"}
    assert verify("You rated “Alien” highly.", w, "en").ok


def test_plain_names_of_goods_are_found_in_any_case() -> None:
    w = toy.world("shop", "purchase")
    for name in ("RED RETROSPOT MUG", "Red Retrospot Mug", "red retrospot mug"):
        assert verify(f"You bought the {name}.", w, "en").ok


def test_a_title_ends_the_sentence_inside_or_outside_the_quotation_marks() -> None:
    w = toy.world()
    assert verify("It is here because you gave high marks to “Alien.”", w, "en").ok
    assert verify("You gave high marks to “Alien,” and so it is here.", w, "en").ok


def test_an_unknown_language_is_an_error() -> None:
    with pytest.raises(LanguageError, match="no verifier"):
        verify("Bonjour", toy.world(), "fr")
