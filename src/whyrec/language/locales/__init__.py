"""Locales: quotes, lists, numbers, prices, plurals and spacing of a language, one TOML file each."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from types import MappingProxyType

from whyrec.errors import LanguageError

_HAN = "㐀-䶿一-鿿豈-﫿〇"
_ALL_HAN = re.compile(rf"[{_HAN}·]+")
# A Chinese character beside a Latin letter, digit, sign of currency or opening Latin bracket.
_SEAM = re.compile(
    rf"(?<=[{_HAN}])(?=[0-9A-Za-zÀ-ɏ£$€¥#&@(])|(?<=[0-9A-Za-zÀ-ɏ%)+#&@])(?=[{_HAN}])"
)


@dataclass(frozen=True)
class Locale:
    """The conventions of one language; lists, numbers and plurals come from CLDR through Babel.

    Attributes
    ----------
    quote, work_quote
        Opening and closing marks around words, and around titles of works.
    plain_goods
        Whether names of goods stand without quotes whatever their script.
    sentence_end
        Characters that end a sentence.
    capitalise
        Whether a sentence begins with a capital letter.
    cjk_spacing
        Whether a space stands between Chinese characters and Latin letters or digits.
    top
        How the size of the shown list is written, with `{n}`.
    between
        What stands between two sentences.
    small
        Small numbers in words.
    """

    lang: str
    babel: str
    sentence_end: str
    quote: tuple[str, str]
    work_quote: tuple[str, str]
    plain_goods: bool
    capitalise: bool
    cjk_spacing: bool
    top: str
    list_word: str
    between: str
    small: Mapping[int, str]

    @cached_property
    def _list_patterns(self) -> tuple[str, str, str]:
        """The separators of `A and B`, `A, B` (start and middle) and `... B and C`."""
        from babel import Locale as Cldr

        p = Cldr.parse(self.babel).list_patterns["standard"]

        def between(pattern: str) -> str:
            return str(pattern).replace("{0}", "").replace("{1}", "")

        return between(p["2"]), between(p["middle"]), between(p["end"])

    @cached_property
    def _separators(self) -> tuple[str, str]:
        """Group and decimal signs, read off what Babel writes."""
        from babel.numbers import format_decimal

        text = format_decimal(1234.5, format="#,##0.0", locale=self.babel)
        return text[1], text[-2]

    def join(self, parts: Sequence[str]) -> str:
        """The parts as a list.

        Examples
        --------
        >>> load("en").join(["A", "B", "C"]), load("zh").join(["甲", "乙", "丙"])
        ('A, B and C', '甲、乙和丙')
        """
        if len(parts) < 2:
            return parts[0] if parts else ""
        two, middle, end = self._list_patterns
        if len(parts) == 2:
            return two.join(parts)
        return middle.join(parts[:-1]) + end + parts[-1]

    def integer(self, n: int) -> str:
        """A whole number with its groups: `1,234`."""
        group, _ = self._separators
        return f"{n:,}".replace(",", group)

    def decimal(self, x: float, digits: int = 1) -> str:
        """A number with so many digits after the decimal sign: `4.3`."""
        group, point = self._separators
        text = f"{x:,.{digits}f}"
        return text.translate({ord(","): group, ord("."): point})

    def price(self, x: float, currency: str) -> str:
        """A price as the language writes it: `£3.50`."""
        from babel.numbers import format_currency

        return str(format_currency(x, currency, locale=self.babel))

    def plural(self, n: int) -> str:
        """The CLDR plural category: `one` or `other` in English, always `other` in Chinese."""
        from babel import Locale as Cldr

        return str(Cldr.parse(self.babel).plural_form(n))

    def top_phrase(self, n: int) -> str:
        """How a list of n is called: `top ten`, `前十`, `top 37`, `前 37`."""
        return self.space(self.top.replace("{n}", self.small.get(n) or self.integer(n)))

    def space(self, text: str) -> str:
        """The text with spaces between scripts, where the language wants them.

        Examples
        --------
        >>> load("zh").space("有212位观众")
        '有 212 位观众'
        """
        return _SEAM.sub(" ", text) if self.cjk_spacing else text

    def quoted(self, words: str) -> str:
        """The words in quotation marks."""
        a, b = self.quote
        return f"{a}{words}{b}"

    def title(self, name: str, *, works: bool) -> str:
        """A title or name as it stands in a sentence.

        Examples
        --------
        >>> load("zh").title("异形", works=True), load("zh").title("异形", works=False)
        ('《异形》', '异形')
        >>> load("zh").title("CAKE TIN", works=False), load("en").title("CAKE TIN", works=False)
        ('“CAKE TIN”', 'CAKE TIN')
        """
        if works:
            a, b = self.work_quote
            if name.startswith(a) and name.endswith(b):
                return name
            return f"{a}{name}{b}"
        if self.plain_goods or _ALL_HAN.fullmatch(name):
            return name
        return self.quoted(name)


def clean_name(name: str) -> str:
    """A name from outside as one line of plain text: no control, bidirectional or invisible signs.

    Examples
    --------
    >>> clean_name("Mug\\u202e  (red)\\n")
    'Mug (red)'
    """
    if name.isascii() and name.isprintable() and "  " not in name and name == name.strip():
        return name
    kept = (
        " " if c.isspace() else c for c in name if c.isspace() or unicodedata.category(c)[0] != "C"
    )
    return " ".join("".join(kept).split())


def locales() -> tuple[str, ...]:
    """Languages that have a file."""
    return tuple(sorted(p.name[:-5] for p in files(__name__).iterdir() if p.name.endswith(".toml")))


@cache
def load(lang: str) -> Locale:
    """The locale of that language.

    Raises
    ------
    LanguageError
        If there is no such file, or it lacks a field.
    """
    if lang not in locales():
        raise LanguageError(
            "no such language", where=lang, remedy=f"use one of {', '.join(locales())}"
        )
    t = tomllib.loads((files(__name__) / f"{lang}.toml").read_text("utf-8"))
    try:
        return Locale(
            lang=lang,
            babel=t["babel"],
            sentence_end=t["sentence_end"],
            quote=(t["quote"][0], t["quote"][1]),
            work_quote=(t["work_quote"][0], t["work_quote"][1]),
            plain_goods=t["plain_goods"],
            capitalise=t["capitalise"],
            cjk_spacing=t["cjk_spacing"],
            top=t["top"],
            list_word=t["list_word"],
            between=t["between"],
            small=MappingProxyType({int(k): v for k, v in t["small"].items()}),
        )
    except (KeyError, IndexError) as e:
        raise LanguageError(f"no {e}", where=f"{lang}.toml", remedy="see en.toml") from e
