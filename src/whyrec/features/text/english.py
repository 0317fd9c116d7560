"""English: words, snowball stems and parts of speech."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import cache, lru_cache

from whyrec.features.text.pipeline import Token, stop_words

log = logging.getLogger("whyrec.features")

_TOKEN = re.compile(
    r"[^\W\d_]+(?:['’][^\W\d_]+)*(?:-[^\W\d_]+(?:['’][^\W\d_]+)*)*"  # words: t-light, don't
    r"|\d+(?:[.,]\d+)*[^\W\d_]*"  # numbers, with a unit stuck on
    r"|[^\w\s]"
)
_POSSESSIVE = re.compile(r"['’]s?$")


def analyse(text: str, offset: int = 0) -> list[Token]:
    """Words, numbers and signs of an English text, with places from `offset` on."""
    from whyrec.features.text.tagger import tag

    found = [(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(text)]
    stops = stop_words("en")
    out = []
    for (word, start, end), pos in zip(found, tag([w for w, _, _ in found]), strict=True):
        low = word.lower().replace("’", "'")
        norm = stem(low) if low[0].isalpha() else low
        out.append(Token(word, offset + start, offset + end, norm, pos, low in stops, "en"))
    return out


def terms(text: str) -> list[tuple[str, str]]:
    """(stem, lower-case form) of every word that is no stop word; hyphens part long words."""
    stops = stop_words("en")
    out = []
    for found in _TOKEN.finditer(text):
        word = found.group().lower().replace("’", "'")
        if not word[0].isalpha() or word in stops:
            continue
        for part in _parts(word):
            part = _POSSESSIVE.sub("", part)
            if len(part) > 1 and part not in stops:
                out.append((stem(part), part))
    return out


def _parts(word: str) -> list[str]:
    """`hand-thrown` → hand, thrown; `t-light` and `x-ray` stay whole."""
    parts = word.split("-")
    return parts if len(parts) > 1 and min(map(len, parts)) > 2 else [word]


def stem(word: str) -> str:
    """The stem of a lower-case word: snowball's, or only the singular where it is not installed."""
    return _stemmer()(word)


@cache
def _stemmer() -> Callable[[str], str]:
    try:
        import snowballstemmer
    except ImportError:
        log.warning(
            "snowballstemmer is not installed: English words are counted by their singular; "
            "pip install 'whyrec[text]' counts them by their stem"
        )
        return singular
    snowball = snowballstemmer.stemmer("english").stemWord
    cached: Callable[[str], str] = lru_cache(1 << 16)(snowball)
    return cached


def singular(word: str) -> str:
    """The S-stemmer (Harman 1991, "How effective is suffixing?"): plural endings and no more.

    Examples
    --------
    >>> [singular(w) for w in ("teapots", "berries", "glass", "shoes", "bus")]
    ['teapot', 'berry', 'glass', 'shoe', 'bus']
    """
    if word.endswith("ies") and not word.endswith(("eies", "aies")) and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss")) and len(word) > 2:
        return word[:-1]
    return word
