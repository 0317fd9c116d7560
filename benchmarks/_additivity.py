"""One table of all exact models and adapters: do the contributions add up to the score that ranked?

MovieLens-100K, everybody's ten best. `additivity_error` is the worst |Σ contributions + baseline -
score| / |score| of all pairs; the scores are those that ranked the list.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from whyrec.data.dataset import Dataset
from whyrec.evidence.blocks import attributed
from whyrec.evidence.engine import EvidenceEngine
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.registry import CLASSES, MODELS

N = 10


def movielens_100k() -> Dataset | None:
    """The data set, None where it is absent."""
    root = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("WHYREC_DATA") or root.parent / "shared" / "data")
    place = folder / "movielens-100k"
    return Dataset.read(place) if place.is_dir() else None


def bundles(data: Dataset, *, quick: bool) -> Iterator[tuple[str, Bundle | str]]:
    """(system, bundle) of our models but the neural ones, then of others' (or why there is none)."""
    for name in MODELS:
        if ".neural." not in CLASSES[name]:
            yield f"whyrec {name}", Bundle.fit(data, name)
    for system, build in ADAPTERS.items():
        if quick and system not in QUICK:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield f"whyrec adapter of {system}", build(data)
        except ImportError as e:
            yield f"whyrec adapter of {system}", f"{e.name} is not installed"


def additivity(bundle: Bundle, users: Any) -> tuple[float, int]:
    """The worst relative error, and of how many pairs."""
    worst, pairs = 0.0, 0
    for person, top, found in attributed(EvidenceEngine(bundle), users, N):
        if found is None or not len(top):
            continue
        scores = person.open[top]
        error = np.abs(found.parts.sum(1) + found.baseline + person.ruled(top)[0] - scores)
        worst = max(worst, float((error / np.abs(scores)).max()))
        pairs += len(top)
    return worst, pairs


def _implicit(kind: str, **params: Any) -> Callable[[Dataset], Bundle]:
    def build(data: Dataset) -> Bundle:
        import implicit
        from implicit import als, bpr, nearest_neighbours

        from whyrec.recommend.adapters import from_implicit

        places = {"als": als, "bpr": bpr, "nearest_neighbours": nearest_neighbours}
        module, name = kind.split(".")
        peer = getattr(places[module], name)(**params)
        assert implicit.__version__
        peer.fit(data.interactions, show_progress=False)
        return from_implicit(peer, data)

    return build


def _surprise(name: str, **params: Any) -> Callable[[Dataset], Bundle]:
    def build(data: Dataset) -> Bundle:
        import pandas as pd
        import surprise

        from whyrec.recommend.adapters import from_surprise

        pairs = data.history_pairs("rated")
        ids = data.catalogue.ids
        table = pd.DataFrame(
            {
                "user": [data.users[u] for u in pairs["user"].to_list()],
                "item": [ids[i] for i in pairs["item"].to_list()],
                "rating": pairs["value"].to_numpy(),
            }
        )
        read = surprise.Dataset.load_from_df(table, surprise.Reader(rating_scale=(1, 5)))
        algorithm = getattr(surprise, name)(**params)
        algorithm.fit(read.build_full_trainset())
        return from_surprise(algorithm, data)

    return build


def _lightfm(data: Dataset) -> Bundle:
    from lightfm import LightFM

    from whyrec.recommend.adapters import from_lightfm

    peer = LightFM(no_components=16, loss="warp", random_state=0)
    peer.fit(data.interactions, epochs=3)
    return from_lightfm(peer, data)


def _lenskit(name: str) -> Callable[[Dataset], Bundle]:
    def build(data: Dataset) -> Bundle:
        import pandas as pd
        from lenskit import als, knn
        from lenskit.data import from_interactions_df

        from whyrec.recommend.adapters import from_lenskit

        pairs = data.history_pairs("rated" if name == "BiasedMFScorer" else "liked")
        ids = data.catalogue.ids
        table = pd.DataFrame(
            {
                "user_id": [data.users[u] for u in pairs["user"].to_list()],
                "item_id": [ids[i] for i in pairs["item"].to_list()],
                "rating": pairs["value"].to_numpy(),
            }
        )
        place = knn if "KNN" in name else als
        scorer = getattr(place, name)()
        scorer.train(from_interactions_df(table))
        return from_lenskit(scorer, data)

    return build


def _cornac(name: str, **params: Any) -> Callable[[Dataset], Bundle]:
    def build(data: Dataset) -> Bundle:
        import cornac

        from whyrec.recommend.adapters import from_cornac

        pairs = data.history_pairs("rated")
        ids = data.catalogue.ids
        rows = [
            (data.users[u], ids[i], v) for u, i, v in pairs.select("user", "item", "value").rows()
        ]
        peer = getattr(cornac.models, name)(**params)
        peer.fit(cornac.data.Dataset.from_uir(rows, seed=0))
        return from_cornac(peer, data)

    return build


def _factors(data: Dataset) -> Bundle:
    import polars as pl

    from whyrec.recommend.adapters import from_factors

    factors = np.random.default_rng(0).normal(size=(data.n_items, 16)).astype(np.float32)
    table = pl.DataFrame({"id": data.catalogue.ids, "features": list(factors)})
    return from_factors(table, data, regularization=0.1)


ADAPTERS: dict[str, Callable[[Dataset], Bundle]] = {
    "implicit ALS": _implicit("als.AlternatingLeastSquares", factors=32, random_state=0),
    "implicit BPR": _implicit("bpr.BayesianPersonalizedRanking", factors=32, random_state=0),
    "implicit BM25": _implicit("nearest_neighbours.BM25Recommender", K=50),
    "Surprise SVD": _surprise("SVD", random_state=0),
    "Surprise SVD++": _surprise("SVDpp", n_epochs=2, random_state=0),
    "Surprise KNNBaseline": _surprise(
        "KNNBaseline", sim_options={"user_based": False}, verbose=False
    ),
    "Surprise BaselineOnly": _surprise("BaselineOnly", verbose=False),
    "LightFM WARP": _lightfm,
    "LensKit ImplicitMF": _lenskit("ImplicitMFScorer"),
    "LensKit BiasedMF": _lenskit("BiasedMFScorer"),
    "LensKit ItemKNN": _lenskit("ItemKNNScorer"),
    "cornac MF": _cornac("MF", k=16, max_iter=10, seed=0),
    "cornac BPR": _cornac("BPR", k=16, max_iter=10, seed=0),
    "factors from a table": _factors,
}
"""How a model of each library comes to be."""

QUICK = ("implicit ALS", "implicit BM25", "Surprise BaselineOnly", "factors from a table")
