"""The hidden preferences of the simulated shop: what people would like if they saw everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from whyrec.data.shop.goods import Good
from whyrec.data.shop.words import table

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MODEL = """\
utility(u, i) = category[u, c(i)] + style[u, s(i)] + brand[u, b(i)] + collection[u, l(i)]
                - 0.5 * ((ln price(i) - price_level[u]) / 0.55) ** 2
where price(i) is relative to the median of the item's category. A person looks at items drawn
without replacement with probability proportional to exp(utility + popularity[i]); the further
steps (click, cart, purchase) and the rating depend on utility and quality[i] only."""
"""The documented form of the preferences, as in truth.json."""


@dataclass(frozen=True)
class Tastes:
    """Latent preferences of users and latent properties of items.

    Attributes
    ----------
    category, style, brand, collection
        float32 [users, levels]: what each level adds to a person's utility; collection's last
        column is for items without one and is 0.
    price_level
        float32 [users]: ln of the price, relative to the category's median, that suits the person.
    activity
        float64 [users]: expected number of different items looked at.
    chinese
        bool [users]: writes reviews in Chinese.
    popularity, quality
        float32 [items]: attention the item gets whoever looks; how good it is in use.
    levels
        Names of the columns: {"category": [...], ...}.
    """

    category: F32
    style: F32
    brand: F32
    collection: F32
    price_level: F32
    activity: F64
    chinese: npt.NDArray[np.bool_]
    popularity: F32
    quality: F32
    item_levels: dict[str, Ints]
    relative_price: F32
    levels: dict[str, list[str]]

    def utility(self, users: slice) -> F32:
        """Utility of every item for the given users: float32 [users, items]."""
        at = self.item_levels
        taste = self.category[users][:, at["category"]] + self.style[users][:, at["style"]]
        taste += self.brand[users][:, at["brand"]]
        taste += self.collection[users][:, at["collection"]]
        off = (self.relative_price[None, :] - self.price_level[users][:, None]) / np.float32(0.55)
        taste -= np.float32(0.5) * off * off
        return taste

    def to_json(self, user_ids: Sequence[str], item_ids: Sequence[str]) -> dict[str, Any]:
        """The preferences as in truth.json, rounded to three digits."""
        collections = [*self.levels["collection"], None]
        names = ("category", "style", "brand", "collection")
        users = {
            id: {
                **{n: _rounded(getattr(self, n)[k][: len(self.levels[n])]) for n in names},
                "price_level": round(float(self.price_level[k]), 3),
            }
            for k, id in enumerate(user_ids)
        }
        items = {
            id: {
                "popularity": round(float(self.popularity[k]), 3),
                "quality": round(float(self.quality[k]), 3),
                "style": self.levels["style"][self.item_levels["style"][k]],
                "collection": collections[self.item_levels["collection"][k]],
            }
            for k, id in enumerate(item_ids)
        }
        return {"model": MODEL, "levels": self.levels, "users": users, "items": items}


def _rounded(row: F32) -> list[float]:
    return [round(float(x), 3) for x in row]


def draw_tastes(goods: Sequence[Good], users: int, rng: np.random.Generator) -> Tastes:
    """Random preferences: a few favourite categories, styles, brands and collections a person."""
    a = table("attributes")
    levels = {n: list(a[n]) for n in ("category", "style", "brand", "collection")}
    place = {n: {name: k for k, name in enumerate(names)} for n, names in levels.items()}
    none = len(levels["collection"])
    at = {
        "category": np.array([place["category"][g.category] for g in goods]),
        "style": np.array([place["style"][g.style] for g in goods]),
        "brand": np.array([place["brand"][g.brand] for g in goods]),
        "collection": np.array(
            [none if g.collection is None else place["collection"][g.collection] for g in goods]
        ),
    }
    log_price = np.log([g.price for g in goods])
    medians = np.array(
        [
            np.median(log_price[at["category"] == k]) if (at["category"] == k).any() else 0.0
            for k in range(len(levels["category"]))
        ]
    )
    collection = _favourites(users, none, 2, 1.6, 0.2, rng)
    n = len(goods)
    return Tastes(
        category=_favourites(users, len(levels["category"]), 3, 2.4, 0.5, rng),
        style=_favourites(users, len(levels["style"]), 2, 1.3, 0.3, rng),
        brand=_favourites(users, len(levels["brand"]), 3, 1.0, 0.2, rng),
        collection=np.hstack([collection, np.zeros((users, 1), np.float32)]),
        price_level=(0.45 * rng.standard_normal(users)).astype(np.float32),
        activity=np.clip(rng.lognormal(3.35, 0.7, users), 4, 400),
        chinese=rng.random(users) < 0.4,
        # A few items are seen by almost everybody: the heavy tail of popularity.
        popularity=(0.85 * rng.gumbel(size=n) - 0.5).astype(np.float32),
        quality=rng.standard_normal(n).astype(np.float32),
        item_levels=at,
        relative_price=(log_price - medians[at["category"]]).astype(np.float32),
        levels=levels,
    )


def _favourites(
    users: int, levels: int, n: int, bonus: float, spread: float, rng: np.random.Generator
) -> F32:
    """Small leanings everywhere, and a bonus on `n` favourites (fewer strong ones than weak)."""
    taste = spread * rng.standard_normal((users, levels))
    favourites = np.argpartition(rng.random((users, levels)), n, axis=1)[:, :n]
    strength = bonus * (0.5 + rng.random((users, n)))
    np.put_along_axis(taste, favourites, np.take_along_axis(taste, favourites, 1) + strength, 1)
    return taste.astype(np.float32)
