"""Small worlds in which everything is known, so that true and false texts can be made at will."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from whyrec.evidence.types import Entry

Facet = tuple[str, str]


@dataclass
class ToyWorld:
    """An item, a history, a catalogue beyond it, and the numbers of the crowd."""

    domain: str
    titles: dict[str, dict[str, str]]
    facet_of: dict[str, frozenset[Facet]]
    labels: dict[Facet, dict[str, str]]
    entries: dict[str, Entry]
    people_of: dict[str, tuple[str, int, float]] = field(default_factory=dict)
    crowd: tuple[str, int] | None = None
    stars: tuple[float, int, float] | None = None
    needed: frozenset[str] = frozenset()
    rank: int = 3
    list_size: int = 10
    user: str = "u"
    item: str = "x"

    def names(self, item: str, lang: str) -> tuple[str, ...]:
        return (self.titles[item][lang],)

    def mentionable(self) -> Collection[str]:
        return (self.item, *self.entries)

    def find_title(self, name: str) -> tuple[str, ...]:
        return tuple(
            i
            for i, t in self.titles.items()
            if name.casefold() in {x.casefold() for x in t.values()}
        )

    def entry(self, item: str) -> Entry | None:
        return self.entries.get(item)

    def history(self) -> Collection[str]:
        return tuple(self.entries)

    def total(self) -> float:
        return sum(e.contribution for e in self.entries.values() if e.contribution > 0)

    def has_facet(self, item: str, field: str, value: str) -> bool:
        return (field, value) in self.facet_of.get(item, ())

    def facets(self, item: str) -> Collection[Facet]:
        return self.facet_of.get(item, frozenset())

    def facet_labels(self, field: str, value: str, lang: str) -> tuple[str, ...]:
        return (self.labels[field, value][lang],)

    def people(self, item: str) -> tuple[str, int, float] | None:
        return self.people_of.get(item)

    def popular(self) -> tuple[str, int] | None:
        return self.crowd

    def rating(self) -> tuple[float, int, float] | None:
        return self.stars

    def drops_without(self, items: Collection[str]) -> bool:
        return bool(self.needed) and self.needed <= set(items)


FILMS = {
    "x": ("The Terminator", "终结者"),
    "a": ("Alien", "异形"),
    "b": ("Blade Runner", "银翼杀手"),
    "c": ("Chinatown", "唐人街"),
    "d": ("Dune", "沙丘"),
    "low": ("Showgirls", "艳舞女郎"),
    "g1": ("The Thing", "怪形"),
    "g2": ("Gattaca", "千钧一发"),
    "g3": ("Contact", "超时空接触"),
    "out": ("Titanic", "泰坦尼克号"),
    "out2": ("Casablanca", "卡萨布兰卡"),
}
GOODS = {
    "x": ("CAKE TIN VINTAGE ROSE", "复古玫瑰蛋糕罐"),
    "a": ("RED RETROSPOT MUG", "红色波点杯"),
    "b": ("RED RETROSPOT BOWL", "红色波点碗"),
    "c": ("GARDEN LANTERN", "花园提灯"),
    "d": ("WICKER BASKET", "柳编篮"),
    "low": ("PLASTIC SPOON SET", "塑料勺套装"),
    "g1": ("RED RETROSPOT PLATE", "红色波点盘"),
    "g2": ("JAM JAR", "果酱罐"),
    "g3": ("TEA TOWEL", "茶巾"),
    "out": ("PARTY BUNTING", "派对彩旗"),
    "out2": ("ALARM CLOCK", "闹钟"),
}

SCIFI, NOIR, CULT, FOX, BIG = (
    ("category", "scifi"),
    ("category", "noir"),
    ("tag", "cult"),
    ("brand", "fox"),
    ("category", "romance"),
)


def world(domain: str = "film", event: str = "rating", crowd_event: str | None = None) -> ToyWorld:
    """A warm world: A and B carry the reason, C is weak, D was only looked at, LOW was disliked."""
    names = FILMS if domain == "film" else GOODS
    titles = {i: {"en": e, "zh": z} for i, (e, z) in names.items()}
    film = domain == "film"
    labels = {
        SCIFI: {
            "en": "science fiction" if film else "kitchen",
            "zh": "科幻" if film else "厨房用品",
        },
        NOIR: {"en": "film noir" if film else "outdoors", "zh": "黑色电影" if film else "户外"},
        CULT: {"en": "dystopia" if film else "vintage", "zh": "反乌托邦" if film else "复古"},
        FOX: {"en": "Orion" if film else "Roseware", "zh": "猎户座" if film else "玫瑰坊"},
        BIG: {"en": "romance" if film else "lighting", "zh": "爱情" if film else "灯具"},
    }
    facets = {
        "x": frozenset({SCIFI, CULT, FOX}),
        "a": frozenset({SCIFI, CULT, FOX}),
        "b": frozenset({SCIFI, CULT, FOX}),
        "c": frozenset({NOIR}),
        "d": frozenset({BIG}),
        "low": frozenset({BIG}),
        "g1": frozenset({SCIFI}),
        "g2": frozenset({SCIFI}),
        "g3": frozenset({SCIFI}),
        "out": frozenset({BIG}),
        "out2": frozenset({NOIR}),
    }

    def entry(i: str, e: str, part: float, *, negative: bool = False) -> Entry:
        return Entry(i, e, frozenset({e}), None, 1, part, part, negative)

    other = "view" if event != "view" else "purchase"
    entries = {
        "a": entry("a", event, 0.30),
        "b": entry("b", event, 0.25),
        "c": entry("c", event, 0.05),
        "d": entry("d", other, 0.10),
        "low": entry("low", "rating", 0.05, negative=True),
        "g1": entry("g1", event, 0.10),
        "g2": entry("g2", event, 0.10),
        "g3": entry("g3", event, 0.10),
    }
    told = crowd_event or event
    return ToyWorld(
        domain,
        titles,
        facets,
        labels,
        entries,
        people_of={"a": (told, 212, 2.0), "c": (told, 40, 1.4)},
        crowd=(told, 3456),
        stars=(4.3, 789, 5.0),
        needed=frozenset({"a", "b"}),
    )


def one_world(domain: str = "film", event: str = "rating") -> ToyWorld:
    """A warm world in which A alone decides."""
    w = world(domain, event)
    w.needed = frozenset({"a"})
    return w


def cold_world(domain: str = "film", event: str = "view") -> ToyWorld:
    """A person without a history."""
    w = world(domain, event)
    w.entries = {}
    w.people_of = {}
    w.needed = frozenset()
    return w


def shown(w: ToyWorld, item: str, lang: str) -> str:
    """A title as texts show it."""
    name = w.titles[item][lang]
    if w.domain == "film":
        return f"“{name}”" if lang == "en" else f"《{name}》"
    return name


def joined(w: ToyWorld, items: list[str], lang: str) -> str:
    """Several titles as a list."""
    names = [shown(w, i, lang) for i in items]
    if len(names) == 1:
        return names[0]
    if lang == "en":
        return ", ".join(names[:-1]) + " and " + names[-1]
    return "、".join(names[:-1]) + "和" + names[-1]


def filled(template: str, w: ToyWorld, lang: str) -> str:
    """A template with the values of a world."""
    values = {
        "item": shown(w, "x", lang),
        "history": joined(w, ["a", "b"], lang),
        "one": shown(w, "a", lang),
        "two": shown(w, "b", lang),
        "weak": shown(w, "c", lang),
        "feature": w.labels[SCIFI][lang],
        "tag": w.labels[CULT][lang],
        "brand": w.labels[FOX][lang],
        "count": "5",
        "people": "212",
        "crowd": "3,456",
        "mean": "4.3",
        "raters": "789",
        "rank": "3",
    }
    out = template
    for k, v in values.items():
        out = out.replace("{" + k + "}", v)
    if lang == "en" and out[:1].islower():
        out = out[0].upper() + out[1:]
    return out
