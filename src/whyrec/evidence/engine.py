"""From a model and its data to `Evidence`: ranks, contributions, counterfactuals and facts."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy import sparse

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError
from whyrec.evidence.attributed import Attributed, Attributor
from whyrec.evidence.attribution import BUDGET
from whyrec.evidence.counterfactuals import Counterfactuals
from whyrec.evidence.deeds import Deed, Deeds
from whyrec.evidence.facts import Attested
from whyrec.evidence.names import Names
from whyrec.evidence.reasons import EVENT_NAMES, Past, Reasons, may_be_told
from whyrec.evidence.types import Evidence, Fact, Reason
from whyrec.features.facets import Facets
from whyrec.privacy.kanon import K_ANON
from whyrec.recommend.base import Floats, History, Ints
from whyrec.recommend.bundle import Bundle, take

if TYPE_CHECKING:
    from whyrec.evidence.world import PairWorld

KEPT = 64
"""Users whose deeds are kept for the worlds of their lists."""

BLOCK_BYTES = 16 << 20
"""Scores held at once in `batch`."""

EXACT = 1e-5
"""Residual, relative, up to which contributions count as adding up."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person as the engine sees them: history, candidates and all scores.

    Attributes
    ----------
    candidates
        bool [n_items]: what may be recommended.
    scores
        float64 [n_items].
    """

    id: str
    index: int
    past: Past
    candidates: Ints
    scores: Floats

    @property
    def history(self) -> History:
        """What the model reads of them."""
        return self.past.history


class EvidenceEngine:
    """Computes evidence from a bundle; holds nothing about anybody between calls but a few caches.

    Parameters
    ----------
    bundle
        Model and data.
    facets
        Of the bundle's catalogue; built if None.
    list_size
        The n of the shown list, about which `gone` and `without` speak.
    k_anon
        People that a crowd must count before it is told.
    max_size
        The most events a counterfactual may remove, 1 to 5. Sizes 1 and 2 are searched
        exhaustively, larger ones greedily.
    method, budget, seed
        How a model that is not exact is asked (see `evidence.attribution`): `shapley` or
        `occlusion`, the model calls that one person's attribution may take, and the seed of what
        is sampled. A search for counterfactuals by calls may take as many again.

    Raises
    ------
    ConfigError
        If `list_size`, `max_size` or `budget` is out of range, or there is no such method.
    """

    def __init__(
        self,
        bundle: Bundle,
        facets: Facets | None = None,
        *,
        list_size: int = 10,
        k_anon: int = K_ANON,
        max_size: int = 3,
        method: str = "shapley",
        budget: int = BUDGET,
        seed: int = 0,
    ) -> None:
        if list_size < 1:
            raise ConfigError(f"a list of {list_size}", where="list_size", remedy="use 1 or more")
        if not 1 <= max_size <= 5:
            raise ConfigError(f"sets of {max_size}", where="max_size", remedy="use 1 to 5")
        self.bundle = bundle
        self.facets = facets or Facets.build(bundle.dataset.catalogue)
        self.list_size = list_size
        self.attested = Attested(bundle, self.facets, k_anon=k_anon)
        self.names = Names(bundle.dataset.catalogue)
        self.attributor = Attributor(bundle.recommender, method=method, budget=budget, seed=seed)
        self.counterfactuals = Counterfactuals(bundle, max_size, budget)
        catalogue = bundle.dataset.catalogue
        self._ids, self._titles = catalogue.ids, catalogue.titles("")
        # Aligned with the bundle's histories, which hold the same pairs in the same order.
        reads = bundle.recommender.reads
        pairs = bundle.dataset.history_pairs(reads)
        code = {n: k for k, n in enumerate(EVENT_NAMES)}
        self._events = pairs["event"].replace_strict(code, return_dtype=pl.UInt8).to_numpy()
        self._values = pairs["value"].fill_null(np.nan).to_numpy()
        self._main = EVENT_NAMES.index(bundle.main_event)
        self._negative = pairs["negative"].to_numpy() if reads == "rated" else None
        self._whole = reads != "rated" or _ratings_are_all_told(bundle.dataset)
        self._last: Person | None = None
        self._deeds: dict[int, dict[str, Deed]] = {}
        self._lock = threading.Lock()

    def explain(
        self,
        user: str,
        *,
        n: int = 10,
        items: Sequence[str] | None = None,
        counterfactuals: bool = True,
        new_user: bool = False,
    ) -> list[Evidence]:
        """Evidence for the n best items of a user, or for the given ones.

        Parameters
        ----------
        items
            Item ids, in any order; their rank among everything that may be recommended is told.
        counterfactuals
            Whether to look for `gone` and `displaced`.
        new_user
            Whether an unknown id is somebody new and not an error.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If the data do not hold an id.
        ConfigError
            If n is below 1.
        """
        _check_n(n)
        person = self.person(user, new_user=new_user)
        if items is None:
            chosen, _ = self._top(person.scores[None], person.candidates[None], n)
            return self._evidence(person, chosen[0][chosen[0] >= 0], counterfactuals)
        wanted = np.array([self.bundle.item(i) for i in items], np.int32)
        return self._evidence(person, wanted, counterfactuals)

    def batch(
        self, users: Iterable[str], n: int = 10, *, counterfactuals: bool = True
    ) -> Iterator[tuple[str, list[Evidence]]]:
        """(user, evidence for the n best items) for many users, in order, in bounded memory.

        Raises
        ------
        UnknownUserError
            If the data do not hold an id.
        """
        _check_n(n)
        data = self.bundle.dataset
        block = max(1, min(256, BLOCK_BYTES // (9 * max(data.n_items, 1))))
        for ids in _blocks(users, block):
            rows = np.array([self.bundle.user(i) for i in ids], np.int64)
            scores = self.bundle.scores(take(self.bundle.histories, rows))
            candidates = _candidates(take(data.seen, rows))
            chosen, _ = self._top(scores, candidates, n)
            for k, id in enumerate(ids):
                person = Person(
                    id, int(rows[k]), self._past(int(rows[k])), candidates[k], scores[k]
                )
                top = chosen[k]
                yield id, self._evidence(person, top[top >= 0], counterfactuals)

    def world(self, evidence: Evidence) -> PairWorld:
        """The truth about one pair, for planners and verifiers."""
        from whyrec.evidence.world import PairWorld

        return PairWorld(self, evidence)

    def person(self, user: str, *, new_user: bool = False) -> Person:
        """History, candidates and scores of one user; the last one is kept."""
        last = self._last
        if last is not None and last.id == user:
            return last
        data = self.bundle.dataset
        index = data.user_index.get(user, -1) if new_user else self.bundle.user(user)
        rows = np.array([index], np.int64)
        scores = self.bundle.scores(take(self.bundle.histories, rows))[0]
        candidates = _candidates(take(data.seen, rows))[0]
        person = Person(user, index, self._past(index), candidates, scores)
        self._last = person
        return person

    def _past(self, index: int) -> Past:
        if index < 0:
            nothing = History(np.empty(0, np.int32), np.empty(0, np.float32))
            return Past(nothing, self._events[:0], self._values[:0], self._ids, self._titles)
        indptr = self.bundle.histories.indptr
        a, b = indptr[index], indptr[index + 1]
        return Past(
            self.bundle.history(index),
            self._events[a:b],
            self._values[a:b],
            self._ids,
            self._titles,
            None if self._negative is None else self._negative[a:b],
            self._whole,
        )

    def deeds(self, user: str) -> dict[str, Deed]:
        """What a user did, by item id, negative events included; the last few users are kept."""
        index = self.bundle.dataset.user_index.get(user, -1)
        if index < 0:
            return {}
        with self._lock:
            if index not in self._deeds:
                if len(self._deeds) >= KEPT:
                    del self._deeds[next(iter(self._deeds))]
                self._deeds[index] = self._all_deeds.of(index)
            return self._deeds[index]

    @cached_property
    def _all_deeds(self) -> Deeds:
        return Deeds(self.bundle.dataset)

    @cached_property
    def _nothing(self) -> Ints:
        return np.empty(0, np.int32)

    def _top(self, scores: Floats, candidates: Ints, n: int) -> tuple[Ints, Floats]:
        from whyrec.recommend.topn import LONG, sort_rows, top_rows

        hidden = sparse.csr_matrix(~candidates)
        short = min(n, scores.shape[1])
        items = np.empty((len(scores), short), np.int32)
        best = np.empty((len(scores), short))
        choose = top_rows if short <= LONG else sort_rows
        choose(scores, hidden.indptr, hidden.indices, 0, short, items, best)
        return items, best

    def _evidence(
        self, person: Person, items: Ints, counterfactuals: bool, by: Sequence[str] = ()
    ) -> list[Evidence]:
        from whyrec.evidence.search import rank_of

        scores, past = person.scores, person.past
        ranks = [rank_of(scores, person.candidates, i) for i in items.tolist()]
        if not len(past.history):
            return self._cold(person, items, ranks)
        found = self.attributor(past.history, items)
        parts = found.parts
        order = np.argsort(-parts, axis=1, kind="stable")
        residual = scores[items] - (parts.sum(1) + found.baseline)
        size = np.maximum(np.abs(scores[items]), np.abs(parts).max(1))
        exact = np.abs(residual) <= EXACT * np.maximum(size, 1e-9)
        facts = self._facts(past, items, found, order)
        if counterfactuals:
            gone, displaced = self.counterfactuals.find(person, items, ranks, self.list_size)
        else:
            gone = displaced = [None] * len(items)
        error = None if found.errors is None else found.errors.max(1)
        return [
            Evidence(
                user=person.id,
                item=self._ids[i],
                score=float(scores[i]),
                rank=ranks[k],
                baseline=float(found.baseline[k]),
                exact=bool(exact[k]) and found.method == "exact",
                residual=float(residual[k]),
                reasons=Reasons(
                    past,
                    order[k],
                    parts[k],
                    found.effects[k],
                    None if found.errors is None else found.errors[k],
                ),
                facts=facts[k],
                gone=gone[k],
                displaced=displaced[k],
                list_size=self.list_size,
                method=found.method,
                calls=found.calls,
                error=None if error is None else float(error[k]),
            )
            for k, i in enumerate(items.tolist())
        ]

    def _facts(
        self, past: Past, items: Ints, found: Attributed, order: Ints
    ) -> list[tuple[Fact, ...]]:
        parts = found.parts
        if found.errors is not None or past.negative is not None:
            # Facts rest on events that may be told: what may not counts as nothing here.
            parts = np.where(may_be_told(parts, found.errors, past.negative), parts, 0.0)
            order = np.argsort(-parts, axis=1, kind="stable")
        main = past.events == self._main
        return self.attested.facts(items, past.history.items, main, parts, order)

    def _cold(self, person: Person, items: Ints, ranks: list[int]) -> list[Evidence]:
        """Without a history the list is the most popular items; the count is the whole score."""
        empty: Any = np.empty((len(items), 0))
        facts = self.attested.facts(items, self._nothing, self._nothing, empty, empty)
        none: tuple[Reason, ...] = ()
        return [
            Evidence(
                user=person.id,
                item=self._ids[i],
                score=float(person.scores[i]),
                rank=ranks[k],
                baseline=float(person.scores[i]),
                exact=True,
                residual=0.0,
                reasons=none,
                facts=facts[k],
                list_size=self.list_size,
            )
            for k, i in enumerate(items.tolist())
        ]


def _ratings_are_all_told(dataset: Dataset) -> bool:
    """Whether every pair that has a rating is told as one, so that rated histories miss none."""
    rated = pl.col("types").list.contains("rating")
    told = (pl.col("event") == "rating") & pl.col("value").is_not_null()
    return dataset.pairs.filter(rated & ~told & ~pl.col("negative")).is_empty()


def _candidates(seen: sparse.csr_matrix) -> Ints:
    out: Any = np.ones(seen.shape, np.bool_)
    out[np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr)), seen.indices] = False
    return out  # type: ignore[no-any-return]


def _blocks(users: Iterable[str], size: int) -> Iterator[list[str]]:
    block: list[str] = []
    for user in users:
        block.append(user)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def _check_n(n: int) -> None:
    if n < 1:
        raise ConfigError(f"a list of {n}", where="n", remedy="use 1 or more")
