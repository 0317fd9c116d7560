"""Are counterfactuals what they say? Every one re-ranked from scratch, small ones by brute force."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from _movielens_pairs import Report
from whyrec.data.dataset import Dataset
from whyrec.evidence.engine import EvidenceEngine
from whyrec.evidence.types import Evidence
from whyrec.recommend.base import History
from whyrec.recommend.bundle import Bundle

SMALL = 8
"""Events of the histories that brute force goes through."""

MODELS = ("ease", "ials", "itemknn", "userknn", "mf", "content", "hybrid")
"""By arithmetic where a model has it, by asking where it has not."""


def check_counterfactuals(report: Report, data: Dataset, *, quick: bool) -> None:
    """Share re-ranked as stated, and how many proved sets are not the smallest."""
    cases = 12 if quick else 72
    small = shortened(data, 40 if quick else 160)
    total = smaller = 0
    for name in MODELS:
        engine = EvidenceEngine(Bundle.fit(data, name))
        good = stated = 0
        for user in data.users[:: 94 if quick else 24]:
            for e in engine.explain(user, n=10):
                for found in (e.gone, e.displaced):
                    if found is not None:
                        stated += 1
                        good += ranks(engine, e, [found.items])[0] == found.new_rank
        report.add(f"whyrec {name}", "counterfactuals_re_ranked", good / stated, "share")
        report.add(f"whyrec {name}", "counterfactuals_checked", stated, "sets")
        if name in ("mf", "content", "hybrid") and quick:
            continue
        seen, wrong = brute_force(EvidenceEngine(Bundle.fit(small, name)), cases)
        total, smaller = total + seen, smaller + wrong
        report.add(f"whyrec {name}", "brute_force_cases", seen, "proved sets")
    report.add("whyrec", "brute_force_cases", total, "proved sets")
    report.add("whyrec", "counterfactuals_smaller", smaller, "sets")


def shortened(data: Dataset, people: int) -> Dataset:
    """The data with only the last few events of the first people, so that all subsets can be tried."""
    events = data.events.with_row_index("row").sort("user", "time", maintain_order=True)
    liked = pl.col("value") >= 3.5
    kept = events.filter(
        (pl.col("user") >= people) | (liked & (liked.cum_sum().over("user") <= SMALL))
    )
    return replace(data, events=kept.sort("row").drop("row"))


def brute_force(engine: EvidenceEngine, cases: int) -> tuple[int, int]:
    """(proved sets looked at, those for which a smaller one exists)."""
    seen = wrong = 0
    for user in engine.bundle.dataset.users:
        for e in engine.explain(user, n=3):
            if not 1 <= len(e.reasons) <= SMALL:
                continue
            for found, limit in ((e.gone, e.list_size), (e.displaced, e.rank)):
                if found is None or not found.proved:
                    continue
                events = [r.item for r in e.reasons]
                sets = [
                    s for size in range(1, len(found.items)) for s in combinations(events, size)
                ]
                wrong += any(rank > limit for rank in ranks(engine, e, sets)) if sets else 0
                seen += 1
                if seen == cases:
                    return seen, wrong
    return seen, wrong


def ranks(engine: EvidenceEngine, e: Evidence, removed: Any) -> list[int]:
    """The item's rank after each removal: scored from scratch and sorted."""
    bundle = engine.bundle
    index = bundle.dataset.catalogue.index
    user = bundle.user(e.user)
    history = bundle.history(user)
    rows = [history.without(np.array([index[i] for i in one], np.int32)) for one in removed]
    scores = bundle.scores(sparse.vstack([_row(h, bundle) for h in rows]).tocsr())
    known = set(bundle.dataset.seen[user].indices.tolist())
    open_ = [k for k in range(bundle.dataset.n_items) if k not in known]
    out = []
    for row in scores:
        order = sorted(open_, key=lambda k: (-row[k], k))
        out.append(order.index(index[e.item]) + 1)
    return out


def _row(history: History, bundle: Bundle) -> sparse.csr_matrix:
    return history.matrix(bundle.dataset.n_items)
