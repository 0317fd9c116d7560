"""Mentions: where a text names items or facets, found before anything is read as words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"[^\W{CJK}]+|.", re.S)
_SEAM = re.compile(rf"(?<=[{CJK}])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[{CJK}])")
_YEAR = re.compile(r"\s*\((?:19|20)\d\d\)$")
_ARTICLE = re.compile(r"^(.+), (the|a|an|le|la|les|il|das|der|die|el)( \(.*\))?$")

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

_FOLD = {ord(c): "'" for c in "’‘ʼ＇"} | {ord(c): '"' for c in "“”＂"}
_FOLD |= dict.fromkeys((9, 10, 11, 12, 13, 133, 160, 8232, 8233, 8239, 12288), " ")
_FOLD |= dict.fromkeys(range(8192, 8203), " ")
_FOLD |= {c: chr(c - 0xFEE0) for c in range(0xFF01, 0xFF5F) if c not in (0xFF02, 0xFF07)}


def fold(text: str) -> str:
    """The text for comparing: lower case, plain quotes and spaces, the same length.

    Examples
    --------
    >>> fold("“Don’t Look Now”")
    '"don\\'t look now"'
    """
    low = text.lower()
    if len(low) != len(text):
        low = "".join(x if len(x := c.lower()) == 1 else c for c in text)
    return low.translate(_FOLD)


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


def _prepared(name: str) -> tuple[str, str]:
    folded = " ".join(fold(name).split())
    return (_RUN.match(folded)[0] if folded else "", folded)  # type: ignore[index]


@lru_cache(maxsize=65536)
def item_names(name: str, lang: str) -> tuple[tuple[str, str], ...]:
    """Every form of a title, prepared for `Names`."""
    return tuple(dict.fromkeys(_prepared(f) for f in item_forms(name, lang)))


@lru_cache(maxsize=65536)
def facet_names(label: str, lang: str) -> tuple[tuple[str, str], ...]:
    """Every form of a facet's label, prepared for `Names`."""
    return tuple(dict.fromkeys(_prepared(f) for f in facet_forms(label, lang)))


class Names:
    """Names with what they stand for, found at a place in a folded text.

    Examples
    --------
    >>> n = Names()
    >>> n.add("Tom and Jerry", "7"); n.add("Tom", "8")
    >>> n.at("tom and jerry run", 0)[0]
    (13, ('7',))
    """

    def __init__(self) -> None:
        self._by_first: dict[str, dict[str, list[object]]] = {}
        self._sorted: dict[str, list[tuple[str, tuple[object, ...]]]] = {}

    def add(self, name: str, target: object) -> None:
        """Let the name stand for the target (besides what it already stands for)."""
        self.add_prepared(_prepared(name), target)

    def add_forms(self, forms: tuple[tuple[str, str], ...], target: object) -> None:
        """`add` for names that `item_names` or `facet_names` prepared."""
        for form in forms:
            self.add_prepared(form, target)

    def add_prepared(self, form: tuple[str, str], target: object) -> None:
        """`add` for one prepared name: its first run, and the folded name."""
        key, folded = form
        if not folded:
            return
        targets = self._by_first.setdefault(key, {}).setdefault(folded, [])
        if target not in targets:
            targets.append(target)
            self._sorted.pop(key, None)

    def at(self, folded: str, place: int) -> list[tuple[int, tuple[object, ...]]]:
        """(end, targets) of every name that begins there, longest first."""
        return self.under(_RUN.match(folded, place)[0], folded, place)  # type: ignore[index]

    def under(self, key: str, folded: str, place: int) -> list[tuple[int, tuple[object, ...]]]:
        """`at`, where the first run of the text at that place is known."""
        known = self._by_first.get(key)
        if known is None:
            return []
        rows = self._sorted.get(key)
        if rows is None:
            rows = sorted(((n, tuple(t)) for n, t in known.items()), key=lambda r: -len(r[0]))
            self._sorted[key] = rows
        return [(place + len(n), t) for n, t in rows if folded.startswith(n, place)]


def item_forms(name: str, lang: str) -> Iterable[str]:
    """The ways in which a title may stand in a text: without its year, with its article in front."""
    yield name
    if len(name) > 160:
        from whyrec.language.fill import shorten  # long names are cut when they are shown
        from whyrec.language.locales import clean_name

        yield shorten(clean_name(name))
    bare = _YEAR.sub("", name)
    if bare and bare != name:
        yield bare
    for form in {name, bare}:
        m = _ARTICLE.match(fold(form))
        if m:
            yield f"{m[2]} {m[1]}{m[3] or ''}"
    if lang == "zh":
        spaced = _SEAM.sub(" ", name)
        if spaced != name:
            yield spaced
        if bare != name and (again := _SEAM.sub(" ", bare)) != bare:
            yield again


def facet_forms(label: str, lang: str) -> Iterable[str]:
    """The ways in which a facet's label may stand in a text: in English also its plural."""
    yield label
    if lang == "en" and label[-1:].isalpha() and label.isascii():
        last = label.rsplit(" ", 1)[-1]
        if last[-1:] == "y" and last[-2:-1] not in tuple("aeiou"):
            yield label[:-1] + "ies"
        elif last[-1:] not in "s":
            yield label + "s"
    elif lang == "zh":
        spaced = _SEAM.sub(" ", label)
        if spaced != label:
            yield spaced


def find(
    text: str, folded: str, items: Names, facets: Names, known_words: Callable[[str], bool]
) -> tuple[list[Mention], list[tuple[int, int]]]:
    """All mentions from left to right, and the places of quotation marks without a partner."""
    found: list[Mention] = []
    stray: list[tuple[int, int]] = []
    at, n = 0, len(text)
    while at < n:
        c = text[at]
        if c in QUOTES and not (c in "'‘" and at and text[at - 1].isalnum()):
            best = _bare(folded, at, items, facets, known_words)
            quoted = _quoted(text, folded, at, items, facets)
            if quoted and (best is None or quoted.end > best.end):
                best = quoted
            if best is None:
                stray.append((at, at + 1))
                at += 1
                continue
            found.append(best)
            at = best.end
            continue
        best = _bare(folded, at, items, facets, known_words)
        if best is not None:
            found.append(best)
            at = best.end
            continue
        if c in CLOSERS and not (c in "’'" and _apostrophe(text, at)):
            stray.append((at, at + 1))
        at = _RUN.match(text, at).end()  # type: ignore[union-attr]
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
    folded: str, at: int, items: Names, facets: Names, known_words: Callable[[str], bool]
) -> Mention | None:
    best: Mention | None = None
    key = _RUN.match(folded, at)[0]  # type: ignore[index]
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
