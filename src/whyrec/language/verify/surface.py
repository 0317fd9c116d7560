"""Surface: what can be wrong with a text before anything in it is read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from whyrec.language.types import Problem
from whyrec.language.verify.mentions import Mention
from whyrec.language.verify.names import CJK

MAX_LENGTH = 2000
"""Characters; an explanation is one to four sentences."""

_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_LINK = re.compile(
    r"(?:https?|ftp|file|data|javascript):|www\.\w|[\w.+-]+@[\w-]+\.\w|(?<!\w)@\w|(?<!\w)#\w"
    r"|\b[\w-]+\.(?:com|org|net|io|cn|co|uk|shop|store|info|app|me|de|ru|xyz)\b(?!\w)",
    re.I,
)
_MARKUP = re.compile(
    r"<[/!?]?\w[^>]*>?|</|&(?:\w+|#\d+);|```|`|\*+|(?<!\w)_+|_+(?!\w)|^\s*(?:#+|[-+•·]|\d+[.)])\s|\[[^\]]*\]|\]\(|\{[^}]*\}?|[{}<>|\\~^$=]|\$\w",
    re.M,
)
_DOUBLED = re.compile(
    r"([,;:，；：、。])\s*[,;:.，；：、。!?！？]|(?<!\.)\.\.(?!\.)|[!?！？]{2,}|…|\.\.\.|--"
)
_SPACES = re.compile(r"[ \u00a0\u3000]{2,}|[ \u00a0](?=[,.;:!?，。；：！？、])")
_HALF = re.compile(rf"(?<=[{CJK}”》])\s*[,;:!?]|(?<=[{CJK}”》])\.(?!\d)|[{CJK}]\s*\(|\)\s*[{CJK}]")
_HAN = re.compile(rf"[{CJK}]+")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’][A-Za-z]+)*")
_FOREIGN = re.compile(r"[\u0370-\u1fff\u3040-\u30ff\uac00-\ud7af\u0590-\u08ff]+")
_ODD = re.compile("[^\x00-\x7f\ue000\u4e00-\u9fff\u201c\u201d，。；：、《》]")
"""Signs to look up; the common Chinese ones are all letters or punctuation."""
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_LOUD = re.compile("[!?！？]")
_FULL = re.compile("[，。；：、（）]")
_BRACKET = re.compile(r"[()（）】\]]")
_OPEN = {"(": ")", "（": "）"}


def blanked(text: str, mentions: Sequence[Mention]) -> str:
    """The text with every mention replaced by signs of the same length that nothing here matches."""
    out = list(text)
    for m in mentions:
        out[m.start : m.end] = "\ue000" * (m.end - m.start)
    return "".join(out)


def before_reading(text: str) -> list[Problem]:
    """Problems of the text as a whole; if there are any, nothing is read."""
    n = len(text)
    if not text.strip():
        return [Problem("empty", (0, n), "no text")]
    if n > MAX_LENGTH:
        return [Problem("too-long", (MAX_LENGTH, n), f"more than {MAX_LENGTH} characters")]
    if m := _BIDI.search(text):
        return [Problem("malformed", m.span(), "a sign that turns the writing direction")]
    return []


def outside_names(
    text: str, bare: str, stray: Sequence[tuple[int, int]], lang: str
) -> list[Problem]:
    """Problems in what stands outside the names; `bare` is the text with names blanked."""
    out: list[Problem] = []
    for m in _LINK.finditer(bare):
        out.append(Problem("link", m.span(), "a link, address or handle"))
    taken = [p.span for p in out]
    for m in _MARKUP.finditer(bare):
        if not any(s < m.end() and m.start() < e for s, e in taken):
            out.append(Problem("markup", m.span(), f"markup or an empty slot: {m[0]!r}"))
    for m in _ODD.finditer(bare):
        category = unicodedata.category(m[0])
        if category in ("Cc", "Cf", "Cs", "Co", "Cn"):
            out.append(Problem("malformed", m.span(), f"a hidden sign, U+{ord(m[0]):04X}"))
        elif category in ("So", "Sk"):
            out.append(Problem("markup", m.span(), "an emoji or symbol"))
    for m in _CONTROL.finditer(bare):
        out.append(Problem("malformed", m.span(), "a control character"))
    out += [Problem("malformed", s, "a quotation mark without its partner") for s in stray]
    out += _brackets(bare)
    for pattern, message in ((_DOUBLED, "doubled punctuation"), (_SPACES, "a stray space")):
        if pattern is _SPACES and lang == "zh":
            continue
        out += [Problem("malformed", m.span(), message) for m in pattern.finditer(bare)]
    out += [
        Problem("malformed", m.span(), "an exclamation or question mark")
        for m in _LOUD.finditer(bare)
    ]
    if lang == "zh":
        names = bare.replace("\ue000", "》")
        out += [
            Problem("malformed", m.span(), "half-width punctuation") for m in _HALF.finditer(names)
        ]
    else:
        out += [
            Problem("malformed", m.span(), "full-width punctuation") for m in _FULL.finditer(bare)
        ]
    return out


def _brackets(bare: str) -> list[Problem]:
    out: list[Problem] = []
    held: list[tuple[str, int]] = []
    for m in _BRACKET.finditer(bare):
        k, c = m.start(), m[0]
        if c in _OPEN:
            held.append((_OPEN[c], k))
        elif held and held[-1][0] == c:
            held.pop()
        else:
            out.append(Problem("malformed", (k, k + 1), "a bracket without its partner"))
    out += [Problem("malformed", (k, k + 1), "a bracket without its partner") for _, k in held]
    return out


def language(bare: str, lang: str) -> list[Problem]:
    """Whether the words outside the names are in the language asked for, by their script."""
    out = [Problem("wrong-language", m.span(), "another script") for m in _FOREIGN.finditer(bare)]
    wrong = _LATIN if lang == "zh" else _HAN
    for m in wrong.finditer(bare):
        if lang == "zh" and m[0].lower() == "top":
            continue
        out.append(Problem("wrong-language", m.span(), f"not {lang}: {m[0][:40]}"))
    return out
