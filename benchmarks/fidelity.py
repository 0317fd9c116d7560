"""Which explanations tell what a recommender goes by: whyrec's evidence beside six other methods.

    python benchmarks/fidelity.py [--quick] [--json] [--pairs N]

MovieLens-1M pairs (those of benchmarks/ranking.py, 80 % to learn from), three recommenders: iALS
with fold-in (the MF), Mult-VAE and NeuMF on histories. For a sample of people and the first item of
each one's list, every method gives each event a number; `whyrec.evaluate.fidelity` removes events in
that order and ranks again. Measures and their sources stand there: areas over ten steps (LXR), and
after exactly 1 to 5 events (SPINRec), here 3. pos, cdcg and del are better when lower, neg and ins
when higher.

whyrec's methods: exact contributions and leave-one-out effects (iALS), occlusion, sampled Shapley,
successive removal by score, at both ends and by place; and `chosen`, the best of some of these and
their mixtures (`whyrec.evaluate.faithful`). Peers: LXR, SPINRec, KernelSHAP, a LIME, cosine and
chance; see `_explainers.py` for what differs from the originals. SPINRec's authors take the best of
its maps for each measure and pair anew; `spinrec` here does, and `whyrec chosen` with it. The rows
`by cdcg` are stricter: one order a pair, chosen by CDCG, for all measures.

`calls` is how many histories the model scored for one explanation; a gradient counts as three (one
pass forward, two back). LXR needs none, and `training_calls` before the first.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
from scipy import sparse

from _explainers import LXR, first_items, kernel_shap, lime, spinrec
from _movielens_pairs import Report, load
from _ncf import NCF
from whyrec.evaluate.faithful import LOOKS, candidates, choose, measured
from whyrec.evaluate.fidelity import (
    LOWER_IS_BETTER,
    Fidelity,
    Link,
    attribute,
    contributions,
    cosine,
    effects,
    fidelity,
    random,
)
from whyrec.evaluate.ranking import held_out
from whyrec.evidence.attribution import Method, occlusion, shapley
from whyrec.evidence.successive import place, successive, two_ended
from whyrec.recommend import threads
from whyrec.recommend.base import Floats, Ints, Recommender
from whyrec.recommend.ials import IALS
from whyrec.recommend.neural.multvae import MultVAE

THREADS = 2
MEASURES: tuple[tuple[str, int | None], ...] = (
    *((m, None) for m in ("pos@1", "pos@5", "pos@10", "pos@20", "neg@5", "neg@20")),
    *((m, None) for m in ("cdcg", "del", "ins")),
    *((m, 3) for m in ("pos@5", "cdcg", "del", "ins")),
)
GRADIENT = 3
"""What a gradient costs in calls: a pass forward and two back."""

AUTHORS: dict[str, dict[str, Any]] = {
    "ials": {"positive": 11.599, "negative": 0.1415, "hidden": 64, "learning_rate": 0.004177},
    "multvae": {"positive": 3.1857, "negative": 1.4206, "hidden": 128, "learning_rate": 0.005019},
    "ncf": {"positive": 10.842, "negative": 0.3962, "hidden": 64, "learning_rate": 0.004},
}
"""LXR's hyperparameters for ML-1M: of the authors' MF, VAE and NCF."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few people, within a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")
    parser.add_argument("--pairs", type=int, help="people explained (100; 8 if quick)")
    parser.add_argument("--only", choices=tuple(AUTHORS), help="one recommender")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    threads.set_threads(THREADS)
    quick = args.quick
    pairs = load()
    held = held_out(pairs.users)
    train = pairs.matrix(~held)
    if quick:
        train = train[:1500]
    count = args.pairs or (8 if quick else 100)
    for name in (args.only,) if args.only else AUTHORS:
        report = Report("fidelity", f"{pairs.name}/{name}", as_json=args.json)
        start = time.perf_counter()
        model, link = recommender(name, train, quick)
        compare(report, model, link, train, count, quick)
        report.finish(
            f"{count} people, {time.perf_counter() - start:.0f} s in all",
            "pos, cdcg and del: lower is better; neg and ins: higher is better",
        )


def recommender(name: str, train: sparse.csr_matrix, quick: bool) -> tuple[Recommender, Link]:
    """A fitted model, and what makes its scores positive."""
    if name == "ials":
        return IALS(factors=64, iterations=5 if quick else 15).fit(train), "identity"
    if name == "multvae":
        small: dict[str, Any] = {"epochs": 30}
        if quick:
            small = {"hidden": 100, "latent": 32, "epochs": 20, "learning_rate": 5e-3}
        return MultVAE(batch=250, validation=0.0, **small).fit(train), "exp"
    return NCF(epochs=6 if quick else 20).fit(train), "sigmoid"


def compare(
    report: Report,
    model: Recommender,
    link: Link,
    train: sparse.csr_matrix,
    count: int,
    quick: bool,
) -> None:
    """Every method on the same people and items, measured in the same way."""
    rng = np.random.default_rng(1)
    order = rng.permutation(train.shape[0])
    # As in the papers the people explained are not those that LXR learns from.
    asked, rest = order[:count], order[count : count + (300 if quick else 1500)]
    histories, others = train[asked], train[rest]
    items = first_items(model, histories)
    budget = 128 if quick else 512
    ours: dict[str, Method] = {
        "occlusion": occlusion,
        "shapley": shapley,
        "successive": successive,
        "two-ended": two_ended,
        "place": place,
    }
    if model.exact:
        ours = {"contributions": contributions, "effects": effects, **ours}
    start = time.perf_counter()
    heads = first_items(model, others)
    lxr = LXR(model, others, heads, epochs=4 if quick else 20, **AUTHORS[model.name])
    seconds = time.perf_counter() - start
    peers: dict[str, Method] = {
        "lxr": lxr,
        "shap": kernel_shap,
        "lime": lime,
        "cosine": cosine(train),
        "random": random,
    }
    methods = {**{f"whyrec {label}": m for label, m in ours.items()}, **peers}
    found: dict[str, dict[str, float]] = {}
    for system, method in methods.items():
        look, calls, took = measure(method, model, link, histories, items, budget)
        found[system] = {key(m, k): look.mean(m, removed=k) for m, k in MEASURES}
        tell(report, system, found[system], calls, took)
    # Forward twice, back through both: 2 · 3 calls an example.
    report.add("lxr", "training_calls", 2.0 * GRADIENT * lxr.trained, "")
    report.add("lxr", "training_seconds", seconds, "s")

    def searched() -> tuple[list[list[Floats]], float]:
        return candidates(model, histories, items, budget=budget // 2)

    def paths() -> tuple[list[list[Floats]], float]:
        maps, gradients = spinrec(model, histories, items, others)
        return maps, GRADIENT * gradients

    for system, make in (("whyrec chosen", searched), ("spinrec", paths)):
        start = time.perf_counter()
        orders, calls = make()
        looks = measured(model, histories, items, orders, link=link)
        took = (time.perf_counter() - start) / count
        found[system] = {key(m, k): best(looks, m, k, m, k) for m, k in MEASURES}
        tell(report, system, found[system], calls + LOOKS * len(orders), took)
        single = {key(m, k): best(looks, m, k, "cdcg", None) for m, k in MEASURES}
        found[f"{system} by cdcg"] = single
        tell(report, f"{system} by cdcg", single, calls + LOOKS * len(orders), took)
    for system in ("whyrec chosen", "whyrec chosen by cdcg"):
        peer = system.replace("whyrec chosen", "spinrec")
        signs = [
            min(compared(m, found[system][key(m, k)], found[p][key(m, k)]) for p in ("lxr", peer))
            for m, k in MEASURES
        ]
        for label, sign in (("ahead", 1), ("level", 0), ("behind", -1)):
            report.add(system, f"{label} of lxr and {peer}", signs.count(sign), "measures")


def measure(
    method: Method,
    model: Recommender,
    link: Link,
    histories: sparse.csr_matrix,
    items: Ints,
    budget: int,
) -> tuple[Fidelity, float, float]:
    """Fidelity, calls a pair and seconds a pair."""
    start = time.perf_counter()
    parts, calls = attribute(method, model, histories, items, budget=budget)
    took = (time.perf_counter() - start) / len(items)
    return fidelity(model, histories, items, parts, link=link), calls, took


def best(
    looks: list[Fidelity], measure: str, removed: int | None, by: str, by_removed: int | None
) -> float:
    """The mean of a measure over the maps that are best, pair by pair, by a measure."""
    chosen = choose(looks, by, removed=by_removed)
    each = np.array([look.each(measure, removed=removed) for look in looks])
    return float(np.nanmean(each[chosen, np.arange(len(chosen))]))


def compared(measure: str, mine: float, theirs: float) -> int:
    """1 where ours is ahead, 0 where both are the same to four digits, -1 where it is behind."""
    gap = round(mine - theirs, 4)
    return int(np.sign(-gap if LOWER_IS_BETTER[measure.partition("@")[0]] else gap))


def key(measure: str, removed: int | None) -> str:
    """`pos@5`, or `pos@5 after 3`."""
    return measure if removed is None else f"{measure} after {removed}"


def tell(report: Report, system: str, values: dict[str, float], calls: float, took: float) -> None:
    """One row a measure, then what it cost."""
    for measure, value in values.items():
        report.add(system, measure, value, "share")
    report.add(system, "calls", calls, "")
    report.add(system, "seconds", took, "s a pair")


if __name__ == "__main__":
    main()
