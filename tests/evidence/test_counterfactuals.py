"""A stored counterfactual re-ranks as it says, and where it is proved no smaller set exists."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.evidence_cases import slow_rank, small_engine, smallest

from whyrec.data.dataset import Dataset
from whyrec.evidence import counterfactuals
from whyrec.evidence.engine import EvidenceEngine
from whyrec.recommend.bundle import Bundle

MODELS = ("ease", "ials")


@pytest.mark.parametrize("model", MODELS)
@given(seed=st.integers(0, 10_000))
def test_every_counterfactual_re_ranks_as_it_says(model: str, seed: int) -> None:
    engine = small_engine(seed, model)
    for _, evidences in engine.batch(engine.bundle.dataset.users[:6], 6):
        for e in evidences:
            for found in (e.gone, e.displaced):
                if found is not None:
                    liked = [r.item for r in e.reasons]
                    assert set(found.items) <= set(liked)
                    assert len(set(found.items)) == len(found.items)
                    rank = slow_rank(engine, e.user, e.item, found.items)
                    assert found.new_rank == rank
                    assert rank > (e.list_size if found is e.gone else e.rank)
            if e.rank > e.list_size:
                assert e.gone is None


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("max_size", [2, 3, 4])
def test_no_smaller_set_exists_where_it_is_proved(model: str, max_size: int) -> None:
    seen: Counter[tuple[str, object]] = Counter()
    for seed in range(12):
        engine = small_engine(seed, model, max_size=max_size)
        for _, evidences in engine.batch(engine.bundle.dataset.users[:8], 4):
            for e in evidences:
                for question, found in (("gone", e.gone), ("displaced", e.displaced)):
                    if question == "gone" and e.rank > e.list_size:
                        continue
                    if found is None:
                        # Sizes 1 and 2 are exhaustive, so nothing that small was overlooked.
                        assert smallest(engine, e, question, 2) is None
                        seen[question, None] += 1
                        continue
                    least = smallest(engine, e, question, len(found.items))
                    assert least is not None
                    if found.proved:
                        assert least == len(found.items)
                    seen[question, (len(found.items), found.proved)] += 1
    # The cases above are not empty: all sizes occur, and sizes up to 3 are proved.
    for question in ("gone", "displaced"):
        for size in range(1, min(max_size, 3) + 1):
            assert any(k[0] == question and k[1] and k[1][0] == size for k in seen), seen
    assert all(k[1] is None or k[1][1] for k in seen if not k[1] or k[1][0] <= 3)


@pytest.mark.parametrize("model", MODELS)
def test_beyond_the_budget_nothing_is_called_proved(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counterfactuals, "PAIR_BUDGET", -1)
    unproved = 0
    for seed in range(6):
        engine = small_engine(seed, model)
        for _, evidences in engine.batch(engine.bundle.dataset.users[:8], 4):
            for e in evidences:
                for found in (e.gone, e.displaced):
                    if found is not None and len(found.items) == 3 and len(e.reasons) > 3:
                        unproved += not found.proved
                    if found is not None and len(found.items) == 1:
                        assert found.proved
    assert unproved > 0


def test_items_that_the_same_people_have_stay_tied_and_proofs_stand() -> None:
    base = small_engine(6, "ials").bundle.dataset
    # Every event on i2 is repeated on i3, and the next item is seen by nobody in between.
    twin = base.events.filter(pl.col("item") == 2).with_columns(pl.lit(3, pl.UInt32).alias("item"))
    events = pl.concat([base.events.filter(pl.col("item") != 3), twin])
    data = Dataset(events, base.catalogue, base.users, domain="film", best_rating=5.0)
    engine = EvidenceEngine(
        Bundle.fit(data, "ials", factors=4, alpha=3.0, regularization=0.3), list_size=3
    )
    twins = 0
    for user, evidences in engine.batch(data.users, 12):
        for e in evidences:
            twins += e.item in {"i2", "i3"} and len(e.reasons) > 0
            for question, found in (("gone", e.gone), ("displaced", e.displaced)):
                if found is not None:
                    assert found.new_rank == slow_rank(engine, user, e.item, found.items)
                    assert found.proved
                    assert smallest(engine, e, question, 3) == len(found.items)
    assert twins > 4


def test_the_only_event_leaves_a_person_without_history() -> None:
    for model in MODELS:
        engine = small_engine(3, model)
        data = engine.bundle.dataset
        sizes = [data.interactions[u].nnz for u in range(data.n_users)]
        if 1 not in sizes:
            continue
        user = data.users[sizes.index(1)]
        for e in engine.explain(user, n=6):
            rank = slow_rank(engine, user, e.item, (e.reasons[0].item,))
            for found, limit in ((e.gone, e.list_size), (e.displaced, e.rank)):
                if limit is e.list_size and e.rank > limit:
                    continue
                if rank > limit:
                    assert found is not None
                    assert found.new_rank == rank
                    assert found.proved
                else:
                    assert found is None


def test_removed_items_do_not_come_back_into_the_list() -> None:
    engine = small_engine(5, "ease")
    for _, evidences in engine.batch(engine.bundle.dataset.users[:8], 6):
        n_candidates = len(evidences)
        for e in evidences:
            for found in (e.gone, e.displaced):
                assert found is None or found.new_rank <= max(n_candidates, 12)
                if found is not None:
                    person = engine.person(e.user)
                    assert found.new_rank <= person.candidates.sum()


def test_without_the_search_nothing_is_looked_for() -> None:
    engine = small_engine(5, "ials")
    for _, evidences in engine.batch(engine.bundle.dataset.users[:8], 6, counterfactuals=False):
        assert all(e.gone is None and e.displaced is None for e in evidences)
