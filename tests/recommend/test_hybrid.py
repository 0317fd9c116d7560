"""A hybrid is the calibrated weighted sum of its parts, and so are all its reasons."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from tests.recommend.model_cases import histories, interactions, score

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import registry
from whyrec.recommend.base import History
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.ease import EASE
from whyrec.recommend.hybrid import Hybrid
from whyrec.recommend.ials import IALS
from whyrec.recommend.parts import PRESETS
from whyrec.recommend.popularity import Popularity
from whyrec.recommend.scoring import RowModel

ITEMS = np.arange(20)
EASE_PART = {"model": "ease", "params": {"regularization": 2.0}}
IALS_PART = {"model": "ials", "params": {"factors": 5, "regularization": 0.5, "iterations": 3}}
POPULAR = {"model": "popularity"}
NESTED = {"model": "hybrid", "params": {"parts": [EASE_PART, POPULAR]}}


@cache
def made(*which: int, calibration: str = "auto") -> Hybrid:
    chosen = [EASE_PART, IALS_PART, POPULAR, NESTED]
    parts = [{**chosen[k], "weight": 1 + k} for k in which]
    return Hybrid(parts=parts, calibration=calibration).fit(interactions(3))


combinations = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple)


@given(which=combinations, history=histories())
def test_contributions_and_baseline_sum_to_the_score(
    which: tuple[int, ...], history: History
) -> None:
    model = made(*which)
    assert model.exact
    parts, effects = model.explain(history, ITEMS)
    scores = score(model, history)
    np.testing.assert_allclose(parts.sum(1) + model.baseline(ITEMS), scores, atol=1e-9)
    assert (parts == model.contributions(history, ITEMS)).all()
    np.testing.assert_allclose(
        effects, scores[:, None] - model.leave_one_out(history, ITEMS), atol=1e-9
    )


@given(which=combinations, history=histories())
def test_the_breakdown_by_model_sums_to_the_score(which: tuple[int, ...], history: History) -> None:
    model = made(*which)
    (found,) = model.breakdowns(history, ITEMS)
    assert found.kind == "model"
    assert len(set(found.names)) == len(which)
    whole = found.parts.sum(1) + model.baseline(ITEMS)
    np.testing.assert_allclose(whole, score(model, history), atol=1e-9)


@given(which=combinations, history=histories())
def test_leaving_one_out_is_scoring_without_it(which: tuple[int, ...], history: History) -> None:
    model = made(*which)
    found = model.leave_one_out(history, ITEMS)
    for j, item in enumerate(history.items):
        expected = score(model, history.without(np.array([item])))
        np.testing.assert_allclose(found[:, j], expected, rtol=1e-7, atol=1e-8)


@given(history=histories(min_size=2), data=st.data())
def test_a_linear_hybrid_tells_what_any_removal_costs(
    history: History, data: st.DataObject
) -> None:
    model = made(0, 2, 3)
    assert model.linear
    removed = np.array(sorted(data.draw(st.sets(st.integers(0, len(history) - 1), min_size=1))))
    removal = model.removal(history)
    assert removal is not None
    expected = score(model, history.without(history.items[removed]))
    np.testing.assert_allclose(removal.scores(score(model, history), removed), expected, atol=1e-8)


def test_with_a_part_that_is_not_linear_the_hybrid_is_not() -> None:
    model = made(0, 1)
    assert model.exact
    assert not model.linear
    assert model.removal(History(np.array([1], np.int32), np.ones(1, np.float32))) is None


def test_without_calibration_it_is_the_plain_weighted_mean() -> None:
    X = interactions(3)
    model = Hybrid(parts=[{**EASE_PART, "weight": 3}, POPULAR], calibration="none").fit(X)
    ease, popular = EASE(regularization=2.0).fit(X), Popularity().fit(X)
    expected = 0.75 * ease.scores(X) + 0.25 * popular.scores(X)
    np.testing.assert_allclose(model.scores(X), expected, rtol=1e-12)


def test_calibration_worked_by_hand() -> None:
    # Everybody's only candidate scores: counts are 3, 2, 1. Candidates: item 2 twice, item 1 once.
    X = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]], np.float32))
    model = Hybrid(parts="popularity").fit(X)
    mean, deviation = (1 + 1 + 2) / 3, np.std([1, 1, 2])
    expected = (np.array([3, 2, 1]) - mean) / deviation
    np.testing.assert_allclose(model.scores(X[:1])[0], expected, rtol=1e-12)


def test_many_at_once_is_one_after_another() -> None:
    X, model = interactions(3), made(0, 1, 2)
    items = np.tile(np.array([3, 0, 19], np.int32), (X.shape[0], 1))
    parts, effects = model.explain_many(X, items)
    for u in range(X.shape[0]):
        row = X[u]
        one, lost = model.explain(History(row.indices, row.data), items[u])
        np.testing.assert_allclose(parts[u], one, atol=1e-12)
        np.testing.assert_allclose(effects[u], lost, atol=1e-9)


def test_models_fitted_elsewhere_can_be_combined() -> None:
    X = interactions(3)
    models = [EASE(regularization=2.0).fit(X), Popularity().fit(X)]
    model = Hybrid.of(models, [1, 2], X)
    again = Hybrid(parts=[{**EASE_PART, "weight": 1}, {**POPULAR, "weight": 2}]).fit(X)
    np.testing.assert_allclose(model.scores(X), again.scores(X))
    assert model.params == again.params


def dataset(ratings: bool = True) -> Dataset:
    rng = np.random.default_rng(5)
    pairs = [(u, i) for u in range(40) for i in rng.choice(15, 6, replace=False)]
    start = datetime(2026, 1, 1)
    return Dataset.from_frames(
        pl.DataFrame(
            {
                "user_id": [f"u{u}" for u, _ in pairs],
                "item_id": [f"i{i}" for _, i in pairs],
                "event": ["rating" if ratings else "purchase"] * len(pairs),
                "value": [float(1 + (u * 7 + i * 3) % 5) for u, i in pairs],
                "timestamp": [start + timedelta(hours=int(h)) for h in rng.permutation(len(pairs))],
            }
        )
    )


def test_a_hybrid_comes_back_from_disk(tmp_path: Path) -> None:
    parts = [{**EASE_PART, "weight": 2}, {**NESTED, "weight": 1}, IALS_PART]
    bundle = Bundle.fit(dataset(), "hybrid", parts=parts)
    bundle.save(tmp_path / "model")
    again = Bundle.load(tmp_path / "model")
    assert (again.scores(again.histories) == bundle.scores(bundle.histories)).all()
    assert again.fingerprint == bundle.fingerprint
    assert again.recommender.params == bundle.recommender.params


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ("ease:0.6,nothing:0.4", "no such model: nothing"),
        ("ease:much", "“much” is not a weight"),
        ("ease:-1", "-1.0 is not allowed; use a number from 0"),
        ("ease:0", "every weight is 0"),
        ("", "0 parts given"),
        ("ease(lambda=3)", "no such parameter: lambda; use regularization"),
        ("ease(regularization):1", "“regularization” is not KEY=VALUE"),
        ("[{]", "not JSON"),
        ('[{"model": "ease", "wieght": 1}]', "no such field: wieght"),
        (7, "“7” is not a list of models"),
        ("ease;ials", "“ease;ials” is not a list of models"),
    ],
)
def test_parts_that_cannot_be_read_are_refused_with_the_remedy(parts: object, says: str) -> None:
    with pytest.raises(ConfigError, match=r"^(hybrid|ease|model)") as caught:
        Hybrid(parts=parts)
    assert says in str(caught.value)


def test_the_same_parts_in_every_form() -> None:
    expected = Hybrid(parts="ease:0.6,ials(factors=8):0.4").params
    listed = [
        {"model": "ease", "weight": 0.6},
        {"model": "ials", "params": {"factors": 8}, "weight": 0.4},
    ]
    assert Hybrid(parts=listed).params == expected
    assert Hybrid(parts=["ease:0.6", "ials(factors=8):0.4"]).params == expected
    assert Hybrid(**expected).params == expected
    assert (
        Hybrid(parts={"ease": 1, "popularity": 3}).params
        == Hybrid(parts="ease,popularity:3").params
    )


class Last(RowModel):
    """Reads sequences: an item is worth 1 / (1 + its distance to the last event), no exact parts."""

    name = "last"
    exact = False
    linear = False
    reads = "sequence"

    @property
    def params(self) -> dict[str, object]:
        return {}

    def fit(self, interactions: sparse.csr_matrix) -> Last:
        self.n_items = interactions.shape[1]
        return self

    def _score_rows(self, histories, start, end, out) -> None:  # type: ignore[no-untyped-def]
        for u in range(start, end):
            a, b = histories.indptr[u], histories.indptr[u + 1]
            last = histories.indices[b - 1] if b > a else 0
            out[u - start] = 1 / (1 + np.abs(np.arange(self.n_items) - last))

    def contributions(self, history: History, items: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def leave_one_out(self, history: History, items: np.ndarray) -> np.ndarray:
        left = [history.without(history.items[[j]]) for j in range(len(history))]
        return np.stack([score(self, h)[items] for h in left], axis=1)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"n": np.array([self.n_items])}

    @classmethod
    def from_arrays(cls, params, arrays) -> Last:  # type: ignore[no-untyped-def]
        made = cls()
        made.n_items = int(arrays["n"][0])
        return made


@pytest.fixture
def last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.CLASSES, "last", f"{__name__}:Last")


@pytest.mark.usefixtures("last")
def test_with_a_model_of_sequences_all_read_sequences() -> None:
    data = dataset(ratings=False)
    X = data.histories("sequence")
    model = Hybrid(parts=[EASE_PART, {"model": "last"}], calibration="none").fit_dataset(data)
    assert model.reads == "sequence"
    assert not model.exact
    ease = EASE(regularization=2.0).fit(data.interactions)
    expected = (ease.scores(data.interactions) + Last().fit(X).scores(X)) / 2
    np.testing.assert_allclose(model.scores(X), expected, rtol=1e-6)
    history = History(X.indices[:6], X.data[:6])
    assert (np.diff(history.items) < 0).any()  # in order of time, not of items
    found = model.leave_one_out(history, np.arange(15))
    for j in range(6):
        left = score(model, history.without(history.items[[j]]))
        np.testing.assert_allclose(found[:, j], left, atol=1e-9)
    (by_model,) = model.breakdowns(history, np.arange(15))
    np.testing.assert_allclose(by_model.parts.sum(1), score(model, history), atol=1e-9)
    with pytest.raises(NotImplementedError, match="last cannot be taken apart"):
        model.contributions(history, np.arange(3))
    again = Hybrid.from_arrays(model.params, model.arrays())
    assert (again.scores(X) == model.scores(X)).all()


@pytest.mark.usefixtures("last")
def test_ratings_and_sequences_cannot_be_summed() -> None:
    with pytest.raises(ConfigError, match="a model of ratings and one of sequences"):
        Hybrid(parts="mf,last")


RATED = "mf(factors=4):0.7,ease(regularization=2):0.3"


def test_models_of_likings_join_models_of_ratings_on_the_rating_scale() -> None:
    data = dataset()
    model = Hybrid(parts=RATED).fit_dataset(data)
    X = data.histories("rated")
    assert model.reads == "rated"
    assert model.like_ == 3.5
    mf, ease = model.parts_
    shown = (X.data >= 3.5, X.indices.copy(), X.indptr.copy())
    liked = sparse.csr_matrix(shown, shape=X.shape)
    liked.eliminate_zeros()
    scale = model.coefficients_[1] / 0.3
    offset = model.offset_ / 0.3
    likings = ease.scores(liked.astype(np.float32))
    expected = 0.7 * mf.scores(X) + 0.3 * (scale * likings + offset)
    np.testing.assert_allclose(model.scores(X), expected, rtol=1e-9)
    # Least squares over rated pairs, each without itself; EASE has no diagonal, so as it is.
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    line = np.polyfit(likings[rows, X.indices], X.data.astype(np.float64), 1)
    np.testing.assert_allclose([scale, offset], line, rtol=1e-6)


@given(data=st.data())
def test_a_hybrid_of_ratings_adds_up_too(data: st.DataObject) -> None:
    model = rated_hybrid()
    rated = data.draw(
        st.dictionaries(st.integers(0, 14), st.sampled_from([1, 2, 3.5, 4, 5]), min_size=2)
    )
    items = np.array(sorted(rated), np.int32)
    history = History(items, np.array([rated[i] for i in items.tolist()], np.float32))
    every = np.arange(15)
    parts, effects = model.explain(history, every)
    scores = score(model, history)
    np.testing.assert_allclose(parts.sum(1) + model.baseline(every), scores, rtol=1e-6)
    left = model.leave_one_out(history, every)
    np.testing.assert_allclose(effects, scores[:, None] - left, atol=1e-6)
    for j, item in enumerate(items):
        expected = score(model, history.without(np.array([item])))
        np.testing.assert_allclose(left[:, j], expected, atol=1e-6)


@cache
def rated_hybrid() -> Hybrid:
    return Hybrid(parts=RATED).fit_dataset(dataset())


def test_a_preset_is_the_sum_of_that_name() -> None:
    assert Hybrid(parts="best").params == Hybrid(parts=PRESETS["best"]).params
    assert Hybrid(parts="best").exact


def test_arrays_of_other_models_are_refused() -> None:
    model = made(0, 2)
    arrays = {**model.arrays(), "coefficients": np.ones(3)}
    with pytest.raises(ModelError, match="do not fit together"):
        Hybrid.from_arrays(model.params, arrays)


def test_ials_and_ease_alone_are_what_they_are_in_a_hybrid() -> None:
    X = interactions(3)
    alone = IALS(factors=5, regularization=0.5, iterations=3).fit(X).scores(X)
    model = made(1)
    order = np.argsort(-alone, axis=1, kind="stable")
    assert (np.argsort(-model.scores(X), axis=1, kind="stable")[:, :5] == order[:, :5]).all()
