"""Every domain pack: complete, readable by the verifier, and served without retraining."""

from __future__ import annotations

import random

import pytest

from whyrec.data.readers.read import DOMAINS
from whyrec.language import domains
from whyrec.language.backends.nano import NanoBackend
from whyrec.language.reach import reachable_shapes
from whyrec.language.realise import sketches
from whyrec.language.shape import FIELDS, Shape
from whyrec.language.verify import verify_sketch

EVENTS = ("purchase", "like", "rating", "cart", "interaction", "click", "view")
PACKS = domains.domains()


def test_data_and_words_know_the_same_domains() -> None:
    assert sorted(DOMAINS) == sorted(PACKS)


@pytest.mark.parametrize("domain", PACKS)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_pack_has_words_for_every_event_and_field(domain: str, lang: str) -> None:
    words = domains.load(domain).words(lang)
    assert set(words.events) == set(EVENTS)
    assert set(words.fields) == set(FIELDS)
    assert words.noun in words.readings.singular
    assert words.nouns in words.readings.plural
    if lang == "zh":
        assert words.measure in words.readings.measures
        assert words.crowd.endswith(words.crowd_noun)


@pytest.mark.parametrize("domain", [d for d in PACKS if d not in ("film", "shop", "generic")])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_realisers_sketches_pass_the_verifier_in_every_domain(domain: str, lang: str) -> None:
    shapes = list(reachable_shapes(lang, domain, EVENTS, FIELDS))
    for shape in random.Random(7).sample(shapes, 40):
        for sketch in sketches(shape)[:3]:
            found, problems = verify_sketch(sketch.text, shape)
            assert found is not None, (shape.key, sketch.text, problems)


def test_a_domain_speaks_with_verbs_of_its_own() -> None:
    key = "|plain|history(own,1,view)"
    assert verify_sketch("You listened to {history}.", Shape.parse("en|music" + key))[0]
    assert verify_sketch("您听过{history}。", Shape.parse("zh|music" + key))[0]
    assert verify_sketch("You listened to {history}.", Shape.parse("en|shop" + key))[0] is None
    assert verify_sketch("您听过{history}。", Shape.parse("zh|shop" + key))[0] is None
    key = "|plain|history(own,1,purchase)"
    assert verify_sketch("You enrolled in {history}.", Shape.parse("en|course" + key))[0]
    assert verify_sketch("You enrolled in {history}.", Shape.parse("en|film" + key))[0] is None


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("en|finance|plain|history(own,1,purchase)", "You bought {history}, for higher returns."),
        ("zh|finance|plain|history(own,1,purchase)", "您买过{history}，收益更高。"),
        ("en|health|plain|history(own,1,purchase)", "You bought {history}, and it relieves pain."),
        ("zh|health|plain|history(own,1,purchase)", "您买过{history}，能缓解疼痛。"),
    ],
)
def test_words_that_a_domain_bans_are_refused_by_name(key: str, text: str) -> None:
    sketch, problems = verify_sketch(text, Shape.parse(key))
    assert sketch is None
    assert "banned" in {p.code for p in problems}, problems


def test_the_nano_model_writes_for_domains_that_it_was_not_taught() -> None:
    shape = Shape.parse("en|music|plain|history(own,1,rating)+people(same,1,rating)")
    written = NanoBackend().sketches([shape], 8)[0]
    good = [t for t in written if verify_sketch(t, shape)[0] is not None]
    assert len(good) >= 4, written
