"""Searched orders: what stands in for something else is found, and the best of several is kept."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest
from scipy import sparse
from tests.recommend.model_cases import interactions, small_ials

from whyrec.errors import ModelError
from whyrec.evaluate.faithful import asked_of, candidates, choose, measured
from whyrec.evaluate.fidelity import attribute, fidelity, random
from whyrec.evidence.attribution import occlusion
from whyrec.evidence.successive import (
    LEAD,
    PLACE,
    RANK,
    SCORE,
    Asked,
    enough,
    orders,
    place,
    successive,
)
from whyrec.recommend.base import Floats, History
from whyrec.recommend.ease import EASE
from whyrec.recommend.scoring import RowModel

METHODS = [successive, place, enough]


class Either(RowModel):
    """Item 4 scores 1 with event 0 or event 1, and 0.1 for event 2; item 5 always scores 0.5."""

    name, exact, linear, parallel = "either", False, False, False
    n_items = 6
    params = MappingProxyType({})

    def fit(self, interactions: sparse.csr_matrix) -> Either:
        return self

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        x = histories[start:end].toarray() > 0
        out[:] = 0
        out[:, 4] = (x[:, 0] | x[:, 1]) + 0.1 * x[:, 2]
        out[:, 5] = 0.5

    def contributions(self, history: History, items: np.ndarray) -> Floats:
        raise NotImplementedError

    def leave_one_out(self, history: History, items: np.ndarray) -> Floats:
        raise NotImplementedError

    def arrays(self) -> dict[str, np.ndarray]:
        return {}

    @classmethod
    def from_arrays(cls, params: object, arrays: object) -> Either:
        return cls()


def history(items: list[int]) -> History:
    return History(np.array(items, np.int32), np.ones(len(items), np.float32))


def test_an_answer_worked_by_hand() -> None:
    # Only event 2: item 4 scores 0.1, item 5 scores 0.5; nothing else stands outside the history.
    found = Asked(Either(), history([0, 1, 2, 3]), 4)(np.array([[False, False, True, False]]))[0]
    assert found[SCORE] == pytest.approx(0.1)
    assert found[RANK] == 2
    assert found[PLACE] == pytest.approx(1 / np.log2(3) - 0.0004)
    assert found[list(LEAD.values())] == pytest.approx(-0.4)


def test_nothing_is_asked_twice() -> None:
    asked = Asked(Either(), history([0, 1, 2, 3]), 4)
    one = np.eye(4, dtype=bool)
    first = asked(one)
    assert asked.calls == 4
    assert np.array_equal(asked(np.concatenate((one[::-1], ~one)))[:4], first[::-1])
    assert asked.calls == 8


def test_a_score_that_is_no_number_is_refused() -> None:
    model = Either()
    model.scores = lambda rows: np.full((rows.shape[0], 6), np.nan)  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="not a finite number"):
        Asked(model, history([0]), 4)(np.ones((1, 1), bool))


def test_events_that_stand_in_for_each_other_are_found() -> None:
    """Occlusion names event 2, whose going changes little; 0 and 1 together carry the place."""
    asked, item = history([0, 1, 2, 3]), np.array([4])
    assert occlusion(Either(), asked, item).parts[0].argmax() == 2
    # Without 2, 0 or 1 goes next, and then the other: the item falls below its rival.
    order = np.argsort(-successive(Either(), asked, item).parts[0]).tolist()
    assert order == [2, 0, 1, 3]
    # What is enough: one of the two first, then 2, which adds to it; the other adds nothing.
    order = np.argsort(-enough(Either(), asked, item).parts[0]).tolist()
    assert order == [0, 2, 1, 3]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("h", [0, 1, 2, 13])
def test_parts_are_the_places_of_an_order(method, h: int) -> None:
    model = small_ials().fit(interactions(0))
    found = method(model, history(list(range(h))), np.array([15, 18]))
    for parts in found.parts:
        assert sorted(parts) == pytest.approx([(k + 1) / max(h, 1) for k in range(h)])
    assert found.parts.shape == (2, h)


@pytest.mark.parametrize("method", METHODS)
def test_calls_are_counted(method) -> None:
    model = EASE(regularization=2.0).fit(interactions(0))
    seen = [0]
    real = model.scores

    def counted(rows: sparse.csr_matrix) -> Floats:
        seen[0] += rows.shape[0]
        return real(rows)

    model.scores = counted  # type: ignore[method-assign]
    assert method(model, history(list(range(15))), np.array([17])).calls == seen[0] > 30


def test_with_one_event_a_round_a_linear_model_gives_its_effects_in_order() -> None:
    X = interactions(5)
    model = EASE(regularization=2.0).fit(X)
    asked = History(X[3].indices, X[3].data)
    item = model.recommend(X[3], 1, exclude=X[3]).items[0]
    exact = model.contributions(asked, item)[0]
    found = successive(model, asked, item).parts[0]
    assert np.argsort(-found).tolist() == np.argsort(-exact, kind="stable").tolist()


def test_place_takes_down_what_score_alone_does_not() -> None:
    """Event 0 speaks for the item and its rival alike, event 1 for the item only, but less."""
    links = np.zeros((5, 5), np.float32)
    links[0, [2, 3]] = [3, 3]
    links[1, 3] = 1
    asked, item = history([0, 1]), np.array([3])
    model = EASE.from_arrays({}, {"links": links, "scale": np.ones(5)})
    assert successive(model, asked, item).parts[0].argmax() == 0
    assert place(model, asked, item).parts[0].argmax() == 1


def test_the_best_of_the_candidates_is_kept_for_each_pair() -> None:
    X = interactions(4, users=40, items=30)
    model = small_ials().fit(X)
    items = model.recommend(X, 1, exclude=X).items[:8, 0]
    asked = asked_of(model, X[:8], items)
    found = candidates(asked)
    searched = sum(a.calls for a in asked)
    looks = measured(model, X[:8], items, found, asked)
    assert sum(a.calls for a in asked) > searched
    assert looks[5].mean("del") == fidelity(model, X[:8], items, found[5]).mean("del")
    for measure, sign in (("cdcg", 1), ("del", 1), ("ins", -1), ("neg@1", -1)):
        chosen = choose(looks, measure)
        each = np.array([sign * look.each(measure) for look in looks])
        assert (each[chosen, np.arange(8)] == each.min(0)).all()
    guess, _ = attribute(random, model, X[:8], items, budget=1)
    best = np.mean([looks[c].each("del")[k] for k, c in enumerate(choose(looks, "del"))])
    assert best < fidelity(model, X[:8], items, guess).mean("del")


def test_a_small_budget_leaves_searches_out() -> None:
    model = EASE(regularization=2.0).fit(interactions(0))
    rich, poor = (Asked(model, history(list(range(15))), 17) for _ in range(2))
    many, few = orders(rich), orders(poor, budget=2 * 15)
    assert len(many) == len(few) == 13
    assert poor.calls < rich.calls
    assert all(len(order) == 15 for order in (*many, *few))
