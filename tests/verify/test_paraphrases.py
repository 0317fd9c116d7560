"""What people and other models write is read: true paraphrases pass, and rest on the right claims."""

from __future__ import annotations

import pytest
from tests.verify import corpus, toy

from whyrec.language.claims import holds
from whyrec.language.verify import verify

KIND = {"bought": "history", "weak": "history", "group": "history", "cold": "popular"}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_at_most_five_in_a_hundred_true_paraphrases_are_refused(lang: str) -> None:
    texts = [(t, w) for _, w, ts in corpus.groups(lang) for t in ts]
    refused = [t for t, w in texts if not verify(t, w, lang).ok]
    assert len(texts) > 200
    assert len(refused) <= 0.05 * len(texts), "\n".join(refused)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_list_of_paraphrases_is_mostly_read(lang: str) -> None:
    for kind, w, texts in corpus.groups(lang):
        refused = [t for t in texts if not verify(t, w, lang).ok]
        assert len(refused) <= max(1, 0.12 * len(texts)), (kind, refused)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_true_text_rests_on_claims_of_its_kind_that_hold(lang: str) -> None:
    for kind, w, texts in corpus.groups(lang):
        for text in texts:
            verdict = verify(text, w, lang)
            if not verdict.ok:
                continue
            claims = [c for s in verdict.sentences for c in s.claims]
            assert all(holds(c, w) for c in claims), text
            if kind != "joined" and not kind.startswith("more"):
                assert KIND.get(kind, kind) in {c.kind for c in claims}, text


def test_weak_reason_may_be_qualified_in_the_next_sentence() -> None:
    w = toy.world()
    alone = "You rated “Chinatown” highly."
    assert [p.code for p in verify(alone, w, "en").problems] == ["overclaim"]
    verdict = verify(alone + " That is a small part of why this film is here.", w, "en")
    assert verdict.ok
    assert [len(s.claims) for s in verdict.sentences] == [1, 1]


def test_claims_name_the_items_they_rest_on() -> None:
    w = toy.world()
    text = "You rated “Alien” and “Blade Runner” highly, and it shares their science fiction."
    (sentence,) = verify(text, w, "en").sentences
    assert [(c.kind, c.items) for c in sentence.claims] == [
        ("history", ("a", "b")),
        ("feature", ("a", "b")),
    ]
