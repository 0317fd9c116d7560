"""Pictures of items, people and segments: PCA and t-SNE in the plane, as PNG or as one HTML file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.data.files import atomic_file
from whyrec.errors import ConfigError, DataError

Method = Literal["pca", "tsne"]
METHODS: tuple[Method, ...] = ("pca", "tsne")
FORMATS = (".png", ".html", ".svg")

MAX_POINTS = 5000
"""More points are drawn by the seed: neither a picture nor t-SNE gains by them."""

COLOURS = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c6d1f", "#5b5bd6", "#2f8f5b", "#7f7f7f",
)  # fmt: skip
"""Told apart with every kind of colour vision (Okabe and Ito 2008, and three more); grey is "other"."""


@dataclass(frozen=True)
class Projection:
    """Points in the plane.

    Attributes
    ----------
    points
        float64 [n, 2].
    labels
        What each point is called when the pointer is over it.
    groups
        The group of each point, which gives its colour.
    sizes
        float64 [n]: relative areas.
    method
        `pca` or `tsne`.
    note
        How good the picture is: the variance that PCA's axes hold, t-SNE's divergence; how many
        points were drawn of how many.
    rows
        int64 [n]: which rows of the matrix were drawn.
    """

    points: npt.NDArray[np.float64]
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    sizes: npt.NDArray[np.float64]
    method: Method
    note: str
    rows: npt.NDArray[np.int64]

    def write(self, file: str | Path, *, title: str = "", lang: str = "en") -> None:
        """Write the picture: `.png`, `.svg` or `.html` (interactive, one file, nothing fetched).

        Raises
        ------
        ConfigError
            If the ending is another, or a PNG is wanted without the extra `plots`.
        DataError
            If the place cannot be written.
        """
        from whyrec.features import pictures

        place = Path(file)
        ending = place.suffix.lower()
        if ending not in FORMATS:
            raise ConfigError(
                f"no picture is written as {ending or 'a file without an ending'}",
                where=str(place),
                remedy=f"name a file that ends in {', '.join(FORMATS)}",
            )
        if ending == ".png":
            content = pictures.png(self, title)
        elif ending == ".svg":
            content = pictures.svg(self, title).encode()
        else:
            content = pictures.page(self, title, lang).encode()
        with atomic_file(place) as part:
            part.write_bytes(content)


def project(
    matrix: Any,
    *,
    method: Method = "pca",
    labels: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    sizes: npt.NDArray[Any] | None = None,
    seed: int = 0,
    max_points: int = MAX_POINTS,
    perplexity: float = 30.0,
) -> Projection:
    """Rows of a matrix as points in the plane.

    `pca`: the two directions of the greatest variance. `tsne`: van der Maaten and Hinton (2008),
    started from PCA, of the first 50 principal components where there are more columns; its
    distances between groups mean little.

    Parameters
    ----------
    matrix
        float [n, width], dense or CSR.
    perplexity
        t-SNE's effective number of neighbours, lowered where there are few points.

    Raises
    ------
    ConfigError
        If the method does not exist.
    DataError
        If there are fewer than 3 rows that differ.

    Examples
    --------
    >>> p = project(np.array([[0, 0, 0], [4, 0, 0], [0, 1, 0], [4, 1, 0]], float))
    >>> np.abs(p.points).round(6).tolist(), p.note
    ([[2.0, 0.5], [2.0, 0.5], [2.0, 0.5], [2.0, 0.5]], '100% of the variance')
    """
    if method not in METHODS:
        raise ConfigError(
            f"no such method: {method!r}", where="project", remedy=f"use {' or '.join(METHODS)}"
        )
    n = int(matrix.shape[0])
    rows = np.sort(np.random.default_rng(seed).permutation(n)[:max_points])
    data = matrix[rows]
    wide = sparse.issparse(data)
    if not wide:
        data = np.asarray(data, np.float64)
    if len(rows) < 3 or _spread(data) < 1e-12:
        raise DataError(
            "fewer than 3 points that differ",
            where="project",
            remedy="give more items or people, or other features",
        )
    reduced, shares = _principal(data, 50 if method == "tsne" else 2, seed)
    if method == "pca":
        points = reduced[:, :2]
        note = f"{_percent(shares[:2].sum())} of the variance"
    else:
        points, divergence = _tsne(reduced, perplexity, seed)
        note = f"t-SNE, KL divergence {divergence:.2f}; distances between groups mean little"
    if len(rows) < n:
        note += f"; {len(rows):,} of {n:,} drawn"
    return Projection(
        points=points,
        labels=tuple(labels[int(r)] if labels is not None else str(r) for r in rows),
        groups=tuple(groups[int(r)] if groups is not None else "" for r in rows),
        sizes=np.ones(len(rows)) if sizes is None else np.asarray(sizes, np.float64)[rows],
        method=method,
        note=note,
        rows=rows,
    )


def _spread(data: Any) -> float:
    if sparse.issparse(data):
        squares = np.asarray(data.multiply(data).mean(0)).ravel()
        return float((squares - np.asarray(data.mean(0)).ravel() ** 2).sum())
    return float(data.var(0).sum())


def _principal(
    data: Any, width: int, seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(coordinates, shares of the variance); two columns at least."""
    from sklearn.decomposition import PCA

    n, columns = data.shape
    kept = max(1, min(width, columns, n - 1))
    # ARPACK finds fewer components than the smaller side has.
    small = min(n, columns) <= max(kept + 1, 60)
    if sparse.issparse(data) and small:
        data = data.toarray()
    solver = "full" if not sparse.issparse(data) and small else "arpack"
    pca = PCA(kept, svd_solver=solver, random_state=seed)
    found = np.asarray(pca.fit_transform(data), np.float64)
    if found.shape[1] < 2:
        found = np.hstack([found, np.zeros((n, 1))])
    return found, np.asarray(pca.explained_variance_ratio_, np.float64)


def _tsne(
    data: npt.NDArray[np.float64], perplexity: float, seed: int
) -> tuple[npt.NDArray[np.float64], float]:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    few = max(1.0, min(perplexity, (len(data) - 1) / 3))
    with threadpool_limits(1):  # sums in another order would move every point
        tsne = TSNE(2, perplexity=few, init="pca", random_state=seed, n_jobs=1)
        points = np.asarray(tsne.fit_transform(data), np.float64)
    return points, float(tsne.kl_divergence_)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.095 else f"{100 * share:.1f}%"


def top_groups(values: Sequence[str], *, most: int = 9, other: str = "other") -> list[str]:
    """The values with all but the `most` commonest called `other`: colours are few.

    Examples
    --------
    >>> top_groups(["a", "a", "b", "c", "b", "a"], most=1)
    ['a', 'a', 'other', 'other', 'other', 'a']
    """
    counts = Counter(v for v in values if v not in ("", other))
    kept = set(sorted(counts, key=lambda v: (-counts[v], v))[:most])
    return [v if v in kept else other for v in values]
