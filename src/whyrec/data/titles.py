"""Titles fit to be shown: clean text, film titles turned round, shouted goods names calmed."""

from __future__ import annotations

import html
import re
import unicodedata

MAX_TITLE = 300
"""Characters of a title that are kept; longer ones end in an ellipsis."""

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
_KEPT = {"\u200d", "\u200c"}  # joiners that emoji, Persian and Indic scripts need
_PLAIN = re.compile(r"[ -~]*")
_ENTITY = re.compile(r"&(#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]+);")


def clean_text(text: str, *, limit: int | None = None) -> str:
    """Text in NFC without control, bidirectional or private characters, white space collapsed.

    Examples
    --------
    >>> clean_text("  A\\u202e  tale\\n&amp; B ")
    'A tale & B'
    """
    if "&" in text and _ENTITY.search(text):
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
    found = _OTHER.match(text)
    if found:
        text, other = found[1], turn_article(found[2].strip())
    return turn_article(text.strip()), other, year


def goods_title(raw: str) -> str:
    """A name printed in capitals in readable title case."""
    return clean_text(raw, limit=MAX_TITLE).title()
