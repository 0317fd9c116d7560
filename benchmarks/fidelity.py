"""Which explanations tell what a recommender goes by: whyrec's evidence beside six other methods.

    python benchmarks/fidelity.py [--quick] [--json] [--pairs N]

MovieLens-1M pairs (those of benchmarks/ranking.py, 80 % to learn from), three recommenders: iALS
with fold-in (the MF), Mult-VAE (the autoencoder) and NeuMF on histories (the neural scorer). For a
sample of people and the first item of each one's list, every method gives each event a number;
`whyrec.evaluate.fidelity` removes events in that order and ranks again. Measures and their sources
stand there: areas over ten steps (LXR), and after exactly 1 to 5 events (SPINRec), here 3. pos, cdcg
and del are better when lower, neg and ins when higher.

`whyrec chosen` is the best of thirteen orders (`whyrec.evaluate.faithful`), `spinrec` the best of the
maps of 20 baselines, as its authors have it: in both *for each measure and person anew*, measured
with the model itself, and every call of search and of measuring counts (none is made twice). The rows
`by cdcg` are stricter: one order a person, chosen by CDCG, for all measures. Peers with one map: LXR,
KernelSHAP, a LIME, cosine and chance; see `_explainers.py` for what differs from the originals.

The people explained are neither those whose results were looked at while whyrec's orders were
developed (`SEEN`; LXR's weights and epoch are chosen on 30 of them) nor those that LXR learns from and
SPINRec draws. `gain` lines are paired differences to a peer, positive where whyrec is better, with
95 % bootstrap intervals; `ahead` and `behind` where these leave 0 out, else `level`.

`calls` is how many histories the model scored for one explanation; a gradient counts as three (one
pass forward, two back). LXR needs none, and `training_calls` before the first. A full run takes about
five minutes of one thread; `--only` runs one recommender.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import torch
from scipy import sparse

from _explainers import LXR, first_items, kernel_shap, lime, spinrec
from _movielens_pairs import Report, load
from _ncf import NCF
from whyrec.evaluate.faithful import asked_of, candidates, choose, measured
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
from whyrec.evidence.successive import enough, place, successive
from whyrec.recommend import threads
from whyrec.recommend.base import Floats, Ints, Recommender
from whyrec.recommend.ials import IALS
from whyrec.recommend.neural.multvae import MultVAE

SEEN, LXR_CHOSEN_ON = (100, 120), 30
"""First people of seeds 1 and 7, whose results were looked at while the orders were developed."""

DRAWS = 2000
"""Bootstrap samples of the people."""

MEASURES: tuple[tuple[str, int | None], ...] = (
    *((m, None) for m in ("pos@1", "pos@5", "pos@10", "pos@20", "neg@5", "neg@20")),
    *((m, None) for m in ("cdcg", "del", "ins")),
    *((m, 3) for m in ("pos@5", "cdcg", "del", "ins")),
)
SEARCH = {"ials": 1700, "multvae": 1700, "ncf": 500}
"""Calls after which `chosen` begins no further search for a person: with them it stays below what
SPINRec calls in all. NeuMF's gradients hardly depend on where they are taken, so SPINRec's maps are
alike there and cost little to measure."""

LXR_EPOCHS = {"authors' weights": 40, "other weights": 20}
OURS = {"positive": 1.0, "negative": 5.0}
"""Other weights of LXR's two terms, tried beside the authors'."""

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
    parser.add_argument("--pairs", type=int, help="people explained (120; 8 if quick)")
    parser.add_argument("--only", choices=tuple(AUTHORS), help="one recommender")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    threads.set_threads(1)
    torch.set_num_threads(1)
    quick = args.quick
    pairs = load()
    held = held_out(pairs.users)
    train = pairs.matrix(~held)
    if quick:
        train = train[:1500]
    count = args.pairs or (8 if quick else 120)
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
        return IALS(factors=64, iterations=5 if quick else 10).fit(train), "identity"
    if name == "multvae":
        model = MultVAE(
            hidden=200,
            latent=64,
            dropout=0.5,
            beta=0.2,
            anneal_steps=500,
            batch=250,
            learning_rate=2e-3,
            weight_decay=0.0,
            clip=5.0,
            epochs=10 if quick else 25,
            validation=0.0,
        )
        return model.fit(train), "exp"
    return NCF(epochs=6 if quick else 15).fit(train), "sigmoid"


def compare(
    report: Report,
    model: Recommender,
    link: Link,
    train: sparse.csr_matrix,
    count: int,
    quick: bool,
) -> None:
    """Every method on the same people and items, measured in the same way."""
    known = np.random.default_rng(1).permutation(train.shape[0])
    drawn = np.random.default_rng(7).permutation(known[SEEN[0] :])[SEEN[1] :]
    asked, rest = drawn[:count], drawn[count : count + (300 if quick else 1500)]
    histories, others = train[asked], train[rest]
    items = first_items(model, histories)
    budget = 128 if quick else 512
    start = time.perf_counter()
    lxr = learnt(report, model, link, others, train[known[:LXR_CHOSEN_ON]], quick)
    seconds = time.perf_counter() - start
    methods: dict[str, Method] = {
        "whyrec occlusion": occlusion,
        "whyrec shapley": shapley,
        "whyrec successive": successive,
        "whyrec place": place,
        "whyrec enough": enough,
        "lxr": lxr,
        "shap": kernel_shap,
        "lime": lime,
        "cosine": cosine(train),
        "random": random,
    }
    if model.exact:
        methods = {"whyrec contributions": contributions, "whyrec effects": effects, **methods}
    each: dict[str, dict[str, Floats]] = {}
    for system, method in methods.items():
        look, calls, took = measure(method, model, link, histories, items, budget)
        each[system] = {key(m, k): look.each(m, removed=k) for m, k in MEASURES}
        tell(report, system, each[system], calls, took)
    report.add("lxr", "training_seconds", seconds, "s")
    for system in ("whyrec chosen", "spinrec"):
        start = time.perf_counter()
        asked_ = asked_of(model, histories, items)
        gradients = 0.0
        if system == "spinrec":
            orders, gradients = spinrec(model, histories, items, others)
        else:
            orders = candidates(asked_, budget=SEARCH[model.name])
        looks = measured(model, histories, items, orders, asked_, link=link)
        took = (time.perf_counter() - start) / count
        calls = float(np.mean([a.calls for a in asked_])) + GRADIENT * gradients
        for label, by in ((system, None), (f"{system} by cdcg", ("cdcg", None))):
            each[label] = {key(m, k): best(looks, m, k, by or (m, k)) for m, k in MEASURES}
            tell(report, label, each[label], calls, took)
    for system, peer in (
        ("whyrec chosen", "spinrec"),
        ("whyrec chosen", "lxr"),
        ("whyrec chosen by cdcg", "spinrec by cdcg"),
        ("whyrec chosen by cdcg", "lxr"),
    ):
        gains(report, system, peer, each[system], each[peer])


def learnt(
    report: Report,
    model: Recommender,
    link: Link,
    others: sparse.csr_matrix,
    histories: sparse.csr_matrix,
    quick: bool,
) -> LXR:
    """LXR with the weights and epoch best by CDCG on people of its own; the curves are reported."""
    heads, items = first_items(model, others), first_items(model, histories)
    tried, examples = [], 0
    for label, weights in (("authors' weights", {}), ("other weights", OURS)):
        lxr = LXR(model, others, heads, **{**AUTHORS[model.name], **weights})
        for epoch in range(1, 1 + (4 if quick else LXR_EPOCHS[label])):
            loss = lxr.learn()
            if epoch in (1, 2, 4) or epoch % 10 == 0:
                parts, _ = attribute(lxr, model, histories, items, budget=1)
                found = fidelity(model, histories, items, parts, link=link).mean("cdcg")
                report.add("lxr", f"{label}, epoch {epoch}: loss", loss, "")
                report.add("lxr", f"{label}, epoch {epoch}: cdcg of others", found, "share")
                tried.append((found, epoch, label, lxr.state()))
        examples += lxr.trained
    # Forward twice, back through both: 2 · 3 calls an example.
    report.add("lxr", "training_calls", 2.0 * GRADIENT * examples, "both runs")
    found, epoch, label, state = min(tried, key=lambda at: at[0])
    lxr.restore(state)
    report.add("lxr", f"{label} chosen, epoch", float(epoch), "")
    return lxr


def gains(
    report: Report, system: str, peer: str, mine: dict[str, Floats], theirs: dict[str, Floats]
) -> None:
    """Paired gains over a peer with their intervals, how many of each verdict, and the weakest."""
    rng = np.random.default_rng(0)
    verdicts, relative = [], {}
    for measure, values in mine.items():
        gap = values - theirs[measure]
        known = ~np.isnan(gap)
        gap = gap[known]
        if LOWER_IS_BETTER[measure.partition(" ")[0].partition("@")[0]]:
            gap = -gap
        means = gap[rng.integers(0, len(gap), (DRAWS, len(gap)))].mean(1)
        low, high = np.percentile(means, (2.5, 97.5))
        verdict = "ahead" if low > 0 else "behind" if high < 0 else "level"
        verdicts.append(verdict)
        relative[measure] = float(gap.mean() / max(abs(theirs[measure][known].mean()), 1e-12))
        for label, value in (("", gap.mean()), (", low", low), (", high", high)):
            report.add(system, f"gain over {peer}: {measure}{label}", float(value), verdict)
    for verdict in ("ahead", "level", "behind"):
        report.add(system, f"{verdict} of {peer}", verdicts.count(verdict), "measures")
    weakest = min(relative, key=lambda m: relative[m])
    report.add(system, f"weakest against {peer}: {weakest}", relative[weakest], "of the peer's")


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
    looks: list[Fidelity], measure: str, removed: int | None, by: tuple[str, int | None]
) -> Floats:
    """A measure of each pair on the map that is best by a measure."""
    chosen = choose(looks, by[0], removed=by[1])
    each = np.array([look.each(measure, removed=removed) for look in looks])
    return np.asarray(each[chosen, np.arange(len(chosen))])


def key(measure: str, removed: int | None) -> str:
    """`pos@5`, or `pos@5 after 3`."""
    return measure if removed is None else f"{measure} after {removed}"


def tell(report: Report, system: str, values: dict[str, Floats], calls: float, took: float) -> None:
    """One row a measure, then what it cost."""
    for measure, value in values.items():
        report.add(system, measure, float(np.nanmean(value)), "share")
    report.add(system, "calls", calls, "")
    report.add(system, "seconds", took, "s a pair")


if __name__ == "__main__":
    main()
