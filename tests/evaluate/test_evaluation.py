"""A model on splits: measures, folds, what is missing, comparisons and spaces of every model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.evaluate.split_cases import clustered, dataset

from whyrec.data.catalogue import Catalogue
from whyrec.errors import ConfigError, DataError, ModelError
from whyrec.evaluate.comparison import Recipe, compare
from whyrec.evaluate.evaluation import evaluate
from whyrec.evaluate.measures import MEASURES, parse
from whyrec.evaluate.ranking import Hits
from whyrec.evaluate.spaces import SPACES, Choice, Real, Whole, space
from whyrec.evaluate.splits import split
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.checks import make_params
from whyrec.recommend.registry import MODELS
from whyrec.recommend.registry import model as model_class


@pytest.fixture(scope="module")
def data():
    return clustered()


def test_every_measure_is_told_or_missing_with_a_reason(data) -> None:
    found = evaluate(split(data), "mf", {"factors": 4}, ks=(3, 5))
    told = {n.partition("@")[0] for n in (*found.names, *found.missing)}
    assert told == set(MEASURES)
    assert not found.missing
    assert 0 < found.value("ndcg@3") < 1
    assert 0 < found.value("mae") <= found.value("rmse") < 4
    for name, (low, high) in found.intervals.items():
        assert low <= found.value(name) <= high


def test_the_ndcg_is_that_of_the_lists_made_by_hand(data) -> None:
    part = split(data, seed=2)[0]
    bundle = Bundle.fit(part.train, "ease")
    lists = bundle.rank(part.given.interactions, 5, exclude=part.given.seen)
    expected = Hits.of(lists.items, part.liked)
    found = evaluate(part, "ease", ks=(5,))
    assert found.value("ndcg@5") == pytest.approx(expected.ndcg(5))
    assert found.value("coverage@5") == pytest.approx(
        len(np.unique(lists.items[np.diff(part.liked.indptr) > 0])) / data.n_items
    )


def test_lists_hold_nothing_that_is_known_and_auc_ranks_none_of_it(data) -> None:
    # A model that ranks known items first would get hits only if they were not left out.
    found = evaluate(split(data, "leave-last"), "ease", ks=(5,))
    assert found.pairs == found.people
    assert found.value("precision@5") == pytest.approx(found.value("recall@5") / 5)


def test_folds_are_the_mean_over_people_and_folds(data) -> None:
    parts = split(data, "per-user", folds=3)
    whole = evaluate(parts, "itemknn")
    each = [evaluate(p, "itemknn") for p in parts]
    assert whole.value("recall@10") == pytest.approx(
        np.average([e.value("recall@10") for e in each], weights=[e.people for e in each])
    )
    assert whole.value("coverage@10") == pytest.approx(
        np.mean([e.value("coverage@10") for e in each])
    )
    assert whole.pairs == sum(e.pairs for e in each)
    assert whole.folds == 3


def test_rmse_over_folds_is_over_all_ratings(data) -> None:
    parts = split(data, "random", folds=2)
    asked = [parse("rmse")]
    squares = [evaluate(p, "mf", {"factors": 2}, asked=asked).each["rmse"] for p in parts]
    total = sum(s.total.sum() for s in squares) / sum(s.count.sum() for s in squares)
    whole = evaluate(parts, "mf", {"factors": 2}, asked=asked)
    assert whole.value("rmse") == pytest.approx(np.sqrt(total))
    assert whole.pairs == data.pairs.height


def test_predictions_are_kept_on_the_scale() -> None:
    rows = [(u, i, "rating", 1.0 if i % 2 else 5.0, 0) for u in range(8) for i in range(6)]
    found = evaluate(split(dataset(rows, 8, 6)), "mf", {"factors": 2}, asked=[parse("mae")])
    assert found.value("mae") < 1


def test_empty_lists_are_misses_and_no_numbers_that_are_none() -> None:
    # Everybody knows every item but the one held out of theirs, and rules could leave nothing.
    from whyrec.recommend.rules import Rules

    rows = [(u, i, "purchase", None, 0) for u in range(6) for i in range(6)]
    nothing = Rules.parse([{"name": "none", "item": "genres in (g0, g1, g2)", "filter": "exclude"}])
    found = evaluate(split(dataset(rows, 6, 6)), "ease", ks=(2,), rules=nothing)
    assert found.value("recall@2") == 0
    assert found.value("coverage@2") == 0
    assert "empty" in found.missing["gini@2"]
    assert "novelty@2" in found.missing
    json.dumps(found.to_json(), allow_nan=False)


def test_a_half_life_stays_with_the_training_part(data) -> None:
    part = split(data.with_half_life(10), "time")[0]
    assert part.train.half_life == 10
    assert 0 < part.train.interactions.data.min() < 1


def test_people_can_be_sampled(data) -> None:
    few = evaluate(split(data), "ease", people=7)
    assert few.people == 7
    again = evaluate(split(data), "ease", people=7)
    assert few.value("ndcg@10") == again.value("ndcg@10")


def test_held_out_people_are_asked_with_what_is_given(data) -> None:
    found = evaluate(split(data, "user", share=0.3), "ease")
    assert found.people <= 18
    assert found.value("auc") > 0.6


def test_a_catalogue_without_features_says_so(data) -> None:
    bare = replace(data, catalogue=Catalogue(data.catalogue.table.select("id", "title")))
    found = evaluate(split(bare), "ease")
    assert "categories" in found.missing["calibration@10"]
    with pytest.raises(ConfigError, match="no categories"):
        found.value("calibration@10")
    with pytest.raises(ConfigError, match="not measured"):
        found.value("ndcg@7")


def test_bad_requests_are_refused(data) -> None:
    with pytest.raises(ConfigError, match=r"lists of 31 from a catalogue of 30.*use 30 or less"):
        evaluate(split(data), "ease", ks=(31,))
    with pytest.raises(ConfigError, match="ease ranks and predicts no ratings"):
        evaluate(split(data), "ease", asked=[parse("rmse")])
    with pytest.raises(ConfigError, match="no such model"):
        evaluate(split(data), "oracle")
    plain = dataset([(u, i, "purchase", None, 0) for u in range(5) for i in range(5)], 5, 5)
    with pytest.raises((DataError, ModelError)):
        evaluate(split(plain), "mf", ks=(3,))


def test_the_better_model_is_told_apart_and_the_same_one_is_not(data) -> None:
    recipes = [
        Recipe("popularity", "popularity", {}),
        Recipe("ease", "ease", {"regularization": 20.0}),
        Recipe("twin", "ease", {"regularization": 20.0}),
    ]
    found = compare(split(data), recipes, metric=parse("auc"))
    assert list(found.found) == ["ease", "twin", "popularity"]
    assert found.beaten("ease") == ("popularity",)
    assert found.beaten("popularity") == ()
    same = next(d for d in found.differences if {d.better, d.worse} == {"ease", "twin"})
    assert (same.gain, same.p) == (0, 1)
    assert not found.failed


def test_the_same_comparison_is_the_same_picture(data, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    from whyrec.evaluate.pictures import draw

    recipes = [Recipe("popularity", "popularity", {}), Recipe("ease", "ease", {})]
    found = compare(split(data), recipes, metric=parse("coverage@5"), ks=(5,))
    for k in (1, 2):
        draw(found, [tmp_path / f"{k}.svg", tmp_path / f"{k}.png"], title="a & b < c")
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()


def test_ratings_are_tested_on_their_own(data) -> None:
    recipes = [Recipe("mf", "mf", {"factors": 2}), Recipe("ease", "ease", {})]
    found = compare(split(data), recipes, metric=parse("ndcg@10"))
    assert {d.metric for d in found.differences} == {"ndcg@10"}
    by_rmse = compare(split(data), recipes, metric=parse("rmse"))
    assert list(by_rmse.found) == ["mf", "ease"]


def test_a_model_that_fails_is_told_and_the_others_go_on() -> None:
    plain = dataset(
        [(u, i, "purchase", None, 0) for u in range(6) for i in range(6) if i != u], 6, 6
    )
    found = compare(
        split(plain), [Recipe("mf", "mf", {}), Recipe("popularity", "popularity", {})],
        metric=parse("ndcg@2"), ks=(2,),
    )  # fmt: skip
    assert list(found.found) == ["popularity"]
    assert "rating" in found.failed["mf"]
    with pytest.raises(ModelError, match="no model could be measured"):
        compare(split(plain), [Recipe("mf", "mf", {})], metric=parse("ndcg@2"), ks=(2,))
    with pytest.raises(ConfigError, match="named twice"):
        compare(split(plain), [Recipe("a", "ease", {})] * 2, metric=parse("ndcg"))
    with pytest.raises(ConfigError, match="neither more nor less"):
        compare(split(plain), [Recipe("a", "ease", {})], metric=parse("gini"))


def test_every_registered_model_has_a_space() -> None:
    missing = sorted(set(MODELS) - set(SPACES))
    assert not missing, f"say in evaluate/spaces.py where to search {', '.join(missing)}"
    assert not set(SPACES) - set(MODELS)


@pytest.mark.parametrize("name", sorted(SPACES))
def test_whatever_a_space_draws_the_model_takes(name: str) -> None:
    if name in ("multvae", "sasrec"):
        pytest.importorskip("torch")
    where = space(name)
    kind = model_class(name)
    start = where.beginning(name)
    assert set(start) == set(where.dimensions)
    for n, dimension in where.dimensions.items():
        if isinstance(dimension, Choice):
            assert start[n] in dimension.values
        else:
            assert dimension.low <= start[n] <= dimension.high

    class Corner:
        """A trial that draws the ends, or the middle."""

        def __init__(self, at: float) -> None:
            self.at = at

        def suggest_float(self, name, low, high, *, log):
            return low + self.at * (high - low)

        def suggest_int(self, name, low, high, *, log):
            return low + int(self.at * (high - low))

        def suggest_categorical(self, name, values):
            return values[int(self.at * (len(values) - 1))]

    for at in (0.0, 0.5, 1.0):
        made = kind(**make_params(kind, where.suggest(Corner(at))))
        assert kind(**dict(made.params)).params == made.params


def test_what_is_given_is_not_searched() -> None:
    assert set(space("ials").without({"factors": 8}).dimensions) == {
        "regularization",
        "alpha",
        "iterations",
    }
    assert not space("hybrid").without({"parts": "ease"}).dimensions
    assert space("hybrid").without({"calibration": "none"}).dimensions
    with pytest.raises(ConfigError, match="no such model"):
        space("oracle")


def test_real_and_whole_draw_in_logarithms_by_default() -> None:
    assert Real(1, 2).log
    assert Whole(1, 2).log
