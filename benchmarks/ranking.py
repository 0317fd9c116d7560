"""Whether the recommenders rank as well, and learn as fast, as plain NumPy and the package implicit.

    python benchmarks/ranking.py [--quick] [--json]

MovieLens-1M pairs; of every person's m events round(0.2 m) are held out (`evaluate.ranking.held_out`,
seed 0, users in the order of their ids as text). NDCG@10 with the best list of 10 as the ideal,
recall@20 of all held-out items.

EASE (λ = 800) beside the same formula in plain NumPy with a dense inverse. iALS beside
`implicit.als.AlternatingLeastSquares` at the same settings: 64 factors, 15 iterations, the same λ,
the same confidences (implicit takes them from its matrix as they are, so it is given 1 + α), the same
threads, single precision, and the same solver against the same solver: conjugate gradients with 3
steps, which is implicit's default, and Cholesky. Runs alternate and the median is told; every run
has its own seed, and NDCG is the mean over runs. implicit ranks by the better of its own two ways:
with the user factors of its last pass, or solved again (`recalculate_user`).
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from _movielens_pairs import Report, load
from whyrec.evaluate.ranking import Hits, held_out
from whyrec.recommend import threads
from whyrec.recommend.ease import EASE
from whyrec.recommend.ials import IALS

THREADS = 2
LAMBDA = 800.0
FACTORS, ITERATIONS, REGULARIZATION, ALPHA = 64, 15, 30.0, 4.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one run each, within a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")
    args = parser.parse_args()
    threads.set_threads(THREADS)
    pairs = load()
    held = held_out(pairs.users)
    train, test = pairs.matrix(~held), pairs.matrix(held)
    report = Report("ranking", pairs.name, as_json=args.json)
    ease(report, train, test, runs=1 if args.quick else 3)
    ials(report, train, test, "cg", runs=1 if args.quick else 5)
    if not args.quick:
        ials(report, train, test, "cholesky", runs=3)
    report.finish(f"{train.nnz} pairs to learn from, {test.nnz} held out, {THREADS} threads")


def measures(report: Report, system: str, lists: np.ndarray[Any, Any], test: Any) -> None:
    found = Hits.of(lists, test)
    report.add(system, "ndcg@10", found.ndcg(10), "share")
    report.add(system, "recall@20", found.recall(20), "share")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def ease(report: Report, train: sparse.csr_matrix, test: sparse.csr_matrix, runs: int) -> None:
    EASE(regularization=LAMBDA).fit(train[:50])  # compile
    ours, theirs = [], []
    for _ in range(runs):
        seconds, model = timed(lambda: EASE(regularization=LAMBDA).fit(train))
        ours.append(seconds)
        seconds, B = timed(lambda: plain_ease(train))
        theirs.append(seconds)
    measures(report, "whyrec EASE", model.recommend(train, 20, exclude=train).items, test)
    report.add("whyrec EASE", "fit_seconds", float(np.median(ours)), "s")
    scores = train @ B
    scores[train.nonzero()] = -np.inf
    measures(report, "NumPy EASE", np.argsort(-scores, axis=1, kind="stable")[:, :20], test)
    report.add("NumPy EASE", "fit_seconds", float(np.median(theirs)), "s")
    ratio = np.median(np.array(theirs) / np.array(ours))
    report.add("whyrec EASE / NumPy EASE", "fit_speed", float(ratio), "times")


def plain_ease(X: sparse.csr_matrix) -> np.ndarray[Any, Any]:
    """The paper's eight lines."""
    G = (X.T @ X).toarray().astype(np.float64)
    G[np.diag_indices_from(G)] += LAMBDA
    P = np.linalg.inv(G)
    B: np.ndarray[Any, Any] = P / -np.diag(P)
    np.fill_diagonal(B, 0)
    return B


def ials(
    report: Report, train: sparse.csr_matrix, test: sparse.csr_matrix, solver: str, runs: int
) -> None:
    warnings.filterwarnings("ignore")
    try:
        from implicit.als import AlternatingLeastSquares
    except ImportError:
        report.add("implicit", "absent", 1, "")
        return
    confidence = train.copy()
    confidence.data = (1 + ALPHA * train.data).astype(np.float32)

    def ours(seed: int, iterations: int = ITERATIONS) -> IALS:
        return IALS(
            factors=FACTORS,
            iterations=iterations,
            regularization=REGULARIZATION,
            alpha=ALPHA,
            solver=solver,
            seed=seed,
        ).fit(train)

    def theirs(seed: int, iterations: int = ITERATIONS) -> Any:
        model = AlternatingLeastSquares(
            factors=FACTORS,
            iterations=iterations,
            regularization=REGULARIZATION,
            alpha=1.0,
            use_cg=solver == "cg",
            num_threads=THREADS,
            random_state=seed,
        )
        with threadpool_limits(1, "blas"):
            model.fit(confidence, show_progress=False)
        return model

    ours(0, 1), theirs(0, 1)  # compile, load
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    quality: dict[str, list[tuple[float, float]]] = {"ours": [], "stored": [], "solved": []}
    people = np.arange(train.shape[0])
    for seed in range(runs):
        t, mine = timed(lambda seed=seed: ours(seed))
        seconds["ours"].append(t)
        t, other = timed(lambda seed=seed: theirs(seed))
        seconds["theirs"].append(t)
        found = Hits.of(mine.recommend(train, 20, exclude=train).items, test)
        quality["ours"].append((found.ndcg(10), found.recall(20)))
        for way in ("stored", "solved"):
            with threadpool_limits(1, "blas"):
                lists, _ = other.recommend(
                    people, confidence, N=20, recalculate_user=way == "solved"
                )
            found = Hits.of(lists, test)
            quality[way].append((found.ndcg(10), found.recall(20)))
    better = max(("stored", "solved"), key=lambda w: float(np.mean(quality[w], 0)[0]))
    for system, key, clock in (
        (f"whyrec iALS, {solver}", "ours", "ours"),
        (f"implicit iALS, {solver}", better, "theirs"),
    ):
        ndcg, recall = np.mean(quality[key], 0)
        report.add(system, "ndcg@10", float(ndcg), "share")
        report.add(system, "recall@20", float(recall), "share")
        report.add(system, "fit_seconds", float(np.median(seconds[clock])), "s")
    pair = f"whyrec / implicit, {solver}"
    ratio = np.median(np.array(seconds["theirs"]) / np.array(seconds["ours"]))
    report.add(pair, "fit_speed", float(ratio), "times")
    gain = np.mean(quality["ours"], 0)[0] - np.mean(quality[better], 0)[0]
    spread = np.std([q[0] for q in quality["ours"]])
    report.add(pair, "ndcg@10_difference", float(gain), "share")
    if runs > 1:
        report.add(pair, "ndcg@10_spread", float(spread), "share")


if __name__ == "__main__":
    main()
