"""A list holds the best candidates in order; ties, NaN and exclusions are settled the same way always."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from tests.recommend.model_cases import fitted, interactions

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import scoring, threads
from whyrec.recommend.topn import sort_rows, top_rows

values = st.sampled_from([0.0, -1.5, 2.0, 2.0, 3.25, float("nan"), float("-inf"), 1e300])


def by_sorting(row: list[float], hidden: set[int], n: int) -> list[int]:
    good = [i for i, s in enumerate(row) if s > -np.inf and i not in hidden]
    return sorted(good, key=lambda i: (-row[i], i))[:n]


@pytest.mark.parametrize("choose", [top_rows, sort_rows])
@given(
    row=st.lists(values, min_size=1, max_size=12),
    hidden=st.sets(st.integers(0, 11)),
    n=st.integers(1, 14),
)
def test_the_n_best_as_by_sorting(
    choose: object, row: list[float], hidden: set[int], n: int
) -> None:
    hidden = {i for i in hidden if i < len(row)}
    items, scores = np.empty((1, n), np.int32), np.empty((1, n))
    hide = np.array(sorted(hidden), np.int32)
    indptr = np.array([0, len(hide)], np.int32)
    choose(np.array([row]), indptr, hide, 0, n, items, scores)  # type: ignore[operator]
    expected = by_sorting(row, hidden, n)
    assert items[0].tolist() == expected + [-1] * (n - len(expected))
    assert scores[0, : len(expected)].tolist() == [row[i] for i in expected]
    assert (scores[0, len(expected) :] == -np.inf).all()


@pytest.mark.parametrize("name", ["ease", "ials"])
@pytest.mark.parametrize("n", [1, 5, 20, 40])
def test_recommend_ranks_scores_without_excluded_items(name: str, n: int) -> None:
    X = interactions(13, 50)
    model = fitted(name)
    found = model.recommend(X, n, exclude=X)
    scores = model.scores(X)
    for u in range(50):
        expected = by_sorting(scores[u].tolist(), set(X[u].indices.tolist()), n)
        assert found.items[u, : len(expected)].tolist() == expected
        assert (found.items[u, len(expected) :] == -1).all()
        assert found.scores[u, : len(expected)].tolist() == scores[u, expected].tolist()


def test_lists_do_not_depend_on_threads_or_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    X = interactions(14, 200)
    model = fitted("ials")
    expected = model.recommend(X, 7, exclude=X)
    monkeypatch.setattr(scoring, "BLOCK_BYTES", 1)
    try:
        for n in (1, 3):
            threads.set_threads(n)
            found = model.recommend(X, 7, exclude=X)
            assert (found.items == expected.items).all()
            assert (found.scores == expected.scores).all()
    finally:
        threads.set_threads(None)


def test_bad_requests_are_refused() -> None:
    X = interactions(15)
    model = fitted("ease")
    with pytest.raises(ConfigError, match="a list of 0"):
        model.recommend(X, 0)
    with pytest.raises(ModelError, match="exclude is"):
        model.recommend(X, 5, exclude=X[:2])
    with pytest.raises(ModelError, match="5 items where the model knows 20"):
        model.recommend(sparse.csr_matrix((1, 5), dtype=np.float32), 5)
