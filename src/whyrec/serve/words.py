"""Words of pages in both languages: events, kinds of claims, cleaning, numbers, dates."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from babel.dates import format_date
from babel.numbers import format_decimal

LANGS = ("en", "zh")
_LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}

# Control characters, and marks that turn the direction of what follows: never part of a shown name.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


class Both(NamedTuple):
    """A text in English and in Chinese."""

    en: str
    zh: str


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads((files("whyrec.serve") / "words.toml").read_text("utf-8"))


def shown(text: str, limit: int = 160) -> str:
    """Text from outside as it may be shown: no control or direction marks, at most `limit` long.

    Examples
    --------
    >>> shown("a\\u202eb\\x00 <b>"), shown("x" * 10, limit=4)
    ('ab <b>', 'xxx…')
    """
    text = " ".join(_UNSEEN.sub("", text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def visible(text: str) -> str:
    """A whole text from outside without its control and direction marks; spaces stay.

    Examples
    --------
    >>> visible(" a\\u202eb. ")
    ' ab. '
    """
    return _UNSEEN.sub("", text)


def number(value: float, digits: int = 0) -> Both:
    """A number in both languages."""
    form = "#,##0" + ("." + "0" * digits if digits else "")
    return Both(*(format_decimal(value, format=form, locale=_LOCALES[x]) for x in LANGS))


def date(moment: datetime | None) -> Both:
    """A day in both languages, empty if unknown."""
    if moment is None:
        return Both("", "")
    return Both(
        format_date(moment, "d MMM y", locale=_LOCALES["en"]),
        format_date(moment, "y 年 M 月 d 日", locale=_LOCALES["zh"]),
    )


def event(name: str | None, domain: str = "generic") -> Both:
    """What the person did, as a past tense: `bought` / 买过."""
    words = {**_tables()["event"], **_tables().get(f"event_{domain}", {})}
    en, zh = words.get(name or "", (name or "", name or ""))
    return Both(en, zh)


def field(name: str | None) -> Both:
    """What a facet field is called."""
    en, zh = _tables()["field"].get(name or "", (name or "", name or ""))
    return Both(en, zh)


def term(group: str, name: str) -> Both:
    """A fixed term such as the kind of a claim; itself where none is known."""
    en, zh = _tables()[group].get(name, (name, name))
    return Both(en, zh)


def both(make: Callable[[str], str]) -> Both:
    """The text that `make` gives for each language."""
    return Both(*(make(lang) for lang in LANGS))


@cache
def _reasons() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(p), zh) for p, zh in _tables()["cleaning"]["reasons"]]


def cleaning_reason(why: str) -> Both:
    """A reason of the cleaning report in both languages; English in both where none is known."""
    for pattern, zh in _reasons():
        match = pattern.fullmatch(why)
        if match:
            return Both(why, match.expand(zh))
    return Both(why, why)
