"""What must not be told: low ratings, and contributions that may be no more than sampling noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.evidence.evidence_cases import small_engine

from whyrec.batch.job import short
from whyrec.evidence.engine import EvidenceEngine
from whyrec.evidence.reasons import Past, Reasons
from whyrec.evidence.types import Entry, Evidence, Reason
from whyrec.language.claims import Claim, holds
from whyrec.language.past import read
from whyrec.recommend.base import History


def reasons(
    contributions: list[float],
    *,
    errors: list[float] | None = None,
    effects: list[float] | None = None,
    negative: list[bool] | None = None,
) -> Reasons:
    n = len(contributions)
    past = Past(
        History(np.arange(n, dtype=np.int32), np.ones(n, np.float32)),
        np.full(n, 2, np.uint8),  # ratings
        np.full(n, 4.0),
        [f"i{k}" for k in range(n)],
        [f"Film {k}" for k in range(n)],
        None if negative is None else np.array(negative),
    )
    worth = np.array(contributions)
    return Reasons(
        past,
        np.argsort(-worth, kind="stable"),
        worth,
        worth if effects is None else np.array(effects),
        None if errors is None else np.array(errors),
    )


def evidence(of: Any, **fields: Any) -> Evidence:
    return Evidence("u", "x", 1.0, 1, 0.0, False, 0.0, of, **fields)


def named(of: Any) -> list[str]:
    return [p.item for p in read(evidence(of)).top]


def test_a_low_rating_is_a_reason_and_never_told() -> None:
    own = reasons([0.2, 0.9, 0.5], negative=[False, True, False])
    assert own[0].item == "i1"
    assert own[0].negative
    assert own[0].to_json()["negative"] is True
    assert named(own) == ["i2", "i0"]
    assert named(tuple(own)) == ["i2", "i0"]
    assert read(evidence(own)).low == read(evidence(tuple(own))).low == {"i1"}


def test_a_contribution_within_its_error_of_zero_is_not_told() -> None:
    own = reasons([0.2, 0.9, 0.5], errors=[0.05, 0.5, 0.1])
    assert named(own) == ["i2", "i0"]
    assert named(tuple(own)) == ["i2", "i0"]
    assert own[0].error == 0.5


def test_what_leaving_out_does_not_lower_is_not_told() -> None:
    assert named(reasons([0.2, 0.9], effects=[0.1, -0.1])) == ["i0"]


def test_groups_count_no_low_rating_and_no_noise() -> None:
    facets = {f"i{k}": [0] for k in range(4)}
    low = read(evidence(reasons([1.0, 1.0, 1.0, 1.0], negative=[False, True, False, False])))
    assert low.by_facet(lambda i: facets[i])[0]["rating"].tolist() == [0, 2, 3]
    noisy = read(evidence(reasons([1.0, 1.0, 1.0, 1.0], errors=[2.0, 2.0, 0.1, 0.1])))
    assert noisy.part(np.array([0, 1])) == 0
    assert noisy.part(np.array([2, 3])) == 0.5
    rest = reasons([1.0, 1.0])
    parts = replace(rest.past, whole=False)
    hidden = Reasons(parts, rest.order, rest.contributions, rest.effects)
    assert read(evidence(hidden)).by_facet(lambda i: facets[i]) == {}


class World:
    """Answers for three films; only what `claims` asks."""

    item = "x"
    list_size, rank = 10, 1

    def __init__(self, **entry: Any) -> None:
        plain = {"contribution": 1.0, "effect": 1.0}
        self.known = Entry("a", "rating", frozenset({"rating"}), 4.0, 1, **{**plain, **entry})

    def entry(self, item: str) -> Entry | None:
        return self.known if item == "a" else None

    def history(self) -> tuple[str, ...]:
        return ("a",)

    def total(self) -> float:
        return 1.0

    def has_facet(self, item: str, field: str, value: str) -> bool:
        return True

    def drops_without(self, items: Any) -> bool:
        return True


@pytest.mark.parametrize(
    ("entry", "history", "without"),
    [
        ({}, True, True),
        ({"error": 0.4}, True, True),
        ({"error": 0.6}, False, True),
        ({"effect": -0.1}, False, True),
        ({"contribution": -1.0}, False, True),
        ({"negative": True}, False, False),
    ],
)
def test_claims_hold_only_beyond_the_error(
    entry: dict[str, Any], history: bool, without: bool
) -> None:
    world: Any = World(**entry)
    assert holds(Claim("history", ("a",), "rating", share=0.5), world) is history
    assert holds(Claim("without", ("a",)), world) is without
    if history:
        assert holds(Claim("feature", ("a",), None, "tag", "Drama"), world)
    elif "effect" not in entry:
        assert not holds(Claim("feature", ("a",), None, "tag", "Drama"), world)


def test_facts_rest_on_what_may_be_told() -> None:
    """Sampled with so few calls that errors are large: facts name only events beyond their error."""
    engine = small_engine(4, "ials")
    engine.bundle.recommender.exact = False
    sampled = EvidenceEngine(engine.bundle, list_size=3, k_anon=2, budget=2, seed=1)
    seen = 0
    for _, evidences in sampled.batch(engine.bundle.dataset.users, 6, counterfactuals=False):
        for e in evidences:
            sure = {r.item for r in e.reasons if r.contribution > 2 * (r.error or 0.0)}
            for f in e.facts:
                if f.kind in ("feature", "people"):
                    assert set(f.items) <= sure
                    seen += 1
    assert seen > 20


def test_a_shortened_evidence_keeps_rules_and_sums() -> None:
    plain = reasons([0.4, 0.3, 0.2, 0.1, -0.1])
    rule = Reason("rule", 0.25, title="push")
    own = Reasons(plain.past, plain.order, plain.contributions, plain.effects, None, (rule,))
    assert [r.kind for r in own] == ["history", "history", "rule", "history", "history", "history"]
    cut = short(evidence(own), 3)
    assert [r.kind for r in cut.reasons] == ["history", "history", "rule", "rest"]
    assert sum(r.contribution for r in cut.reasons) == pytest.approx(
        sum(r.contribution for r in own)
    )
    assert named(own) == ["i0", "i1", "i2", "i3"]
