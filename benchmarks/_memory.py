"""The peak memory of one fit in a process of its own: `python _memory.py SYSTEM FOLDER THREADS`.

FOLDER holds `data.npy`, `indices.npy`, `indptr.npy` and `shape.npy` of the training pairs. Prints one
JSON line: seconds of the fit, and in MiB the peak of the process and what it held before the fit.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

FACTORS, ITERATIONS, REGULARIZATION, ALPHA = 64, 15, 30.0, 4.0


def store(matrix: sparse.csr_matrix, folder: Path) -> None:
    """Write the pairs for `measure`."""
    for name in ("data", "indices", "indptr"):
        np.save(folder / f"{name}.npy", getattr(matrix, name))
    np.save(folder / "shape.npy", np.array(matrix.shape))


def measure(system: str, folder: Path, threads: int) -> dict[str, float]:
    """Fit `system` in a child process."""
    words = [sys.executable, __file__, system, str(folder), str(threads)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _fit(system: str, X: sparse.csr_matrix, threads: int) -> tuple[Any, Any]:
    """What is done before the clock starts, and the fit."""
    from threadpoolctl import threadpool_limits

    if system == "numpy-ease":

        def plain() -> Any:
            with threadpool_limits(threads, "blas"):
                G = (X.T @ X).toarray().astype(np.float64)
                G[np.diag_indices_from(G)] += 800.0
                P = np.linalg.inv(G)
                B = P / -np.diag(P)
                np.fill_diagonal(B, 0)
                return B

        return None, plain
    if system.startswith("implicit"):
        from implicit.als import AlternatingLeastSquares

        # implicit takes the confidence from its matrix.
        X.data = (1 + ALPHA * X.data).astype(np.float32)
        model = AlternatingLeastSquares(
            factors=FACTORS, iterations=ITERATIONS, regularization=REGULARIZATION, alpha=1.0,
            num_threads=threads, random_state=0,
        )  # fmt: skip

        def theirs() -> Any:
            with threadpool_limits(1, "blas"):
                model.fit(X, show_progress=False)

        return model, theirs
    from whyrec.recommend import threads as setting
    from whyrec.recommend.registry import model as named

    setting.set_threads(threads)
    params: dict[str, dict[str, Any]] = {
        "ease": {"regularization": 800.0},
        "ease-sparse": {"regularization": 500.0},
        "ials": {
            "factors": FACTORS,
            "iterations": ITERATIONS,
            "regularization": REGULARIZATION,
            "alpha": ALPHA,
        },
    }
    ours = named(system)(**params.get(system, {}))
    ours.fit(sparse.csr_matrix(np.eye(8, dtype=np.float32)))  # loads what is compiled
    return ours, lambda: ours.fit(X)


def peak() -> float:
    """The most that this process has held so far, MiB.

    Not `getrusage` where there is `/proc`: Linux counts the parent's memory at the time of the fork.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    system, folder, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    parts = [np.load(folder / f"{name}.npy") for name in ("data", "indices", "indptr")]
    X = sparse.csr_matrix(tuple(parts), shape=tuple(np.load(folder / "shape.npy")))
    _, fit = _fit(system, X, threads)
    before = peak()
    start = time.perf_counter()
    fit()
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak": peak(), "before": before}))


if __name__ == "__main__":
    main()
