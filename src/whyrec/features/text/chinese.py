"""Chinese: words and parts of speech by jieba."""

from __future__ import annotations

import logging
import re
import warnings
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

from whyrec.data.script import HAN
from whyrec.errors import ConfigError
from whyrec.features.text.pipeline import Token, stop_words

log = logging.getLogger("whyrec.features")

_HAN_RUN = re.compile(f"[{HAN}]+")

# ICTCLAS tags, as jieba gives them, to universal ones; the longest prefix decides.
_POS = {
    "a": "ADJ", "ad": "ADV", "an": "NOUN", "b": "ADJ", "c": "CCONJ", "d": "ADV", "df": "VERB",
    "e": "X", "eng": "NOUN", "f": "ADP", "g": "NOUN", "h": "PART", "i": "ADJ", "j": "NOUN",
    "k": "PART", "l": "ADJ", "m": "NUM", "n": "NOUN", "nr": "PROPN", "ns": "PROPN", "nt": "PROPN",
    "nz": "PROPN", "o": "X", "p": "ADP", "q": "NUM", "r": "PRON", "s": "NOUN", "t": "NOUN",
    "u": "PART", "v": "VERB", "vd": "ADV", "vn": "NOUN", "w": "PUNCT", "x": "PUNCT", "y": "PART",
    "z": "ADJ", "zg": "ADJ",
}  # fmt: skip


def analyse(text: str, offset: int = 0) -> list[Token]:
    """Words of a Chinese text with places from `offset` on.

    Raises
    ------
    ConfigError
        If jieba is not installed.
    """
    stops = stop_words("zh")
    out: list[Token] = []
    loose: list[bool] = []
    at = 0
    for pair in _tagger().cut(text):
        word: str = pair.word
        start, at = at, at + len(word)
        if word.isspace():
            continue
        pos, stop = _pos(pair.flag, word), word in stops
        out.append(Token(word, offset + start, offset + at, word.lower(), pos, stop, "zh"))
        loose.append(len(word) == 1 and pair.flag in _LOOSE)
    return _heads(out, loose)


_LOOSE = frozenset(["v", "q", "zg", "vg", "g"])
"""Tags of one-character words that may as well be the noun at the end of a compound."""


def _heads(tokens: list[Token], loose: list[bool]) -> list[Token]:
    """The same with 垫 of 桌垫 and 箱 of 唱片箱 nouns: loose words after a noun that end a clause."""
    for k in range(1, len(tokens)):
        last = k + 1 == len(tokens) or tokens[k + 1].pos == "PUNCT"
        before = tokens[k - 1]
        if last and loose[k] and before.pos in _NOUNS and before.end == tokens[k].start:
            tokens[k] = replace(tokens[k], pos="NOUN")
    return tokens


_NOUNS = frozenset(["NOUN", "PROPN"])


def terms(text: str) -> list[tuple[str, str]]:
    """(word, word) of every Chinese word that is no stop word; pairs of characters without jieba."""
    stops = stop_words("zh")
    words = _words(text)
    return [(w, w) for w in words if _HAN_RUN.fullmatch(w) and w not in stops]


def _words(text: str) -> list[str]:
    segmenter = _optional_segmenter()
    if segmenter is None:
        return [a + b for run in _HAN_RUN.findall(text) for a, b in pairwise(run)]
    return list(segmenter.cut(text))


def _pos(flag: str, word: str) -> str:
    if flag == "x" and word.isalnum():
        return "X"
    for length in (3, 2, 1):
        if flag[:length] in _POS:
            return _POS[flag[:length]]
    return "X"


def _missing() -> ConfigError:
    return ConfigError(
        "jieba, which parts Chinese into words, is not installed",
        where="Chinese text",
        remedy="pip install 'whyrec[text]'",
    )


@cache
def _tagger() -> Any:
    segmenter = _optional_segmenter()
    if segmenter is None:
        raise _missing()
    import jieba.posseg

    return jieba.posseg.POSTokenizer(segmenter)


@cache
def _optional_segmenter() -> Any | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # jieba asks for pkg_resources, which warns
            import jieba
    except ImportError:
        log.warning(
            "jieba is not installed: Chinese is counted by pairs of characters; "
            "pip install 'whyrec[text]' counts words"
        )
        return None
    segmenter = jieba.Tokenizer()
    # Filled here and not by initialize(): that one unmarshals a file in the shared /tmp.
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter
