"""Evidence adds up, agrees with the list it explains, and is the same alone and in a batch."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from tests.evidence.evidence_cases import slow_rank, small_engine

from whyrec.errors import ConfigError, UnknownItemError, UnknownUserError
from whyrec.evidence.engine import EvidenceEngine
from whyrec.evidence.types import Reason

MODELS = ("ease", "ials")


@pytest.fixture(params=MODELS)
def engine(request: pytest.FixtureRequest) -> EvidenceEngine:
    return small_engine(1, request.param)


def everybody(engine: EvidenceEngine) -> tuple[str, ...]:
    return engine.bundle.dataset.users


def test_contributions_and_baseline_sum_to_the_score(engine: EvidenceEngine) -> None:
    count = 0
    for _, evidences in engine.batch(everybody(engine), 12):
        for e in evidences:
            total = sum(r.contribution for r in e.reasons) + e.baseline
            largest = max((abs(r.contribution) for r in e.reasons), default=0)
            assert abs(total - e.score) <= 1e-9 * max(abs(e.score), largest)
            assert e.exact
            count += 1
    assert count > 50


def test_a_score_that_does_not_add_up_is_called_inexact(
    engine: EvidenceEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = engine.bundle.recommender
    real = model.explain
    monkeypatch.setattr(model, "explain", lambda h, i: tuple(a * 1.016 for a in real(h, i)))
    e = engine.explain("u0", n=1)[0]
    assert not e.exact
    total = sum(r.contribution for r in e.reasons) + e.baseline
    assert e.residual == pytest.approx(e.score - total)
    assert e.residual != 0


def test_reasons_come_largest_first_and_tell_every_positive_event(engine: EvidenceEngine) -> None:
    data = engine.bundle.dataset
    for user, evidences in engine.batch(everybody(engine), 3):
        row = data.interactions[data.user_index[user]]
        liked = {data.catalogue.ids[i] for i in row.indices}
        for e in evidences:
            parts = [r.contribution for r in e.reasons]
            assert parts == sorted(parts, reverse=True)
            assert {r.item for r in e.reasons} == liked
            for r in e.reasons:
                assert r.kind == "history"
                assert r.event == "rating"
                assert r.value >= 3.5
                assert r.title == f"Film {r.item[1:]}"


def test_ranks_and_scores_are_those_of_recommend(engine: EvidenceEngine) -> None:
    users = everybody(engine)
    ranking = engine.bundle.recommend(users, 5)
    ids = engine.bundle.dataset.catalogue.ids
    for (_, evidences), items, scores in zip(
        engine.batch(users, 5), ranking.items, ranking.scores, strict=True
    ):
        assert [e.item for e in evidences] == [ids[i] for i in items if i >= 0]
        assert [e.score for e in evidences] == [s for s in scores if s > -np.inf]
        assert [e.rank for e in evidences] == list(range(1, len(evidences) + 1))


def test_a_batch_says_the_same_as_one_at_a_time(engine: EvidenceEngine) -> None:
    users = everybody(engine)
    for user, evidences in engine.batch(users, 4):
        assert evidences == engine.explain(user, n=4)


def test_named_items_are_explained_at_their_true_rank(engine: EvidenceEngine) -> None:
    found = engine.explain("u0", items=["i3", "i0", "i7"])
    assert [e.item for e in found] == ["i3", "i0", "i7"]
    data = engine.bundle.dataset
    for e in found:
        if data.catalogue.index[e.item] not in data.seen[0].indices:
            assert e.rank == slow_rank(engine, "u0", e.item)
        else:
            assert e.gone is None
            assert e.displaced is None


def test_without_a_history_the_list_is_popular_and_says_so(engine: EvidenceEngine) -> None:
    newcomer = everybody(engine)[-1]
    found = engine.explain(newcomer, n=4)
    counts = np.diff(engine.bundle.crowd.tocsc().indptr)
    assert [e.score for e in found] == sorted(counts, reverse=True)[:4]
    for e in found:
        assert e.reasons == ()
        assert e.baseline == e.score
        assert e.exact
        assert e.gone is None
        popular = [f for f in e.facts if f.kind == "popular"]
        assert [f.count for f in popular] == [e.score]
    new = engine.explain("somebody new", n=4, new_user=True)
    assert [e.item for e in new] == [e.item for e in found]


def test_unknown_ids_and_sizes_are_refused(engine: EvidenceEngine) -> None:
    with pytest.raises(UnknownUserError, match="nobody"):
        engine.explain("nobody")
    with pytest.raises(UnknownUserError, match="nobody"):
        list(engine.batch(["u0", "nobody"]))
    with pytest.raises(UnknownItemError, match="nothing"):
        engine.explain("u0", items=["nothing"])
    with pytest.raises(ConfigError, match="a list of 0"):
        engine.explain("u0", n=0)
    with pytest.raises(ConfigError, match="a list of 0"):
        EvidenceEngine(engine.bundle, list_size=0)
    with pytest.raises(ConfigError, match="sets of 6"):
        EvidenceEngine(engine.bundle, max_size=6)


def test_popularity_explains_itself_by_its_count() -> None:
    from whyrec.recommend.bundle import Bundle

    data = small_engine(1, "ease").bundle.dataset
    engine = EvidenceEngine(Bundle.fit(data, "popularity"), list_size=3)
    for e in engine.explain("u0", n=3):
        assert e.exact
        assert e.baseline == e.score
        assert all(r.contribution == 0 for r in e.reasons)
        assert e.gone is None


def test_reasons_behave_like_a_tuple_and_travel(engine: EvidenceEngine) -> None:
    e = engine.explain("u0", n=1)[0]
    made = tuple(e.reasons)
    assert all(isinstance(r, Reason) for r in made)
    fresh = engine.explain("u0", n=1)[0].reasons
    assert len(fresh) == len(made)
    assert fresh[0] == made[0]
    assert fresh[-1] == made[-1]
    assert fresh[1:3] == made[1:3]
    assert fresh == made
    assert hash(fresh) == hash(made)
    assert repr(fresh) == repr(made)
    with pytest.raises(IndexError):
        engine.explain("u0", n=1)[0].reasons[len(made)]
    back = pickle.loads(pickle.dumps(e))
    assert back == e
    assert len(pickle.dumps(back)) <= len(pickle.dumps(e)) + 100
    assert engine.world(back).total() == engine.world(e).total()


def test_json_holds_all_reasons(engine: EvidenceEngine) -> None:
    e = engine.explain("u0", n=1)[0]
    out = e.to_json()
    assert out["exact"] is True
    assert len(out["reasons"]) == len(e.reasons)
    total = sum(r["contribution"] for r in out["reasons"]) + e.baseline
    assert total == pytest.approx(e.score, rel=1e-9)
