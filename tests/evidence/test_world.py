"""The world answers from data and model: every answer is checked against them."""

from __future__ import annotations

import polars as pl
import pytest
from tests.evidence.evidence_cases import slow_rank, small_engine

from whyrec.data.catalogue import Catalogue
from whyrec.data.dataset import Dataset
from whyrec.evidence.engine import EvidenceEngine
from whyrec.evidence.names import Names
from whyrec.evidence.types import Evidence
from whyrec.recommend.bundle import Bundle

MODELS = ("ease", "ials")


@pytest.fixture(scope="module", params=MODELS)
def engine(request: pytest.FixtureRequest) -> EvidenceEngine:
    return small_engine(4, request.param)


@pytest.fixture(scope="module")
def evidences(engine: EvidenceEngine) -> list[Evidence]:
    users = engine.bundle.dataset.users
    return [e for _, found in engine.batch(users, 6) for e in found]


def test_entries_tell_what_was_done_and_what_it_is_worth(
    engine: EvidenceEngine, evidences: list[Evidence]
) -> None:
    data = engine.bundle.dataset
    for e in evidences:
        world = engine.world(e)
        rows = data.events.filter(pl.col("user") == data.user_index[e.user])
        ids = [data.catalogue.ids[i] for i in rows["item"]]
        assert set(world.history()) == set(ids)
        assert set(world.mentionable()) == {e.item, *ids}
        parts = {r.item: r.contribution for r in e.reasons}
        for item, value in zip(ids, rows["value"], strict=True):
            entry = world.entry(item)
            assert entry is not None
            assert (entry.event, entry.value, entry.count) == ("rating", value, 1)
            assert entry.events == {"rating"}
            assert entry.negative == (value < 3.5)
            assert entry.contribution == parts.get(item, 0.0)
            assert (item in parts) != entry.negative
        assert world.entry("i_nowhere") is None
        positive = sum(c for c in parts.values() if c > 0)
        assert world.total() == pytest.approx(positive)


def test_effects_are_the_score_lost(engine: EvidenceEngine, evidences: list[Evidence]) -> None:
    bundle = engine.bundle
    index = bundle.dataset.catalogue.index
    for e in evidences[:20]:
        world = engine.world(e)
        history = bundle.history(bundle.user(e.user))
        for r in e.reasons:
            left = history.without([index[r.item]])
            scores = bundle.recommender.scores(left.matrix(bundle.dataset.n_items))
            lost = e.score - scores[0, index[e.item]]
            assert world.entry(r.item).effect == pytest.approx(lost, rel=1e-6, abs=1e-9)


def test_a_world_without_lazy_reasons_says_the_same(
    engine: EvidenceEngine, evidences: list[Evidence]
) -> None:
    from dataclasses import replace

    for e in evidences[:20]:
        lazy, plain = engine.world(e), engine.world(replace(e, reasons=tuple(e.reasons)))
        for item in lazy.history():
            assert lazy.entry(item) == plain.entry(item)


def test_drops_without_is_a_re_ranking(engine: EvidenceEngine, evidences: list[Evidence]) -> None:
    yes = no = 0
    for e in evidences:
        world = engine.world(e)
        for r in e.reasons:
            dropped = world.drops_without([r.item])
            rank = slow_rank(engine, e.user, e.item, (r.item,))
            assert dropped == (e.rank <= e.list_size < rank)
            yes, no = yes + dropped, no + (not dropped)
        if e.gone is not None:
            assert world.drops_without(e.gone.items)
    assert yes > 5
    assert no > 5


def test_what_was_never_liked_cannot_be_why(engine: EvidenceEngine) -> None:
    data = engine.bundle.dataset
    for e in [x for _, found in engine.batch(data.users, 3) for x in found]:
        world = engine.world(e)
        low = [i for i in world.history() if world.entry(i).negative]
        if low:
            assert not world.drops_without(low)
            assert world.people(low[0]) is None
            return
    pytest.fail("nobody rated anything low")


def test_facts_of_evidence_and_world_agree(
    engine: EvidenceEngine, evidences: list[Evidence]
) -> None:
    seen = set()
    for e in evidences:
        world = engine.world(e)
        assert (world.user, world.item, world.rank) == (e.user, e.item, e.rank)
        assert (world.domain, world.list_size) == ("film", 3)
        kinds = {f.kind for f in e.facts}
        assert (world.popular() is not None) == ("popular" in kinds)
        assert (world.rating() is not None) == ("rating" in kinds)
        for f in e.facts:
            seen.add(f.kind)
            if f.kind == "people":
                assert world.people(f.items[0]) == (f.event, f.count, f.lift)
            elif f.kind == "popular":
                assert world.popular() == (f.event, f.count)
            elif f.kind == "rating":
                assert world.rating() == (f.mean, f.count, f.best)
            else:
                for item in (e.item, *f.items):
                    assert world.has_facet(item, f.field, f.value)
                    assert (f.field, f.value) in world.facets(item)
    assert seen == {"feature", "people", "popular", "rating"}


def test_strangers_items_say_nothing_about_people(
    engine: EvidenceEngine, evidences: list[Evidence]
) -> None:
    e = evidences[0]
    world = engine.world(e)
    strange = set(engine.bundle.dataset.catalogue.ids) - set(world.history())
    assert all(world.people(i) is None for i in strange)


def test_names_titles_in_both_languages_with_and_without_year(
    engine: EvidenceEngine, evidences: list[Evidence]
) -> None:
    world = engine.world(evidences[0])
    assert world.names("i1", "en") == ("Film 1", "电影1", "Film 1 (1991)", "电影1 (1991)")
    assert world.names("i1", "zh")[0] == "电影1"
    assert world.names("i2", "zh")[0] == "Film 2"
    assert world.find_title("FILM  2") == ("i2",)
    assert world.find_title("电影1") == ("i1",)
    assert world.find_title("film 2 (1992)") == ("i2",)
    assert world.find_title("Film") == ()


def test_titles_that_several_items_share_name_all_of_them() -> None:
    table = pl.DataFrame(
        {
            "id": ["a", "b", "c"],
            "title": ["Solaris", "Solaris", "Solaris (1972)"],
            "year": [1972, 2002, None],
        }
    )
    names = Names(Catalogue(table))
    assert names.find("solaris") == (0, 1, 2)
    assert names.find("Solaris (2002)") == (1,)
    assert names.find("Solaris (1972)") == (0, 2)


def test_several_events_on_one_item_are_one_entry() -> None:
    base = small_engine(0, "ease").bundle.dataset
    events = pl.DataFrame(
        {
            "user": [0, 0, 0, 1, 1],
            "item": [0, 0, 1, 0, 2],
            "event": ["view", "purchase", "view", "purchase", "purchase"],
            "value": [None, 2.0, None, 1.0, 1.0],
            "time": [None] * 5,
        },
        schema_overrides={
            "user": pl.UInt32,
            "item": pl.UInt32,
            "value": pl.Float64,
            "time": pl.Datetime("ms"),
        },
    )
    data = Dataset(events, base.catalogue, ("a", "b"))
    engine = EvidenceEngine(Bundle.fit(data), k_anon=1)
    e = engine.explain("a", n=1)[0]
    world = engine.world(e)
    entry = world.entry("i0")
    assert entry is not None
    assert entry.event == "purchase"
    assert entry.events == {"purchase", "view"}
    assert (entry.value, entry.count) == (2.0, 1)
    assert world.entry("i1").value is None
