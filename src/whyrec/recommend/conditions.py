"""Conditions as people write them: `category in (Camping, Tents) and not price >= 20`; parsed, never run.

    condition  = both ("or" both)*
    both       = one ("and" one)*
    one        = "not" one | "(" condition ")" | "has" one | comparison
    comparison = field ("=" | "!=" | "<" | "<=" | ">" | ">=" | "contains") value
               | field "in" "(" value ("," value)* ")"
    value      = number | word | 'text' | "text"

`has` stands before a condition on items and asks a person's history. Words of the language are read
in any case; text is compared without regard to case.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError

Value = float | str
Answer = Any
"""A bool, or an array of them."""
Mask = npt.NDArray[np.bool_]

ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ALIASES = {"category": ("category", "genres"), "tag": ("tags",), "item": ("id",)}
"""Names for several columns of a catalogue, or for one that is called otherwise."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?![\w.-]))
    | (?P<text>'[^']*'|"[^"]*")
    | (?P<sign><=|>=|!=|==|=|<|>|\(|\)|,)
    | (?P<word>[^\s<>=!(),'"]+))""",
    re.VERBOSE,
)
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op value`; `values` holds several only for `in`."""

    field: str
    op: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    one: Node


@dataclass(frozen=True, slots=True)
class Has:
    """The history holds an item for which this is so."""

    one: Node


@dataclass(frozen=True, slots=True)
class Both:
    """Every one of them (`every`), or any."""

    every: bool
    all: tuple[Node, ...]


Node = Compare | Not | Has | Both


def parse(text: str, *, where: str) -> Node:
    """The condition that a text states.

    Raises
    ------
    ConfigError
        If it is none; the message shows the place.

    Examples
    --------
    >>> parse("price < 20 and tag = oak", where="x")
    Both(every=True, all=(Compare(field='price', op='<', values=(20.0,)), \
Compare(field='tag', op='=', values=('oak',))))
    """
    return _Parser(text, where).parse()


class _Parser:
    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where
        self.tokens = list(self._read())
        self.at = 0
        self.depth = 0

    def _read(self) -> Iterator[tuple[str, str, int]]:
        at, end = 0, len(self.text.rstrip())
        while at < end:
            found = _TOKEN.match(self.text, at)
            if found is None:
                raise self._wrong(at)
            kind = str(found.lastgroup)
            yield kind, found[kind], found.start(kind)
            at = found.end()

    def _wrong(self, at: int, wanted: str = "a comparison such as price < 20") -> ConfigError:
        rest = self.text[at:].strip()
        found = f"“{rest[:30]}”" if rest else "the end"
        return ConfigError(
            f"{found} where {wanted} should stand",
            where=self.where,
            remedy="write for example: category in (Camping, Tents) and price < 20",
        )

    def _next(self) -> tuple[str, str]:
        return self.tokens[self.at][:2] if self.at < len(self.tokens) else ("", "")

    def _place(self) -> int:
        return self.tokens[self.at][2] if self.at < len(self.tokens) else len(self.text)

    def _take(self, word: str) -> bool:
        kind, found = self._next()
        if kind in ("word", "sign") and found.casefold() == word:
            self.at += 1
            return True
        return False

    def parse(self) -> Node:
        node = self._any()
        if self.at < len(self.tokens):
            raise self._wrong(self._place(), "“and”, “or” or the end")
        return node

    def _any(self) -> Node:
        self._deeper()
        node = self._joined("or", lambda: self._joined("and", self._one))
        self.depth -= 1
        return node

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ConfigError(
                "nested too deeply", where=self.where, remedy="split it into several rules"
            )

    def _joined(self, word: str, read: Callable[[], Node]) -> Node:
        nodes = [read()]
        while self._take(word):
            nodes.append(read())
        return nodes[0] if len(nodes) == 1 else Both(word == "and", tuple(nodes))

    def _one(self) -> Node:
        for word, made in (("not", Not), ("has", Has)):
            if self._take(word):
                self._deeper()
                one: Node = made(self._one())
                self.depth -= 1
                return one
        if self._take("("):
            inner = self._any()
            self._expect(")")
            return inner
        kind, field = self._next()
        if kind not in ("word", "text"):
            raise self._wrong(self._place())
        self.at += 1
        return self._comparison(_bare(field))

    def _comparison(self, field: str) -> Compare:
        for sign in ("=", "==", "!=", *ORDER, "contains"):
            if self._take(sign):
                return Compare(field, "=" if sign == "==" else sign, (self._value(),))
        if not self._take("in"):
            raise self._wrong(self._place(), "=, !=, <, <=, >, >=, in or contains")
        self._expect("(")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._expect(")")
        return Compare(field, "in", tuple(values))

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._wrong(self._place(), f"“{sign}”")

    def _value(self) -> Value:
        kind, found = self._next()
        if kind not in ("number", "word", "text"):
            raise self._wrong(self._place(), "a value")
        self.at += 1
        return float(found) if kind == "number" else _bare(found)


def _bare(text: str) -> str:
    return text[1:-1] if text[0] in "'\"" else text


def evaluate(
    node: Node, compare: Callable[[Compare], Answer], has: Callable[[Node], Answer]
) -> Answer:
    """The answer of a condition, given those of its comparisons and of its `has`."""
    if isinstance(node, Compare):
        return compare(node)
    if isinstance(node, Has):
        return has(node.one)
    if isinstance(node, Not):
        return np.logical_not(evaluate(node.one, compare, has))
    join = np.logical_and if node.every else np.logical_or
    return join.reduce([evaluate(n, compare, has) for n in node.all])


def of_items(node: Node, dataset: Dataset, *, where: str) -> Mask:
    """For which items of a catalogue a condition holds: bool [n_items].

    Fields are the catalogue's columns, `category` (also `genres`), `tag` (`tags`), `item` (`id`) and
    `people` (how many have a positive event on it). What is unknown fulfils no comparison but `!=`.

    Raises
    ------
    ConfigError
        If the catalogue has no such column, or a value is no number where numbers are compared.
    """

    def has(one: Node) -> Answer:
        raise ConfigError(
            "“has” asks a history", where=where, remedy="use it in the condition on the user"
        )

    found = evaluate(node, lambda c: _column(c, dataset, where), has)
    return np.asarray(np.broadcast_to(found, dataset.n_items), np.bool_)


def _column(test: Compare, dataset: Dataset, where: str) -> Mask:
    if test.op == "!=":
        return ~_column(Compare(test.field, "=", test.values), dataset, where)
    if test.field == "people":
        counts = np.bincount(dataset.interactions.indices, minlength=dataset.n_items)
        return _numbers(pl.Series(counts), test, where)
    table = dataset.catalogue.table
    columns = [c for c in ALIASES.get(test.field, (test.field,)) if c in table.columns]
    if not columns:
        aliases = {a for a, named in ALIASES.items() if set(named) & set(table.columns)}
        known = sorted({*table.columns, "people"} | aliases)
        raise ConfigError(
            f"the items have no {test.field}", where=where, remedy=f"use {', '.join(known)}"
        )
    found = np.zeros(len(table), np.bool_)
    for name in columns:
        column = table[name]
        if column.dtype.is_numeric():
            found |= _numbers(column, test, where)
        elif test.op in ORDER and column.dtype.is_temporal():
            found |= _ordered(column.cast(pl.String), test)
        elif test.op in ORDER:
            found |= _numbers(column.cast(pl.Float64, strict=False), test, where)
        else:
            found |= _texts(column, name, test)
    return found


def _numbers(column: pl.Series, test: Compare, where: str) -> Mask:
    values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    wanted = [number(v, test.field, where) for v in test.values]
    if test.op in ORDER:
        return np.asarray(ORDER[test.op](values, wanted[0]), np.bool_)
    return np.isin(values, wanted)


def _ordered(column: pl.Series, test: Compare) -> Mask:
    wanted = str(test.values[0])
    return np.array(
        [t is not None and bool(ORDER[test.op](t, wanted)) for t in column.to_list()], np.bool_
    )


def _texts(column: pl.Series, name: str, test: Compare) -> Mask:
    wanted = {fold(v) for v in test.values}
    inside = test.op == "contains" and not isinstance(column.dtype, pl.List)
    split = name in ALIASES["category"]

    def test_one(cell: Any) -> bool:
        if cell is None:
            return False
        if isinstance(cell, str) and split and not inside:
            cell = cell.split("|")
        cells = cell if isinstance(cell, list) else [cell]
        texts = [fold(c) for c in cells if c is not None]
        if inside:
            return any(w in t for w in wanted for t in texts)
        return any(t in wanted for t in texts)

    return np.array([test_one(c) for c in column.to_list()], np.bool_)


def fold(value: Any) -> str:
    """Text as it is compared: one space between words, no case; 3.0 is 3."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return " ".join(text.casefold().split())


def number(value: Any, field: str, where: str) -> float:
    """The value as a number.

    Raises
    ------
    ConfigError
        If it is none.
    """
    try:
        return float(value)
    except ValueError:
        raise ConfigError(
            f"“{value}” is not a number", where=where, remedy=f"compare {field} with one"
        ) from None
