"""Other libraries' rankers at good settings for MovieLens-1M: each fits and gives everybody's list.

A peer is a function of the training pairs and the number of threads that returns (seconds of the
fit, lists [users, LIST]); it leaves out what a person has already. What is timed is the library's own
`fit` on data in its own form. `PEERS` holds them by name, the library's name first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

LIST = 20

Peer = Callable[[sparse.csr_matrix, int], tuple[float, np.ndarray[Any, Any]]]


def top(scores: np.ndarray[Any, Any], seen: sparse.csr_matrix) -> np.ndarray[Any, Any]:
    """The LIST best unseen items of each row; ties go to the lower index."""
    scores = np.array(scores, np.float64)
    scores[np.isnan(scores)] = -np.inf
    scores[seen.nonzero()] = -np.inf
    best = np.argpartition(-scores, LIST, axis=1)[:, :LIST]
    order = np.lexsort((best, -np.take_along_axis(scores, best, 1)))
    return np.take_along_axis(best, order, 1)


def _timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def implicit_als(train: sparse.csr_matrix, threads: int) -> tuple[float, np.ndarray[Any, Any]]:
    """ALS, 64 factors, the better confidence of those tried; people solved again for the list."""
    from implicit.als import AlternatingLeastSquares

    confidence = train.copy()
    confidence.data = (1 + 4 * train.data).astype(np.float32)
    model = AlternatingLeastSquares(
        factors=64,
        iterations=15,
        regularization=30.0,
        alpha=1.0,
        num_threads=threads,
        random_state=0,
    )
    with threadpool_limits(1, "blas"):
        seconds = _timed(lambda: model.fit(confidence, show_progress=False))
        people = np.arange(train.shape[0])
        return seconds, model.recommend(people, confidence, N=LIST, recalculate_user=True)[0]


def implicit_bpr(train: sparse.csr_matrix, threads: int) -> tuple[float, np.ndarray[Any, Any]]:
    """BPR, 64 factors, 100 passes."""
    from implicit.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=64, iterations=100, learning_rate=0.05, regularization=0.01, num_threads=threads,
        random_state=0,
    )  # fmt: skip
    seconds = _timed(lambda: model.fit(train, show_progress=False))
    return seconds, model.recommend(np.arange(train.shape[0]), train, N=LIST)[0]


def implicit_knn(train: sparse.csr_matrix, threads: int) -> tuple[float, np.ndarray[Any, Any]]:
    """TF-IDF item neighbours, 200 of them."""
    from implicit.nearest_neighbours import TFIDFRecommender

    model = TFIDFRecommender(K=200, num_threads=threads)
    wide = train.astype(np.float64)
    seconds = _timed(lambda: model.fit(wide, show_progress=False))
    return seconds, model.recommend(np.arange(train.shape[0]), wide, N=LIST)[0]


def lightfm_warp(train: sparse.csr_matrix, threads: int) -> tuple[float, np.ndarray[Any, Any]]:
    """WARP, 64 factors, 20 passes."""
    from lightfm import LightFM

    model = LightFM(no_components=64, loss="warp", learning_rate=0.05, random_state=0)
    seconds = _timed(lambda: model.fit(train.tocoo(), epochs=20, num_threads=threads))
    scores = model.user_embeddings @ model.item_embeddings.T + model.item_biases
    return seconds, top(scores, train)


def lenskit_data(train: sparse.csr_matrix) -> Any:
    """The pairs as LensKit's data set."""
    import pandas as pd
    from lenskit.data import from_interactions_df

    pairs = train.tocoo()
    return from_interactions_df(pd.DataFrame({"user_id": pairs.row, "item_id": pairs.col}))


def lenskit_als(train: sparse.csr_matrix, threads: int) -> tuple[float, np.ndarray[Any, Any]]:
    """Implicit ALS, 64 factors; its confidence is 1 + weight, as ours and implicit's here."""
    from lenskit.als import ImplicitMFScorer
    from lenskit.training import TrainingOptions

    data = lenskit_data(train)
    scorer = ImplicitMFScorer(embedding_size=64, epochs=15, regularization=30.0, weight=4.0)
    seconds = _timed(lambda: scorer.train(data, TrainingOptions(rng=0)))
    items = np.asarray(scorer.items.ids())
    users = np.asarray(scorer.users.ids())
    scores = np.full(train.shape, -np.inf)
    scores[np.ix_(users, items)] = (
        np.asarray(scorer.user_embeddings) @ np.asarray(scorer.item_embeddings).T
    )
    return seconds, top(scores, train)


def lenskit_knn(train: sparse.csr_matrix, threads: int) -> tuple[float, np.ndarray[Any, Any]]:
    """Item neighbours for implicit feedback, 100 of the history's."""
    from lenskit.data import ItemList
    from lenskit.knn import ItemKNNScorer
    from lenskit.training import TrainingOptions

    data = lenskit_data(train)
    scorer = ItemKNNScorer(max_nbrs=100, save_nbrs=500, feedback="implicit")
    seconds = _timed(lambda: scorer.train(data, TrainingOptions(rng=0)))
    everything = ItemList(item_ids=np.arange(train.shape[1]))
    scores = np.full(train.shape, -np.inf)
    for u in range(train.shape[0]):
        history = ItemList(item_ids=train.indices[train.indptr[u] : train.indptr[u + 1]])
        found = scorer(query=_query(u, history), items=everything)
        scores[u] = np.asarray(found.scores("numpy"), np.float64)
    return seconds, top(scores, train)


def _query(user: int, history: Any) -> Any:
    from lenskit.data import RecQuery

    return RecQuery(user_id=user, user_items=history)


def _cornac_data(train: sparse.csr_matrix) -> Any:
    from cornac.data import Dataset

    pairs = train.tocoo()
    rows = (pairs.row.tolist(), pairs.col.tolist(), pairs.data.tolist())
    return Dataset.from_uir(list(zip(*rows, strict=True)))


def _cornac_lists(model: Any, data: Any, train: sparse.csr_matrix) -> np.ndarray[Any, Any]:
    items = np.array(list(data.iid_map))[np.argsort(list(data.iid_map.values()))]
    scores = np.full(train.shape, -np.inf)
    for user, index in data.uid_map.items():
        scores[user, items] = model.score(index)
    return top(scores, train)


def cornac_bpr(train: sparse.csr_matrix, threads: int) -> tuple[float, np.ndarray[Any, Any]]:
    """BPR, 64 factors, 100 passes."""
    from cornac.models import BPR

    data = _cornac_data(train)
    model = BPR(
        k=64, max_iter=100, learning_rate=0.05, lambda_reg=0.01, num_threads=threads, seed=0
    )
    seconds = _timed(lambda: model.fit(data))
    return seconds, _cornac_lists(model, data, train)


def cornac_ease(train: sparse.csr_matrix, threads: int) -> tuple[float, np.ndarray[Any, Any]]:
    """EASE with λ = 800 and weights of either sign."""
    from cornac.models import EASE

    data = _cornac_data(train)
    model = EASE(lamb=800, posB=False, verbose=False)
    with threadpool_limits(threads, "blas"):
        seconds = _timed(lambda: model.fit(data))
    return seconds, _cornac_lists(model, data, train)


PEERS: dict[str, Peer] = {
    "implicit ALS": implicit_als,
    "implicit BPR": implicit_bpr,
    "implicit ItemKNN, tfidf": implicit_knn,
    "LightFM WARP": lightfm_warp,
    "LensKit ImplicitMF": lenskit_als,
    "LensKit ItemKNN": lenskit_knn,
    "cornac BPR": cornac_bpr,
    "cornac EASE": cornac_ease,
}
