"""Bayesian MF: a draw is what its formula says, the mean is better than one, and reasons add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from scipy import sparse
from tests.recommend.rating_cases import N_ITEMS, plain_scores, rated_histories, ratings

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.bpmf import BPMF, Side, _as_ridge
from whyrec.recommend.implicit_prior import ImplicitPrior

ALL = np.arange(N_ITEMS, dtype=np.int32)
SMALL = {"factors": 3, "samples": 4, "burn_in": 3}
MODELS = {i: BPMF(**SMALL, implicit=i).fit(ratings()) for i in ("none", "both")}


def side(matrix: sparse.csr_matrix, strength: float = 0.0, factors: int = 1) -> Side:
    return Side(matrix, factors, strength, np.random.default_rng(0))


class TestDraws:
    def test_rows_have_the_mean_and_spread_of_their_posterior(self):
        # One rating 2 of an item with bias 0 and factor 1, μ = 0, Λ = I, β = 3:
        # A = I + 3 (1, 1)ᵀ(1, 1) = [[4, 3], [3, 4]], mean A⁻¹ · 3 · 2 (1, 1) = (6/7, 6/7).
        rows = 40_000
        R = sparse.csr_matrix(np.full((rows, 1), 2.0, np.float32))
        people = side(R)
        people.draw_rows(np.array([[0.0, 1.0]]), 3.0)
        assert people.rows.mean(0) == pytest.approx([6 / 7, 6 / 7], abs=0.02)
        covariance = np.linalg.inv([[4, 3], [3, 4]])
        assert np.cov(people.rows.T) == pytest.approx(covariance, abs=0.02)

    def test_the_prior_finds_the_mean_and_spread_of_the_rows(self):
        rng = np.random.default_rng(1)
        people = side(sparse.csr_matrix((5_000, 2), dtype=np.float32))
        root = np.array([[1.0, 0.5], [0.0, 2.0]])
        people.rows = rng.standard_normal((5_000, 2)) @ root + [3, -1]
        people.draw_prior()
        assert people.center == pytest.approx([3, -1], abs=0.15)
        assert np.linalg.inv(people.precision) == pytest.approx(root.T @ root, abs=0.4)

    def test_what_having_rated_tells_is_drawn_about_the_ridge_solution(self):
        X = ratings(users=200)
        prior = ImplicitPrior(X, 2.0)
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((200, 1))
        spread = np.array([[0.5]])
        drawn = np.stack([prior.draw(vectors, spread, rng) for _ in range(2_000)])[..., 0]
        F = prior.features.toarray().astype(float)
        A = F.T @ F + 2 * np.eye(N_ITEMS)
        assert drawn.mean(0) == pytest.approx(np.linalg.solve(A, F.T @ vectors)[:, 0], abs=0.05)
        assert np.cov(drawn.T) == pytest.approx(0.25 * np.linalg.inv(A), abs=0.02)

    def test_conjugate_gradients_give_the_same(self, monkeypatch):
        vectors = np.random.default_rng(0).standard_normal((25, 3))
        whole = ImplicitPrior(ratings(), 2.0).fit(vectors)
        monkeypatch.setattr("whyrec.recommend.implicit_prior.DENSE", 1)
        assert ImplicitPrior(ratings(), 2.0).fit(vectors) == pytest.approx(whole, abs=2e-3)

    def test_the_ridge_form_is_the_posterior_mean_of_the_draw(self):
        R = ratings()
        people, items = side(R, 3.0, factors=2), side(R.T.tocsr(), 3.0, factors=2)
        for _ in range(3):
            people.draw_prior()
            items.draw_prior()
            people.draw_rows(items.rows, 1.5)
            items.draw_rows(people.rows, 1.5)
        bias, z, v = _as_ridge(people, items.rows, 1.5, 2.0, 0.5)
        model = BPMF(factors=2, samples=1)._take(bias[None], z[None], v[None])
        u = 4
        rated = R.indices[R.indptr[u] : R.indptr[u + 1]]
        Y = np.column_stack([np.ones(N_ITEMS), items.rows[:, 1:]])
        expected = people.center + people.links[rated].sum(0) / np.sqrt(len(rated))
        left = people.precision + 1.5 * Y[rated].T @ Y[rated]
        e = (R.data[R.indptr[u] : R.indptr[u + 1]] - 2.0) / 0.5 - items.rows[rated, 0]
        t = np.linalg.solve(left, people.precision @ expected + 1.5 * Y[rated].T @ e)
        told = 2.0 + 0.5 * (items.rows[:, 0] + Y @ t)
        assert model.scores(R)[u] == pytest.approx(told, rel=1e-5)


class TestModel:
    @pytest.mark.parametrize("implicit", list(MODELS))
    @given(history=rated_histories())
    def test_contributions_and_baseline_sum_to_the_score(self, implicit, history):
        model = MODELS[implicit]
        scores = model.scores(history.matrix(N_ITEMS))[0]
        assert scores == pytest.approx(plain_scores(model, history), rel=1e-9, abs=1e-9)
        sums = model.contributions(history, ALL).sum(1) + model.baseline(ALL)
        assert sums == pytest.approx(scores, rel=1e-9, abs=1e-9)

    @given(history=rated_histories())
    def test_leaving_one_out_is_folding_in_again(self, history):
        model = MODELS["both"]
        found = model.leave_one_out(history, ALL)
        for place, item in enumerate(history.items.tolist()):
            again = plain_scores(model, history.without(np.array([item])))
            assert found[:, place] == pytest.approx(again, rel=1e-8, abs=1e-8)

    def test_the_mean_of_draws_is_nearer_than_a_draw(self):
        R = ratings(users=200)
        rng = np.random.default_rng(0)
        kept = rng.random(R.nnz) < 0.7
        people = np.repeat(np.arange(200), np.diff(R.indptr))
        indptr = np.concatenate(([0], np.cumsum(np.bincount(people[kept], minlength=200))))
        learnt = sparse.csr_matrix((R.data[kept], R.indices[kept], indptr), shape=R.shape)
        asked = (people[~kept], R.indices[~kept])

        def error(model: BPMF) -> float:
            found = model.predict_pairs(learnt, *asked)
            return float(np.sqrt(np.mean((found - R.data[~kept]) ** 2)))

        many = BPMF(factors=3, samples=20, burn_in=5).fit(learnt)
        ones = [BPMF(factors=3, samples=1, burn_in=5, seed=s).fit(learnt) for s in range(5)]
        assert error(many) < np.mean([error(one) for one in ones])
        assert error(many) < 0.9 * R.data.std()

    def test_the_seed_decides_and_arrays_restore(self):
        model = MODELS["both"]
        same = BPMF(**SMALL, implicit="both").fit(ratings())
        assert np.array_equal(model.item_factors_, same.item_factors_)
        other = BPMF(**SMALL, implicit="both", seed=1).fit(ratings())
        assert not np.allclose(model.item_factors_, other.item_factors_)
        again = BPMF.from_arrays(model.params, model.arrays())
        assert np.array_equal(again.scores(ratings()), model.scores(ratings()))

    def test_several_members_have_no_single_removal(self):
        R = ratings()
        assert MODELS["none"].removal(_first(R)) is None

    @pytest.mark.parametrize("params", [{"samples": 0}, {"implicit": "no"}, {"thin": 0}])
    def test_bad_parameters_are_refused(self, params):
        with pytest.raises(ConfigError):
            BPMF(**params)

    def test_no_ratings_are_told(self):
        with pytest.raises(ModelError, match="no ratings"):
            BPMF().fit(sparse.csr_matrix((2, 2), dtype=np.float32))


def _first(R: sparse.csr_matrix):
    from whyrec.recommend.base import History

    return History(R.indices[: R.indptr[1]], R.data[: R.indptr[1]])
