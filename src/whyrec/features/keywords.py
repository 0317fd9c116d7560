"""Keywords of a text: YAKE and TextRank, English and Chinese, each with its score and its place."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from whyrec.data.catalogue import Catalogue
from whyrec.data.script import guess_language
from whyrec.errors import ConfigError
from whyrec.features.text import Token, analyse
from whyrec.features.text.pipeline import stop_words

Method = Literal["textrank", "yake"]
METHODS: tuple[Method, ...] = ("textrank", "yake")

DAMPING = 0.85
WINDOW = 3
"""TextRank links words that stand at most this many topical words apart, counting both."""

_TOPICAL = frozenset(["NOUN", "PROPN", "ADJ"])
MAX_WORDS = 3
MIN_SCORE = 0.75
"""TextRank's mean is 1: what lies so far below it is left out, unless that is all there is."""
_PAD = "囗"


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword of a text.

    Attributes
    ----------
    text
        As it first stands there.
    score
        Higher is better, comparable within one text and method: TextRank's sum of ranks, or
        1 / (1 + s) of YAKE's s.
    start, end
        Its first place: `source[start:end] == text`.
    """

    text: str
    score: float
    start: int
    end: int


def keywords(
    text: str, *, lang: str | None = None, method: Method = "textrank", n: int = 10
) -> list[Keyword]:
    """The n best keywords of a text, best first.

    `textrank` (Mihalcea and Tarau 2004): nouns and adjectives, linked where they stand near each
    other, ranked as pages are; neighbours among the best are joined to phrases. `yake` (Campos et
    al. 2020): statistics of case, place, frequency and context, no parts of speech. Chinese is
    parted into words by jieba for both.

    Parameters
    ----------
    lang
        `en` or `zh`; guessed by script if None.

    Raises
    ------
    ConfigError
        If the method does not exist or the extra `text` is missing.

    Examples
    --------
    >>> found = keywords("Solid oak bread board with a juice groove. The oak is oiled.", n=2)
    >>> [k.text for k in found]
    ['Solid oak bread board', 'juice groove']
    """
    if method not in METHODS:
        raise ConfigError(
            f"no such method: {method!r}", where="keywords", remedy=f"use {' or '.join(METHODS)}"
        )
    if not text.strip() or n < 1:
        return []
    language = lang or guess_language(text)
    if method == "yake":
        return _yake(text, language, n)
    return _textrank(text, language, n)


def item_keywords(
    catalogue: Catalogue, lang: str, *, method: Method = "textrank", n: int = 5
) -> list[list[Keyword]]:
    """The keywords of each item's title and description in a language; empty where it has none.

    Places are those in `item_text(catalogue, lang)[item]`.
    """
    return [keywords(t, lang=lang, method=method, n=n) for t in item_text(catalogue, lang)]


def item_text(catalogue: Catalogue, lang: str) -> list[str]:
    """Title and description of each item, in the language's own columns where there are such."""
    table = catalogue.table
    stop = "。" if lang == "zh" else "."
    parts = []
    for base in ("title", "description"):
        column = f"{base}_{lang}" if f"{base}_{lang}" in table.columns else base
        cells = table[column].to_list() if column in table.columns else [None] * len(catalogue)
        parts.append(cells)
    space = "" if lang == "zh" else " "
    return [
        space.join(
            str(p) if str(p).endswith(("。", ".", "!", "?")) else f"{p}{stop}" for p in cells if p
        )
        for cells in zip(*parts, strict=True)
    ]


def _textrank(text: str, lang: str, n: int) -> list[Keyword]:
    tokens = analyse(text, "en" if lang == "en" else None)
    topical = [_is_topical(t) for t in tokens]
    ranks = _ranks(tokens, topical)
    if not ranks:
        return []
    # A phrase is a run of topical words without anything between; it has the sum of their ranks.
    found: dict[tuple[str, ...], Keyword] = {}
    for run in _runs(text, tokens, topical):
        norms = tuple(t.norm for t in run)
        start, end = run[0].start, run[-1].end
        # Divided by the root of the length, or long phrases would always win.
        score = sum(ranks[w] for w in norms) / np.sqrt(len(norms))
        if norms not in found:
            found[norms] = Keyword(text[start:end], float(score), start, end)
    best = sorted(found.items(), key=lambda kv: (-kv[1].score, kv[1].start))
    kept: list[tuple[tuple[str, ...], Keyword]] = []
    for norms, keyword in best:
        # A part of what is told already tells nothing more.
        if not any(set(norms) <= set(other) for other, _ in kept):
            kept.append((norms, keyword))
    told = [keyword for _, keyword in kept if keyword.score >= MIN_SCORE]
    return (told or [keyword for _, keyword in kept])[:n]


def _is_topical(t: Token) -> bool:
    long_enough = len(t.text) > 1 or t.lang == "zh"
    return (
        t.pos in _TOPICAL
        and not t.stop
        and long_enough
        and t.text.lower() not in stop_words("measures")
    )


def _runs(text: str, tokens: Sequence[Token], topical: Sequence[bool]) -> list[list[Token]]:
    """Runs of topical words; the noun ends them: an adjective alone is no keyword."""
    out: list[list[Token]] = []
    run: list[Token] = []
    for token, good in zip([*tokens, None], [*topical, False], strict=True):
        if token is not None and good and (not run or not text[run[-1].end : token.start].strip()):
            run.append(token)
            continue
        while run and run[-1].pos == "ADJ":
            run.pop()
        if run:
            # Chinese names of goods are made of many short words.
            most = 2 * MAX_WORDS if run[0].lang == "zh" else MAX_WORDS + 1
            out.append(run[-most:])
        run = [token] if token is not None and good else []
    return out


def _ranks(tokens: Sequence[Token], topical: Sequence[bool]) -> dict[str, float]:
    """PageRank of the words' norms, by power iteration; its mean is 1."""
    words = [t.norm for t, good in zip(tokens, topical, strict=True) if good]
    names = list(dict.fromkeys(words))
    if not names:
        return {}
    place = {w: k for k, w in enumerate(names)}
    links = np.zeros((len(names), len(names)))
    for k, word in enumerate(words):
        for other in words[k + 1 : k + WINDOW]:
            if other != word:
                links[place[word], place[other]] += 1
                links[place[other], place[word]] += 1
    degrees = links.sum(0)
    flow = np.divide(links, degrees, out=np.zeros_like(links), where=degrees > 0)
    rank = np.ones(len(names))
    for _ in range(100):
        fresh = (1 - DAMPING) + DAMPING * (flow @ rank)
        if np.abs(fresh - rank).max() < 1e-8:
            break
        rank = fresh
    return dict(zip(names, (float(r) for r in rank), strict=True))


def _yake(text: str, lang: str, n: int) -> list[Keyword]:
    try:
        import yake
    except ImportError:
        raise ConfigError(
            "yake is not installed", where="keywords", remedy="pip install 'whyrec[text]'"
        ) from None
    source = text
    if lang == "zh":
        # YAKE parts words at spaces; sentences keep their stops, which it knows in Latin script.
        # It takes words of less than three letters for stop words, so short ones are made longer.
        words = (t.text if t.pos == "PUNCT" else t.text.ljust(3, _PAD) for t in analyse(text))
        source = " ".join(words).translate(str.maketrans("。！？，；：、", ".!?,;:,"))
    extractor = yake.KeywordExtractor(
        lan=lang,
        n=MAX_WORDS + 1,
        top=4 * n,
        dedup_lim=0.7,
        stopwords={w.ljust(3, _PAD) if lang == "zh" else w for w in stop_words(lang)},
    )
    out: list[Keyword] = []
    for phrase, score in extractor.extract_keywords(source):
        start, end = _find(text, phrase.replace(_PAD, ""))
        if (
            start >= 0
            and text[start:end] not in stop_words("measures")
            and not any(o.start < end and start < o.end for o in out)
        ):
            out.append(Keyword(text[start:end], 1 / (1 + max(float(score), 0.0)), start, end))
    return out[:n]


def _find(text: str, phrase: str) -> tuple[int, int]:
    """Where a phrase stands in the text, whatever space its words have between them; (-1, -1)."""
    pattern = r"\s*".join(map(re.escape, phrase.split()))
    found = re.search(pattern, text, re.IGNORECASE)
    return found.span() if found else (-1, -1)


def collection_keywords(
    texts: Sequence[str], lang: str, *, n: int = 20, min_texts: int = 2
) -> list[tuple[str, int, float]]:
    """What many texts share: (keyword, how many texts have it, mean score), most widespread first.

    TextRank in each text; a keyword counts for every text among whose ten best it is.
    """
    scores: dict[str, list[float]] = defaultdict(list)
    forms: dict[str, Any] = {}
    for text in texts:
        for keyword in keywords(text, lang=lang, n=10):
            key = " ".join(keyword.text.casefold().split())
            scores[key].append(keyword.score)
            forms.setdefault(key, key)
    rows = [
        (forms[key], len(found), float(np.mean(found)))
        for key, found in scores.items()
        if len(found) >= min_texts
    ]
    return sorted(rows, key=lambda r: (-r[1], -r[2], r[0]))[:n]
