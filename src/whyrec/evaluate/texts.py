"""How varied texts are: distinct texts, sentences, n-grams and openings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

_TOKEN = {
    "zh": re.compile(r"[㐀-䶿一-鿿豈-﫿]|[^\W㐀-䶿一-鿿豈-﫿_]+(?:[.,'’-][^\W㐀-䶿一-鿿豈-﫿_]+)*"),
}
_WORD = re.compile(r"[^\W_]+(?:[.,'’-][^\W_]+)*")


def words(text: str, lang: str) -> list[str]:
    """The words of a text, case-folded, without marks.

    In Chinese every character is a word, and so is every run of Latin letters or digits: no cutting
    into words is needed to count openings and n-grams, and none can be disputed.

    Examples
    --------
    >>> words("You bought 1,234 mugs.", "en"), words("您买过 CAKE TIN。", "zh")
    (['you', 'bought', '1,234', 'mugs'], ['您', '买', '过', 'cake', 'tin'])
    """
    return [w.casefold() for w in _TOKEN.get(lang, _WORD).findall(text)]


def unique_share(texts: Iterable[str]) -> float:
    """Distinct texts over all texts; 1.0 if there are none.

    Of sentences it is the unique sentence ratio (USR) of Li, Zhang and Chen, CIKM 2020.

    Examples
    --------
    >>> unique_share(["a", "b", "a", "c"])
    0.75
    """
    counts = Counter(texts)
    return len(counts) / counts.total() if counts else 1.0


def distinct_n(texts: Iterable[str], n: int, lang: str) -> float:
    """Distinct n-grams of words over all n-grams (Li et al., NAACL 2016); 1.0 if there are none.

    Examples
    --------
    >>> distinct_n(["you bought it", "you bought this"], 2, "en")
    0.75
    """
    grams: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        w = words(text, lang)
        grams.update(zip(*(w[k:] for k in range(n)), strict=False))
    return len(grams) / grams.total() if grams else 1.0


def opening_share(texts: Sequence[str], lang: str, n: int = 5) -> tuple[float, str]:
    """How many of the texts begin with the commonest opening of n words, and that opening.

    Examples
    --------
    >>> opening_share(["You rated A and B highly.", "You rated A and C highly.", "C is here."], "en", 4)
    (0.6666666666666666, 'you rated a and')
    """
    if not texts:
        return 0.0, ""
    # A space between Chinese characters would be wrong, and between Latin words its lack.
    between = "" if lang == "zh" else " "
    counts = Counter(between.join(words(t, lang)[:n]) for t in texts)
    opening, most = max(counts.items(), key=lambda x: (x[1], x[0]))
    return most / len(texts), opening
