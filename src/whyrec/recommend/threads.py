"""One setting for threads: kernels release the GIL and run in a pool, BLAS takes the rest.

Work is split by rows that do not depend on each other, so that results never depend on the number
of threads. No OpenMP region is opened, so that a process may fork afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from whyrec.errors import ConfigError

VARIABLE = "WHYREC_THREADS"
_chosen: int | None = None


def set_threads(n: int | None) -> None:
    """Use `n` threads from here on; None goes back to `WHYREC_THREADS` or all cores.

    Raises
    ------
    ConfigError
        If `n` is below 1.
    """
    global _chosen  # noqa: PLW0603 - this module is the one place of the setting
    if n is not None and n < 1:
        raise ConfigError(f"{n} threads", where="threads", remedy="use 1 or more")
    _chosen = n


def threads() -> int:
    """How many threads to use: `set_threads`, else `WHYREC_THREADS`, else the cores allowed.

    Raises
    ------
    ConfigError
        If `WHYREC_THREADS` is not a positive whole number.
    """
    if _chosen is not None:
        return _chosen
    text = os.environ.get(VARIABLE, "").strip()
    if text:
        if not text.isdecimal() or int(text) < 1:
            raise ConfigError(
                f"{text!r} is not a number of threads",
                where=VARIABLE,
                remedy="set it to a whole number from 1, or unset it",
            )
        return int(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _controller() -> Any:
    # Looking the libraries up takes milliseconds; scipy's BLAS must be loaded by then.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def blas_threads(n: int | None = None) -> Iterator[None]:
    """Limit BLAS and LAPACK to `n` threads (default: the one setting) inside the block."""
    with _controller().limit(limits=n or threads(), user_api="blas"):
        yield


def run(work: Callable[[int, int], None], ends: Sequence[tuple[int, int]]) -> None:
    """Call `work(start, end)` for every piece, on as many threads as set, BLAS kept to one each."""
    n = min(threads(), len(ends))
    with blas_threads(1):
        if n <= 1:
            for start, end in ends:
                work(start, end)
            return
        with ThreadPoolExecutor(n, thread_name_prefix="whyrec") as pool:
            for future in [pool.submit(work, start, end) for start, end in ends]:
                future.result()


def pieces(cost: npt.NDArray[Any], n: int | None = None) -> list[tuple[int, int]]:
    """Cut rows into at most `n` ranges of about equal cost; `cost` is one number a row.

    By default one range for one thread, else enough of them to even out what some rows cost more.

    Examples
    --------
    >>> pieces(np.array([9, 1, 1, 1]), 2)
    [(0, 1), (1, 4)]
    """
    if n is None:
        n = 1 if threads() == 1 else 16 * threads()
    total = np.cumsum(cost, dtype=np.float64)
    if not len(total):
        return []
    marks = np.searchsorted(total, total[-1] * np.arange(1, n) / n, side="left") + 1
    edges = np.unique(np.concatenate(([0], marks, [len(total)])))
    return [(int(a), int(b)) for a, b in pairwise(edges)]
