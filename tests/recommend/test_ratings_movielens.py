"""On MovieLens-100K: errors as promised, sums that hold for every pair, lists a person would expect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from whyrec.data.dataset import Dataset
from whyrec.evaluate.rating import rating_errors
from whyrec.evidence.engine import EvidenceEngine
from whyrec.language.explain import Explainer
from whyrec.recommend.base import History
from whyrec.recommend.bpmf import BPMF
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.mf import MF
from whyrec.recommend.ratingknn import RatingKNN

pytestmark = pytest.mark.data

SCALE = (1.0, 5.0)
CASES = {
    "mf": (MF(), 0.905),
    "mf plain": (MF(implicit="none", factors=20), 0.92),
    "mf plain sgd": (MF(implicit="none", factors=20, solver="sgd"), 0.92),
    "svd++": (MF(implicit="both"), 0.895),
    "bpmf": (BPMF(samples=10), 0.895),
    "ratingknn": (RatingKNN(), 0.92),
}


@pytest.fixture(scope="module")
def data(data_dir: Path) -> Dataset:
    return Dataset.read(data_dir / "movielens-100k")


@pytest.fixture(scope="module")
def fold(data: Dataset) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """(what is learnt from, what is held out): a fifth of all ratings, at random."""
    R = data.histories("rated")
    held = np.random.default_rng(0).random(R.nnz) < 0.2
    people = np.repeat(np.arange(R.shape[0]), np.diff(R.indptr))

    def part(keep: np.ndarray) -> sparse.csr_matrix:
        indptr = np.concatenate(([0], np.cumsum(np.bincount(people[keep], minlength=R.shape[0]))))
        return sparse.csr_matrix((R.data[keep], R.indices[keep], indptr), shape=R.shape)

    return part(~held), part(held)


@pytest.mark.parametrize("case", list(CASES))
def test_error_and_sums(case: str, fold: tuple[sparse.csr_matrix, sparse.csr_matrix]) -> None:
    model, limit = CASES[case]
    train, test = fold
    model.fit(train)
    found = rating_errors(model, train, test, scale=SCALE)
    (low, high), _ = found.intervals()
    assert low < found.rmse < high
    assert found.rmse <= limit
    scores = model.scores(train)
    for u in range(0, train.shape[0], 7):
        asked = test.indices[test.indptr[u] : test.indptr[u + 1]]
        a, b = train.indptr[u : u + 2]
        parts = model.contributions(History(train.indices[a:b], train.data[a:b]), asked)
        sums = parts.sum(1) + model.baseline(asked)
        assert sums == pytest.approx(scores[u, asked], rel=1e-9)


def test_lists_are_no_films_that_one_person_saw(data: Dataset) -> None:
    bundle = Bundle.fit(data, "mf")
    many = np.bincount(data.histories("rated").indices, minlength=data.n_items)
    listed = bundle.recommend(data.users, 10).items
    assert (many[listed] >= 5).mean() > 0.95
    assert np.median(many[listed]) > 50


def test_texts_name_no_film_rated_low(data: Dataset) -> None:
    bundle = Bundle.fit(data, "mf", implicit="both")
    engine = EvidenceEngine(bundle)
    explainer = Explainer(bundle, backend="none", engine=engine)
    told = 0
    for user in ("1", "2", "13", "405"):
        low = {i for i, deed in engine.deeds(user).items() if deed.negative}
        assert low
        for e in explainer.explain(user):
            assert e.verified
            assert e.evidence.exact
            named = {i for claim in e.claims for i in claim.items if claim.kind != "without"}
            assert not named & low
            told += 1
    assert told == 40
