"""Counterfactuals found by asking the model: re-ranked, and proved only where nothing is smaller."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.evidence_cases import slow_rank, small_engine, smallest

from whyrec.evidence.by_calls import Line, Places, search
from whyrec.evidence.engine import EvidenceEngine

MODELS = ("ease", "ials")


def asked(seed: int, model: str, **options: Any) -> EvidenceEngine:
    """An engine whose model keeps its arithmetic to itself and can only be asked for scores."""
    engine = small_engine(seed, model, **options)
    recommender = engine.bundle.recommender
    recommender.removal = lambda history: None  # type: ignore[method-assign]
    recommender.exact = False
    return EvidenceEngine(engine.bundle, list_size=3, k_anon=2, **options)


@pytest.mark.parametrize("model", MODELS)
def test_brute_force_finds_none_smaller_in_500_small_cases(model: str) -> None:
    """Histories of up to 8 events, by arithmetic and by asking: every set, held against all smaller."""
    cases = {True: 0, False: 0}
    for seed in range(40):
        if all(n >= 130 for n in cases.values()):
            break
        for by_calls in (False, True):
            engine = asked(seed, model) if by_calls else small_engine(seed, model)
            for _, evidences in engine.batch(engine.bundle.dataset.users[:12], 3):
                for e in evidences:
                    if not 1 <= len(e.reasons) <= 8:
                        continue
                    assert (e.method == "shapley") == by_calls
                    for question, found in (("gone", e.gone), ("displaced", e.displaced)):
                        if found is None:
                            continue
                        assert slow_rank(engine, e.user, e.item, found.items) == found.new_rank
                        if found.proved:
                            least = smallest(engine, e, question, len(found.items))
                            assert least == len(found.items)
                            cases[by_calls] += 1
    assert min(cases.values()) >= 125, cases  # two models, two ways: 500 in all


def test_a_small_budget_proves_less_and_lies_never() -> None:
    unproved = 0
    for seed, model in product(range(6), MODELS):
        engine = asked(seed, model, budget=12)
        for user, evidences in engine.batch(engine.bundle.dataset.users[:8], 3):
            for e in evidences:
                for question, found in (("gone", e.gone), ("displaced", e.displaced)):
                    if found is not None:
                        assert slow_rank(engine, user, e.item, found.items) == found.new_rank
                        unproved += not found.proved
                        if found.proved:
                            assert smallest(engine, e, question, 3) == len(found.items)
    assert unproved > 0


def test_both_ways_find_sets_of_the_same_size() -> None:
    for model in MODELS:
        for seed in range(4):
            one, two = small_engine(seed, model), asked(seed, model)
            users = one.bundle.dataset.users[:8]
            for (_, known), (_, found) in zip(
                one.batch(users, 3), two.batch(users, 3), strict=True
            ):
                for a, b in zip(known, found, strict=True):
                    for x, y in ((a.gone, b.gone), (a.displaced, b.displaced)):
                        assert (x is None) == (y is None)
                        if x is not None and y is not None and x.proved and y.proved:
                            assert len(x.items) == len(y.items)


def by_sorting(scores: Any, candidates: Any, item: int, need: int, *, enter: bool) -> bool:
    rivals = [k for k in np.flatnonzero(candidates).tolist() if k != item]
    order = sorted([*rivals, item], key=lambda k: (-scores[k], k))
    return (order.index(item) + 1 <= need) == enter


@given(seed=st.integers(0, 10_000), enter=st.booleans())
def test_a_place_is_lost_or_won_as_sorting_says(seed: int, enter: bool) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    scores = rng.integers(0, 4, (6, n)).astype(float)
    candidates = rng.random((6, n)) < 0.8
    item, need = int(rng.integers(n)), int(rng.integers(1, n + 2))
    passed, margin = Places(scores, candidates, [need, 1]).past(item, need, enter=enter)
    assert passed.tolist() == [
        by_sorting(s, c, item, need, enter=enter) for s, c in zip(scores, candidates, strict=True)
    ]
    if need < n:
        assert (passed[margin > 0]).all()
        assert not passed[margin < 0].any()


def test_the_search_spends_what_it_may_and_no_more() -> None:
    """Moves have worths; the item falls once they sum to 10: known answers, counted calls."""
    worths = np.array([1.0, 2.0, 3.0, 4.0, 6.5])
    scored = []

    def score(sets: Any) -> Any:
        scored.extend(sets)
        rows = np.array([[10.0 - worths[list(s)].sum(), 0.5] for s in sets])
        yield 0, rows, np.array([True, True])

    line = Line(0, 1)
    spent = search([line], score, range(5), 4, budget=1000)
    assert line.found == (3, 4)
    assert line.excluded == 1
    assert spent == len(scored) == 5 + 10
    line = Line(0, 1)
    scored.clear()
    spent = search([line], score, range(5), 4, budget=7)  # all singles, then two pairs of the beam
    assert spent == len(scored) <= 7
    assert line.found == (3, 4)
    assert line.excluded == 1
    never = Line(0, 1)
    worths[:] = 0.1
    search([never], score, range(5), 3, budget=1000)
    assert never.found == ()
    assert never.excluded == 3
    assert len(set(scored)) >= len(list(combinations(range(5), 3)))
