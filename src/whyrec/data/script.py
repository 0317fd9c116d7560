"""The language of a text as its script tells it."""

from __future__ import annotations

import re

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Chinese characters, for a character class."""

HAN_SHARE = 0.25
"""From this share of Chinese among the words, roughly, a text is Chinese with foreign words in it."""

_HAN = re.compile(f"[{HAN}]")
_LETTER = re.compile(r"[^\W\d_]")


def guess_language(text: str) -> str:
    """`zh` where at least a quarter of the words, roughly, are in Chinese characters, else `en`.

    A guess by script, and no more: text in French or German is taken for English.

    Examples
    --------
    >>> guess_language("续航 battery 很好"), guess_language("The 茶 mug is lovely"), guess_language("")
    ('zh', 'en', 'en')
    """
    han = len(_HAN.findall(text))
    if not han:
        return "en"
    letters = len(_LETTER.findall(text))
    # Four Latin letters make about as much of a word as one Chinese character.
    return "zh" if han >= HAN_SHARE * (han + (letters - han) / 4) else "en"
