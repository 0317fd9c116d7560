"""Sketches: slots exact, every claim of the shape told, no other, weak as weak."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from whyrec.language.reach import reachable_shapes
from whyrec.language.realise import sketches
from whyrec.language.shape import Shape
from whyrec.language.verify import verify_sketch

EVENTS = ("purchase", "like", "rating", "cart", "interaction", "click", "view")
FIELDS = ("category", "tag", "brand", "word")


def _shapes(lang: str) -> list[Shape]:
    return [
        s
        for domain in ("film", "shop", "generic")
        for s in reachable_shapes(lang, domain, EVENTS, FIELDS)
    ]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_realisers_sketches_pass(lang: str) -> None:
    rng = random.Random(5)
    for shape in rng.sample(_shapes(lang), 60):
        for sketch in sketches(shape)[:4]:
            found, problems = verify_sketch(sketch.text, shape)
            assert found is not None, (shape.key, sketch.text, problems)
            assert "".join(t for t, _ in found.sentences).replace(" ", "") == sketch.text.replace(
                " ", ""
            )


BASE = "en|film|plain|history(own,2,rating)+feature(same,2,category)"
GOOD = "You rated {history} highly, and {item} shares their {feature}."


def test_a_good_sketch_knows_which_claims_its_sentences_tell() -> None:
    sketch, problems = verify_sketch(GOOD + " ", Shape.parse(BASE))
    assert problems == ()
    assert sketch is not None
    assert sketch.sentences == ((GOOD, (0, 1)),)


REFUSED = [
    (BASE, "You rated {history} highly.", "slots"),
    (BASE, "You rated {history} highly, and {item} shares their {feature} and {group}.", "slots"),
    (BASE, GOOD + " {item} is {feature} too.", "slots"),
    (BASE, "You rated {history} highly, and {item} is a {feature} film too.", "style"),
    (BASE, "you rated {history} highly, and {item} shares their {feature}.", "style"),
    (BASE, "You bought {history}, and {item} shares their {feature}.", "wrong-event"),
    (BASE, "You rated {item} highly, and {history} share their {feature}.", "wrong-role"),
    (BASE, GOOD + " Without those two it would not be in your top ten.", "unsupported"),
    (BASE, GOOD + " You will love it.", "promise"),
    (BASE, "You rated “{history}” highly, and {item} shares their {feature}.", "malformed"),
    ("en|film|plain|history(own,2,rating)", "{history} is why this is here: you rated them highly.", "style"),
    ("en|film|plain|history(own,2,rating)", "You rated {history} highly, which is the main reason this is here.", "overclaim"),
    ("en|film|plain|history(own,1,rating,weak)", "You rated {history} highly.", "overclaim"),
    ("en|film|plain|history(own,1,rating,weak)", "You rated {history} highly, which is part of why it is here.", "missing-claim"),
    ("en|film|plain|history(own,2,rating)", "You rated {history} highly, a small part of why this is here.", "overclaim"),
    ("en|film|plain|popular(cold,view)", "{crowd} people watched {item}.", "missing-claim"),
    ("en|film|plain|rank", "{item} is on your list at number {rank}", "style"),
    ("zh|film|plain|history(own,1,rating)", "你给{history}打了高分。", "style"),
    ("zh|film|plain|history(own,1,rating)", "您给《{history}》打了高分。", "malformed"),
    ("zh|film|plain|history(own,1,rating)", "您给{history}打了高分", "style"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "text", "code"), REFUSED)
def test_sketches_are_refused_with_a_code(key: str, text: str, code: str) -> None:
    sketch, problems = verify_sketch(text, Shape.parse(key))
    assert sketch is None
    assert code in {p.code for p in problems}, problems


def test_the_program_prints_what_it_refuses() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "whyrec.language.verify", BASE],
        input=f"{GOOD}\nYou bought {{history}}, and {{item}} shares their {{feature}}.\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "2 lines, 1 refused {'wrong-event': 1}" in run.stdout
