"""Facets are what the catalogue says, named as each language names it."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyrec.data.catalogue import Catalogue
from whyrec.features import Facet, Facets


def catalogue(**columns: list[object]) -> Catalogue:
    n = len(next(iter(columns.values())))
    data = {"id": [f"i{k}" for k in range(n)], "title": [f"Title {k}" for k in range(n)]}
    return Catalogue(pl.DataFrame({**data, **columns}, strict=False))


def test_every_field_is_read_and_items_keep_what_the_catalogue_says() -> None:
    f = Facets.build(
        catalogue(
            category=["Kitchen", "Kitchen", None],
            tags=[["oak", "round"], None, ["oak"]],
            brand=["Still & Field", "", "Fen"],
        )
    )
    assert f.of(0) == [
        Facet("category", "Kitchen"),
        Facet("tag", "oak"),
        Facet("tag", "round"),
        Facet("brand", "Still & Field"),
    ]
    assert f.of(1) == [Facet("category", "Kitchen")]
    assert f.has(2, "tag", "oak")
    assert not f.has(2, "tag", "round")
    assert not f.has(2, "tag", "nothing of the kind")
    assert f.matrix.shape == (3, len(f.facets))
    assert f.carriers("tag", "oak").tolist() == [0, 2]


def test_case_and_spaces_do_not_split_a_facet() -> None:
    f = Facets.build(catalogue(category=["Tea  sets", "tea sets", "Tea sets", "TEA SETS "]))
    assert f.facets == [Facet("category", "Tea sets")]
    assert all(f.has(k, "category", "tea SETS") for k in range(4))


@pytest.mark.parametrize("value", ["unknown", "", " ", "(no genres listed)", "N/A", "其他"])
def test_a_value_that_says_nothing_is_no_facet(value: str) -> None:
    assert Facets.build(catalogue(category=[value, "Kitchen"])).of(0) == []


def test_what_nearly_all_items_carry_is_no_facet() -> None:
    f = Facets.build(catalogue(tags=[["shop", f"t{k % 4}"] for k in range(20)]))
    assert {x.value for x in f.facets} == {"t0", "t1", "t2", "t3"}


def test_a_tag_that_repeats_the_category_is_told_once() -> None:
    f = Facets.build(catalogue(category=["Toys", "Toys"], tags=[["toys", "wood"], ["wood"]]))
    assert f.of(0) == [Facet("category", "Toys"), Facet("tag", "wood")]


def test_rare_facets_weigh_more() -> None:
    f = Facets.build(catalogue(tags=[["a"], ["a"], ["a"], ["b"]]))
    assert f.idf[f.index("tag", "b")] > f.idf[f.index("tag", "a")] > 0


def test_shared_facets_name_their_carriers_and_the_rarest_comes_first() -> None:
    f = Facets.build(catalogue(tags=[["a", "b"], ["a", "b"], ["a", "b"], ["a"], ["c"]]))
    assert f.shared(0, [1, 2, 4]) == [
        (Facet("tag", "b"), (1, 2)),
        (Facet("tag", "a"), (1, 2)),
    ]
    assert f.shared(0, [3, 1], at_least=2) == [(Facet("tag", "a"), (3, 1))]
    assert f.shared(4, [0, 1]) == []


def test_genres_written_with_bars_are_several_facets() -> None:
    f = Facets.build(catalogue(category=["Action|Sci-Fi", "Sci-Fi"]))
    assert f.of(0) == [Facet("category", "Action"), Facet("category", "Sci-Fi")]


@pytest.mark.parametrize(
    ("genre", "en", "zh"),
    [
        ("Sci-Fi", "science fiction", "科幻"),
        ("Film-Noir", "film noir", "黑色电影"),
        ("Children's", "children's", "儿童"),
        ("Musical", "musical", "歌舞"),
        ("War", "war", "战争"),
    ],
)
def test_common_genres_have_names_in_both_languages(genre: str, en: str, zh: str) -> None:
    f = Facets.build(catalogue(tags=[[genre], [genre]]))
    assert f.labels("tag", genre, "en")[0] == en
    assert f.labels("tag", genre, "zh")[0] == zh
    assert genre in f.labels("tag", genre, "en")


def test_every_movielens_genre_is_translated() -> None:
    genres = [
        "Action",
        "Adventure",
        "Animation",
        "Children's",
        "Comedy",
        "Crime",
        "Documentary",
        "Drama",
        "Fantasy",
        "Film-Noir",
        "Horror",
        "Musical",
        "Mystery",
        "Romance",
        "Sci-Fi",
        "Thriller",
        "War",
        "Western",
    ]
    f = Facets.build(catalogue(tags=[[g] for g in genres]))
    shown = [f.labels("tag", g, "zh")[0] for g in genres]
    assert all(not s.isascii() and "“" not in s for s in shown)
    assert len(set(shown)) == len(genres)


def test_the_catalogues_own_names_come_first() -> None:
    f = Facets.build(
        catalogue(
            category=["Tea & Coffee", "Tea & Coffee"],
            category_zh=["茶与咖啡", None],
            tags=[["oak", "war"], ["oak"]],
            tags_zh=[["橡木", "战棋"], ["橡木"]],
        )
    )
    assert f.labels("category", "Tea & Coffee", "zh")[0] == "茶与咖啡"
    assert f.labels("category", "Tea & Coffee", "en") == (
        "tea and coffee",
        "tea & coffee",
        "Tea & Coffee",
    )
    assert f.labels("tag", "oak", "zh")[0] == "橡木"
    assert f.labels("tag", "war", "zh")[0] == "战棋"


def test_misaligned_tag_names_are_not_guessed() -> None:
    f = Facets.build(catalogue(tags=[["oak", "ash"], ["oak"]], tags_zh=[["橡木"], ["橡木"]]))
    assert f.labels("tag", "oak", "zh")[0] == "橡木"
    assert f.labels("tag", "ash", "zh")[0] == "“ash”"


def test_names_keep_their_capitals_and_other_words_do_not() -> None:
    f = Facets.build(
        catalogue(category=["French Linen", "USB Hubs"], brand=["Still & Field", "Fen"])
    )
    assert f.labels("category", "French Linen", "en")[0] == "French linen"
    assert f.labels("category", "USB Hubs", "en")[0] == "USB hubs"
    assert f.labels("brand", "Still & Field", "en")[0] == "Still & Field"
    assert f.labels("brand", "Fen", "zh") == ("“Fen”", "Fen")


GIFTS = [
    "RED RETROSPOT MUG",
    "BLUE RETROSPOT MUGS SET OF 4",
    "PINK RETROSPOT PLATE",
    "15CM GLASS BALL",
    "CHRISTMAS BALL LARGE",
    "CHRISTMAS TREE",
]


def test_names_give_words_where_there_is_nothing_else() -> None:
    filler = [f"{a}{b} {b}{a}" for a in "bcdfghjklm" for b in ("aba", "odo", "ulu")]
    f = Facets.build(catalogue(title=GIFTS + filler * 2))
    assert f.of(0) == [Facet("word", "mug")]  # retrospot is on 3 of 66 names: too common
    big = Facets.build(catalogue(title=GIFTS + filler * 4))
    assert big.of(0) == [Facet("word", "mug"), Facet("word", "retrospot")]
    assert big.has(1, "word", "mug")
    assert big.labels("word", "mug", "en") == ("mug", "mugs")
    assert big.labels("word", "retrospot", "zh")[0] == "“retrospot”"
    assert big.labels("word", "christmas", "en")[0] == "Christmas"
    values = {x.value for x in big.facets}
    assert values.isdisjoint({"red", "set", "large", "15cm", "of", "glass"})


def test_no_words_beside_categories_or_from_chinese_names() -> None:
    f = Facets.build(catalogue(title=["Oak mug", "Oak bowl"], category=["Kitchen", "Kitchen"]))
    assert {x.field for x in f.facets} == {"category"}
    assert Facets.build(catalogue(title=["红色马克杯", "蓝色马克杯"])).facets == []


def test_an_item_out_of_range_is_an_error_and_an_empty_catalogue_is_none() -> None:
    f = Facets.build(catalogue(category=["a", "b"]))
    with pytest.raises(IndexError, match="no item 2"):
        f.of(2)
    empty = Facets.build(
        Catalogue(
            pl.DataFrame({"id": [], "title": []}, schema={"id": pl.String, "title": pl.String})
        )
    )
    assert empty.facets == []


VALUES = st.lists(st.sampled_from(["a", "A ", "b", "unknown", "c|d", "红", "<b>"]), max_size=4)


@given(st.lists(VALUES, min_size=1, max_size=12))
def test_matrix_of_and_has_agree(tags: list[list[str]]) -> None:
    f = Facets.build(catalogue(tags=pl.Series(tags, dtype=pl.List(pl.String))))
    dense = f.matrix.toarray()
    for item in range(len(tags)):
        assert [f.facets[k] for k in dense[item].nonzero()[0]] == f.of(item)
        for facet in f.facets:
            assert f.has(item, facet.field, facet.value) == (facet in f.of(item))
    for k, facet in enumerate(f.facets):
        assert f.index(facet.field, facet.value) == k
        for lang in ("en", "zh"):
            labels = f.labels(facet.field, facet.value, lang)
            assert labels
            assert all(labels)
