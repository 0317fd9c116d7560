"""The data set: events, catalogue and id vocabularies, and the histories made from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from scipy import sparse

from whyrec.data.catalogue import Catalogue
from whyrec.data.events import EVENT_TYPES
from whyrec.data.pairs import LIKE_SHARE, count_pairs, decay
from whyrec.errors import ConfigError

__all__ = ["LIKE_SHARE", "Dataset"]

Reads = Literal["liked", "rated", "sequence"]
"""Which pairs make a history; see `Dataset.history_pairs`."""


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
        `film`, `shop`, `generic` and so on: which words explanations use.
    weights
        Event weights that differ from the defaults of `EVENT_TYPES`.
    half_life
        Days after which an event weighs half, counted back from the last event; None for no decay.
    best_rating
        The end of the rating scale (5 for 1 to 5), None without ratings.
    notes
        Where the data came from and what was set aside in reading, JSON-able.
    set_aside
        The rows set aside in reading (`reason`, `file`, `row`, `cells`), None if none were.
    reviews
        What people wrote, one row a review: `item`, `user` (uint32; the user null for somebody
        without events), `rating` (f64, null if none), `text`, `lang` (`en`, `zh`, …; by script
        where the data do not say), `time`. None if nobody wrote anything.
    """

    events: pl.DataFrame
    catalogue: Catalogue
    users: tuple[str, ...]
    domain: str = "generic"
    weights: Mapping[str, float] = field(default_factory=dict)
    best_rating: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    set_aside: pl.DataFrame | None = field(default=None, repr=False)
    half_life: float | None = None
    reviews: pl.DataFrame | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        unknown = set(self.weights) - set(EVENT_TYPES)
        if unknown:
            raise ConfigError(
                f"no such event type: {', '.join(sorted(unknown))}",
                where="event weights",
                remedy=f"use one of {', '.join(EVENT_TYPES)}",
            )
        if self.half_life is not None and not 0 < self.half_life < float("inf"):
            raise ConfigError(
                f"a half-life of {self.half_life} days",
                where="half-life",
                remedy="use a number of days above 0",
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
        pairs = count_pairs(
            self.events, self.n_items, weights=self.weights, best_rating=self.best_rating
        )
        return pairs if self.half_life is None else decay(pairs, self.half_life)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 in hex of the content; see `whyrec.data.store.fingerprint`."""
        from whyrec.data.store import fingerprint

        return fingerprint(self)

    def history_pairs(self, reads: Reads = "liked") -> pl.DataFrame:
        """The rows of `pairs` that histories are made of, in the order of `histories(reads)`.

        `liked`: positive weight, by user and item; `rated`: with a rating, by user and item;
        `sequence`: positive weight, by user and time, oldest first (unknown times before known).
        """
        if reads not in self._history_pairs:
            pairs = self.pairs
            if reads == "rated":
                pairs = pairs.filter((pl.col("event") == "rating") & pl.col("value").is_not_null())
            else:
                pairs = pairs.filter(pl.col("weight") > 0)
            if reads == "sequence":
                pairs = pairs.sort("user", "time", nulls_last=False, maintain_order=True)
            self._history_pairs[reads] = pairs
        return self._history_pairs[reads]

    @cached_property
    def _history_pairs(self) -> dict[str, pl.DataFrame]:
        return {}

    @cached_property
    def _histories(self) -> dict[str, sparse.csr_matrix]:
        return {}

    def histories(self, reads: Reads = "liked") -> sparse.csr_matrix:
        """users × items CSR, float32: what models learn from and users are made of.

        The data are event weights > 0 (`liked`, `sequence`) or ratings (`rated`, where a stored 0
        is a rating). Rows of `sequence` are in order of time, and so not sorted by item.
        """
        if reads not in self._histories:
            pairs = self.history_pairs(reads)
            data = pairs["value" if reads == "rated" else "weight"]
            self._histories[reads] = self._csr(pairs, data.to_numpy().astype(np.float32))
        return self._histories[reads]

    def _csr(self, pairs: pl.DataFrame, data: np.ndarray[Any, Any]) -> sparse.csr_matrix:
        users = pairs["user"].to_numpy()
        indptr = np.zeros(self.n_users + 1, np.int64)
        np.cumsum(np.bincount(users, minlength=self.n_users), out=indptr[1:])
        items = pairs["item"].to_numpy().astype(np.int32)
        shape = (self.n_users, self.n_items)
        return sparse.csr_matrix((data, items, indptr.astype(np.int32)), shape=shape)

    @property
    def interactions(self) -> sparse.csr_matrix:
        """`histories("liked")`."""
        return self.histories("liked")

    @cached_property
    def seen(self) -> sparse.csr_matrix:
        """users × items CSR of every pair with any event, liked or not: kept out of lists."""
        return self._csr(self.pairs, np.ones(self.pairs.height, np.float32))

    def with_weights(self, weights: Mapping[str, float]) -> Dataset:
        """The same data with other event weights."""
        return replace(self, weights={**self.weights, **weights})

    def with_half_life(self, days: float | None) -> Dataset:
        """The same data with weights that halve every so many days before the last event."""
        return replace(self, half_life=days)
