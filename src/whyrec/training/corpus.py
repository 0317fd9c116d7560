"""The corpus: texts of the phrase grammar that the verifier accepts, split by sentence skeleton."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path

from whyrec.errors import LanguageError
from whyrec.language import domains
from whyrec.language.reach import reachable_shapes
from whyrec.language.shape import FIELDS, ClaimShape, Shape
from whyrec.training.grammar import generate
from whyrec.training.tokens import DOMAINS, EVENTS, LANGUAGES

VALID_SHARE = 0.03
"""Part of the skeletons that training never sees."""

UNSEEN_SHARE = 0.02
"""Part of the shapes that training never sees."""

EXTRA_WEIGHT = 0.3
"""Shapes that no planner makes weigh so much in the corpus."""

Accept = Callable[[str, Shape], bool]


def all_shapes(lang: str | None = None) -> list[Shape]:
    """Every shape that a planner can make, for every event and field, in a fixed order."""
    return [
        shape
        for language in LANGUAGES
        if lang in (None, language)
        for domain in DOMAINS
        for shape in reachable_shapes(language, domain, EVENTS, FIELDS, crowd=EVENTS)
    ]


EXTRA_EVENTS, EXTRA_FIELDS = ("purchase", "view", "rating"), ("category", "tag")


def extra_shapes(lang: str | None = None) -> list[Shape]:
    """Sensible shapes that no planner makes today: taught as well, so that one may tomorrow."""
    out = []
    for language in LANGUAGES:
        if lang not in (None, language):
            continue
        for domain, event, field_ in product(DOMAINS, EXTRA_EVENTS, EXTRA_FIELDS):
            own = [ClaimShape("history", "own", n, event) for n in (1, 2, 3)]
            weak = [ClaimShape("history", "own", n, event, weak=True) for n in (1, 2, 3)]
            peer = ClaimShape("people", "own", 1, event)
            same = [ClaimShape("feature", "same", n, field=field_) for n in (1, 2, 3)]
            carriers = [ClaimShape("feature", "own", n, field=field_) for n in (1, 2)]
            without = [ClaimShape("without", "own", n) for n in (1, 2)]
            rating, popular = ClaimShape("rating"), ClaimShape("popular", "", 0, event)
            people = ClaimShape("people", "same", 1, event)
            texts = [
                *((o, c) for o in own for c in carriers),
                *((w, c) for w in weak for c in carriers),
                *((w, peer) for w in weak),
                *((c,) for c in carriers),
                *((c, w) for c in carriers for w in without),
                (peer, same[0]),
                (peer, carriers[0]),
                (peer, without[0]),
                (own[0], people, same[0]),
                (own[0], same[0], people),
                (own[2], rating),
                (own[2], popular),
                (ClaimShape("popular", "cold", 0, event), rating),
                (ClaimShape("history", "group", 0, event, field_, weak=True),),
                (ClaimShape("history", "group", 0, event, field_), rating),
            ]
            out += [Shape(language, domain, t) for t in texts]
    return list(dict.fromkeys(out))


def family(shape: Shape) -> str:
    """The shape without numbers, events, fields and domain: what kind of text it is.

    Examples
    --------
    >>> family(Shape.parse("en|film|plain|history(own,2,rating,weak)+feature(same,2,tag)"))
    'history:own:weak+feature:same'
    """
    return "+".join(
        ":".join(x for x in (c.kind, c.link, "weak" if c.weak else "") if x) for c in shape.claims
    )


def is_unseen(shape: Shape) -> bool:
    """Whether the shape is kept out of training, to measure texts for shapes never seen."""
    return _part("shape", shape.key) < UNSEEN_SHARE and len(shape.claims) > 1


def is_valid(text: str, lang: str) -> bool:
    """Whether the text's skeleton is kept out of training, to measure sentences never seen."""
    return _part("text", skeleton(text, lang)) < VALID_SHARE


def _part(salt: str, text: str) -> float:
    digest = hashlib.sha256(f"{salt}|{text}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def skeleton(text: str, lang: str) -> str:
    """The text with nouns, event words and numbers of items blanked.

    Two texts that differ in nothing else are the same sentence said of other things.

    Examples
    --------
    >>> skeleton("You watched {history}, and this film shares their {feature}.", "en")
    'you · {history}, and this · shares · {feature}.'
    """
    return _changing(lang).sub("·", text.lower())


@lru_cache(maxsize=8)
def _changing(lang: str) -> re.Pattern[str]:
    words: set[str] = set()
    for domain in DOMAINS:
        pack = domains.load(domain).words(lang)
        words |= {w for w in (pack.noun, pack.nouns, pack.measure) if w}
        words |= {v for e in pack.events.values() for v in e.verbs}
    if lang == "zh":
        words |= {"一", "两", "三", "它们", "它"}
        return re.compile("|".join(sorted(words, key=lambda w: (-len(w), w))))
    words |= {"that one", "those two", "those three", "its", "their", "it", "them", "is", "are"}
    return re.compile(rf"\b(?:{'|'.join(sorted(words, key=lambda w: (-len(w), w)))})\b")


def verified(text: str, shape: Shape) -> bool:
    """Whether the verifier accepts the text as a sketch of the shape."""
    from whyrec.language.verify import verify_sketch

    return verify_sketch(text, shape)[0] is not None


@dataclass
class Corpus:
    """Texts with their shapes' keys, in three parts, and what was refused on the way."""

    train: list[tuple[str, str]] = field(default_factory=list)
    valid: list[tuple[str, str]] = field(default_factory=list)
    unseen: list[tuple[str, str]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    tried: int = 0

    @property
    def fingerprint(self) -> str:
        """sha256 of all texts in order."""
        h = hashlib.sha256()
        for part in (self.train, self.valid, self.unseen):
            for key, text in part:
                h.update(f"{key}\t{text}\n".encode())
        return h.hexdigest()

    def texts(self) -> set[str]:
        """All texts of training."""
        return {t for _, t in self.train}

    def save(self, path: Path) -> None:
        """One JSON object a line: part, shape, text."""
        from whyrec.data.files import atomic_file

        with atomic_file(path) as place, Path(place).open("w", encoding="utf-8") as f:
            for part in ("train", "valid", "unseen"):
                for key, text in getattr(self, part):
                    line = {"part": part, "shape": key, "text": text}
                    f.write(json.dumps(line, ensure_ascii=False) + "\n")
            line = {"part": "counts", "tried": self.tried, "refused": dict(self.refused)}
            f.write(json.dumps(line, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> Corpus:
        """A saved corpus.

        Raises
        ------
        LanguageError
            If the file cannot be read.
        """
        out = cls()
        try:
            with path.open(encoding="utf-8") as f:
                for line in f:
                    row = json.loads(line)
                    if row["part"] == "counts":
                        out.tried, out.refused = row["tried"], Counter(row["refused"])
                    else:
                        getattr(out, row["part"]).append((row["shape"], row["text"]))
        except (OSError, ValueError, KeyError, AttributeError) as e:
            raise LanguageError(
                "not a corpus", where=str(path), remedy="delete it and train again"
            ) from e
        return out


def build(
    texts: int,
    *,
    seed: int = 0,
    shapes: Sequence[Shape] | None = None,
    accept: Accept | None = verified,
    progress: Callable[[int, int], None] | None = None,
) -> Corpus:
    """About so many different texts, all accepted; families of shapes weigh by the root of their size.

    Parameters
    ----------
    accept
        What to keep; None keeps all (the grammar alone, for tests).
    progress
        Called with (texts so far, texts).
    """
    chosen = list(shapes if shapes is not None else [*all_shapes(), *extra_shapes()])
    rng = random.Random(f"corpus|{seed}")
    size = Counter((s.lang, family(s)) for s in chosen)
    reachable = set(all_shapes()) if shapes is None else set(chosen)
    weights = [
        size[s.lang, family(s)] ** -0.5 * (1.0 if s in reachable else EXTRA_WEIGHT) for s in chosen
    ]
    out = Corpus()
    seen: set[tuple[str, str]] = set()
    made = 0
    for shape in _draw(chosen, weights, rng):
        if made >= texts or out.tried >= 4 * texts:
            break
        out.tried += 1
        text = generate(shape, rng)
        if (shape.key, text) in seen:
            continue
        seen.add((shape.key, text))
        if accept is not None and not accept(text, shape):
            out.refused[family(shape)] += 1
            continue
        if is_unseen(shape):
            out.unseen.append((shape.key, text))
        elif is_valid(text, shape.lang):
            out.valid.append((shape.key, text))
        else:
            out.train.append((shape.key, text))
        made += 1
        if progress is not None and made % 500 == 0:
            progress(made, texts)
    if progress is not None:
        progress(made, texts)
    return out


def _draw(shapes: list[Shape], weights: list[float], rng: random.Random) -> Iterator[Shape]:
    while True:
        yield from rng.choices(shapes, weights, k=1000)
