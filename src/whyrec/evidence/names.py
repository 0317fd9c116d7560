"""What items may be called in text, and which items a name means."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cached_property

from whyrec.data.catalogue import Catalogue

_TITLE_COLUMN = re.compile(r"(?:original_)?title(?:_[a-z]{2,3})?")
_YEAR = re.compile(r"\s*[(（]\d{4}[)）]$")


class Names:
    """Names of a catalogue's items; the lookup over all of them is made once, when first asked."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        table = catalogue.table
        columns = [c for c in table.columns if _TITLE_COLUMN.fullmatch(c)]
        self._others = [table[c].to_list() for c in columns]
        self._years = table["year"].to_list() if "year" in table.columns else None
        self._cache: dict[tuple[int, str], tuple[str, ...]] = {}

    def of(self, item: int, lang: str) -> tuple[str, ...]:
        """The shown title in `lang`, then the other titles, each with and without the year."""
        key = (item, lang)
        if key not in self._cache:
            self._cache[key] = self._make(item, lang)
        return self._cache[key]

    def _make(self, item: int, lang: str) -> tuple[str, ...]:
        titles = [self._catalogue.titles(lang)[item]]
        titles += [t for column in self._others if (t := column[item])]
        bare = [_YEAR.sub("", t) for t in titles]
        year = self._years[item] if self._years is not None else None
        dated = [f"{t} ({year})" for t in bare] if year is not None else []
        return tuple(dict.fromkeys(t for t in (*titles, *bare, *dated) if t))

    @cached_property
    def _index(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, list[int]] = defaultdict(list)
        for i in range(len(self._catalogue)):
            for name in dict.fromkeys(fold(n) for n in self._make(i, "")):
                found[name].append(i)
        return {n: tuple(who) for n, who in found.items()}

    def find(self, name: str) -> tuple[int, ...]:
        """Items with exactly this name, case and spacing aside."""
        return self._index.get(fold(name), ())


def fold(name: str) -> str:
    """A name as it is compared.

    Examples
    --------
    >>> fold(" The  MATRIX") == fold("the matrix")
    True
    """
    return " ".join(name.casefold().split())
