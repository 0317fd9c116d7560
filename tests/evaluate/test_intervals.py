"""Intervals hold what they say, and the tests between models are scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from whyrec.evaluate.intervals import PerPerson, bootstrap, holm, sign_flips


def test_a_root_mean_square_over_ratings_and_not_over_people() -> None:
    # Errors 1, 1, 1 of one person and 3 of another: √(12 / 4), not the mean of 1 and 3.
    found = PerPerson(np.array([3.0, 9.0]), np.array([3.0, 1.0]), root=True)
    assert found.value == pytest.approx(np.sqrt(3))
    assert found.each.tolist() == [1.0, 3.0]


def test_folds_add_up_person_by_person() -> None:
    one, other = PerPerson.of(np.array([1.0, np.nan])), PerPerson.of(np.array([0.0, 0.5]))
    assert (one + other).each.tolist() == [0.5, 0.5]
    assert (one + other).value == pytest.approx(0.5)


def test_the_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(3).exponential(size=200)
    low, high = bootstrap([PerPerson.of(values)], resamples=4000, seed=1)[0]
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert low == pytest.approx(theirs.low, abs=0.02)
    assert high == pytest.approx(theirs.high, abs=0.02)


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for k in range(200):
        low, high = bootstrap([PerPerson.of(rng.normal(size=80))], resamples=300, seed=k)[0]
        held += low <= 0 <= high
    assert 178 <= held <= 199


def test_people_without_a_value_do_not_widen_the_interval() -> None:
    values = np.arange(50.0)
    padded = np.concatenate([values, np.full(500, np.nan)])
    assert bootstrap([PerPerson.of(padded)]) == bootstrap([PerPerson.of(values)])
    low, high = bootstrap([PerPerson.of(np.full(3, np.nan))])[0]
    assert np.isnan([low, high]).all()
    assert bootstrap([]) == []


def test_the_same_seed_gives_the_same_interval() -> None:
    measure = PerPerson.of(np.random.default_rng(0).random(40))
    assert bootstrap([measure], seed=5) == bootstrap([measure], seed=5)
    assert bootstrap([measure], seed=5) != bootstrap([measure], seed=6)


@pytest.mark.parametrize("shift", [0.0, 0.15, 0.6])
def test_the_permutation_test_is_that_of_scipy(shift: float) -> None:
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=60), rng.normal(size=60) + shift
    ours = sign_flips((a - b)[:, None], seed=0)[0]
    theirs = stats.permutation_test(
        (a, b), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples",
        vectorized=True, n_resamples=9999, rng=np.random.default_rng(1),
    )  # fmt: skip
    assert ours == pytest.approx(theirs.pvalue, abs=0.02)


def test_models_that_do_not_differ_are_never_told_apart() -> None:
    assert sign_flips(np.zeros((30, 2))).tolist() == [1.0, 1.0]


def test_false_alarms_are_as_rare_as_stated() -> None:
    rng = np.random.default_rng(2)
    p = sign_flips(rng.normal(size=(100, 400)), flips=999)
    assert 0.02 < (p < 0.05).mean() < 0.09


def test_holm_by_hand() -> None:
    # Three of 0.01, 0.02 and 0.03: 3 · 0.01, 2 · 0.02, and 0.03 that may not be below the one before.
    assert holm([0.02, 0.01, 0.03]).tolist() == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_no_correction_and_bonferroni(p: list[float]) -> None:
    found = holm(p)
    assert (found >= np.array(p) - 1e-12).all()
    assert (found <= np.minimum(np.array(p) * len(p), 1) + 1e-12).all()
