"""The main job on real data: fit, explain everybody in both languages, and check all of it again.

For each data set it prints how many texts were made and how fast, and what the audit found: every
text verified again, every sum added up, every rank and counterfactual made again by ranking
everything. The command itself is what runs (`whyrec fit`, `whyrec explain --users all`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import whyrec
from whyrec.evaluate.audit import audit
from whyrec.recommend.bundle import Bundle

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("WHYREC_DATA") or ROOT.parent / "shared" / "data")
SETS = ("movielens-100k", "movielens-1m", "online-retail-ii")


def run(*args: object) -> dict[str, Any]:
    """A `whyrec` command with --json; its one line."""
    words = [sys.executable, "-m", "whyrec", *map(str, args), "--json"]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def lines_of(file: Path) -> Iterator[dict[str, Any]]:
    """The lines of a batch, one by one."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def measure(name: str, model: str, llm: str, every: int, home: Path) -> dict[str, float]:
    """All figures of one data set."""
    place, out = home / f"{name}-{model}", home / f"{name}-{model}.jsonl"
    source = DATA / name if name in SETS else home / name
    if name not in SETS and not source.exists():
        run("data", "shop", "--out", source)
    fitted = run("fit", source, "--model", model, "--out", place)
    bundle = Bundle.load(place)
    users = home / "users.txt"
    users.write_text("\n".join(bundle.dataset.users[::every]), "utf-8")
    made = run("explain", place, "--users", users, "-n", 10, "--lang", "en,zh", "--llm", llm,
               "--out", out)  # fmt: skip
    started = time.perf_counter()
    found = audit(bundle, lines_of(out), n=10)
    checked = time.perf_counter() - started
    for sample in found.samples:
        print(json.dumps(sample, ensure_ascii=False), file=sys.stderr)
    return {
        "fit_seconds": fitted["seconds"],
        "users": made["users"],
        "texts": found.texts,
        "sentences": made["sentences"],
        "explain_seconds": made["seconds"],
        "texts_per_second": found.texts / made["seconds"],
        "by_sketch_share": made["sources"].get("sketch", 0) / max(found.texts, 1),
        "verified_share": 1 - (found.refused + found.unverified) / max(found.texts, 1),
        "empty": found.empty,
        "worst_sum_error": found.worst_sum,
        "wrong_scores_or_ranks": found.wrong_score + found.wrong_rank,
        "counterfactuals": found.counterfactuals,
        "wrong_counterfactuals": found.wrong_counterfactual,
        "wrong": found.wrong,
        "audit_seconds": checked,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the simulated shop, some users")
    parser.add_argument("--json", action="store_true", help="JSON lines only")
    parser.add_argument("--data", action="append", help=f"one of {', '.join(SETS)}, shop")
    parser.add_argument("--model", action="append", help="ease or ials; ease if not given")
    parser.add_argument("--llm", default="nano", help="who writes")
    parser.add_argument("--every", type=int, default=1, help="only every so many-th user")
    args = parser.parse_args()
    names = args.data or (["shop"] if args.quick else [s for s in SETS if (DATA / s).is_dir()])
    every = 20 if args.quick else args.every
    wrong = 0.0
    with tempfile.TemporaryDirectory() as home:
        for name in names:
            for model in args.model or ["ease"]:
                figures = measure(name, model, args.llm, every, Path(home))
                wrong += figures["wrong"]
                if args.json:
                    for metric, value in figures.items():
                        row = {"benchmark": "end_to_end", "data": f"{name}, {model}", "system": "whyrec",
                               "metric": metric, "value": value, "unit": _unit(metric)}  # fmt: skip
                        print(json.dumps(row), flush=True)
                    continue
                print(f"\n{name}, {model}, {args.llm}")
                for metric, value in figures.items():
                    print(f"  {metric:24}{value:>14,.6g}", flush=True)
    if not args.json:
        print(
            f"\n{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
            f"whyrec {whyrec.__version__}, {date.today()}"
        )
    raise SystemExit(1 if wrong else 0)


def _unit(metric: str) -> str:
    if metric.endswith("_seconds"):
        return "s"
    if metric.endswith("_per_second"):
        return "1/s"
    return "share" if metric.endswith("_share") or metric == "worst_sum_error" else "count"


if __name__ == "__main__":
    main()
