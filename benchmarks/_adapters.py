"""Small fitted models of the other libraries, adapted: for the table of sums that must add up.

    python benchmarks/_adapters.py        # the table on MovieLens-100K, under two minutes

`adapted(dataset)` gives (name, bundle) one by one; a library that is not installed is left out.
`additivity(bundle)` gives the worst |Σ contributions + baseline - score| over the best ten items of
people, relative to the score (or the largest part, where that is larger).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import polars as pl

from whyrec.data.dataset import Dataset
from whyrec.recommend.adapters import adapt, from_factors
from whyrec.recommend.base import History
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.ials import IALS


def adapted(dataset: Dataset, libraries: tuple[str, ...] = ()) -> Iterator[tuple[str, Bundle]]:
    """(name, bundle) of every adapter with a linear rule, fitted on the data set's events."""
    for library, make in MAKERS.items():
        if (not libraries or library in libraries) and find_spec(library) is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield from make(dataset)


def additivity(bundle: Bundle, users: Any = None, n: int = 10) -> tuple[float, int]:
    """(the worst relative error, pairs) over the n best items of the users (indices; all if None)."""
    model, histories = bundle.recommender, bundle.histories
    rows = np.arange(histories.shape[0]) if users is None else np.asarray(users)
    rows = rows[np.diff(histories.indptr)[rows] > 0]
    ranking = model.recommend(histories[rows], n, exclude=bundle.dataset.seen[rows])
    worst, pairs = 0.0, 0
    for row, user in enumerate(rows.tolist()):
        a, b = histories.indptr[user], histories.indptr[user + 1]
        history = History(histories.indices[a:b], histories.data[a:b])
        listed = ranking.items[row] >= 0
        items, scores = ranking.items[row][listed], ranking.scores[row][listed]
        parts = model.contributions(history, items)
        size = np.maximum(np.abs(scores), np.abs(parts).max(1, initial=1e-9))
        error = np.abs(parts.sum(1) + model.baseline(items) - scores) / size
        worst, pairs = max(worst, float(error.max(initial=0.0))), pairs + len(items)
    return worst, pairs


def ratings(dataset: Dataset) -> tuple[list[str], list[str], list[float]]:
    """(user ids, item ids, ratings) of the rated pairs."""
    pairs = dataset.history_pairs("rated")
    users = [dataset.users[u] for u in pairs["user"].to_list()]
    items = [dataset.catalogue.ids[i] for i in pairs["item"].to_list()]
    return users, items, pairs["value"].to_list()


def liked(dataset: Dataset) -> tuple[list[str], list[str]]:
    """(user ids, item ids) of the liked pairs."""
    pairs = dataset.history_pairs("liked")
    users = [dataset.users[u] for u in pairs["user"].to_list()]
    return users, [dataset.catalogue.ids[i] for i in pairs["item"].to_list()]


def _implicit(data: Dataset) -> Iterator[tuple[str, Bundle]]:
    from implicit.als import AlternatingLeastSquares
    from implicit.bpr import BayesianPersonalizedRanking
    from implicit.lmf import LogisticMatrixFactorization
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender

    one = {"random_state": 0, "num_threads": 1}
    for model in (
        AlternatingLeastSquares(factors=32, regularization=5.0, alpha=20.0, **one),
        BayesianPersonalizedRanking(factors=32, iterations=50, **one),
        LogisticMatrixFactorization(factors=16, **one),
        CosineRecommender(K=50, num_threads=1),
        TFIDFRecommender(K=50, num_threads=1),
        BM25Recommender(K=50, num_threads=1),
    ):
        model.fit(data.interactions, show_progress=False)
        yield f"implicit {type(model).__name__}", adapt(model, data)


def _surprise(data: Dataset) -> Iterator[tuple[str, Bundle]]:
    import pandas as pd
    import surprise

    table = pd.DataFrame(dict(zip(("user", "item", "rating"), ratings(data), strict=True)))
    reader = surprise.Reader(rating_scale=(1, data.best_rating or 5))
    train = surprise.Dataset.load_from_df(table, reader).build_full_trainset()
    items = {"user_based": False}
    quiet = {"verbose": False}
    for model in (
        surprise.SVD(n_factors=30, n_epochs=10, random_state=0),
        surprise.SVDpp(n_factors=10, n_epochs=3, random_state=0),
        surprise.NMF(n_epochs=10, random_state=0),
        surprise.BaselineOnly(**quiet),
        surprise.SlopeOne(),
        surprise.KNNBasic(sim_options=items, **quiet),
        surprise.KNNWithMeans(sim_options=items, **quiet),
        surprise.KNNWithZScore(sim_options=items, **quiet),
        surprise.KNNBaseline(sim_options={**items, "name": "pearson_baseline"}, **quiet),
    ):
        model.fit(train)
        yield f"surprise {type(model).__name__}", adapt(model, data)


def _lightfm(data: Dataset) -> Iterator[tuple[str, Bundle]]:
    from lightfm import LightFM

    model = LightFM(no_components=20, loss="warp", random_state=0)
    model.fit(data.interactions, epochs=10)
    yield "lightfm WARP", adapt(model, data)


def _lenskit(data: Dataset) -> Iterator[tuple[str, Bundle]]:
    import pandas as pd
    from lenskit.als import BiasedMFScorer, ImplicitMFScorer
    from lenskit.basic import BiasScorer
    from lenskit.data import from_interactions_df
    from lenskit.knn import EASEScorer, ItemKNNScorer

    rated = dict(zip(("user_id", "item_id", "rating"), ratings(data), strict=True))
    events = dict(zip(("user_id", "item_id"), liked(data), strict=True))
    stars, ones = (from_interactions_df(pd.DataFrame(t)) for t in (rated, events))
    for model, source in (
        (ImplicitMFScorer(features=20, epochs=5), ones),
        (BiasedMFScorer(features=20, epochs=5), stars),
        (ItemKNNScorer(k=20), stars),
        (ItemKNNScorer(k=20, feedback="implicit"), ones),
        (EASEScorer(regularization=100), ones),
        (BiasScorer(damping=5), stars),
    ):
        model.train(source)
        kind = getattr(getattr(model, "config", None), "feedback", "")
        yield f"lenskit {type(model).__name__} {kind}".strip(), adapt(model, data)


def _cornac(data: Dataset) -> Iterator[tuple[str, Bundle]]:
    import cornac
    from cornac.models import BPR, EASE, MF, ItemKNN

    users, items = liked(data)
    triples = list(zip(*ratings(data), strict=True))
    stars = cornac.data.Dataset.from_uir(triples, seed=0)
    ones = cornac.data.Dataset.from_uir([(u, i, 1.0) for u, i in zip(users, items, strict=True)])
    for model, source in (
        (MF(k=20, seed=0, num_threads=1), stars),
        (BPR(k=20, seed=0, max_iter=50, num_threads=1), ones),
        (EASE(lamb=100, verbose=False), ones),
        (ItemKNN(k=20, verbose=False, num_threads=1), stars),
    ):
        model.fit(source)
        yield f"cornac {type(model).__name__}", adapt(model, data)


def _spark(data: Dataset) -> Iterator[tuple[str, Bundle]]:
    """The table that Spark's ALS would write, from our own factors: Spark itself needs a JVM."""
    factors = IALS(factors=16, iterations=5).fit(data.interactions).item_factors_
    table = pl.DataFrame({"id": data.catalogue.ids, "features": factors.tolist()})
    yield "factor table, implicit", from_factors(table, data, regularization=0.1, alpha=4.0)
    yield (
        "factor table, rated",
        from_factors(table, data, kind="rated", regularization=0.1),
    )


MAKERS: dict[str, Callable[[Dataset], Iterator[tuple[str, Bundle]]]] = {
    "implicit": _implicit,
    "surprise": _surprise,
    "lightfm": _lightfm,
    "lenskit": _lenskit,
    "cornac": _cornac,
    "polars": _spark,
}
"""Who makes the models, by the package that is needed."""


def main() -> None:
    root = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("WHYREC_DATA") or root.parent / "shared" / "data")
    data = Dataset.read(folder / "movielens-100k")
    for name, bundle in adapted(data):
        if bundle.recommender.exact:
            worst, pairs = additivity(bundle, np.arange(0, data.n_users, 3))
            kept = bundle.notes.get("fidelity", {}).get("top10_kept", "")
            print(f"{name:40} {worst:9.1e} {pairs:7} pairs   kept {kept}", flush=True)


if __name__ == "__main__":
    main()
