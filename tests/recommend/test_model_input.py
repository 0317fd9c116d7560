"""What models are given is checked: each mistake gets one line that says what and where."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from tests.recommend.model_cases import interactions

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend import compile as compiling
from whyrec.recommend import threads
from whyrec.recommend.base import Recommender
from whyrec.recommend.bpr import BPR
from whyrec.recommend.checks import make_params
from whyrec.recommend.ease import EASE
from whyrec.recommend.ease_sparse import SparseEASE
from whyrec.recommend.ials import IALS
from whyrec.recommend.itemknn import ItemKNN
from whyrec.recommend.popularity import Popularity
from whyrec.recommend.registry import MODELS, model
from whyrec.recommend.userknn import UserKNN

ALL = (EASE, IALS, Popularity, SparseEASE, ItemKNN, UserKNN, BPR)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "row 2 is not a finite number"),
        (np.inf, "row 2 is not a finite number"),
        (-1.0, "row 2 is negative"),
    ],
)
def test_a_weight_that_is_no_weight(kind: type[Recommender], value: float, message: str) -> None:
    X = interactions(0)
    X.data[X.indptr[2]] = value
    with pytest.raises(ModelError, match=message):
        kind().fit(X)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (3, 4)])
def test_nothing_to_learn_from(kind: type[Recommender], shape: tuple[int, int]) -> None:
    with pytest.raises(ModelError, match="no positive events"):
        kind().fit(sparse.csr_matrix(shape, dtype=np.float32))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1)])
def test_one_user_or_one_item_is_enough(kind: type[Recommender], shape: tuple[int, int]) -> None:
    X = sparse.csr_matrix(np.ones(shape, np.float32))
    fitted = kind().fit(X)
    assert np.isfinite(fitted.scores(X)).all()
    assert (fitted.recommend(X, 3, exclude=X).items == -1).all()


@pytest.mark.parametrize("kind", ALL)
def test_what_is_not_sparse_is_refused(kind: type[Recommender]) -> None:
    with pytest.raises(ModelError, match="not a sparse"):
        kind().fit(np.ones((2, 2)))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ALL)
def test_asking_before_fitting(kind: type[Recommender]) -> None:
    with pytest.raises(ModelError, match="not fitted; call fit first"):
        kind().scores(interactions(0))


def test_duplicates_are_added_and_zeros_left_out() -> None:
    doubled = sparse.coo_matrix(
        (np.array([0.5, 0.5, 1, 0], np.float32), ([0, 0, 1, 1], [0, 0, 1, 0])), shape=(2, 2)
    )
    plain = sparse.csr_matrix(np.eye(2, dtype=np.float32))
    one, two = (EASE(regularization=1.0).fit(m) for m in (doubled, plain))
    assert (one.links_ == two.links_).all()


def test_text_parameters_become_what_the_model_takes() -> None:
    given = {"factors": "32", "alpha": "2", "solver": "cholesky", "regularization": 3}
    made = make_params(IALS, given)
    assert made == {"factors": 32, "alpha": 2.0, "solver": "cholesky", "regularization": 3.0}


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (EASE, {"lambda": 3}, "no such parameter: lambda; use regularization"),
        (EASE, {"regularization": "much"}, "'much' is not a number"),
        (IALS, {"factors": "6.5"}, "'6.5' is not a whole number"),
        (IALS, {"factors": True}, "True is not a whole number"),
        (Popularity, {"k": 1}, "no such parameter: k; it takes none"),
    ],
)
def test_wrong_parameters(kind: type, given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_params(kind, given)


def test_models_are_found_by_name() -> None:
    assert [model(n).name for n in MODELS] == list(MODELS)
    with pytest.raises(ConfigError, match="no such model: magic; use ease, ials, "):
        model("magic")


def test_threads_are_one_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHYREC_THREADS", "3")
    assert threads.threads() == 3
    threads.set_threads(2)
    try:
        assert threads.threads() == 2
    finally:
        threads.set_threads(None)
    for bad in ("0", "many", "-1", "1.5"):
        monkeypatch.setenv("WHYREC_THREADS", bad)
        with pytest.raises(ConfigError, match="WHYREC_THREADS"):
            threads.threads()
    with pytest.raises(ConfigError, match="0 threads"):
        threads.set_threads(0)


def test_blas_keeps_to_one_thread_inside_parallel_work() -> None:
    from threadpoolctl import threadpool_info

    seen = []

    def work(start: int, end: int) -> None:
        seen.extend(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")

    threads.set_threads(2)
    try:
        threads.run(work, [(0, 1), (1, 2)])
    finally:
        threads.set_threads(None)
    assert seen
    assert set(seen) == {1}


def test_an_error_in_a_thread_is_raised() -> None:
    def work(start: int, end: int) -> None:
        raise ValueError(start)

    with pytest.raises(ValueError, match="0"):
        threads.run(work, [(0, 1), (1, 2)])


def test_kernels_compile_where_no_cache_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    real = numba.njit

    def read_only(*args: object, **options: object) -> object:
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'f': no locator available for file 'f.py'")
        return real(*args, **options)

    monkeypatch.setattr(numba, "njit", read_only)

    @compiling.kernel()
    def double(x: float) -> float:
        return 2 * x

    assert double(4.0) == 8.0


def test_importing_kernels_compiles_nothing() -> None:
    import subprocess
    import sys

    code = (
        "import whyrec.recommend.ease_kernels as a, whyrec.recommend.ials_kernels as b\n"
        "import whyrec.recommend.topn as c, numba\n"
        "found = [f for m in (a, b, c) for f in vars(m).values() if hasattr(f, 'signatures')]\n"
        "assert len(found) > 9 and not any(f.signatures for f in found)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
