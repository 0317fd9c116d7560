"""Plans are true, say something new in every text of a list, and stay within the known shapes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.language.conftest import FILMS, evidence

from whyrec.evidence.types import Evidence, Fact
from whyrec.language.claims import holds
from whyrec.language.plan import Planner, claim_key, reachable_shapes
from whyrec.language.shape import FIELDS, Shape
from whyrec.language.types import Plan

EVENTS = ("purchase", "like", "rating", "cart", "interaction", "view", "click")
FACTS = st.lists(
    st.one_of(
        st.builds(
            lambda i, n, lift: Fact("people", (i,), event="rating", count=n, lift=lift),
            st.sampled_from(sorted(FILMS)),
            st.integers(0, 30),
            st.floats(0.5, 4),
        ),
        st.builds(lambda n: Fact("popular", event="rating", count=n), st.integers(0, 30)),
        st.builds(
            lambda m, n: Fact("rating", mean=m, count=n, best=5.0),
            st.floats(1, 5),
            st.integers(0, 30),
        ),
    ),
    max_size=4,
).map(tuple)


@st.composite
def lists(draw: st.DrawFn) -> list[Evidence]:
    """A list of one person: the same history for every item."""
    history = draw(st.lists(st.sampled_from(sorted(FILMS)), unique=True, max_size=6))
    event = draw(st.sampled_from(EVENTS))
    items = draw(
        st.lists(
            st.sampled_from(sorted(set(FILMS) - set(history))), min_size=1, max_size=10, unique=True
        )
    )
    out = []
    for rank, item in enumerate(items, 1):
        worth = draw(st.lists(st.floats(-1, 1), min_size=len(history), max_size=len(history)))
        gone = draw(st.lists(st.sampled_from(history), unique=True, max_size=3)) if history else []
        out.append(
            evidence(
                item,
                list(zip(history, worth, strict=True)),
                event=event,
                facts=draw(FACTS),
                gone=tuple(gone),
                rank=rank,
            )
        )
    return out


@given(lists())
def test_no_two_texts_of_a_list_say_the_same(planner: Planner, evidences: list[Evidence]) -> None:
    plans = planner.plan_list(evidences, "en")
    assert [p.item for p in plans] == [e.item for e in evidences]
    keys = [claim_key(c) for p in plans for c in p.claims]
    assert len(keys) == len(set(keys))
    for plan in plans:
        assert 1 <= len(plan.claims) <= 3
        assert len(plan.claims) == len(plan.shape.claims)


@given(lists())
def test_nothing_negative_is_told_as_a_liking(planner: Planner, evidences: list[Evidence]) -> None:
    for e, plan in zip(evidences, planner.plan_list(evidences, "zh"), strict=True):
        worth = {r.item: r.contribution for r in e.reasons}
        for c in plan.claims:
            if c.kind in ("history", "feature"):
                assert all(worth[i] > 0 for i in c.items)


@given(lists())
def test_every_shape_is_a_reachable_one(planner: Planner, evidences: list[Evidence]) -> None:
    known = {s.key for s in reachable_shapes("en", "film", EVENTS, FIELDS, crowd=["rating"])}
    for plan in planner.plan_list(evidences, "en"):
        assert plan.shape.key in known
        assert Shape.parse(plan.shape.key) == plan.shape


def test_few_people_are_never_told(planner: Planner) -> None:
    facts = (
        Fact("people", ("alien",), event="rating", count=9, lift=5.0),
        Fact("popular", event="rating", count=9),
        Fact("rating", mean=5.0, count=9, best=5.0),
    )
    plans = planner.plan_list([evidence("ran", [("alien", 1.0)], facts=facts)], "en")
    assert not [c for c in plans[0].claims if c.kind in ("people", "popular", "rating")]


def test_one_purchase_can_carry_a_whole_list(planner: Planner) -> None:
    """Ten items because of one thing: said once, then what else is true, never an empty text."""
    evidences = [
        evidence(
            item,
            [("alien", 1.0)],
            event="purchase",
            rank=k,
            facts=(Fact("popular", event="purchase", count=20 + k % 3),),
        )
        for k, item in enumerate((i for i in FILMS if i != "alien"), 1)
    ]
    plans = planner.plan_list(evidences, "en")
    kinds = [tuple(c.kind for c in p.claims) for p in plans]
    assert kinds[0][0] == "history"
    assert sum(k[0] == "history" for k in kinds) == 1
    assert ("rank",) in kinds


def test_many_small_reasons_are_told_as_a_group(planner: Planner, films) -> None:
    """No single event carries the score: the group that does is named with its size."""
    import polars as pl

    from whyrec.data.catalogue import Catalogue
    from whyrec.features.facets import Facets

    rows = [{"id": f"s{k}", "title": f"Space {k}", "tags": ["Sci-Fi"]} for k in range(40)]
    rows += [{"id": f"d{k}", "title": f"Drama {k}", "tags": ["Drama"]} for k in range(40)]
    catalogue = Catalogue(pl.DataFrame(rows))
    many = Planner(catalogue, Facets.build(catalogue), "film")
    reasons = [(f"s{k}", 0.02 + k * 1e-5) for k in range(1, 36)] + [
        (f"d{k}", 0.01) for k in range(30)
    ]
    plan = many.plan_list([evidence("s0", reasons)], "en")[0]
    group = plan.claims[0]
    assert (plan.shape.claims[0].link, group.value, group.count) == ("group", "Sci-Fi", 35)
    assert group.share == pytest.approx(0.7, abs=0.03)


def test_things_with_the_same_name_are_not_named(films) -> None:
    import polars as pl

    from whyrec.data.catalogue import Catalogue
    from whyrec.features.facets import Facets

    catalogue = Catalogue(
        pl.DataFrame({"id": ["a", "b", "c", "d"], "title": ["Twin", "twin", "Other", "New"]})
    )
    twins = Planner(catalogue, Facets.build(catalogue), "shop")
    plan = twins.plan_list(
        [evidence("d", [("a", 0.9), ("b", 0.8), ("c", 0.5)], event="view")], "en"
    )[0]
    assert {i for c in plan.claims for i in c.items} == {"c"}


def check_on(path: Path, model: str, every: int) -> int:
    """Plan lists of real people the fast way; every claim must hold in the pair's world."""
    from whyrec.data.readers import read
    from whyrec.evidence.engine import EvidenceEngine
    from whyrec.recommend.bundle import Bundle

    dataset = read(path)
    bundle = Bundle.fit(dataset, model)
    engine = EvidenceEngine(bundle)
    planner = Planner(dataset.catalogue, engine.facets, dataset.domain)
    fields = {f.field for f in engine.facets.facets}
    known = {
        s.key
        for s in reachable_shapes(
            "en", dataset.domain, EVENTS, sorted(fields), crowd=[bundle.main_event]
        )
    }
    checked = 0
    for _, evidences in engine.batch(dataset.users[::every]):
        plans: list[Plan] = planner.plan_list(evidences, "en")
        keys = [claim_key(c) for p in plans for c in p.claims]
        assert len(keys) == len(set(keys))
        for e, plan in zip(evidences, plans, strict=True):
            world = engine.world(e)
            assert plan.shape.key in known
            for claim in plan.claims:
                assert holds(claim, world), claim
                checked += 1
        assert planner.plan_list(evidences, "en", world=engine.world) == plans
    return checked


@pytest.mark.data
@pytest.mark.parametrize("model", ["ease", "ials"])
def test_what_is_planned_from_evidence_holds_in_the_world_of_films(
    data_dir: Path, model: str
) -> None:
    assert check_on(data_dir / "movielens-100k", model, 60) > 300


@pytest.mark.parametrize("model", ["ease", "ials"])
def test_what_is_planned_from_evidence_holds_in_the_world_of_a_shop(
    tmp_path: Path, model: str
) -> None:
    from whyrec.data.shop import generate

    generate(tmp_path / "shop", seed=3, users=250, items=120)
    assert check_on(tmp_path / "shop", model, 10) > 300
