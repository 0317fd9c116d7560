"""Top-n by inner products: rough scores in single precision from BLAS, the last word in double.

An item can be among the n best only if its rough score is within twice the rounding error of the
n-th best rough score. The error of a k-term sum in float32 is at most (k + 4) 2⁻²⁴ ‖x‖‖y‖ (Higham,
Accuracy and Stability of Numerical Algorithms, 3.1), so the few items that come so near are scored
again in float64, and the list is the very one that sorting all float64 scores gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.recommend import threads
from whyrec.recommend.base import Floats, Ranking
from whyrec.recommend.scoring import check_exclude, rank

ROWS, TILE = 128, 4096
"""People and items of one product: its scores stay in the cache."""


def rank_factors(
    fold_in: Callable[[int, int], Floats],
    score_rows: Any,
    item_factors: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float32],
    csr: sparse.csr_matrix,
    n: int,
    exclude: sparse.csr_matrix | None,
) -> Ranking:
    """Rank every row of `csr` by x_uᵀy_i + b_i.

    Parameters
    ----------
    fold_in
        The float64 vectors [rows, k] of the histories from one row to another.
    score_rows
        What scores rows exactly, for those that cannot be told apart in single precision.
    item_factors
        [n_items, k].
    bias
        [n_items] or empty.

    Raises
    ------
    ConfigError, ModelError
        As `Recommender.recommend`.
    """
    from whyrec.recommend.factor_rank_kernels import settle, sieve
    from whyrec.recommend.topn import LONG

    n_items, k = item_factors.shape
    if not 1 <= n <= min(LONG, n_items):
        return rank(score_rows, csr, n, exclude)
    indptr, hidden = check_exclude(exclude, csr)
    rows = csr.shape[0]
    items = np.empty((rows, n), np.int32)
    scores = np.empty((rows, n))
    Y = item_factors
    if bias.size:
        Y = np.column_stack((item_factors, bias))
    longest = float(np.sqrt(np.square(Y, dtype=np.float64).sum(1).max()))
    room = 4 * n + 256
    doubtful: list[npt.NDArray[np.int64]] = []

    def work(start: int, end: int) -> None:
        tile = np.empty((min(ROWS, end - start), min(TILE, n_items)), np.float32)
        rough = np.empty((len(tile), room), np.float32)
        who = np.empty((len(tile), room), np.int32)
        for a in range(start, end, ROWS):
            b = min(a + ROWS, end)
            X = fold_in(a, b)
            wide = np.column_stack((X, np.ones(b - a))) if bias.size else X
            length = np.sqrt(np.square(wide).sum(1))
            length[~((length > 0) & np.isfinite(length))] = 1
            # Vectors of length 1 can neither overflow nor vanish in single precision.
            short = (wide / length[:, None]).astype(np.float32)
            margins = np.full(b - a, 2 * (k + 5) * 2.0**-24 * longest)
            floors = np.full(b - a, -np.inf)
            counts = np.zeros(b - a, np.int64)
            for first in range(0, n_items, TILE):
                last = min(first + TILE, n_items)
                part = tile[: b - a, : last - first]
                np.matmul(short, Y[first:last].T, out=part)
                sieve(part, first, margins, indptr, hidden, a, n, floors, counts, rough, who)
            settle(X, item_factors, bias, margins, n, counts, rough, who, items[a:b], scores[a:b])
            if (counts < 0).any():
                doubtful.append(a + np.flatnonzero(counts < 0))

    threads.run(work, threads.pieces(np.diff(csr.indptr) + n_items // 100 + 8))
    if doubtful:
        again = np.sort(np.concatenate(doubtful))
        rest = rank(score_rows, csr[again], n, None if exclude is None else exclude[again])
        items[again], scores[again] = rest.items, rest.scores
    return Ranking(items, scores)
