"""Titles fit to be shown: clean text, film titles turned round, shouted goods names calmed."""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import unquote_plus

MAX_TITLE = 300
"""Characters of a title that are kept; longer ones end in an ellipsis."""

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
_KEPT = {"\u200d", "\u200c"}  # joiners that emoji, Persian and Indic scripts need
_PLAIN = re.compile(r"[ -~]*")
_ENTITY = re.compile(r"&(#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]+);")


def clean_text(text: str, *, limit: int | None = None, entities: bool = True) -> str:
    """Text in NFC without control, bidirectional or private characters, white space collapsed.

    With `entities`, HTML entities become their characters.

    Examples
    --------
    >>> clean_text("  A\\u202e  tale\\n&amp; B ")
    'A tale & B'
    """
    if entities and "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
    if not _PLAIN.fullmatch(text):
        text = unicodedata.normalize("NFC", text)
        text = "".join(
            c if c in _KEPT or unicodedata.category(c) not in _INVISIBLE else _blank(c)
            for c in text
        )
    text = " ".join(text.split())
    if limit is not None and len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return text


def _blank(character: str) -> str:
    return " " if character in "\t\n\r\v\f\x85" else ""


LOST = "\ufffd"
"""What a converter leaves in place of a character that it could not read."""

_YEAR = re.compile(r"\s*\((\d{4})(?:[-–/]\d{0,4})?\)\s*$")
_OTHER = re.compile(r"^(.+?)\s*\(([^()]*[^\s()][^()]*)\)\s*$")
_ARTICLE = re.compile(
    r"^(.+), (The|A|An|Le|La|Les|L'|Un|Une|Il|Lo|Gli|I|El|Los|Las|Der|Die|Das|Den|Det|De|Het|O|Os)$"
)


def turn_article(title: str) -> str:
    """`Terminator, The` → `The Terminator`; `Avventura, L'` → `L'Avventura`."""
    found = _ARTICLE.match(title)
    if not found:
        return title
    return f"{found[2]}{'' if found[2].endswith(chr(39)) else ' '}{found[1]}"


def film_title(raw: str) -> tuple[str, str | None, int | None]:
    """(title, other title, year) of a MovieLens title.

    Examples
    --------
    >>> film_title("Terminator, The (1984)")
    ('The Terminator', None, 1984)
    >>> film_title("City of Lost Children, The (Cité des enfants perdus, La) (1995)")
    ('The City of Lost Children', 'La Cité des enfants perdus', 1995)
    """
    text = clean_text(raw, limit=MAX_TITLE)
    year = None
    found = _YEAR.search(text)
    if found:
        year = int(found[1])
        text = text[: found.start()]
        found = _YEAR.search(text)
        if found and int(found[1]) == year:
            text = text[: found.start()]
    other = None
    while found := _OTHER.match(text):
        text, other = found[1], turn_article(found[2].strip())
    title = turn_article(text.strip())
    if LOST in title and other and LOST not in other:
        title, other = other, title
    return title, other, year


def restore(title: str, address: str | None) -> str:
    """A title with lost characters as its web address still spells it, if it does.

    Examples
    --------
    >>> restore("Mis\ufffdrables, Les", "http://us.imdb.com/title?Mis%E9rables%2C%20Les%20(1995)")
    'Misérables, Les'
    """
    if LOST not in title or not address:
        return title
    name, bracket, rest = title.partition(" (")
    pattern = ".".join(map(re.escape, name.split(LOST)))
    found = re.search(pattern, unquote_plus(address, encoding="latin-1"))
    return found[0] + bracket + rest if found else title


_SMALL = frozenset(
    [
        "a",
        "an",
        "and",
        "at",
        "by",
        "de",
        "du",
        "for",
        "from",
        "in",
        "la",
        "le",
        "of",
        "on",
        "or",
        "the",
        "to",
        "w",
        "with",
    ]
)
_ACRONYMS = frozenset(
    [
        "BBQ",
        "CD",
        "DIY",
        "DVD",
        "GPS",
        "LED",
        "MDF",
        "NYC",
        "PC",
        "PVC",
        "TV",
        "UK",
        "UFO",
        "USA",
        "USB",
        "UV",
        "VIP",
        "VW",
        "WC",
        "XL",
        "XXL",
        "II",
        "III",
        "IV",
    ]
)
_UNIT = re.compile(
    r"\d+(?:\.\d+)?(?:CM|MM|M|KG|G|ML|CL|L|W|V|PC|PCS|IN|FT|D)(?:X\d.*)?", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ELIDED = re.compile(r"([DLO])(['’])(.)(.*)", re.DOTALL)


def goods_title(raw: str) -> str:
    """A name printed in capitals in readable title case; only the case of letters changes.

    Names that are not mostly capitals stay as somebody wrote them.

    Examples
    --------
    >>> goods_title("WHITE HANGING HEART T-LIGHT HOLDER ")
    'White Hanging Heart T-Light Holder'
    >>> goods_title("SET OF 3 LED LIGHTS, 15CM CHILD'S MUG W/LID")
    "Set of 3 LED Lights, 15CM Child's Mug w/Lid"
    """
    text = clean_text(raw, limit=MAX_TITLE)
    capitals = sum(c.isupper() for c in text)
    if capitals < 0.6 * sum(c.isalpha() for c in text):
        return text
    words = text.split(" ")
    calm = [_calm_token(word) for word in words]
    for index, word in enumerate(calm):
        first = index == 0 or words[index - 1][-1:] in (":", ".", "!", "?", '"')
        if not first and word.lower().rstrip(",") in _SMALL:
            calm[index] = word.lower()
    return " ".join(calm)


def _calm_token(token: str) -> str:
    bare = token.strip(",.()\"'")
    if _UNIT.fullmatch(bare) or re.fullmatch(r"[A-Z]\d+|(?:[A-Z]\.)+[A-Z]?\.?", bare):
        return token
    if token.startswith("W/") and len(token) > 2:
        return "w/" + _calm_token(token[2:])
    return _WORD.sub(lambda found: _calm_word(found[0]), token)


def _calm_word(word: str) -> str:
    if word in _ACRONYMS or not word.isupper():
        return word
    found = _ELIDED.fullmatch(word)
    if found:
        return f"{found[1]}{found[2]}{found[3]}{found[4].lower()}"
    return word[0] + word[1:].lower()
