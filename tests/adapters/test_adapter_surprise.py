"""Algorithms of Surprise: the exact ones estimate the same, the others say how much is kept."""

# ruff: noqa: E402 - the library may be absent
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

surprise = pytest.importorskip("surprise", reason="the peers extra is not installed")
import pandas as pd
from tests.adapters.adapter_cases import (
    check_explained,
    check_removal,
    check_saved,
    check_sums,
    small,
)

from whyrec.data.dataset import Dataset
from whyrec.errors import ModelError
from whyrec.recommend.adapters import adapt
from whyrec.recommend.adapters.surprise import predictions


def trainset(data: Dataset) -> Any:
    pairs = data.history_pairs("rated")
    table = pd.DataFrame(
        {
            "user": [data.users[u] for u in pairs["user"].to_list()],
            "item": [data.catalogue.ids[i] for i in pairs["item"].to_list()],
            "rating": pairs["value"].to_list(),
        }
    )
    return surprise.Dataset.load_from_df(
        table, surprise.Reader(rating_scale=(1, 5))
    ).build_full_trainset()


def fitted(algorithm: Any) -> Any:
    return algorithm.fit(trainset(small()))


def worst(algorithm: Any, bundle: Any) -> float:
    """The largest difference to what Surprise estimates, for some people and what they did not rate.

    (Among user neighbours Surprise counts people as their own neighbours on what they rated.)
    """
    data, train = bundle.dataset, algorithm.trainset
    ours = bundle.recommender.scores(bundle.histories)
    gap = 0.0
    for inner in range(0, train.n_users, 6):
        user = data.user_index[train.to_raw_uid(inner)]
        items = [data.catalogue.index[train.to_raw_iid(i)] for i in range(train.n_items)]
        theirs = predictions(algorithm, inner, range(train.n_items))
        rated = np.isin(items, bundle.history(user).items)
        gap = max(gap, float(np.abs(ours[user][items] - theirs)[~rated].max()))
    return gap


ITEM = {"user_based": False}
EXACT = {
    "baseline-als": surprise.BaselineOnly(verbose=False),
    "slope-one": surprise.SlopeOne(),
    "basic": surprise.KNNBasic(k=30, sim_options=ITEM, verbose=False),
    "basic-cosine-min": surprise.KNNBasic(
        k=30, min_k=4, sim_options={**ITEM, "name": "cosine", "min_support": 3}, verbose=False
    ),
    "means": surprise.KNNWithMeans(k=30, sim_options=ITEM, verbose=False),
    "zscore": surprise.KNNWithZScore(k=30, sim_options=ITEM, verbose=False),
    "baseline-pearson": surprise.KNNBaseline(
        k=5, sim_options={**ITEM, "name": "pearson_baseline", "shrinkage": 10}, verbose=False
    ),
}


@pytest.mark.parametrize("name", EXACT)
def test_exact_algorithms_estimate_the_same_and_add_up(name: str, tmp_path: Path) -> None:
    algorithm = fitted(EXACT[name])
    bundle = adapt(algorithm, small())
    assert bundle.recommender.exact
    assert worst(algorithm, bundle) < 1e-5
    assert bundle.notes["fidelity"]["top10_kept"] == 1
    check_sums(bundle)
    check_explained(check_saved(bundle, tmp_path))


@pytest.mark.parametrize(
    ("algorithm", "least"),
    [
        (surprise.SVD(n_factors=5, n_epochs=30, random_state=0), 0.6),
        (surprise.SVD(n_factors=5, n_epochs=30, biased=False, random_state=0), 0.6),
        (surprise.SVDpp(n_factors=4, n_epochs=10, random_state=0), 0.6),
        (surprise.NMF(n_factors=5, n_epochs=30, random_state=0), 0.4),
        (surprise.BaselineOnly(bsl_options={"method": "sgd"}, verbose=False), 0.9),
    ],
    ids=["svd", "svd-unbiased", "svdpp", "nmf", "baseline-sgd"],
)
def test_folded_algorithms_keep_most_of_their_lists_and_add_up(
    algorithm: Any, least: float, tmp_path: Path
) -> None:
    bundle = adapt(fitted(algorithm), small())
    assert bundle.notes["fidelity"]["top10_kept"] >= least
    check_sums(bundle)
    check_explained(check_saved(bundle, tmp_path))


def test_leaving_ratings_out_of_svd_is_arithmetic() -> None:
    check_removal(adapt(fitted(surprise.SVD(n_factors=5, random_state=0)), small()))


USER = {
    "basic": surprise.KNNBasic(k=7, verbose=False),
    "basic-cosine": surprise.KNNBasic(k=50, sim_options={"name": "cosine"}, verbose=False),
    "means-pearson": surprise.KNNWithMeans(k=50, sim_options={"name": "pearson"}, verbose=False),
    "zscore": surprise.KNNWithZScore(k=50, verbose=False),
    "baseline": surprise.KNNBaseline(
        k=7, sim_options={"name": "pearson_baseline", "shrinkage": 5}, verbose=False
    ),
}


@pytest.mark.parametrize("name", USER)
def test_user_neighbours_estimate_the_same_and_split_by_neighbour(
    name: str, tmp_path: Path
) -> None:
    algorithm = fitted(USER[name])
    bundle = adapt(algorithm, small())
    model = bundle.recommender
    assert not model.exact
    # Of equal similarities at the k-th place Surprise takes the first in its own order.
    assert worst(algorithm, bundle) < (1e-5 if name != "basic" else 1.0)
    assert bundle.notes["fidelity"]["top10_kept"] > 0.9
    history = bundle.history(4)
    scores = model.scores(bundle.histories)[4]
    items = np.argsort(-scores)[:5]
    (split,) = model.breakdowns(history, items)
    np.testing.assert_allclose(split.parts.sum(1) + model.baseline(items), scores[items], atol=1e-9)
    with pytest.raises(NotImplementedError):
        model.contributions(history, items)
    check_explained(check_saved(bundle, tmp_path))


def test_user_neighbours_keep_nobodys_ratings() -> None:
    model = adapt(fitted(USER["basic"]), small()).recommender
    assert set(model.arrays()) == {"item_bias", "known"}
    assert all(a.shape == (small().n_items,) for a in model.arrays().values())


def test_neighbours_by_hand() -> None:
    """Two rated items with similarities 0.5 and 1: (0.5·4 + 1·1) / 1.5 = 2."""
    from whyrec.recommend.adapters.neighbours import ItemNeighbours
    from whyrec.recommend.base import History

    S = np.array([[1, 0, 0.5], [0, 1, 1], [0.5, 1, 1]], np.float32)
    model = ItemNeighbours(k=2).take(S, base=np.full(3, 3.0))
    history = History(np.array([0, 1], np.int32), np.array([4, 1], np.float32))
    assert model.scores(history.matrix(3))[0, 2] == pytest.approx(2)
    parts = model.contributions(history, np.array([2]))[0]
    # around the mean of 3: (0.5/1.5)(4 - 3) and (1/1.5)(1 - 3)
    assert parts.tolist() == pytest.approx([1 / 3, -4 / 3])


def test_slope_one_by_hand() -> None:
    """Rated 4 and 2, mean 3; the item is 1 better than the first, 0.5 worse than the second."""
    from whyrec.recommend.adapters.slope_one import SlopeOne
    from whyrec.recommend.base import History

    dev = np.zeros((3, 3))
    dev[0, 2], dev[1, 2] = 1.0, -0.5
    model = SlopeOne().take(dev, np.ones((3, 3), bool), np.ones(3, bool))
    history = History(np.array([0, 1], np.int32), np.array([4, 2], np.float32))
    assert model.scores(history.matrix(3))[0, 2] == pytest.approx(3 + (1 - 0.5) / 2)
    assert model.contributions(history, np.array([2]))[0].tolist() == pytest.approx([2.5, 0.75])


def test_other_algorithms_point_to_the_function_adapter() -> None:
    algorithm = fitted(surprise.NormalPredictor())
    with pytest.raises(ModelError, match=r"NormalPredictor is not one of SVD.*from_callable"):
        adapt(algorithm, small())


def test_data_without_ratings_are_refused() -> None:
    import polars as pl

    pairs = small().history_pairs("rated")
    names = {
        "user_id": [small().users[u] for u in pairs["user"].to_list()],
        "item_id": [small().catalogue.ids[i] for i in pairs["item"].to_list()],
    }
    bought = Dataset.from_frames(pl.DataFrame(names), event="purchase")
    with pytest.raises(ModelError, match="it reads ratings, and the data hold none"):
        adapt(fitted(surprise.SVD(n_epochs=1)), bought)
