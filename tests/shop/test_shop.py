"""The simulated shop is believable, readable, reproducible, and its dirt is what the truth says."""

from __future__ import annotations

import hashlib
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from whyrec.data.catalogue import Catalogue
from whyrec.data.cleaning import Cleaner
from whyrec.data.dataset import Dataset
from whyrec.data.events import EVENT_TYPES
from whyrec.data.shop import generate, read_truth
from whyrec.data.shop.behaviour import EVENTS
from whyrec.data.shop.dirt import BROKEN_TIMES, OFF_SCALE
from whyrec.data.shop.drawing import draw
from whyrec.data.shop.goods import make_goods
from whyrec.errors import ConfigError, DataError
from whyrec.features import Facets


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shop") / "default"
    generate(place)
    return place


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shop") / "small"
    generate(place, seed=7, users=120, items=60)
    return place


def raw(place: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(place / name, infer_schema=False)


def digest(place: Path) -> dict[str, str]:
    return {
        str(p.relative_to(place)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(place.rglob("*"))
        if p.is_file()
    }


def test_the_same_seed_gives_the_same_bytes(small: Path, tmp_path: Path) -> None:
    generate(tmp_path / "again", seed=7, users=120, items=60)
    assert digest(tmp_path / "again") == digest(small)
    generate(tmp_path / "other", seed=8, users=120, items=60)
    assert digest(tmp_path / "other")["events.csv"] != digest(small)["events.csv"]


def test_more_users_leave_the_goods_as_they_are(small: Path, tmp_path: Path) -> None:
    generate(tmp_path / "more", seed=7, users=200, items=60)
    assert digest(tmp_path / "more")["items.csv"] == digest(small)["items.csv"]


def test_names_are_unique_and_read_in_both_languages() -> None:
    goods = make_goods(3000, np.random.default_rng(0))
    assert len({g.title for g in goods}) == len({g.title_zh for g in goods}) == 3000
    for g in goods:
        assert re.fullmatch(r"[A-Za-z]+(?:[ -][A-Za-z]+)*", g.title), g.title
        assert re.fullmatch(r"[\u4e00-\u9fff]+", g.title_zh), g.title_zh
        assert 2 <= len(g.title.split()) <= 9, g.title
        assert len(g.title_zh) <= 22, g.title_zh
        assert len(g.tags) == len(g.tags_zh) == len(set(g.tags)), g.tags
        assert g.description.endswith(".")
        assert g.description_zh.endswith("。")
        assert not re.search(r"\b(\w+) \1\b", g.title), g.title
        assert g.price >= 1


def test_a_catalogue_covers_every_category_and_several_styles() -> None:
    goods = make_goods(600, np.random.default_rng(0))
    categories = [g.category for g in goods]
    assert len(set(categories)) == 14
    assert min(categories.count(c) for c in set(categories)) >= 20
    styles = [g.style for g in goods]
    assert len(set(styles)) == 8
    assert max(styles.count(s) for s in set(styles)) < 200


def test_every_drawing_is_small_valid_and_harmless() -> None:
    goods = make_goods(2000, np.random.default_rng(1))
    drawn = {g.drawing for g in goods}
    assert len(drawn) > 100
    pictures = {}
    for g in goods:
        text = draw(g)
        root = ET.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(text) < 2500
        assert not re.search(r"<script|href|url\(|on\w+=", text)
        assert "{" not in text
        pictures[g.drawing, g.hex] = re.sub(r"<title>.*?</title>|aria-label=\".*?\"", "", text)
    assert len(set(pictures.values())) > 0.95 * len(pictures)


def test_the_reader_takes_it_as_it_is(shop: Path) -> None:
    data = Dataset.read(shop)
    truth = read_truth(shop)
    assert data.domain == "shop"
    assert data.best_rating == 5
    assert data.n_users == 2000
    assert data.events.height == truth["rows"]["events.csv"]
    known = [k for k, id in enumerate(data.catalogue.ids) if id in truth["titles"]]
    assert len(known) == 600
    table = data.catalogue.table
    assert table.schema["tags"] == pl.List(pl.String)
    assert (table["tags"].list.len() == table["tags_zh"].list.len()).all()
    facets = Facets.build(data.catalogue)
    assert {f.field for f in facets.facets} == {"category", "tag", "brand"}
    assert facets.labels("category", "Tea & Coffee", "zh")[0] == "茶咖器具"
    assert facets.labels("tag", "walnut", "zh")[0] == "胡桃木"
    assert facets.labels("brand", "Halewick", "zh")[0] == "黑尔维克"


def test_the_reader_does_not_see_the_truth(shop: Path) -> None:
    notes = json.dumps(Dataset.read(shop).notes)
    assert "truth" not in notes
    assert "evaluation" not in notes


def test_the_dirt_is_exactly_what_the_truth_counts(shop: Path) -> None:
    truth = read_truth(shop)
    counts, befell = truth["dirt"]["counts"], truth["dirt"]["items"]
    items, events = raw(shop, "items.csv"), raw(shop, "events.csv")

    assert items.is_duplicated().sum() == 2 * counts["item_rows_again"] > 0
    once = items.unique(maintain_order=True)
    assert once.height == 600
    missing = once.filter(pl.col("description").is_null())["item_id"].to_list()
    assert missing == befell["missing_description"]
    assert once.filter(pl.col("price").is_null())["item_id"].to_list() == befell["missing_price"]
    untidy = [i for i, t in once.select("item_id", "title").rows() if t != truth["titles"][i]]
    assert untidy == befell["untidy_title"]
    dear = once.filter(pl.col("price").cast(pl.Float64) > 480)["item_id"].to_list()
    assert set(dear) <= set(befell["price_outlier"])

    assert events.height == truth["rows"]["events.csv"]
    assert events.height - events.unique().height == counts["event_rows_again"] > 0
    unknown = events.filter(~pl.col("item_id").is_in(once["item_id"].implode()))
    assert unknown.height == counts["unknown_item"] > 0
    year = pl.col("time").str.starts_with("2025-")
    broken = events.filter(year.not_() | pl.col("time").is_null())
    assert broken.height == counts["broken_time"] > 0
    assert set(broken["time"].fill_null("")) == set(BROKEN_TIMES)
    ratings = events.filter(pl.col("event") == "rating")["value"].cast(pl.Float64)
    assert (~ratings.is_between(1, 5)).sum() == counts["rating_off_scale"] > 0
    assert set(ratings.filter(~ratings.is_between(1, 5))) == set(OFF_SCALE)


def test_cleaning_finds_the_dirt(shop: Path) -> None:
    truth = read_truth(shop)
    counts = truth["dirt"]["counts"]
    data = Dataset.read(shop)
    clean, _ = Cleaner.default(data).clean(data)
    again = data.events.height - data.events.unique().height
    assert again == counts["event_rows_again"]
    assert clean.events.unique().height == clean.events.height
    ratings = clean.events.filter(pl.col("event") == "rating")["value"]
    assert ratings.is_between(1, 5).all()
    titles = dict(zip(clean.catalogue.ids, clean.catalogue.titles("en"), strict=True))
    for id in truth["dirt"]["items"]["untidy_title"]:
        assert titles[id].casefold() == truth["titles"][id].casefold()


def test_the_funnel_narrows_and_the_types_are_known(shop: Path) -> None:
    n = read_truth(shop)["clean_events"]
    assert n["view"] > n["click"] > n["cart"] > n["purchase"] > n["rating"] > n["return"] > 0
    assert set(n) == set(EVENTS) <= set(EVENT_TYPES)


def test_a_purchase_follows_a_cart_a_click_and_a_view(small: Path) -> None:
    times = (
        raw(small, "events.csv")
        .filter(pl.col("time").str.starts_with("2025-"), pl.col("item_id").str.starts_with("P"))
        .group_by("user_id", "item_id", "event")
        .agg(pl.col("time").min())
        .pivot("event", index=["user_id", "item_id"], values="time")
    )
    bought = times.drop_nulls(["view", "click", "cart", "purchase"])
    assert bought.height > 100
    assert (bought["view"] < bought["click"]).all()
    assert (bought["click"] < bought["cart"]).all()
    assert (bought["cart"] < bought["purchase"]).all()


def test_there_are_weeks_and_seasons(shop: Path) -> None:
    items = raw(shop, "items.csv").unique("item_id")
    looks = (
        raw(shop, "events.csv")
        .filter(pl.col("event") == "view", pl.col("time").str.starts_with("2025-"))
        .with_columns(pl.col("time").str.to_datetime("%Y-%m-%d %H:%M:%S"))
        .join(items.select("item_id", "category"), on="item_id")
    )
    by_month = looks.group_by("category", pl.col("time").dt.month().alias("month")).len()

    def share(category: str, months: list[int]) -> float:
        of = by_month.filter(pl.col("category") == category)
        return of.filter(pl.col("month").is_in(months))["len"].sum() / of["len"].sum()

    assert share("Gardening", [4, 5, 6]) > 1.5 * share("Toys & Games", [4, 5, 6])
    assert share("Toys & Games", [11, 12]) > 1.5 * share("Gardening", [11, 12])
    by_day = looks.group_by(pl.col("time").dt.weekday().alias("day")).len().sort("day")["len"]
    assert by_day[5:].mean() > 1.2 * by_day[:5].mean()


def test_a_recommender_finds_the_tastes(shop: Path) -> None:
    data = Dataset.read(shop)
    bought = data.pairs.filter(pl.col("types").list.contains("purchase") & ~pl.col("negative"))
    test = bought[np.random.default_rng(1).choice(bought.height, bought.height // 5, replace=False)]
    shape = (data.n_users, data.n_items)
    held = sparse.csr_matrix((np.ones(test.height), (test["user"], test["item"])), shape=shape)
    train = sparse.csr_matrix(data.interactions - data.interactions.multiply(held > 0))
    gram = (train.T @ train).toarray() + 100 * np.eye(data.n_items)
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)

    def recall(scores: np.ndarray) -> float:
        scores = np.where(train.toarray() > 0, -np.inf, scores)
        top = np.argsort(-scores, axis=1)[:, :10]
        hits = np.take_along_axis(held.toarray(), top, 1).sum()
        return float(hits / held.nnz)

    popular = recall(np.tile(np.asarray(train.sum(0)), (data.n_users, 1)))
    ease = recall(np.asarray(train @ weights))
    assert ease > 2 * popular


def test_the_stated_preferences_are_behind_the_purchases(shop: Path) -> None:
    truth = read_truth(shop)
    prefs = truth["preferences"]
    data = Dataset.read(shop)
    category = dict(
        zip(data.catalogue.ids, data.catalogue.table["category"].to_list(), strict=True)
    )
    order = {c: k for k, c in enumerate(prefs["levels"]["category"])}
    by_name = {
        v: k for k, v in (
            (c, row[0]) for c, row in _attributes()["category"].items()
        )
    }  # fmt: skip
    bought = data.pairs.filter(pl.col("types").list.contains("purchase"))
    felt = [
        prefs["users"][data.users[u]]["category"][order[by_name[category[data.catalogue.ids[i]]]]]
        for u, i in bought.select("user", "item").rows()
        if category[data.catalogue.ids[i]]
    ]
    everywhere = np.mean([p["category"] for p in prefs["users"].values()])
    assert np.mean(felt) > everywhere + 1.0


def _attributes() -> dict[str, dict[str, list[str]]]:
    from whyrec.data.shop.words import table

    return table("attributes")


def test_reviews_are_short_bilingual_and_agree_with_their_rating(shop: Path) -> None:
    lines = [json.loads(x) for x in (shop / "reviews.jsonl").read_text("utf-8").splitlines()]
    truth = read_truth(shop)["reviews"]
    assert len(lines) == len(truth) > 1000
    chinese = [x for x in lines if x["lang"] == "zh"]
    assert 0.25 < len(chinese) / len(lines) < 0.55
    for x in lines:
        assert 1 <= x["rating"] <= 5
        assert 0 < len(x["text"]) < 300
        assert (x["lang"] == "zh") == bool(re.search(r"[\u4e00-\u9fff]", x["text"]))
    mean = {
        stars: np.mean([sum(truth[x["review_id"]].values()) for x in lines if x["rating"] == stars])
        for stars in (1, 3, 5)
    }
    assert mean[5] > 1 > mean[3] > mean[1]
    assert len({x["text"] for x in lines}) > 0.6 * len(lines)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed"),
        ({"users": 1}, "users"),
        ({"users": 10_000_000}, "users"),
        ({"items": 3}, "items"),
    ],
)
def test_numbers_out_of_range_are_refused(
    options: dict[str, int], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        generate(tmp_path / "x", **options)
    assert not (tmp_path / "x").exists()


def test_more_items_than_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whyrec.data.shop.goods.MAX_TRIES", 1)
    with pytest.raises(ConfigError, match="ask for at most"):
        make_goods(100_000, np.random.default_rng(0))


def test_somebody_elses_directory_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError):
        generate(tmp_path, users=10, items=20)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_the_smallest_shop_reads(tmp_path: Path) -> None:
    generate(tmp_path / "tiny", users=2, items=20)
    assert Dataset.read(tmp_path / "tiny").n_users == 2


def test_titles_in_the_catalogue_follow_the_language(shop: Path) -> None:
    catalogue: Catalogue = Dataset.read(shop).catalogue
    k = catalogue.index["P0001"]
    assert catalogue.titles("en")[k].isascii()
    assert re.fullmatch(r"[\u4e00-\u9fff]+", catalogue.titles("zh")[k])
