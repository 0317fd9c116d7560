"""Names: the forms in which titles and facets stand in texts, and where one begins in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
RUN = re.compile(rf"[^\W{CJK}]+|.", re.S)
_SEAM = re.compile(rf"(?<=[{CJK}])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[{CJK}])")
_YEAR = re.compile(r"\s*\((?:19|20)\d\d\)$")
_ARTICLE = re.compile(r"^(.+), (the|a|an|le|la|les|il|das|der|die|el)( \(.*\))?$")

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


Form = tuple[str, str]
"""A folded name behind its first run."""


_Entries = list[tuple[str, object]]


def prepared(names: Iterable[str]) -> tuple[Form, ...]:
    """The names folded, each once."""
    out = []
    for name in dict.fromkeys(names):
        folded = " ".join(fold(name).split())
        run = RUN.match(folded)
        if run:
            out.append((run[0], folded))
    return tuple(dict.fromkeys(out))


@lru_cache(maxsize=4096)
def item_names(names: tuple[str, ...], lang: str) -> tuple[Form, ...]:
    """Every form of an item's titles."""
    return prepared(form for name in names for form in item_forms(name, lang))


@lru_cache(maxsize=4096)
def facet_names(labels: tuple[str, ...], lang: str) -> tuple[Form, ...]:
    """Every form of a facet's labels."""
    return prepared(form for label in labels for form in facet_forms(label, lang))


class Names:
    """Names with what they stand for, found at a place in a folded text.

    Parameters
    ----------
    shared
        Names that count too, after these; nothing may be added to them any more.
    ordered
        Whether what one name stands for is sorted, and not in the order in which it was added;
        the same for both.

    Examples
    --------
    >>> n = Names()
    >>> n.add(prepared(["Tom and Jerry"]), "7"); n.add(prepared(["Tom"]), "8")
    >>> n.at("tom and jerry run", 0)[0]
    (13, ('7',))
    """

    def __init__(self, shared: Names | None = None, *, ordered: bool = False) -> None:
        self._own: dict[str, _Entries] = {}
        self._shared = shared
        self._ordered = ordered
        self._rows: dict[str, list[tuple[str, tuple[object, ...]]]] = {}

    def begin(self) -> tuple[Mapping[str, _Entries], Mapping[str, _Entries]]:
        """First runs of names: no name begins with a run that neither holds."""
        return self._own, {} if self._shared is None else self._shared._own

    def add(self, forms: Iterable[Form], target: object) -> None:
        """Let the names stand for the target (besides what they already stand for)."""
        for key, folded in forms:
            self._own.setdefault(key, []).append((folded, target))
            self._rows.pop(key, None)

    def at(self, folded: str, place: int) -> Sequence[tuple[int, tuple[object, ...]]]:
        """(end, targets) of every name that begins there, longest first."""
        return self.under(RUN.match(folded, place)[0], folded, place)  # type: ignore[index]

    def under(self, key: str, folded: str, place: int) -> Sequence[tuple[int, tuple[object, ...]]]:
        """`at`, where the first run of the text at that place is known."""
        rows = self._rows.get(key)
        if rows is None:
            if key not in self._own:
                return () if self._shared is None else self._shared.under(key, folded, place)
            rows = self._rows[key] = self._gathered(key)
        return [(place + len(n), t) for n, t in rows if folded.startswith(n, place)]

    def _gathered(self, key: str) -> list[tuple[str, tuple[object, ...]]]:
        found: dict[str, dict[object, None]] = {}
        for source in self.begin():
            for name, target in source.get(key, ()):
                found.setdefault(name, {})[target] = None
        rows: list[tuple[str, tuple[object, ...]]]
        if self._ordered:
            rows = [(n, tuple(sorted(t))) for n, t in found.items()]  # type: ignore[type-var]
        else:
            rows = [(n, tuple(t)) for n, t in found.items()]
        if len(rows) > 1:
            rows.sort(key=lambda r: -len(r[0]))
        return rows


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
