"""The realiser has verified words for every shape."""

from __future__ import annotations

import re

import pytest

from whyrec.language import domains
from whyrec.language.plan import reachable_shapes
from whyrec.language.realise import MOST, sketches
from whyrec.language.shape import Shape
from whyrec.language.verify import verify_sketch

EVENTS = ("purchase", "like", "rating", "cart", "interaction", "view", "click")


def told(domain: str) -> tuple[list[str], str]:
    """Fields and the crowd's event as data of that domain have them."""
    return {
        "film": (["category", "brand"], "rating"),
        "shop": (["category", "tag", "brand", "word"], "purchase"),
        "generic": (["category", "word"], "interaction"),
    }.get(domain, (["category", "tag"], "view"))


@pytest.mark.parametrize("domain", domains.domains())
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_reachable_shape_has_words_that_the_verifier_accepts(lang: str, domain: str) -> None:
    """The first wording of each shape and one more: the slow test below takes all of them."""
    fields, crowd = told(domain)
    events = EVENTS if domain in ("film", "shop", "generic") else ("purchase", "view", "like")
    refused = []
    for shape in reachable_shapes(lang, domain, events, fields, crowd=[crowd]):
        found = sketches(shape)
        for sketch in {found[0].text: found[0], found[-1].text: found[-1]}.values():
            got, problems = verify_sketch(sketch.text, shape)
            if got is None:
                refused.append((shape.key, sketch.text, problems[0].code))
            else:
                assert [c for _, c in got.sentences] == [c for _, c in sketch.sentences]
    assert not refused


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_all_wordings_of_all_shapes_are_accepted(lang: str) -> None:
    total = refused = 0
    for domain in ("film", "shop"):
        fields, crowd = told(domain)
        for shape in reachable_shapes(lang, domain, EVENTS[:3], fields[:2], crowd=[crowd]):
            for sketch in sketches(shape):
                total += 1
                refused += verify_sketch(sketch.text, shape)[0] is None
    assert total > 1000
    assert refused == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_sketches_are_whole(lang: str) -> None:
    for shape in reachable_shapes(lang, "shop", EVENTS, ["category", "tag", "brand", "word"]):
        found = sketches(shape)
        assert 1 <= len(found) <= MOST
        assert len({s.text for s in found}) == len(found)
        for s in found:
            assert "<" not in s.text
            slots = re.findall(r"\{(\w+)\}", s.text)
            assert sorted(x for x in slots if x != "item") == sorted(shape.slots)
            assert slots.count("item") <= 2
            assert {k for _, ks in s.sentences for k in ks} == set(range(len(shape.claims)))
            assert all(t.endswith("。" if lang == "zh" else ".") for t, _ in s.sentences)


def test_a_shape_that_no_plan_makes_still_has_words() -> None:
    shape = Shape.parse("en|film|plain|rating+feature(own,2,category)+people(own,1,view)")
    assert all(verify_sketch(s.text, shape)[0] for s in sketches(shape)[:3])
