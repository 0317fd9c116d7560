"""Direct mode: proved sentence by sentence, repaired once, else replaced, everything counted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from whyrec.language.backends.base import BackendStats, DirectRequest
from whyrec.language.backends.none import NoneBackend
from whyrec.language.claims import Claim
from whyrec.language.direct import DirectJob, DirectStats, DirectText, claim_data, write_direct
from whyrec.language.shape import Shape
from whyrec.language.sketch import SketchWorld
from whyrec.language.types import Plan

KEY = "en|film|plain|history(own,2,rating)+rating+without(same,2)"
A, B, ITEM = "“Quendrith Oble”", "“Zarnik Pellow”", "“Velmora Quist”"
GOOD = f"You rated {A} and {B} highly."
FALLBACK = "the fallback"


class Scripted:
    """Hands out texts in order: a writer whose every word the test knows."""

    spec = "scripted"
    direct = True

    def __init__(self, *texts: str | None) -> None:
        self.texts = list(texts)
        self.stats = BackendStats()
        self.rounds: list[list[DirectRequest]] = []

    def sketches(self, shapes: Sequence[Shape], n: int) -> list[list[str]]:
        return [[] for _ in shapes]

    def write(self, requests: Sequence[DirectRequest]) -> list[str | None]:
        self.rounds.append(list(requests))
        return [self.texts.pop(0) for _ in requests]


def job(key: str = KEY) -> DirectJob:
    shape = Shape.parse(key)
    world = SketchWorld(shape)
    plan = Plan(world.user, world.item, shape.lang, world.claims, shape)
    return DirectJob(plan, world, FALLBACK)


def write(*texts: str | None, jobs: int = 1) -> tuple[list[DirectText], DirectStats, Scripted]:
    backend, stats = Scripted(*texts), DirectStats()
    return write_direct([job()] * jobs, backend, stats=stats), stats, backend


def test_a_true_text_is_served_with_the_claims_that_it_tells() -> None:
    text = f"{GOOD} Without those two, {ITEM} would not be in your top ten."
    (found,), stats, _ = write(text)
    assert (found.text, found.source, found.repaired) == (text, "direct", False)
    assert [c.kind for c in found.claims] == ["history", "without"]
    assert found.claims[0].share == 0.6, "the plan's claim, with its share"
    assert [places for _, places in found.sentences] == [(0,), (1,)]
    assert " ".join(t for t, _ in found.sentences) == text
    assert (stats.asked, stats.accepted, stats.drafts) == (1, 1, 1)


def test_a_refused_text_is_sent_back_once_with_what_was_wrong() -> None:
    (found,), stats, backend = write(f"You bought {A}.", GOOD)
    assert (found.text, found.source, found.repaired) == (GOOD, "direct", True)
    first, second = (r[0] for r in backend.rounds)
    assert first.previous is None
    assert second.previous == f"You bought {A}."
    assert second.problems
    assert second.claims == first.claims
    assert (stats.repaired, stats.accepted, sum(stats.refused.values())) == (1, 0, 1)
    assert found.problems, "what was wrong with the first draft is kept"


def test_a_text_refused_twice_is_replaced() -> None:
    (found,), stats, backend = write("You bought it.", "You bought it!")
    assert (found.text, found.source, found.sentences) == (FALLBACK, "fallback", ())
    assert len(backend.rounds) == 2
    assert (stats.fell_back, sum(stats.refused.values())) == (1, 2)


def test_one_bad_sentence_spoils_the_text() -> None:
    (found,), _, _ = write(f"{GOOD} You will love it.", None)
    assert found.source == "fallback"


def test_counts_add_up_over_everything_that_can_happen() -> None:
    texts = [GOOD, None, "No.", "Buy now!", GOOD, "", GOOD, None]
    found, stats, _ = write(*texts, jobs=5)
    # First round: good, no answer, bad, bad, good; second: bad ("") and good.
    assert [x.source for x in found] == ["direct", "fallback", "fallback", "direct", "direct"]
    assert stats.asked == 5 == stats.accepted + stats.repaired + stats.fell_back
    assert stats.drafts == stats.accepted + stats.repaired + sum(stats.refused.values())
    assert (stats.accepted, stats.repaired, stats.fell_back, stats.unanswered) == (2, 1, 2, 1)
    assert sum(stats.problems.values()) >= sum(stats.refused.values()) == 3


def test_true_but_beside_the_point_is_not_an_explanation() -> None:
    (found,), stats, _ = write(
        f"{ITEM} has 4.3 of 5 on average from 789 ratings.", f"{GOOD} {GOOD}"
    )
    assert found.source == "fallback"
    assert stats.refused == {"missing-claim": 1, "repeats": 1}


def test_a_backend_that_only_makes_sketches_falls_back_without_being_asked() -> None:
    stats = DirectStats()
    (found,) = write_direct([job()], NoneBackend(), stats=stats)
    assert (found.source, stats.asked, stats.fell_back, stats.drafts) == ("fallback", 1, 1, 0)
    assert write_direct([], NoneBackend()) == []


def test_requests_hold_titles_and_words_but_no_ids() -> None:
    _, _, backend = write(None)
    request = backend.rounds[0][0]
    assert request.item == ITEM
    history, rating, without = request.claims
    assert history["titles"] == [A, B]
    assert history["did"] == "rated … highly"
    assert (rating["mean"], rating["of"], rating["ratings"]) == ("4.3", 5.0, "789")
    assert without["list"] == "top ten"
    assert "history1" not in str(request)
    assert "reader" not in (request.item, *history["titles"])


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("domain", ["film", "shop", "generic"])
def test_every_kind_of_claim_can_be_told_as_data(lang: str, domain: str) -> None:
    import json

    for claims in (
        "history(own,3,view,weak)",
        "history(group,purchase,category)",
        "history(own,1,cart)+feature(same,1,tag)+people(same,1,purchase)",
        "feature(own,2,word)",
        "people(own,1,purchase)+rating",
        "popular(purchase)",
        "popular(cold,purchase)",
        "history(own,1,like)+without(own,2)",
        "rank",
    ):
        one = job(f"{lang}|{domain}|plain|{claims}")
        for claim in one.plan.claims:
            data = claim_data(claim, one.world, lang)
            assert json.loads(json.dumps(data)) == data
            assert data["says"]
            assert not {"{", "<"} & set(str(list(data.values())[1:])), data
    weak = job(f"{lang}|{domain}|plain|history(own,3,view,weak)")
    told = claim_data(weak.plan.claims[0], weak.world, lang)["says"]
    assert ("small part" if lang == "en" else "一小部分") in told


def test_an_unnamed_claim_is_told_with_what_is_known() -> None:
    world = SketchWorld(Shape.parse(KEY))
    assert claim_data(Claim("rating", mean=4.3), world, "en").keys() == {"kind", "says", "mean"}
