"""A bag is the mean of several fits, and its reasons the mean of theirs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from tests.recommend.model_cases import histories, interactions, score
from tests.recommend.test_stacking import rated

from whyrec.errors import ConfigError
from whyrec.recommend.bagging import Bagging
from whyrec.recommend.base import History
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.ease import EASE
from whyrec.recommend.ials import IALS

ITEMS = np.arange(20)
SMALL = {"model": "ials", "params": {"factors": 4, "iterations": 3, "regularization": 0.5}}


@cache
def bag(of: str = "ials", sample: str = "people") -> Bagging:
    model = SMALL if of == "ials" else "ease(regularization=2)"
    return Bagging(of=model, n=3, sample=sample, seed=4).fit(interactions(2))


@pytest.mark.parametrize("of", ["ials", "ease"])
@given(history=histories())
def test_contributions_sum_to_the_mean_of_the_scores(of: str, history: History) -> None:
    model = bag(of)
    mean = np.mean([score(p, history) for p in model.parts_], axis=0)
    np.testing.assert_allclose(score(model, history), mean, atol=1e-12)
    np.testing.assert_allclose(model.contributions(history, ITEMS).sum(1), mean, atol=1e-9)


def test_each_learns_from_people_drawn_with_replacement() -> None:
    X = interactions(2)
    rng = np.random.default_rng(4)
    people = X.shape[0]
    for part in bag("ease").parts_:
        rows = np.sort(rng.integers(0, people, people))
        alone = EASE(regularization=2).fit(X[rows])
        np.testing.assert_allclose(part.scores(X), alone.scores(X), rtol=1e-6, atol=1e-9)


def test_a_data_set_is_drawn_as_its_matrix_is() -> None:
    data = rated()
    of_data = Bagging(of="ease(regularization=2)", n=2).fit_dataset(data)
    of_matrix = Bagging(of="ease(regularization=2)", n=2).fit(data.histories("liked"))
    X = data.histories("liked")
    np.testing.assert_allclose(of_data.scores(X), of_matrix.scores(X), rtol=1e-6, atol=1e-9)


def test_seeds_follow_each_other() -> None:
    X = interactions(2)
    model = bag("ials", "seeds")
    for k, part in enumerate(model.parts_):
        alone = IALS(**{**SMALL["params"], "seed": k}).fit(X)  # type: ignore[dict-item]
        assert (part.scores(X) == alone.scores(X)).all()


def test_a_bag_of_linear_models_is_linear() -> None:
    assert bag("ease").linear
    assert not bag("ials").linear
    history = History(np.array([1, 4], np.int32), np.ones(2, np.float32))
    removal = bag("ease").removal(history)
    assert removal is not None
    left = removal.scores(score(bag("ease"), history), np.array([0]))
    expected = score(bag("ease"), history.without(np.array([1])))
    np.testing.assert_allclose(left, expected, atol=1e-12)


def test_it_comes_back_from_disk(tmp_path: Path) -> None:
    bundle = Bundle.fit(rated(), "bagging", of=SMALL, n=2)
    bundle.save(tmp_path / "model")
    again = Bundle.load(tmp_path / "model")
    assert (again.scores(again.histories) == bundle.scores(bundle.histories)).all()
    assert again.recommender.params == bundle.recommender.params


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"of": "ease,ials"}, "2 models given; give one, and use hybrid to sum several"),
        ({"of": "ease", "sample": "seeds"}, "ease has no seed; use people"),
        ({"of": "none"}, "no such model: none"),
        ({"sample": "items"}, "no such sample: items; use people or seeds"),
        ({"n": 0}, "bagging, n: 0 is not allowed"),
    ],
)
def test_bad_parameters_are_refused(params: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Bagging(**params)  # type: ignore[arg-type]
    assert says in str(caught.value)
