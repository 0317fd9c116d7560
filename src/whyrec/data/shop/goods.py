"""The goods of the simulated shop: a phrase grammar of names and descriptions in two languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from whyrec.data.shop.words import table
from whyrec.errors import ConfigError

MAX_TRIES = 60
"""Draws of one kind of goods that gave only known names, after which the kind is exhausted."""

_COLOUR = 0.72
_PATTERN = 0.45
_COLLECTION = 0.3
_FEATURE = 0.55
_DRAWN_STYLES = {"botanical", "geometric"}
_SIZES = {"large", "small", "mini"}


@dataclass(frozen=True, slots=True)
class Good:
    """One item as the shop means it, before any dirt.

    `colour`, `collection` are keys of the word lists, None where the name has none; `hex` and
    `drawing` tell how it is drawn.
    """

    id: str
    title: str
    title_zh: str
    description: str
    description_zh: str
    category: str
    brand: str
    style: str
    collection: str | None
    colour: str | None
    tags: tuple[str, ...]
    tags_zh: tuple[str, ...]
    price: float
    hex: str
    drawing: str


def make_goods(n: int, rng: np.random.Generator) -> list[Good]:
    """`n` different goods, spread over all categories and kinds.

    Raises
    ------
    ConfigError
        If the grammar has fewer names than that.
    """
    kinds = table("goods")["goods"]
    goods: list[Good] = []
    used: set[str] = set()
    alive = list(range(len(kinds)))
    width = max(4, len(str(n)))
    while len(goods) < n and alive:
        order = [alive[k] for k in rng.permutation(len(alive))]
        for kind in order[: n - len(goods)]:
            good = _draw_new(kinds[kind], f"P{len(goods) + 1:0{width}d}", used, rng)
            if good is None:
                alive.remove(kind)
            else:
                goods.append(good)
    if len(goods) < n:
        raise ConfigError(
            f"the simulated shop can name {len(goods)} different items, not {n}",
            where="items",
            remedy=f"ask for at most {len(goods)}",
        )
    return goods


def _draw_new(
    kind: dict[str, Any], id: str, used: set[str], rng: np.random.Generator
) -> Good | None:
    for _ in range(MAX_TRIES):
        good = _draw(kind, id, rng)
        if good.title not in used and good.title_zh not in used:
            used.update((good.title, good.title_zh))
            return good
    return None


def _pick(choices: list[Any], rng: np.random.Generator) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _can_have(feature: str, material: str, ground: str) -> bool:
    allowed = table("attributes")["feature_on"].get(feature)
    return allowed is None or material in allowed or ground in allowed


def _draw(kind: dict[str, Any], id: str, rng: np.random.Generator) -> Good:
    a = table("attributes")
    material = _pick(kind["m"].split(), rng)
    material_en, material_zh, ground, dyed, plain_hex, care, care_zh = a["material"][material]
    brand = _pick([b for b, v in a["brand"].items() if kind["c"] in v[4]], rng)
    level, leaning = a["brand"][brand][2:4]
    style = leaning if rng.random() < 0.6 else _pick(list(a["style"]), rng)

    features = [f for f in kind["f"].split() if _can_have(f, material, ground)]
    feature = _pick(features, rng) if features and rng.random() < _FEATURE else None
    colour = _pick(list(a["colour"]), rng) if dyed and rng.random() < _COLOUR else None
    patterns = [k for k, p in a["pattern"].items() if ground in p[3] and p[2] == style]
    pattern = None
    if style in _DRAWN_STYLES:
        # A botanical or geometric item without leaves or grid would belie its own tag.
        if patterns:
            pattern = _pick(patterns, rng)
        else:
            style = _pick([s for s in a["style"] if s not in _DRAWN_STYLES], rng)
    elif patterns and rng.random() < _PATTERN:
        pattern = _pick(patterns, rng)
    collections = [k for k, c in a["collection"].items() if c[2] == style]
    collection = _pick(collections, rng) if rng.random() < _COLLECTION else None
    # Names with more than two attributes before the material tire the reader.
    if feature and sum(x is not None for x in (colour, pattern, collection)) >= 2:
        feature = None
    if colour and pattern and collection:
        collection = None

    title = _english(kind, material_en, feature, colour, pattern, collection)
    title_zh = _chinese(kind, material_zh, feature, colour, pattern, collection)
    description, description_zh = _describe(kind, (care, care_zh), style, rng)

    tags, tags_zh = [material_en.lower()], [material_zh]
    pairs = [tuple(a["style"][style][:2]), tuple(a["use"][kind["u"]])]
    if feature and a["feature"][feature][2]:
        pairs.append(tuple(a["feature"][feature][2:4]))
    for en, zh in pairs:
        tags.append(en)
        tags_zh.append(zh)

    low, high = kind["p"]
    price = low * (high / low) ** float(rng.beta(2.0, 2.6)) * level
    return Good(
        id=id,
        title=title,
        title_zh=title_zh,
        description=description,
        description_zh=description_zh,
        category=kind["c"],
        brand=brand,
        style=style,
        collection=collection,
        colour=colour,
        tags=tuple(tags),
        tags_zh=tuple(tags_zh),
        price=_shop_price(price, rng),
        hex=a["colour"][colour][2] if colour else plain_hex,
        drawing=kind["s"],
    )


def _english(
    kind: dict[str, Any],
    material: str,
    feature: str | None,
    colour: str | None,
    pattern: str | None,
    collection: str | None,
) -> str:
    a = table("attributes")
    feature_en = a["feature"][feature][0] if feature else ""
    size_first = feature in _SIZES
    words = [
        a["collection"][collection][0] if collection else "",
        feature_en if size_first else "",
        a["colour"][colour][0] if colour else "",
        "" if size_first else feature_en,
        a["pattern"][pattern][0] if pattern else "",
        material,
        kind["en"],
    ]
    return " ".join(w for w in words if w)


def _chinese(
    kind: dict[str, Any],
    material: str,
    feature: str | None,
    colour: str | None,
    pattern: str | None,
    collection: str | None,
) -> str:
    a = table("attributes")
    feature_zh = a["feature"][feature][1] if feature else ""
    size_first = feature in _SIZES
    words = [
        f"{a['collection'][collection][1]}系列" if collection else "",
        feature_zh if size_first else "",
        a["colour"][colour][1] if colour else "",
        "" if size_first else feature_zh,
        a["pattern"][pattern][1] if pattern else "",
        material,
        kind["zh"],
    ]
    return "".join(words)


_MEASURES = {
    "ml": ("Holds {n} ml.", "容量 {n} 毫升。", 10),
    "l": ("Holds {n} litres.", "容量 {n} 升。", 1),
    "cm": ("{n} cm long.", "长 {n} 厘米。", 1),
    "dia": ("{n} cm across.", "直径 {n} 厘米。", 1),
    "tall": ("{n} cm tall.", "高 {n} 厘米。", 1),
}


def _describe(
    kind: dict[str, Any], care: tuple[str, str], style: str, rng: np.random.Generator
) -> tuple[str, str]:
    look, look_zh = table("attributes")["style"][style][2:4]
    parts = [(kind["line"], kind["line_zh"])]
    optional = [care, (look, look_zh)]
    if rng.random() < 0.35:
        optional.pop(int(rng.integers(2)))
    parts += optional
    measure, low, high = kind["d"]
    if measure != "none":
        en, zh, step = _MEASURES[measure]
        n = int(rng.integers(low // step, high // step + 1)) * step
        en = en.replace("litres", "litre") if n == 1 else en
        parts.append((en.format(n=n), zh.format(n=n)))
    return " ".join(p[0] for p in parts), "".join(p[1] for p in parts)


def _shop_price(price: float, rng: np.random.Generator) -> float:
    """A price as shops write them: 12.50, 18, 24.90, 95."""
    if price >= 60:
        return float(5 * round(price / 5))
    ending = (0.0, 0.5, 0.9)[int(rng.choice(3, p=[0.4, 0.25, 0.35]))]
    return round(max(1.0, float(int(price))) + ending, 2)
