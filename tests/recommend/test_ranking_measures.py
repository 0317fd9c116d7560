"""Measures of rankings, worked by hand."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from whyrec.errors import ConfigError
from whyrec.evaluate.ranking import Hits, held_out

# Three people: hits at ranks 1 and 3 of 3 held out; none of 1; nothing held out; a short list.
LISTS = np.array([[0, 4, 2, 5], [1, 2, 3, 0], [0, 1, 2, 3], [3, -1, -1, -1]])
TEST = sparse.csr_matrix(
    np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]])
)


@pytest.fixture
def found() -> Hits:
    return Hits.of(LISTS, TEST)


def test_only_people_with_something_held_out_count(found: Hits) -> None:
    assert found.relevant.tolist() == [3, 1, 1]
    assert found.hits.tolist() == [
        [True, False, True, False],
        [False, False, False, False],
        [True, False, False, False],
    ]


def test_ndcg(found: Hits) -> None:
    first = (1 + 1 / log2(4)) / (1 + 1 / log2(3) + 1 / log2(4))
    assert found.ndcg_each(4) == pytest.approx([first, 0, 1])
    assert found.ndcg(4) == pytest.approx((first + 1) / 3)
    # With k = 2 the best list has only two places.
    assert found.ndcg_each(2)[0] == pytest.approx(1 / (1 + 1 / log2(3)))


def test_recall_precision_hit_rate_mrr(found: Hits) -> None:
    assert found.recall(4) == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert found.recall(1) == pytest.approx((1 / 3 + 0 + 1) / 3)
    assert found.precision(4) == pytest.approx((2 + 0 + 1) / 12)
    assert found.hit_rate(4) == pytest.approx(2 / 3)
    late = Hits.of(np.array([[5, 4, 1, 0]]), TEST[:1])
    assert late.mrr(4) == pytest.approx(1 / 3)
    assert late.mrr(2) == 0


def test_coverage_counts_items_of_lists_once(found: Hits) -> None:
    assert found.coverage(1) == pytest.approx(3 / 6)  # 0, 1, 3
    assert found.coverage(4) == pytest.approx(6 / 6)


@given(seed=st.integers(0, 1000), k=st.integers(1, 8))
def test_measures_as_written_out_loop_by_loop(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    test = sparse.csr_matrix(rng.random((6, 12)) < 0.3)
    if not test.nnz:
        return
    lists = np.array([rng.permutation(12)[:8] for _ in range(6)])
    ndcg, recall = [], []
    for u in range(6):
        held = set(test[u].indices.tolist())
        if held:
            gains = [1 / log2(r + 2) for r in range(k) if lists[u, r] in held]
            ndcg.append(sum(gains) / sum(1 / log2(r + 2) for r in range(min(k, len(held)))))
            recall.append(len(gains) / len(held))
    found = Hits.of(lists, test)
    assert found.ndcg(k) == pytest.approx(np.mean(ndcg))
    assert found.recall(k) == pytest.approx(np.mean(recall))


def test_a_perfect_list_scores_one() -> None:
    found = Hits.of(np.array([[2, 1, 0, 5]]), TEST[:1])
    assert found.ndcg(4) == 1
    assert found.recall(4) == 1
    assert found.mrr(4) == 1


def test_bad_requests_are_refused(found: Hits) -> None:
    for k in (0, 5):
        with pytest.raises(ConfigError, match=f"k = {k} of lists of 4"):
            found.ndcg(k)
    with pytest.raises(ConfigError, match="4 lists for 3 people"):
        Hits.of(LISTS, TEST[:3])
    with pytest.raises(ConfigError, match="nothing is held out"):
        Hits.of(LISTS[2:3], TEST[2])


@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_a_fifth_of_each_persons_events_is_held_out(sizes: list[int], seed: int) -> None:
    users = np.repeat(np.arange(len(sizes)), sizes)
    np.random.default_rng(seed).shuffle(users)
    held = held_out(users, seed=seed)
    counts = np.bincount(users[held], minlength=len(sizes))
    assert counts.tolist() == [round(0.2 * m) for m in sizes]
    assert (held == held_out(users, seed=seed)).all()


def test_shares_that_make_no_sense() -> None:
    for share in (0, 1, -0.2, 1.5):
        with pytest.raises(ConfigError, match="share"):
            held_out(np.zeros(5, int), share=share)
