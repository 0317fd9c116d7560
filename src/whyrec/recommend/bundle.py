"""A fitted recommender together with the data that it recommends and explains from."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from whyrec.data.dataset import Dataset
from whyrec.data.events import EVENT_TYPES
from whyrec.errors import UnknownItemError, UnknownUserError
from whyrec.recommend import manifest
from whyrec.recommend.base import Floats, History, Ints, Ranking, Recommender
from whyrec.recommend.checks import check_histories, make_params
from whyrec.recommend.popularity import Popularity
from whyrec.recommend.registry import model as model_class
from whyrec.recommend.rules import WHERE, Adjustment, BoundRules, Rules
from whyrec.recommend.scoring import rank


@dataclass(frozen=True, eq=False)
class Bundle:
    """A recommender and its data set.

    Attributes
    ----------
    recommender
        The fitted model.
    dataset
        Events, catalogue and user ids, event weights included.
    notes
        How it was made (`fit_seconds`), JSON-able.
    rules
        What is pinned, boosted or left out; None if nothing is. They act in `scores` and in lists.
    context
        What is so at this moment, for rules that ask it: `{"season": "winter"}`. Not saved.
    where
        A condition that every recommended item fulfils, None if there is none. Not saved.
    """

    recommender: Recommender
    dataset: Dataset
    notes: Mapping[str, Any] = field(default_factory=dict)
    rules: Rules | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None

    def __post_init__(self) -> None:
        self.recommender.attach(self.dataset)

    @classmethod
    def fit(
        cls, dataset: Dataset, model: str = "ease", *, rules: Rules | None = None, **params: Any
    ) -> Bundle:
        """Fit the named model on what it reads of the data set.

        Raises
        ------
        ConfigError
            If the model, a parameter's name or a value is not one of those allowed.
        ModelError
            If the data cannot be learnt from.
        """
        kind = model_class(model)
        recommender = kind(**make_params(kind, params))
        start = time.perf_counter()
        recommender.fit_dataset(dataset)
        notes = {"fit_seconds": round(time.perf_counter() - start, 3)}
        bundle = cls(recommender, dataset, notes, rules)
        bundle.bound_rules  # noqa: B018 - a column that the catalogue has not is told now
        return bundle

    def within(
        self, context: Mapping[str, str] | None = None, *, where: str | None = None
    ) -> Bundle:
        """The same bundle at a moment, and for items that fulfil a condition.

        Scores, lists and evidence from it have the rules of that context applied.

        Parameters
        ----------
        context
            Values by key, for rules that ask them.
        where
            A condition on items, such as `price < 20 and category in (Tea, Coffee)`; see
            `whyrec.recommend.conditions`.

        Raises
        ------
        ConfigError
            If the condition cannot be read or names a column that the catalogue has not.
        """
        other = replace(self, context=dict(context or {}), where=where)
        if "fingerprint" in self.__dict__:
            other.__dict__["fingerprint"] = self.fingerprint
        if where is None and "bound_rules" in self.__dict__ and self.where is None:
            other.__dict__["bound_rules"] = self.bound_rules
        other.bound_rules  # noqa: B018 - what is wrong with it is told now
        return other

    @cached_property
    def bound_rules(self) -> BoundRules | None:
        """The rules and `where`, with the items that each is about; None if there are none."""
        rules = self.rules.rules if self.rules is not None else ()
        if self.where is not None:
            asked = [{"name": WHERE, "item": self.where, "filter": "require"}]
            rules = (*rules, *Rules.parse(asked, where=WHERE).rules)
        return Rules(rules).of(self.dataset) if rules else None

    @cached_property
    def fingerprint(self) -> str:
        """Model name and 12 hex digits over data, parameters and learnt arrays."""
        digest = hashlib.sha256(self.dataset.fingerprint.encode())
        digest.update(json.dumps(dict(self.recommender.params), sort_keys=True).encode())
        for name, array in sorted(self.recommender.arrays().items()):
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        if self.rules is not None:
            digest.update(json.dumps(self.rules.to_json(), sort_keys=True).encode())
        return f"{self.recommender.name}-{digest.hexdigest()[:12]}"

    def save(self, directory: str | Path) -> None:
        """Write the bundle as a directory: all of it or nothing.

        Raises
        ------
        DataError
            If the place cannot be written.
        """
        manifest.save(self, Path(directory))

    @classmethod
    def load(cls, directory: str | Path) -> Bundle:
        """Read a bundle back; every file is checked against the manifest.

        Raises
        ------
        ModelError
            If it is no bundle, a file is missing or changed, or a newer whyrec wrote it.
        """
        return manifest.load(Path(directory))

    def user(self, id: str) -> int:
        """The index of a user.

        Raises
        ------
        UnknownUserError
            If the data set does not hold the id.
        """
        try:
            return self.dataset.user_index[id]
        except KeyError:
            raise UnknownUserError(
                f"no such user: {_short(id)}",
                where="user",
                remedy=f"the data set has {self.dataset.n_users} users, "
                f"for example {_short(self.dataset.users[0])}"
                if self.dataset.n_users
                else "the data set has none",
            ) from None

    def item(self, id: str) -> int:
        """The index of an item.

        Raises
        ------
        UnknownItemError
            If the catalogue does not hold the id.
        """
        try:
            return self.dataset.catalogue.index[id]
        except KeyError:
            raise UnknownItemError(
                f"no such item: {_short(id)}",
                where="item",
                remedy=f"the catalogue has {self.dataset.n_items} items, "
                f"for example {_short(self.dataset.catalogue.ids[0])}"
                if self.dataset.n_items
                else "the catalogue is empty",
            ) from None

    @property
    def histories(self) -> sparse.csr_matrix:
        """users × items CSR: what the model reads of everybody; see `Dataset.histories`."""
        return self.dataset.histories(self.recommender.reads)

    def history(self, user: int) -> History:
        """What the model reads of the user with that index."""
        X = self.histories
        a, b = X.indptr[user], X.indptr[user + 1]
        return History(X.indices[a:b], X.data[a:b])

    @cached_property
    def main_event(self) -> str:
        """The event that crowds are counted by: purchase if there is any, else the commonest."""
        pairs = self.dataset.pairs.filter(pl.col("weight") > 0)
        counts = dict(pairs["event"].value_counts().iter_rows())
        if "purchase" in counts or not counts:
            return "purchase" if counts else "interaction"
        return str(max(counts, key=lambda e: (counts[e], EVENT_TYPES[e].rank)))

    @cached_property
    def crowd(self) -> sparse.csr_matrix:
        """users × items: ones where the told event of a positive pair is `main_event`."""
        pairs = self.dataset.pairs.filter(
            (pl.col("weight") > 0) & (pl.col("event") == self.main_event)
        )
        ones = np.ones(pairs.height, np.float32)
        place = (pairs["user"].to_numpy(), pairs["item"].to_numpy())
        shape = (self.dataset.n_users, self.dataset.n_items)
        return sparse.csr_matrix((ones, place), shape=shape)

    @cached_property
    def cold(self) -> Popularity:
        """What ranks items for a person without positive events: people with `main_event`."""
        counts = np.bincount(self.crowd.indices, minlength=self.dataset.n_items)
        return Popularity.from_arrays({}, {"counts": counts})

    def model_scores(self, histories: sparse.csr_matrix) -> Floats:
        """Scores of every item for each history before any rule, popularity for empty ones."""
        out = self.recommender.scores(histories)
        out[np.diff(histories.indptr) == 0] = self.cold.counts_
        return out

    def adjust(self, histories: sparse.csr_matrix, scores: Floats) -> Adjustment | None:
        """Apply the rules to the `model_scores` of histories, in place; None without rules.

        What the `Adjustment` says is what a list must be explained by: score = contributions +
        baseline + what each rule added (`names`, `parts(row, items)`), and `allowed` are the
        candidates that no filter took out (`bound_rules.refused` names the filters that did).
        """
        if self.bound_rules is None:
            return None
        return self.bound_rules.adjust(histories, scores, self.context)

    def rules_of(self, history: sparse.csr_matrix, items: Ints) -> list[tuple[str, ...]]:
        """The rules that added to each item's score for one history (1 × n_items), none if none."""
        made = (
            None if self.bound_rules is None else self.adjust(history, self.model_scores(history))
        )
        if made is None:
            return [()] * len(items)
        parts = made.parts(0, items)
        return [
            tuple(n for n, c in zip(made.names, row, strict=True) if c) for row in parts.tolist()
        ]

    def scores(self, histories: sparse.csr_matrix) -> Floats:
        """Scores of every item for each history, popularity for empty ones: float64.

        Amounts of rules are in them, and what a filter takes out scores -inf.
        """
        out = self.model_scores(histories)
        self._apply(histories, out)
        return out

    def _apply(self, histories: sparse.csr_matrix, scores: Floats) -> None:
        made = self.adjust(histories, scores)
        if made is not None and made.allowed is not None:
            scores[~made.allowed] = -np.inf

    def rank(
        self, histories: sparse.csr_matrix, n: int, exclude: sparse.csr_matrix | None = None
    ) -> Ranking:
        """Top-n lists for histories by their `scores`."""
        csr = check_histories(
            histories, self.recommender.reads, what="histories", n_items=self.dataset.n_items
        )
        if self.bound_rules is None:
            found = self.recommender.recommend(csr, n, exclude=exclude)
            empty = np.flatnonzero(np.diff(csr.indptr) == 0)
            if len(empty):
                hidden = None if exclude is None else exclude.tocsr()[empty]
                cold = self.cold.recommend(csr[empty], n, exclude=hidden)
                found.items[empty], found.scores[empty] = cold.items, cold.scores
            return found

        def score_rows(rows: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
            out[:] = self.model_scores(rows[start:end])
            self._apply(rows[start:end], out)

        return rank(score_rows, csr, n, exclude, parallel=False)

    def recommend(
        self, user_ids: Sequence[str], n: int = 10, *, new_users: bool = False
    ) -> Ranking:
        """The n best items for each user among those without any event of theirs.

        Parameters
        ----------
        new_users
            Whether an id that the data set does not hold is somebody new, who gets the most
            popular items, and not an error.

        Raises
        ------
        UnknownUserError
            If a user is not in the data set and `new_users` is False.
        """
        index = self.dataset.user_index
        if new_users:
            rows = np.array([index.get(id, -1) for id in user_ids], np.int64)
        else:
            rows = np.array([self.user(id) for id in user_ids], np.int64)
        return self.rank(take(self.histories, rows), n, exclude=take(self.dataset.seen, rows))


def take(matrix: sparse.csr_matrix, rows: np.ndarray[Any, Any]) -> sparse.csr_matrix:
    """Rows of a CSR matrix; row -1 is empty."""
    if (rows >= 0).all():
        return matrix[rows]
    known = rows >= 0
    lengths = np.zeros(len(rows), np.int64)
    part = matrix[rows[known]]
    lengths[known] = np.diff(part.indptr)
    indptr = np.concatenate(([0], np.cumsum(lengths))).astype(part.indptr.dtype)
    return sparse.csr_matrix((part.data, part.indices, indptr), shape=(len(rows), matrix.shape[1]))


def _short(id: str) -> str:
    return id if len(id) <= 60 else id[:59] + "…"
