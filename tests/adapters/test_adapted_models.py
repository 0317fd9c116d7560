"""The adapted models themselves, whatever library their arrays came from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.adapter_cases import check_saved, check_sums, listed, small

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.adapters import from_lists, lists
from whyrec.recommend.adapters.adapted import leave_one_out
from whyrec.recommend.adapters.factors import Factors
from whyrec.recommend.adapters.neighbours import ItemNeighbours
from whyrec.recommend.adapters.vocabulary import Alignment, align
from whyrec.recommend.base import History, Recommender

N, K = 12, 3
rules = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.just("implicit"),
            "gram": st.sampled_from([0.0, 1.0]),
            "offset": st.sampled_from([1.0, 5.0]),
            "scale": st.sampled_from([0.0, 3.0]),
            "per_event": st.booleans(),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("rated"),
            "gram": st.just(0.0),
            "bias": st.sampled_from(["none", "joint", "mean"]),
            "damping": st.sampled_from([0.5, 10.0]),
            "per_event": st.booleans(),
        }
    ),
)
pasts = st.dictionaries(st.integers(0, N - 1), st.integers(1, 5), min_size=1, max_size=N)


def history(past: dict[int, int]) -> History:
    items = np.array(sorted(past), np.int32)
    return History(items, np.array([past[i] for i in sorted(past)], np.float32))


def add_up(model: Recommender, past: History) -> None:
    items = np.arange(N)
    scores = model.scores(past.matrix(N))[0]
    parts, effects = model.explain(past, items)
    np.testing.assert_allclose(parts.sum(1) + model.baseline(items), scores, rtol=1e-7, atol=1e-7)
    again = leave_one_out(model, past, items)
    np.testing.assert_allclose(scores[:, None] - effects, again, rtol=1e-6, atol=1e-6)
    removal = model.removal(past)
    if removal is not None:
        gone = np.arange(0, len(past), 2)
        left = past.without(past.items[gone])
        expected = model.scores(left.matrix(N))[0]
        np.testing.assert_allclose(removal.scores(scores, gone), expected, rtol=1e-6, atol=1e-6)


@given(rules, pasts, st.integers(0, 3), st.booleans(), st.booleans())
def test_factors_add_up_under_every_rule(
    rule: dict, past: dict[int, int], seed: int, mapped: bool, unknown: bool
) -> None:
    rng = np.random.default_rng(seed)
    Y = rng.standard_normal((N, K))
    known = np.ones(N, bool)
    known[[2, 5]] = not unknown
    Y[~known] = 0
    model = Factors(regularization=0.7, **rule).take(
        Y,
        baseline=rng.standard_normal(N),
        out_factors=Y @ rng.standard_normal((K, K)) if mapped else None,
        implicit_factors=(rng.standard_normal((N, K)) * known[:, None])
        if rule["kind"] == "rated" and seed % 2
        else None,
        known=known,
    )
    add_up(model, history(past))
    back = Factors.from_arrays(model.params, model.arrays())
    X = history(past).matrix(N)
    np.testing.assert_array_equal(back.scores(X), model.scores(X))


@given(
    st.sampled_from([1, 3, 20]),
    st.integers(0, 3),
    st.sampled_from(["base", "below"]),
    st.booleans(),
    st.booleans(),
    pasts,
    st.integers(0, 3),
)
def test_item_neighbours_add_up_under_every_rule(
    k: int, min_k: int, otherwise: str, bias: bool, negative: bool, past: dict[int, int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    S = np.where(rng.random((N, N)) < 0.6, rng.standard_normal((N, N)), 0)
    model = ItemNeighbours(
        k=k, min_k=min_k, bias=bias, damping=2.0, negative=negative, otherwise=otherwise
    )
    model.take(S, base=rng.standard_normal(N), spread=rng.random(N) + 0.5)
    add_up(model, history(past))


def test_ridge_of_ratings_by_hand() -> None:
    """One factor, one rating: x = y e / (y² + λ), the score of the other item is b + z x."""
    model = Factors(kind="rated", gram=0.0, regularization=1.0)
    model.take(np.array([[2.0], [3.0]]), baseline=np.array([3.0, 2.0]))
    past = History(np.array([0], np.int32), np.array([5], np.float32))
    assert model.scores(past.matrix(2))[0, 1] == pytest.approx(2 + 3 * (2 * 2) / (4 + 1))


def test_a_singular_system_is_told() -> None:
    model = Factors(gram=0.0, offset=1.0, regularization=0.0).take(np.ones((3, 2)))
    past = History(np.array([0], np.int32), np.ones(1, np.float32))
    with pytest.raises(ModelError, match="use a regularization above 0"):
        model.scores(past.matrix(3))


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ModelError, match="do not fit together"):
        Factors().take(np.ones((3, 2)), baseline=np.ones(2))
    with pytest.raises(ModelError, match="not finite"):
        Factors().take(np.full((3, 2), np.nan))
    with pytest.raises(ConfigError, match="no such kind"):
        Factors(kind="guess")


@given(st.permutations(range(6)), st.integers(0, 5))
def test_alignment_finds_every_row_again(order: list[int], lost: int) -> None:
    ours = [str(i) for i in range(6)]
    theirs = [str(i) for i in order if i != lost]
    rows = align(theirs, len(theirs), ours, what="item", where="test")
    values = np.array([float(i) for i in theirs])
    found = rows.rows(values, fill=-1)
    assert found.tolist() == [float(i) if i != lost else -1 for i in range(6)]
    square = rows.square(np.outer(values, values))
    expected = np.outer(np.maximum(found, 0), np.maximum(found, 0))
    np.testing.assert_array_equal(square, expected)


def test_histories_go_out_in_their_columns_and_in_order() -> None:
    rows = Alignment(np.array([2, -1, 0], np.int32), 3)
    past = History(np.array([2, 1, 0], np.int32), np.array([5, 4, 3], np.float32)).matrix(3)
    out = rows.outward(past)
    assert out.indices.tolist() == [0, 2]
    assert out.data.tolist() == [5, 3]
    assert out.shape == (1, 3)


def test_a_stand_in_for_many_items_is_sparse(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(lists, "DENSE", 10)
    bundle = from_lists(listed(), small())
    assert "data" in bundle.recommender.arrays()
    check_saved(bundle, tmp_path)  # type: ignore[arg-type]
    assert bundle.notes["fidelity"]["stand_in_top10_kept"] > 0


def test_exact_adapters_are_exact_after_a_correction() -> None:
    """Users are histories: with an event less, everything follows without any refit."""
    import polars as pl

    from whyrec.recommend.adapters import from_factors

    data = small()
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"id": data.catalogue.ids, "features": rng.random((40, 4)).tolist()})
    bundle = from_factors(table, data, regularization=0.5)
    check_sums(bundle)
    past = bundle.history(1)
    shorter = past.without(past.items[:2])
    parts = bundle.recommender.contributions(shorter, np.arange(40))
    scores = bundle.recommender.scores(shorter.matrix(40))[0]
    np.testing.assert_allclose(parts.sum(1) + bundle.recommender.baseline(np.arange(40)), scores)
