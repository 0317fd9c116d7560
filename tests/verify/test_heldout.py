"""The held-out wordings are whole, and none of them is read as something else than it says."""

from __future__ import annotations

import re

import pytest
from tests.verify import heldout

from whyrec.language.claims import holds
from whyrec.language.verify import verify


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_wording_holds_each_slot_of_its_shape_once(lang: str) -> None:
    found = list(heldout.wordings(lang))
    assert {w.kind for w in found} == set(heldout.SHAPES)
    for w in found:
        slots = re.findall(r"\{(\w+)\}", w.text)
        assert sorted(s for s in slots if s != "item") == sorted(w.shape.slots), w.text
        assert slots.count("item") <= 2, w.text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_is_read_rests_on_claims_that_hold(lang: str) -> None:
    read = 0
    for w in heldout.wordings(lang):
        if w.sealed:
            continue
        verdict = verify(w.filled, w.world, lang)
        if verdict.ok:
            read += 1
            claims = [c for s in verdict.sentences for c in s.claims]
            assert claims, w.text
            assert all(holds(c, w.world) for c in claims), w.text
    assert read > 50  # it reads some of them; how many is the benchmark's to tell
