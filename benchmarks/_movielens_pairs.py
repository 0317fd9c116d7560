"""What the ranking and evidence benchmarks share: MovieLens-1M pairs, or pairs of the same shape."""

from __future__ import annotations

import datetime
import json
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse


@dataclass(frozen=True)
class Pairs:
    """Who had what, in the order of the file; users are numbered in the order of their ids as text."""

    name: str
    users: np.ndarray[Any, Any]
    items: np.ndarray[Any, Any]

    def matrix(self, keep: np.ndarray[Any, Any] | None = None) -> sparse.csr_matrix:
        """Ones, users × items, of the events kept."""
        keep = np.ones(len(self.users), bool) if keep is None else keep
        shape = (int(self.users.max()) + 1, int(self.items.max()) + 1)
        place = (self.users[keep], self.items[keep])
        csr = sparse.csr_matrix((np.ones(keep.sum(), np.float32), place), shape=shape)
        csr.sort_indices()
        return csr


def load() -> Pairs:
    """MovieLens-1M from WHYREC_DATA or ../shared/data, else synthetic pairs, which the name says."""
    root = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("WHYREC_DATA") or root.parent / "shared" / "data")
    file = folder / "movielens-1m" / "interactions.parquet"
    if not file.is_file():
        return synthetic()
    table = pl.read_parquet(file)
    users = np.unique(table["userID"].cast(pl.String).to_numpy(), return_inverse=True)[1]
    items = np.unique(table["movieID"].cast(pl.String).to_numpy(), return_inverse=True)[1]
    return Pairs("movielens-1m", users, items)


def synthetic(users: int = 6040, items: int = 3706, mean: int = 165, seed: int = 0) -> Pairs:
    """Pairs with MovieLens-1M's numbers of users, items and pairs, long tails and some taste."""
    rng = np.random.default_rng(seed)
    taste, kind = rng.standard_normal((users, 8)), rng.standard_normal((items, 8))
    popularity = -1.0 * np.log(np.arange(1, items + 1) + 20)
    sizes = np.clip(rng.lognormal(np.log(mean) - 0.55, 1.05, users), 20, items // 2).astype(int)
    rows = []
    for u, size in enumerate(sizes):
        appeal = popularity + 0.5 * (kind @ taste[u]) + rng.gumbel(size=items)
        rows.append(np.argpartition(-appeal, size)[:size])
    return Pairs("synthetic-1m", np.repeat(np.arange(users), sizes), np.concatenate(rows))


class Report:
    """Collects results; prints JSON lines as they come, or one table at the end."""

    def __init__(self, benchmark: str, data: str, *, as_json: bool) -> None:
        self.benchmark, self.data, self.as_json = benchmark, data, as_json
        self.rows: list[tuple[str, str, float, str]] = []

    def add(self, system: str, metric: str, value: float, unit: str) -> None:
        """One result."""
        self.rows.append((system, metric, value, unit))
        if self.as_json:
            name, variant = whose(system)
            row = {
                "benchmark": self.benchmark,
                "data": f"{self.data}, {variant}" if variant else self.data,
                "system": name,
                "metric": metric,
                "value": value,
                "unit": unit,
            }
            print(json.dumps(row), flush=True)

    def finish(self, *notes: str) -> None:
        """The table, with what it was measured on."""
        if self.as_json:
            return
        packages = ", ".join(f"{p} {_version(p)}" for p in ("whyrec", "implicit", "numpy", "numba"))
        print(f"{self.benchmark} on {self.data}, {datetime.date.today().isoformat()}")
        print(
            f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {packages}"
        )
        for note in notes:
            print(note)
        wide = max(len(r[0]) for r in self.rows)
        name = max(len(r[1]) for r in self.rows)
        for system, metric, value, unit in self.rows:
            shown = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
            if unit == "share":
                shown = f"{value:.4f}"
            print(f"{system:<{wide}}  {metric:<{name}}  {shown:>12} {unit}")


def _version(package: str) -> str:
    try:
        return version(package)
    except Exception:
        return "-"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def whose(system: str) -> tuple[str, str]:
    """`whyrec iALS, cg` as `whyrec` or a peer's name, and which of its models; a ratio stays whole."""
    for name in ("whyrec", "implicit", "NumPy", "Surprise", "LensKit", "LightFM", "cornac"):
        if system.startswith(name) and " / " not in system:
            return name, system.removeprefix(name).lstrip(" .,")
    return system, ""
