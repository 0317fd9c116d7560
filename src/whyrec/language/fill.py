"""Filling: a verified sketch and a plan become a person's text in microseconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from whyrec.data.catalogue import Catalogue
from whyrec.language import domains, locales
from whyrec.language.claims import Claim
from whyrec.language.locales import Locale, clean_name
from whyrec.language.shape import SLOTS
from whyrec.language.types import Plan, Sketch

LONGEST_NAME = 160
"""Longer names are cut at a word and end in `…`: a sentence stays one that can be read."""

_SLOT = re.compile(r"\{(" + "|".join((*SLOTS, "top", "best")) + r")\}")
_BEST = re.compile(r"(?<![\w.,{])5(?![\w%]|[.,]\d)", re.ASCII)
"""The end of the rating scale in a sketch: written as 5 and filled with the claim's own."""

_NUMBERS = frozenset({"count", "people", "crowd", "mean", "raters", "rank", "best"})
_LABELS = frozenset({"feature", "group"})
_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿〇]")
_LATIN = re.compile(r"[0-9A-Za-zÀ-ɏ]")

Filled = tuple[str, tuple[tuple[str, tuple[int, ...]], ...]]
"""A text, and its sentences with the positions of the claims that each tells."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sentence compiled: `%s` for every slot, and what to do with each value.

    `slots` are (name, space before, space after, capital, tail); spaces are for values that begin
    or end in a Latin letter or digit, so that only the seams of a text are touched, never a title.
    A tail is a noun after a label that is not said twice.
    """

    format: str
    slots: tuple[tuple[str, bool, bool, bool, str], ...]
    claims: tuple[int, ...] = ()
    tails: tuple[str, ...] = ()


def compile_text(
    text: str, locale: Locale, claims: tuple[int, ...] = (), tails: tuple[str, ...] = ()
) -> Pattern:
    """Compile a text with `{slot}`s; what is not a slot stays as it is, braces included."""
    # "top ten" is the size of the list: true of ten only, so it becomes a value as well.
    text = re.sub(
        rf"{re.escape(locale.top_phrase(10))}(?![\w%])" if not locale.cjk_spacing
        else re.escape(locale.top_phrase(10)),
        "{top}",
        text,
    )  # fmt: skip
    if "{mean}" in text:
        text = _BEST.sub("{best}", text)
    pieces = _SLOT.split(text)
    literals, names = pieces[::2], pieces[1::2]
    if locale.capitalise and literals[0]:
        literals[0] = literals[0][0].upper() + literals[0][1:]
    spec = []
    for k, name in enumerate(names):
        before = after = False
        if locale.cjk_spacing:
            left, right = literals[k].rstrip(" "), literals[k + 1].lstrip(" ")
            before, after = bool(_HAN.match(left[-1:])), bool(_HAN.match(right[:1]))
            literals[k], literals[k + 1] = left, right
            if name in _NUMBERS:
                literals[k] += " " * before
                literals[k + 1] = " " * after + right
                before = after = False
        capital = locale.capitalise and name in _LABELS and k == 0 and not literals[0]
        tail = ""
        if name in _LABELS:
            tail = next((t for t in tails if literals[k + 1].startswith(t)), "")
            literals[k + 1] = literals[k + 1].removeprefix(tail)
        spec.append((name, before, after, capital, tail))
    format = "%s".join(x.replace("%", "%%") for x in literals)
    return Pattern(format, tuple(spec), claims, tails)


def render(pattern: Pattern, values: dict[str, str]) -> str:
    """The sentence with its values; a slot without a value keeps its braces."""
    out = []
    for name, before, after, capital, tail in pattern.slots:
        value = values.get(name)
        if value is None:
            value = "{" + name + "}" + tail
        elif value:
            if before and _LATIN.match(value):
                value = " " + value
            if after and _LATIN.match(value[-1]):
                value += " "
            if capital and value[0].islower():
                value = value[0].upper() + value[1:]
            if tail and not value.endswith(pattern.tails):
                value += tail
        out.append(value)
    return pattern.format % tuple(out)


class Filler:
    """Fills sketches of one language and domain.

    Parameters
    ----------
    title
        The shown name of an item id, as it came from the catalogue: untrusted.
    label
        The shown label of a facet (field, value).
    list_size
        The n of the shown list, which "top ten" speaks about.
    """

    def __init__(
        self,
        title: Callable[[str], str],
        label: Callable[[str, str], str],
        lang: str,
        domain: str,
        list_size: int = 10,
    ) -> None:
        self.locale = locales.load(lang)
        self.words = domains.load(domain).words(lang)
        self._title, self._label = title, label
        self._titles: dict[str, str] = {}
        self._labels: dict[tuple[str, str], str] = {}
        self._lists: dict[tuple[str, ...], str] = {}
        self._integers: dict[int, str] = {}
        self._patterns: dict[int, tuple[Sketch, tuple[Pattern, ...]]] = {}
        self._top = {"top": self.locale.top_phrase(list_size)}

    @classmethod
    def of(
        cls, catalogue: Catalogue, facets: Any, lang: str, domain: str, list_size: int = 10
    ) -> Filler:
        """A filler for a catalogue and its `Facets`."""
        titles, index = catalogue.titles(lang), catalogue.index

        def label(field: str, value: str) -> str:
            return str(facets.labels(field, value, lang)[0])

        return cls(lambda id: titles[index[id]], label, lang, domain, list_size)

    def title(self, item: str) -> str:
        """An item's title as it stands in a sentence: cleaned, quoted as the language wants."""
        text = self._titles.get(item)
        if text is None:
            name = shorten(clean_name(self._title(item))) or clean_name(item) or "—"
            text = self._titles[item] = self.locale.title(name, works=self.words.works)
        return text

    def label(self, field: str, value: str) -> str:
        """A facet's label as it stands in a sentence."""
        text = self._labels.get((field, value))
        if text is None:
            text = shorten(clean_name(self._label(field, value))) or clean_name(value) or "—"
            if self.words.fields[field].quoted and text[0] != self.locale.quote[0]:
                text = self.locale.quoted(text)
            self._labels[field, value] = text
        return text

    def titles(self, items: tuple[str, ...]) -> str:
        """Several titles as a list."""
        if len(items) == 1:
            return self.title(items[0])
        return self.locale.join([self.title(i) for i in items])

    def integer(self, n: int) -> str:
        """A whole number in the language's digits."""
        text = self._integers.get(n)
        if text is None:
            text = self._integers[n] = self.locale.integer(n)
        return text

    def values(self, plan: Plan) -> dict[str, str]:
        """Slot values for a plan."""
        return self.values_of(plan.item, plan.claims, plan.shape.claims)

    def values_of(
        self, item: str, claims: Sequence[Claim], shapes: Sequence[Any]
    ) -> dict[str, str]:
        """Slot values for an item and its claims with their shapes."""
        out = dict(self._top)
        out["item"] = self.title(item)
        for claim, shape in zip(claims, shapes, strict=True):
            kind, link = claim.kind, shape.link
            if kind == "history":
                if link == "own":
                    out["history"] = self.titles(claim.items)
                else:
                    out["count"] = self.integer(claim.count or 0)
                    out["group"] = self.label(claim.field or "", claim.value or "")
            elif kind == "feature":
                out["feature"] = self.label(claim.field or "", claim.value or "")
                if link == "own":
                    out["carriers"] = self.titles(claim.items)
            elif kind == "people":
                out["people"] = self.integer(claim.count or 0)
                if link == "own":
                    out["peer"] = self.title(claim.items[0])
            elif kind == "popular":
                out["crowd"] = self.integer(claim.count or 0)
            elif kind == "rating":
                out["mean"] = self.locale.decimal(claim.mean or 0.0)
                best = claim.best or 5.0
                out["best"] = self.locale.decimal(best, 0 if best == int(best) else 1)
                out["raters"] = self.integer(claim.count or 0)
            elif kind == "without":
                if link == "own":
                    out["without"] = self.titles(claim.items)
            else:
                out["rank"] = self.integer(claim.count or 0)
        return out

    def fill(self, sketch: Sketch, plan: Plan) -> Filled:
        """The sketch with the plan's values."""
        # By identity: sketches are made once and kept, and hashing one takes longer than filling it.
        known = self._patterns.get(id(sketch))
        if known is None or known[0] is not sketch:
            compiled = tuple(
                compile_text(t, self.locale, claims, self.words.tails)
                for t, claims in sketch.sentences
            )
            known = self._patterns[id(sketch)] = (sketch, compiled)
        patterns = known[1]
        values = self.values(plan)
        sentences = tuple((render(p, values), p.claims) for p in patterns)
        return self.locale.between.join([s for s, _ in sentences]), sentences


_SIZES = {"en": re.compile(r"\b(ten|10)\b"), "zh": re.compile(r"十|(?<!\d)10(?!\d)")}
_SCALES = {"en": re.compile(r"\bfive\b"), "zh": re.compile(r"五")}


def fits(sketch: Sketch, plan: Plan, list_size: int) -> bool:
    """Whether a sketch can be filled for this list size and rating scale.

    Sketches are written and verified for lists of ten and marks out of 5. "Top ten" and the digit 5
    are values; a sketch that says either in another way is kept for where it is true.

    Examples
    --------
    >>> from whyrec.language.shape import Shape
    >>> shape = Shape.parse("en|film|plain|rank")
    >>> said = Sketch(shape, "{item} is number {rank} of your ten.", (), "nano")
    >>> fits(said, Plan("u", "i", "en", (Claim("rank", count=3),), shape), 20)
    False
    """
    lang = plan.lang
    if list_size != 10:
        text = sketch.text.replace(locales.load(lang).top_phrase(10), "")
        size = _SIZES.get(lang)
        if size is not None and size.search(text):
            return False
    scale = _SCALES.get(lang)
    if scale is not None and any(c.best not in (None, 5.0) for c in plan.claims):
        return not scale.search(sketch.text)
    return True


def fill(sketch: Sketch, plan: Plan, catalogue: Catalogue, facets: Any) -> Filled:
    """The sketch with the plan's values; for many texts keep one `Filler`."""
    return Filler.of(catalogue, facets, plan.lang, plan.shape.domain).fill(sketch, plan)


def shorten(name: str, longest: int = LONGEST_NAME) -> str:
    """The name, cut at a word if it is longer than `longest` characters."""
    if len(name) <= longest:
        return name
    head = name[: longest - 1]
    cut = head.rfind(" ")
    return head[: cut if cut > longest // 2 else None].rstrip() + "…"
