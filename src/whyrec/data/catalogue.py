"""The catalogue: one row an item, in a fixed order that gives items their index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

TEXT_COLUMNS = ("title", "description", "category", "brand", "image")
COLUMNS = ("id", *TEXT_COLUMNS, "genres", "tags", "price", "currency", "year")
"""Columns with a meaning. Text columns, `genres` and `tags` may have versions per language: `title_zh`."""


@dataclass(frozen=True)
class Catalogue:
    """Items with what is known about them.

    Attributes
    ----------
    table
        One row an item: `id` (str, unique), `title` (str, never null or empty), and where known
        `description`, `category`, `brand`, `image` (str), `genres` (list[str]: categories of which an
        item has several), `tags` (list[str]), `price` (f64),
        `currency` (ISO 4217), `year` (int), versions per language (`title_zh`, `category_zh`,
        `tags_zh` aligned with `tags`) and any further column.
    """

    table: pl.DataFrame
    _cache: dict[tuple[str, str], list[str]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def __len__(self) -> int:
        return self.table.height

    @cached_property
    def ids(self) -> list[str]:
        """Item ids by index."""
        return self.table["id"].to_list()

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Item index by id."""
        return {id: k for k, id in enumerate(self.ids)}

    def titles(self, lang: str) -> Sequence[str]:
        """The shown title of every item, by index, in `lang` where the catalogue has it."""
        return self._texts("title", lang)

    def _texts(self, column: str, lang: str) -> list[str]:
        key = (column, lang)
        if key not in self._cache:
            base = self.table[column].fill_null("").to_list()
            own = f"{column}_{lang}"
            if own in self.table.columns:
                base = [o or b for o, b in zip(self.table[own].to_list(), base, strict=True)]
            self._cache[key] = base
        return self._cache[key]
