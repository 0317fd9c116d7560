"""The content model scores by what items are; every feature and event of a score is accounted for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from tests.recommend.model_cases import WEIGHTS, histories, score

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, ModelError
from whyrec.features.vectors import ItemFeatures, unit_rows
from whyrec.recommend.base import History
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.content import Content

ITEMS = np.arange(20)
KINDS = [(s, dense) for s in ("dot", "cosine") for dense in (False, True)]


@cache
def model(similarity: str = "dot", dense: bool = False) -> Content:
    rng = np.random.default_rng(4)
    matrix = np.where(rng.random((20, 9)) < 0.4, rng.random((20, 9)), 0).astype(np.float32)
    matrix[7] = 0  # nothing is known about one item
    rows = unit_rows(matrix) if dense else unit_rows(sparse.csr_matrix(matrix))
    names = tuple(f"word:{k}" for k in range(9))
    return Content(similarity=similarity).take(ItemFeatures("test", rows, names))


@pytest.mark.parametrize(("similarity", "dense"), KINDS)
@given(history=histories())
def test_events_and_features_both_sum_to_the_score(
    similarity: str, dense: bool, history: History
) -> None:
    content = model(similarity, dense)
    scores = score(content, history)
    parts = content.contributions(history, ITEMS)
    np.testing.assert_allclose(parts.sum(1), scores, atol=1e-12)
    (found,) = content.breakdowns(history, ITEMS)
    assert found.kind == "feature"
    assert len(set(found.names)) == found.parts.shape[1]
    np.testing.assert_allclose(found.parts.sum(1), scores, atol=1e-12)


@pytest.mark.parametrize(("similarity", "dense"), KINDS)
@given(history=histories())
def test_leaving_one_out_is_scoring_without_it(
    similarity: str, dense: bool, history: History
) -> None:
    content = model(similarity, dense)
    found = content.leave_one_out(history, ITEMS)
    for j, item in enumerate(history.items):
        expected = score(content, history.without(np.array([item])))
        np.testing.assert_allclose(found[:, j], expected, atol=1e-7)


@given(history=histories(), data=st.data())
def test_removing_any_set_is_scoring_without_it(history: History, data: st.DataObject) -> None:
    content = model()
    which = data.draw(st.sets(st.integers(0, len(history) - 1), min_size=1))
    removed = np.array(sorted(which))
    removal = content.removal(history)
    assert removal is not None
    found = removal.scores(score(content, history), removed)
    expected = score(content, history.without(history.items[removed]))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_case_worked_by_hand() -> None:
    # Items: tea, half tea half pot, pot. Tea weighs 1, pot 0.5: profile (1, 0.5) / 1.5.
    matrix = sparse.csr_matrix(np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32))
    features = ItemFeatures("test", matrix, ("word:tea", "word:pot"))
    content = Content(shrinkage=0).take(features)
    history = History(np.array([0, 2], np.int32), np.array([1, 0.5], np.float32))
    middle = np.array([1])
    np.testing.assert_allclose(score(content, history)[1], (0.6 + 0.5 * 0.8) / 1.5, rtol=1e-6)
    np.testing.assert_allclose(
        content.contributions(history, middle)[0], [0.6 / 1.5, 0.4 / 1.5], rtol=1e-6
    )
    (by_feature,) = content.breakdowns(history, middle)
    assert by_feature.names == ("word:tea", "word:pot")
    np.testing.assert_allclose(by_feature.parts[0], [0.6 / 1.5, 0.4 / 1.5], rtol=1e-6)
    np.testing.assert_allclose(content.leave_one_out(history, middle)[0], [0.8, 0.6], rtol=1e-6)
    # With κ = 1 the sum is divided by 2.5 and, without the tea, by 1.5.
    shrunk = Content(shrinkage=1).take(features)
    np.testing.assert_allclose(score(shrunk, history)[1], (0.6 + 0.5 * 0.8) / 2.5, rtol=1e-6)
    left = shrunk.leave_one_out(history, middle)[0]
    np.testing.assert_allclose(left, [0.4 / 1.5, 0.6 / 2], rtol=1e-6)


def shop() -> Dataset:
    """Two kinds of things; `c9` and `t9` were never bought by anybody."""
    names = [f"{kind}{k}" for kind in "ct" for k in range(10)]
    items = pl.DataFrame(
        {
            "item_id": names,
            "title": [f"{'Camp stove' if n[0] == 'c' else 'Tea pot'} {n}" for n in names],
            "category": ["Camping" if n[0] == "c" else "Kitchen" for n in names],
        }
    )
    rng = np.random.default_rng(0)
    pairs = [
        (f"u{u}", f"{'ct'[u % 2]}{k}") for u in range(30) for k in rng.choice(9, 4, replace=False)
    ]
    events = pl.DataFrame(
        {"user_id": [p[0] for p in pairs], "item_id": [p[1] for p in pairs]}
    ).with_columns(event=pl.lit("purchase"))
    return Dataset.from_frames(events, items)


def test_it_recommends_an_item_that_nobody_has_bought() -> None:
    bundle = Bundle.fit(shop(), "content")
    index = bundle.dataset.catalogue.index
    lists = bundle.recommend(["u0", "u1"], 6).items
    assert index["c9"] in lists[0]
    assert index["t9"] not in lists[0]
    assert index["t9"] in lists[1]
    item = np.array([index["c9"]])
    history = bundle.history(bundle.user("u0"))
    assert (bundle.recommender.contributions(history, item) > 0).all()
    (by_feature,) = bundle.recommender.breakdowns(history, item)
    best = by_feature.names[int(by_feature.parts[0].argmax())]
    assert best == "category:camping"


def test_a_content_part_brings_cold_items_into_a_hybrid() -> None:
    bundle = Bundle.fit(shop(), "hybrid", parts="ease(regularization=5):0.3,content:0.7")
    cold = bundle.dataset.catalogue.index["c9"]
    assert cold in bundle.recommend(["u0"], 6).items[0]


@pytest.mark.parametrize("spec", ["tfidf", "facets", "lsa", "tfidf+facets:0.5"])
def test_it_comes_back_from_disk(tmp_path: Path, spec: str) -> None:
    bundle = Bundle.fit(shop(), "content", features=spec)
    bundle.save(tmp_path / "model")
    again = Bundle.load(tmp_path / "model")
    assert (again.scores(again.histories) == bundle.scores(bundle.histories)).all()
    assert again.recommender.features_.names == bundle.recommender.features_.names
    assert again.recommender.params == bundle.recommender.params


def test_weights_of_events_count() -> None:
    low, high = WEIGHTS[0], WEIGHTS[-1]
    mostly_one = History(np.array([1, 2], np.int32), np.array([high, low], np.float32))
    alone = History(np.array([1], np.int32), np.array([high], np.float32))
    near = np.abs(score(model(), mostly_one) - score(model(), alone)).max()
    evenly = History(np.array([1, 2], np.int32), np.array([high, high], np.float32))
    assert near < np.abs(score(model(), evenly) - score(model(), alone)).max()


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"features": "smell"}, "no such source of features: 'smell'"),
        ({"similarity": "euclid"}, "no such similarity: euclid; use dot or cosine"),
        ({"options": "factors=3"}, "is not a table"),
        ({"shrinkage": -1}, "content, shrinkage: -1 is not allowed"),
    ],
)
def test_what_does_not_exist_is_refused(params: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Content(**params)  # type: ignore[arg-type]
    assert says in str(caught.value)


def test_a_matrix_alone_is_refused_with_the_remedy() -> None:
    with pytest.raises(ModelError, match="use fit_dataset"):
        Content().fit(sparse.csr_matrix((3, 3), dtype=np.float32))
