"""What one text says of which aspect: clauses, opinion words, negation and disappointed expectation."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from whyrec.features.text import Token, analyse
from whyrec.features.text.english import stem

LANGUAGES = ("en", "zh")

_CLAUSE = re.compile(
    r"[,;:，；：、—–()（）]|\b(?:but|however|although|though|yet)\b|但是?|不过|可惜|然而"
)
_SENTENCE = re.compile(r"[.!?。！？\n…]+")
_TOO = frozenset(["too", "overly"])
_TOO_ZH = ("太", "偏", "过于", "有点", "有些")
REACH = 4
REACH_EN = 6
"""Characters (Chinese) or words (English) before an opinion within which a negation turns it."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """One aspect in one place of a text.

    Attributes
    ----------
    aspect
        Its key: `price`, or the stem of a noun phrase found in the reviews.
    sign
        1 praised, -1 blamed, 0 only mentioned.
    start, end
        Where the aspect (or the word that implies it) stands in the text.
    """

    aspect: str
    sign: int
    start: int
    end: int


@dataclass(slots=True)
class _Unit:
    """A stretch of a clause that names an aspect (sign None) or an opinion.

    `general`: the word can judge anything, even if it has an aspect of its own. `weak`: something is
    other than expected, which what follows may call good.
    """

    start: int
    end: int
    aspect: str | None = None
    sign: int | None = None
    measure: bool = False
    general: bool = False
    weak: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    """A word or phrase of the lexicon: as norms, and as it is written there."""

    parts: tuple[str, ...]
    words: tuple[str, ...]
    aspect: str | None
    sign: int | None
    measure: bool = False
    general: bool = False


@dataclass(frozen=True)
class Lexicon:
    """The words of `aspects.toml` for one language, longest first where one begins another."""

    lang: str
    entries: dict[str, list[_Entry]] = field(default_factory=dict)
    patterns: list[tuple[re.Pattern[str], str, int]] = field(default_factory=list)
    negations: frozenset[str] = frozenset()
    no_negations: tuple[str, ...] = ()
    expectation: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    aspect_words: frozenset[str] = frozenset()
    idioms: re.Pattern[str] = re.compile(r"(?!)")

    @cached_property
    def entries_as_opinion(self) -> frozenset[str]:
        """Single words that judge: they are no aspect, even where they are nouns (a scratch)."""
        return frozenset(
            e.parts[0]
            for found in self.entries.values()
            for e in found
            if len(e.parts) == 1 and e.sign is not None
        )


@cache
def tables() -> dict[str, Any]:
    """The lexicon file."""
    return tomllib.loads((files("whyrec.features") / "aspects.toml").read_text("utf-8"))


@cache
def lexicon(lang: str) -> Lexicon:
    """The lexicon of a language."""
    data = tables()
    entries: dict[str, list[_Entry]] = {}
    seen: set[tuple[str, bool]] = set()
    general = {
        tuple(_norm(p, lang) for p in word.split("_"))
        for side in ("good", "bad")
        for word in data["opinion"][f"{side}_{lang}"].split()
    }

    loose = set(data["loose"]["aspects"])

    def add(text: str, aspect: str | None, sign: int | None, measure: bool = False) -> None:
        for word in text.split():
            for form in comparatives(word) if measure and lang == "en" else (word,):
                parts = tuple(_norm(p, lang) for p in form.split("_"))
                # An aspect's own word comes before the same word as an opinion on anything.
                if (form, sign is None) not in seen:
                    seen.add((form, sign is None))
                    entry = _Entry(
                        parts,
                        tuple(form.split("_")),
                        aspect,
                        sign,
                        measure,
                        parts in general or aspect in loose,
                    )
                    first = parts[0] if lang == "en" else parts[0][0]
                    entries.setdefault(first, []).append(entry)

    for key, words in data["aspect"].items():
        add(words.get(f"good_{lang}", ""), key, 1)
        add(words.get(f"bad_{lang}", ""), key, -1)
        add(words.get(f"more_{lang}", ""), key, 0, True)
        add(words.get(f"is_{lang}", ""), key, None)
    add(data["opinion"][f"good_{lang}"], None, 1)
    add(data["opinion"][f"bad_{lang}"], None, -1)
    for found in entries.values():
        found.sort(key=lambda e: (-sum(map(len, e.parts)), e.parts))
    patterns = [
        (re.compile(p[lang], re.IGNORECASE), p["aspect"], p["sign"])
        for p in data["pattern"]
        if lang in p
    ]
    named = {
        _norm(w, lang)
        for words in data["aspect"].values()
        for w in words.get(f"is_{lang}", "").split()
    }
    return Lexicon(
        lang=lang,
        entries=entries,
        patterns=patterns,
        negations=frozenset(data["negation"][lang].split()),
        no_negations=tuple(data["negation"].get(f"not_{lang}", "").split()),
        expectation=frozenset(_norm(w, lang) for w in data["expectation"][lang].split()),
        ignored=frozenset(_norm(w, lang) for w in data["ignored"][lang].split()),
        aspect_words=frozenset(named),
        idioms=re.compile(data["idioms"][lang], re.IGNORECASE),
    )


def comparatives(word: str) -> tuple[str, ...]:
    """An English adjective with its comparative and superlative.

    Examples
    --------
    >>> comparatives("big"), comparatives("heavy"), comparatives("large")
    (('big', 'bigger', 'biggest'), ('heavy', 'heavier', 'heaviest'), ('large', 'larger', 'largest'))
    """
    if word.endswith("e"):
        base = word[:-1]
    elif word.endswith("y"):
        base = word[:-1] + "i"
    elif re.search(r"[^aeiou][aeiou][bdgmnpt]$", word):
        base = word + word[-1]
    else:
        base = word
    return word, f"{base}er", f"{base}est"


_ENDINGS = frozenset(
    ["", "s", "es", "d", "ed", "ing", "ly", "r", "er", "st", "est", "ies", "ied", "ier", "iest", "ily", "i"]
)  # fmt: skip


@lru_cache(1 << 16)
def inflected(word: str, form: str) -> bool:
    """Whether an English form is the word with another ending of inflection: stems go too far.

    Examples
    --------
    >>> inflected("wobble", "wobbling"), inflected("useful", "use"), inflected("easy", "easily")
    (True, False, True)
    """
    same = 0
    while same < min(len(word), len(form)) and word[same] == form[same]:
        same += 1
    rest, ending = word[same:], form[same:]
    if rest == "" and same and ending[:1] == word[-1:]:
        ending = ending[1:]  # bigger, fitting
    return rest in ("", "e", "y") and ending in _ENDINGS


def _norm(word: str, lang: str) -> str:
    return stem(word.lower()) if lang == "en" else word


def label(aspect: str, lang: str) -> str | None:
    """The name of a known aspect in a language, None for one found in the reviews."""
    words = tables()["aspect"].get(aspect)
    return None if words is None else str(words.get(lang, words["en"]))


def read(text: str, lang: str) -> list[Token]:
    """The words of a text as `opinions` needs them: idioms are a gap, signs left out."""
    text = lexicon(lang).idioms.sub(lambda m: " " * len(m[0]), text)
    return [t for t in analyse(text, "en" if lang == "en" else None) if t.pos != "PUNCT"]


def opinions(
    text: str,
    lang: str,
    phrases: Iterable[tuple[str, int, int]] = (),
    tokens: Sequence[Token] | None = None,
) -> list[Opinion]:
    """What a text says of which aspect.

    A clause is judged by its opinion words, each turned round by a negation not far
    before it and given to the nearest aspect of the clause; a word such as "expensive" brings its
    aspect along. A measure is blamed when there is too much of it or when it is not as pictured
    ("smaller than in the photo"), praised with "enough". A clause with an opinion and no aspect
    speaks of the aspect before it in the sentence.

    Parameters
    ----------
    lang
        `en` or `zh`.
    phrases
        Further aspects in this text: (key, start, end).
    tokens
        What `read` gave for the text, where it was read before.

    Examples
    --------
    >>> [(o.aspect, o.sign) for o in opinions("Not expensive, but the battery life is poor.", "en")]
    [('price', 1), ('battery', -1)]
    >>> [(o.aspect, o.sign) for o in opinions("续航不错，就是有点贵。", "zh")]
    [('battery', 1), ('price', -1)]
    """
    words = lexicon(lang)
    text = words.idioms.sub(lambda m: " " * len(m[0]), text)
    tokens = read(text, lang) if tokens is None else tokens
    extra = sorted(phrases, key=lambda p: p[1])
    out: list[Opinion] = []
    for start, end in _pieces(text, 0, len(text), _SENTENCE):
        said: list[_Unit] = []
        for a, b in _pieces(text, start, end, _CLAUSE):
            clause = [t for t in tokens if a <= t.start and t.end <= b]
            named = [p for p in extra if a <= p[1] and p[2] <= b]
            explicit, found = _clause(text, a, b, clause, words, named)
            if said and not explicit and said[-1].sign == 0:
                # Nothing is named here: what judges anything judges what the sentence spoke of.
                loose = [u for u in found if u.general]
                sign = _sign(sum(u.sign or 0 for u in loose))
                if sign:
                    said[-1].sign = sign
                    found = [u for u in found if not u.general]
            said += [u for u in found if u.aspect]
        out += _settled(said)
    return out


def _settled(said: Sequence[_Unit]) -> list[Opinion]:
    """The opinions of a sentence, one an aspect; a weak judgement gives way to any other."""
    by_aspect: dict[str, list[_Unit]] = {}
    for unit in said:
        by_aspect.setdefault(unit.aspect or "", []).append(unit)
    out = []
    for aspect, units in by_aspect.items():
        strong = [u for u in units if u.sign and not u.weak]
        sign = _sign(sum(u.sign or 0 for u in strong or units))
        out.append(Opinion(aspect, sign, units[0].start, units[0].end))
    return sorted(out, key=lambda o: o.start)


def _pieces(text: str, start: int, end: int, cut: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    at = start
    for found in cut.finditer(text, start, end):
        if found.start() > at:
            yield at, found.start()
        at = found.end()
    if end > at:
        yield at, end


def _clause(
    text: str,
    a: int,
    b: int,
    tokens: Sequence[Token],
    words: Lexicon,
    named: Sequence[tuple[str, int, int]],
) -> tuple[bool, list[_Unit]]:
    """Whether a clause names an aspect, and its judgements; those on nothing have no aspect."""
    piece = text[a:b]
    fixed: list[_Unit] = []
    for pattern, aspect, sign in words.patterns:
        for found in pattern.finditer(piece):
            unit = _Unit(a + found.start(), a + found.end(), aspect, sign)
            if not any(_overlap(unit, u) for u in fixed):
                fixed.append(unit)
    find = _english_units if words.lang == "en" else _chinese_units
    units = [
        unit
        for unit in find(text, a, b, tokens, words)
        if not any(u.start <= unit.start and unit.end <= u.end for u in fixed)
    ]
    aspects = [u for u in units if u.sign is None]
    aspects += [
        unit
        for unit in (_Unit(start, end, key) for key, start, end in named)
        if not any(_overlap(unit, u) for u in (*aspects, *fixed))
    ]
    judged = [u for u in units if u.sign is not None]
    signs = [0] * len(aspects)
    weak = [True] * len(aspects)
    out = list(fixed)
    for unit in judged:
        near = min(range(len(aspects)), key=lambda k: _distance(aspects[k], unit), default=None)
        own = [k for k, u in enumerate(aspects) if u.aspect == unit.aspect]
        if unit.aspect and own:
            near = own[0]
        if near is not None and (own or unit.measure or unit.general):
            signs[near] += unit.sign or 0
            weak[near] &= unit.weak
        elif unit.aspect or not (aspects or fixed):
            out.append(unit)
    told = {u.aspect for u in out if u.sign}
    for k, unit in enumerate(aspects):
        sign = _sign(signs[k])
        if sign or unit.aspect not in told:
            out.append(_Unit(unit.start, unit.end, unit.aspect, sign, weak=weak[k] and sign != 0))
    explicit = bool(aspects or fixed)
    return explicit, sorted(out, key=lambda u: u.start)


def _overlap(a: _Unit, b: _Unit) -> bool:
    return a.start < b.end and b.start < a.end


def _sign(n: int) -> int:
    return (n > 0) - (n < 0)


def _distance(a: _Unit, b: _Unit) -> int:
    return max(a.start - b.end, b.start - a.end, 0)


def _english_units(
    text: str, a: int, b: int, tokens: Sequence[Token], words: Lexicon
) -> Iterator[_Unit]:
    low = [t.text.lower().replace("’", "'") for t in tokens]
    # What follows "than" is compared with and not judged.
    reach = low.index("than") if "than" in low else len(low)
    norms = [t.norm for t in tokens]
    k = 0
    while k < reach:
        matches = _longest(words.entries.get(norms[k], ()), norms[:reach], low, tokens, k)
        if not matches:
            k += 1
            continue
        length = len(matches[0].parts)
        place = (tokens[k].start, tokens[k + length - 1].end)
        for entry in matches:
            if entry.sign is None:
                yield _Unit(*place, entry.aspect)
                continue
            turn = -1 if _turned(low, k) else 1
            if entry.measure:
                sign, weak = _measured(low, norms, k, words)
                yield _Unit(*place, entry.aspect, turn * sign, True, weak=weak)
            else:
                too = any(w in _TOO for w in low[max(0, k - 2) : k])
                sign = -1 if too and entry.general else entry.sign
                general = entry.general or entry.aspect is None
                yield _Unit(*place, entry.aspect, turn * sign, general=general)
        k += length
    for j, word in enumerate(low[:-1]):  # "too much plastic", "too many screws"
        if word in _TOO and low[j + 1] in {"much", "many", "little", "few"}:
            yield _Unit(tokens[j].start, tokens[j + 1].end, None, -1, general=True)


def _longest(
    entries: Sequence[_Entry],
    norms: Sequence[str],
    low: Sequence[str],
    tokens: Sequence[Token],
    k: int,
) -> list[_Entry]:
    """The entries of the longest phrase that stands at a place: at most one judges."""
    out: list[_Entry] = []
    for entry in entries:
        if out and entry.parts != out[0].parts:
            break
        length = len(entry.parts)
        if tuple(norms[k : k + length]) != entry.parts or not _fits(low, tokens, k, entry):
            continue
        if all(inflected(w, f) for w, f in zip(entry.words, low[k : k + length], strict=True)):
            out.append(entry)
    judging = [e for e in out if e.sign is not None]
    return judging[:1] + [e for e in out if e.sign is None]


_LINKING = frozenset(["look", "feel"])
_SENSES = frozenset(["sound", "tast", "smell"])


def _fits(low: Sequence[str], tokens: Sequence[Token], k: int, entry: _Entry) -> bool:
    """Whether a word is meant as in the lexicon: `like` the verb, `clean` the verb as an aspect."""
    if len(entry.parts) > 1:
        return True
    pos, word = tokens[k].pos, tokens[k].norm
    if entry.sign is None:
        if word in _LINKING and pos == "VERB":
            after = tokens[k + 1].pos if k + 1 < len(tokens) else ""
            return word == "look" and after in {"ADJ", "ADV"}
        return pos in {"NOUN", "PROPN", "VERB"}
    if word == "like":
        return pos == "VERB"
    if word == "last":
        return pos == "VERB"
    if word == "well":
        return low[k + 1 : k + 2] != ["as"]
    return True


def _turned(low: Sequence[str], k: int) -> bool:
    """Whether a negation before a word turns it; two of them do not, nor does `not only`."""
    near = low[max(0, k - REACH_EN) : k]
    words = lexicon("en").negations
    count = sum(w in words or w.endswith("n't") for w in near)
    return count % 2 == 1 and ("not", "only") not in set(pairwise(near))


def _measured(low: Sequence[str], norms: Sequence[str], k: int, words: Lexicon) -> tuple[int, bool]:
    """(sign, whether weak) of a measure: too big, light enough, smaller than in the picture."""
    if any(w in _TOO for w in low[max(0, k - 2) : k]):
        return -1, False
    if low[k + 1 : k + 2] == ["enough"]:
        return 1, False
    if "than" in low[k + 1 : k + 3]:
        after = norms[k + 2 : k + 9]
        return (-1, True) if any(n in words.expectation for n in after) else (0, False)
    return 0, False


def _chinese_units(
    text: str, a: int, b: int, tokens: Sequence[Token], words: Lexicon
) -> Iterator[_Unit]:
    starts, ends = {t.start for t in tokens}, {t.end for t in tokens}
    at = a
    while at < b:
        matches: list[_Entry] = []
        for entry in words.entries.get(text[at], ()):
            word = entry.parts[0]
            if matches and word != matches[0].parts[0]:
                break
            if not text.startswith(word, at) or at + len(word) > b:
                continue
            # One character is a word only where the segmenter has it so: 重 in 太重, not in 体重.
            if len(word) == 1 and not _stands(text, at, b, tokens, ends):
                continue
            if entry.sign is None and (at not in starts or _compared(text, a, at, word, words)):
                continue
            matches.append(entry)
        if not matches:
            at += 1
            continue
        place = (at, at + len(matches[0].parts[0]))
        judging = [e for e in matches if e.sign is not None][:1]
        for entry in judging + [e for e in matches if e.sign is None]:
            if entry.sign is None:
                yield _Unit(*place, entry.aspect)
                continue
            turned = _turned_zh(text, a, at, words)
            if entry.measure:
                sign, weak = _measured_zh(text[a:at], words)
                # 不重 praises as 轻便 does; 不大 may be either.
                if turned:
                    sign, weak = (1 if entry.aspect == "weight" else 0), False
                yield _Unit(*place, entry.aspect, sign, True, weak=weak)
            else:
                general = entry.general or entry.aspect is None
                sign = -entry.sign if turned else entry.sign
                yield _Unit(*place, entry.aspect, sign, general=general)
        at = place[1]
    for found in re.finditer("太[多少]", text[a:b]):
        yield _Unit(a + found.start(), a + found.end(), None, -1, general=True)


def _stands(text: str, at: int, b: int, tokens: Sequence[Token], ends: set[int]) -> bool:
    """Whether the character is a word, the head of one made with a degree, or ends the clause."""
    if at + 1 == b:
        return True
    for t in tokens:
        if t.start <= at < t.end:
            return t.end == at + 1 and all(c in "很太不偏好真挺最更还" for c in text[t.start : at])
    return False


def _compared(text: str, a: int, at: int, word: str, words: Lexicon) -> bool:
    """Whether the word is what something is compared with: 比屏幕上柔和."""
    return word in words.expectation and "比" in text[max(a, at - 3) : at]


def _turned_zh(text: str, a: int, at: int, words: Lexicon) -> bool:
    start = max(a, at - REACH)
    before = text[start:at]
    for word in words.no_negations:
        place = text.find(word, start, at + len(word))
        if place >= 0:
            before = before[: place - start] + before[max(0, place - start + len(word)) :]
    return sum(before.count(n) for n in "不没无未别") % 2 == 1


def _measured_zh(before: str, words: Lexicon) -> tuple[int, bool]:
    if before.endswith(_TOO_ZH):
        return -1, False
    if "比" in before and any(w in before for w in words.expectation):
        return -1, True
    return 0, False
