"""How well a model that folds histories in agrees with the one that it was made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from scipy import sparse

from whyrec.recommend.base import Floats, Ints, Recommender

TOP = 10
"""Length of the lists that are compared."""

SAMPLE = 300
"""People whose lists are compared, unless told otherwise."""

Model = TypeVar("Model", bound=Recommender)


@dataclass(frozen=True, eq=False)
class Sample:
    """Some people, and how the original scores every item for them.

    Attributes
    ----------
    histories
        CSR [people, n_items]: what the adapted model reads of them.
    seen
        CSR [people, n_items]: what is kept out of lists.
    scores
        float64 [people, n_items] of the original; NaN where it gives none.
    """

    histories: sparse.csr_matrix
    seen: sparse.csr_matrix
    scores: Floats

    def half(self, which: int) -> Sample:
        """Every second person, from the first or from the second."""
        rows = np.arange(which, self.scores.shape[0], 2)
        return Sample(self.histories[rows], self.seen[rows], self.scores[rows])


@dataclass(frozen=True, slots=True)
class Agreement:
    """What `compare` finds.

    Attributes
    ----------
    kept
        Share of the original's ten best items that are among ours, the mean over people.
    rmse
        Root mean squared difference of the scores of everything that may be recommended.
    people
        How many people were compared.
    """

    kept: float
    rmse: float
    people: int

    def to_json(self) -> dict[str, Any]:
        """As in a bundle's notes under `fidelity`."""
        return {
            f"top{TOP}_kept": round(self.kept, 4),
            "rmse": float(f"{self.rmse:.4g}"),
            "people": self.people,
        }


def sample_rows(known: Ints, histories: sparse.csr_matrix, size: int, seed: int = 0) -> Ints:
    """Up to `size` of the known people (indices) who have a history, drawn evenly."""
    able = known[np.diff(histories.indptr)[known] > 0]
    if len(able) <= size:
        return np.sort(able)
    return np.sort(np.random.default_rng(seed).choice(able, size, replace=False))


def top(scores: Floats, seen: sparse.csr_matrix, n: int = TOP) -> Ints:
    """The n best items of each row that are not `seen`: int [rows, n], ties by the lower index."""
    hidden = np.where(np.isfinite(scores), scores, -np.inf)
    rows = np.repeat(np.arange(len(hidden)), np.diff(seen.indptr))
    hidden[rows, seen.indices] = -np.inf
    return np.argsort(-hidden, axis=1, kind="stable")[:, :n]


def compare(model: Recommender, sample: Sample, n: int = TOP) -> Agreement:
    """How much of the original's lists and scores the model keeps."""
    ours = model.scores(sample.histories)
    theirs = sample.scores
    mine, other = top(ours, sample.seen, n), top(theirs, sample.seen, n)
    kept = [len(np.intersect1d(a, b)) / max(len(b), 1) for a, b in zip(mine, other, strict=True)]
    told = np.isfinite(theirs)
    told[np.repeat(np.arange(len(theirs)), np.diff(sample.seen.indptr)), sample.seen.indices] = (
        False
    )
    gap = (ours - np.where(told, theirs, 0))[told]
    rmse = float(np.sqrt(np.mean(gap**2))) if gap.size else 0.0
    return Agreement(float(np.mean(kept)) if kept else 0.0, rmse, len(theirs))


def choose(models: Iterable[Model], sample: Sample) -> tuple[Model, Agreement]:
    """The model that keeps most of the original's lists; among equals the closest in its scores."""
    best: tuple[Model, Agreement] | None = None
    for model in models:
        found = compare(model, sample)
        if best is None or (found.kept, -found.rmse) > (best[1].kept, -best[1].rmse):
            best = model, found
    if best is None:
        raise ValueError("no models to choose from")
    return best
