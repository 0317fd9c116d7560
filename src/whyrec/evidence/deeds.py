"""What people did with items, one user at a time, as sentences need it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

import numpy as np
import polars as pl

from whyrec.data.dataset import Dataset
from whyrec.evidence.reasons import EVENT_NAMES


@dataclass(frozen=True, slots=True)
class Deed:
    """A pair of `Dataset.pairs`: told event, all event types, value, count, negative or not."""

    event: str
    events: frozenset[str]
    value: float | None
    count: int
    negative: bool


class Deeds:
    """All pairs of a data set in flat arrays, with where each user starts."""

    def __init__(self, dataset: Dataset) -> None:
        pairs = dataset.pairs
        code = {n: k for k, n in enumerate(EVENT_NAMES)}
        self._ids = dataset.catalogue.ids
        self._indptr = dataset.seen.indptr
        self._items = pairs["item"].to_numpy()
        self._events = pairs["event"].replace_strict(code, return_dtype=pl.UInt8).to_numpy()
        types = np.zeros(pairs.height, np.uint32)
        for name, k in code.items():
            types |= pairs["types"].list.contains(name).to_numpy().astype(np.uint32) << k
        self._types = types
        self._values = pairs["value"].fill_null(np.nan).to_numpy()
        self._counts = pairs["count"].to_numpy()
        self._negative = pairs["negative"].to_numpy()
        self._sets: dict[int, frozenset[str]] = {}

    def of(self, user: int) -> dict[str, Deed]:
        """The deeds of the user with that index, by item id."""
        a, b = self._indptr[user], self._indptr[user + 1]
        columns = (self._items, self._events, self._types, self._values, self._counts)
        rows = zip(*(c[a:b].tolist() for c in (*columns, self._negative)), strict=True)
        return {
            self._ids[i]: Deed(EVENT_NAMES[e], self._set(t), None if isnan(v) else v, n, bad)
            for i, e, t, v, n, bad in rows
        }

    def _set(self, types: int) -> frozenset[str]:
        if types not in self._sets:
            self._sets[types] = frozenset(n for k, n in enumerate(EVENT_NAMES) if types >> k & 1)
        return self._sets[types]
