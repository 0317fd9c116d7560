"""Aspects of items and how reviews judge them: "battery life", 续航, with counts and people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil

import numpy as np
import polars as pl

from whyrec.data.dataset import Dataset
from whyrec.data.script import guess_language
from whyrec.errors import DataError
from whyrec.features import opinions
from whyrec.features.text import Token
from whyrec.features.text.pipeline import stop_words

K_ANON = 10
"""People without whom nothing that they wrote about is told of an item."""

MIN_SUPPORT = 3
SUPPORT_SHARE = 0.005
"""A noun phrase is an aspect from this many reviews, and this share of them, on."""

MIN_JUDGED = 0.3
"""Of the reviews that hold a noun phrase, the share that must judge it: `shelf` is no aspect."""

_NOUNS = frozenset(["NOUN", "PROPN"])

SCHEMA = {
    "review": pl.UInt32,
    "item": pl.UInt32,
    "user": pl.UInt32,
    "aspect": pl.String,
    "lang": pl.String,
    "sign": pl.Int8,
    "start": pl.UInt32,
    "end": pl.UInt32,
}


@dataclass(frozen=True)
class Aspect:
    """What reviews say about one aspect of one item.

    Attributes
    ----------
    aspect
        Its key; `Aspects.label` writes it in a language.
    mentions, positive, negative
        Reviews that speak of it, praise it, blame it; those that do neither or both are in
        `mentions` only.
    people
        Different people among those who mention it; reviews without a known author count for none.
    """

    item: int
    aspect: str
    mentions: int
    positive: int
    negative: int
    people: int

    @property
    def share(self) -> float | None:
        """Of the reviews that judge it, the share that praise it; None if none does."""
        judged = self.positive + self.negative
        return self.positive / judged if judged else None


@dataclass(frozen=True)
class Aspects:
    """All aspects that the reviews of a data set mention.

    Attributes
    ----------
    found
        One row an aspect and review: `review` (row of `Dataset.reviews`), `item`, `user`, `aspect`,
        `lang`, `sign` (1, 0, -1), `start`, `end` (of its first mention).
    names
        Labels of aspects that are no known ones: key → language → commonest form.
    reviews
        How many reviews were read.
    """

    found: pl.DataFrame
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    reviews: int = 0

    @cached_property
    def items(self) -> pl.DataFrame:
        """Counts by item and aspect: `item`, `aspect`, `mentions`, `positive`, `negative`, `people`."""
        return _count(self.found, "item", "aspect").sort("item", "mentions", "aspect", descending=[False, True, False])  # fmt: skip

    @cached_property
    def totals(self) -> pl.DataFrame:
        """Counts over all items, with `items`, the commonest aspect first."""
        table = _count(self.found, "aspect", items=True)
        return table.sort(["mentions", "aspect"], descending=[True, False])

    def of(self, item: int, *, min_people: int = K_ANON) -> list[Aspect]:
        """The aspects of an item that at least `min_people` people mention, commonest first.

        What fewer people wrote could point at one of them, so the default is the k-anonymity
        minimum; 0 shows everything, for the shop's own eyes.
        """
        rows = self.items.filter((pl.col("item") == item) & (pl.col("people") >= min_people))
        return [Aspect(**row) for row in rows.iter_rows(named=True)]

    def label(self, aspect: str, lang: str) -> str:
        """The aspect's name in a language, else in the one that people wrote it in."""
        known = opinions.label(aspect, lang)
        if known is not None:
            return known
        names = self.names.get(aspect, {})
        return names.get(lang) or next(iter(names.values()), aspect)


def find_aspects(dataset: Dataset) -> Aspects:
    """The aspects and judgements in the reviews of a data set.

    Known aspects are those of `aspects.toml`. Further ones are noun phrases by parts of speech
    (nouns in a row) that enough reviews hold and judge, as in Hu and Liu (2004), "Mining and
    summarizing customer reviews". Judgements are found by `opinions.opinions`.

    Raises
    ------
    DataError
        If the data hold no reviews.
    ConfigError
        If there are Chinese reviews and the extra `text` is missing.
    """
    if dataset.reviews is None:
        raise DataError(
            "no reviews in the data",
            where="aspects",
            remedy="put a table with columns user_id, item_id, text (and rating) beside the events",
        )
    texts = dataset.reviews["text"].to_list()
    langs = [
        lang if lang in opinions.LANGUAGES else guess_language(text)
        for lang, text in zip(dataset.reviews["lang"].to_list(), texts, strict=True)
    ]
    tokens = [opinions.read(text, lang) for text, lang in zip(texts, langs, strict=True)]
    phrases, names = _frequent_phrases(texts, langs, tokens)
    rows = []
    items, users = dataset.reviews["item"].to_list(), dataset.reviews["user"].to_list()
    for k, (text, lang) in enumerate(zip(texts, langs, strict=True)):
        by_aspect: dict[str, list[opinions.Opinion]] = defaultdict(list)
        for opinion in opinions.opinions(text, lang, phrases[k], tokens[k]):
            by_aspect[opinion.aspect].append(opinion)
        for aspect, said in by_aspect.items():
            sign = int(np.sign(sum(o.sign for o in said)))
            first = min(said, key=lambda o: o.start)
            rows.append((k, items[k], users[k], aspect, lang, sign, first.start, first.end))
    found = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return Aspects(*_without_idle(found, names), reviews=len(texts))


def _count(found: pl.DataFrame, *by: str, items: bool = False) -> pl.DataFrame:
    extra = [pl.col("item").n_unique().alias("items")] if items else []
    return found.group_by(by).agg(
        pl.len().cast(pl.Int64).alias("mentions"),
        (pl.col("sign") > 0).sum().cast(pl.Int64).alias("positive"),
        (pl.col("sign") < 0).sum().cast(pl.Int64).alias("negative"),
        pl.col("user").drop_nulls().n_unique().cast(pl.Int64).alias("people"),
        *extra,
    )


Place = tuple[str, int, int]


def _frequent_phrases(
    texts: Sequence[str], langs: Sequence[str], tokens: Sequence[Sequence[Token]]
) -> tuple[list[list[Place]], dict[str, dict[str, str]]]:
    """The noun phrases of each text that enough texts hold, and how they are written."""
    held = [
        list(noun_phrases(text, lang, words))
        for text, lang, words in zip(texts, langs, tokens, strict=True)
    ]
    reviews: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    forms: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for text, lang, places in zip(texts, langs, held, strict=True):
        reviews.update({key for key, _, _ in places})
        longest = _longest_only(places)
        alone.update({key for key, _, _ in longest})
        for key, start, end in places:
            forms[key][lang][" ".join(text[start:end].lower().split())] += 1
    sizes = Counter(langs)
    least = {lang: max(MIN_SUPPORT, ceil(SUPPORT_SHARE * n)) for lang, n in sizes.items()}
    kept = {
        key
        for key, n in reviews.items()
        if n >= min(least[lang] for lang in forms[key])
        # "life" that is nearly always part of "battery life" is no aspect of its own.
        and alone[key] >= max(MIN_SUPPORT, n / 2)
    }
    names = {
        key: {lang: min(c, key=lambda f: (-c[f], f)) for lang, c in forms[key].items()}
        for key in kept
    }
    return [_longest_only([p for p in places if p[0] in kept]) for places in held], names


def noun_phrases(text: str, lang: str, tokens: Sequence[Token] | None = None) -> Iterator[Place]:
    """Runs of one to three nouns that are no known aspect and no idle word: (key, start, end).

    Examples
    --------
    >>> [key for key, _, _ in noun_phrases("The bread crust is lovely.", "en")]
    ['bread', 'bread crust', 'crust']
    """
    words = opinions.lexicon(lang)
    run: list[Token] = []
    for token in [*(opinions.read(text, lang) if tokens is None else tokens), None]:
        good = (
            token is not None
            and token.pos in _NOUNS
            and not token.stop
            and token.norm not in words.ignored
            and (len(token.text) > 1)
        )
        if token is not None and good and (not run or _adjoin(text, run[-1], token)):
            run.append(token)
            continue
        yield from _runs(run, words)
        run = [token] if token is not None and good else []


def _adjoin(text: str, a: Token, b: Token) -> bool:
    return a.lang == b.lang and not text[a.end : b.start].strip()


def _runs(run: Sequence[Token], words: opinions.Lexicon) -> Iterator[Place]:
    if any(t.norm in words.aspect_words for t in run):
        return
    joint = " " if run and run[0].lang == "en" else ""
    for a in range(len(run)):
        for b in range(a + 1, min(a + 3, len(run)) + 1):
            part = run[a:b]
            if not (len(part) == 1 and _idle(part[0], words)):
                yield joint.join(t.norm for t in part), part[0].start, part[-1].end


def _idle(token: Token, words: opinions.Lexicon) -> bool:
    """Whether a noun only judges, or is pieced together of such and of stop words (上小)."""
    judging = words.entries_as_opinion
    if token.norm in judging:
        return True
    return token.lang == "zh" and all(c in judging or c in stop_words("zh") for c in token.text)


def _longest_only(places: Iterable[Place]) -> list[Place]:
    """Those that are not part of a longer one."""
    out: list[Place] = []
    for place in sorted(places, key=lambda p: (p[1] - p[2], p[1])):
        if not any(o[1] <= place[1] and place[2] <= o[2] for o in out):
            out.append(place)
    return sorted(out, key=lambda p: p[1])


def _without_idle(
    found: pl.DataFrame, names: dict[str, dict[str, str]]
) -> tuple[pl.DataFrame, dict[str, dict[str, str]]]:
    """Without the found phrases that are seldom judged."""
    judged = found.group_by("aspect").agg((pl.col("sign") != 0).mean().alias("share"))
    idle = {
        aspect
        for aspect, share in judged.iter_rows()
        if aspect in names and (share or 0) < MIN_JUDGED
    }
    kept = found.filter(~pl.col("aspect").is_in(list(idle)))
    told = set(kept["aspect"].unique())
    return kept, {k: v for k, v in names.items() if k in told}
