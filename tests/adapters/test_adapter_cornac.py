"""Models of cornac: EASE and ItemKNN score the same, those with vectors say how much is kept."""

# ruff: noqa: E402 - the library may be absent
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

cornac = pytest.importorskip("cornac", reason="the peers extra is not installed")
from cornac.models import BPR, EASE, MF, PMF, WMF, ItemKNN, MostPop
from tests.adapters.adapter_cases import check_explained, check_saved, check_sums, small

from whyrec.errors import ModelError
from whyrec.recommend.adapters import adapt

QUIET = {"verbose": False}


def stars() -> Any:
    data = small()
    pairs = data.history_pairs("rated").select("user", "item", "value").iter_rows()
    triples = [(data.users[u], data.catalogue.ids[i], float(v)) for u, i, v in pairs]
    return cornac.data.Dataset.from_uir(triples, seed=0)


def ones() -> Any:
    data = small()
    pairs = data.history_pairs("liked").select("user", "item").iter_rows()
    triples = [(data.users[u], data.catalogue.ids[i], 1.0) for u, i in pairs]
    return cornac.data.Dataset.from_uir(triples, seed=0)


def known_scores(model: Any, bundle: Any, user: int) -> tuple[np.ndarray, np.ndarray]:
    """(our item indices, what cornac scores them)."""
    data = bundle.dataset
    ids = [id for id, _ in sorted(model.iid_map.items(), key=lambda p: p[1])]
    scores = np.asarray(model.score(model.uid_map[data.users[user]]), np.float64).ravel()
    return np.array([data.catalogue.index[i] for i in ids]), scores


@pytest.mark.parametrize(
    ("model", "rated"),
    [
        (EASE(lamb=5, **QUIET), False),
        (EASE(lamb=5, posB=False, **QUIET), True),
        (ItemKNN(k=40, num_threads=1, **QUIET), True),
        (ItemKNN(k=6, similarity="pearson", num_threads=1, **QUIET), True),
    ],
    ids=["ease", "ease-rated", "itemknn", "itemknn-pearson"],
)
def test_linear_models_score_the_same(model: Any, rated: bool, tmp_path: Path) -> None:
    model.fit(stars() if rated else ones())
    bundle = adapt(model, small())
    assert bundle.recommender.exact
    ours = bundle.recommender.scores(bundle.histories)
    for user in range(0, small().n_users, 7):
        at, told = known_scores(model, bundle, user)
        weights = bundle.history(user).weights
        if "KNN" in type(model).__name__ and (weights == weights.mean()).any():
            continue  # cornac takes a rating that equals the person's mean for none
        np.testing.assert_allclose(ours[user][at], told, rtol=1e-4, atol=1e-5)
    check_sums(bundle)
    check_explained(check_saved(bundle, tmp_path))


@pytest.mark.parametrize(
    ("model", "rated", "least"),
    [
        (MF(k=4, max_iter=40, seed=0, num_threads=1), True, 0.6),
        (PMF(k=4, max_iter=40, seed=0, variant="linear"), True, 0.3),
        (BPR(k=4, max_iter=200, seed=0, num_threads=1), False, 0.6),
    ],
    ids=["mf", "pmf", "bpr"],
)
def test_models_with_vectors_keep_most_of_their_lists(
    model: Any, rated: bool, least: float, tmp_path: Path
) -> None:
    model.fit(stars() if rated else ones())
    bundle = adapt(model, small())
    assert bundle.notes["fidelity"]["top10_kept"] > least
    assert bundle.recommender.reads == ("rated" if rated else "liked")
    check_sums(bundle)
    check_explained(check_saved(bundle, tmp_path))


def test_models_without_vectors_are_refused() -> None:
    model = MostPop()
    model.fit(ones())
    with pytest.raises(ModelError, match=r"MostPop is not one of MF.*from_callable"):
        adapt(model, small())


def test_item_neighbours_of_ones_are_refused() -> None:
    model = ItemKNN(k=5, num_threads=1, **QUIET)
    model.fit(ones())
    with pytest.raises(ModelError, match="scores every item alike"):
        adapt(model, small())


def test_wmf_is_one_of_them() -> None:
    assert WMF(k=3, **QUIET)._ann_supported
