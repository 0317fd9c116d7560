"""Bagging: the mean of one model learnt several times, from other people or other seeds (Breiman)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from whyrec.errors import ConfigError
from whyrec.recommend.base import Ints
from whyrec.recommend.checks import check_number
from whyrec.recommend.combination import Combination
from whyrec.recommend.parts import parse

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset

DEFAULT = "ials"
SAMPLES = ("people", "seeds")


class Bagging(Combination):
    """The mean score of `n` fits of one model (Breiman, Bagging predictors, 1996).

    Parameters
    ----------
    of
        The model: `ials`, `ials(factors=128)`, or `{"model": …, "params": {…}}`.
    n
        How many are fitted.
    sample
        `people`: each learns from a bootstrap sample of the people (as many, drawn with
        replacement); `seeds`: each learns from everybody, with a seed of its own.
    seed
        Of the samples; fits of a model with a seed have seeds that follow each other, its own first.
    """

    name: str = "bagging"

    def __init__(
        self,
        *,
        of: Any = None,
        n: int = 5,
        sample: str = "people",
        seed: int = 0,
    ) -> None:
        check_number(n, where="bagging, n", low=1, high=100, whole=True)
        check_number(seed, where="bagging, seed", low=0, whole=True)
        if sample not in SAMPLES:
            raise ConfigError(
                f"no such sample: {sample}",
                where="bagging, sample",
                remedy=f"use {' or '.join(SAMPLES)}",
            )
        self.n, self.sample, self.seed = n, sample, seed
        named = parse(DEFAULT if of is None else of, where="bagging, of")
        if len(named) != 1:
            raise ConfigError(
                f"{len(named)} models given",
                where="bagging, of",
                remedy="give one, and use hybrid to sum several",
            )
        own = dict(named[0].make().params)
        if "seed" in own:
            self._parts = [
                replace(named[0], params={**own, "seed": own["seed"] + k}) for k in range(n)
            ]
        elif sample == "seeds":
            raise ConfigError(
                f"{named[0].model} has no seed",
                where="bagging, sample",
                remedy="use people: it learns the same from the same people",
            )
        else:
            self._parts = [replace(named[0], params=own)] * n
        self._hold([p.make() for p in self._parts])

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments, with all of the model's own."""
        of = replace(self._parts[0], params=dict(self.parts_[0].params)).to_json()
        return {"of": of, "n": self.n, "sample": self.sample, "seed": self.seed}

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Fit every one on its own sample of the rows."""
        for part, rows in zip(self.parts_, self._samples(interactions.shape[0]), strict=True):
            part.fit(interactions if rows is None else interactions[rows])
        return self._mean(interactions.shape[1])

    def fit_dataset(self, dataset: Dataset) -> Self:
        """Fit every one on the events of its own sample of people."""
        for part, rows in zip(self.parts_, self._samples(dataset.n_users), strict=True):
            part.fit_dataset(dataset if rows is None else _drawn(dataset, rows))
            part.attach(dataset)
        return self._mean(dataset.n_items)

    def _samples(self, people: int) -> list[Ints | None]:
        if self.sample == "seeds":
            return [None] * self.n
        rng = np.random.default_rng(self.seed)
        return [np.sort(rng.integers(0, people, people)) for _ in range(self.n)]

    def _mean(self, n_items: int) -> Self:
        self.n_items = n_items
        self.coefficients_ = np.full(self.n, 1 / self.n)
        self.offset_ = 0.0
        return self

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        model = cls(**params)
        return model._restore(model._parts, arrays)


def _drawn(dataset: Dataset, rows: Ints) -> Dataset:
    """The data set of people drawn with replacement: somebody drawn twice is two people."""
    drawn = pl.DataFrame({"user": rows.astype(np.uint32)}).with_row_index("who")
    events = (
        dataset.events.join(drawn, on="user", how="inner", maintain_order="left")
        .with_columns(user=pl.col("who").cast(pl.UInt32))
        .select(dataset.events.columns)
    )
    return replace(dataset, events=events, users=tuple(map(str, range(len(rows)))))
