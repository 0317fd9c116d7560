"""The data set: events, catalogue and id vocabularies, and the histories made from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from whyrec.data.catalogue import Catalogue
from whyrec.data.events import EVENT_TYPES
from whyrec.data.pairs import LIKE_SHARE, count_pairs
from whyrec.errors import ConfigError

__all__ = ["LIKE_SHARE", "Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Events and items, columnar, ready for a model.

    Attributes
    ----------
    events
        One row an event: `user`, `item` (uint32 indices into `users` and the catalogue), `event`
        (str, one of `EVENT_TYPES`), `value` (f64: the rating or the quantity; null if none),
        `time` (Datetime[ms]; null if unknown).
    catalogue
        The items; its row order is the item index.
    users
        User ids by index.
    domain
        `film`, `shop` or `generic`: which words explanations use.
    weights
        Event weights that differ from the defaults of `EVENT_TYPES`.
    best_rating
        The end of the rating scale (5 for 1 to 5), None without ratings.
    notes
        Where the data came from and what was set aside in reading, JSON-able.
    set_aside
        The rows set aside in reading (`reason`, `file`, `row`, `cells`), None if none were.
    """

    events: pl.DataFrame
    catalogue: Catalogue
    users: tuple[str, ...]
    domain: str = "generic"
    weights: Mapping[str, float] = field(default_factory=dict)
    best_rating: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    set_aside: pl.DataFrame | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        unknown = set(self.weights) - set(EVENT_TYPES)
        if unknown:
            raise ConfigError(
                f"no such event type: {', '.join(sorted(unknown))}",
                where="event weights",
                remedy=f"use one of {', '.join(EVENT_TYPES)}",
            )

    @classmethod
    def read(cls, path: str | Path | Sequence[str | Path], **options: Any) -> Dataset:
        """Read events and items from a file or directory; see `whyrec.data.readers.read`."""
        from whyrec.data.readers import read

        return read(path, **options)

    @classmethod
    def from_frames(cls, events: Any, items: Any = None, **options: Any) -> Dataset:
        """The data set of pandas, polars or Arrow tables; see `whyrec.data.readers.from_frames`."""
        from whyrec.data.readers import from_frames

        return from_frames(events, items, **options)

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.catalogue)

    @cached_property
    def user_index(self) -> Mapping[str, int]:
        """User index by id."""
        return {id: k for k, id in enumerate(self.users)}

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """One row a (user, item) pair that has events, sorted by user, then item.

        Columns: `user`, `item`, `event` (the told one: highest rank, never a negative one unless
        nothing else exists), `types` (list of event types), `value` (of the last rating, else the
        summed quantity of the told event), `count` (events of the told type), `time` (last event),
        `weight` (f32: the highest event weight; 0 when negative), `negative` (a dislike, return or
        rating below the liking threshold).
        """
        return count_pairs(
            self.events, self.n_items, weights=self.weights, best_rating=self.best_rating
        )

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 in hex of the content; see `whyrec.data.store.fingerprint`."""
        from whyrec.data.store import fingerprint

        return fingerprint(self)

    def _csr(self, pairs: pl.DataFrame, data: np.ndarray[Any, Any]) -> sparse.csr_matrix:
        users = pairs["user"].to_numpy()
        indptr = np.zeros(self.n_users + 1, np.int64)
        np.cumsum(np.bincount(users, minlength=self.n_users), out=indptr[1:])
        items = pairs["item"].to_numpy().astype(np.int32)
        shape = (self.n_users, self.n_items)
        return sparse.csr_matrix((data, items, indptr.astype(np.int32)), shape=shape)

    @cached_property
    def interactions(self) -> sparse.csr_matrix:
        """users × items CSR, float32 weights > 0: what models learn from and users are made of."""
        pairs = self.pairs.filter(pl.col("weight") > 0)
        return self._csr(pairs, pairs["weight"].to_numpy().astype(np.float32))

    @cached_property
    def seen(self) -> sparse.csr_matrix:
        """users × items CSR of every pair with any event, liked or not: kept out of lists."""
        return self._csr(self.pairs, np.ones(self.pairs.height, np.float32))

    def with_weights(self, weights: Mapping[str, float]) -> Dataset:
        """The same data with other event weights."""
        return replace(self, weights={**self.weights, **weights})
