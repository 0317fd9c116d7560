"""Held-out wordings: how people would say each claim, written without a look at the verifier's grammar.

`heldout_en.toml` and `heldout_zh.toml` hold, for each kind of statement, sentences with slots. A third
of them, chosen by a digest of the words, is the part that nobody looks at while the verifier is widened:
`sealed` sentences are counted and never printed.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from whyrec.language.shape import Shape
from whyrec.language.sketch import SketchWorld, fill_for_verification

SHAPES = {
    "history_rating_film": "film|plain|history(own,1,rating)",
    "history_rating_film_two": "film|plain|history(own,2,rating)",
    "history_purchase_shop": "shop|plain|history(own,1,purchase)",
    "history_purchase_shop_two": "shop|plain|history(own,2,purchase)",
    "history_view_shop": "shop|plain|history(own,1,view)",
    "history_cart_shop": "shop|plain|history(own,1,cart)",
    "history_like_shop": "shop|plain|history(own,1,like)",
    "history_weak_film": "film|plain|history(own,1,rating,weak)",
    "group_film": "film|plain|history(group,rating,category)",
    "group_shop": "shop|plain|history(group,purchase,category)",
    "feature_category_film": "film|plain|history(own,1,rating)+feature(same,1,category)",
    "feature_category_film_two": "film|plain|history(own,2,rating)+feature(same,2,category)",
    "feature_tag_shop": "shop|plain|history(own,1,purchase)+feature(same,1,tag)",
    "feature_brand_shop": "shop|plain|history(own,1,purchase)+feature(same,1,brand)",
    "people_film": "film|plain|history(own,1,rating)+people(same,1,rating)",
    "people_shop": "shop|plain|history(own,1,purchase)+people(same,1,purchase)",
    "popular_shop": "shop|plain|popular(purchase)",
    "popular_film": "film|plain|popular(rating)",
    "cold_shop": "shop|plain|popular(cold,purchase)",
    "rating_film": "film|plain|rating",
    "rating_shop": "shop|plain|rating",
    "without_film": "film|plain|history(own,1,rating)+without(same,1)",
    "without_film_two": "film|plain|history(own,2,rating)+without(same,2)",
    "without_shop": "shop|plain|history(own,1,purchase)+without(same,1)",
    "rank_film": "film|plain|rank",
}
"""The shape whose claims a kind of statement makes; the language goes before it."""


@dataclass(frozen=True)
class Wording:
    """One sentence with slots, and what it says."""

    kind: str
    text: str
    shape: Shape

    @property
    def sealed(self) -> bool:
        """Whether it belongs to the part that is never looked at."""
        return hashlib.sha256(self.text.encode()).digest()[0] % 3 == 0

    @property
    def world(self) -> SketchWorld:
        """Where it is true."""
        return SketchWorld(self.shape)

    @property
    def filled(self) -> str:
        """The sentence with invented names."""
        return fill_for_verification(self.text, self.shape)[0]


def wordings(lang: str) -> Iterator[Wording]:
    """Every held-out wording of a language."""
    place = Path(__file__).with_name(f"heldout_{lang}.toml")
    for kind, table in tomllib.loads(place.read_text("utf-8")).items():
        shape = Shape.parse(f"{lang}|{SHAPES[kind]}")
        for text in table["ways"]:
            yield Wording(kind, text, shape)
