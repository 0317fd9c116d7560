"""The people that another library's model was fitted on, found again among those of the data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from whyrec.data.dataset import Reads
from whyrec.recommend.adapters.agreement import Sample, sample_rows
from whyrec.recommend.adapters.vocabulary import align
from whyrec.recommend.base import Floats, Ints

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset

SCORES = 20_000_000
"""Scores of a sample that are held at once: with a million items 20 people are compared."""


@dataclass(frozen=True, eq=False)
class People:
    """Some people of both worlds.

    Attributes
    ----------
    ours, theirs
        Their indices in the data set, and their rows in the model.
    """

    ours: Ints
    theirs: Ints

    @classmethod
    def find(
        cls,
        vectors: Any,
        ids: Sequence[Any] | None,
        dataset: Dataset,
        reads: Reads,
        *,
        where: str,
        size: int,
    ) -> People | None:
        """A sample of those that both know; None if nobody is, or the ids are not known.

        Parameters
        ----------
        vectors
            Anything with a length: a row for each of the model's people; None if it keeps none.
        ids
            Their ids in that order; None if they are the data set's, in its order.
        size
            The most people to take.

        Raises
        ------
        ConfigError
            If ids are given and do not fit.
        """
        if vectors is None or size < 1 or (ids is None and len(vectors) != dataset.n_users):
            return None
        rows = align(
            ids, len(vectors), dataset.users, what="user", where=where, missing="ignore"
        ).theirs
        size = min(size, max(2, SCORES // max(dataset.n_items, 1)))
        ours = sample_rows(np.flatnonzero(rows >= 0), dataset.histories(reads), size)
        return cls(ours, rows[ours]) if len(ours) else None

    def sample(self, dataset: Dataset, reads: Reads, scores: Floats) -> Sample:
        """What is compared: `scores` of the original, float64 [people, n_items]."""
        return Sample(dataset.histories(reads)[self.ours], dataset.seen[self.ours], scores)
