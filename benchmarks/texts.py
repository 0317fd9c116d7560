"""Texts a second, what the nano model costs, what the verifier refuses, and how varied texts are.

    python benchmarks/texts.py [--quick] [--json] [--llm nano|none]

Metrics, for each data set and language:

`texts_per_second`            plans → filled texts (sketch chosen and filled), sketches being ready
`texts_per_second_2`          the same in two processes at once
`planned_texts_per_second`    evidence → plan → text
`explained_texts_per_second`  users → evidence with counterfactuals → plan → text: the whole way
`nano_ms_per_sketch`          one candidate sketch, written in batches
`refused_share`               candidates that the verifier refused
`unique_texts`, `unique_sentences`, `distinct_2`, `opening_share`: how varied all texts are
`opening_share_of_frames`     the opening with every name and number taken out: the harder question

Data: MovieLens-100K (WHYREC_DATA or ../shared/data; left out if absent) and the simulated shop.
"""

# ruff: noqa: E402  (threads are set before anything that starts some is imported)
from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(_name, "1")

from whyrec import __version__
from whyrec.data.readers import read
from whyrec.data.shop import generate
from whyrec.evaluate.texts import distinct_n, opening_share, unique_share
from whyrec.evidence.types import Evidence
from whyrec.language.explain import Explainer
from whyrec.language.shape import Shape
from whyrec.language.types import Plan
from whyrec.recommend.bundle import Bundle

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Row:
    """One measured number."""

    data: str
    system: str
    metric: str
    value: float
    unit: str

    def to_json(self) -> dict[str, Any]:
        # Whoever writes the sketches, the texts are whyrec's.
        data = self.data if self.system == "nano" else f"{self.data}, {self.system}"
        return {"benchmark": "texts", **self.__dict__, "data": data, "system": "whyrec"}


def data_sets(quick: bool) -> list[tuple[str, Path]]:
    folder = Path(os.environ.get("WHYREC_DATA", ROOT.parent / "shared" / "data"))
    shop = Path(tempfile.mkdtemp()) / "shop"
    generate(shop, seed=0, users=400 if quick else 2000, items=200 if quick else 600)
    found = [("shop", shop)]
    if (folder / "movielens-100k").is_dir():
        found.append(("movielens-100k", folder / "movielens-100k"))
    else:
        print("movielens-100k is absent: set WHYREC_DATA", file=sys.stderr)
    return found


def fill_all(explainer: Explainer, lists: list[tuple[list[Evidence], list[Plan]]]) -> list[str]:
    """Choose and fill a sketch for every plan; no planning and no evidence in here."""
    return [x.text for evidences, plans in lists for x in explainer.write(evidences, plans)]


def best_of(runs: int, work: Any) -> tuple[float, Any]:
    """The shortest of several runs, and the last result: others use this machine too."""
    best, result = float("inf"), None
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


def in_two_processes(explainer: Explainer, lists: Any, seconds: float) -> float:
    """Texts a second of two forked processes that fill the same plans over and over."""
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(3)
    counts = context.Array("q", 2)

    def work(k: int) -> None:
        gate.wait()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            counts[k] += len(fill_all(explainer, lists))

    workers = [context.Process(target=work, args=(k,)) for k in range(2)]
    for w in workers:
        w.start()
    gate.wait()
    start = time.perf_counter()
    for w in workers:
        w.join()
    return (counts[0] + counts[1]) / (time.perf_counter() - start)


def measure(name: str, path: Path, llm: str, lang: str, quick: bool) -> list[Row]:
    dataset = read(path)
    bundle = Bundle.fit(dataset, "ease")
    explainer = Explainer(bundle, backend=llm, lang=lang)
    data = f"{name}/{lang}"
    rows: list[Row] = []

    def add(metric: str, value: float, unit: str, system: str = llm) -> None:
        rows.append(Row(data, system, metric, value, unit))

    users = dataset.users[: 50 if quick else 500]
    # The first pass asks the language model for every shape met and proves every sketch.
    start = time.perf_counter()
    found = [x for one in explainer.explain_many(users) for x in one]
    add("first_pass_seconds", time.perf_counter() - start, "s")
    book = explainer.book.stats
    if book.made:
        stats = explainer.backend.stats
        add("nano_ms_per_sketch", 1000 * stats.seconds / book.made, "ms")
        add("refused_share", book.refused / max(book.made - book.duplicates, 1), "share")
        add("duplicate_share", book.duplicates / book.made, "share")
        add("sketches", book.accepted, "sketches")
    seconds, found = best_of(
        1 if quick else 2, lambda: [x for one in explainer.explain_many(users) for x in one]
    )
    add("explained_texts_per_second", len(found) / seconds, "texts/s")
    evidences = [e for _, e in explainer.engine.batch(users, 10)]
    planner = explainer.planner
    seconds, plans = best_of(3, lambda: [planner.plan_list(e, lang) for e in evidences])
    n = sum(len(p) for p in plans)
    add("plans_per_second", n / seconds, "plans/s")
    lists = list(zip(evidences, plans, strict=True))
    seconds, texts = best_of(5, lambda: fill_all(explainer, lists))
    add("texts_per_second", n / seconds, "texts/s")
    add("texts_per_second_2", in_two_processes(explainer, lists, 1.0 if quick else 3.0), "texts/s")
    seconds, _ = best_of(
        3, lambda: fill_all(explainer, [(e, planner.plan_list(e, lang)) for e in evidences])
    )
    add("planned_texts_per_second", n / seconds, "texts/s")

    sentences = [t for x in found for t, _ in x.sentences]
    texts = [x.text for x in found]
    add("unique_texts", unique_share(texts), "share")
    add("unique_sentences", unique_share(sentences), "share")
    add("distinct_2", distinct_n(texts, 2, lang), "share")
    add("opening_share", opening_share(texts, lang)[0], "share")
    frames = [frame(explainer, x.claims, x.evidence.item, x.notes["shape"], x.text) for x in found]
    add("opening_share_of_frames", opening_share(frames, lang)[0], "share")
    add("texts_from_sketches", sum(x.source == "sketch" for x in found) / len(found), "share")
    add("unverified", sum(not x.verified for x in found), "texts")
    return rows


def frame(explainer: Explainer, claims: Any, item: str, shape: str, text: str) -> str:
    """The text with its names and numbers taken out."""
    parsed = Shape.parse(shape)
    filler = explainer.filler(parsed.lang)
    values = filler.values_of(item, claims, parsed.claims)
    for slot in ("history", "carriers", "without", "peer", "item", "group", "feature"):
        if values.get(slot):
            text = text.replace(values[slot], slot)
    return re.sub(r"\d[\d,.]*\d|\d", "0", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="smaller data, within a minute")
    parser.add_argument("--json", action="store_true", help="JSON Lines only")
    parser.add_argument("--llm", default="nano", help="nano or none")
    options = parser.parse_args()
    rows: list[Row] = []
    for name, path in data_sets(options.quick):
        for lang in ("en", "zh"):
            for row in measure(name, path, options.llm, lang, options.quick):
                rows.append(row)
                if options.json:
                    print(json.dumps(row.to_json()), flush=True)
    if options.json:
        return
    print(
        f"whyrec {__version__}, Python {platform.python_version()}, {platform.machine()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {date.today().isoformat()}\n"
    )
    names = list(dict.fromkeys(r.data for r in rows))
    table = {(r.metric, r.data): r for r in rows}
    print(f"{'metric':28}" + "".join(f"{n:>20}" for n in names) + "  unit")
    for metric in dict.fromkeys(r.metric for r in rows):
        cells = [table.get((metric, n)) for n in names]
        unit = next(c.unit for c in cells if c)
        print(
            f"{metric:28}"
            + "".join(
                f"{c.value:>20,.3f}" if c and c.value < 100 else f"{c.value if c else 0:>20,.0f}"
                for c in cells
            )
            + f"  {unit}"
        )


if __name__ == "__main__":
    main()
