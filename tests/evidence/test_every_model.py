"""Every model of the registry is explained: sums, counterfactuals, contrasts and words hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.evidence.evidence_cases import TAGS, slow_rank

from whyrec.data.catalogue import Catalogue
from whyrec.data.dataset import Dataset
from whyrec.evidence.engine import EvidenceEngine
from whyrec.language.explain import Explainer
from whyrec.language.verify import verify
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.registry import MODELS

QUICK: dict[str, dict[str, Any]] = {
    "ials": {"factors": 6, "iterations": 4},
    "multvae": {"epochs": 2, "hidden": 16, "latent": 8},
    "sasrec": {"epochs": 1, "width": 16, "length": 12, "blocks": 1},
}
"""Parameters with which a model that takes long is fitted quickly; unknown ones are left out."""

USERS, ITEMS, LIST, BUDGET = 40, 24, 5, 120


def timed_dataset() -> Dataset:
    """Ratings of all heights with times, two tastes, someone with one event and someone with none."""
    rng = np.random.default_rng(7)
    rows = []
    for u in range(USERS - 1):
        size = 1 if u == USERS - 2 else int(rng.integers(3, 12))
        taste = np.where(np.arange(ITEMS) % 2 == u % 2, 4.0, 1.0)
        chosen = rng.choice(ITEMS, size, replace=False, p=taste / taste.sum())
        for k, i in enumerate(chosen.tolist()):
            own = i % 2 == u % 2
            value = float(rng.integers(4, 6) if own or size == 1 else rng.integers(1, 5))
            rows.append((u, i, "rating", value, 1_000_000_000_000 + 86_400_000 * 40 * k))
    schema = {"user": pl.UInt32, "item": pl.UInt32, "event": pl.String, "value": pl.Float64,
              "time": pl.Int64}  # fmt: skip
    events = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("time").cast(pl.Datetime("ms"))
    )
    table = pl.DataFrame(
        {
            "id": [f"i{k}" for k in range(ITEMS)],
            "title": [f"Film {k}" for k in range(ITEMS)],
            "title_zh": [f"电影{k}" for k in range(ITEMS)],
            "description": [f"a story of {TAGS[k % 2]} and number {k}" for k in range(ITEMS)],
            "tags": [[TAGS[k % 2], TAGS[2 + k % 3 % 2]] for k in range(ITEMS)],
        },
        schema_overrides={"tags": pl.List(pl.String)},
    )
    people = tuple(f"u{k}" for k in range(USERS))
    return Dataset(events, Catalogue(table), people, domain="film", best_rating=5.0)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return timed_dataset()


@pytest.fixture(scope="module", params=MODELS)
def engine(request: pytest.FixtureRequest, data: Dataset) -> EvidenceEngine:
    """An engine over each model of the registry, fitted quickly."""
    import inspect

    from whyrec.recommend.registry import model

    known = inspect.signature(model(request.param)).parameters
    params = {k: v for k, v in QUICK.get(request.param, {}).items() if k in known}
    bundle = Bundle.fit(data, request.param, **params)
    return EvidenceEngine(bundle, list_size=LIST, k_anon=2, budget=BUDGET)


PEOPLE = ("u0", "u1", "u17", f"u{USERS - 2}", f"u{USERS - 1}")
"""Tastes of both kinds, one event, none."""


def test_parts_and_baseline_add_up_to_the_score_that_ranked(engine: EvidenceEngine) -> None:
    model = engine.bundle.recommender
    for user, evidences in engine.batch(PEOPLE, LIST):
        ranking = engine.bundle.recommend([user], LIST)
        assert len(evidences) == LIST
        for e, score in zip(evidences, ranking.scores[0], strict=True):
            total = sum(r.contribution for r in e.reasons) + e.baseline
            largest = max((abs(r.contribution) for r in e.reasons), default=0.0)
            assert e.score == pytest.approx(score, rel=1e-6, abs=1e-9)
            assert abs(total - e.score) <= 1e-5 * max(abs(e.score), largest)
            if not len(e.reasons) or model.exact:
                assert (e.method, e.exact, e.calls, e.error) == ("exact", True, 0, None)
            else:
                assert (e.method, e.exact) == ("shapley", False)
                assert 0 < e.calls <= BUDGET + len(e.reasons) + 2
                assert e.error is not None
                assert e.error >= 0


def test_occlusion_tells_its_residual(engine: EvidenceEngine) -> None:
    if engine.bundle.recommender.exact:
        return  # such a model is never asked
    plain = EvidenceEngine(engine.bundle, list_size=LIST, method="occlusion")
    for e in plain.explain("u0", n=2, counterfactuals=False):
        total = sum(r.contribution for r in e.reasons) + e.baseline
        assert e.residual == pytest.approx(e.score - total)
        assert (e.method, e.exact, e.error) == ("occlusion", False, None)


def test_counterfactuals_re_rank_as_they_say(engine: EvidenceEngine) -> None:
    for user, evidences in engine.batch(PEOPLE, 3):
        for e in evidences:
            for found in (e.gone, e.displaced):
                if found is not None:
                    assert set(found.items) <= {r.item for r in e.reasons}
                    assert slow_rank(engine, user, e.item, found.items) == found.new_rank
                    assert found.new_rank > (e.list_size if found is e.gone else e.rank)


def test_no_low_rating_is_told_as_why(engine: EvidenceEngine) -> None:
    """It may speak for an item; no claim names it as a liking."""
    explainer = Explainer(engine.bundle, backend="none", engine=engine)
    rated = engine.bundle.recommender.reads == "rated"
    for user, evidences in engine.batch(PEOPLE[:3], LIST, counterfactuals=False):
        low = {r.item for e in evidences for r in e.reasons if r.negative}
        assert low == ({i for i, d in engine.deeds(user).items() if d.negative} if rated else set())
        for told in explainer.tell(evidences):
            named = {i for c in told.claims for i in c.items}
            assert not named & low


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_text_is_verified(engine: EvidenceEngine, lang: str) -> None:
    explainer = Explainer(engine.bundle, backend="none", engine=engine, lang=lang)
    for user in (*PEOPLE, "somebody new"):
        asked = [None, ["i3", "i10"]]
        for items in asked:
            for told in explainer.explain(user, items, LIST, new_user=True):
                assert told.text.strip()
                assert told.verified
                assert verify(told.text, engine.world(told.evidence), lang).ok
    # What a batch tells without checking each text is as true.
    for evidences in (e for _, e in engine.batch(PEOPLE[:2], LIST)):
        for told in explainer.tell(evidences, check=False):
            assert verify(told.text, engine.world(told.evidence), lang).ok, told.text


def test_differences_add_up_to_the_gap_and_the_turn_is_one(engine: EvidenceEngine) -> None:
    for user in PEOPLE:
        first, *_, last = engine.explain(user, n=LIST, counterfactuals=False)
        found = engine.rather(user, first.item, last.item)
        assert found.gap == pytest.approx(first.score - last.score)
        total = sum(r.contribution for r in found.reasons) + found.baseline
        size = max(abs(first.score), abs(last.score))
        assert abs(total - found.gap) <= 2e-5 * max(size, 1e-9)
        assert (found.rank, found.other_rank) == (1, LIST)
        if found.turn is not None:
            one = slow_rank(engine, user, first.item, found.turn.items)
            two = slow_rank(engine, user, last.item, found.turn.items)
            assert (found.turn.rank, found.turn.other_rank) == (one, two)
            assert two < one


def test_why_not_tells_the_rank_the_gap_and_what_would_help(engine: EvidenceEngine) -> None:
    bundle = engine.bundle
    for user in PEOPLE:
        row = bundle.dataset.seen[bundle.user(user)].indices
        unseen = [i for i in range(ITEMS) if i not in row]
        evidences = engine.explain(user, n=ITEMS, counterfactuals=False)
        assert len(evidences) == len(unseen)
        shown, below = evidences[:LIST], evidences[LIST + 1]
        found = engine.not_shown(user, below.item)
        assert (found.status, found.rank, found.last) == ("below", LIST + 2, shown[-1].item)
        assert found.gap == pytest.approx(shown[-1].score - below.score)
        if found.without is not None:
            assert slow_rank(engine, user, below.item, found.without.items) == found.without.rank
            assert found.without.rank <= LIST
        if found.adding is not None:
            assert not set(found.adding.items) & {bundle.dataset.catalogue.ids[i] for i in row}
            assert below.item not in found.adding.items
            assert found.adding.rank <= LIST
        assert engine.not_shown(user, shown[0].item).status == "shown"
        if len(row):
            known = bundle.dataset.catalogue.ids[row[0]]
            assert engine.not_shown(user, known).status == "seen"


def test_groups_and_breakdowns_add_up_as_well(engine: EvidenceEngine) -> None:
    by = ("tag", "event", "time", "feature", "neighbour", "model")
    for user in PEOPLE[:4]:
        for e in engine.explain(user, n=3, counterfactuals=False, by=by):
            total = sum(r.contribution for r in e.reasons)
            assert [g.by for g in e.groups] == ["tag", "event", "time"]
            for split in (*e.groups, *e.breakdowns):
                parts = sum(p.contribution for p in split.parts)
                size = max([abs(e.score), *(abs(p.contribution) for p in split.parts)])
                assert abs(parts - total) <= 1e-5 * size, split.by
            if user == "u0":
                assert len(e.groups[2].parts) > 1
