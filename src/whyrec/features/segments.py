"""Segments of people by behaviour: K-means, a chosen k, and definitions that the numbers stand behind."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, DataError
from whyrec.features.facets import Facet, Facets

F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

K_ANON = 10
MAX_K = 10
SAMPLE = 2000
"""People on whom the silhouette is measured, drawn by the seed: it takes all their distances."""

MAX_FACETS = 60
DIMENSIONS = 6
PRIOR = 5.0
"""Items' worth of everybody's taste that is added to each person's."""

SIDE_WEIGHT = 0.35
"""Weight of activity and of price level beside tastes, whose total spread is 1."""

THRESHOLDS = ((0.08, 1.3), (0.02, 1.5), (0.1, 1.08))
"""(share, lift) from which on a facet defines a segment; the next pair where nothing passes one."""

DAYS = 365.25 / 12


@dataclass(frozen=True)
class Trait:
    """A facet that a segment has more of than everybody.

    Attributes
    ----------
    share, overall
        Mean share of it in the histories of the segment's people, and of everybody.
    """

    facet: Facet
    share: float
    overall: float

    @property
    def lift(self) -> float:
        """share / overall."""
        return self.share / self.overall if self.overall else float("inf")


@dataclass(frozen=True)
class Segment:
    """One segment.

    Attributes
    ----------
    index
        Its number, 0 for the largest.
    people
        How many, never fewer than the minimum.
    traits
        What defines it, most telling first; empty where its people are like everybody.
    per_month
        Median of the people's items a month, from each one's first event to the last of the data;
        None without times.
    price
        Median of the people's mean log prices, as a price; None without prices.
    price_level
        -1, 0, 1: below, about, above what everybody pays for the same kinds of things.
    """

    index: int
    people: int
    share: float
    traits: tuple[Trait, ...]
    items: float
    items_overall: float
    per_month: float | None
    price: float | None
    price_level: int


@dataclass(frozen=True)
class Segments:
    """A data set's people in segments.

    Attributes
    ----------
    labels
        int64 [n_users]: the segment of each person, -1 for people without a history.
    segments
        By falling size.
    features
        float64 [people with a history, width]: what was clustered, standardised; rows as in `rows`.
    rows
        The users' indices.
    silhouettes
        Mean silhouette by k, all that were tried; the largest was chosen.
    merged
        Clusters that had fewer people than the minimum and joined the nearest other one.
    left_out
        Facets that are not used because they can stand for something sensitive.
    """

    labels: Ints
    segments: tuple[Segment, ...]
    features: F64
    rows: Ints
    silhouettes: Mapping[int, float]
    merged: int
    left_out: tuple[str, ...]
    facets: Facets
    domain: str
    bought: bool
    currency: str | None

    def define(self, segment: Segment, lang: str = "en") -> str:
        """What the segment's people do, in one readable sentence with its numbers.

        Raises
        ------
        ConfigError
            If the language is neither `en` nor `zh`.
        """
        from whyrec.features.definitions import define

        return define(self, segment, lang)

    def name(self, segment: Segment, lang: str = "en") -> str:
        """The segment by its first trait: `kitchen`, `厨房用品`; `mixed` where it has none."""
        from whyrec.features.definitions import name

        return name(self, segment, lang)

    def to_json(self, langs: Sequence[str] = ("en", "zh")) -> dict[str, Any]:
        """Everything but who is in which segment."""
        return {
            "k": len(self.segments),
            "people": len(self.rows),
            "silhouettes": {str(k): round(v, 4) for k, v in self.silhouettes.items()},
            "merged": self.merged,
            "left_out": list(self.left_out),
            "segments": [
                {
                    "segment": s.index,
                    "people": s.people,
                    "share": round(s.share, 4),
                    "name": {lang: self.name(s, lang) for lang in langs},
                    "definition": {lang: self.define(s, lang) for lang in langs},
                    "traits": [
                        {
                            "field": t.facet.field,
                            "value": t.facet.value,
                            "share": round(t.share, 4),
                            "overall": round(t.overall, 4),
                            "lift": round(t.lift, 2),
                        }
                        for t in s.traits
                    ],
                    "items": s.items,
                    "items_overall": s.items_overall,
                    "per_month": s.per_month,
                    "price": s.price,
                    "price_level": s.price_level,
                }
                for s in self.segments
            ],
        }


def find_segments(
    dataset: Dataset,
    *,
    k: int | None = None,
    vectors: npt.NDArray[Any] | None = None,
    k_anon: int = K_ANON,
    seed: int = 0,
) -> Segments:
    """Segments of the people of a data set.

    A history is what a person bought, where anybody bought anything, else every positive event.
    What is clustered: the shares of the facets (category, else tag, brand or word) in it, by
    correspondence analysis in 6 dimensions; the logarithm of its length; the mean log price relative
    to the items' categories. Or `vectors`, such as the factors of a fitted model; definitions are made of
    the same facts either way.

    Parameters
    ----------
    k
        Number of segments; by default that of 2 to 10 with the highest mean silhouette (Rousseeuw
        1987).
    vectors
        float [n_users, width], instead of the features above.
    k_anon
        Fewer people make no segment; such clusters join the nearest.
    seed
        Of the starts of K-means (10, the best kept) and of the silhouette's sample.

    Raises
    ------
    DataError
        If fewer than 2 × k_anon people have positive events.
    ConfigError
        If k or k_anon is out of range.
    """
    if k_anon < 2 or (k is not None and k < 1):
        raise ConfigError(
            f"k={k}, k_anon={k_anon}", where="segments", remedy="use k ≥ 1 and k_anon ≥ 2"
        )
    facts = _Facts.of(dataset)
    if len(facts.rows) < 2 * k_anon:
        raise DataError(
            f"{len(facts.rows)} people with positive events",
            where="segments",
            remedy=f"give at least {2 * k_anon}, or a smaller k_anon: a segment is told of as a group",
        )
    features = facts.features() if vectors is None else _scaled(np.asarray(vectors)[facts.rows])
    groups, silhouettes, merged = _cluster(features, k, k_anon, seed)
    labels = np.full(dataset.n_users, -1, np.int64)
    labels[facts.rows] = groups
    segments = tuple(facts.segment(groups, g) for g in range(groups.max() + 1))
    currency = None
    if "currency" in dataset.catalogue.table.columns:
        known = dataset.catalogue.table["currency"].drop_nulls().unique()
        currency = str(known[0]) if len(known) == 1 else None
    return Segments(
        labels=labels,
        segments=segments,
        features=features,
        rows=facts.rows,
        silhouettes=silhouettes,
        merged=merged,
        left_out=facts.left_out,
        facets=facts.facets,
        domain=dataset.domain,
        bought=facts.bought,
        currency=currency,
    )


def user_vectors(histories: sparse.csr_matrix, item_vectors: npt.NDArray[Any]) -> F64:
    """People as the weighted means of the vectors of their items: float64 [users, width]."""
    totals = np.asarray(histories.sum(1)).ravel()
    means = np.asarray(histories @ item_vectors, np.float64)
    return np.asarray(means / np.maximum(totals, 1e-12)[:, None], np.float64)


def is_sensitive(text: str) -> bool:
    """Whether a facet's name holds a word that can stand for a sensitive attribute.

    Examples
    --------
    >>> is_sensitive("Health & Beauty"), is_sensitive("Kitchen"), is_sensitive("母婴用品")
    (True, False, True)
    """
    words = _sensitive()
    low = text.casefold()
    pieces = re.findall(r"[a-z]+(?:-[a-z]+)*", low)
    parts = {p for word in pieces for p in (word, *word.split("-"))}
    return bool(parts & words["en"]) or any(w in low for w in words["zh"])


@cache
def _sensitive() -> dict[str, frozenset[str]]:
    tables = tomllib.loads((files("whyrec.features") / "sensitive.toml").read_text("utf-8"))
    return {lang: frozenset(words.split()) for lang, words in tables.items()}


@dataclass(frozen=True)
class _Facts:
    """What is known of each person with positive events; all arrays are aligned with `rows`."""

    rows: Ints
    facets: Facets
    columns: Ints
    shares: F64
    items: F64
    per_month: F64 | None
    log_price: F64 | None
    relative: F64 | None
    left_out: tuple[str, ...]
    bought: bool

    @classmethod
    def of(cls, dataset: Dataset) -> _Facts:
        pairs = dataset.history_pairs("liked")
        bought = pairs.filter(pl.col("event") == "purchase")
        pairs = bought if bought.height else pairs
        shape = (dataset.n_users, dataset.n_items)
        place = (pairs["user"].to_numpy(), pairs["item"].to_numpy().astype(np.int64))
        X = sparse.csr_matrix((np.ones(pairs.height), place), shape=shape)
        counts = np.diff(X.indptr)
        rows = np.flatnonzero(counts)
        ones = X[rows]
        facets = Facets.build(dataset.catalogue)
        columns, left_out = _columns(facets)
        # Of an item with three genres a person has a third of each.
        carried = sparse.csr_matrix(facets.matrix[:, columns].astype(np.float64))
        per_item = np.maximum(np.asarray(carried.sum(1)).ravel(), 1.0)
        shared = sparse.csr_matrix(sparse.diags_array(1 / per_item) @ carried)
        shares = np.asarray((ones @ shared).todense()) / counts[rows][:, None]
        log_price, relative = _prices(dataset, ones, facets)
        return cls(
            rows=rows,
            facets=facets,
            columns=columns,
            shares=np.asarray(shares, np.float64),
            items=counts[rows].astype(np.float64),
            per_month=_rates(pairs, dataset.n_users, rows),
            log_price=log_price,
            relative=relative,
            left_out=left_out,
            bought=bool(bought.height),
        )

    def features(self) -> F64:
        """Tastes in few dimensions, the logarithm of activity, and the price level."""
        others = [np.log(self.items)]
        if self.relative is not None:
            others.append(self.relative)
        scaled = [SIDE_WEIGHT * _standard(values)[:, None] for values in others]
        if not len(self.columns):
            return np.hstack(scaled)
        # A short history says little of a taste: it is drawn towards everybody's.
        overall = self.shares.mean(0)
        n = self.items[:, None]
        tastes = (n * self.shares + PRIOR * overall) / (n + PRIOR)
        # The distances of correspondence analysis: what few have counts as much as what many have.
        tastes = (tastes - overall) / np.sqrt(np.maximum(overall, 1e-12))
        tastes -= tastes.mean(0)
        left, sizes, _ = np.linalg.svd(tastes, full_matrices=False)
        return np.hstack([_scaled(left[:, :DIMENSIONS] * sizes[:DIMENSIONS]), *scaled])

    def segment(self, groups: Ints, index: int) -> Segment:
        inside = groups == index
        mean, overall = self.shares[inside].mean(0), self.shares.mean(0)
        everything = [
            Trait(self.facets.facets[int(c)], float(a), float(b))
            for c, a, b in zip(self.columns, mean, overall, strict=True)
        ]
        # The gain in nats: what is both frequent and unusual tells most.
        everything.sort(key=lambda t: -t.share * np.log(max(t.lift, 1e-9)))
        traits: list[Trait] = []
        for share, lift in THRESHOLDS:
            traits = traits or [t for t in everything if t.share >= share and t.lift >= lift]
        level = 0
        if self.relative is not None:
            gap = float(np.nanmedian(self.relative[inside]) - np.nanmedian(self.relative))
            level = int(gap > 0.1) - int(gap < -0.1)  # about a tenth dearer or cheaper
        price = None
        if self.log_price is not None:
            price = round(float(np.exp(np.nanmedian(self.log_price[inside]))), 2)
        rate = None if self.per_month is None else self.per_month[inside]
        rate = None if rate is None or np.isnan(rate).all() else rate
        return Segment(
            index=index,
            people=int(inside.sum()),
            share=float(inside.mean()),
            traits=tuple(traits[:3]),
            items=float(np.median(self.items[inside])),
            items_overall=float(np.median(self.items)),
            per_month=None if rate is None else round(float(np.nanmedian(rate)), 2),
            price=price,
            price_level=level,
        )


def _columns(facets: Facets) -> tuple[Ints, tuple[str, ...]]:
    """The commonest facets of the first field that has any, without the sensitive ones."""
    left_out = tuple(
        f"{f.field}:{f.value}"
        for f in facets.facets
        if f.field in ("category", "tag") and is_sensitive(f.value)
    )
    carriers = np.asarray(facets.matrix.sum(0)).ravel()
    for field in ("category", "tag", "brand", "word"):
        found = [
            k for k, f in enumerate(facets.facets) if f.field == field and not is_sensitive(f.value)
        ]
        if len(found) > 1:
            found.sort(key=lambda k: (-carriers[k], k))
            return np.array(sorted(found[:MAX_FACETS]), np.int64), left_out
    return np.empty(0, np.int64), left_out


def _prices(
    dataset: Dataset, ones: sparse.csr_matrix, facets: Facets
) -> tuple[F64 | None, F64 | None]:
    """Mean log price of each person's items, and the same relative to the items' categories."""
    table = dataset.catalogue.table
    if "price" not in table.columns:
        return None, None
    raw = table["price"].cast(pl.Float64, strict=False)
    price = np.array([p if p and p > 0 else np.nan for p in raw.to_list()], np.float64)
    if "price_outlier" in table.columns:
        flagged = np.array([bool(v) for v in table["price_outlier"].to_list()])
        price[flagged] = np.nan  # flagged as too far from the others to be believed
    if np.isfinite(price).sum() < 2:
        return None, None
    log = np.log(price)
    relative = log.copy()
    first = _first_category(facets)
    for c in np.unique(first):
        inside = first == c
        if np.isfinite(log[inside]).any():
            relative[inside] -= np.nanmedian(log[inside])
    known = np.isfinite(log).astype(np.float64)
    counts = ones @ known
    with np.errstate(invalid="ignore", divide="ignore"):
        return (ones @ np.nan_to_num(log)) / counts, (ones @ np.nan_to_num(relative)) / counts


def _first_category(facets: Facets) -> Ints:
    """The index of each item's first category, -1 if it has none."""
    fields = np.array([f.field == "category" for f in facets.facets], bool)
    out = np.full(facets.matrix.shape[0], -1, np.int64)
    for item in range(len(out)):
        a, b = facets.matrix.indptr[item], facets.matrix.indptr[item + 1]
        mine = [int(c) for c in facets.matrix.indices[a:b] if fields[c]]
        out[item] = mine[0] if mine else -1
    return out


def _rates(pairs: pl.DataFrame, n_users: int, rows: Ints) -> F64 | None:
    """Items a month of each person, between the person's first event and the data's last one."""
    pairs = pairs.filter(pl.col("time").is_not_null())
    if not pairs.height:
        return None
    last: Any = pairs["time"].max()
    table = pairs.group_by("user").agg(pl.len().alias("n"), pl.col("time").min().alias("first"))
    days = (pl.lit(last) - pl.col("first")).dt.total_days().cast(pl.Float64)
    table = table.with_columns((pl.col("n") / (days / DAYS).clip(lower_bound=1.0)).alias("rate"))
    out = np.full(n_users, np.nan)
    out[table["user"].to_numpy()] = table["rate"].to_numpy()
    return np.asarray(out[rows], np.float64)


def _standard(values: F64) -> F64:
    filled = np.where(np.isfinite(values), values, np.nanmean(values))
    spread = filled.std()
    return np.asarray((filled - filled.mean()) / (spread or 1.0), np.float64)


def _scaled(vectors: npt.NDArray[Any]) -> F64:
    centred = np.asarray(vectors, np.float64) - np.asarray(vectors, np.float64).mean(0)
    spread = np.sqrt(centred.var(0).sum())
    return np.asarray(centred / (spread or 1.0), np.float64)


def _cluster(
    features: F64, k: int | None, k_anon: int, seed: int
) -> tuple[Ints, dict[int, float], int]:
    """(group of each row by falling size, silhouette by k, clusters merged)."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score
    from threadpoolctl import threadpool_limits

    n = len(features)
    distinct = len(np.unique(features.round(9), axis=0))
    highest = max(1, min(MAX_K if k is None else k, n // k_anon, distinct))
    tried = range(2, highest + 1) if k is None else [highest]
    sample = np.sort(np.random.default_rng(seed).permutation(n)[:SAMPLE])
    silhouettes: dict[int, float] = {}
    best = np.zeros(n, np.int64)
    # One thread: sums in another order could move a person between segments.
    with threadpool_limits(1):
        for clusters in tried:
            found = KMeans(clusters, n_init=10, random_state=seed).fit_predict(features)
            some = found[sample]
            score = -1.0
            if 1 < len(np.unique(some)) < len(some):
                score = float(silhouette_score(features[sample], some))
            if not silhouettes or score > max(silhouettes.values()):
                best = np.asarray(found, np.int64)
            silhouettes[clusters] = score
    best, merged = _merge(features, best, k_anon)
    return _by_size(best), silhouettes, merged


def _merge(features: F64, groups: Ints, k_anon: int) -> tuple[Ints, int]:
    merged = 0
    while True:
        names, sizes = np.unique(groups, return_counts=True)
        if len(names) == 1 or sizes.min() >= k_anon:
            return groups, merged
        small = names[sizes.argmin()]
        centres = {int(g): features[groups == g].mean(0) for g in names}
        others = [int(g) for g in names if g != small]
        near = min(others, key=lambda g: float(np.linalg.norm(centres[g] - centres[int(small)])))
        groups = np.where(groups == small, near, groups)
        merged += 1


def _by_size(groups: Ints) -> Ints:
    names, sizes = np.unique(groups, return_counts=True)
    order = sorted(range(len(names)), key=lambda k: (-sizes[k], names[k]))
    place = {int(names[k]): new for new, k in enumerate(order)}
    return np.array([place[int(g)] for g in groups], np.int64)
