"""Facts recount from the raw events and the catalogue, one by one."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.evidence.evidence_cases import small_dataset, small_engine

from whyrec.data.dataset import Dataset
from whyrec.evidence.engine import EvidenceEngine
from whyrec.evidence.types import Evidence, Fact
from whyrec.recommend.bundle import Bundle


@pytest.fixture(scope="module")
def engine() -> EvidenceEngine:
    return small_engine(2, "ease")


def facts(engine: EvidenceEngine, kind: str) -> list[tuple[Evidence, Fact]]:
    found = [
        (e, f)
        for _, evidences in engine.batch(engine.bundle.dataset.users, 12)
        for e in evidences
        for f in e.facts
        if f.kind == kind
    ]
    assert found
    return found


def fans(data: Dataset) -> dict[str, set[int]]:
    """Who liked what, from the events."""
    out: dict[str, set[int]] = {i: set() for i in data.catalogue.ids}
    for user, item, _, value, _ in data.events.iter_rows():
        if value >= 3.5:
            out[data.catalogue.ids[item]].add(user)
    return out


def test_people_counts_and_lift_recount(engine: EvidenceEngine) -> None:
    who = fans(engine.bundle.dataset)
    everybody = len(set.union(*who.values()))
    for e, f in facts(engine, "people"):
        (peer,) = f.items
        assert f.event == "rating"
        assert f.count == len(who[peer] & who[e.item]) >= 2
        lift = f.count * everybody / (len(who[peer]) * len(who[e.item]))
        assert f.lift == pytest.approx(lift)
        assert f.lift > 1
        assert next(r for r in e.reasons if r.item == peer).contribution > 0


def test_popularity_recounts(engine: EvidenceEngine) -> None:
    who = fans(engine.bundle.dataset)
    for e, f in facts(engine, "popular"):
        assert (f.event, f.count) == ("rating", len(who[e.item]))


def test_ratings_are_averaged_over_everybody_low_ones_too(engine: EvidenceEngine) -> None:
    data = engine.bundle.dataset
    ids = data.catalogue.ids
    for e, f in facts(engine, "rating"):
        values = [v for _, i, _, v, _ in data.events.iter_rows() if ids[i] == e.item]
        assert f.count == len(values)
        assert f.mean == pytest.approx(np.mean(values))
        assert f.best == 5


def test_the_last_rating_of_a_person_counts() -> None:
    times = ["2024-01-02", "2024-01-03", "2024-01-01", "2024-01-01"]
    events = pl.DataFrame(
        {
            "user": [0, 0, 0, 1],
            "item": [0, 0, 0, 0],
            "event": ["rating"] * 4,
            "value": [5.0, 1.0, 4.0, 5.0],
            "time": times,
        },
        schema_overrides={"user": pl.UInt32, "item": pl.UInt32},
    ).with_columns(pl.col("time").str.to_datetime(time_unit="ms"))
    base = small_dataset(0)
    data = Dataset(events, base.catalogue, ("a", "b"), best_rating=5.0)
    engine = EvidenceEngine(Bundle.fit(data), k_anon=2)
    assert engine.attested.rating(0) == (3.0, 2, 5.0)


def test_features_are_shared_with_positive_events_best_first(engine: EvidenceEngine) -> None:
    index = engine.bundle.dataset.catalogue.index
    has = engine.facets.has
    for _, evidences in engine.batch(engine.bundle.dataset.users, 12):
        for e in evidences:
            told = [f for f in e.facts if f.kind == "feature"]
            worth = []
            for f in told:
                assert has(index[e.item], f.field, f.value)
                carriers = [
                    r.item
                    for r in e.reasons
                    if r.contribution > 0 and has(index[r.item], f.field, f.value)
                ]
                assert list(f.items) == carriers
                part = sum(r.contribution for r in e.reasons if r.item in carriers)
                worth.append(part * engine.facets.idf[engine.facets.index(f.field, f.value)])
            assert worth == sorted(worth, reverse=True)
            shared = {
                f.value
                for f in engine.facets.of(index[e.item])
                if any(
                    r.contribution > 0 and has(index[r.item], f.field, f.value) for r in e.reasons
                )
            }
            assert {f.value for f in told} <= shared
            assert len(told) == min(len(shared), 3)


def test_a_crowd_too_small_to_hide_in_is_never_told() -> None:
    engine = small_engine(2, "ease", k_anon=5)
    world_checked = 0
    for _, evidences in engine.batch(engine.bundle.dataset.users, 12):
        for e in evidences:
            world = engine.world(e)
            for f in e.facts:
                if f.kind != "feature":
                    assert f.count >= 5
            for item in world.history():
                told = world.people(item)
                assert told is None or told[1] >= 5
                world_checked += 1
    assert world_checked
