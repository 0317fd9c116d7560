"""The phrase grammar covers every shape, agrees in number, and says nothing that it must not."""

from __future__ import annotations

import random
import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyrec.errors import LanguageError
from whyrec.language.shape import Shape
from whyrec.training.corpus import all_shapes, family, verified
from whyrec.training.evaluation import slots_exact
from whyrec.training.grammar import covers, generate, load
from whyrec.training.grammar.engine import Grammar

SHAPES = all_shapes()
NUMBER_SLOTS = r"\{(?:count|people|crowd|mean|raters|rank)\}"

FORBIDDEN_EN = re.compile(
    r"\b[Aa]n? \{"  # an article before a slot can be wrong
    r"|\}['’]s?\b"  # a possessive on what may be a list
    r"|[!?]|\b(?:amazing|perfect|best|love|AI|journey|curated|similar users|everyone|everybody)\b"
    r"|\bmain(?:ly)? |  | [,.;:]|,,|\.\.",
    re.IGNORECASE,
)
FORBIDDEN_ZH = re.compile(
    r"[!！?？,.;:()（）]|你|基于|进行|对于|的话|被推荐给|一定|最|完美|品质|主要|，，|。。|的的|了了|也也|都都"
)


@cache
def sample(count: int = 2) -> tuple[tuple[Shape, str], ...]:
    rng = random.Random(7)
    return tuple((s, generate(s, rng)) for s in SHAPES for _ in range(count))


def test_every_reachable_shape_has_texts_with_exactly_its_slots() -> None:
    wrong = [(s.key, t) for s, t in sample() if not slots_exact(t, s)]
    assert not wrong


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(SHAPES), st.integers(0, 2**32))
def test_any_seed_gives_a_well_formed_text(shape: Shape, seed: int) -> None:
    text = generate(shape, random.Random(seed))
    assert slots_exact(text, shape)
    assert text == generate(shape, random.Random(seed))
    assert text.endswith("。" if shape.lang == "zh" else ".")
    assert not re.search(r"[<>|()$%*\[\]]", text)


def test_english_has_no_article_before_a_slot_no_possessive_no_promise() -> None:
    wrong = [t for s, t in sample() if s.lang == "en" and FORBIDDEN_EN.search(t)]
    assert not wrong


def test_english_sentences_begin_with_a_capital_or_a_slot() -> None:
    sentences = [x for s, t in sample() if s.lang == "en" for x in t.split(". ")]
    assert not [x for x in sentences if not re.match(r"[A-Z{]", x)]


def test_chinese_has_full_width_signs_and_no_translated_turns() -> None:
    texts = [t for s, t in sample() if s.lang == "zh"]
    assert not [t for t in texts if FORBIDDEN_ZH.search(t)]


def test_chinese_and_numbers_stand_apart_by_one_space() -> None:
    han = r"[㐀-鿿}]"
    glued = re.compile(rf"{han}{NUMBER_SLOTS}|{NUMBER_SLOTS}{han}|  |[，。：；] | [，。：；]")
    assert not [t for s, t in sample() if s.lang == "zh" and glued.search(t)]


def test_numbers_of_items_agree_with_the_shape() -> None:
    said = {
        "en": {1: r"\bthat (?:one|film|product|item)\b", 2: r"\bthose two\b|\bthe two\b",
               3: r"\bthose three\b|\ball four\b"},
        "zh": {1: r"那[一部款项]", 2: r"[这那]两", 3: r"[这那]三|四[部款项]"},
    }  # fmt: skip
    wrong = []
    for shape, text in sample():
        arities = {c.arity for c in shape.claims if c.arity}
        for n, pattern in said[shape.lang].items():
            # "the two" may be the item and the one it goes with
            allowed = n in arities or (n == 2 and 1 in arities) or (n == 3 and 2 in arities)
            if re.search(pattern, text) and not allowed:
                wrong.append((shape.key, text))
    assert not wrong


def test_weak_shapes_say_so_and_strong_ones_do_not() -> None:
    small = {"en": r"small part|a little", "zh": "一小部分|一点作用"}
    for shape, text in sample():
        weak = any(c.weak for c in shape.claims)
        assert bool(re.search(small[shape.lang], text)) == weak, (shape.key, text)


@pytest.mark.parametrize(
    "key",
    [
        "en|film|plain|history(own,2,rating)+feature(same,2,category)",
        "en|shop|plain|history(own,1,purchase)+people(same,1,purchase)",
        "en|shop|plain|history(own,1,view)+without(same,1)",
        "en|film|plain|history(own,2,rating)+feature(same,2,category)+without(same,2)",
        "zh|film|plain|history(own,2,rating)+feature(same,2,category)",
        "zh|shop|plain|history(own,1,purchase)+people(same,1,purchase)",
        "zh|shop|plain|history(own,1,view)+without(same,1)",
        "zh|film|plain|history(own,2,rating)+feature(same,2,category)+without(same,2)",
    ],
)
def test_common_shapes_have_hundreds_of_texts(key: str) -> None:
    rng = random.Random(3)
    shape = Shape.parse(key)
    assert len({generate(shape, rng) for _ in range(1000)}) >= 200


def test_openings_vary() -> None:
    rng = random.Random(3)
    shape = Shape.parse("en|film|plain|history(own,2,rating)+feature(same,2,category)")
    texts = [generate(shape, rng) for _ in range(500)]
    first = [" ".join(t.split()[:3]) for t in texts]
    assert len(set(first)) >= 15
    assert max(map(first.count, set(first))) / len(first) < 0.35


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_verifier_accepts_what_the_grammar_says(lang: str) -> None:
    chosen = [(s, t) for s, t in sample() if s.lang == lang][::16]
    refused = [(s.key, t) for s, t in chosen if not verified(t, s)]
    assert len(refused) / len(chosen) <= 0.02, refused[:20]


def test_combinations_that_no_planner_makes_yet_are_covered_where_they_make_sense() -> None:
    keys = (
        "en|film|plain|people(own,1,view)+feature(own,2,category)",
        "zh|shop|plain|history(own,2,view,weak)+people(own,1,purchase)+rating",
        "en|generic|plain|popular(cold,like)+rating",
        "zh|film|plain|feature(own,1,category)+without(own,1)",
    )
    assert all(covers(Shape.parse(k)) for k in keys)
    assert {family(s) for s in SHAPES} >= {"rank", "popular:cold", "history:group"}


def test_an_unknown_language_is_one_clear_line() -> None:
    with pytest.raises(LanguageError, match="fr: no phrase grammar; choose one of en, zh"):
        load("fr")


def test_a_broken_grammar_names_the_line() -> None:
    with pytest.raises(LanguageError, match=r"x, line 2: a \( without \)"):
        Grammar.parse("@S\n  one (apple|pear", "x")
    with pytest.raises(LanguageError, match="rule S refers to <T>, which is not there"):
        Grammar.parse("@S\n  <T>", "x")
