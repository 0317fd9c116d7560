"""LightFM: folded in, and told by feature where its items are sums of features."""

# ruff: noqa: E402 - the library may be absent
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

lightfm = pytest.importorskip("lightfm", reason="the peers extra is not installed")
from lightfm.data import Dataset as LightData
from tests.adapters.adapter_cases import (
    check_explained,
    check_removal,
    check_saved,
    check_sums,
    small,
)

from whyrec.errors import ConfigError, ModelError
from whyrec.evidence.engine import EvidenceEngine
from whyrec.recommend.adapters import adapt, from_lightfm


def model() -> Any:
    return lightfm.LightFM(no_components=6, loss="warp", random_state=0, learning_rate=0.1)


def with_features() -> tuple[Any, Any, LightData]:
    data = small()
    mapping = LightData()
    genres = {i: data.catalogue.table["genres"].to_list()[i] for i in range(data.n_items)}
    mapping.fit(
        reversed(data.users), reversed(data.catalogue.ids), item_features=["Drama", "Comedy"]
    )
    features = mapping.build_item_features(
        (id, genres[i]) for i, id in enumerate(data.catalogue.ids)
    )
    pairs = data.interactions.tocoo()
    names = zip(pairs.row.tolist(), pairs.col.tolist(), strict=True)
    events, _ = mapping.build_interactions((data.users[u], data.catalogue.ids[i]) for u, i in names)
    return model().fit(events, item_features=features, epochs=20), features, mapping


def test_without_features_it_keeps_most_of_its_lists_and_adds_up(tmp_path: Path) -> None:
    data = small()
    bundle = adapt(model().fit(data.interactions, epochs=20), data)
    assert bundle.notes["fidelity"]["top10_kept"] > 0.5
    check_sums(bundle)
    check_removal(bundle)
    check_explained(check_saved(bundle, tmp_path))


def test_with_features_the_score_is_also_a_sum_of_features(tmp_path: Path) -> None:
    fitted, features, mapping = with_features()
    data = small()
    bundle = from_lightfm(fitted, data, item_features=features, mapping=mapping)
    assert bundle.notes["fidelity"]["top10_kept"] > 0.5
    check_sums(bundle)
    back = check_saved(bundle, tmp_path)
    check_explained(back)
    items = np.arange(data.n_items)
    scores = back.recommender.scores(back.histories)
    for user in range(0, data.n_users, 9):
        (split,) = back.recommender.breakdowns(back.history(user), items)
        total = split.parts.sum(1) + back.recommender.baseline(items)
        np.testing.assert_allclose(total, scores[user], rtol=1e-5, atol=1e-5)
        assert {"Drama", "Comedy"} < set(split.names)
        # an item has only its own features: its id and its genres
        assert (np.count_nonzero(split.parts, axis=1) <= 3).all()


def test_evidence_shows_the_features() -> None:
    fitted, features, mapping = with_features()
    bundle = from_lightfm(fitted, small(), item_features=features, mapping=mapping)
    (evidence, *_) = EvidenceEngine(bundle).explain(bundle.dataset.users[0], n=1, by=["feature"])
    assert [b.by for b in evidence.breakdowns] == ["feature"]


def test_features_and_items_must_fit() -> None:
    fitted, features, _ = with_features()
    with pytest.raises(ConfigError, match="the model knows 39 items"):
        from_lightfm(fitted, small(), item_features=features[:-1])


def test_an_unfitted_model_is_refused() -> None:
    with pytest.raises(ModelError, match="fit the model first"):
        from_lightfm(model(), small())
