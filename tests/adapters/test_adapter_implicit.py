"""Models of `implicit`: ALS scores what `recalculate_user` scores, item-item models what they score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("implicit", reason="the peers extra is not installed")
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.lmf import LogisticMatrixFactorization
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from tests.adapters.adapter_cases import (
    check_explained,
    check_removal,
    check_saved,
    check_sums,
    small,
)

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.adapters import adapt, from_implicit

ONE = {"num_threads": 1, "random_state": 0}


def als(alpha: float = 3.0, factors: int = 6) -> AlternatingLeastSquares:
    return AlternatingLeastSquares(
        factors=factors, regularization=0.5, alpha=alpha, iterations=4, use_gpu=False, **ONE
    )


@pytest.mark.parametrize("alpha", [1.0, 3.0, 40.0])
def test_als_scores_equal_recalculate_user(alpha: float) -> None:
    data = small()
    X = data.interactions
    model = als(alpha)
    model.fit(X, show_progress=False)
    bundle = from_implicit(model, data)
    users = np.arange(data.n_users)
    theirs = model.recalculate_user(users, X).astype(np.float64) @ model.item_factors.T
    ours = bundle.recommender.scores(X)
    # theirs is single precision with Cholesky
    np.testing.assert_allclose(ours, theirs, atol=2e-4 * np.abs(theirs).max())


def test_als_lists_equal_recommend_with_recalculate_user() -> None:
    data = small()
    model = als()
    model.fit(data.interactions, show_progress=False)
    bundle = from_implicit(model, data)
    ids, scores = model.recommend(
        np.arange(data.n_users), data.interactions, N=5, recalculate_user=True
    )
    ranking = bundle.recommender.recommend(data.interactions, 5, exclude=data.interactions)
    np.testing.assert_array_equal(ranking.items, ids)
    np.testing.assert_allclose(ranking.scores, scores, rtol=1e-3, atol=1e-5)


def test_als_on_a_matrix_of_ones_takes_the_confidence_that_it_was_given() -> None:
    data = small()
    halved = data.with_weights({"rating": 0.5})
    ones = halved.interactions.copy()
    ones.data[:] = 1
    model = als()
    model.fit(ones, show_progress=False)
    theirs = model.recalculate_user(np.arange(5), ones[:5]) @ model.item_factors.T
    ours = from_implicit(model, halved, confidence=1.0).recommender.scores(halved.interactions[:5])
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_als_adds_up_saves_and_explains(tmp_path: Path) -> None:
    data = small()
    model = als()
    model.fit(data.interactions, show_progress=False)
    bundle = adapt(model, data)
    assert bundle.notes["fidelity"]["top10_kept"] > 0.7
    check_sums(bundle)
    check_removal(bundle)
    check_explained(check_saved(bundle, tmp_path))


@pytest.mark.parametrize("kind", [CosineRecommender, TFIDFRecommender, BM25Recommender])
def test_item_item_models_are_the_same_sum(kind: type, tmp_path: Path) -> None:
    data = small()
    model = kind(K=10, num_threads=1)
    model.fit(data.interactions, show_progress=False)
    bundle = from_implicit(model, data)
    ids, scores = model.recommend(
        np.arange(data.n_users), data.interactions, N=6, filter_already_liked_items=True
    )
    ours = bundle.recommender.scores(data.interactions)
    for user in range(data.n_users):
        listed = scores[user] > 0  # it fills short lists with zeros
        np.testing.assert_allclose(ours[user][ids[user][listed]], scores[user][listed], rtol=1e-6)
    check_sums(bundle)
    check_removal(bundle)
    check_explained(check_saved(bundle, tmp_path))


@pytest.mark.parametrize(
    "model",
    [
        BayesianPersonalizedRanking(factors=6, iterations=80, learning_rate=0.05, **ONE),
        LogisticMatrixFactorization(factors=6, iterations=20, **ONE),
    ],
    ids=["bpr", "lmf"],
)
def test_models_without_a_fold_in_say_how_much_of_their_lists_is_kept(
    model: object, tmp_path: Path
) -> None:
    data = small()
    model.fit(data.interactions, show_progress=False)  # type: ignore[attr-defined]
    bundle = from_implicit(model, data)
    fidelity = bundle.notes["fidelity"]
    assert 0.4 < fidelity["top10_kept"] <= 1
    assert fidelity["people"] == data.n_users // 2
    check_sums(bundle)
    check_removal(bundle)
    check_explained(check_saved(bundle, tmp_path))


def test_ids_in_another_order_give_the_same_scores() -> None:
    data = small()
    model = als()
    model.fit(data.interactions, show_progress=False)
    straight = from_implicit(model, data).recommender.scores(data.interactions)
    order = np.random.default_rng(0).permutation(data.n_items)
    model.item_factors = model.item_factors[order]
    turned = from_implicit(model, data, items=[data.catalogue.ids[i] for i in order])
    np.testing.assert_allclose(
        turned.recommender.scores(data.interactions), straight, rtol=1e-4, atol=1e-6
    )


def test_items_that_the_model_does_not_know_are_never_on_a_list() -> None:
    data = small()
    kept = np.arange(data.n_items - 5)
    model = BayesianPersonalizedRanking(factors=4, iterations=20, **ONE)
    model.fit(data.interactions[:, kept].tocsr(), show_progress=False)
    bundle = from_implicit(model, data, items=[data.catalogue.ids[i] for i in kept])
    assert bundle.notes["unknown_items"] == 5
    listed = bundle.recommender.recommend(data.interactions, 10).items
    assert listed.max() < data.n_items - 5
    check_sums(bundle)


def test_a_cold_person_gets_the_popular_list() -> None:
    data = small()
    model = als()
    model.fit(data.interactions, show_progress=False)
    bundle = from_implicit(model, data)
    cold = bundle.recommend(["nobody"], 3, new_users=True)
    assert (
        cold.items[0].tolist()
        == bundle.cold.recommend(data.interactions[:1] * 0, 3).items[0].tolist()
    )


def test_counts_that_differ_are_told() -> None:
    data = small()
    model = als()
    model.fit(data.interactions[:, :-3].tocsr(), show_progress=False)
    with pytest.raises(ConfigError, match="knows 37 items, the data set 40; pass items="):
        from_implicit(model, data)


def test_missing_ids_are_named() -> None:
    data = small()
    model = als()
    model.fit(data.interactions, show_progress=False)
    names = list(data.catalogue.ids)
    names[4] = "lost-in-the-post"
    with pytest.raises(ConfigError, match=r"1 of the model's 40 items.*lost-in-the-post"):
        from_implicit(model, data, items=names)
    bundle = from_implicit(model, data, items=names, missing="ignore")
    assert bundle.notes["unknown_items"] == 1


def test_ids_of_another_data_set_are_refused_even_if_missing_ones_may_be_ignored() -> None:
    data = small()
    model = als()
    model.fit(data.interactions, show_progress=False)
    with pytest.raises(ConfigError, match="none of the model's 40 item ids"):
        from_implicit(model, data, items=[f"x{i}" for i in range(40)], missing="ignore")


def test_an_unfitted_model_is_refused() -> None:
    with pytest.raises(ModelError, match="fit the model first"):
        from_implicit(als(), small())


def test_an_adapted_model_cannot_be_fitted_here() -> None:
    data: Dataset = small()
    model = als()
    model.fit(data.interactions, show_progress=False)
    with pytest.raises(ModelError, match="fitted elsewhere"):
        from_implicit(model, data).recommender.fit(data.interactions)


@pytest.mark.parametrize("confidence", [0.0, -1.0, float("nan")])
def test_a_confidence_that_cannot_be_is_refused(confidence: float) -> None:
    data = small()
    model = als()
    model.fit(data.interactions, show_progress=False)
    with pytest.raises(ConfigError, match="from_implicit, confidence"):
        from_implicit(model, data, confidence=confidence)
