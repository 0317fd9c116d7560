"""Parsing: an encoded sentence as a chain of clauses, each a whole match of one frame."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from whyrec.language.verify.grammar import Frame, Grammar, load

MAX_PARSES = 6
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

    def role(self, name: str) -> tuple[int, int] | None:
        """Where that role stands."""
        return next(((s, e) for n, s, e in self.roles if n == name), None)


Parse = tuple[Clause, ...]


@lru_cache(maxsize=8192)
def parses(text: str, lang: str, domain: str) -> tuple[Parse, ...]:
    """Up to `MAX_PARSES` ways to read an encoded sentence, without its end sign, as clauses."""
    grammar = load(lang, domain)
    joiner, dependent = _joints(lang, domain)
    out: list[Parse] = []
    steps = 0

    def go(at: int, joined: str, done: Parse) -> None:
        nonlocal steps
        if len(done) > 8:
            return
        for frame in grammar.by_first.get(_first(text, at, lang), ()):
            steps += 1
            if len(out) >= MAX_PARSES or steps > _MAX_STEPS:
                return
            hit = frame.regex.match(text, at)
            if hit is None or hit.end() == at:
                continue
            clause = _clause(frame, hit, joined)
            end = hit.end()
            if end == len(text):
                out.append((*done, clause))
                continue
            j = joiner.match(text, end)
            if j is not None and j.end() < len(text):
                go(j.end(), j[0].strip(), (*done, clause))
            if dependent.match(text, end):
                go(end, "", (*done, clause))

    go(0, "", ())
    return tuple(out)


def _first(text: str, at: int, lang: str) -> str:
    if lang == "zh":
        return text[at : at + 1]
    stop = text.find(" ", at)
    return text[at:stop]


@lru_cache(maxsize=32)
def _joints(lang: str, domain: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    grammar = load(lang, domain)
    return re.compile(grammar.pattern("JOIN")), re.compile(grammar.pattern("DEP"))


def _clause(frame: Frame, hit: re.Match[str], joined: str) -> Clause:
    marks: list[tuple[str, str]] = []
    roles: list[tuple[str, int, int]] = []
    for k, (key, value, is_mark) in enumerate(frame.groups, 1):
        s, e = hit.span(k)
        if s < 0:
            continue
        if is_mark:
            marks.append((key, value))
        else:
            roles.append((key, s, e))
    return Clause(frame.kind, hit.start(), hit.end(), joined, tuple(marks), tuple(roles))
