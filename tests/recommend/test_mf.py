"""Biased MF: its arithmetic by hand, its gradient, its curves, and reasons that add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from tests.recommend.rating_cases import N_ITEMS, plain_scores, rated_histories, ratings

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import threads
from whyrec.recommend.base import History
from whyrec.recommend.curves import draw_curve
from whyrec.recommend.implicit_prior import ImplicitPrior
from whyrec.recommend.mf import MF, Learning, _hold_out
from whyrec.recommend.rating_factors import standardise

SMALL = {"factors": 3, "regularization": 1.0, "bias_regularization": 1.0, "iterations": 5}
ALL = np.arange(N_ITEMS, dtype=np.int32)


def small(**params) -> MF:
    return MF(**{**SMALL, **params}).fit(ratings())


MODELS = {implicit: small(implicit=implicit) for implicit in ("none", "items", "users", "both")}


def one_factor(c: list[float], z: list[list[float]]) -> MF:
    return MF(factors=len(z[0]) - 1)._take(np.array([c]), np.array([z]))


class TestByHand:
    def test_ridge_of_two_ratings_and_two_unknowns(self):
        # z_0 = (1, 0), z_1 = (1, 1), z_2 = (1, 2); c = 3. One 5 on item 0, one 2 on item 1:
        # A = I + z_0z_0ᵀ + z_1z_1ᵀ = [[3, 1], [1, 2]], A⁻¹ = [[2, -1], [-1, 3]] / 5,
        # Σ z e = 2(1, 0) - 1(1, 1) = (1, -1), θ = (3, -4) / 5, score of item 2: 3 + 3/5 - 8/5 = 2.
        model = one_factor([3, 3, 3], [[1, 0], [1, 1], [1, 2]])
        history = History(np.array([0, 1], np.int32), np.array([5, 2], np.float32))
        assert model.scores(history.matrix(3))[0, 2] == pytest.approx(2.0)
        # A⁻¹z_2 = (0, 1): item 0 has z_0ᵀ(0, 1) · 2 = 0, item 1 has z_1ᵀ(0, 1) · -1 = -1.
        parts = model.contributions(history, np.array([2]))
        assert parts[0] == pytest.approx([0.0, -1.0])
        # Without item 0: A = [[2, 1], [1, 2]], θ = A⁻¹(-1, -1) = -(1, 1) / 3: 3 - 1/3 - 2/3 = 2.
        # Without item 1: A = diag(2, 1), θ = (1, 0): 3 + 1 = 4.
        assert model.leave_one_out(history, np.array([2]))[0] == pytest.approx([2.0, 4.0])

    def test_a_step_of_sgd(self):
        R = sparse.csr_matrix(np.array([[4.0]], np.float32))
        model = MF(
            factors=1, regularization=2.0, bias_regularization=3.0, solver="sgd", learning_rate=0.1,
            implicit="none",
        )  # fmt: skip
        learning = Learning(R, model)
        learning.T[:], learning.S[:] = [[0.5, 1.0]], [[0.0, 2.0]]
        # The only rating is the mean: e = 0 - 0.5 - 0 - 1·2 = -2.5; one rating, so λ / 1.
        learning.sgd()
        assert learning.T[0] == pytest.approx([0.5 + 0.1 * (-2.5 - 3 * 0.5), 1 + 0.1 * (-5 - 2)])
        assert learning.S[0] == pytest.approx([0.1 * -2.5, 2 + 0.1 * (-2.5 - 2 * 2)])

    def test_one_five_lifts_an_item_less_than_five_do(self):
        # Without factors c_i - μ is the shrunken mean: Σ e / (n + λ_b), e from the people's biases.
        rows = [[5, 0, 1], [5, 0, 1], [5, 0, 1], [5, 0, 1], [5, 5, 1], [0, 0, 1]]
        R = sparse.csr_matrix(np.array(rows, np.float32))
        params = {"factors": 1, "regularization": 1e6, "implicit": "none"}
        model = MF(**params, bias_regularization=4.0).fit(R)
        once, often = model.item_bias_[0, 1], model.item_bias_[0, 0]
        assert float(R.data.mean()) < once < often < 5

    def test_who_rated_predicts_a_row(self):
        # F = [[1, 0], [1/√2, 1/√2]], T = (1, 0), λ = 1/2:
        # FᵀF + λI = [[2, 1/2], [1/2, 1]], FᵀT = (1, 0), B = (1, -1/2) / (7/4) = (4, -2) / 7.
        X = sparse.csr_matrix(np.array([[3.0, 0], [1, 5]]))
        prior = ImplicitPrior(X, 0.5)
        assert prior.fit(np.array([[1.0], [0.0]]))[:, 0] == pytest.approx([4 / 7, -2 / 7], rel=1e-6)


class TestLearning:
    def test_batch_gradient_is_that_of_the_objective(self):
        model = MF(**{**SMALL, "solver": "batch", "implicit": "both"})
        learning = Learning(ratings(), model)
        learning.batch()  # leaves the neighbourhood of 0, and sets means
        _, _, scaled = standardise(ratings())
        R = (*np.nonzero(_stored(scaled)), scaled.data)

        def objective() -> float:
            T, S = learning.T, learning.S
            told = T[R[0], 0] + S[R[1], 0] + (T[R[0], 1:] * S[R[1], 1:]).sum(1)
            squares = ((R[2] - told) ** 2).sum()
            for rows, mean in ((T, learning.mean_T), (S, learning.mean_S)):
                squares += (learning.penalty * (rows - mean) ** 2).sum()
            return float(squares)

        for rows, slope in zip((learning.T, learning.S), learning.slope(), strict=True):
            for place in [(0, 0), (3, 1), (7, 3)]:
                kept = rows[place]
                rows[place] = kept + 1e-5
                above = objective()
                rows[place] = kept - 1e-5
                below = objective()
                rows[place] = kept
                assert (above - below) / 4e-5 == pytest.approx(slope[place], rel=1e-4, abs=1e-6)

    @pytest.mark.parametrize("solver", ["als", "sgd", "batch"])
    def test_error_falls_and_solvers_agree(self, solver):
        # Dense enough that the objective is well behaved; every solver ends near ALS.
        many = {"als": 60, "sgd": 3000, "batch": 3000}[solver]
        model = small(solver=solver, iterations=many, implicit="none")
        assert model.curve_[-1, 0] < 0.8 * model.curve_[0, 0]
        best = small(solver="als", iterations=60, implicit="none")
        assert model.curve_[-1, 0] == pytest.approx(best.curve_[-1, 0], abs=0.05)
        assert np.array_equal(model.mse_curve, model.curve_**2)

    @pytest.mark.parametrize("solver", ["als", "sgd", "batch"])
    def test_from_zeros_nothing_is_ever_learnt(self, solver):
        learning = Learning(ratings(), MF(**{**SMALL, "solver": solver, "implicit": "none"}))
        learning.T[:, 1:] = learning.S[:, 1:] = 0
        for _ in range(20):
            learning.steps[solver]()
        assert not learning.S[:, 1:].any()
        random = Learning(ratings(), MF(**{**SMALL, "solver": solver, "implicit": "none"}))
        assert random.S[:, 1:].any()

    def test_the_seed_decides(self):
        a, b = small(seed=1), small(seed=1)
        assert np.array_equal(a.item_factors_, b.item_factors_)
        assert not np.allclose(a.item_factors_, small(seed=2).item_factors_)

    def test_threads_do_not_change_what_is_learnt(self):
        threads.set_threads(1)
        one = small(seed=1)
        threads.set_threads(2)
        try:
            assert np.array_equal(one.item_factors_, small(seed=1).item_factors_)
        finally:
            threads.set_threads(None)

    def test_patience_ends_learning_and_the_curve_tells_both_errors(self):
        model = small(solver="sgd", iterations=500, learning_rate=0.1, validation=0.3, patience=3,
                      regularization=1e-3, implicit="none")  # fmt: skip
        assert len(model.curve_) < 500
        assert np.isfinite(model.curve_).all()
        watched = model.curve_[:, 1]
        assert len(watched) - 1 - int(np.argmin(watched)) == 3

    @pytest.mark.parametrize("implicit", ["none", "both"])
    def test_another_scale_is_learnt_alike(self, implicit):
        R, hundred = ratings(), ratings()
        hundred.data = 20 * hundred.data + 7
        told = small(implicit=implicit).scores(R)
        more = MF(**{**SMALL, "implicit": implicit}).fit(hundred).scores(hundred)
        assert more == pytest.approx(20 * told + 7, rel=1e-3)

    def test_what_was_watched_is_learnt_in_the_end(self):
        watched, plain = small(validation=0.3), small()
        assert watched.curve_.shape == (5, 2)
        assert np.array_equal(watched.item_factors_, plain.item_factors_)

    def test_held_out_ratings_are_not_learnt_from(self):
        R = ratings()
        learnt, held = _hold_out(R, 0.3, seed=0)
        assert learnt.nnz + held.nnz == R.nnz
        assert held.nnz == round(0.3 * R.nnz)
        assert not (_stored(learnt) & _stored(held.tocsr())).any()

    def test_the_curve_is_drawn(self, tmp_path):
        path = tmp_path / "curve.png"
        draw_curve(small(validation=0.2).curve_, path)
        assert path.read_bytes().startswith(b"\x89PNG")


class TestExact:
    @pytest.mark.parametrize("implicit", list(MODELS))
    @given(history=rated_histories())
    def test_contributions_and_baseline_sum_to_the_score(self, implicit, history):
        model = MODELS[implicit]
        scores = model.scores(history.matrix(N_ITEMS))[0]
        assert scores == pytest.approx(plain_scores(model, history), rel=1e-9, abs=1e-9)
        sums = model.contributions(history, ALL).sum(1) + model.baseline(ALL)
        assert sums == pytest.approx(scores, rel=1e-9, abs=1e-9)

    @pytest.mark.parametrize("implicit", list(MODELS))
    @given(history=rated_histories())
    def test_leaving_one_out_is_folding_in_again(self, implicit, history):
        model = MODELS[implicit]
        found = model.leave_one_out(history, ALL)
        for place, item in enumerate(history.items.tolist()):
            again = plain_scores(model, history.without(np.array([item])))
            assert found[:, place] == pytest.approx(again, rel=1e-8, abs=1e-8)

    @given(history=rated_histories(min_size=3), data=st.data())
    def test_removal_of_sets_is_folding_in_again(self, history, data):
        model = MODELS["items"]
        places = st.integers(0, len(history) - 1)
        removed = np.array(sorted(data.draw(st.sets(places, min_size=1, max_size=3))))
        removal = model.removal(history)
        found = removal.scores(plain_scores(model, history), removed)
        again = plain_scores(model, history.without(history.items[removed]))
        assert found == pytest.approx(again, rel=1e-8, abs=1e-8)

    def test_implicit_terms_of_people_have_no_removal(self):
        history = History(np.array([0, 1], np.int32), np.array([5, 2], np.float32))
        assert MODELS["users"].removal(history) is None

    @pytest.mark.parametrize("implicit", ["none", "both"])
    def test_many_are_explained_as_one(self, implicit):
        model, R = MODELS[implicit], ratings()
        lists = np.tile(np.array([3, 0, -1]), (R.shape[0], 1))
        parts, lost = model.explain_many(R, lists)
        for u in (0, 7):
            a, b = R.indptr[u : u + 2]
            part, loss = model.explain(History(R.indices[a:b], R.data[a:b]), lists[u, :2])
            assert np.array_equal(parts[u][:2], part)
            assert np.array_equal(lost[u][:2], loss)

    def test_a_low_rating_speaks_against_what_is_alike(self):
        model = one_factor([3, 3], [[0.1, 1], [0.1, 1]])
        history = History(np.array([0], np.int32), np.array([1], np.float32))
        assert model.contributions(history, np.array([1]))[0, 0] < 0

    def test_a_missing_rating_is_no_zero(self):
        model = MODELS["items"]
        nothing = sparse.csr_matrix((1, N_ITEMS), dtype=np.float32)
        assert model.scores(nothing)[0] == pytest.approx(model.baseline(ALL))
        zero = sparse.csr_matrix(
            (np.zeros(1, np.float32), np.zeros(1, np.int32), [0, 1]), shape=(1, N_ITEMS)
        )
        assert np.abs(model.scores(zero)[0] - model.baseline(ALL)).max() > 0.01

    def test_single_pairs_are_predicted_as_whole_rows(self):
        model, R = MODELS["both"], ratings()
        people, items = np.array([4, 0, 4]), np.array([1, 2, 3])
        found = model.predict_pairs(R, people, items)
        assert found == pytest.approx(model.scores(R)[people, items])


class TestEdges:
    @pytest.mark.parametrize("implicit", list(MODELS))
    def test_back_from_arrays(self, implicit):
        model = MODELS[implicit]
        again = MF.from_arrays(model.params, model.arrays())
        assert np.array_equal(again.scores(ratings()), model.scores(ratings()))
        assert np.array_equal(again.curve_, model.curve_)

    @pytest.mark.parametrize(
        "params",
        [
            {"solver": "magic"},
            {"implicit": "yes"},
            {"factors": 0},
            {"regularization": 0.0},
            {"validation": 0.9},
            {"patience": 3},
            {"seed": -1},
        ],
    )
    def test_bad_parameters_are_refused(self, params):
        with pytest.raises(ConfigError):
            MF(**params)

    def test_no_ratings_are_told(self):
        with pytest.raises(ModelError, match="no ratings to learn from"):
            MF().fit(sparse.csr_matrix((3, 4), dtype=np.float32))

    def test_divergence_is_told(self):
        with pytest.raises(ModelError, match="learning_rate"):
            small(solver="sgd", learning_rate=50.0, iterations=30)

    def test_a_rating_that_is_no_number_is_told(self):
        R = ratings()
        R.data[3] = np.nan
        with pytest.raises(ModelError, match="finite"):
            MF().fit(R)


def _stored(matrix: sparse.csr_matrix) -> np.ndarray:
    """Where something is stored, zeros too."""
    out = np.zeros(matrix.shape, bool)
    out[np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), matrix.indices] = True
    return out
