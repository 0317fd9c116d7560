"""Tokens: words, numbers, signs and mentions of a text, and sentences encoded for the frames."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from whyrec.language import domains
from whyrec.language.verify.grammar import TERMINALS
from whyrec.language.verify.mentions import Mention
from whyrec.language.verify.names import fold

_BRACKETS = {"(": "-lrb-", ")": "-rrb-"}
END_SIGNS = frozenset(".!?。！？…\n")
_CLASS = {v: k for k, v in TERMINALS.items()}

_EN = re.compile(
    r"(?P<ord>\d+(?:st|nd|rd|th)\b)|(?P<num>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)|(?P<gap>[ \u200b]+|-(?=\w))|(?P<no>no\. ?(?=\d))|(?P<sign>.)",
    re.S,
)
_ZH = re.compile(
    r"(?P<num>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)|(?P<word>[a-z]+(?:'[a-z]+)*)|(?P<gap> +)|(?P<sign>.)",
    re.S,
)
_CONTRACTIONS = {
    "it's": "it is",
    "that's": "that is",
    "this's": "this is",
    "here's": "here is",
    "there's": "there is",
    "what's": "what is",
    "you've": "you have",
    "you're": "you are",
    "you'd": "you had",
    "we've": "we have",
    "we're": "we are",
    "they're": "they are",
    "they've": "they have",
    "it'd": "it would",
    "you'll": "you will",
    "it'll": "it will",
    "can't": "can not",
    "cannot": "can not",
    "won't": "will not",
}


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number, sign or mention, with its place in the text.

    `kind` is `word`, `num`, `ord`, `sign` or `mention`; `mentions` are several where they stand
    joined as one list.
    """

    kind: str
    text: str
    start: int
    end: int
    value: float | None = None
    mentions: tuple[Mention, ...] = ()


def tokenise(text: str, folded: str, mentions: Sequence[Mention], lang: str) -> list[Token]:
    """All tokens of a text; what lies inside a mention is one token."""
    out: list[Token] = []
    pattern = _ZH if lang == "zh" else _EN
    at = 0
    for m in (*mentions, None):
        stop = m.start if m else len(text)
        for hit in pattern.finditer(folded, at, stop):
            if hit.lastgroup != "gap":
                _emit(out, hit, text, lang)
        if m:
            out.append(Token("mention", text[m.start : m.end], m.start, m.end, mentions=(m,)))
            if lang != "zh" and m.quoted and text[m.end - 2] == ",":
                out.append(Token("sign", ",", m.end - 2, m.end - 1))
            elif lang != "zh" and m.quoted and text[m.end - 2] == "." and _ends(m, text):
                out.append(Token("sign", ".", m.end - 2, m.end - 1))
            at = m.end
    return out


def _ends(m: Mention, text: str) -> bool:
    """Whether a full stop inside the quotation marks is the sentence's and nothing else ends it."""
    rest = text[m.end :].lstrip()
    return not rest or (rest[0].isupper() and m.unknown is None)


def _emit(out: list[Token], hit: re.Match[str], text: str, lang: str) -> None:
    kind, piece = hit.lastgroup, hit[0]
    start, end = hit.span()
    if kind == "word" and (lang == "zh" or ("'" not in piece and piece not in _CONTRACTIONS)):
        out.append(Token("word", piece, start, end))
    elif kind == "num":
        out.append(Token("num", piece, start, end, float(piece.replace(",", ""))))
    elif kind == "ord":
        out.append(Token("ord", piece, start, end, float(piece[:-2])))
    elif kind == "no":
        out.append(Token("word", "no.", start, end))
    elif kind == "sign":
        if lang == "zh" and piece == "万" and out and out[-1].kind == "num" and out[-1].value:
            last = out.pop()
            out.append(Token("num", last.text + piece, last.start, end, last.value * 10000))  # type: ignore[operator]
            return
        shown = text[start]
        if lang == "zh" and shown != piece:
            piece = shown
        elif lang != "zh":
            piece = _BRACKETS.get(piece, piece)
        out.append(Token("sign", piece, start, end))
    elif piece in _CONTRACTIONS:
        for w in _CONTRACTIONS[piece].split():
            out.append(Token("word", w, start, end))
    elif piece.endswith("n't"):
        out.append(Token("word", piece[:-3], start, end))
        out.append(Token("word", "not", start, end))
    else:
        out.append(Token("word", piece, start, end))


def sentences(tokens: Sequence[Token]) -> list[list[Token]]:
    """Tokens up to and with the signs that end a sentence."""
    out: list[list[Token]] = []
    now: list[Token] = []
    for t in tokens:
        ends = t.kind == "sign" and t.text in END_SIGNS
        if not now and ends and out:
            out[-1].append(t)
            continue
        now.append(t)
        if ends:
            out.append(now)
            now = []
    if now:
        out.append(now)
    return out


@dataclass(frozen=True, slots=True)
class Encoded:
    """A sentence as the frames see it. `places` pairs offsets in `text` with tokens."""

    text: str
    tokens: tuple[Token, ...]
    offsets: tuple[int, ...]

    def inside(self, start: int, end: int) -> list[Token]:
        """Tokens that begin in that part of `text`."""
        first = bisect_left(self.offsets, start)
        return list(self.tokens[first : bisect_left(self.offsets, end, first)])

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the whole text of a part of `text`."""
        part = self.inside(start, end) or [self.tokens[min(len(self.tokens) - 1, 0)]]
        return min(t.start for t in part), max(t.end for t in part)


@dataclass(frozen=True, slots=True)
class Reading:
    """How ambiguous mentions are taken while encoding."""

    soft: bool = False
    merge_item: bool = False
    facets_first: bool = False
    history_first: bool = False


READINGS = (
    Reading(),
    Reading(merge_item=True),
    Reading(soft=True),
    Reading(soft=True, merge_item=True),
    Reading(facets_first=True),
    Reading(facets_first=True, soft=True),
    Reading(history_first=True),
)

_DET = {"en": ("the", "your", "a", "an", "both"), "zh": ()}


@cache
def _nouns(lang: str) -> frozenset[str]:
    """Nouns that may stand before a name and only introduce it, of every domain."""
    packs = [domains.load(d).words(lang) for d in domains.domains()]
    own = {n for w in packs for n in (*w.readings.singular, *w.readings.plural)}
    return frozenset(own - {"thing", "things", "piece", "pieces"})


@cache
def _before_zh() -> tuple[str, ...]:
    """这部电影, 那款商品, 这部, 电影 and the like, the longest first."""
    out = {
        "这部影片",
        "那部影片",
        "这件商品",
        "那件商品",
        "这件",
        "那件",
        "这项",
        "那项",
        "这本",
        "影片",
    }
    for domain in domains.domains():
        w = domains.load(domain).words("zh")
        out |= {f"{x}{w.measure}{n}" for x in "这那" for n in ("", w.noun)} | {w.noun}
    return tuple(sorted(out - {"内容"}, key=lambda x: (-len(x), x)))


_SEPS_EN = (
    ("as", "well", "as"), ("along", "with"), ("together", "with"), ("and", "also"),
    (",", "and"), ("and",), ("plus",), (",",), ("&",),
)  # fmt: skip
_SEPS_ZH = ("以及", "还有", "和", "与", "及", "跟", "、")
_SEP_STARTS = frozenset([*(w[0] for w in _SEPS_EN), *(w[0] for w in _SEPS_ZH)])


def encode(tokens: Sequence[Token], item: str, lang: str, reading: Reading) -> Encoded:
    """The sentence with mentions, numbers and lists each as one private character."""
    units = [_classify(t, item, reading) for t in tokens]
    flat: list[tuple[str, Token]] = []
    for code, t in units:
        if code == "soft":
            flat.extend(_as_words(t, lang))
        else:
            flat.append((code, t))
    joined = _join(flat, lang, reading)
    pieces: list[str] = []
    offsets: list[int] = []
    length = 0
    space = "" if lang == "zh" else " "
    for code, t in joined:
        offsets.append(length)
        piece = (TERMINALS[code] if code else t.text) + space
        pieces.append(piece)
        length += len(piece)
    return Encoded("".join(pieces), tuple(t for _, t in joined), tuple(offsets))


def _classify(t: Token, item: str, reading: Reading) -> tuple[str, Token]:
    if t.kind == "num":
        return "N", t
    if t.kind == "ord":
        return "ORD", t
    if t.kind != "mention":
        return "", t
    m = t.mentions[0]
    if m.unknown is not None:
        return "X", t
    if m.soft and not reading.soft:
        return "soft", t
    if m.facets and (not m.items or reading.facets_first):
        return "F", t
    if item in m.items and not (reading.history_first and len(m.items) > 1):
        return "I", t
    return "H1", t


def _as_words(t: Token, lang: str) -> list[tuple[str, Token]]:
    inner = tokenise(" " * t.start + t.text, " " * t.start + fold(t.text), (), lang)
    return [("N" if x.kind == "num" else "ORD" if x.kind == "ord" else "", x) for x in inner]


def _join(units: list[tuple[str, Token]], lang: str, reading: Reading) -> list[tuple[str, Token]]:
    """Lists of mentions become one unit; determiners and nouns in front of mentions go."""
    out: list[tuple[str, Token]] = []
    k = 0
    while k < len(units):
        code, t = units[k]
        if code not in ("H1", "I", "F"):
            out.append((code, t))
            k += 1
            continue
        members = [(code, t)]
        ends = k + 1
        closed = False
        while not closed:
            width, final = _separator(units, ends, lang, len(members))
            if not width:
                break
            start = ends + width
            start += _skip(units, start, lang)
            if start >= len(units):
                break
            nxt = units[start]
            if not _joinable(members, nxt, reading):
                break
            members.append(nxt)
            ends = start + 1
            closed = final and lang != "zh"
        if lang != "zh" and len(members) > 1 and not closed:
            members = members[:1]
            ends = k + 1
        _drop_before(out, code, lang, len(members))
        out.append(_unit(members))
        k = ends
    return out


def _unit(members: list[tuple[str, Token]]) -> tuple[str, Token]:
    if len(members) == 1:
        return members[0]
    codes = {c for c, _ in members}
    ts = [t for _, t in members]
    joined = Token(
        "mention", " + ".join(t.text for t in ts), ts[0].start, ts[-1].end,
        mentions=tuple(m for t in ts for m in t.mentions),
    )  # fmt: skip
    if codes == {"F"}:
        return "F", joined
    return ("M" if "I" in codes else "H2"), joined


def _joinable(members: list[tuple[str, Token]], new: tuple[str, Token], reading: Reading) -> bool:
    code = new[0]
    first = members[0][0]
    if code == "F" or first == "F":
        return code == first and new[1].mentions[0].facets != members[-1][1].mentions[0].facets
    if code not in ("H1", "I"):
        return False
    if "I" in (code, first) and not reading.merge_item:
        return False
    if code == "I" and any(c == "I" for c, _ in members):
        return False
    here = new[1].mentions[0].items
    return all(t.mentions[0].items != here for _, t in members)


def _separator(units: list[tuple[str, Token]], at: int, lang: str, count: int) -> tuple[int, bool]:
    """How many units of separator stand there, and whether it is the last of the list."""
    if at >= len(units) or units[at][1].text not in _SEP_STARTS:
        return 0, False
    if lang == "zh":
        for sep in _SEPS_ZH:
            if _reads(units, at, sep):
                return len(sep), sep != "、"
        return 0, False
    for words in _SEPS_EN:
        if all(
            at + j < len(units) and units[at + j][0] == "" and units[at + j][1].text == w
            for j, w in enumerate(words)
        ):
            if words == (",", "and") and count < 2:
                return 0, False
            return len(words), words != (",",)
    return 0, False


def _reads(units: list[tuple[str, Token]], at: int, text: str) -> bool:
    if at + len(text) > len(units) or units[at][1].text != text[0]:
        return False
    return all(units[at + j][0] == "" and units[at + j][1].text == c for j, c in enumerate(text))


def _skip(units: list[tuple[str, Token]], at: int, lang: str) -> int:
    """Units between a separator and the next name that only introduce it: `the`, `your`, 电影."""
    if lang == "zh":
        for words in _before_zh():
            if _reads(units, at, words):
                return len(words)
        return 0
    k = at
    if k < len(units) and units[k][0] == "" and units[k][1].text in ("the", "your"):
        k += 1
    if k < len(units) and units[k][0] == "" and units[k][1].text in _nouns("en"):
        k += 1
    return k - at


def _drop_before(out: list[tuple[str, Token]], code: str, lang: str, count: int) -> None:
    if code == "F":
        return
    if lang == "zh":
        for words in _before_zh():
            n = len(words)
            if n < len(out) + 1 and _reads(out, len(out) - n, words) and len(out) >= n:
                del out[-n:]
                return
        return
    if out and out[-1][0] == "" and out[-1][1].text in _nouns("en"):
        out.pop()
    dets = {"the"} if code == "I" else {"the", "your"}
    if code == "I":
        dets.add("this")
    if out and out[-1][0] == "" and out[-1][1].text in dets:
        out.pop()
    if count == 2 and out and out[-1][0] == "" and out[-1][1].text == "both":
        out.pop()
