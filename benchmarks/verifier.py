"""How much truth the verifier lets through, how many lies it stops, and how fast, on one core.

    python benchmarks/verifier.py [--quick] [--json]

True texts: the hand-written paraphrases of tests/verify in both languages, and the realiser's and
the phrase grammar's sketches filled with invented names. `heldout`: wordings by writers who had not seen
the grammar, in all and of the third that is never looked at (`sealed`). Lies: every mutation of tests/verify/lies.py
on the paraphrases that pass. Speed: the paraphrases with every parse forgotten (`cold`) and again
(`warm`), the names of each world indexed once.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import random
import sys
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.verify import corpus, heldout, lies, toy

from whyrec.language.realise import sketches
from whyrec.language.verify import parse, verify, verify_sketch
from whyrec.training.corpus import all_shapes
from whyrec.training.grammar import generate

Texts = list[tuple[str, toy.ToyWorld, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer texts; within a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")
    args = parser.parse_args()

    def put(data: str, metric: str, value: float, unit: str) -> None:
        if args.json:
            row = {
                "benchmark": "verifier", "data": data, "system": "whyrec",
                "metric": metric, "value": round(value, 6), "unit": unit,
            }  # fmt: skip
            print(json.dumps(row), flush=True)
        else:
            print(f"{data:34} {metric:24} {value:12.4f} {unit}")

    if not args.json:
        print(
            f"{platform.machine()} {platform.system()}, Python {platform.python_version()}, "
            f"whyrec {version('whyrec')}, {datetime.date.today()}"
        )
    true = truths(put)
    unseen(put)
    falsehoods(put, 15 if args.quick else 10**9)
    sketch_texts(put, 200 if args.quick else 2000)
    speed(put, true)


def truths(put: Any) -> Texts:
    """The share of true paraphrases that are refused, by language."""
    passed: Texts = []
    for lang in ("en", "zh"):
        n = refused = 0
        for _, w, texts in corpus.groups(lang):
            for text in texts:
                n += 1
                if verify(text, w, lang).ok:
                    passed.append((text, w, lang))
                else:
                    refused += 1
        put(f"paraphrases {lang} ({n})", "true_refused", refused / n, "share")
    return passed


def unseen(put: Any) -> None:
    """The share of held-out true wordings that are refused, by language."""
    for lang in ("en", "zh"):
        found = [(w, verify(w.filled, w.world, lang).ok) for w in heldout.wordings(lang)]
        sealed = [ok for w, ok in found if w.sealed]
        for name, oks in (("all", [ok for _, ok in found]), ("sealed", sealed)):
            put(
                f"heldout {lang}, {name} ({len(oks)})",
                "true_refused",
                1 - sum(oks) / max(len(oks), 1),
                "share",
            )


def falsehoods(put: Any, most: int) -> None:
    """The share of lies that are refused, by kind and in all; at most so many of a kind and list."""
    made: Counter[str] = Counter()
    stopped: Counter[str] = Counter()
    for lang in ("en", "zh"):
        for kind, w, texts in corpus.groups(lang):
            if "cold" in kind:
                continue
            seen: Counter[str] = Counter()
            for lie in lies.lies([t for t in texts if verify(t, w, lang).ok], w, lang):
                seen[lie.kind] += 1
                if seen[lie.kind] > most:
                    continue
                made[lie.kind] += 1
                stopped[lie.kind] += not verify(lie.text, w, lang).ok
    for kind, n in sorted(made.items()):
        put(f"lies: {kind} ({n})", "lies_refused", stopped[kind] / n, "share")
    put(
        f"lies, {len(made)} kinds ({made.total()})",
        "lies_refused",
        stopped.total() / made.total(),
        "share",
    )


def sketch_texts(put: Any, n: int) -> None:
    """The share of the realiser's and the phrase grammar's true sketches that are refused."""
    rng = random.Random(0)
    for lang in ("en", "zh"):
        shapes = all_shapes(lang)
        for name in ("realiser", "grammar"):
            refused = 0
            for _ in range(n):
                shape = rng.choice(shapes)
                text = (
                    rng.choice(sketches(shape)).text if name == "realiser" else generate(shape, rng)
                )
                refused += verify_sketch(text, shape)[0] is None
            put(f"{name} {lang} ({n})", "sketches_refused", refused / n, "share")


def speed(put: Any, texts: Texts) -> None:
    """Sentences a second of processor time, on one core."""
    for name in ("cold", "warm"):
        best = 0.0
        for _ in range(3):
            if name == "cold":
                parse.parses.cache_clear()
            start = time.process_time()
            n = sum(len(verify(t, w, lang).sentences) for t, w, lang in texts)
            best = max(best, n / (time.process_time() - start))
        put(f"true texts, parses {name}", "sentences_per_second", best, "1/s")


if __name__ == "__main__":
    main()
