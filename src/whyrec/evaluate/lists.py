"""Measures of lists beyond hits: how varied, how novel, how popular, how much like the person's taste.

Every function takes lists as int [people, n] with -1 where they are shorter and gives one number a
person, NaN where it cannot be told, or one number for all. Memory is bounded: people are taken in
blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.features.facets import Facets
from whyrec.features.vectors import ItemFeatures

Floats = npt.NDArray[np.float64]
Lists = npt.NDArray[np.integer[Any]]

BLOCK = 1 << 22
"""Numbers held at once."""

SMOOTHING = 0.01
"""α of Steck: how much of the history's distribution is mixed into the list's."""


def coverage(lists: Lists, n_items: int) -> float:
    """The share of the catalogue that stands in anybody's list.

    Examples
    --------
    >>> coverage(np.array([[0, 1], [0, -1]]), 4)
    0.5
    """
    return float((exposure(lists, n_items) > 0).sum() / max(n_items, 1))


def exposure(lists: Lists, n_items: int) -> Floats:
    """In how many lists each item stands: float64 [n_items]."""
    shown = lists[lists >= 0]
    return np.bincount(shown, minlength=n_items).astype(np.float64)


def gini(counts: npt.NDArray[Any]) -> float:
    """Gini coefficient of exposure over the whole catalogue: 0 even, near 1 all on one item.

    G = Σ_j (2j - n - 1) x_j / (n Σ x), x ascending (Adomavicius and Kwon, TKDE 2012, as Fleder and
    Hosanagar, Management Science 2009).

    Examples
    --------
    >>> gini(np.array([2, 2, 2, 2])), gini(np.array([0, 0, 0, 8]))
    (0.0, 0.75)
    """
    x = np.sort(np.asarray(counts, np.float64))
    n, total = len(x), x.sum()
    if not total:
        return float("nan")
    return float(((2 * np.arange(1, n + 1) - n - 1) * x).sum() / (n * total))


def popularity(interactions: sparse.csr_matrix) -> Floats:
    """The share of people with each item, of those who have anything: float64 [n_items]."""
    people = max(int((np.diff(interactions.indptr) > 0).sum()), 1)
    counts = np.bincount(interactions.indices, minlength=interactions.shape[1])
    return np.asarray(counts / people)


def mean_popularity_each(lists: Lists, popular: Floats) -> Floats:
    """Average popularity of each person's list (ARP; Yin et al., PVLDB 2012).

    Examples
    --------
    >>> mean_popularity_each(np.array([[0, 1], [1, -1]]), np.array([0.5, 0.25])).tolist()
    [0.375, 0.25]
    """
    return _mean_each(lists, popular)


def popularity_lift_each(lists: Lists, popular: Floats, histories: sparse.csr_matrix) -> Floats:
    """How much more popular a list is than the person's history: mean / mean - 1; 0 is fair.

    Δ of group average popularity, taken per person (Abdollahpouri et al., RMSE workshop 2019).

    Examples
    --------
    >>> past = sparse.csr_matrix(np.array([[0, 1]]))
    >>> popularity_lift_each(np.array([[0]]), np.array([0.5, 0.25]), past).tolist()
    [1.0]
    """
    had = sparse.csr_matrix(
        (np.ones(histories.nnz), histories.indices, histories.indptr), shape=histories.shape
    )
    counts = np.diff(had.indptr)
    total = had @ popular
    fair = np.divide(total, counts, out=np.full(len(lists), np.nan), where=total > 0)
    return np.asarray(_mean_each(lists, popular) / fair - 1)


def novelty_each(lists: Lists, popular: Floats, people: int) -> Floats:
    """Mean self-information of each person's list in bits: -log2 of the share of people with an item.

    Zhou et al., PNAS 2010. An item that nobody has counts as one that one of `people` has.

    Examples
    --------
    >>> novelty_each(np.array([[0, 1]]), np.array([0.5, 0.25]), 4).tolist()
    [1.5]
    """
    return _mean_each(lists, -np.log2(np.maximum(popular, 1 / max(people, 1))))


def diversity_each(lists: Lists, features: ItemFeatures) -> Floats:
    """Intra-list diversity: the mean of 1 - cosine over the pairs of a list.

    Smyth and McClave, ICCBR 2001; Ziegler et al., WWW 2005. Items without any feature are left out;
    NaN where fewer than two are left. With s = Σ v over unit vectors v of a list of n, the cosines
    of all pairs sum to (s·s - n) / 2, so no pair is ever formed.

    Examples
    --------
    >>> two = ItemFeatures("facets", np.eye(3, dtype=np.float32)[[0, 0, 1]])
    >>> diversity_each(np.array([[0, 1, 2], [0, 1, -1]]), two).round(6).tolist()
    [0.666667, 0.0]
    """
    matrix = features.matrix
    known = np.asarray(abs(matrix).sum(1)).ravel() > 0
    out = np.full(len(lists), np.nan)
    for rows, shown in _shown(lists, *matrix.shape):
        n = shown @ known.astype(np.float64)
        summed = shown @ matrix
        if sparse.issparse(summed):
            length = np.asarray(summed.multiply(summed).sum(1)).ravel()
        else:
            length = (np.asarray(summed, np.float64) ** 2).sum(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            out[rows] = np.where(n > 1, 1 - (length - n) / (n * (n - 1)), np.nan)
    return out


def calibration_each(
    lists: Lists, histories: sparse.csr_matrix, shares: sparse.csr_matrix
) -> Floats:
    """How far a list's categories are from the history's: Kullback-Leibler divergence in nats.

    Steck, RecSys 2018, eq. 2, 3 and 6: p(g) is the mean of p(g|i) over the history, weighted as it
    is, q(g) over the list, C = Σ p ln(p / q̃) with q̃ = 0.99 q + 0.01 p. 0 is calibrated. NaN where no
    category of the history or of the list is known.

    Parameters
    ----------
    shares
        n_items × categories CSR: p(g|i); rows sum to 1, or are empty where nothing is known.

    Examples
    --------
    >>> shares = sparse.csr_matrix(np.eye(2))
    >>> past = sparse.csr_matrix(np.array([[1, 1]]))
    >>> calibration_each(np.array([[0, 1]]), past, shares).tolist()
    [0.0]
    >>> calibration_each(np.array([[0]]), past, shares).round(4).tolist()  # ½ ln(½ / 0.995) + ½ ln 100
    [1.9585]
    """
    out = np.full(len(lists), np.nan)
    for rows, shown in _shown(lists, *shares.shape):
        p, q = (_distribution(m, shares) for m in (histories[rows], shown))
        mixed = (1 - SMOOTHING) * q + SMOOTHING * p
        with np.errstate(invalid="ignore", divide="ignore"):
            told = np.where(p > 0, p * np.log(p / mixed), 0.0).sum(1)
        out[rows] = np.where((p.sum(1) > 0) & (q.sum(1) > 0), told, np.nan)
    return out


def category_shares(facets: Facets) -> sparse.csr_matrix:
    """p(g|i) of `calibration_each`: an item's categories share it evenly; items × categories."""
    columns = [k for k, f in enumerate(facets.facets) if f.field == "category"]
    part = facets.matrix.tocsc()[:, columns].tocsr().astype(np.float64)
    counts = np.asarray(part.sum(1)).ravel()
    scale = np.divide(1.0, counts, out=np.zeros_like(counts), where=counts > 0)
    return sparse.csr_matrix(sparse.diags_array(scale) @ part)


def _distribution(weights: sparse.csr_matrix, shares: sparse.csr_matrix) -> Floats:
    summed = np.asarray((weights @ shares).todense(), np.float64)
    total = summed.sum(1, keepdims=True)
    return np.asarray(np.divide(summed, total, out=np.zeros_like(summed), where=total > 0))


def _shown(lists: Lists, n_items: int, width: int) -> Iterator[tuple[slice, sparse.csr_matrix]]:
    """Blocks of people with their lists as people × items ones."""
    step = max(1, BLOCK // max(width, lists.shape[1], 1))
    for start in range(0, len(lists), step):
        rows = slice(start, min(start + step, len(lists)))
        part = lists[rows]
        row, place = np.nonzero(part >= 0)
        ones = np.ones(len(row))
        yield rows, sparse.csr_matrix((ones, (row, part[row, place])), shape=(len(part), n_items))


def _mean_each(lists: Lists, values: Floats) -> Floats:
    there = lists >= 0
    total = np.where(there, values[np.maximum(lists, 0)], 0.0).sum(1)
    counts = there.sum(1)
    return np.asarray(np.divide(total, counts, out=np.full(len(lists), np.nan), where=counts > 0))
