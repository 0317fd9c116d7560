"""Facets: what items of a catalogue have in common, and how each is called in a language."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from whyrec.data.catalogue import Catalogue
from whyrec.features.labels import label_forms, quoted, translations
from whyrec.features.words import distinctive_words

UNIVERSAL_SHARE = 0.6
"""A facet that more than this share of the items carries tells nothing and is left out."""

UNKNOWN = frozenset(
    {"", "unknown", "none", "null", "nan", "n/a", "na", "-", "other", "others", "misc", "miscellaneous"}
    | {"(no genres listed)", "no genres listed", "uncategorized", "uncategorised", "其他", "未知", "无"}
)  # fmt: skip
"""Values that say that nothing is known; they are no facet."""

FIELDS = ("category", "tag", "brand")
_COLUMNS = {"category": ("category", "genres"), "tag": ("tags",), "brand": ("brand",)}
_SPLIT = re.compile(r"\s*\|\s*")


@dataclass(frozen=True, slots=True, order=True)
class Facet:
    """One thing that items can share: `field` is `category`, `tag`, `brand` or `word`."""

    field: str
    value: str


@dataclass(frozen=True)
class Facets:
    """The facets of a catalogue.

    Attributes
    ----------
    facets
        Every facet, ordered by field, then value; its place is the facet's index. Values are the
        catalogue's own, the commonest spelling where case or spaces differ.
    matrix
        bool CSR [items, facets]: which item carries which facet.
    idf
        float64 [facets]: ln(items / items with the facet); high for what few items share.
    names
        The catalogue's own name of a facet in another language: `(field, value) -> {lang: name}`.
    forms
        Other spellings of a facet's value in the catalogue.

    Examples
    --------
    >>> table = pl.DataFrame({"id": ["a", "b"], "title": ["Alien", "Blade Runner"],
    ...                       "genres": [["Horror", "Sci-Fi"], ["Sci-Fi"]]})
    >>> facets = Facets.build(Catalogue(table))
    >>> facets.of(1), facets.labels("category", "Sci-Fi", "zh")
    ([Facet(field='category', value='Sci-Fi')], ('科幻', 'Sci-Fi'))
    """

    facets: list[Facet]
    matrix: sparse.csr_matrix
    idf: npt.NDArray[np.float64]
    names: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    forms: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    _labels: dict[tuple[str, str, str], tuple[str, ...]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def build(cls, catalogue: Catalogue) -> Facets:
        """Read the facets off a catalogue.

        `word` facets, distinctive words of the titles, are made only where the catalogue has
        neither categories nor tags.
        """
        table = catalogue.table
        gathered = _Gathered(len(catalogue))
        for name in FIELDS:
            for column in _COLUMNS[name]:
                if column in table.columns:
                    gathered.add(name, column, table)
        if not gathered.has("category") and not gathered.has("tag"):
            for word, (items, spellings) in distinctive_words(catalogue.titles("en")).items():
                gathered.put("word", word, items, spellings)
        return gathered.facets()

    @cached_property
    def _index(self) -> dict[tuple[str, str], int]:
        return {(f.field, _fold(f.value)): k for k, f in enumerate(self.facets)}

    @cached_property
    def by_facet(self) -> sparse.csc_matrix:
        """`matrix` by column: bool CSC [items, facets]."""
        return self.matrix.tocsc()

    def index(self, field: str, value: str) -> int | None:
        """The index of a facet, None if no item carries it. Case does not matter."""
        return self._index.get((field, _fold(value)))

    def of(self, item: int) -> list[Facet]:
        """The facets of one item, by index."""
        return [self.facets[k] for k in self._columns(item)]

    def has(self, item: int, field: str, value: str) -> bool:
        """Whether the item carries the facet."""
        k = self.index(field, value)
        return k is not None and k in self._columns(item)

    def carriers(self, field: str, value: str) -> npt.NDArray[np.int32]:
        """Indices of all items that carry the facet, ascending; empty if none does."""
        k = self.index(field, value)
        if k is None:
            return np.empty(0, np.int32)
        m = self.by_facet
        return np.asarray(m.indices[m.indptr[k] : m.indptr[k + 1]], np.int32)

    def shared(
        self, item: int, items: Sequence[int], *, at_least: int = 1
    ) -> list[tuple[Facet, tuple[int, ...]]]:
        """The facets that `item` has in common with others, with who carries each of them.

        Only facets that at least `at_least` of `items` carry; those that most of `items` carry come
        first, and among these the rarest in the catalogue.
        """
        own = set(self._columns(item))
        found: dict[int, list[int]] = defaultdict(list)
        for other in items:
            for k in self._columns(other):
                if k in own:
                    found[k].append(other)
        ranked = sorted(
            (k for k, who in found.items() if len(who) >= at_least),
            key=lambda k: (-len(found[k]), -self.idf[k], k),
        )
        return [(self.facets[k], tuple(found[k])) for k in ranked]

    def labels(self, field: str, value: str, lang: str) -> tuple[str, ...]:
        """How the facet may be written in `lang`, the shown form first.

        The catalogue's own language columns come first, then the translations file of common
        genres and departments, then the original (in Chinese text within “ ” if it is not Chinese).
        """
        key = (field, value, lang)
        if key not in self._labels:
            self._labels[key] = self._make_labels(field, value, lang)
        return self._labels[key]

    def _make_labels(self, field: str, value: str, lang: str) -> tuple[str, ...]:
        k = self.index(field, value)
        value = self.facets[k].value if k is not None else value
        own = self.names.get((field, value), {}).get(lang)
        known = () if field in {"brand", "word"} else translations(value, lang)
        shown = [own] if own else list(known)
        if lang == "en":
            forms = [f for s in shown or [value] for f in label_forms(field, s)]
        elif lang == "zh":
            forms = [quoted(s) for s in shown] or [quoted(_bare(field, value))]
        else:
            forms = shown or [value]
        # Every spelling in the catalogue names the facet too, only never first.
        forms += [s for s in (*known, value, *self.forms.get((field, value), ())) if s]
        return tuple(dict.fromkeys(forms))

    def _columns(self, item: int) -> list[int]:
        if not 0 <= item < self.matrix.shape[0]:
            raise IndexError(f"no item {item} among {self.matrix.shape[0]}")
        return self._rows[item]

    @cached_property
    def _rows(self) -> list[list[int]]:
        flat, ends = self.matrix.indices.tolist(), self.matrix.indptr.tolist()
        return [flat[a:b] for a, b in pairwise(ends)]


class _Gathered:
    """Facets while they are being read: spellings, carriers and names in other languages."""

    def __init__(self, n_items: int) -> None:
        self.n_items = n_items
        self.items: dict[tuple[str, str], set[int]] = defaultdict(set)
        self.spellings: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.named: dict[tuple[str, str], dict[str, Counter[str]]] = {}

    def has(self, field: str) -> bool:
        return any(f == field for f, _ in self.items)

    def put(self, field: str, value: str, items: Iterable[int], spellings: Sequence[str]) -> None:
        key = (field, _fold(value))
        self.items[key].update(items)
        # The value itself stays the canonical one, whatever the titles' spellings are.
        self.spellings[key].update({value: 1 << 30, **dict.fromkeys(spellings, 1)})

    def add(self, field: str, column: str, table: pl.DataFrame) -> None:
        base = _values(table[column], field)
        langs = {
            c.removeprefix(f"{column}_"): _values(table[c], field)
            for c in table.columns
            if re.fullmatch(rf"{column}_[a-z]{{2,3}}", c)
        }
        known = {v for f, v in self.items if f != field}
        for item, values in enumerate(base):
            for place, value in enumerate(values):
                folded = _fold(value)
                # A tag that only repeats a category (or a brand) would be told twice.
                if folded in UNKNOWN or folded in known:
                    continue
                key = (field, folded)
                self.items[key].add(item)
                self.spellings[key][value] += 1
                for lang, columns in langs.items():
                    if len(columns[item]) == len(values) and columns[item][place]:
                        named = self.named.setdefault(key, {}).setdefault(lang, Counter())
                        named[columns[item][place]] += 1

    def facets(self) -> Facets:
        most = UNIVERSAL_SHARE * self.n_items
        # A tiny catalogue has no universal facets: with 3 items everything is near-universal.
        keys = [k for k, who in self.items.items() if len(who) <= most or self.n_items < 10]
        order = {f: n for n, f in enumerate((*FIELDS, "word"))}
        canonical = {k: _commonest(self.spellings[k]) for k in keys}
        keys.sort(key=lambda k: (order[k[0]], canonical[k]))
        counts = np.array([len(self.items[k]) for k in keys], np.float64)
        rows = np.array([i for k in keys for i in sorted(self.items[k])], np.int32)
        columns = np.repeat(np.arange(len(keys), dtype=np.int32), counts.astype(np.int64))
        matrix = sparse.csr_matrix(
            (np.ones(len(rows), bool), (rows, columns)), shape=(self.n_items, len(keys))
        )
        matrix.sort_indices()
        return Facets(
            facets=[Facet(f, canonical[f, v]) for f, v in keys],
            matrix=matrix,
            idf=np.log(max(self.n_items, 1) / np.maximum(counts, 1)),
            names={
                (k[0], canonical[k]): {lang: _commonest(c) for lang, c in self.named[k].items()}
                for k in keys
                if k in self.named
            },
            forms={
                (k[0], canonical[k]): tuple(s for s in self.spellings[k] if s != canonical[k])
                for k in keys
                if len(self.spellings[k]) > 1
            },
        )


def _commonest(counts: Counter[str]) -> str:
    return min(counts, key=lambda s: (-counts[s], s))


@cache
def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _bare(field: str, value: str) -> str:
    return label_forms(field, value)[0]


def _values(column: pl.Series, field: str) -> list[list[str]]:
    """The values of each item: a list column as it is, text split at `|` (a brand never is)."""
    out = []
    for cell in column.to_list():
        parts: Iterable[Any]
        if cell is None:
            parts = ()
        elif isinstance(cell, str):
            parts = (cell,) if field == "brand" else _SPLIT.split(cell)
        else:
            parts = cell
        out.append([" ".join(str(p).split()) for p in parts if p is not None])
    return out
