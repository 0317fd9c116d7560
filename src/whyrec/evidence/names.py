"""What items may be called in text, and which items a name means."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from whyrec.data.catalogue import Catalogue

KEPT = 64
"""People for whom readers' notes are kept."""

_TITLE_COLUMN = re.compile(r"(?:original_)?title(?:_[a-z]{2,3})?")
_YEAR = re.compile(r"\s*[(（]\d{4}[)）]$")


@dataclass(frozen=True, slots=True, eq=False)
class Notes:
    """Where readers of worlds keep what they worked out, so that it is worked out once.

    Attributes
    ----------
    catalogue
        What holds for every world of the catalogue; goes with the engine.
    person
        What holds for every world of one person's list; the last few people's are kept.
    """

    catalogue: dict[Any, Any]
    person: dict[Any, Any] = field(default_factory=dict)


class Names:
    """Names of a catalogue's items; the lookup over all of them is made once, when first asked."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        table = catalogue.table
        columns = [c for c in table.columns if _TITLE_COLUMN.fullmatch(c)]
        self._others = [table[c].to_list() for c in columns]
        self._years = table["year"].to_list() if "year" in table.columns else None
        self._cache: dict[tuple[int, str], tuple[str, ...]] = {}
        self._common: dict[Any, Any] = {}
        self._notes: OrderedDict[str, tuple[Collection[str], Notes]] = OrderedDict()
        self._lock = threading.Lock()

    def notes(self, user: str, history: Collection[str]) -> Notes:
        """Notes on the worlds of a user; new ones when `history` is another object than before."""
        with self._lock:
            known = self._notes.get(user)
            if known is not None and known[0] is history:
                return known[1]
            notes = Notes(self._common)
            self._notes[user] = history, notes
            while len(self._notes) > KEPT:
                self._notes.popitem(last=False)
            return notes

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
