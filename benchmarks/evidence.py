"""What a recommendation's reasons cost and whether they add up, beside other explainers in one run.

    python benchmarks/evidence.py [--quick] [--json]

Speed: MovieLens-1M pairs, all of them, one core; iALS with 64 factors, EASE, ItemKNN. For everybody
the ten best items are explained, with the contribution of every event of the history.
`pairs_per_second` counts (user, item) pairs from the history to all contributions, the fold-in
included. implicit explains the same pairs with its own model of the same settings, in both of its
ways: each pair for itself, and with the solve of each person handed from item to item
(`user_weights`), `reused`. KernelSHAP (`shap`) and LIME (`lime`) explain a few of the same pairs of
the same iALS, with their own default numbers of samples. Throughput is per second of processor time
of the one thread, for all alike, so that other work on the machine does not count; latency is by the
wall clock. `leave_one_out_pairs_per_second` gives besides what the score would be without each event;
`one_pair` is one call for one item of one person from Python; `evidence_users_per_second` is
everything of ten items, counterfactuals, facts and objects; `table_pairs_per_second` writes
everybody's evidence to Parquet, and its memory is what the process grew by at its peak, for a quarter
of the people and for all.

Truth: `additivity_error` is the worst |Σ - score| / |score| of all pairs, on MovieLens-1M for the three
above and on MovieLens-100K for every exact model and adapter. `counterfactuals_re_ranked` is the share
of counterfactuals that come out as stated when the history without those events is scored and sorted
from scratch; `counterfactuals_smaller` how many of the proved ones brute force finds a smaller set for,
in 500 cases of up to 8 events, found by arithmetic and by asking the model.

A full run takes about six minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse
from threadpoolctl import threadpool_limits

from _additivity import additivity as additivity_of
from _additivity import bundles, movielens_100k
from _counterfactuals import check_counterfactuals
from _movielens_pairs import Pairs, Report, load
from whyrec.data.catalogue import Catalogue
from whyrec.data.dataset import Dataset
from whyrec.evidence.attribution import Game
from whyrec.evidence.engine import EvidenceEngine
from whyrec.recommend import threads
from whyrec.recommend.base import History, Recommender
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.ease import EASE
from whyrec.recommend.ials import IALS
from whyrec.recommend.itemknn import ItemKNN

N = 10
LAMBDA = 800.0
FACTORS, ITERATIONS, REGULARIZATION, ALPHA = 64, 15, 30.0, 4.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer people, within a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    pairs = load()
    X = pairs.matrix()
    report = Report("evidence", pairs.name, as_json=args.json)
    iterations = 5 if args.quick else ITERATIONS
    ials = IALS(
        factors=FACTORS, iterations=iterations, regularization=REGULARIZATION, alpha=ALPHA
    ).fit(X)
    ease = EASE(regularization=LAMBDA).fit(X)
    knn = ItemKNN().fit(X)
    systems = (("whyrec iALS", ials), ("whyrec EASE", ease), ("whyrec ItemKNN", knn))
    threads.set_threads(1)
    with threadpool_limits(1):
        people = np.arange(0, X.shape[0], 6 if args.quick else 1)
        rates = {}
        for system, model in systems:
            rates[system] = contributions(report, system, model, X[people], 2 if args.quick else 5)
            one_pair(report, system, model, X, 500 if args.quick else 3000)
        peer = implicit_explain(report, X, iterations, 20 if args.quick else 60)
        for system, rate in peer.items():
            report.add(f"whyrec iALS / {system}", "speed", rates["whyrec iALS"] / rate, "times")
        sampled_explainers(report, ials, X, 2 if args.quick else 5)
        for system, model in systems:
            everything(report, system, model, pairs, 60 if args.quick else 600)
        table(report, ease, pairs, quick=args.quick)
        truth(report, quick=args.quick)
    report.finish(f"{X.nnz} pairs, histories of {X.nnz / X.shape[0]:.0f} on average, one core")


def contributions(
    report: Report, system: str, model: Recommender, X: sparse.csr_matrix, runs: int
) -> float:
    ranking = model.recommend(X, N, exclude=X)
    model.explain_many(X[:4], ranking.items[:4], effects=True)  # compile
    model.explain_many(X[:4], ranking.items[:4], effects=False)
    best = lost = float("inf")
    for _ in range(runs):
        start = time.process_time()
        for a in range(0, X.shape[0], 256):
            model.explain_many(X[a : a + 256], ranking.items[a : a + 256], effects=False)
        best = min(best, time.process_time() - start)
        start = time.process_time()
        for a in range(0, X.shape[0], 256):
            model.explain_many(X[a : a + 256], ranking.items[a : a + 256], effects=True)
        lost = min(lost, time.process_time() - start)
    rate = ranking.items.size / best
    report.add(system, "pairs_per_second", rate, "pairs/s")
    report.add(system, "leave_one_out_pairs_per_second", ranking.items.size / lost, "pairs/s")
    report.add(system, "additivity_error", additivity(model, X, ranking), "relative")
    return rate


def additivity(model: Recommender, X: sparse.csr_matrix, ranking: Any) -> float:
    """The worst |Σ contributions - score| / |score| of all pairs."""
    worst = 0.0
    for a in range(0, X.shape[0], 256):
        items, scores = ranking.items[a : a + 256], ranking.scores[a : a + 256]
        parts, _ = model.explain_many(X[a : a + 256], items, effects=False)
        for p, s in zip(parts, scores, strict=True):
            worst = max(worst, float((np.abs(p.sum(1) - s) / np.abs(s)).max()))
    return worst


def one_pair(report: Report, system: str, model: Recommender, X: sparse.csr_matrix, n: int) -> None:
    rng = np.random.default_rng(0)
    people = rng.integers(0, X.shape[0], n)
    items = rng.integers(0, X.shape[1], (n, 1)).astype(np.int32)
    seconds = np.empty(n)
    for k, u in enumerate(people.tolist()):
        a, b = X.indptr[u], X.indptr[u + 1]
        history = History(X.indices[a:b], X.data[a:b])
        start = time.perf_counter()
        model.contributions(history, items[k])
        seconds[k] = time.perf_counter() - start
    p50, p99 = np.percentile(seconds[5:] * 1e3, [50, 99])
    report.add(system, "one_pair_p50", float(p50), "ms")
    report.add(system, "one_pair_p99", float(p99), "ms")


def implicit_explain(
    report: Report, X: sparse.csr_matrix, iterations: int, people: int
) -> dict[str, float]:
    try:
        from implicit.als import AlternatingLeastSquares
    except ImportError:
        report.add("implicit.explain", "absent", 1, "")
        return {}
    model = AlternatingLeastSquares(
        factors=FACTORS, iterations=iterations, regularization=REGULARIZATION, alpha=1.0,
        num_threads=1, random_state=0,
    )  # fmt: skip
    confidence = X.copy()
    confidence.data = (1 + ALPHA * X.data).astype(np.float32)
    model.fit(confidence, show_progress=False)
    chosen = np.linspace(0, X.shape[0] - 1, people).astype(int)
    lists, scores = model.recommend(chosen, confidence[chosen], N=N)
    model.explain(int(chosen[0]), confidence, int(lists[0, 0]), N=X.shape[1])
    rates = {}
    for reuse in (True, False):
        system = "implicit.explain, reused" if reuse else "implicit.explain"
        error = 0.0
        start = time.process_time()
        for u, items, shown in zip(chosen.tolist(), lists, scores, strict=True):
            weights = None
            for i, s in zip(items.tolist(), shown.tolist(), strict=True):
                _, parts, solved = model.explain(
                    u, confidence, i, user_weights=weights, N=X.shape[1]
                )
                weights = solved if reuse else None
                error = max(error, abs(sum(c for _, c in parts) - s) / abs(s))
        rates[system] = lists.size / (time.process_time() - start)
        report.add(system, "pairs_per_second", rates[system], "pairs/s")
        report.add(system, "additivity_error", error, "relative")
    return rates


def sampled_explainers(report: Report, model: IALS, X: sparse.csr_matrix, people: int) -> None:
    """KernelSHAP and LIME on pairs of people with histories of middling length."""
    sizes = np.diff(X.indptr)
    order = np.argsort(np.abs(sizes - np.median(sizes)), kind="stable")[:people]
    ranking = model.recommend(X[order], 1, exclude=X[order])
    explainers = {"KernelSHAP": _kernel_shap, "LIME": _lime}
    for system, explain in explainers.items():
        try:
            seconds = worst = calls = 0.0
            for k, u in enumerate(order.tolist()):
                a, b = X.indptr[u], X.indptr[u + 1]
                game = Game(model, History(X.indices[a:b], X.data[a:b]), ranking.items[k])

                def score(masks: Any, game: Game = game) -> Any:
                    return game(np.asarray(masks) > 0.5)[:, 0]

                start = time.process_time()
                total = explain(score, b - a)
                seconds += time.process_time() - start
                calls += game.calls
                shown = float(ranking.scores[k, 0])
                worst = max(worst, abs(total - shown) / abs(shown))
        except ImportError:
            report.add(system, "absent", 1, "")
            continue
        report.add(system, "pairs_per_second", people / seconds, "pairs/s")
        report.add(system, "calls", calls / people, "histories/pair")
        report.add(system, "additivity_error", worst, "relative")


def _kernel_shap(score: Any, h: int) -> float:
    """The sum of KernelSHAP's values and its base."""
    import shap

    explainer = shap.KernelExplainer(score, np.zeros((1, h)))
    parts = explainer.shap_values(np.ones(h), silent=True)
    return float(np.sum(parts) + explainer.expected_value)


def _lime(score: Any, h: int) -> float:
    """What LIME's linear surrogate of all events says of the whole history."""
    from lime.lime_tabular import LimeTabularExplainer

    both = np.array([np.zeros(h), np.ones(h)])
    explainer = LimeTabularExplainer(
        both, mode="regression", categorical_features=list(range(h)), random_state=0
    )
    found = explainer.explain_instance(np.ones(h), score, num_features=h)
    return float(found.local_pred[0])


def dataset(pairs: Pairs) -> Dataset:
    """The pairs with invented titles."""
    events = pl.DataFrame(
        {"user": pairs.users, "item": pairs.items}, schema={"user": pl.UInt32, "item": pl.UInt32}
    ).with_columns(
        pl.lit("interaction").alias("event"),
        pl.lit(None, pl.Float64).alias("value"),
        pl.lit(None, pl.Datetime("ms")).alias("time"),
    )
    names = [str(i) for i in range(int(pairs.items.max()) + 1)]
    table = pl.DataFrame({"id": names, "title": [f"Film {i}" for i in names]})
    users = tuple(str(u) for u in range(int(pairs.users.max()) + 1))
    return Dataset(events, Catalogue(table), users)


def everything(report: Report, system: str, model: Recommender, pairs: Pairs, people: int) -> None:
    engine = EvidenceEngine(Bundle(model, dataset(pairs)))
    users = engine.bundle.dataset.users
    list(engine.batch(users[:2], N))
    step = max(1, len(users) // people)
    chosen = users[::step][:people]
    for counterfactuals in (True, False):
        start = time.process_time()
        n = sum(1 for _ in engine.batch(chosen, N, counterfactuals=counterfactuals))
        name = "evidence_users_per_second"
        name += "" if counterfactuals else "_without_counterfactuals"
        report.add(system, name, n / (time.process_time() - start), "users/s")


def table(report: Report, model: Recommender, pairs: Pairs, *, quick: bool) -> None:
    """Evidence of everybody to Parquet; the peak is that of a process of its own."""
    users = int(pairs.users.max()) + 1
    sizes = (users // 16, users // 8) if quick else (users // 4, users)
    with tempfile.TemporaryDirectory() as folder:
        Bundle(model, dataset(pairs)).save(Path(folder) / "model")
        for count in sizes:
            command = [sys.executable, "-c", _TABLE, f"{folder}/model", str(count), folder]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rate, grown = map(float, done.stdout.split())
            report.add(f"whyrec EASE, {count} users", "table_pairs_per_second", rate, "pairs/s")
            report.add(f"whyrec EASE, {count} users", "table_memory", grown, "MiB")


_TABLE = """
import resource, sys, time
from whyrec.batch.evidence import write_evidence
from whyrec.evidence.attribution import Game
from whyrec.evidence.engine import EvidenceEngine
from whyrec.recommend.bundle import Bundle
engine = EvidenceEngine(Bundle.load(sys.argv[1]))
users = engine.bundle.dataset.users
write_evidence(engine, users[:64], sys.argv[3] + "/first.parquet")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
made = write_evidence(engine, users[: int(sys.argv[2])], sys.argv[3] + "/all.parquet")
seconds = time.process_time() - start
print(made.pairs / seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def truth(report: Report, *, quick: bool) -> None:
    """Additivity of every exact model and adapter, and counterfactuals, on MovieLens-100K."""
    data = movielens_100k()
    if data is None:
        report.add("MovieLens-100K", "absent", 1, "")
        return
    truths = Report("evidence", "movielens-100k", as_json=report.as_json)
    users = data.users[::12] if quick else data.users
    least = N * data.n_users
    for system, bundle in bundles(data, quick=quick):
        if isinstance(bundle, str):
            truths.add(f"{system}: {bundle}", "absent", 1, "")
            continue
        if not bundle.recommender.exact:
            truths.add(f"{system}: sampled, not exact", "absent", 1, "")
            continue
        worst, pairs = additivity_of(bundle, users)
        truths.add(system, "additivity_error", worst, "relative")
        least = min(least, pairs)
    truths.add("whyrec", "additivity_pairs", least, "pairs of each, at least")
    check_counterfactuals(truths, data, quick=quick)
    report.rows += truths.rows


if __name__ == "__main__":
    main()
