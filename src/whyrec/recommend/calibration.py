"""Affine calibration: scale and offset that bring the scores of different models to one unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from whyrec.recommend.base import Floats, History, Ints, Recommender

PEOPLE = 256
"""People whose scores are looked at; scale and offset are two numbers, and settle early."""


def sample(histories: sparse.csr_matrix, people: int = PEOPLE) -> Ints:
    """Rows with a history, evenly spaced over all of them, at most `people`."""
    rows = np.flatnonzero(np.diff(histories.indptr))
    if len(rows) <= people:
        return rows
    return rows[np.linspace(0, len(rows) - 1, people).astype(np.int64)]


def standardise(scores: Floats, seen: sparse.csr_matrix) -> tuple[float, float]:
    """Scale and offset after which the scores of candidates have mean 0 and deviation 1.

    Candidates of a person are the items not in the same row of `seen`. Scores that do not differ
    keep their scale.

    Examples
    --------
    >>> seen = sparse.csr_matrix(np.array([[1, 0, 0]]))
    >>> standardise(np.array([[9.0, 2.0, 4.0]]), seen)
    (1.0, -3.0)
    """
    candidates = np.ones(scores.shape, np.bool_)
    candidates[np.repeat(np.arange(scores.shape[0]), np.diff(seen.indptr)), seen.indices] = False
    found = scores[candidates]
    if not len(found):
        return 1.0, 0.0
    deviation, mean = float(found.std()), float(found.mean())
    scale = 1 / deviation if deviation > 1e-12 * max(abs(mean), 1e-300) else 1.0
    return scale, -mean * scale


def least_squares(scores: Floats, targets: Floats) -> tuple[float, float]:
    """Scale and offset of the line of least squares from scores to targets, both [n].

    Examples
    --------
    >>> least_squares(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]))
    (2.0, 1.0)
    """
    if len(scores) < 2 or np.ptp(scores) == 0:
        return 0.0, float(targets.mean()) if len(targets) else 0.0
    middle = scores.mean()
    spread = scores - middle
    scale = float(spread @ (targets - targets.mean()) / (spread @ spread))
    return scale, float(targets.mean() - scale * middle)


def without_itself(part: Recommender, shown: Sequence[History], items: Sequence[Ints]) -> Floats:
    """Each person's scores of the given items, each without its own event where there is one.

    A score that has seen the answer flatters the model, so that the scale would be wrong.
    """
    out = []
    for history, wanted in zip(shown, items, strict=True):
        found = part.scores(history.matrix(part.n_items))[0, wanted]
        place = {int(i): k for k, i in enumerate(history.items.tolist())}
        inside = np.array([k for k, i in enumerate(wanted.tolist()) if i in place], np.int64)
        if len(inside):
            left = part.leave_one_out(history, wanted[inside])
            columns = [place[int(i)] for i in wanted[inside]]
            found[inside] = left[np.arange(len(inside)), columns]
        out.append(found)
    return np.concatenate(out) if out else np.empty(0)
