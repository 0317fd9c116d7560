"""LensKit scorers fold histories in themselves: whyrec's scores are theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lenskit", reason="the peers extra is not installed")
import pandas as pd
from lenskit.als import BiasedMFScorer, ImplicitMFScorer
from lenskit.basic import BiasScorer
from lenskit.basic.popularity import PopScorer
from lenskit.data import ItemList, RecQuery, from_interactions_df
from lenskit.knn import EASEScorer, ItemKNNScorer
from lenskit.knn.slim import SLIMScorer
from lenskit.pipeline import topn_pipeline
from lenskit.training import TrainingOptions
from tests.adapters.adapter_cases import (
    check_explained,
    check_removal,
    check_saved,
    check_sums,
    small,
)

from whyrec.errors import ModelError
from whyrec.recommend.adapters import adapt

SCORERS = {
    "implicit-mf": (lambda: ImplicitMFScorer(features=5, epochs=3, weight=10), False),
    "biased-mf": (lambda: BiasedMFScorer(features=5, epochs=3, damping=4), True),
    "item-knn": (lambda: ItemKNNScorer(k=6, min_nbrs=2), True),
    "item-knn-implicit": (lambda: ItemKNNScorer(k=6, feedback="implicit"), False),
    "ease": (lambda: EASEScorer(regularization=5), False),
    "slim": (lambda: SLIMScorer(l1_reg=0.01, l2_reg=0.01), False),
    "bias": (lambda: BiasScorer(damping={"user": 3, "item": 6}), True),
}


def interactions(rated: bool) -> Any:
    data = small()
    pairs = data.history_pairs("rated" if rated else "liked")
    table = {
        "user_id": [data.users[u] for u in pairs["user"].to_list()],
        "item_id": [data.catalogue.ids[i] for i in pairs["item"].to_list()],
    }
    if rated:
        table["rating"] = pairs["value"].to_list()
    return from_interactions_df(pd.DataFrame(table))


def theirs(scorer: Any, bundle: Any, user: int) -> np.ndarray:
    data, history = bundle.dataset, bundle.history(user)
    known = ItemList(
        item_ids=[data.catalogue.ids[i] for i in history.items],
        rating=np.asarray(history.weights, np.float64),
    )
    query = RecQuery(user_id=data.users[user], user_items=known)
    found = scorer(query, ItemList(item_ids=data.catalogue.ids))
    return np.asarray(found.scores(), np.float64)


@pytest.mark.parametrize("name", SCORERS)
def test_scorers_score_the_same_and_add_up(name: str, tmp_path: Path) -> None:
    make, rated = SCORERS[name]
    scorer = make()
    scorer.train(interactions(rated), TrainingOptions())
    bundle = adapt(scorer, small())
    ours = bundle.recommender.scores(bundle.histories)
    for user in range(0, small().n_users, 5):
        told = theirs(scorer, bundle, user)
        known = np.isfinite(told)
        if name == "bias":  # it gives the mean to what it does not know, whyrec the last place
            known = np.isin(small().catalogue.ids, scorer.model_.items.ids())
        np.testing.assert_allclose(ours[user][known], told[known], rtol=1e-4, atol=1e-5)
        if bundle.recommender.name == "item-neighbours":  # what it does not score is last
            assert ours[user][~known].max(initial=-np.inf) < ours[user][known].min()
    check_sums(bundle)
    check_explained(check_saved(bundle, tmp_path))


@pytest.mark.parametrize("name", ["implicit-mf", "ease"])
def test_removal_is_arithmetic(name: str) -> None:
    make, rated = SCORERS[name]
    scorer = make()
    scorer.train(interactions(rated), TrainingOptions())
    check_removal(adapt(scorer, small()))


def test_a_pipeline_gives_its_scorer() -> None:
    pipeline = topn_pipeline(EASEScorer(regularization=5))
    pipeline.train(interactions(False))
    alone = EASEScorer(regularization=5)
    alone.train(interactions(False), TrainingOptions())
    X = small().interactions
    np.testing.assert_allclose(
        adapt(pipeline, small()).recommender.scores(X),
        adapt(alone, small()).recommender.scores(X),
        rtol=1e-5,
        atol=1e-6,
    )


def test_other_scorers_and_pipelines_are_refused() -> None:
    scorer = PopScorer()
    scorer.train(interactions(False), TrainingOptions())
    with pytest.raises(ModelError, match="PopScorer is not one of ImplicitMFScorer"):
        adapt(scorer, small())
    pipeline = topn_pipeline(PopScorer())
    pipeline.train(interactions(False))
    with pytest.raises(ModelError, match="the pipeline holds none of"):
        adapt(pipeline, small())
