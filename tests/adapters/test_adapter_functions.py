"""A Python function as a recommender: its scores are kept, its answers checked, evidence sampled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.adapters.adapter_cases import check_explained, small

from whyrec.errors import ConfigError, ModelError
from whyrec.evidence.engine import EvidenceEngine
from whyrec.recommend.adapters import adapt, from_callable
from whyrec.recommend.ease import EASE


def ease() -> EASE:
    return EASE(regularization=5.0).fit(small().interactions)


def curved(histories: Any) -> np.ndarray:
    """Not linear in the history."""
    return np.tanh(ease().scores(histories))


def test_scores_are_the_functions_own() -> None:
    data = small()
    bundle = from_callable(curved, data)
    np.testing.assert_array_equal(
        bundle.recommender.scores(data.interactions), curved(data.interactions)
    )


def test_sampled_evidence_of_a_linear_function_is_its_linear_parts() -> None:
    data = small()
    model = ease()
    bundle = adapt(model.scores, data)
    history = bundle.history(3)
    (evidence, *_) = EvidenceEngine(bundle).explain(data.users[3], n=1)
    assert not evidence.exact
    assert evidence.calls > 0
    item = data.catalogue.index[evidence.item]
    true = dict(
        zip(
            [data.catalogue.ids[i] for i in history.items],
            model.contributions(history, np.array([item]))[0],
            strict=True,
        )
    )
    for reason in evidence.reasons:
        assert reason.contribution == pytest.approx(true[str(reason.item)], abs=1e-6)


def test_texts_come_out() -> None:
    check_explained(from_callable(curved, small()))


def test_one_person_at_a_time_with_ids() -> None:
    data = small()
    model = ease()

    def score(history: dict[str, float]) -> list[float]:
        row = np.zeros(data.n_items, np.float32)
        for id, weight in history.items():
            row[data.catalogue.index[id]] = weight
        return (row @ model.weights_).tolist()

    bundle = from_callable(score, data, one_at_a_time=True)
    np.testing.assert_allclose(
        bundle.recommender.scores(data.interactions), model.scores(data.interactions), atol=1e-5
    )


def test_a_sequence_arrives_oldest_first() -> None:
    data = small()
    seen: list[list[int]] = []

    def score(histories: Any) -> np.ndarray:
        for u in range(histories.shape[0]):
            seen.append(histories.indices[histories.indptr[u] : histories.indptr[u + 1]].tolist())
        return np.zeros(histories.shape)

    bundle = from_callable(score, data, reads="sequence")
    seen.clear()
    bundle.recommender.scores(bundle.histories[:3])
    pairs = data.history_pairs("sequence")
    for user in range(3):
        assert seen[user] == pairs.filter(pairs["user"] == user)["item"].to_list()


def test_columns_of_its_own_are_mapped_and_unknown_items_come_last() -> None:
    data = small()
    model = ease()
    theirs = [data.catalogue.ids[i] for i in range(data.n_items - 1, 4, -1)]
    columns = np.array([data.catalogue.index[i] for i in theirs])

    def score(histories: Any) -> np.ndarray:
        assert histories.shape[1] == len(theirs)
        return histories.toarray() @ model.weights_[np.ix_(columns, columns)]

    bundle = from_callable(score, data, items=theirs)
    ours = bundle.recommender.scores(data.interactions)
    assert (ours[:, :5] < ours[:, 5:].min(1, keepdims=True)).all()
    row = data.interactions[2].toarray()[0]
    row[:5] = 0
    np.testing.assert_allclose(ours[2, 5:], (row @ model.weights_)[5:], atol=1e-5)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda H: 1 / 0, "raised ZeroDivisionError"),
        (lambda H: np.zeros((2, 2)), "answered 2 × 2 for 8 histories and 40 items"),
        (lambda H: np.zeros(H.shape[1]), "answered 40 for 8 histories"),
        (lambda H: np.full(H.shape, np.nan), "scores are not finite numbers"),
        (lambda H: np.full(H.shape, np.inf), "scores are not finite numbers"),
        (lambda H: "scores", "not a table of numbers"),
        (lambda H: [[1.0], [1.0, 2.0]], "not a table of numbers"),
        (lambda H: None, "one number"),
    ],
    ids=["raises", "shape", "flat", "nan", "inf", "text", "ragged", "none"],
)
def test_wrong_answers_are_told_when_it_is_adapted(function: Any, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        from_callable(function, small())


def test_it_cannot_be_saved_and_says_what_can(tmp_path: Path) -> None:
    bundle = from_callable(curved, small())
    with pytest.raises(ModelError, match=r"cannot be saved.*from_http.*from_onnx"):
        bundle.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_fingerprints_tell_functions_apart() -> None:
    data = small()
    one, same, other = (from_callable(f, data) for f in (curved, curved, ease().scores))
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(ConfigError, match="is not a function"):
        from_callable(3, small())  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"no adapter for builtins.int"):
        adapt(3, small())
    with pytest.raises(ConfigError, match="cannot read everything"):
        from_callable(curved, small(), reads="everything")  # type: ignore[arg-type]
