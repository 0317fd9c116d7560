"""How well and how fast ratings are predicted, beside Surprise, LensKit and cornac.

    python benchmarks/ratings.py [--quick] [--json]

MovieLens-100K, five folds, those of Surprise's `KFold(n_splits=5, random_state=0, shuffle=True)`;
every system learns from the same four fifths and is asked about the same fifth. RMSE and MAE over
all held-out ratings of all folds, predictions clipped to 1 to 5, with a 95 % bootstrap interval over
people; the median of the folds' fit times, one core each, the systems one after another in each
fold, in seconds of the processor, so that a busy machine does not lengthen them. Peers at their
defaults: Surprise SVD (100 factors, 20 passes), SVD++ (20 factors, 20 passes),
KNNBaseline, BaselineOnly; LensKit BiasedMF (50 factors, 10 passes, and its bias model for items that
nobody rated); cornac MF (10 factors, 20 passes).

whyrec: `mf` at its defaults (ALS, items pulled to what having been rated tells), plain `mf` without
such terms by each of its solvers, with the terms on both sides (`svd++`), by Bayes (`bpmf`), item
neighbours, and the stack of `bpmf` and `mf`, whose weights come from out-of-fold predictions inside
the four fifths. Our settings were chosen by looking at these same folds (the
first one, then all five for the last comparisons, which differed by about 0.003); `rmse_folds_2_to_5`
leaves the first one out. A full run takes about four minutes on a quiet core; --quick is one fold with
fewer draws.
"""

# ruff: noqa: E402 - threads are limited before NumPy is loaded
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from _movielens_pairs import Report
from whyrec.evaluate.rating import RatingErrors, predict
from whyrec.recommend import threads
from whyrec.recommend.base import Recommender
from whyrec.recommend.bpmf import BPMF
from whyrec.recommend.mf import MF
from whyrec.recommend.ratingknn import RatingKNN
from whyrec.recommend.stacking import Stacking

SCALE = (1.0, 5.0)
PLAIN: dict[str, Any] = {"implicit": "none", "factors": 20}
BOTH: dict[str, Any] = {"implicit": "both", "factors": 32, "regularization": 15.0}
STACK = [
    {"model": "bpmf", "params": {}},
    {"model": "mf", "params": {**BOTH, "factors": 48}},
]

Ratings = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]
Fitted = Callable[[], np.ndarray[Any, Any]]
"""Predicts the held-out ratings, in the order of the test matrix."""
Fit = Callable[[sparse.csr_matrix, sparse.csr_matrix], Fitted]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one fold, within a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    threads.set_threads(1)
    name, ratings = load()
    systems = ours(quick=args.quick) | peers()
    errors: dict[str, list[RatingErrors]] = {}
    seconds: dict[str, list[float]] = {}
    parts = list(folds(ratings))[: 1 if args.quick else 5]
    compile_(parts[0][0])
    for train, test in parts:
        for system, fit in systems.items():
            start = time.process_time()
            fitted = fit(train, test)
            seconds.setdefault(system, []).append(time.process_time() - start)
            found = RatingErrors.of(fitted(), test, SCALE)
            errors.setdefault(system, []).append(found)
    report = Report("ratings", name, as_json=args.json)
    for system, each in errors.items():
        whole = RatingErrors.joined(each)
        (low, high), _ = whole.intervals()
        report.add(system, "rmse", whole.rmse, "stars")
        report.add(system, "rmse_low", low, "stars")
        report.add(system, "rmse_high", high, "stars")
        if len(each) > 1:
            report.add(system, "rmse_folds_2_to_5", RatingErrors.joined(each[1:]).rmse, "stars")
        report.add(system, "mae", whole.mae, "stars")
        report.add(system, "fit_seconds", float(np.median(seconds[system])), "s")
    for mine in ("whyrec mf", "whyrec mf, plain, als", "whyrec mf, plain, sgd"):
        for peer in ("Surprise SVD", "Surprise SVD++"):
            if peer in seconds:
                ratio = np.median(np.array(seconds[peer]) / np.array(seconds[mine]))
                report.add(f"{mine} / {peer}", "fit_speed", float(ratio), "times")
    report.finish(f"{len(parts)} folds of {len(ratings[0])} ratings, one thread")


def load() -> tuple[str, Ratings]:
    """People, items and ratings in the order of the file; invented ones, named so, without it."""
    root = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("WHYREC_DATA") or root.parent / "shared" / "data")
    file = folder / "movielens-100k" / "u.data"
    if not file.is_file():
        return "synthetic-100k", synthetic()
    lines = file.read_text().splitlines()
    sign = "|" if "|" in lines[-1] else "\t"
    rows = [line.split(sign)[:3] for line in lines if line[:1].isdigit()]
    table = np.array(rows, np.int64)
    people, items = (np.unique(table[:, k], return_inverse=True)[1] for k in (0, 1))
    return "movielens-100k", (people, items, table[:, 2].astype(np.float32))


def synthetic(people: int = 943, items: int = 1682, n: int = 100_000, seed: int = 0) -> Ratings:
    """Ratings of MovieLens-100K's shape with some taste in them."""
    rng = np.random.default_rng(seed)
    appeal = 1 / (np.arange(items) + 20)
    pairs = np.unique(
        rng.integers(people, size=2 * n) * items
        + rng.choice(items, size=2 * n, p=appeal / appeal.sum())
    )
    pairs = rng.permutation(pairs)[:n]
    u, i = pairs // items, pairs % items
    taste, kind = rng.standard_normal((people, 5)), rng.standard_normal((items, 5))
    stars = 3.5 + 0.3 * (taste[u] * kind[i]).sum(1) + rng.normal(0, 0.9, len(u))
    return u, i, np.clip(np.round(stars), 1, 5).astype(np.float32)


def folds(ratings: Ratings, n: int = 5) -> Iterator[tuple[sparse.csr_matrix, sparse.csr_matrix]]:
    """(train, test) as Surprise's KFold with random_state=0 and shuffle cuts the rows of the file."""
    people, items, stars = ratings
    order = np.arange(len(stars))
    np.random.RandomState(0).shuffle(order)
    shape = (int(people.max()) + 1, int(items.max()) + 1)

    def matrix(rows: np.ndarray[Any, Any]) -> sparse.csr_matrix:
        place = (people[rows], items[rows])
        csr = sparse.csr_matrix((stars[rows], place), shape=shape)
        csr.sort_indices()
        return csr

    for held in np.array_split(order, n):
        left = np.ones(len(stars), bool)
        left[held] = False
        yield matrix(np.flatnonzero(left)), matrix(held)


def ours(*, quick: bool) -> dict[str, Fit]:
    """Our systems by name."""
    stack = {"folds": 2} if quick else {"folds": 4}
    parts = [{**STACK[0], "params": {"samples": 10}}, STACK[1]] if quick else STACK
    makers: dict[str, Callable[[], Recommender]] = {
        "whyrec mf": MF,
        "whyrec mf, plain, als": lambda: MF(**PLAIN),
        "whyrec mf, plain, sgd": lambda: MF(**PLAIN, solver="sgd"),
        "whyrec mf, plain, batch": lambda: MF(**PLAIN, solver="batch"),
        "whyrec mf, svd++": lambda: MF(**BOTH),
        "whyrec bpmf": BPMF,
        "whyrec ratingknn": RatingKNN,
        "whyrec stack": lambda: Stacking(parts=parts, **stack),
    }

    def fit(make: Callable[[], Recommender]) -> Fit:
        def run(train: sparse.csr_matrix, test: sparse.csr_matrix) -> Fitted:
            model = make().fit(train)
            return lambda: predict(model, train, test)

        return run

    return {name: fit(make) for name, make in makers.items()}


def compile_(train: sparse.csr_matrix) -> None:
    """Compile every kernel on a few people, so that no fit is timed with it."""
    few = train[:60]
    for solver in ("als", "sgd", "batch"):
        predict(MF(factors=2, solver=solver, iterations=1, implicit="both").fit(few), few, few)
    predict(BPMF(factors=2, samples=1).fit(few), few, few)
    predict(RatingKNN().fit(few), few, few)


def peers() -> dict[str, Fit]:
    """Those of the peers that are installed."""
    out: dict[str, Fit] = {}
    for add in (surprise, lenskit, cornac):
        try:
            out |= add()
        except ImportError:
            continue
    return out


def _pairs(matrix: sparse.csr_matrix) -> tuple[np.ndarray[Any, Any], ...]:
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return rows, matrix.indices, matrix.data.astype(np.float64)


def surprise() -> dict[str, Fit]:
    import pandas as pd
    from surprise import SVD, BaselineOnly, Dataset, KNNBaseline, Reader, SVDpp

    def fit(make: Callable[[], Any]) -> Fit:
        def run(train: sparse.csr_matrix, test: sparse.csr_matrix) -> Fitted:
            model = make().fit(known(train))
            pairs = list(zip(*(c.tolist() for c in _pairs(test)), strict=True))
            return lambda: np.array([p.est for p in model.test(pairs)])

        return run

    cache: dict[int, Any] = {}

    def known(train: sparse.csr_matrix) -> Any:
        # Built once a fold, by BaselineOnly, which nobody times us against.
        if id(train) not in cache:
            frame = pd.DataFrame(dict(zip("uir", _pairs(train), strict=True)))
            cache.clear()
            data = Dataset.load_from_df(frame, Reader(rating_scale=SCALE))
            cache[id(train)] = data.build_full_trainset()
        return cache[id(train)]

    quiet = {"bsl_options": {}, "verbose": False}
    return {
        "Surprise BaselineOnly": fit(lambda: BaselineOnly(**quiet)),
        "Surprise SVD": fit(lambda: SVD(random_state=0)),
        "Surprise SVD++": fit(lambda: SVDpp(random_state=0)),
        "Surprise KNNBaseline": fit(lambda: KNNBaseline(verbose=False)),
    }


def lenskit() -> dict[str, Fit]:
    import pandas as pd
    from lenskit.als import BiasedMFScorer
    from lenskit.basic import BiasScorer
    from lenskit.data import ItemList, from_interactions_df
    from lenskit.training import TrainingOptions

    def run(train: sparse.csr_matrix, test: sparse.csr_matrix) -> Fitted:
        frame = pd.DataFrame(
            dict(zip(("user_id", "item_id", "rating"), _pairs(train), strict=True))
        )
        data = from_interactions_df(frame)
        model, backup = BiasedMFScorer(), BiasScorer()
        for one in (model, backup):
            one.train(data, TrainingOptions(rng=0))

        def ask() -> np.ndarray[Any, Any]:
            found = []
            for u in range(test.shape[0]):
                items = ItemList(item_ids=test.indices[test.indptr[u] : test.indptr[u + 1]])
                if len(items):
                    told = model(u, items).scores("numpy")
                    other = backup(u, items).scores("numpy")
                    found.append(np.where(np.isnan(told), other, told))
            return np.concatenate(found)

        return ask

    return {"LensKit BiasedMF": run}


def cornac() -> dict[str, Fit]:
    from cornac import models
    from cornac.data import Dataset

    def run(train: sparse.csr_matrix, test: sparse.csr_matrix) -> Fitted:
        rows = list(zip(*(c.tolist() for c in _pairs(train)), strict=True))
        data = Dataset.from_uir(rows, seed=0)
        model = models.MF(seed=0, num_threads=1).fit(data)
        people, items = data.uid_map, data.iid_map

        def ask() -> np.ndarray[Any, Any]:
            who, what, _ = _pairs(test)
            asked = zip(who.tolist(), what.tolist(), strict=True)
            # An id past the last is one that the model does not know.
            return np.array(
                [model.rate(people.get(u, 10**9), items.get(i, 10**9)) for u, i in asked]
            )

        return ask

    return {"cornac MF": run}


if __name__ == "__main__":
    main()
