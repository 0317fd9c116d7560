"""Mentions: where a text names items or facets, found before anything is read as words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from whyrec.language.verify.names import RUN, Names

QUOTES = {
    "“": "”",
    '"': '"',
    "‘": "’",
    "'": "'",
    "《": "》",
    "〈": "〉",
    "「": "」",
    "『": "』",
    "«": "»",
}
CLOSERS = frozenset(QUOTES.values())
_UNEVEN = re.compile("[\u02bc\uff3f]")


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in the text. One of `items`, `facets`, `unknown` is what it names.

    `soft` names consist of words that the grammar also knows and stand without quotation marks.
    """

    start: int
    end: int
    items: tuple[str, ...] = ()
    facets: tuple[tuple[str, str], ...] = ()
    unknown: str | None = None
    quoted: bool = False
    soft: bool = False


def find(
    text: str, folded: str, items: Names, facets: Names, known_words: Callable[[str], bool]
) -> tuple[list[Mention], list[tuple[int, int]]]:
    """All mentions from left to right, and the places of quotation marks without a partner."""
    found: list[Mention] = []
    stray: list[tuple[int, int]] = []
    first, second = items.begin()
    third, fourth = facets.begin()
    # Folding moves no bounds of runs, but for two rare signs.
    even = not _UNEVEN.search(text)
    at, n = 0, len(text)
    while at < n:
        for run in RUN.finditer(folded if even else text, at):
            at = run.start()
            c = text[at]
            key = run[0] if even else RUN.match(folded, at)[0]  # type: ignore[index]
            best = None
            if key in first or key in second or key in third or key in fourth:
                best = _bare(folded, at, key, items, facets, known_words)
            if c in QUOTES and not (c in "'‘" and at and text[at - 1].isalnum()):
                quoted = _quoted(text, folded, at, items, facets)
                if quoted and (best is None or quoted.end > best.end):
                    best = quoted
                if best is None:
                    stray.append((at, at + 1))
            elif best is None and c in CLOSERS and not (c in "’'" and _apostrophe(text, at)):
                stray.append((at, at + 1))
            if best is not None:
                found.append(best)
                at = best.end
                break
        else:
            break
    return found, stray


def _apostrophe(text: str, at: int) -> bool:
    return (
        at > 0
        and at + 1 < len(text)
        and text[at - 1].isalnum() | (text[at - 1] in CLOSERS)
        and text[at + 1].isalpha()
    )


def _word(c: str) -> bool:
    return c.isalnum() and not "\u3400" <= c <= "\u9fff"


def _bounded(folded: str, start: int, end: int) -> bool:
    if start and _word(folded[start]) and _word(folded[start - 1]):
        return False
    return not (end < len(folded) and _word(folded[end - 1]) and _word(folded[end]))


def _bare(
    folded: str,
    at: int,
    key: str,
    items: Names,
    facets: Names,
    known_words: Callable[[str], bool],
) -> Mention | None:
    best: Mention | None = None
    for names in (items, facets):
        for end, targets in names.under(key, folded, at):
            if best is not None and end < best.end:
                break
            if not _bounded(folded, at, end):
                continue
            soft = known_words(folded[at:end])
            if best is not None:
                best = Mention(at, end, best.items, targets, soft=best.soft)  # type: ignore[arg-type]
            elif names is items:
                best = Mention(at, end, items=targets, soft=soft)  # type: ignore[arg-type]
            else:
                best = Mention(at, end, facets=targets, soft=soft)  # type: ignore[arg-type]
            break
    return best


def _quoted(text: str, folded: str, at: int, items: Names, facets: Names) -> Mention | None:
    close = QUOTES[text[at]]
    best: Mention | None = None
    for names in (items, facets):
        for end, targets in names.at(folded, at + 1) if at + 1 < len(folded) else ():
            stop = end
            if stop < len(text) and text[stop] in ",." and close in "”\"’'":
                stop += 1
            if stop < len(text) and text[stop] == close:
                if best is None:
                    best = (
                        Mention(at, stop + 1, items=targets, quoted=True)  # type: ignore[arg-type]
                        if names is items
                        else Mention(at, stop + 1, facets=targets, quoted=True)  # type: ignore[arg-type]
                    )
                elif stop + 1 == best.end:
                    best = Mention(at, best.end, best.items, targets, quoted=True)  # type: ignore[arg-type]
                break
    if best is not None:
        return best
    stop = text.find(close, at + 1)
    inner = text[at + 1 : stop].strip(" ,.") if stop > 0 else ""
    if not inner:
        return None
    return Mention(at, stop + 1, unknown=inner, quoted=True)
