"""A small film catalogue with evidence made by hand, so that texts can be read in the test."""

from __future__ import annotations

import polars as pl
import pytest

from whyrec.data.catalogue import Catalogue
from whyrec.evidence.types import Counterfactual, Evidence, Fact, Reason
from whyrec.features.facets import Facets
from whyrec.language.fill import Filler
from whyrec.language.plan import Planner

FILMS = {
    "alien": ("Alien", "异形", ["Sci-Fi", "Horror"]),
    "blade": ("Blade Runner", "银翼杀手", ["Sci-Fi"]),
    "terminator": ("The Terminator", "终结者", ["Sci-Fi", "Action"]),
    "heat": ("Heat", "盗火线", ["Crime", "Action"]),
    "casino": ("Casino", "赌城风云", ["Crime", "Drama"]),
    "amelie": ("Amélie", "天使爱美丽", ["Romance", "Comedy"]),
    "notorious": ("Notorious", "美人计", ["Film-Noir", "Romance"]),
    "laura": ("Laura", "罗拉秘史", ["Film-Noir", "Mystery"]),
    "ran": ("Ran", "乱", ["Drama", "War"]),
    "up": ("Up", "飞屋环游记", ["Animation", "Comedy"]),
}
GOODS = {
    "mug": ("Red Retrospot Mug", "红色波点杯", "Kitchen", "厨房用品"),
    "tin": ("Cake Tin", "蛋糕罐", "Kitchen", "厨房用品"),
    "bag": ("Lunch Bag", "午餐包", "Bags", "箱包"),
    "sign": ("CAFÉ SIGN", "CAFÉ SIGN", "Decor", "装饰"),
    "box": ("Jewel Box", "首饰盒", "Decor", "装饰"),
}


@pytest.fixture(scope="session")
def films() -> tuple[Catalogue, Facets]:
    table = pl.DataFrame(
        [
            {"id": i, "title": en, "title_zh": zh, "genres": genres}
            for i, (en, zh, genres) in FILMS.items()
        ]
    )
    catalogue = Catalogue(table)
    return catalogue, Facets.build(catalogue)


@pytest.fixture(scope="session")
def goods() -> tuple[Catalogue, Facets]:
    table = pl.DataFrame(
        [
            {"id": i, "title": en, "title_zh": zh, "category": c, "category_zh": c_zh}
            for i, (en, zh, c, c_zh) in GOODS.items()
        ]
    )
    catalogue = Catalogue(table)
    return catalogue, Facets.build(catalogue)


def evidence(
    item: str,
    reasons: list[tuple[str, float]],
    *,
    event: str = "rating",
    facts: tuple[Fact, ...] = (),
    gone: tuple[str, ...] = (),
    rank: int = 1,
    list_size: int = 10,
) -> Evidence:
    """Evidence from (item, contribution) pairs, largest first."""
    made = tuple(Reason("history", c, i, i, event) for i, c in sorted(reasons, key=lambda r: -r[1]))
    return Evidence(
        user="u1",
        item=item,
        score=sum(c for _, c in reasons),
        rank=rank,
        baseline=0.0,
        exact=True,
        residual=0.0,
        reasons=made,
        facts=facts,
        gone=Counterfactual("gone", gone, list_size + 3, True) if gone else None,
        list_size=list_size,
    )


@pytest.fixture(scope="session")
def planner(films: tuple[Catalogue, Facets]) -> Planner:
    return Planner(*films, "film")


def filler(pair: tuple[Catalogue, Facets], lang: str, domain: str, list_size: int = 10) -> Filler:
    return Filler.of(*pair, lang, domain, list_size)
