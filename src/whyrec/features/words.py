"""Distinctive words of item names: facets for catalogues that have no categories and no tags."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

MIN_ITEMS = 2
MAX_SHARE = 0.04
"""A word of more than this share of the names distinguishes nothing."""

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_LATIN = re.compile(r"[a-zà-öø-ÿ'’-]+")


@cache
def _ignored() -> frozenset[str]:
    tables = tomllib.loads((files("whyrec.features") / "ignored.toml").read_text("utf-8"))
    return frozenset(word for words in tables.values() for word in words)


def tokens(title: str) -> list[str]:
    """The candidate words of a name, lower case: at least 3 letters, no number, unit, colour, size.

    Names in scripts without spaces between words yield nothing.

    Examples
    --------
    >>> tokens("15CM RED RETROSPOT T-LIGHT HOLDERS, SET OF 6")
    ['retrospot', 't-light', 'holders']
    """
    return [
        w
        for w in _WORD.findall(title.casefold())
        if len(w) >= 3 and _LATIN.fullmatch(w) and w not in _ignored()
    ]


def distinctive_words(titles: Sequence[str]) -> dict[str, tuple[list[int], list[str]]]:
    """Words that at least 2 and at most about 4 % of the names hold.

    Returns, for each word in singular, the indices of the names that hold it (ascending) and its
    other spellings (the plural). A plural joins its singular only where both occur.
    """
    spelled: dict[str, set[int]] = defaultdict(set)
    for index, title in enumerate(titles):
        for word in tokens(title):
            spelled[word].add(index)
    joined: dict[str, set[int]] = {}
    forms: dict[str, list[str]] = defaultdict(list)
    for word, where in spelled.items():
        base = _singular(word, spelled)
        joined.setdefault(base, set()).update(where)
        if base != word:
            forms[base].append(word)
    most = max(MIN_ITEMS, int(MAX_SHARE * len(titles)))
    kept = (w for w, where in joined.items() if MIN_ITEMS <= len(where) <= most)
    return {w: (sorted(joined[w]), sorted(forms[w])) for w in sorted(kept)}


def _singular(word: str, known: dict[str, set[int]]) -> str:
    """The singular that occurs too, else the word as it is."""
    candidates = []
    if word.endswith("ies"):
        candidates.append(word[:-3] + "y")
    if word.endswith(("shes", "ches", "xes", "sses")):
        candidates.append(word[:-2])
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        candidates.append(word[:-1])
    return next((c for c in candidates if len(c) >= 3 and c in known), word)
