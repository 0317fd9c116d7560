"""What holds for every model that can be fitted: save and load, strangers, unknown and new items."""

from __future__ import annotations

import importlib.util
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from whyrec.data.dataset import Dataset
from whyrec.errors import ModelError
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.registry import MODELS
from whyrec.recommend.registry import model as model_class

TORCH = importlib.util.find_spec("torch") is not None
SMALL: dict[str, dict[str, Any]] = {
    "ials": {"factors": 4, "iterations": 3},
    "bpr": {"factors": 4, "iterations": 3},
    "mf": {"factors": 4},
    "bpmf": {"factors": 3},
    "multvae": {"hidden": 8, "latent": 4, "epochs": 2},
    "sasrec": {"width": 8, "epochs": 2},
    "hybrid": {"parts": "ease:0.6,content:0.3,ials(factors=4):0.1"},
    "stacking": {"parts": "ease,popularity"},
    "bagging": {"of": "ials(factors=4)", "n": 2},
}


@cache
def dataset() -> Dataset:
    """Ratings of 40 people; item i15 has no event, and person `cold` likes nothing."""
    rng = np.random.default_rng(5)
    pairs = [(u, i) for u in range(40) for i in rng.choice(15, 6, replace=False)]
    users = [f"u{u:02}" for u, _ in pairs] + ["cold"]
    items = [f"i{i:02}" for _, i in pairs] + ["i03"]
    values = [float(1 + (u * 7 + i * 3) % 5) for u, i in pairs] + [1.0]
    start = datetime(2026, 1, 1)
    when = [start + timedelta(hours=int(h)) for h in rng.permutation(len(users))]
    events = pl.DataFrame(
        {"user_id": users, "item_id": items, "value": values, "timestamp": when}
    ).with_columns(event=pl.lit("rating"))
    names = [f"i{i:02}" for i in range(16)]
    catalogue = pl.DataFrame(
        {
            "item_id": names,
            "title": [f"Film {n}" for n in names],
            "category": [["Drama", "Comedy", "Crime"][k % 3] for k in range(16)],
        }
    )
    return Dataset.from_frames(events, catalogue)


@cache
def fitted(name: str) -> Bundle:
    return Bundle.fit(dataset(), name, **SMALL.get(name, {}))


def all_models() -> list[Any]:
    needs_torch = pytest.mark.skipif(not TORCH, reason="needs torch")
    return [pytest.param(n, marks=needs_torch) if n in ("multvae", "sasrec") else n for n in MODELS]


@pytest.mark.parametrize("name", all_models())
def test_it_comes_back_from_disk_with_the_same_scores(name: str, tmp_path: Path) -> None:
    bundle = fitted(name)
    bundle.save(tmp_path / "model")
    again = Bundle.load(tmp_path / "model")
    found, expected = again.scores(again.histories), bundle.scores(bundle.histories)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert dict(again.recommender.params) == dict(bundle.recommender.params)


@pytest.mark.parametrize("name", all_models())
def test_parts_add_up_where_it_says_so(name: str) -> None:
    bundle = fitted(name)
    model, items = bundle.recommender, np.arange(16)
    scores = bundle.scores(bundle.histories[:5])
    for u in range(5):
        history = bundle.history(u)
        if not model.exact:
            with pytest.raises(NotImplementedError):
                model.contributions(history, items)
            continue
        whole = model.contributions(history, items).sum(1) + model.baseline(items)
        np.testing.assert_allclose(whole, scores[u], rtol=1e-5, atol=1e-6)
        for breakdown in model.breakdowns(history, items):
            whole = breakdown.parts.sum(1) + model.baseline(items)
            np.testing.assert_allclose(whole, scores[u], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", all_models())
def test_strangers_and_people_without_a_history_get_the_popular_list(name: str) -> None:
    bundle = fitted(name)
    with pytest.raises(ModelError, match="no such user: nobody"):
        bundle.recommend(["nobody"], 3)
    new = bundle.recommend(["nobody"], 3, new_users=True)
    assert (new.items[0] >= 0).all()
    assert new.scores[0, 0] == bundle.cold.counts_.max()
    if bundle.recommender.reads != "rated":  # a low rating is a history to models of ratings
        cold = bundle.recommend(["cold"], 15)
        assert bundle.dataset.catalogue.index["i03"] not in cold.items[0]


@pytest.mark.parametrize("name", all_models())
def test_lists_are_finite_sorted_and_without_what_was_had(name: str) -> None:
    bundle = fitted(name)
    ranking = bundle.recommend(bundle.dataset.users, 10)
    assert np.isfinite(ranking.scores[ranking.items >= 0]).all()
    assert (np.diff(ranking.scores, axis=1) <= 0).all()
    seen = bundle.dataset.seen
    for u in range(bundle.dataset.n_users):
        had = set(seen.indices[seen.indptr[u] : seen.indptr[u + 1]].tolist())
        assert not had & set(ranking.items[u].tolist())


@pytest.mark.parametrize("name", MODELS)
def test_the_page_of_models_says_what_they_are(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "concepts" / "models.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    told = {row[0].strip("`"): row[1:4] for row in rows}
    assert name in told, "add a row to docs/concepts/models.md"
    if name in ("hybrid", "stacking", "bagging"):
        return  # as their parts
    made = model_class(name)()
    words = {True: "yes", False: "no"}
    assert told[name] == [made.reads, words[made.exact], words[made.linear]]
