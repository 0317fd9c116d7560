"""The pipeline of a text: split by script, then the tokeniser, stop words and tags of each language."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from whyrec.data.script import HAN

LANGUAGES = ("en", "zh")
MAX_TEXT = 100_000
"""Characters of one text that are read; what follows is left out."""

_IS_HAN = re.compile(f"[{HAN}]")
# A Chinese run: from its first to its last Han character, with digits and signs between them.
_RUN = re.compile(rf"[{HAN}](?:[^A-Za-zÀ-ɏ]*[{HAN}])?")


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a text.

    Attributes
    ----------
    text
        As it stands there.
    start, end
        Its place: `source[start:end] == text`.
    norm
        The form that counts it: an English stem, lower case; a Chinese word as it is.
    pos
        Universal part of speech (`NOUN`, `VERB`, `ADJ`, `ADV`, `PROPN`, `NUM`, `PRON`, `DET`, `ADP`,
        `CCONJ`, `PART`, `AUX`, `PUNCT`, `X`).
    stop
        Whether it is a stop word.
    lang
        `en` or `zh`.
    """

    text: str
    start: int
    end: int
    norm: str
    pos: str
    stop: bool
    lang: str


def runs(text: str, lang: str | None = None) -> Iterator[tuple[str, int, int]]:
    """The text cut where its script changes: (language, start, end), in order, without gaps.

    Examples
    --------
    >>> [(lang, "Type-C 接口很好 thanks"[a:b]) for lang, a, b in runs("Type-C 接口很好 thanks")]
    [('en', 'Type-C '), ('zh', '接口很好'), ('en', ' thanks')]
    """
    if lang == "en" and not _IS_HAN.search(text):
        yield "en", 0, len(text)
        return
    at = 0
    for found in _RUN.finditer(text):
        # The pattern is greedy over digits and signs, and never over Latin letters.
        if found.start() > at:
            yield "en", at, found.start()
        yield "zh", found.start(), found.end()
        at = found.end()
    if at < len(text):
        yield "en", at, len(text)


def analyse(text: str, lang: str | None = None) -> list[Token]:
    """The words of a text with stem, part of speech and place; mixed texts run by run.

    Parameters
    ----------
    lang
        `en` keeps a text without Han characters whole; otherwise the script decides.

    Raises
    ------
    ConfigError
        If there is Chinese and jieba is not installed.
    """
    from whyrec.features.text import chinese, english

    text = text[:MAX_TEXT]
    out: list[Token] = []
    for language, start, end in runs(text, lang):
        part = chinese.analyse if language == "zh" else english.analyse
        out += part(text[start:end], start)
    return out


def terms(text: str, lang: str | None = None) -> list[tuple[str, str]]:
    """(norm, form) of the words that carry a topic: for bags of words, without parts of speech.

    Without the extra `text`, English is stemmed by its plurals only, and Chinese is read by pairs
    of characters; a note on the logger `whyrec.features` says so once.

    Examples
    --------
    >>> [norm for norm, form in terms("The hand-thrown mugs of Tim")]
    ['hand', 'thrown', 'mug', 'tim']
    """
    from whyrec.features.text import chinese, english

    text = text[:MAX_TEXT]
    out: list[tuple[str, str]] = []
    for language, start, end in runs(text, lang):
        part = chinese.terms if language == "zh" else english.terms
        out += part(text[start:end])
    return out


@cache
def stop_words(lang: str) -> frozenset[str]:
    """The stop words of a language; `measures` are the units of all."""
    tables = tomllib.loads((files("whyrec.features.text") / "stopwords.toml").read_text("utf-8"))
    return frozenset(tables[lang].split())
