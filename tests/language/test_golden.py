"""Golden texts: what plans sound like in both languages when no language model is at hand."""

from __future__ import annotations

import pytest
from tests.language.conftest import evidence, filler

from whyrec.evidence.types import Evidence, Fact
from whyrec.language.plan import Planner
from whyrec.language.realise import realise, sketches
from whyrec.language.types import Plan

PEOPLE = Fact("people", ("alien",), event="rating", count=212, lift=3.0)
POPULAR = Fact("popular", event="rating", count=1234)
RATING = Fact("rating", mean=4.26, count=1789, best=5.0)

FILM = [
    (
        evidence(
            "terminator", [("alien", 0.5), ("blade", 0.4), ("up", 0.1)], gone=("alien", "blade")
        ),
        "You rated “Alien” and “Blade Runner” highly, and “The Terminator” shares their genre, science fiction. "
        "Without those two, it would not be in your top ten.",
        "您给《异形》和《银翼杀手》打了高分，《终结者》和它们同是科幻片。少了这两部，它不会进入您的前十。",
    ),
    (
        evidence("amelie", [("alien", 0.9), ("up", 0.1)], facts=(PEOPLE,)),
        "You rated “Alien” highly, and 212 people who rated it highly also rated “Amélie” highly.",
        "您给《异形》打了高分，有 212 位给它打了高分的观众也给《天使爱美丽》打了高分。",
    ),
    (
        evidence("casino", [("alien", 0.9), ("up", 0.1)], facts=(RATING,)),
        "“Casino” is here because you rated “Alien” highly. “Casino” has 4.3 of 5 on average from 1,789 ratings.",
        "《赌城风云》排在这里，是因为您给《异形》打了高分。《赌城风云》平均 4.3 分（满分 5 分），共有 1,789 次评分。",
    ),
    (
        evidence(
            "casino", [("alien", 0.4), ("blade", 0.35), ("up", 0.25)], gone=("up",), event="view"
        ),
        "You watched “Up”, and without that film “Casino” would not be in your top ten.",
        "您看过《飞屋环游记》，少了那部电影，《赌城风云》不会进入您的前十。",
    ),
    (
        evidence("laura", [("notorious", 1.0)]),
        "You rated “Notorious” highly, and “Laura” shares its genre, film noir.",
        "您给《美人计》打了高分，《罗拉秘史》和它同是黑色电影。",
    ),
    (
        evidence("ran", [], facts=(POPULAR,)),
        "You are new here, so this list starts from what many people have rated highly. "
        "1,234 people have rated “Ran” highly.",
        "您刚来，这里先列出很多观众打过高分的电影。有 1,234 位观众给《乱》打了高分。",
    ),
    (
        evidence("ran", [], facts=(RATING,)),
        "“Ran” has 4.3 of 5 on average from 1,789 ratings.",
        "《乱》平均 4.3 分（满分 5 分），共有 1,789 次评分。",
    ),
    (evidence("ran", [], rank=7), "“Ran” is number 7 on your list.", "《乱》在您的列表中排第 7。"),
]


def first(planner: Planner, e: Evidence, lang: str) -> Plan:
    return planner.plan_list([e], lang)[0]


@pytest.mark.parametrize(("e", "en", "zh"), FILM)
def test_films(films, planner: Planner, e: Evidence, en: str, zh: str) -> None:
    assert realise(first(planner, e, "en"), filler(films, "en", "film"))[0] == en
    assert realise(first(planner, e, "zh"), filler(films, "zh", "film"))[0] == zh


GOODS = [
    (
        evidence("tin", [("mug", 1.0)], event="purchase"),
        "You bought Red Retrospot Mug, and Cake Tin comes from the same category, kitchen.",
        "您买过红色波点杯，蛋糕罐和它同属厨房用品。",
    ),
    (
        evidence("sign", [("mug", 0.5), ("bag", 0.5)], event="cart"),
        "CAFÉ SIGN is here because you put Red Retrospot Mug and Lunch Bag in your cart.",
        "“CAFÉ SIGN”排在这里，是因为您把红色波点杯和午餐包放进过购物车。",
    ),
    (
        evidence("bag", [("sign", 1.0)], event="view", gone=("sign",)),
        "You viewed CAFÉ SIGN, and without that product Lunch Bag would not be in your top ten.",
        "您看过“CAFÉ SIGN”，少了那款商品，午餐包不会进入您的前十。",
    ),
    (
        evidence(
            "bag",
            [("sign", 1.0)],
            event="like",
            facts=(Fact("popular", event="purchase", count=96),),
        ),
        "Lunch Bag is here because you liked CAFÉ SIGN. 96 customers have bought Lunch Bag.",
        "午餐包排在这里，是因为您给“CAFÉ SIGN”点过赞。有 96 位顾客买过午餐包。",
    ),
]


@pytest.mark.parametrize(("e", "en", "zh"), GOODS)
def test_goods(goods, e: Evidence, en: str, zh: str) -> None:
    planner = Planner(*goods, "shop")
    assert realise(first(planner, e, "en"), filler(goods, "en", "shop"))[0] == en
    assert realise(first(planner, e, "zh"), filler(goods, "zh", "shop"))[0] == zh


def test_a_weak_reason_is_told_as_weak(films, planner: Planner) -> None:
    reasons = [("alien", 0.05), ("up", 0.04)] + [(i, 0.012) for i in ("ran", "heat", "casino")] * 26
    e = evidence("notorious", reasons)
    plan = first(planner, e, "en")
    assert plan.shape.claims[0].weak
    assert "a small part of why" in realise(plan, filler(films, "en", "film"))[0]
    assert "一小部分原因" in realise(first(planner, e, "zh"), filler(films, "zh", "film"))[0]


def test_the_size_of_the_list_is_told_as_it_is(films, planner: Planner) -> None:
    e = evidence("terminator", [("alien", 1.0)], gone=("alien",), list_size=5)
    for lang, said in (("en", "your top five"), ("zh", "您的前五")):
        plan = first(planner, e, lang)
        assert said in realise(plan, filler(films, lang, "film", 5))[0]
    e = evidence("terminator", [("alien", 1.0)], gone=("alien",), list_size=50)
    plan = first(planner, e, "zh")
    assert "您的前 50" in realise(plan, filler(films, "zh", "film", 50))[0]


def test_marks_are_told_on_their_own_scale(films, planner: Planner) -> None:
    e = evidence("ran", [], facts=(Fact("rating", mean=8.31, count=40, best=10.0),))
    assert "8.3 of 10" in realise(first(planner, e, "en"), filler(films, "en", "film"))[0]
    assert (
        "8.3 分（满分 10 分）" in realise(first(planner, e, "zh"), filler(films, "zh", "film"))[0]
    )


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_nothing_that_style_forbids(films, planner: Planner, lang: str) -> None:
    banned = {
        "en": (
            "!",
            "we think",
            "love",
            "amazing",
            "similar users",
            "AI",
            "everyone",
            "perfect",
            "best",
        ),
        "zh": ("！", "基于", "进行", "对于", "的话", "被推荐", "一定", "最好", "大家都", "你"),
    }[lang]
    for e, *_ in FILM:
        for sketch in sketches(first(planner, e, lang).shape):
            assert not [w for w in banned if w in sketch.text], sketch.text
