"""Diagnosis: why a sentence that no frame fits is refused, with the exact place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

from whyrec.evidence.types import World
from whyrec.language import domains
from whyrec.language.types import Problem
from whyrec.language.verify.grammar import CN_EN, CN_ZH, Grammar
from whyrec.language.verify.names import fold
from whyrec.language.verify.tokens import Token


@lru_cache(maxsize=32)
def _lexicon(lang: str, domain: str) -> tuple[re.Pattern[str], dict[str, str]]:
    raw = tomllib.loads((files(__package__) / f"lexicon_{lang}.toml").read_text("utf-8"))
    known = domain if domain in domains.domains() else "generic"
    codes = dict.fromkeys(domains.load(known).words(lang).banned, "banned")
    for code, words in raw.items():
        for w in words:
            codes.setdefault(w, code)
    parts = []
    for w in sorted(codes, key=len, reverse=True):
        body = re.escape(w.rstrip("*"))
        if lang != "zh":
            body = rf"\b{body}\w*" if w.endswith("*") else rf"\b{body}\b"
        parts.append(body)
    return re.compile("|".join(parts)), codes


def _code(hit: str, codes: dict[str, str]) -> str:
    if hit in codes:
        return codes[hit]
    fits = [w for w in codes if w.endswith("*") and hit.startswith(w[:-1])]
    return codes[max(fits, key=len)] if fits else "unknown-word"


def unknown_names(tokens: Sequence[Token], world: World) -> list[Problem]:
    """Names in quotation marks that are nothing this text may speak of."""
    out = []
    for t in tokens:
        for m in t.mentions:
            if m.unknown is None:
                continue
            if world.find_title(m.unknown):
                out.append(
                    Problem("wrong-item", (m.start, m.end), "not the item and not in the history")
                )
            else:
                out.append(Problem("unknown-item", (m.start, m.end), "no such name is known"))
    return out


def bad_words(bare: str, start: int, end: int, lang: str, domain: str) -> list[Problem]:
    """Words of the lexicon, and those that the domain bans, in a part of the blanked text."""
    pattern, codes = _lexicon(lang, domain)
    out = []
    for hit in pattern.finditer(fold(bare), start, end):
        code = _code(hit[0], codes)
        out.append(Problem(code, hit.span(), f"“{bare[hit.start() : hit.end()]}”"))
    return out


def unknown_words(
    tokens: Sequence[Token], grammar: Grammar, text: str, world: World
) -> list[Problem]:
    """Words that the grammar does not know, runs of them as one problem."""
    if grammar.lang == "zh":
        spans = _unknown_zh(tokens, grammar)
    else:
        spans = [
            (t.start, t.end)
            for t in tokens
            if t.kind in ("word", "sign")
            and t.text not in grammar.vocabulary
            and t.text not in CN_EN
            and not (t.kind == "sign" and t.text in ".!?…\n")
        ]
    runs: list[list[int]] = []
    for s, e in spans:
        if runs and (s <= runs[-1][1] + 1 or text[runs[-1][1] : s].strip(" -") == ""):
            runs[-1][1] = max(e, runs[-1][1])
        else:
            runs.append([s, e])
    out = []
    for s, e in runs:
        words = text[s:e]
        code = "wrong-item" if world.find_title(words) else "unknown-word"
        out.append(Problem(code, (s, e), f"“{words}”"))
    return out


def _unknown_zh(tokens: Sequence[Token], grammar: Grammar) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    k = 0
    while k < len(tokens):
        t = tokens[k]
        if t.kind == "word":
            out.append((t.start, t.end))
        if t.kind != "sign":
            k += 1
            continue
        run = k
        while run < len(tokens) and tokens[run].kind == "sign" and run - k < grammar.longest:
            run += 1
        for stop in range(run, k, -1):
            if "".join(x.text for x in tokens[k:stop]) in grammar.vocabulary:
                k = stop
                break
        else:
            if t.text not in "。.…\n，；：、" and t.text not in CN_ZH:
                out.append((t.start, t.end))
            k += 1
    return out
