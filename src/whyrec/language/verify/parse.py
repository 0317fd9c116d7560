"""Parsing: an encoded sentence as a chain of clauses, each a whole match of one frame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from whyrec.language.verify.grammar import TERMINALS, Frame, Grammar, load

MAX_PARSES = 6
_ITEMS = frozenset((TERMINALS["H1"], TERMINALS["H2"]))
_MAX_STEPS = 4000


@dataclass(frozen=True, slots=True)
class Clause:
    """One matched frame: what kind, what it said of itself, and where its roles stand.

    `joined` is the joiner in front (`""` at the start or where a dependent clause follows directly).
    """

    kind: str
    start: int
    end: int
    joined: str
    marks: tuple[tuple[str, str], ...]
    roles: tuple[tuple[str, int, int], ...]

    def mark(self, key: str) -> str | None:
        """The last value said for that key."""
        return next((v for k, v in reversed(self.marks) if k == key), None)

    def all_marks(self, key: str) -> list[str]:
        """All values said for that key."""
        return [v for k, v in self.marks if k == key]

    def roles_of(self, name: str) -> list[tuple[int, int]]:
        """Every place of that role, without repeats."""
        return list(dict.fromkeys((s, e) for n, s, e in self.roles if n == name))

    def role(self, name: str) -> tuple[int, int] | None:
        """Where that role stands."""
        return next(((s, e) for n, s, e in self.roles if n == name), None)


Parse = tuple[Clause, ...]


Groups = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, int, int], ...]]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A piece of the text that frames see as one sign, with its place in the encoded text.

    `code` is the sign with the space that follows it there.
    """

    sign: str
    code: str
    start: int
    end: int
    marks: tuple[tuple[str, str], ...] = ()
    roles: tuple[tuple[str, int, int], ...] = ()


@lru_cache(maxsize=8192)
def parses(text: str, lang: str, domain: str) -> tuple[Parse, ...]:
    """Up to `MAX_PARSES` ways to read an encoded sentence, without its end sign, as clauses."""
    grammar = load(lang, domain)
    units = _chunked(_units(text, lang), grammar)
    return tuple(_chains(units, grammar))


@lru_cache(maxsize=2048)
def traps(text: str, lang: str, domain: str) -> tuple[tuple[str, int, int], ...]:
    """(code, start, end) of known falsehoods in a sentence that no chain of frames reads."""
    grammar = load(lang, domain)
    units = _chunked(_units(text, lang), grammar)
    joined = "".join(u.code for u in units)
    signs = {u.sign for u in units}
    starts = _starts(units)
    out: list[tuple[str, int, int]] = []
    for at, k in starts.items():
        if k == len(units):
            break
        for frame in grammar.by_first.get(units[k].sign, ()):
            if frame.kind[0] != "!" or not frame.possible(signs):
                continue
            hit = frame.regex.match(joined, at)
            if hit is not None and hit.end() > at and hit.end() in starts:
                last = units[starts[hit.end()] - 1]
                out.append((frame.kind[1:], units[k].start, last.end))
    return tuple(dict.fromkeys(out))


def _units(text: str, lang: str) -> list[_Unit]:
    if lang == "zh":
        return [_Unit(c, c, k, k + 1) for k, c in enumerate(text)]
    out: list[_Unit] = []
    at = 0
    while at < len(text):
        stop = text.index(" ", at) + 1
        out.append(_Unit(text[at : stop - 1], text[at:stop], at, stop))
        at = stop
    return out


def _starts(units: Sequence[_Unit]) -> dict[int, int]:
    """Offsets in the joined codes, with the unit that begins there."""
    offsets = accumulate((len(u.code) for u in units), initial=0)
    return {at: k for k, at in enumerate(offsets)}


def _chunked(units: list[_Unit], grammar: Grammar) -> list[_Unit]:
    """The units after every chunk of the grammar, in its order, has become one unit."""
    space = grammar.space
    text = "".join(u.code for u in units)
    signs = {u.sign for u in units}
    starts = _starts(units)
    for chunk in grammar.chunks:
        if signs.isdisjoint(chunk.first) or not chunk.possible(signs):
            continue
        out: list[_Unit] = []
        done = 0
        for (at, k), u in zip(starts.items(), units, strict=False):
            if u.sign not in chunk.first or k < done:
                continue
            hit = chunk.regex.match(text, at)
            if hit is None or hit.end() == at or hit.end() not in starts:
                continue
            marks, roles = _said(chunk, hit, units, starts)
            inside = units[k : starts[hit.end()]]
            code = grammar.terminals.get(chunk.kind, "")
            if not code:
                code = next(u.code for u in inside if u.code[0] in _ITEMS).rstrip()
            out += units[done:k]
            out.append(_Unit(code, code + space, inside[0].start, inside[-1].end, marks, roles))
            done = starts[hit.end()]
        if done:
            units = out + units[done:]
            text = "".join(u.code for u in units)
            signs = {u.sign for u in units}
            starts = _starts(units)
    return units


def _said(
    frame: Frame, hit: re.Match[str], units: Sequence[_Unit], starts: dict[int, int]
) -> Groups:
    """Marks and roles of a match, those of the chunks inside it included, in encoded offsets."""
    marks: list[tuple[str, str]] = []
    roles: list[tuple[str, int, int]] = []
    for (key, value, is_mark), (s, e) in zip(frame.groups, hit.regs[1:], strict=True):
        if s < 0:
            continue
        if is_mark:
            marks.append((key, value))
        elif s < e:
            roles.append((key, units[starts[s]].start, units[starts[e] - 1].end))
    for u in units[starts[hit.start()] : starts[hit.end()]]:
        marks.extend(u.marks)
        roles.extend(u.roles)
    return tuple(marks), tuple(roles)


def _chains(units: Sequence[_Unit], grammar: Grammar) -> list[Parse]:
    text = "".join(u.code for u in units)
    starts = _starts(units)
    signs = {u.sign for u in units}
    joiner, dependent = _joints(grammar.lang, grammar.domain)
    out: list[Parse] = []
    steps = 0

    def go(at: int, joined: str, done: Parse) -> None:
        nonlocal steps
        if len(done) > 8:
            return
        for frame in grammar.by_first.get(units[starts[at]].sign, ()):
            steps += 1
            if len(out) >= MAX_PARSES or steps > _MAX_STEPS:
                return
            if not frame.possible(signs):
                continue
            hit = frame.regex.match(text, at)
            if hit is None or hit.end() == at or hit.end() not in starts:
                continue
            end = hit.end()
            first, last = units[starts[at]], units[starts[end] - 1]
            clause = Clause(
                frame.kind, first.start, last.end, joined, *_said(frame, hit, units, starts)
            )
            if end == len(text):
                out.append((*done, clause))
                continue
            j = joiner.match(text, end)
            if j is not None and j.end() < len(text):
                go(j.end(), j[0].strip(), (*done, clause))
            if dependent.match(text, end):
                go(end, "", (*done, clause))

    if units:
        go(0, "", ())
    return out


@lru_cache(maxsize=32)
def _joints(lang: str, domain: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    grammar = load(lang, domain)
    return re.compile(grammar.pattern("JOIN")), re.compile(grammar.pattern("DEP"))
