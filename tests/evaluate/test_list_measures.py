"""Measures of lists, each worked by hand and beside an independent implementation where there is one."""

from __future__ import annotations

from itertools import combinations
from math import log, log2

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import average_precision_score, ndcg_score, roc_auc_score

from whyrec.data.catalogue import Catalogue
from whyrec.errors import ConfigError
from whyrec.evaluate import lists as beyond
from whyrec.evaluate.measures import MEASURES, everything, parse
from whyrec.evaluate.ranking import Hits, auc_each
from whyrec.features.facets import Facets
from whyrec.features.vectors import ItemFeatures, unit_rows


@given(seed=st.integers(0, 500), k=st.integers(1, 9))
def test_ndcg_map_and_auc_as_scikit_learn_has_them(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.permutation(9)[None, :].astype(float)
    relevant = rng.random(9) < 0.4
    if not 0 < relevant.sum() < 9:
        return
    test = sparse.csr_matrix(relevant[None, :])
    found = Hits.of(np.argsort(-scores, axis=1), test)
    assert found.ndcg(k) == pytest.approx(ndcg_score(relevant[None, :], scores, k=k))
    assert found.map(9) == pytest.approx(average_precision_score(relevant, scores[0]))
    none = sparse.csr_matrix((1, 9))
    assert auc_each(scores, test, none)[0] == pytest.approx(roc_auc_score(relevant, scores[0]))


@given(seed=st.integers(0, 300))
def test_auc_with_ties_and_known_items_as_scikit_learn_has_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (5, 12)).astype(float)
    kind = rng.integers(0, 3, (5, 12))
    test, seen = sparse.csr_matrix(kind == 1), sparse.csr_matrix(kind == 2)
    for u, found in enumerate(auc_each(scores, test, seen)):
        asked = kind[u] != 2
        if 0 < (kind[u] == 1).sum() < asked.sum():
            assert found == pytest.approx(roc_auc_score(kind[u][asked] == 1, scores[u][asked]))
        else:
            assert np.isnan(found)


def test_average_precision_by_hand() -> None:
    # Hits at ranks 1 and 3 of 3 held out: (1/1 + 2/3) / 3; with k = 2: 1 / 2.
    found = Hits.of(np.array([[0, 4, 2, 5]]), sparse.csr_matrix(np.array([[1, 1, 1, 0, 0, 0]])))
    assert found.map(4) == pytest.approx((1 + 2 / 3) / 3)
    assert found.map(2) == pytest.approx(1 / 2)
    for name in ("ndcg", "recall", "precision", "hit_rate", "map", "mrr"):
        assert found.each(name, 3).mean() == getattr(found, name)(3)


def test_hits_do_not_mix_people_up() -> None:
    test = sparse.csr_matrix(np.array([[0, 0, 1], [1, 0, 0]]))
    assert Hits.of(np.array([[0, 1], [2, 1]]), test).hits.sum() == 0
    assert Hits.of(np.array([[-1, 2], [0, -1]]), test).hits.tolist() == [
        [False, True],
        [True, False],
    ]


def test_gini_by_hand_and_as_the_mean_difference() -> None:
    x = np.array([1, 0, 3, 4])
    by_pairs = np.abs(x[:, None] - x[None, :]).sum() / (2 * len(x) ** 2 * x.mean())
    assert beyond.gini(x) == pytest.approx(by_pairs)
    assert np.isnan(beyond.gini(np.zeros(3)))


def test_popularity_counts_people_who_have_anything() -> None:
    X = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]]))
    assert beyond.popularity(X).tolist() == [1.0, 0.5, 0.0]


def test_novelty_of_an_item_that_nobody_has_is_that_of_one_that_one_person_has() -> None:
    found = beyond.novelty_each(np.array([[0, 1], [2, -1]]), np.array([1.0, 0.125, 0.0]), 16)
    assert found.tolist() == [(0 + 3) / 2, 4.0]


def test_lift_is_unknown_without_a_history() -> None:
    past = sparse.csr_matrix(np.array([[0, 3.0], [0, 0]]))
    found = beyond.popularity_lift_each(np.array([[0], [0]]), np.array([0.5, 0.2]), past)
    assert found[0] == pytest.approx(1.5)
    assert np.isnan(found[1])
    unknown = beyond.popularity_lift_each(np.array([[0]]), np.array([0.5, 0.0]), past[:1])
    assert np.isnan(unknown[0])  # of items that nobody had in training


@given(seed=st.integers(0, 200), dense=st.booleans())
def test_diversity_is_the_mean_over_pairs(seed: int, dense: bool) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.random((8, 4)) * (rng.random((8, 4)) < 0.5)
    matrix = unit_rows(raw if dense else sparse.csr_matrix(raw))
    lists = np.array([rng.permutation(8)[:5] for _ in range(3)])
    lists[1, 3:] = -1
    found = beyond.diversity_each(lists, ItemFeatures("facets", matrix))
    plain = unit_rows(raw)
    for row, told in zip(lists, found, strict=True):
        known = [i for i in row.tolist() if i >= 0 and raw[i].any()]
        apart = [1 - float(plain[a] @ plain[b]) for a, b in combinations(known, 2)]
        assert told == pytest.approx(np.mean(apart), abs=1e-5) if apart else np.isnan(told)


def test_calibration_by_hand() -> None:
    # Item 0: g and h, item 1: g, item 2: nothing known. History 0 with weight 1 and 1 with weight 3.
    table = pl.DataFrame(
        {
            "id": ["a", "b", "c", "d"],
            "title": list("abcd"),
            "genres": [["g", "h"], ["g"], [], ["x"]],
        }
    )
    shares = beyond.category_shares(Facets.build(Catalogue(table)))
    assert sorted(shares.toarray().sum(1).tolist()) == [0, 1, 1, 1]
    past = sparse.csr_matrix(np.array([[1, 3, 0, 0]], float))
    p, q = {"g": 3.5 / 4, "h": 0.5 / 4}, {"g": 0.75, "h": 0.25}
    expected = sum(p[c] * log(p[c] / (0.99 * q[c] + 0.01 * p[c])) for c in p)
    assert beyond.calibration_each(np.array([[0, 1]]), past, shares)[0] == pytest.approx(expected)
    # A list of unknown items has no categories to compare.
    assert np.isnan(beyond.calibration_each(np.array([[2, -1]]), past, shares)[0])
    assert np.isnan(beyond.calibration_each(np.array([[0]]), sparse.csr_matrix((1, 4)), shares)[0])


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    lists = rng.integers(0, 20, (50, 6))
    features = ItemFeatures("facets", unit_rows(rng.random((20, 5))))
    past = sparse.csr_matrix(rng.random((50, 20)) < 0.3).astype(float)
    shares = sparse.csr_matrix(np.eye(20)[:, :4] + 0.0)
    whole = beyond.diversity_each(lists, features), beyond.calibration_each(lists, past, shares)
    monkeypatch.setattr(beyond, "BLOCK", 40)
    parts = beyond.diversity_each(lists, features), beyond.calibration_each(lists, past, shares)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other)


def test_names_of_measures() -> None:
    assert str(parse("ndcg")) == "ndcg@10"
    assert str(parse(" Hit-Rate@5 ")) == "hit_rate@5"
    assert {a.measure.name for a in everything((10,), ratings=True)} == set(MEASURES)
    for bad, says in (("goodness", "no such measure"), ("auc@5", "has no k"), ("ndcg@0", "no length"),
                      ("ndcg@x", "no length"), ("", "no such measure")):  # fmt: skip
        with pytest.raises(ConfigError, match=says):
            parse(bad)


def test_a_list_found_at_rank_one_is_worth_more_than_at_rank_two() -> None:
    test = sparse.csr_matrix(np.array([[1, 0, 0]]))
    first, second = (Hits.of(np.array([x]), test) for x in ([0, 1], [1, 0]))
    assert first.ndcg(2) == 1
    assert second.ndcg(2) == pytest.approx(1 / log2(3))
