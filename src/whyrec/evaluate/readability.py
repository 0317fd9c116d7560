"""How easy texts are to read: Flesch for English, a measure of its own for Chinese.

Flesch reading ease (Flesch, 1948) is 206.835 - 1.015 words/sentences - 84.6 syllables/words: 60 to 70
is plain English, above 80 easy. Syllables are hyphenation points plus one (pyphen's patterns), which
counts a little low, so the ease is a little high.

For Chinese there is no formula that everybody uses. Readability research agrees on what makes a text
hard: long sentences, long clauses, many characters that are not common. `chinese_ease` is 100 less
2 points for each character of the mean clause above 8, 0.6 for each of the mean sentence above 20, and
100 × the share of characters outside the first level of GB 2312 (its 3,755 common ones).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from whyrec.errors import ConfigError

_SENTENCE = re.compile(r"[.!?。！？…\n]+")
_CLAUSE = re.compile(r"[，,；;：:。！？!?…\n]+")
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
_HAN = re.compile(r"[\u3400-\u9fff]")


def flesch(texts: Sequence[str]) -> float:
    """Flesch reading ease of the texts taken together; numbers and names count as they stand.

    Raises
    ------
    ConfigError
        If pyphen is not installed.

    Examples
    --------
    >>> flesch(["The cat sat on the mat."]) > flesch(["Institutional accountability necessitates transparency."])
    True
    """
    sentences = sum(1 for t in texts for s in _SENTENCE.split(t) if _WORD.search(s))
    found = [w for t in texts for w in _WORD.findall(t)]
    if not found:
        return 100.0
    breaks = _hyphenation()
    syllables = sum(len(breaks.positions(w.lower())) + 1 for w in found)
    return 206.835 - 1.015 * len(found) / sentences - 84.6 * syllables / len(found)


def chinese_ease(texts: Sequence[str]) -> float:
    """The ease described above, of the texts taken together; at most 100.

    Examples
    --------
    >>> chinese_ease(["您买过红色杯子。"])
    100.0
    >>> chinese_ease(["您在浏览若干不同类别的商品之后所产生的兴趣促使本系统为您呈现此款产品。"]) < 60
    True
    """
    clauses = [n for t in texts for c in _CLAUSE.split(t) if (n := _length(c))]
    sentences = [n for t in texts for s in _SENTENCE.split(t) if (n := _length(s))]
    characters = [c for t in texts for c in _HAN.findall(t)]
    if not characters:
        return 100.0
    rare = sum(not _common(c) for c in characters) / len(characters)
    clause = max(0.0, sum(clauses) / len(clauses) - 8)
    sentence = max(0.0, sum(sentences) / len(sentences) - 20)
    return 100 - 2 * clause - 0.6 * sentence - 100 * rare


def _length(part: str) -> int:
    """Characters, a run of Latin letters or digits being one."""
    return len(_HAN.findall(part)) + len(re.findall(r"[A-Za-z0-9]+", part))


@cache
def _common(character: str) -> bool:
    try:
        code = character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    # The first level of GB 2312 is rows 16 to 55: 0xB0 to 0xD7.
    return len(code) == 2 and 0xB0 <= code[0] <= 0xD7


@cache
def _hyphenation() -> Any:
    try:
        import pyphen
    except ImportError as e:
        raise ConfigError(
            "pyphen is not installed", where="readability", remedy="pip install 'whyrec[texts]'"
        ) from e
    return pyphen.Pyphen(lang="en_US")
