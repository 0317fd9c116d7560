"""What the embedded language model gives over the realiser: variety, refusals, novelty, time.

    python benchmarks/language_model.py [--quick] [--json] [--model DIR] [--samples]

Every text is judged by the verifier. `grammar` is the phrase grammar that the model was taught with,
the most that it could know; `realiser` is what is said without any language model.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import ctranslate2

from whyrec.language import realise
from whyrec.language.backends.nano import NanoBackend, packaged_weights
from whyrec.language.reach import reachable_shapes
from whyrec.language.shape import Shape
from whyrec.training.corpus import Corpus, all_shapes, build, verified
from whyrec.training.evaluation import evaluate_lm, slots_exact, unseen_shapes
from whyrec.training.grammar import generate

LANGUAGES = ("en", "zh")
ASKED = 24
"""Texts asked of every system for each shape where variety is measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer shapes; within a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")
    parser.add_argument("--model", type=Path, help="an exported model; the packaged one by default")
    parser.add_argument("--samples", action="store_true", help="print texts as well")
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []

    def put(data: str, system: str, metric: str, value: float, unit: str) -> None:
        row = {
            "benchmark": "language_model", "data": data, "system": system,
            "metric": metric, "value": round(value, 5), "unit": unit,
        }  # fmt: skip
        rows.append(row)
        if args.json:
            print(json.dumps(row | ({"system": "whyrec"} if system == "nano" else {})), flush=True)

    size_and_speed(args.model, put, args.quick)
    for lang in LANGUAGES:
        quality(args.model, lang, put, args.quick)
        variety(args.model, lang, put, args.quick)
    if not args.quick:
        novelty(args.model, put)
    if args.json:
        return
    table(rows)
    if args.samples:
        samples(args.model)


Put = Callable[[str, str, str, float, str], None]


def size_and_speed(model: Path | None, put: Put, quick: bool) -> None:
    place = model or packaged_weights()
    size = sum(p.stat().st_size for p in place.iterdir())
    put("-", "nano", "size", size / 1e6, "MB")
    put("-", "nano", "parameters", NanoBackend(model).manifest["parameters"] / 1e6, "million")
    shapes = all_shapes()[:: 240 if quick else 60]
    backend = NanoBackend(model)
    began = time.perf_counter()
    backend.sketches(shapes[:1], 1)
    put("-", "nano", "first_sketch", 1000 * (time.perf_counter() - began), "ms")
    for n, name in ((1, "single"), (8, "batch of 8"), (32, "batch of 32")):
        began = time.perf_counter()
        made = sum(len(t) for t in backend.sketches(shapes, n))
        put("-", "nano", f"ms_a_sketch ({name})", 1000 * (time.perf_counter() - began) / made, "ms")


def quality(model: Path | None, lang: str, put: Put, quick: bool) -> None:
    reachable = all_shapes(lang)[:: 12 if quick else 1]
    for name, shapes in (("reachable", reachable), ("never trained on", unseen_shapes(lang))):
        report = evaluate_lm(model, shapes=shapes, n=4 if quick else 8)
        data = f"{lang}, {len(shapes)} shapes {name}"
        put(data, "nano", "texts", report.texts, "texts")
        put(data, "nano", "slots_exact", report.slots_exact, "share")
        put(data, "nano", "accepted", report.accepted, "share")
        put(data, "nano", "shapes_without_a_text", report.empty_shapes, "shapes")


def variety(model: Path | None, lang: str, put: Put, quick: bool) -> None:
    shapes = common_shapes(lang)[:: 3 if quick else 1]
    backend = NanoBackend(model)
    rng = random.Random(0)
    systems: dict[str, Callable[[Shape], Sequence[str]]] = {
        "nano": lambda s: backend.sketches([s], ASKED)[0],
        "realiser": lambda s: [x.text for x in realise.sketches(s)][:ASKED],
        "grammar": lambda s: list(dict.fromkeys(generate(s, rng) for _ in range(ASKED))),
    }
    for system, ask in systems.items():
        texts = [(s, t) for s in shapes for t in ask(s)]
        good = [(s, t) for s, t in texts if slots_exact(t, s) and verified(t, s)]
        data = f"{lang}, {len(shapes)} common shapes, {ASKED} asked of each"
        put(data, system, "accepted", len(good) / max(len(texts), 1), "share")
        put(data, system, "different_texts_a_shape", len(set(good)) / len(shapes), "texts")
        openings = Counter(opening(t, lang) for _, t in good)
        put(data, system, "different_openings", len(openings), "openings")
        put(data, system, "most_common_opening", max(openings.values()) / len(good), "share")


def common_shapes(lang: str) -> list[Shape]:
    """What a film site with ratings and a shop with purchases and views need."""
    return [
        *reachable_shapes(lang, "film", ["rating"], ["category"]),
        *reachable_shapes(lang, "shop", ["purchase", "view"], ["category", "brand"]),
    ]


def opening(text: str, lang: str) -> str:
    """The first five words, or in Chinese the first eight characters, a slot counting as one."""
    if lang == "en":
        return " ".join(text.split()[:5])
    parts: list[str] = []
    inside = False
    for c in text:
        if inside:
            parts[-1] += c
        else:
            parts.append(c)
        inside = (inside or c == "{") and c != "}"
    return "".join(parts[:8])


def novelty(model: Path | None, put: Put) -> None:
    """Accepted texts that the training corpus does not hold, the corpus made again from its seed.

    Made without the verifier, it holds every text of the real one and the refused ones besides.
    """
    about = NanoBackend(model).manifest
    texts = about["corpus"]["tried"]
    corpus: Corpus = build(texts, seed=about["training"]["config"]["seed"], accept=None)
    for lang in LANGUAGES:
        report = evaluate_lm(model, shapes=all_shapes(lang)[::4], n=8, corpus=corpus)
        assert report.novel is not None
        put(f"{lang}, every 4th shape", "nano", "novel", report.novel, "share")


def table(rows: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for data in dict.fromkeys(r["data"] for r in rows):
        part = [r for r in rows if r["data"] == data]
        systems = list(dict.fromkeys(r["system"] for r in part))
        title = "Size and time" if data == "-" else data
        out = Table("", *systems, "unit", title=title, title_justify="left")
        for metric in dict.fromkeys(r["metric"] for r in part):
            found = {r["system"]: r for r in part if r["metric"] == metric}
            values = [f"{found[s]['value']:.4g}" if s in found else "" for s in systems]
            out.add_row(metric, *values, next(iter(found.values()))["unit"])
        console.print(out)
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores (one used), Python "
        f"{platform.python_version()}, CTranslate2 {ctranslate2.__version__}, "
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    )


def samples(model: Path | None) -> None:
    backend = NanoBackend(model)
    for lang in LANGUAGES:
        shapes = common_shapes(lang)
        chosen = random.Random(1).sample(shapes, 15)
        for shape, texts in zip(chosen, backend.sketches(chosen, 1), strict=True):
            for text in texts:
                mark = "  " if verified(text, shape) else "✗ "
                print(f"{mark}{text}\n      {shape.key}")


if __name__ == "__main__":
    main()
