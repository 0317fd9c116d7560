"""How fit, lists and evidence grow with the number of events: one core, 10^5 to 10^7 of them.

    python benchmarks/growth.py [--quick] [--json] [--picture growth.png]

Synthetic events (`_synthetic.py`): users = events / 50, items = 2 √events, so that a person's history
stays as long as it is while catalogue and crowd grow. Seconds of processor time of one thread: the
fit; top-10 lists of 2,000 people; contributions of every event to ten items of those 2,000. The slope
is the exponent p of time ~ events^p between the smallest and the largest size, and beside it that
expected from the arithmetic:

- popularity counts: fit 1; lists n_items for each person, so 1/2; evidence 0.
- iALS: fit 1 (events · k² and people · k² · steps); lists 1/2; evidence 0.
- ItemKNN: fit Σ_u events_u², a little above 1, since the longest histories grow with the catalogue; lists and evidence follow k, 0 to 1/2.
- EASE: fit n_items³ = 3/2 beside the Gram matrix's 1: above linear because the inverse is dense; lists
  history · n_items, 1/2. Left out above 12,000 items, where `ease-sparse` takes its place: n_items · m³
  there, 1/2, and Σ_u events_u².
- BPR, MF (ratings): fit 1.

The full run takes about seven minutes. Needs matplotlib only for the picture.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from _movielens_pairs import Report
from _synthetic import events
from whyrec.recommend import threads
from whyrec.recommend.base import Recommender
from whyrec.recommend.registry import CLASSES, model

PEOPLE, N = 2000, 10
EASE_ITEMS = 12_000

MODELS: dict[str, dict[str, Any]] = {
    "popularity": {},
    "itemknn": {},
    "ials": {"iterations": 5},
    "bpr": {"iterations": 3},
    "ease": {},
    "ease-sparse": {"neighbours": 200},
    "mf": {},
}
MEMORY = (
    "the same operations an event; likely memory, since the vectors of everybody leave the caches"
)
ABOVE_LINEAR = {
    "ease": "the inverse of a dense items × items matrix",
    "itemknn": "products an event grow too: see the exponent of Σ events_u² above",
    "ials": MEMORY,
    "mf": MEMORY,
    "popularity": MEMORY,
    "bpr": "WARP draws more items until one comes too close, the better it ranks; and memory",
}
"""Why a fit may grow faster than the events: the first is arithmetic, `MEMORY` is inferred."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="10^4 and 10^5, within a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")
    parser.add_argument("--picture", type=Path, help="where to write the picture (PNG)")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    threads.set_threads(1)
    sizes = (10_000, 100_000) if args.quick else (100_000, 1_000_000, 10_000_000)
    report = Report("growth", "synthetic", as_json=args.json)
    warm_up()
    seconds: dict[tuple[str, str], list[tuple[int, float]]] = {}
    products: list[tuple[int, float]] = []
    for size in sizes:
        X = events(size // 50, int(2 * size**0.5), size)
        products.append((X.nnz, float(np.square(np.diff(X.indptr), dtype=np.float64).sum())))
        for name, params in MODELS.items():
            if name not in CLASSES or (name == "ease" and X.shape[1] > EASE_ITEMS):
                continue
            for step, spent in measure(name, params, X, 200 if args.quick else PEOPLE).items():
                seconds.setdefault((name, step), []).append((X.nnz, spent))
                report.add(f"whyrec {name}", f"{step}_seconds ({size:.0e} events)", spent, "s")
    notes = ["one thread, processor time", f"Σ events_u² ~ events^{exponent(products):.2f}"]
    for (name, step), points in seconds.items():
        if len(points) < 2:
            continue
        slope = exponent(points)
        report.add(f"whyrec {name}", f"{step}_slope", slope, "exponent")
        if slope > 1.05:
            reason = ABOVE_LINEAR.get(name, "not explained") if step == "fit" else "not explained"
            notes.append(f"{name}, {step}: above linear ({slope:.2f}), {reason}")
    if args.picture:
        draw(seconds, args.picture)
    report.finish(*notes)


def warm_up() -> None:
    """Compile and load everything."""
    X = events(200, 100, 3000)
    for name, params in MODELS.items():
        if name in CLASSES:
            measure(name, params, X, 200)


def measure(
    name: str, params: dict[str, Any], X: sparse.csr_matrix, people: int
) -> dict[str, float]:
    """Seconds of fit, and of lists and evidence of so many people."""
    made: Recommender = model(name)(**params)
    data = X
    if made.reads == "rated":
        data = X.copy()
        data.data = np.random.default_rng(0).integers(1, 6, X.nnz).astype(np.float32)
    spent = {"fit": clock(lambda: made.fit(data))}
    few = data[np.linspace(0, X.shape[0] - 1, min(people, X.shape[0])).astype(np.int64)]
    spent["lists"] = repeated(lambda: made.recommend(few, N, exclude=few))
    lists = np.maximum(made.recommend(few, N, exclude=few).items, 0)
    spent["evidence"] = repeated(lambda: made.explain_many(few, lists, effects=False))
    return spent


def clock(work: Any) -> float:
    """Processor seconds of one run."""
    start = time.process_time()
    work()
    return time.process_time() - start


def repeated(work: Any) -> float:
    """The median of three."""
    return float(np.median([clock(work) for _ in range(3)]))


def exponent(points: list[tuple[int, float]]) -> float:
    """p of seconds ~ events^p by least squares on logarithms."""
    x, y = np.log([p[0] for p in points]), np.log([max(p[1], 1e-9) for p in points])
    return float(np.polyfit(x, y, 1)[0])


def draw(seconds: dict[tuple[str, str], list[tuple[int, float]]], place: Path) -> None:
    """One panel a step, logarithmic axes, a grey line that grows as the events do."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    steps = ("fit", "lists", "evidence")
    titles = ("fit", f"top-{N} lists of {PEOPLE:,} people", f"evidence of {PEOPLE * N:,} pairs")
    figure, panels = plt.subplots(1, 3, figsize=(13, 5.2), layout="constrained")
    for panel, step, title in zip(panels, steps, titles, strict=True):
        for (name, what), points in seconds.items():
            if what == step:
                x, y = zip(*points, strict=True)
                panel.plot(
                    x, y, "o-", label=f"{name} ({exponent(points):.2f})" if len(x) > 1 else name
                )
        low, high = panel.get_xlim()
        bottom = panel.get_ylim()[0]
        panel.plot([low, high], [bottom, bottom * high / low], color="0.8", zorder=0)
        panel.set(xscale="log", yscale="log", title=title, xlabel="events")
        panel.legend(
            fontsize=8, frameon=False, ncol=2, loc="upper center", bbox_to_anchor=(0.5, -0.13)
        )
    panels[0].set_ylabel("seconds, one core")
    figure.savefig(place, dpi=120)


if __name__ == "__main__":
    main()
