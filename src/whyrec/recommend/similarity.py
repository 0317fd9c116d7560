"""Similarities of items or of people as numerators and norms; all are read off a Gram matrix.

With dot = Σ a_u b_u over weighted vectors, every similarity here is

    (dot - m_a m_b) / (l_a r_b + shrinkage)      or, for Jaccard,
    dot / (l_a + r_b - dot + shrinkage)

so that a model needs only dot products and four numbers a vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError
from whyrec.recommend.base import Floats
from whyrec.recommend.checks import check_number
from whyrec.recommend.compile import kernel

SIMILARITIES = ("cosine", "tfidf", "pearson", "jaccard", "bm25")


def check_similarity(similarity: str, where: str) -> None:
    """Raise ConfigError unless there is such a similarity."""
    if similarity not in SIMILARITIES:
        raise ConfigError(
            f"no such similarity: {similarity}",
            where=where,
            remedy=f"use {', '.join(SIMILARITIES)}",
        )


def check_knn(where: str, *, similarity: str, k: int, shrinkage: float, asymmetry: float) -> None:
    """Check what ItemKNN and UserKNN have in common."""
    check_similarity(similarity, where)
    check_number(k, where=f"{where}, k", low=1, whole=True)
    check_number(shrinkage, where=f"{where}, shrinkage", low=0)
    check_number(asymmetry, where=f"{where}, asymmetry", low=0, high=1)


@dataclass(frozen=True, slots=True)
class Norms:
    """The numbers that turn dot products of rows into a similarity.

    Attributes
    ----------
    left, right
        float64 [rows]: l and r; for Jaccard the squared lengths.
    mean
        float64 [rows]: m; zeros but for Pearson.
    union
        Whether the denominator is that of Jaccard.
    """

    left: npt.NDArray[np.float64]
    right: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    union: bool


def norms(rows: sparse.csr_matrix, similarity: str, asymmetry: float) -> Norms:
    """The norms of the rows of a CSR matrix.

    `cosine` and `tfidf` |a|^2α |b|^2(1-α), which is symmetric for α = 0.5 (Aiolli, RecSys 2013);
    `pearson` takes what is absent as 0, which correlation needs; `jaccard` in the form of Tanimoto
    for weights; `bm25` the bare dot product.
    """
    n = rows.shape[1]
    data = rows.data.astype(np.float64)
    starts = rows.indptr
    square, total = _row_sums(data * data, starts), _row_sums(data, starts)
    nothing = np.zeros(len(square))
    if similarity == "jaccard":
        return Norms(square, square, nothing, True)
    if similarity == "bm25":
        return Norms(nothing + 1, nothing + 1, nothing, False)
    if similarity == "pearson":
        mean = total / np.sqrt(n)
        length = np.sqrt(np.maximum(square - mean * mean, 0))
        return Norms(length, length, mean, False)
    return Norms(square**asymmetry, square ** (1 - asymmetry), nothing, False)


def _row_sums(data: Floats, indptr: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return np.asarray(np.bincount(rows, data, len(indptr) - 1), np.float64)


@kernel()
def similar(
    dot: float,
    left: float,
    right: float,
    left_mean: float,
    right_mean: float,
    union: bool,
    shrinkage: float,
) -> float:
    """The similarity of two vectors; 0 where it is undefined (a vector that never varies)."""
    below = left + right - dot if union else left * right
    below += shrinkage
    if below <= 1e-12:
        return 0.0
    return (dot - left_mean * right_mean) / below


def rarity(X: sparse.csr_matrix, axis: int) -> npt.NDArray[np.float64]:
    """log(N / n): how much sharing a row (axis 1) or a column (axis 0) of X tells.

    N counts the vectors that are compared (the other axis), n those that share this one. What
    everybody shares tells nothing; 1 is added so that it still counts a little.
    """
    shared = np.bincount(X.indices, minlength=X.shape[1]) if axis == 0 else np.diff(X.indptr)
    whole = X.shape[axis]
    return np.asarray(np.log((1 + whole) / (1 + shared)) + 1e-3, np.float64)


def bm25(X: sparse.csr_matrix, k1: float = 1.2, b: float = 0.75) -> npt.NDArray[np.float64]:
    """Saturated weights of the stored values of X, whose rows are the documents: float64 [nnz].

    (k1 + 1) w / (k1 (1 - b + b |row| / mean |row|) + w), Robertson and Zaragoza 2009.
    """
    w = X.data.astype(np.float64)
    length = _row_sums(w, X.indptr)
    relative = length / max(float(length.mean()), 1e-12)
    norm = np.repeat(k1 * (1 - b + b * relative), np.diff(X.indptr))
    return np.asarray((k1 + 1) * w / (norm + w))
