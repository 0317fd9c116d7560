"""English parts of speech without a download: a small lexicon, endings and a few rules of context."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

_NLTK_DATA = "averaged_perceptron_tagger_eng"

# Penn tags, as NLTK's tagger gives them, to universal ones.
_PENN = {
    "CC": "CCONJ", "CD": "NUM", "DT": "DET", "EX": "PRON", "FW": "X", "IN": "ADP", "JJ": "ADJ",
    "JJR": "ADJ", "JJS": "ADJ", "LS": "X", "MD": "AUX", "NN": "NOUN", "NNS": "NOUN", "NNP": "PROPN",
    "NNPS": "PROPN", "PDT": "DET", "POS": "PART", "PRP": "PRON", "PRP$": "DET", "RB": "ADV",
    "RBR": "ADV", "RBS": "ADV", "RP": "ADP", "SYM": "PUNCT", "TO": "PART", "UH": "X", "VB": "VERB",
    "VBD": "VERB", "VBG": "VERB", "VBN": "VERB", "VBP": "VERB", "VBZ": "VERB", "WDT": "DET",
    "WP": "PRON", "WP$": "DET", "WRB": "ADV",
}  # fmt: skip

_ENDINGS = (
    (
        re.compile(r".{3,}(?:tion|sion|ment|ness|ity|ance|ence|ship|hood|ism|ist|ure|dom)s?$"),
        "NOUN",
    ),
    (re.compile(r".{3,}ly$"), "ADV"),
    (re.compile(r".{2,}(?:ous|ful|less|ive|able|ible|ish|ic|ical|ary|proof|worthy|most)$"), "ADJ"),
    (re.compile(r".{3,}(?:ise|ize|ify)[sd]?$"), "VERB"),
    (re.compile(r".{2,}(?:ing|ed)$"), "VERB"),
)


def tag(words: Sequence[str]) -> list[str]:
    """The universal part of speech of each word of a text.

    NLTK's averaged perceptron where its data are installed
    (`nltk.download("averaged_perceptron_tagger_eng")`), else `tag_by_rules`.
    """
    nltk = _nltk()
    if nltk is None:
        return tag_by_rules(words)
    found = nltk.tag(list(words)) if words else []
    return ["PUNCT" if not w[0].isalnum() else _PENN.get(t, "X") for w, t in found]


@cache
def _nltk() -> Any | None:
    # Asked of the disk first: importing NLTK takes a second, most often for nothing.
    named = os.environ.get("NLTK_DATA", "").split(os.pathsep)
    homes = [*filter(None, named), str(Path.home() / "nltk_data")]
    homes += [f"{sys.prefix}/{d}" for d in ("nltk_data", "share/nltk_data", "lib/nltk_data")]
    homes += [f"/usr/{d}" for d in ("share/nltk_data", "local/share/nltk_data", "lib/nltk_data")]
    if not any((Path(home) / "taggers" / _NLTK_DATA).is_dir() for home in homes):
        return None
    try:
        from nltk.tag.perceptron import PerceptronTagger

        return PerceptronTagger()  # its weights are JSON since NLTK 3.9
    except (ImportError, LookupError):
        return None


def tag_by_rules(words: Sequence[str]) -> list[str]:
    """The tags of a lexicon of closed classes and common words, of endings, then of context.

    Made for short texts about goods and films. Of the 181 words of the sentences in the tests, tagged
    by hand before it saw them, it tagged 177 (98 %) so, NLTK and its data absent
    (`tests/features/test_tagger.py`): enough to find noun phrases, not to parse.

    Examples
    --------
    >>> tag_by_rules("The battery life is really good .".split())
    ['DET', 'NOUN', 'NOUN', 'AUX', 'ADV', 'ADJ', 'PUNCT']
    """
    tags = [_alone(word, first=k == 0 or words[k - 1] in ".!?") for k, word in enumerate(words)]
    low = [w.lower().replace("’", "'") for w in words]
    lexicon = _lexicon()
    for k, pos in enumerate(tags):
        before = tags[k - 1] if k else ""
        after = tags[k + 1] if k + 1 < len(tags) else ""
        if low[k] == "to":
            tags[k] = "PART" if _may(low[k + 1 : k + 2], "VERB") and after != "PROPN" else "ADP"
        elif low[k] in {"that", "this", "these", "those"}:
            tags[k] = "DET" if after in {"NOUN", "ADJ", "PROPN", "NUM"} else "PRON"
        elif low[k] == "her":
            tags[k] = "DET" if after in {"NOUN", "ADJ"} else "PRON"
        elif low[k] == "like" and (before in {"PRON", "PART"} or low[k - 1 : k] == ["would"]):
            tags[k] = "VERB"
        elif pos == "VERB" and k and words[k][0].isupper() and words[k - 1][0].isupper():
            tags[k] = "PROPN"  # within a title: Herringbone Felt Coaster
        elif (
            pos == "VERB" and before in {"DET", "ADJ", "NUM"} and low[k - 1] not in {"all", "both"}
        ):
            # After a determiner no finite verb stands: a noun, or an adjective before one.
            participle = low[k].endswith(("ing", "ed"))
            tags[k] = "ADJ" if participle and after in {"NOUN", "PROPN"} else "NOUN"
        elif (
            pos == "VERB" and before == "NOUN" and low[k + 1 : k + 2] in (["is"], ["was"], ["are"])
        ):
            tags[k] = "NOUN"  # the zip pull is …
        elif pos == "VERB" and before == "ADP" and low[k - 1] not in {"to", "than"}:
            tags[k] = "VERB" if low[k].endswith("ing") and after in {"DET", "PRON"} else "NOUN"
        elif pos == "VERB" and low[k].endswith("ed") and _linked(low, tags, k):
            tags[k] = "ADJ" if low[k] in lexicon["participles"] else "VERB"
        elif pos in {"NOUN", "ADJ"} and "VERB" in _can(low[k]):
            after_to = low[k - 1 : k] == ["to"] and k > 0
            if (
                after_to
                or (before == "AUX" and _modal(low, k))
                or (before == "PRON" and low[k - 1] in lexicon["subjects"])
                or (k == 0 and after in {"DET", "PRON"})
            ):
                tags[k] = "VERB"
        elif pos == "NOUN" and low[k].endswith("s") and _third_person(words, low, tags, k):
            tags[k] = "VERB"
        elif pos == "ADJ" and before == "DET" and after in {"AUX", "PUNCT", "ADP", "CCONJ", ""}:
            tags[k] = "NOUN" if "NOUN" in _can(low[k]) else "ADJ"
    return tags


@lru_cache(1 << 16)
def _alone(word: str, *, first: bool) -> str:
    """The likeliest tag of a word by itself."""
    low = word.lower().replace("’", "'")
    if not low[0].isalnum():
        return "PUNCT"
    if low[0].isdigit():
        return "NUM"
    known = _known().get(low)
    if known:
        return known[0]
    for form in _bases(low):
        found = _known().get(form)
        if found:
            if "VERB" in found and low.endswith(("ing", "ed")):
                return "VERB"
            if found[0] in {"NOUN", "VERB"}:
                return found[0]
            if found[0] == "ADJ" and low.endswith(("er", "est", "ier", "iest")):
                return "ADJ"
    if word[0].isupper() and not first:
        return "PROPN"
    if "-" in low:
        last = low.rsplit("-", 1)[1]
        return "ADJ" if last.endswith("ed") or "ADJ" in _can(last) else "NOUN"
    for pattern, pos in _ENDINGS:
        if pattern.match(low):
            return pos
    return "NOUN"


def _bases(low: str) -> list[str]:
    """Forms that the word may be an inflection of."""
    out = []
    for ending, instead in (
        ("ies", "y"), ("es", ""), ("s", ""), ("ied", "y"), ("ed", ""), ("ed", "e"), ("ing", ""),
        ("ing", "e"), ("ier", "y"), ("iest", "y"), ("er", ""), ("er", "e"), ("est", ""), ("est", "e"),
    ):  # fmt: skip
        if low.endswith(ending) and len(low) > len(ending) + 1:
            base = low[: -len(ending)] + instead
            out.append(base)
            if not instead and len(base) > 2 and base[-1] == base[-2]:
                out.append(base[:-1])
    return out


@lru_cache(1 << 16)
def _can(low: str) -> frozenset[str]:
    out = set(_known().get(low, ()))
    for base in _bases(low):
        found = _known().get(base, ())
        if low.endswith("s"):
            out |= {p for p in found if p in {"NOUN", "VERB"}}
        elif low.endswith(("ed", "ing")):
            out |= {p for p in found if p == "VERB"}
    return frozenset(out)


def _may(words: Sequence[str], pos: str) -> bool:
    return bool(words) and pos in _can(words[0])


def _modal(low: Sequence[str], k: int) -> bool:
    return low[k - 1] in _lexicon()["modals"]


def _third_person(words: Sequence[str], low: Sequence[str], tags: Sequence[str], k: int) -> bool:
    """Whether an unknown word in -s stands as a verb: it suits …, Darkens slowly."""
    after = tags[k + 1] if k + 1 < len(tags) else ""
    if k and low[k - 1] in {"it", "he", "she", "which", "who"} and not low[k].endswith("ss"):
        return True
    opening = k == 0 or not words[k - 1][0].isalnum()
    return opening and after == "ADV" and low[k + 1].endswith("ly")


def _linked(low: Sequence[str], tags: Sequence[str], k: int) -> bool:
    """Whether a form of `be` or the like stands before the word, adverbs between them allowed."""
    j = k - 1
    while j >= 0 and tags[j] in {"ADV", "PART"}:
        j -= 1
    return j >= 0 and (tags[j] == "AUX" or low[j] in _lexicon()["linking"])


@cache
def _lexicon() -> dict[str, frozenset[str]]:
    tables = tomllib.loads((files("whyrec.features.text") / "lexicon_en.toml").read_text("utf-8"))
    return {name: frozenset(words.split()) for name, words in tables["set"].items()}


@cache
def _known() -> dict[str, tuple[str, ...]]:
    """Word → its parts of speech, the likeliest first (in the order of the file)."""
    tables = tomllib.loads((files("whyrec.features.text") / "lexicon_en.toml").read_text("utf-8"))
    out: dict[str, list[str]] = {}
    for pos, words in tables["word"].items():
        for word in words.split():
            if pos not in out.setdefault(word, []):
                out[word].append(pos)
    return {w: tuple(p) for w, p in out.items()}
