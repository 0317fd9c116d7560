"""Shapes: plans without their values, the unit in which a language model is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from whyrec.errors import LanguageError
from whyrec.language.claims import ClaimKind

Link = Literal["", "same", "own", "group", "cold", "off"]
"""How a claim names its items: `same` as the claim before it, its `own`, a `group`, or none;
`cold` marks a popular claim told to somebody without a history, `off` the rank of an item that is
not on the list."""


@dataclass(frozen=True, slots=True)
class ClaimShape:
    """One claim of a shape. `arity` is how many items it names (1 to 3), 0 for none or a group.

    kind, link           slots
    -------------------  -------------------------------------------------
    history, own         {history}
    history, group       {count} {group}      "your {count} {group} films"
    feature, same        {feature}            the items are those of the claim before
    feature, own         {feature} {carriers}
    people, same         {people}
    people, own          {people} {peer}
    popular              {crowd}
    popular, cold        {crowd}              "you are new here, so ..."
    rating               {mean} {raters}
    without, same        (none)
    without, own         {without}
    rank                 {rank}
    rank, off            {rank}               the item is below the shown list

    `weak` marks a history claim whose share is below `WEAK_SHARE`: the text must say that it is a
    small part of why.
    """

    kind: ClaimKind
    link: Link = ""
    arity: int = 0
    event: str | None = None
    field: str | None = None
    weak: bool = False

    @property
    def slots(self) -> tuple[str, ...]:
        """Slots that the text must hold for this claim, each exactly once."""
        return _SLOTS[self.kind, self.link]

    @property
    def letter(self) -> str:
        """The claim in phrase files and grammars: `h` history, `g` a group, and so on."""
        return _LETTERS[self.kind, self.link]

    @property
    def key(self) -> str:
        """For example `history(own,2,rating)`."""
        parts = [
            self.link,
            str(self.arity) if self.arity else "",
            self.event or "",
            self.field or "",
            "weak" if self.weak else "",
        ]
        inside = ",".join(p for p in parts if p)
        return f"{self.kind}({inside})" if inside else self.kind


_SLOTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("history", "own"): ("history",),
    ("history", "group"): ("count", "group"),
    ("feature", "same"): ("feature",),
    ("feature", "own"): ("feature", "carriers"),
    ("people", "same"): ("people",),
    ("people", "own"): ("people", "peer"),
    ("popular", ""): ("crowd",),
    ("popular", "cold"): ("crowd",),
    ("rating", ""): ("mean", "raters"),
    ("without", "same"): (),
    ("without", "own"): ("without",),
    ("rank", ""): ("rank",),
    ("rank", "off"): ("rank",),
}

_LETTERS: dict[tuple[str, str], str] = {
    ("history", "own"): "h",
    ("history", "group"): "g",
    ("feature", "same"): "f",
    ("feature", "own"): "F",
    ("people", "same"): "p",
    ("people", "own"): "P",
    ("popular", ""): "c",
    ("popular", "cold"): "n",
    ("rating", ""): "r",
    ("without", "same"): "w",
    ("without", "own"): "W",
    ("rank", ""): "k",
    ("rank", "off"): "o",
}

SLOTS = ("item", "history", "count", "group", "feature", "carriers", "people", "peer", "crowd",
         "mean", "raters", "without", "rank")  # fmt: skip
"""Every slot; `{item}` may stand in any text, at most twice."""

WEAK_SHARE = 0.1
"""Below this part of the positive contributions a history claim is told as weak."""

FIELDS = ("category", "tag", "brand", "word")
"""Facet fields that have wording of their own; `word` is a word of the items' names."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Language, domain, tone and the claims' shapes, in the order in which they are told."""

    lang: str
    domain: str
    claims: tuple[ClaimShape, ...]
    tone: str = "plain"

    @property
    def key(self) -> str:
        """For example `en|film|plain|history(own,2,rating)+feature(same,2,category)`."""
        return "|".join((self.lang, self.domain, self.tone, "+".join(c.key for c in self.claims)))

    @property
    def slots(self) -> tuple[str, ...]:
        """Slots that a sketch of this shape holds, each exactly once (`{item}` besides)."""
        return tuple(s for c in self.claims for s in c.slots)

    @classmethod
    def parse(cls, key: str) -> Shape:
        """The shape back from its `key`.

        Examples
        --------
        >>> k = "zh|film|plain|history(own,2,rating)+feature(same,2,category)+without(same,2)"
        >>> Shape.parse(k).key == k
        True
        """
        try:
            lang, domain, tone, rest = key.split("|")
            return cls(lang, domain, tuple(_parse_claim(p) for p in rest.split("+")), tone)
        except (ValueError, KeyError) as e:
            raise LanguageError("not a shape", where=key, remedy="see Shape.key") from e


def _parse_claim(text: str) -> ClaimShape:
    match = re.fullmatch(r"(\w+)(?:\(([\w,]*)\))?", text)
    if match is None:
        raise ValueError(text)
    kind, inside = match[1], match[2]
    link, arity, event, field, weak = "", 0, None, None, False
    for part in (inside or "").split(","):
        if part in {"same", "own", "group", "cold", "off"}:
            link = part
        elif part.isdigit():
            arity = int(part)
        elif part == "weak":
            weak = True
        elif part in FIELDS:
            field = part
        elif part:
            event = part
    _SLOTS[kind, link]
    return ClaimShape(kind, link, arity, event, field, weak)  # type: ignore[arg-type]
