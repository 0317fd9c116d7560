"""Frames: clause patterns in a small notation, compiled to regular expressions over encoded text.

A grammar file holds macros and frames, one a line (indented lines go on with the line above):

    NAME = pattern            a macro, used as <NAME>; `NAME@looking = …` replaces it in domains of
                              which that is true (`Readings.looking`)
    @NAME : pattern           a chunk: what matches becomes the terminal <NAME> before any frame is
                              tried, in the order of the file; `@H` keeps the item terminal it holds
    kind : pattern            a frame: one way to say a clause of that kind

`notation` says what may stand in a pattern. Nouns (<NS>, <NP>), measure words (<CL>) and what people
are called (<WHO>) come from the domain pack, and so do words that mean the same there as a word of the file (`Readings.beside`).

Terminals stand for what was found before parsing: `I` the item, `H1` one history item, `H2` several,
`M` the item and history items, `X` any other name, `F` facet labels, `N` a number in digits,
`CN` a number in words, `ORD` an ordinal in digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files

from whyrec.errors import LanguageError
from whyrec.language import domains
from whyrec.language.domains import DomainWords
from whyrec.language.verify.notation import Alt, Mark, Node, Ref, Word, _read

TERMINALS = {
    "I": "\ue001",
    "H1": "\ue002",
    "H2": "\ue003",
    "M": "\ue004",
    "X": "\ue005",
    "F": "\ue006",
    "N": "\ue007",
    "ORD": "\ue008",
}
"""One private character for each class of things found before parsing."""

CN_EN = {
    w: n
    for n, w in enumerate(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ],
        1,
    )
}
CN_ZH = "一二两三四五六七八九十百千万"


@dataclass(frozen=True)
class Frame:
    """One frame. `groups` says for each group of the regex: (role, name) or (key, value).

    Every match begins with a sign of `first` and holds one of each set of `needs`.
    """

    kind: str
    pattern: str
    groups: tuple[tuple[str, str, bool], ...]
    first: frozenset[str]
    needs: tuple[frozenset[str], ...]
    source: str

    def possible(self, signs: set[str]) -> bool:
        """Whether a sentence with these signs may hold a match; cheaper than to look for one."""
        for need in self.needs:  # noqa: SIM110 (twice as fast as all(), and asked of every frame)
            if signs.isdisjoint(need):
                return False
        return True

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The pattern, compiled when it is first tried."""
        return re.compile(self.pattern)


class Grammar:
    """All frames of one language and domain, found by the first sign they can begin with.

    Attributes
    ----------
    frames
        Every frame, in the order of the file.
    vocabulary
        All words of all patterns: the closed lexicon.
    """

    def __init__(self, text: str, *, lang: str, domain: str, name: str, words: DomainWords) -> None:
        self.lang = lang
        self.domain = domain
        readings = words.readings
        self._beside = readings.beside
        self.space = " " if lang != "zh" else ""
        self._name = name
        self.macros: dict[str, tuple[Node, ...]] = {}
        self.frames: list[Frame] = []
        self.vocabulary: set[str] = set()
        self.by_first: dict[str, list[Frame]] = {}
        self.chunks: list[Frame] = []
        self.terminals = dict(TERMINALS)
        self._lengths: dict[str, int] = {}
        self._first: dict[str, tuple[frozenset[str], bool]] = {}
        pending: list[tuple[str, str, str]] = []
        self.macros["NS"] = _read(" | ".join(readings.singular), domain)
        self.macros["NP"] = _read(" | ".join(readings.plural), domain)
        self.macros["CL"] = _read(" | ".join(readings.measures), domain)
        self.macros["WHO"] = _read(words.crowd_noun, domain)
        for number, line in _lines(text):
            m = re.match(r"([!@]?[\w-]+)(?:@([\w+]+))?\s*([=:])\s*(.*)", line, re.S)
            if m is None:
                raise LanguageError(
                    "neither macro nor frame", where=f"{name}, line {number}", remedy=line
                )
            if m[2] and not (m[2] == "looking" and readings.looking):
                continue
            where = f"{name}, line {number}"
            if m[3] == "=":
                self.macros[m[1]] = self._read(m[4], where)
                continue
            pending.append((m[1], m[4], where))
            if m[1][0] == "@" and m[1] != "@H":
                self.terminals.setdefault(m[1][1:], chr(0xE020 + len(self.terminals)))
        for kind, pattern, where in pending:
            kind = kind.strip()
            self._add(kind, self._read(pattern, where), pattern, where)
        self.longest = max((len(w) for w in self.vocabulary), default=1)

    def _add(self, kind: str, nodes: tuple[Node, ...], source: str, where: str) -> None:
        groups: list[tuple[str, str, bool]] = []
        body = self._regex(nodes, groups, where)
        first, _ = self._firsts(nodes)
        needs = tuple(sorted({n for n in self._needs(nodes) if n != first}, key=_rarest))
        if kind[0] == "@":
            self.chunks.append(Frame(kind[1:], body, tuple(groups), first, needs, source))
            return
        look = f"(?=$|{self.pattern('JOIN')}|{self.pattern('DEP')})"
        frame = Frame(kind, body + look, tuple(groups), first, needs, source)
        self.frames.append(frame)
        for f in first:
            self.by_first.setdefault(f, []).append(frame)

    def _read(self, pattern: str, where: str) -> tuple[Node, ...]:
        """The pattern with what may be said here beside its words."""
        nodes = _read(pattern, where)
        return tuple(_widened(n, self._beside) for n in nodes) if self._beside else nodes

    def knows(self, folded: str) -> bool:
        """Whether a piece of folded text consists of words of this grammar alone."""
        if self.lang == "zh":
            at = 0
            while at < len(folded):
                for width in range(min(self.longest, len(folded) - at), 0, -1):
                    if folded[at : at + width] in self.vocabulary:
                        at += width
                        break
                else:
                    return False
            return True
        words = re.findall(r"[^\W_]+|[^\w\s]", folded)
        return all(w in self.vocabulary or w.isdigit() for w in words)

    def pattern(self, macro: str) -> str:
        """The regular expression of a macro without roles."""
        return self._reference(macro, [], self._name)

    def _regex(self, nodes: tuple[Node, ...], groups: list[tuple[str, str, bool]], w: str) -> str:
        out = []
        for node in nodes:
            if isinstance(node, Word):
                self.vocabulary.add(node.text)
                out.append(re.escape(node.text) + self.space)
            elif isinstance(node, Mark):
                groups.append((node.key, node.value, True))
                out.append("()")
            elif isinstance(node, Alt):
                # The longest first: a chunk ends where its regex ends, and takes all it can.
                options = sorted(node.options, key=self._length, reverse=True)
                inner = "|".join(self._regex(o, groups, w) for o in options)
                out.append(f"(?:{inner})")
            else:
                if node.role:
                    groups.append((node.role, node.name, False))
                    out.append("(")
                out.append(self._reference(node.name, groups, w))
                if node.role:
                    out.append(")")
        return "".join(out)

    def _reference(self, name: str, groups: list[tuple[str, str, bool]], where: str) -> str:
        if name in self.terminals:
            return self.terminals[name] + self.space
        if name == "CN":
            if self.lang == "zh":
                return f"[{CN_ZH}]+"
            return f"(?:{'|'.join(sorted(CN_EN, key=len, reverse=True))}) "
        if name not in self.macros:
            raise LanguageError(f"no macro <{name}>", where=where, remedy="define it")
        return "(?:" + self._regex(self.macros[name], groups, where) + ")"

    def _length(self, nodes: tuple[Node, ...]) -> int:
        """Signs of the longest text that a sequence matches."""
        total = 0
        for node in nodes:
            if isinstance(node, Word):
                total += 1 if self.space else len(node.text)
            elif isinstance(node, Alt):
                total += max(self._length(o) for o in node.options)
            elif isinstance(node, Ref):
                if node.name in self.macros and node.name not in self.terminals:
                    if node.name not in self._lengths:
                        self._lengths[node.name] = self._length(self.macros[node.name])
                    total += self._lengths[node.name]
                else:
                    total += 1
        return total

    def _needs(self, nodes: tuple[Node, ...]) -> set[frozenset[str]]:
        """Sets of signs of which every match of a sequence holds one each."""
        out: set[frozenset[str]] = set()
        for node in nodes:
            if isinstance(node, Word):
                out |= {frozenset([s]) for s in ([node.text] if self.space else node.text)}
            elif isinstance(node, Ref) and node.name in self.macros.keys() - self.terminals.keys():
                out |= self._needs(self.macros[node.name])
            elif not isinstance(node, Mark):
                first, empty = self._firsts((node,))
                if not empty:
                    out.add(first)
        return out

    def _firsts(self, nodes: tuple[Node, ...]) -> tuple[frozenset[str], bool]:
        """Signs that a sequence can begin with, and whether it can be empty."""
        found: set[str] = set()
        for node in nodes:
            if isinstance(node, Mark):
                continue
            if isinstance(node, Word):
                found.add(node.text if self.space else node.text[0])
                return frozenset(found), False
            if isinstance(node, Alt):
                empty = False
                for o in node.options:
                    first, nullable = self._firsts(o)
                    found |= first
                    empty = empty or nullable
            elif node.name in self.terminals:
                found.add(self.terminals[node.name])
                return frozenset(found), False
            elif node.name == "CN":
                found |= set(CN_ZH if self.lang == "zh" else CN_EN)
                return frozenset(found), False
            else:
                if node.name not in self._first:
                    self._first[node.name] = self._firsts(self.macros[node.name])
                first, empty = self._first[node.name]
                found |= first
            if not empty:
                return frozenset(found), False
        return frozenset(found), True


def _widened(node: Node, beside: Mapping[str, tuple[str, ...]]) -> Node:
    if isinstance(node, Alt):
        return Alt(tuple(tuple(_widened(n, beside) for n in o) for o in node.options))
    if isinstance(node, Word) and node.text in beside:
        return Alt(((node,), *(_read(more, node.text) for more in beside[node.text])))
    return node


def _rarest(need: frozenset[str]) -> tuple[int, list[str]]:
    return len(need), sorted(need)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines: indented lines belong to the line above."""
    held, at = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].rstrip()
        if not line:
            continue
        if line[0].isspace():
            held += " " + line.strip()
            continue
        if held:
            yield at, held
        held, at = line, number
    if held:
        yield at, held


@lru_cache(maxsize=32)
def load(lang: str, domain: str) -> Grammar:
    """The grammar of that language with the nouns of that domain (`generic` where unknown)."""
    name = f"grammar_{lang}.txt"
    place = files(__package__) / name
    if not place.is_file():
        raise LanguageError("no verifier for this language", where=lang, remedy="use en or zh")
    known = domain if domain in domains.domains() else "generic"
    words = domains.load(known).words(lang)
    text = place.read_text("utf-8")
    return Grammar(text, lang=lang, domain=known, name=name, words=words)


def number_in_words(text: str, lang: str) -> int | None:
    """The value of a `CN` match.

    Examples
    --------
    >>> number_in_words("ten", "en"), number_in_words("二百一十", "zh"), number_in_words("两", "zh")
    (10, 210, 2)
    """
    text = text.strip()
    if lang != "zh":
        return CN_EN.get(text)
    digits: Mapping[str, int] = {c: n for n, c in enumerate("一二三四五六七八九", 1)} | {"两": 2}
    units = {"十": 10, "百": 100, "千": 1000, "万": 10000}
    total = part = 0
    for c in text:
        if c in digits:
            if part:
                return None
            part = digits[c]
        elif c == "万":
            total = (total + part) * 10000
            part = 0
        else:
            total += (part or 1) * units[c]
            part = 0
    return total + part or None
