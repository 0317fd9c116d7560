"""Fidelity of attributions: cases worked by hand, and what knows the model beats what does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from tests.recommend.model_cases import interactions, small_ials

from whyrec.errors import ConfigError, ModelError
from whyrec.evaluate.fidelity import (
    attribute,
    contributions,
    cosine,
    effects,
    fidelity,
    random,
)
from whyrec.evidence.attribution import METHODS
from whyrec.recommend.ease import EASE

LOG3 = float(np.log2(3))


def by_hand() -> EASE:
    """Items 0, 1, 2 speak for item 3 with 3, 2, 1, for item 4 with 0, 2.5, 2.5, for 5 not at all."""
    links = np.zeros((6, 6), np.float32)
    links[:3, 3] = [3, 2, 1]
    links[:3, 4] = [0, 2.5, 2.5]
    return linear(links)


def linear(links: np.ndarray) -> EASE:
    """EASE with these links, in both directions."""
    both = np.maximum(links, links.T)
    return EASE.from_arrays({}, {"links": both, "scale": np.ones(len(both))})


def history(*items: int, n_items: int = 6) -> sparse.csr_matrix:
    row = np.zeros((1, n_items), np.float32)
    row[0, list(items)] = 1
    return sparse.csr_matrix(row)


def test_every_measure_of_a_case_worked_by_hand() -> None:
    # Removed from the first: 6 against 5, 3 against 5, 1 against 2.5, 0 against 0 (lower index).
    found = fidelity(
        by_hand(), history(0, 1, 2), np.array([3]), [np.array([3.0, 2.0, 1.0])], steps=3, sizes=2
    )
    assert found.rank_less.tolist() == [[1, 2, 2, 1]]
    assert found.rank_spared.tolist() == [[1, 1, 1, 1]]
    assert found.mean("pos@1") == 0.5
    assert found.mean("pos@2") == 1.0
    assert found.mean("neg@1") == 1.0
    assert found.mean("cdcg") == pytest.approx((2 + 2 / LOG3) / 4)
    assert found.mean("del") == pytest.approx((6 + 3 + 1 + 0) / 6 / 4)
    assert found.mean("ins") == pytest.approx((0 + 3 + 5 + 6) / 6 / 4)
    assert found.mean("pos@1", removed=1) == 0.0
    assert found.mean("cdcg", removed=2) == pytest.approx(1 / LOG3)
    assert found.mean("del", removed=1) == pytest.approx(3 / 6)
    assert found.mean("ins", removed=2) == pytest.approx(5 / 6)


def test_the_wrong_order_measures_worse() -> None:
    # From the last: 6 to 5, 5 to 2.5, 3 to 0, 0 to 0: nothing passes until nothing is left.
    found = fidelity(
        by_hand(), history(0, 1, 2), np.array([3]), [np.array([1.0, 2.0, 3.0])], steps=3, sizes=2
    )
    assert found.mean("pos@1") == 1.0
    assert found.mean("neg@1") == 0.5
    assert found.mean("del") == pytest.approx((6 + 5 + 3 + 0) / 6 / 4)


def test_a_history_shorter_than_the_steps_is_removed_whole() -> None:
    found = fidelity(by_hand(), history(0, 1), np.array([3]), [np.array([1.0, 2.0])])
    assert found.rank_less.shape == (1, 11)
    assert found.score_less[0].tolist() == [5, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert found.score_first[0].tolist() == [3, 0, 0, 0, 0]


def test_removed_items_are_not_offered_again() -> None:
    links = np.zeros((4, 4), np.float32)
    links[0, 1:] = [9, 1, 0]  # without item 1, item 0 would recommend it before item 2
    model = linear(links)
    found = fidelity(
        model, history(0, 1, n_items=4), np.array([2]), [np.array([0.0, 1.0])], steps=2, sizes=1
    )
    assert found.rank_less[0].tolist() == [1, 1, 1]


def test_links_make_ratios_of_logarithms() -> None:
    parts = [np.array([3.0, 2.0, 1.0])]
    args = (by_hand(), history(0, 1, 2), np.array([3]), parts)
    probable = fidelity(*args, link="exp", sizes=2)
    assert probable.mean("del", removed=1) == pytest.approx(np.exp(3 - 6))
    logistic = fidelity(*args, link="sigmoid", sizes=2)
    assert logistic.mean("ins", removed=1) == pytest.approx(
        (1 / (1 + np.exp(-3))) / (1 / (1 + np.exp(-6)))
    )


def test_a_score_not_above_zero_has_no_ratio() -> None:
    found = fidelity(by_hand(), history(0), np.array([4]), [np.array([1.0])])
    assert np.isnan(found.each("del")).all()
    assert found.mean("pos@10") == 1.0


def test_what_knows_the_model_beats_chance_by_construction() -> None:
    """Of 40 events 4 carry the item; the rest carry nothing."""
    n, rng = 60, np.random.default_rng(0)
    links = np.zeros((n, n), np.float32)
    pairs, items, rows = 30, [], np.zeros((30, n), np.float32)
    for k in range(pairs):
        rows[k, :40] = 1
        items.append(40 + k % 19)
    for item in range(40, 59):
        links[rng.choice(40, 4, replace=False), item] = 1
    links[:40, 59] = 0.06  # a rival that everything speaks for a little: 2.4 in all
    model = linear(links)
    X, chosen = sparse.csr_matrix(rows), np.array(items)
    known, calls = attribute(contributions, model, X, chosen, budget=1)
    drawn, none = attribute(random, model, X, chosen, budget=1)
    oracle, chance = (fidelity(model, X, chosen, p) for p in (known, drawn))
    assert (calls, none) == (1, 0)
    for measure in ("pos@1", "del", "cdcg"):
        assert oracle.mean(measure) < chance.mean(measure), measure
    for measure in ("neg@1", "ins"):
        assert oracle.mean(measure) > chance.mean(measure), measure
    assert oracle.mean("del", removed=4) == 0
    assert oracle.mean("ins", removed=4) == pytest.approx(1)


@given(st.integers(0, 50), st.integers(1, 12))
@settings(max_examples=25)
def test_in_a_linear_model_true_parts_delete_fastest(seed: int, steps: int) -> None:
    X = interactions(seed)
    model = EASE(regularization=2.0).fit(X)
    items = model.recommend(X, 1, exclude=X).items[:, 0]
    rows = np.flatnonzero(items >= 0)[:5]
    best, _ = attribute(contributions, model, X[rows], items[rows], budget=1)
    other, _ = attribute(random, model, X[rows], items[rows], budget=1, seed=seed)
    one, two = (fidelity(model, X[rows], items[rows], p, steps=steps) for p in (best, other))
    assert (one.score_less <= two.score_less + 1e-9).all()
    assert (one.score_only >= two.score_only - 1e-9).all()


def test_effects_are_occlusion_and_cheaper() -> None:
    X = interactions(1)
    model = small_ials().fit(X)
    items = model.recommend(X, 1, exclude=X).items[:5, 0]
    own, calls = attribute(effects, model, X[:5], items, budget=1)
    asked, more = attribute(METHODS["occlusion"], model, X[:5], items, budget=1)
    for a, b in zip(own, asked, strict=True):
        assert np.allclose(a, b, atol=1e-6)
    assert calls == 1 < more


def test_cosine_against_a_case_worked_by_hand() -> None:
    X = sparse.csr_matrix(np.array([[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 1, 0]], np.float32))
    model = EASE(regularization=1.0).fit(X)
    row = sparse.csr_matrix(np.array([[1, 1, 0]], np.float32))
    parts, calls = attribute(cosine(X), model, row, np.array([2]), budget=1)
    assert parts[0].tolist() == pytest.approx([2 / 2, 1 / np.sqrt(3 * 2)])
    assert calls == 0


@pytest.mark.parametrize("measure", ["pos", "pos@", "pos@x", "cdcg@3", "ndcg@5", "del@5", ""])
def test_no_such_measure(measure: str) -> None:
    found = fidelity(by_hand(), history(0), np.array([3]), [np.array([1.0])])
    with pytest.raises(ConfigError, match="no such measure"):
        found.each(measure)


def test_what_cannot_be_measured_is_refused() -> None:
    model, X, item = by_hand(), history(0, 1), np.array([3])
    found = fidelity(model, X, item, [np.ones(2)])
    with pytest.raises(ConfigError, match="after 6 events; remove 1 to 5"):
        found.each("pos@1", removed=6)
    with pytest.raises(ConfigError, match="neg@1 after 1 events"):
        found.each("neg@1", removed=1)
    with pytest.raises(ConfigError, match="3 parts of 2 events"):
        fidelity(model, X, item, [np.ones(3)])
    with pytest.raises(ConfigError, match="2 items of 1 histories"):
        fidelity(model, X, np.array([3, 4]), [np.ones(2)])
    with pytest.raises(ConfigError, match="no such link: tanh; use identity, exp, sigmoid"):
        fidelity(model, X, item, [np.ones(2)], link="tanh")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="item 1 stands in its own history"):
        fidelity(model, X, np.array([1]), [np.ones(2)])
