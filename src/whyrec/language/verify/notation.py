"""Notation: the patterns of a grammar file, read into nodes.

Within a pattern

    word , ;                  the word or sign itself (Chinese: any run of characters)
    ( a | b )   [ a ]         one of them; a or nothing
    <NAME>  <role:NAME>       a macro or a terminal; with `role:` its place in the text is kept
    {key=value}               if this alternative matches, the frame says so
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from whyrec.errors import LanguageError


@dataclass(frozen=True, slots=True)
class Word:
    """A word, sign or run of Chinese characters."""

    text: str


@dataclass(frozen=True, slots=True)
class Ref:
    """A terminal or macro, its place kept under `role` if there is one."""

    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What an alternative says."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Alt:
    """One of several sequences; `()` among them makes it optional."""

    options: tuple[tuple[Node, ...], ...]


Node = Word | Ref | Mark | Alt


_LEX = re.compile(r"\s*(?:(<[\w:]+>)|(\{\w+=[\w|-]+\})|([()\[\]|])|([^\s()\[\]|<{]+))")


def _read(text: str, where: str) -> tuple[Node, ...]:
    tokens = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        m = _LEX.match(text, at)
        if m is None:
            raise LanguageError(f"cannot read {text[at:]!r}", where=where)
        tokens.append(m[0].strip())
        at = m.end()
    nodes, rest = _alternatives(tokens, 0, "", where)
    if rest != len(tokens):
        raise LanguageError(f"unexpected {tokens[rest]!r}", where=where)
    return nodes


def _alternatives(
    tokens: list[str], at: int, stop: str, where: str
) -> tuple[tuple[Node, ...], int]:
    options: list[list[Node]] = [[]]
    while at < len(tokens) and tokens[at] != stop:
        t = tokens[at]
        if t == "|":
            options.append([])
        elif t in ("(", "["):
            close = ")" if t == "(" else "]"
            inner, at = _alternatives(tokens, at + 1, close, where)
            if at >= len(tokens):
                raise LanguageError(f"no {close}", where=where)
            if t == "[":
                options[-1].append(Alt((inner, ())))
            else:
                options[-1].extend(inner)
        elif t in (")", "]"):
            raise LanguageError(f"a {t} too many", where=where)
        elif t[0] == "<":
            role, _, name = t[1:-1].rpartition(":")
            options[-1].append(Ref(name, role))
        elif t[0] == "{":
            key, _, value = t[1:-1].partition("=")
            options[-1].append(Mark(key, value))
        else:
            options[-1].append(Word(t))
        at += 1
    if len(options) == 1:
        return tuple(options[0]), at
    return (Alt(tuple(tuple(o) for o in options)),), at
