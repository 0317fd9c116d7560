"""Labels: how the value of a facet is written in a sentence of some language."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_CAPITALISED = re.compile(r"[A-Z][a-z'’]+|[A-Z]")


@cache
def _tables() -> dict[str, Any]:
    text = (files("whyrec.features") / "translations.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def _by_name() -> dict[str, dict[str, list[str]]]:
    out: dict[str, dict[str, list[str]]] = {}
    for entry in _tables()["facet"]:
        for name in entry["from"]:
            out[name] = entry
    return out


def translations(value: str, lang: str) -> tuple[str, ...]:
    """Names of a common genre or department in `lang`, the shown one first; () if it is not known.

    Examples
    --------
    >>> translations("Sci-Fi", "en"), translations("Sci-Fi", "zh")
    (('science fiction', 'sci-fi'), ('科幻',))
    """
    entry = _by_name().get(" ".join(value.casefold().split()))
    return tuple(entry.get(lang, ())) if entry else ()


@cache
def _proper() -> frozenset[str]:
    return frozenset(_tables()["proper"]["nouns"])


def label_forms(field: str, value: str) -> tuple[str, ...]:
    """English forms of a value within a sentence: lower case where it is no name, `&` as `and`.

    Examples
    --------
    >>> label_forms("category", "Tea & Coffee"), label_forms("tag", "French TV")
    (('tea and coffee', 'tea & coffee'), ('French TV',))
    >>> label_forms("brand", "Still & Field")
    ('Still & Field',)
    """
    if field == "brand":
        return (value,)
    lowered = " ".join(
        w.lower() if _CAPITALISED.fullmatch(w) and w.casefold() not in _proper() else w
        for w in value.split()
    )
    if field == "word" and lowered in _proper():
        lowered = lowered.capitalize()
    return tuple(dict.fromkeys((re.sub(r"\s*&\s*", " and ", lowered), lowered)))


def quoted(label: str) -> str:
    """The label within Chinese text: as it is if it is Chinese, else within “ ”.

    Examples
    --------
    >>> quoted("茶具"), quoted("retrospot")
    ('茶具', '“retrospot”')
    """
    return label if _CHINESE.search(label) else f"“{label}”"
