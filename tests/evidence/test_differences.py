"""Why this rather than that, why not, and by what: worked by hand, and with a shop's rules."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from tests.evidence.evidence_cases import slow_rank, small_dataset, small_engine

from whyrec.errors import ConfigError, UnknownItemError, UnknownUserError
from whyrec.evidence.contrast import largest
from whyrec.evidence.engine import EvidenceEngine
from whyrec.evidence.types import Reason
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.rules import Rules


def test_the_difference_of_two_items_event_by_event() -> None:
    engine = small_engine(1, "ease")
    one, two = engine.explain("u0", n=2)
    found = engine.rather("u0", one.item, two.item)
    first = {r.item: r.contribution for r in one.reasons}
    second = {r.item: r.contribution for r in two.reasons}
    for r in found.reasons:
        assert r.contribution == pytest.approx(first[r.item] - second[r.item])
    parts = [r.contribution for r in found.reasons]
    assert parts == sorted(parts, reverse=True)
    assert found.exact


def test_asked_the_other_way_round_the_answer_is_the_same() -> None:
    turned = 0
    for seed in range(6):
        engine = small_engine(seed, "ease")
        one, *_, two = engine.explain("u0", n=3)
        found, back = (
            engine.rather("u0", *p) for p in ((one.item, two.item), (two.item, one.item))
        )
        assert back.gap == -found.gap
        assert (back.turn is None) == (found.turn is None)
        if found.turn is not None and back.turn is not None:
            turned += 1
            assert set(back.turn.items) == set(found.turn.items)
            assert (back.turn.rank, back.turn.other_rank) == (
                found.turn.other_rank,
                found.turn.rank,
            )
    assert turned >= 3


@pytest.mark.parametrize("model", ["ease", "ials"])
@given(seed=st.integers(0, 3000))
def test_the_turn_is_the_smallest_where_it_is_proved(model: str, seed: int) -> None:
    engine = small_engine(seed, model)
    evidences = engine.explain("u1", n=4, counterfactuals=False)
    if len(evidences) < 4 or not evidences[0].reasons:
        return
    one, two = evidences[0], evidences[3]
    found = engine.rather("u1", one.item, two.item).turn
    ids = [r.item for r in one.reasons]
    up_to = len(found.items) if found else min(2, len(ids) - 1)
    least = None
    for size in range(1, up_to + 1):
        for removed in combinations(ids, size):
            ranks = [slow_rank(engine, "u1", x.item, removed) for x in (one, two)]
            if ranks[1] < ranks[0]:
                least = size
                break
        if least:
            break
    if found is None:
        assert least is None
    elif found.proved:
        assert least == len(found.items)


def rank_with(engine: EvidenceEngine, user: str, item: str, added: tuple[str, ...]) -> int:
    """The item's rank once the user has liked the added items too, by sorting."""
    bundle, data = engine.bundle, engine.bundle.dataset
    index = data.catalogue.index
    history = bundle.history(bundle.user(user))
    row = np.zeros(data.n_items, np.float32)
    row[history.items] = history.weights
    row[[index[i] for i in added]] = 1.0
    scores = bundle.recommender.scores(sparse.csr_matrix(row[None]))[0]
    seen = {*data.seen[bundle.user(user)].indices.tolist(), *(index[i] for i in added)}
    ranked = sorted(
        (k for k in range(data.n_items) if k not in seen), key=lambda k: (-scores[k], k)
    )
    return ranked.index(index[item]) + 1


def test_what_brings_an_item_in_is_tried_whole() -> None:
    """A small catalogue is within the budget: no single item helps where two are named."""
    helped = 0
    for seed in range(8):
        engine = small_engine(seed, "ease")
        evidences = engine.explain("u2", n=12, counterfactuals=False)
        if len(evidences) < 5:
            continue
        item = evidences[4].item
        found = engine.not_shown("u2", item)
        assert found.status == "below"
        if found.adding is None:
            continue
        helped += 1
        assert found.adding.proved
        assert rank_with(engine, "u2", item, found.adding.items) == found.adding.rank
        assert found.adding.rank <= engine.list_size
        if len(found.adding.items) == 2:
            others = [e.item for e in evidences if e.item != item]
            assert all(rank_with(engine, "u2", item, (i,)) > engine.list_size for i in others)
    assert helped >= 3


RULES = Rules.parse(
    [
        {"name": "push drama", "item": "tag = Drama", "boost": "0.5 sd"},
        {"name": "first of all", "item": "id = i3", "pin": True},
        {"name": "sold out", "item": "id in (i5, i7)", "filter": "exclude"},
    ]
)


@pytest.mark.parametrize("model", ["ease", "ials"])
def test_rules_are_parts_of_the_score_that_ranked(model: str) -> None:
    bundle = Bundle.fit(small_dataset(3), model, rules=RULES)
    engine = EvidenceEngine(bundle, list_size=3, k_anon=2)
    users = bundle.dataset.users
    ranking = bundle.recommend(users, 12)
    ids = bundle.dataset.catalogue.ids
    named = set()
    for (user, evidences), items, scores in zip(
        engine.batch(users, 12), ranking.items, ranking.scores, strict=True
    ):
        assert [e.item for e in evidences] == [ids[i] for i in items if i >= 0]
        for e, score in zip(evidences, scores, strict=False):
            assert e.score == pytest.approx(score)
            total = sum(r.contribution for r in e.reasons) + e.baseline
            assert total == pytest.approx(e.score, rel=1e-9)
            assert e.exact
            parts = [r.contribution for r in e.reasons]
            assert parts == sorted(parts, reverse=True)
            assert len(e.reasons) == len(tuple(e.reasons))
            named |= {r.title for r in e.reasons if r.kind == "rule"}
            for found in (e.gone, e.displaced):
                if found is not None:
                    left = bundle.history(bundle.user(user)).without(
                        np.array([bundle.item(i) for i in found.items])
                    )
                    after = bundle.scores(left.matrix(len(ids)))[0]
                    open_ = engine.person(user).candidates
                    place = bundle.item(e.item)
                    before = sum(
                        open_[k] and (after[k], -k) > (after[place], -place)
                        for k in range(len(ids))
                    )
                    assert found.new_rank == before + 1
        assert not {"i5", "i7"} & {e.item for e in evidences}
    assert named == {"push drama", "first of all"}


def test_what_a_rule_keeps_out_is_told_as_such() -> None:
    bundle = Bundle.fit(small_dataset(3), "ease", rules=RULES)
    engine = EvidenceEngine(bundle, list_size=3, k_anon=2)
    for user in bundle.dataset.users:
        if bundle.item("i5") in bundle.dataset.seen[bundle.user(user)].indices:
            continue
        found = engine.not_shown(user, "i5")
        assert (found.status, found.rule) == ("filtered", "sold out")
        assert found.rank > 3
        assert np.isfinite(found.score)
        assert found.without is found.adding is None
        (e,) = engine.explain(user, items=["i5"])
        assert np.isfinite(e.score)
        assert e.rank > e.list_size
        assert e.gone is None
        return
    pytest.fail("everybody has i5")


def test_rules_count_in_contrasts_and_splits() -> None:
    bundle = Bundle.fit(small_dataset(3), "ease", rules=RULES)
    engine = EvidenceEngine(bundle, list_size=3, k_anon=2)
    users = [
        u for u in bundle.dataset.users
        if bundle.item("i3") not in bundle.dataset.seen[bundle.user(u)].indices
    ]  # fmt: skip
    for user in users[:4]:
        first, second = engine.explain(user, n=2, by=("tag",))
        assert first.item == "i3"
        found = engine.rather(user, first.item, second.item)
        assert "first of all" in {r.title for r in found.reasons}
        total = sum(r.contribution for r in found.reasons) + found.baseline
        assert total == pytest.approx(found.gap)
        if first.groups:
            parts = sum(p.contribution for p in first.groups[0].parts)
            assert parts == pytest.approx(sum(r.contribution for r in first.reasons))


def test_wrong_questions_are_refused() -> None:
    engine = small_engine(1, "ease")
    with pytest.raises(ConfigError, match="two items"):
        engine.rather("u0", "i1", "i1")
    with pytest.raises(UnknownItemError):
        engine.rather("u0", "i1", "nothing")
    with pytest.raises(UnknownUserError):
        engine.not_shown("nobody", "i1")
    with pytest.raises(ConfigError, match="nothing is split by mood"):
        engine.explain("u0", by=("mood",))
    with pytest.raises(ConfigError, match="no such method"):
        EvidenceEngine(engine.bundle, method="guess")
    with pytest.raises(ConfigError, match="a budget of 1"):
        EvidenceEngine(engine.bundle, budget=1)


def test_json_of_contrasts_adds_up_when_shortened() -> None:
    engine = small_engine(1, "ease")
    evidences = engine.explain("u0", n=12)
    out = engine.rather("u0", evidences[0].item, evidences[1].item).to_json(2)
    assert len(out["reasons"]) <= 3
    total = sum(r["contribution"] for r in out["reasons"]) + out["baseline"]
    assert total == pytest.approx(out["gap"])
    why = engine.not_shown("u0", evidences[-1].item).to_json(2)
    total = sum(r["contribution"] for r in why["evidence"]["reasons"]) + why["baseline"]
    assert total == pytest.approx(why["score"])
    assert why["against"]["gap"] == pytest.approx(why["gap"])


@given(st.lists(st.floats(-5, 5), max_size=12), st.integers(1, 12))
def test_shortened_reasons_add_up(worths: list[float], keep: int) -> None:
    reasons = [Reason("history", c) for c in sorted(worths, reverse=True)]
    short = largest(reasons, keep)
    assert sum(r.contribution for r in short) == pytest.approx(sum(worths), abs=1e-9)
    assert sum(r.count or 1 for r in short) == len(worths)
    assert len(short) <= keep + 1


def test_neighbours_are_told_as_a_crowd_or_not_at_all() -> None:
    from whyrec.evidence.splits import breakdown
    from whyrec.recommend.base import Breakdown

    names = tuple(str(k) for k in range(12))
    found = Breakdown("neighbour", names, np.ones((1, 12)))
    split = breakdown(found, found.parts[0], 10)
    assert split is not None
    assert [(p.name, p.contribution, p.count) for p in split.parts] == [(None, 12.0, 12)]
    assert breakdown(found, np.r_[np.ones(9), np.zeros(3)], 10) is None
