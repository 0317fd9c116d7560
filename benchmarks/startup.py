"""How long it takes to import whyrec and to answer `whyrec --help`, median of several starts."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from datetime import date

CASES = {
    "python": [sys.executable, "-c", "pass"],
    "import whyrec": [sys.executable, "-c", "import whyrec"],
    "whyrec --version": [sys.executable, "-m", "whyrec", "--version"],
    "whyrec --help": [sys.executable, "-m", "whyrec", "--help"],
    "import numpy, polars": [sys.executable, "-c", "import numpy, polars"],
}


def seconds(command: list[str], runs: int) -> float:
    """Median wall seconds of so many runs, after one that warms the disk."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--json", action="store_true", help="JSON lines only")
    args = parser.parse_args()
    rows = {name: seconds(command, 3 if args.quick else 15) for name, command in CASES.items()}
    if args.json:
        for name, value in rows.items():
            row = {"benchmark": "startup", "data": name, "system": "whyrec" if "whyrec" in name else "python",
                   "metric": "seconds", "value": value, "unit": "s"}  # fmt: skip
            print(json.dumps(row))
        return
    print(f"{platform.machine()}, Python {platform.python_version()}, {date.today()}")
    for name, value in rows.items():
        print(f"{name:24} {value * 1000:7.0f} ms")


if __name__ == "__main__":
    main()
