"""SASRec reads histories in order, looks at nothing that comes later, and comes back from disk."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.base import History
from whyrec.recommend.neural.sasrec import SASRec


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks this small only wait for a second thread."""
    monkeypatch.setenv("WHYREC_THREADS", "1")


SMALL = {"width": 16, "heads": 2, "blocks": 1, "length": 8, "epochs": 20, "validation": 0.0}
ITEMS = 12


def sequences(rows: list[list[int]], n_items: int = ITEMS) -> sparse.csr_matrix:
    """Rows in the order given."""
    indptr = np.cumsum([0, *map(len, rows)])
    indices = np.array([i for row in rows for i in row], np.int32)
    return sparse.csr_matrix(
        (np.ones(len(indices), np.float32), indices, indptr), shape=(len(rows), n_items)
    )


def circles(people: int = 80, seed: int = 0) -> sparse.csr_matrix:
    """Everybody walks round the items in order, from anywhere, five steps far."""
    rng = np.random.default_rng(seed)
    return sequences([[(s + k) % ITEMS for k in range(5)] for s in rng.integers(0, ITEMS, people)])


def small(**params: object) -> SASRec:
    return SASRec(**{**SMALL, **params})


@pytest.mark.parametrize("loss", ["softmax", "bce"])
def test_it_finds_what_comes_next(loss: str) -> None:
    fitted = small(loss=loss, epochs=150, dropout=0.0, learning_rate=1e-2, negatives=4).fit(
        circles()
    )
    asked = sequences([[(s + k) % ITEMS for k in range(4)] for s in range(ITEMS)])
    found = fitted.recommend(asked, 1, exclude=asked).items[:, 0]
    assert found.tolist() == [(s + 4) % ITEMS for s in range(ITEMS)]


def test_the_order_of_a_history_matters() -> None:
    fitted = small(epochs=150, dropout=0.0, learning_rate=1e-2).fit(circles())
    there, back = sequences([[3, 4, 5]]), sequences([[5, 4, 3]])
    assert fitted.recommend(there, 1, exclude=there).items[0, 0] == 6
    assert not np.allclose(fitted.scores(there), fitted.scores(back))


def test_a_later_event_changes_no_earlier_state() -> None:
    import torch

    fitted = small().fit(circles())
    start = fitted.n_items
    one = torch.tensor([[start, 1, 2, 3, 4, 5]])
    for place in range(1, 6):
        other = one.clone()
        other[0, place] = 9
        with torch.no_grad():
            a, b = fitted.network_(one)[0], fitted.network_(other)[0]
        assert torch.equal(a[:place], b[:place])
        assert not torch.allclose(a[place:], b[place:])


def test_what_stands_beside_a_history_changes_nothing() -> None:
    fitted = small().fit(circles())
    together = sequences([[1, 2], [3, 4, 5, 6, 7, 8], [], [11]])
    alone = [sequences([r]) for r in ([1, 2], [3, 4, 5, 6, 7, 8], [], [11])]
    scores = fitted.scores(together)
    for row, one in zip(scores, alone, strict=True):
        assert np.allclose(row, fitted.scores(one)[0], atol=1e-5)


def test_scores_are_log_probabilities_of_the_next_item() -> None:
    scores = small().fit(circles()).scores(sequences([[1, 2, 3], []]))
    assert np.allclose(np.exp(scores).sum(1), 1, atol=1e-5)


def test_only_the_latest_events_are_read() -> None:
    fitted = small(length=3).fit(circles())
    long, short = sequences([[0, 9, 1, 2, 3]]), sequences([[1, 2, 3]])
    assert np.allclose(fitted.scores(long), fitted.scores(short))


@pytest.mark.parametrize(("context", "least"), [(0.0, 0), (0.5, 2), (0.75, 3)])
def test_every_event_of_a_long_row_is_learnt_once_with_what_stands_before(
    context: float, least: int
) -> None:
    model = small(length=4, context=context)
    model.n_items = 30
    X = sequences([list(range(11)), [20, 21], [], [25]], 30)
    for seed in range(5):
        windows, fresh = model._windows(X, np.random.default_rng(seed))
        assert (windows[:, 0] == 30).all()
        learnt = []
        for row, first in zip(windows[:, 1:], fresh, strict=True):
            there = row[row >= 0]
            assert (np.diff(there) == 1).all()
            assert (row[: len(there)] >= 0).all()
            learnt += there[first:].tolist()
            if there[0] not in (0, 20, 25):  # not the beginning of a history
                assert first >= least
        assert sorted(learnt) == [*range(11), 20, 21, 25]


def test_people_lose_only_their_last_event_to_validation() -> None:
    X = circles(100)
    train, shown, hidden = small(validation=0.3)._split(X, np.random.default_rng(0))
    assert hidden.shape[0] == shown.shape[0] == 30
    assert train.nnz == X.nnz - 30
    for k in range(30):
        kept = shown[k].indices.tolist()
        assert (kept[-1] + 1) % ITEMS == hidden[k].indices[0]


def test_a_seed_gives_one_model() -> None:
    X = circles()
    one, two, other = small(seed=3).fit(X), small(seed=3).fit(X), small(seed=4).fit(X)
    assert (one.scores(X) == two.scores(X)).all()
    assert not (one.scores(X) == other.scores(X)).all()


def test_training_in_parts_of_the_catalogue_gives_the_same_gradient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = small(epochs=3, dropout=0.0).fit(circles())
    monkeypatch.setattr("whyrec.recommend.neural.sasrec.LOGIT_BYTES", 7 * 4 * ITEMS)
    parts = small(epochs=3, dropout=0.0).fit(circles())
    assert np.allclose(whole.scores(circles()), parts.scores(circles()), atol=1e-3)


def test_it_stops_early() -> None:
    fitted = small(validation=0.5, epochs=200, patience=3, learning_rate=3e-2).fit(circles())
    assert len(fitted.curve_) == int(fitted.curve_[:, 2].argmax()) + 1 + 3 < 200


def test_it_comes_back_from_its_arrays() -> None:
    X = circles()
    fitted = small(loss="bce").fit(X)
    back = SASRec.from_arrays(fitted.params, fitted.arrays())
    assert (back.scores(X) == fitted.scores(X)).all()
    assert back.n_items == ITEMS
    with pytest.raises(ModelError, match="do not fit together"):
        SASRec.from_arrays({**fitted.params, "blocks": 2}, fitted.arrays())


def test_leaving_out_keeps_the_order() -> None:
    fitted = small().fit(circles())
    history = History(np.array([7, 2, 5], np.int32), np.ones(3, np.float32))
    items = np.array([1, 4], np.int32)
    expected = [fitted.scores(sequences([r]))[0, items] for r in ([2, 5], [7, 5], [7, 2])]
    assert np.allclose(fitted.leave_one_out(history, items), np.array(expected).T, atol=1e-5)


def test_nothing_to_learn_from_and_items_named_twice() -> None:
    with pytest.raises(ModelError, match="no positive events"):
        small().fit(sparse.csr_matrix((3, 4), dtype=np.float32))
    with pytest.raises(ModelError, match="names an item twice"):
        small().fit(sequences([[1, 2, 1]]))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loss": "hinge"}, "no such loss: hinge; use softmax or bce"),
        ({"width": 10, "heads": 4}, "does not divide into 4 heads"),
        ({"length": 0}, "sasrec, length"),
    ],
)
def test_parameters_out_of_range(params: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SASRec(**params)
