"""The world of a sketch: invented names for which exactly the shape's claims are true.

Filling a text with them lets the verifier that checks every other text check sketches too.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from whyrec.evidence.types import Entry
from whyrec.language.claims import Claim
from whyrec.language.fill import Filler, compile_text, render
from whyrec.language.shape import Shape

ITEM = "item"
COUNTS = {"group": 14, "people": 212, "popular": 3456, "rating": 789, "rank": 7, "off": 1234}
"""The numbers of a sketch's world, all different, none of them a list's size."""
MEAN, BEST = 4.3, 5.0
_STRONG, _WEAK = 0.6, 0.06

_NAMES = {
    "en": (
        "Velmora Quist", "Quendrith Oble", "Zarnik Pellow", "Ibbotrane", "Mirvane Skoll",
        "Tarquell Ombry", "Ludvane", "Osperick Vay", "Grenwick Aldo", "Fennarix", "Holdrun Pice",
        "Yastrel Book", "Cravenholt", "Nuvembra", "Dolquist Arn", "Wexmire Tull", "Pirrandel",
        "Sorvane Ecks", "Umbrelloth", "Kestromy", "Javelorn Pim", "Brackonel", "Rondavere",
        "Eskwith Mole", "Thrennody Bax", "Avoncrane", "Lorrimund", "Castorwell Ig",
    ),
    "zh": (
        "维洛莫拉", "昆德里思", "扎尼克颂", "伊波川纪", "弥尔凡岬", "塔奎尔谣", "卢德凡城", "奥斯佩里", "格伦维录",
        "芬纳里克", "霍尔德伦", "亚斯特雷", "克雷文霍", "努文布拉", "多尔奎斯", "韦克斯弥", "皮兰德尔", "索凡埃克",
        "恩布雷洛", "凯斯特罗", "贾维洛恩", "布拉科涅", "隆达维尔", "埃斯克维", "思伦诺迪", "阿冯克兰", "洛里蒙德",
        "卡斯托威",
    ),
}  # fmt: skip
_LABELS = {
    "en": ("zorblery", "quillomancy", "vantering"),
    "zh": ("佐布勒", "奎洛曼", "凡特林"),
}


@dataclass(frozen=True, slots=True)
class _Truth:
    claims: tuple[Claim, ...]
    entries: dict[str, Entry]
    facets: dict[str, frozenset[tuple[str, str]]]
    people: dict[str, tuple[str, int, float]]
    popular: tuple[str, int] | None
    rating: tuple[float, int, float] | None
    without: frozenset[str]
    rank: int


class SketchWorld:
    """A world (`evidence.types.World`) in which the shape's claims are true and no others are.

    The person's history holds the items that the claims name, each with that claim's event only,
    and one item that carries the rest of the score and that no text names. Languages without names
    of their own get the English ones.

    Examples
    --------
    >>> from whyrec.language.claims import holds
    >>> w = SketchWorld(Shape.parse("en|film|plain|history(own,2,rating)+without(same,2)"))
    >>> [holds(c, w) for c in w.claims], w.names("item", "en")
    ([True, True], ('Velmora Quist',))
    """

    user = "reader"
    item = ITEM
    list_size = 10

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.domain = shape.domain
        truth = _truth(shape)
        self.claims = truth.claims
        self.rank = truth.rank
        self._truth = truth
        names = _NAMES.get(shape.lang, _NAMES["en"])
        self._names = {i: names[k] for k, i in enumerate((ITEM, *truth.entries))}
        self._ids = {n.casefold(): i for i, n in self._names.items()}
        self._labels = _LABELS.get(shape.lang, _LABELS["en"])

    def names(self, item: str, lang: str) -> tuple[str, ...]:
        """The invented name."""
        return (self._names[item],)

    def mentionable(self) -> Collection[str]:
        """The item and the history."""
        return self._names.keys()

    def find_title(self, name: str) -> tuple[str, ...]:
        """The id with that name, if any."""
        id = self._ids.get(name.casefold())
        return (id,) if id else ()

    def entry(self, item: str) -> Entry | None:
        """What the reader did with the item."""
        return self._truth.entries.get(item)

    def history(self) -> Collection[str]:
        """Ids of the history."""
        return self._truth.entries.keys()

    def total(self) -> float:
        """Contributions add up to 1."""
        return sum(e.contribution for e in self._truth.entries.values())

    def has_facet(self, item: str, field: str, value: str) -> bool:
        """Whether the item carries the invented facet."""
        return (field, value) in self._truth.facets.get(item, ())

    def facets(self, item: str) -> Collection[tuple[str, str]]:
        """The item's facets."""
        return self._truth.facets.get(item, frozenset())

    def facet_labels(self, field: str, value: str, lang: str) -> tuple[str, ...]:
        """The invented label."""
        return (self._labels[int(value)],)

    def people(self, item: str) -> tuple[str, int, float] | None:
        """The count of the shape's people claim."""
        return self._truth.people.get(item)

    def popular(self) -> tuple[str, int] | None:
        """The count of the shape's popular claim."""
        return self._truth.popular

    def rating(self) -> tuple[float, int, float] | None:
        """The figures of the shape's rating claim."""
        return self._truth.rating

    def drops_without(self, items: Collection[str]) -> bool:
        """True for the set that the shape's without claim names, and for no other."""
        return bool(items) and frozenset(items) == self._truth.without


def _truth(shape: Shape) -> _Truth:
    claims: list[Claim] = []
    entries: dict[str, Entry] = {}
    facets: dict[str, set[tuple[str, str]]] = {ITEM: set()}
    people: dict[str, tuple[str, int, float]] = {}
    popular = rating = None
    without: frozenset[str] = frozenset()
    rank = 0
    last: tuple[str, ...] = ()
    told = next((c.event for c in shape.claims if c.kind == "history" and c.event), "interaction")

    def add(prefix: str, n: int, event: str, worth: float) -> tuple[str, ...]:
        ids = tuple(f"{prefix}{k}" for k in range(1, n + 1))
        for id in ids:
            part = worth / n
            entries[id] = Entry(id, event, frozenset({event}), None, 1, part, part)
            facets[id] = set()
        return ids

    for k, c in enumerate(shape.claims):
        event = c.event or told
        if c.kind == "history" and c.link == "own":
            worth = _WEAK if c.weak else _STRONG
            last = add("history", max(c.arity, 1), event, worth)
            claims.append(Claim("history", last, event, share=worth))
        elif c.kind == "history":
            facet = (c.field or "category", str(k))
            worth = _WEAK if c.weak else _STRONG
            for id in add("group", COUNTS["group"], event, worth):
                facets[id].add(facet)
            claims.append(Claim("history", (), event, *facet, count=COUNTS["group"], share=worth))
        elif c.kind == "feature":
            facet = (c.field or "category", str(k))
            if c.link == "own":
                last = add("carrier", max(c.arity, 1), told, 0.1)
            for id in (ITEM, *last):
                facets[id].add(facet)
            claims.append(Claim("feature", last, None, *facet))
        elif c.kind == "people":
            if c.link == "own":
                last = add("peer", 1, told, 0.1)
            people[last[0]] = (event, COUNTS["people"], 2.5)
            claims.append(Claim("people", last[:1], event, count=COUNTS["people"]))
        elif c.kind == "popular":
            popular = (event, COUNTS["popular"])
            claims.append(Claim("popular", (), event, count=COUNTS["popular"]))
        elif c.kind == "rating":
            rating = (MEAN, COUNTS["rating"], BEST)
            claims.append(Claim("rating", count=COUNTS["rating"], mean=MEAN, best=BEST))
        elif c.kind == "without":
            if c.link == "own":
                last = add("without", max(c.arity, 1), told, 0.1)
            without = frozenset(last)
            claims.append(Claim("without", last))
        else:
            rank = COUNTS["off" if c.link == "off" else "rank"]
            claims.append(Claim("rank", count=rank))
    if entries:
        rest = 1.0 - sum(e.contribution for e in entries.values())
        entries["rest"] = Entry("rest", told, frozenset({told}), None, 1, rest, rest)
    frozen = {i: frozenset(f) for i, f in facets.items()}
    return _Truth(tuple(claims), entries, frozen, people, popular, rating, without, rank)


def fill_for_verification(text: str, shape: Shape) -> tuple[str, tuple[Claim, ...]]:
    """The text filled with the shape's invented names, and the claims that it should tell.

    Examples
    --------
    >>> shape = Shape.parse("en|film|plain|history(own,2,rating)")
    >>> fill_for_verification("You rated {history} highly.", shape)[0]
    'You rated “Quendrith Oble” and “Zarnik Pellow” highly.'
    """
    world = SketchWorld(shape)
    filler = Filler(
        lambda i: world.names(i, shape.lang)[0],
        lambda f, v: world.facet_labels(f, v, shape.lang)[0],
        shape.lang,
        shape.domain,
    )
    values = filler.values_of(ITEM, world.claims, shape.claims)
    return render(compile_text(text, filler.locale, tails=filler.words.tails), values), world.claims
