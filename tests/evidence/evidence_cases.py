"""Small worlds to explain in, and the slow arithmetic that evidence is compared with."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl

from whyrec.data.catalogue import Catalogue
from whyrec.data.dataset import Dataset
from whyrec.evidence.engine import EvidenceEngine
from whyrec.evidence.types import Evidence
from whyrec.recommend.bundle import Bundle

TAGS = ["Drama", "Comedy", "Sci-Fi", "War"]


def small_dataset(seed: int, users: int = 14, items: int = 12, density: float = 0.4) -> Dataset:
    """Ratings from 1 to 5 at random, people of all sizes; the last person has no event at all."""
    rng = np.random.default_rng(seed)
    rows = []
    for u in range(users - 1):
        chosen = np.flatnonzero(rng.random(items) < density * rng.uniform(0.3, 1.8))
        rows += [(u, int(i), "rating", float(rng.integers(2, 6))) for i in chosen]
    schema = {"user": pl.UInt32, "item": pl.UInt32, "event": pl.String, "value": pl.Float64}
    events = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.lit(None, pl.Datetime("ms")).alias("time")
    )
    table = pl.DataFrame(
        {
            "id": [f"i{k}" for k in range(items)],
            "title": [f"Film {k}" for k in range(items)],
            "title_zh": [f"电影{k}" if k % 2 else None for k in range(items)],
            "year": [1990 + k for k in range(items)],
            "tags": [
                [t for t in TAGS if rng.random() < 0.4] or [TAGS[k % 4]] for k in range(items)
            ],
        },
        schema_overrides={"tags": pl.List(pl.String)},
    )
    people = tuple(f"u{k}" for k in range(users))
    return Dataset(events, Catalogue(table), people, domain="film", best_rating=5.0)


def small_engine(seed: int, model: str, **options: int) -> EvidenceEngine:
    """An engine over `small_dataset` with lists of three."""
    params = (
        {"regularization": 2.0}
        if model == "ease"
        else {"factors": 4, "alpha": 3.0, "regularization": 0.3, "iterations": 5}
    )
    bundle = Bundle.fit(small_dataset(seed), model, **params)
    return EvidenceEngine(bundle, **{"list_size": 3, "k_anon": 2, **options})


def slow_rank(engine: EvidenceEngine, user: str, item: str, removed: tuple[str, ...] = ()) -> int:
    """The item's rank by scoring the history that is left and sorting all candidates."""
    bundle = engine.bundle
    data = bundle.dataset
    u, index = data.user_index[user], data.catalogue.index
    history = bundle.history(u)
    left = history.without(np.array([index[i] for i in removed], np.int32))
    scores = (
        bundle.recommender.scores(left.matrix(data.n_items))[0]
        if len(left)
        else bundle.cold.counts_.astype(float)
    )
    seen = set(data.seen[u].indices.tolist())
    candidates = [i for i in range(data.n_items) if i not in seen]
    ranked = sorted(candidates, key=lambda i: (-scores[i], i))
    return ranked.index(index[item]) + 1


def smallest(engine: EvidenceEngine, e: Evidence, question: str, up_to: int) -> int | None:
    """The size of the smallest set that answers the question, by trying all of them."""
    limit = e.list_size if question == "gone" else e.rank
    ids = [r.item for r in e.reasons]
    for size in range(1, min(up_to, len(ids)) + 1):
        for removed in combinations(ids, size):
            if slow_rank(engine, e.user, e.item, removed) > limit:
                return size
    return None
