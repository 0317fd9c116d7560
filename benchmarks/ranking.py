"""Whether the recommenders rank as well, and learn as fast, as the libraries that people use.

    python benchmarks/ranking.py [--quick] [--large] [--json]

MovieLens-1M pairs; of every person's m events round(0.2 m) are held out (`evaluate.ranking.held_out`,
seed 0, users in the order of their ids as text). NDCG@10 with the best list of 10 as the ideal,
recall@20 of all held-out items. About seven minutes on two cores, most of it the other libraries'.

Like beside like. EASE (λ = 800) beside the same formula in plain NumPy with a dense inverse. iALS
beside `implicit.als.AlternatingLeastSquares` at the same settings: 64 factors, 15 iterations, the same
λ, the same confidences (implicit takes them from its matrix as they are, so it is given 1 + α), the
same threads, single precision, and the same solver against the same solver: conjugate gradients with
3 steps, which is implicit's default, and Cholesky. Runs alternate and the median is told; every run
has its own seed, and NDCG is the mean over runs. implicit ranks by the better of its own two ways:
with the user factors of its last pass, or solved again (`recalculate_user`).

The field. Every model of whyrec at its settings for these pairs (`OURS`; the best hybrid is there by
name) and the rankers of implicit, LightFM, LensKit and cornac (`_peers.py`), one fit each. Intervals of
NDCG@10 are 95 % percentiles over 1,000 bootstrap samples of people, the same samples for all, so that
the difference to the best of the others is paired.

Memory. Each fit in a child process; `fit_memory` is the peak of the process less what it held when the
pairs were read and the library was loaded (`_memory.py`).

`--large` instead: iALS beside implicit on 200,000 × 50,000 × 10 million synthetic events
(`_synthetic.py`), fit, memory, NDCG of 4,000 people, top-10 lists of everybody; and the sparse form of
EASE on 60,000 items × 2 million events. About twelve minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

import _memory
from _movielens_pairs import Report, load
from _peers import PEERS
from _synthetic import events, split
from whyrec.evaluate.ranking import Hits, held_out
from whyrec.recommend import threads
from whyrec.recommend.ease import EASE
from whyrec.recommend.ials import IALS
from whyrec.recommend.registry import model as named

THREADS = 2
LAMBDA = 800.0
FACTORS, ITERATIONS, REGULARIZATION, ALPHA = 64, 15, 30.0, 4.0


BEST = "best"
"""The preset of `whyrec.recommend.parts`: EASE, iALS and WARP. `stacking` found its weights on pairs
held out from the training pairs; nothing of the test pairs is in it."""

OURS: dict[str, tuple[str, dict[str, Any]]] = {
    "whyrec EASE": ("ease", {"regularization": LAMBDA}),
    "whyrec EASE, sparse": ("ease-sparse", {"regularization": 500.0}),
    "whyrec iALS": ("ials", {"regularization": REGULARIZATION, "alpha": ALPHA}),
    "whyrec WARP": ("bpr", {"loss": "warp"}),
    "whyrec BPR": ("bpr", {"loss": "bpr", "regularization": 0.002, "iterations": 30}),
    "whyrec ItemKNN": ("itemknn", {}),
    "whyrec UserKNN": ("userknn", {}),
    "whyrec popularity": ("popularity", {}),
    "whyrec hybrid": ("hybrid", {"parts": BEST}),
}
"""Name in the registry and parameters; a model added here is measured with the rest."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="fewer runs and peers, within a minute"
    )
    parser.add_argument("--large", action="store_true", help="synthetic events by the million")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    threads.set_threads(THREADS)
    if args.large:
        large(args.json, quick=args.quick)
        return
    pairs = load()
    held = held_out(pairs.users)
    train, test = pairs.matrix(~held), pairs.matrix(held)
    report = Report("ranking", pairs.name, as_json=args.json)
    ease(report, train, test, runs=1 if args.quick else 3)
    ials(report, train, test, "cg", runs=1 if args.quick else 5)
    if not args.quick:
        ials(report, train, test, "cholesky", runs=3)
    memory(report, train, ("ease", "numpy-ease", "ials", "implicit-als"))
    field(report, train, test, quick=args.quick)
    report.finish(f"{train.nnz} pairs to learn from, {test.nnz} held out, {THREADS} threads")


def field(
    report: Report, train: sparse.csr_matrix, test: sparse.csr_matrix, *, quick: bool
) -> None:
    """Everybody's models, one fit each, and what the differences are worth."""
    each: dict[str, np.ndarray[Any, Any]] = {}

    def add(system: str, seconds: float, lists: np.ndarray[Any, Any]) -> None:
        found = Hits.of(lists, test)
        each[system] = found.ndcg_each(10)
        report.add(system, "ndcg@10", found.ndcg(10), "share")
        report.add(system, "recall@20", found.recall(20), "share")
        report.add(system, "fit_seconds", seconds, "s")

    for system, (name, params) in OURS.items():
        if quick and name in ("ease-sparse", "hybrid"):
            continue
        named(name)(**params).fit(train[:50])  # compile
        seconds, model = timed(lambda name=name, params=params: named(name)(**params).fit(train))
        add(f"{system} (field)", seconds, model.recommend(train, 20, exclude=train).items)
    for system, peer in PEERS.items():
        if quick and system != "implicit ItemKNN, tfidf":
            continue
        try:
            seconds, lists = peer(train, THREADS)
        except ImportError:
            report.add(system, "absent", 1, "")
            continue
        add(f"{system} (field)", seconds, lists)
    intervals(report, each)


def intervals(report: Report, each: dict[str, np.ndarray[Any, Any]]) -> None:
    """95 % intervals of every NDCG, and of the difference of our best to the best of the others."""
    names = list(each)
    values = np.array([each[n] for n in names])
    rng = np.random.default_rng(0)
    people = values.shape[1]
    means = np.empty((1000, len(names)))
    for b in range(len(means)):
        drawn = np.bincount(rng.integers(0, people, people), minlength=people)
        means[b] = values @ drawn / people
    for k, name in enumerate(names):
        low, high = np.percentile(means[:, k], (2.5, 97.5))
        report.add(name, "ndcg@10_low", float(low), "share")
        report.add(name, "ndcg@10_high", float(high), "share")
    ours = [k for k, n in enumerate(names) if n.startswith("whyrec")]
    others = [k for k, n in enumerate(names) if not n.startswith("whyrec")]
    if not others:
        return
    centre = values.mean(1)
    best, rival = max(ours, key=lambda k: centre[k]), max(others, key=lambda k: centre[k])
    pair = f"{names[best]} / {names[rival]}"
    low, high = np.percentile(means[:, best] - means[:, rival], (2.5, 97.5))
    report.add(pair, "ndcg@10_difference", float(centre[best] - centre[rival]), "share")
    report.add(pair, "ndcg@10_difference_low", float(low), "share")
    report.add(pair, "ndcg@10_difference_high", float(high), "share")


SYSTEMS = {
    "ease": "whyrec EASE",
    "numpy-ease": "NumPy EASE",
    "ease-sparse": "whyrec EASE, sparse",
    "ials": "whyrec iALS, cg",
    "implicit-als": "implicit iALS, cg",
}


def memory(report: Report, train: sparse.csr_matrix, systems: tuple[str, ...]) -> None:
    """Peak memory, each in a process of its own."""
    with tempfile.TemporaryDirectory() as place:
        _memory.store(train, Path(place))
        for system in systems:
            found = _memory.measure(system, Path(place), THREADS)
            report.add(SYSTEMS[system], "peak_memory", found["peak"], "MiB")
            report.add(SYSTEMS[system], "fit_memory", found["peak"] - found["before"], "MiB")


def large(as_json: bool, *, quick: bool) -> None:
    """iALS beside implicit, and the sparse form of EASE, on synthetic events by the million."""
    shape = (20_000, 5_000, 1_000_000) if quick else (200_000, 50_000, 10_000_000)
    train, test = split(events(*shape))
    report = Report("ranking", "synthetic {:,} x {:,} x {:,}".format(*shape), as_json=as_json)
    few = np.sort(np.random.default_rng(1).choice(shape[0], 4000, replace=False))
    ials(report, train, test, "cg", runs=1 if quick else 3, judged=few)
    if not quick:
        ials(report, train, test, "cholesky", runs=1, judged=few, iterations=3)
    memory(report, train, ("ials", "implicit-als"))
    report.finish(f"{train.nnz} pairs to learn from, {THREADS} threads")
    shape = (6_000, 12_000, 200_000) if quick else (60_000, 60_000, 2_000_000)
    wide = events(*shape)
    report = Report("ranking", "synthetic {:,} x {:,} x {:,}".format(*shape), as_json=as_json)
    with tempfile.TemporaryDirectory() as place:
        _memory.store(wide, Path(place))
        found = _memory.measure("ease-sparse", Path(place), THREADS)
    report.add(SYSTEMS["ease-sparse"], "fit_seconds", found["seconds"], "s")
    report.add(SYSTEMS["ease-sparse"], "peak_memory", found["peak"], "MiB")
    report.add(SYSTEMS["ease-sparse"], "fit_memory", found["peak"] - found["before"], "MiB")
    square = 8 * wide.shape[1] ** 2 / 2**20
    report.add("full EASE would hold", "square_matrix", square, "MiB")
    report.finish(f"{wide.nnz} pairs, {THREADS} threads")


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
    report: Report,
    train: sparse.csr_matrix,
    test: sparse.csr_matrix,
    solver: str,
    runs: int,
    *,
    judged: np.ndarray[Any, Any] | None = None,
    iterations: int = ITERATIONS,
) -> None:
    """Fit, NDCG (of the people `judged`) and the rate of top-10 lists for everybody."""
    try:
        from implicit.als import AlternatingLeastSquares
    except ImportError:
        report.add("implicit", "absent", 1, "")
        return
    confidence = train.copy()
    confidence.data = (1 + ALPHA * train.data).astype(np.float32)

    def ours(seed: int, iterations: int = iterations) -> IALS:
        return IALS(
            factors=FACTORS,
            iterations=iterations,
            regularization=REGULARIZATION,
            alpha=ALPHA,
            solver=solver,
            seed=seed,
        ).fit(train)

    def theirs(seed: int, iterations: int = iterations) -> Any:
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
    rates: dict[str, list[float]] = {"ours": [], "stored": [], "solved": []}
    quality: dict[str, list[tuple[float, float]]] = {"ours": [], "stored": [], "solved": []}
    people = np.arange(train.shape[0])
    judged = people if judged is None else judged
    known, hidden, sure = train[judged], test[judged], confidence[judged]
    for seed in range(runs):
        t, mine = timed(lambda seed=seed: ours(seed))
        seconds["ours"].append(t)
        t, other = timed(lambda seed=seed: theirs(seed))
        seconds["theirs"].append(t)
        found = Hits.of(mine.recommend(known, 20, exclude=known).items, hidden)
        quality["ours"].append((found.ndcg(10), found.recall(20)))
        t, _ = timed(lambda mine=mine: mine.recommend(train, 10, exclude=train))
        rates["ours"].append(len(people) / t)
        for way in ("stored", "solved"):
            with threadpool_limits(1, "blas"):
                again = way == "solved"
                lists, _ = other.recommend(judged, sure, N=20, recalculate_user=again)
                t, _ = timed(
                    lambda other=other, again=again: other.recommend(
                        people, confidence, N=10, recalculate_user=again
                    )
                )
            rates[way].append(len(people) / t)
            found = Hits.of(lists, hidden)
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
    report.add(f"whyrec iALS, {solver}", "lists_per_second", float(np.median(rates["ours"])), "1/s")
    for way in ("stored", "solved"):
        report.add(
            f"implicit iALS, {solver}",
            f"lists_per_second ({way})",
            float(np.median(rates[way])),
            "1/s",
        )
    pair = f"whyrec / implicit, {solver}"
    ratio = np.median(np.array(seconds["theirs"]) / np.array(seconds["ours"]))
    report.add(pair, "fit_speed", float(ratio), "times")
    faster = max(("stored", "solved"), key=lambda w: float(np.median(rates[w])))
    ratio = np.median(np.array(rates["ours"]) / np.array(rates[faster]))
    report.add(pair, "lists_speed", float(ratio), "times")
    gain = np.mean(quality["ours"], 0)[0] - np.mean(quality[better], 0)[0]
    spread = np.std([q[0] for q in quality["ours"]])
    report.add(pair, "ndcg@10_difference", float(gain), "share")
    if runs > 1:
        report.add(pair, "ndcg@10_spread", float(spread), "share")


if __name__ == "__main__":
    main()
