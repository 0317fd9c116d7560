"""Every format that is promised, recognised by what is in it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from whyrec.data.dataset import Dataset
from whyrec.data.readers import from_frames, read


def put(home: Path, name: str, text: str | bytes) -> Path:
    file = home / name
    raw = text.encode() if isinstance(text, str) else text
    file.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return file


def told(data: Dataset) -> list[tuple[str, str, str, float | None]]:
    """The events with ids in place of indices."""
    ids = data.catalogue.ids
    return [
        (data.users[user], ids[item], event, value)
        for user, item, event, value in data.events.select("user", "item", "event", "value").rows()
    ]


def items(data: Dataset, *columns: str) -> list[tuple[Any, ...]]:
    return data.catalogue.table.select(columns).rows()


# -- MovieLens ---------------------------------------------------------------------------------

FLAGS = "0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0"
U_ITEM = (
    f"1|Toy Story (1995)|01-Jan-1995||http://imdb/1|{FLAGS}\n"
    f"2|Misérables, Les (1995)|01-Jan-1995||http://imdb/2|{FLAGS.replace('1', '0')}\n"
).encode("latin-1")


def test_movielens_100k_as_published(tmp_path: Path) -> None:
    put(tmp_path, "u.data", "196\t1\t3\t881250949\n186\t2\t5\t891717742\n")
    put(tmp_path, "u.item", U_ITEM)
    put(tmp_path, "u.user", "196|24|M|technician|85711\n186|53|F|other|94043\n")
    put(tmp_path, "u.genre", "unknown|0\nAction|1\n")
    put(tmp_path, "u1.base", "196\t1\t3\t881250949\n")
    data = read(tmp_path)
    assert told(data) == [("196", "1", "rating", 3.0), ("186", "2", "rating", 5.0)]
    assert data.events["time"][0] == datetime(1997, 12, 4, 15, 55, 49)
    assert items(data, "id", "title", "year") == [
        ("1", "Toy Story", 1995),
        ("2", "Les Misérables", 1995),
    ]
    assert data.catalogue.table["genres"].to_list() == [["Animation", "Children's", "Comedy"], []]
    assert (data.domain, data.best_rating, data.notes["format"]) == ("film", 5.0, "movielens")
    ignored = {entry["file"]: entry["why"] for entry in data.notes["ignored"]}
    assert ignored["u.user"] == "what is known about users is not read"
    assert ignored["u1.base"] == "a split of the data beside it"
    assert set(ignored) == {"u.user", "u1.base", "u.genre"}


MOVIES = "1::Toy Story (1995)::Animation|Comedy\n2::Café, Le (1990)::Drama\n".encode("latin-1")


def test_movielens_1m_as_published(tmp_path: Path) -> None:
    put(tmp_path, "ratings.dat", "1::1::5::978300760\n1::2::3::978302109\n2::1::4::978301968\n")
    put(tmp_path, "movies.dat", MOVIES)
    put(tmp_path, "users.dat", "1::F::1::10::48067\n2::M::56::16::70072\n")
    data = read(tmp_path)
    assert told(data)[1] == ("1", "2", "rating", 3.0)
    assert items(data, "title", "genres") == [
        ("Toy Story", ["Animation", "Comedy"]),
        ("Le Café", ["Drama"]),
    ]
    assert data.notes["ignored"][0]["file"] == "users.dat"
    assert data.notes["files"]["movies.dat"]["encoding"] == "cp1252"


def test_movielens_pairs_are_interactions(tmp_path: Path) -> None:
    pl.DataFrame({"userID": ["1", "2"], "movieID": ["1", "2"]}).write_parquet(
        tmp_path / "interactions.parquet"
    )
    put(tmp_path, "movies.dat", MOVIES)
    data = read(tmp_path)
    assert told(data) == [("1", "1", "interaction", None), ("2", "2", "interaction", None)]
    assert (data.domain, data.best_rating) == ("film", None)


def test_movielens_latest(tmp_path: Path) -> None:
    put(
        tmp_path, "ratings.csv", "userId,movieId,rating,timestamp\n1,10,4.0,964982703\n2,11,0.5,1\n"
    )
    put(
        tmp_path,
        "movies.csv",
        'movieId,title,genres\n10,"American President, The (1995)",Comedy|Drama\n'
        "11,Heat (1995),(no genres listed)\n",
    )
    put(tmp_path, "tags.csv", "userId,movieId,tag,timestamp\n1,10,funny,964982703\n")
    put(tmp_path, "links.csv", "movieId,imdbId,tmdbId\n10,0114709,862\n")
    data = read(tmp_path)
    assert len(told(data)) == 2
    assert items(data, "title", "genres") == [
        ("The American President", ["Comedy", "Drama"]),
        ("Heat", []),
    ]
    assert {e["file"] for e in data.notes["ignored"]} == {"tags.csv", "links.csv"}


def test_the_year_stays_where_two_films_share_a_title(tmp_path: Path) -> None:
    put(tmp_path, "ratings.dat", "1::1::5::978300760\n2::2::3::978302109\n")
    put(
        tmp_path,
        "movies.dat",
        "1::Hamlet (1990)::Drama\n2::Hamlet (1996)::Drama\n3::M (1931)::Crime\n",
    )
    titles = [row[0] for row in items(read(tmp_path), "title")]
    assert titles == ["Hamlet (1990)", "Hamlet (1996)", "M"]


# -- Invoices ----------------------------------------------------------------------------------

HEAD = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"


@pytest.mark.parametrize(
    "head",
    [
        HEAD,
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n",
        " Invoice , StockCode, Description,Quantity,InvoiceDate,Price, Customer ID ,Country\n",
    ],
)
def test_invoice_lines(tmp_path: Path, head: str) -> None:
    put(
        tmp_path,
        "lines.csv",
        head + "489434,85048,15CM GLASS BALL,12,2009-12-01 07:45:00,6.95,13085.0,UK\n"
        "489434,21232,STRAWBERRY TRINKET BOX,24,2009-12-01 07:45:00,1.25,13085.0,UK\n"
        "C489449,21232,STRAWBERRY TRINKET BOX,-4,2009-12-02 07:45:00,1.25,13085.0,UK\n"
        "489500,21232,damaged,-5,2009-12-02 07:45:00,0,,UK\n"
        "489501,85048,15CM GLASS BALL,1,2009-12-03 07:45:00,7.95,13086.0,UK\n",
    )
    data = read(tmp_path)
    assert told(data) == [
        ("13085", "85048", "purchase", 12.0),
        ("13085", "21232", "purchase", 24.0),
        ("13085", "21232", "return", 4.0),
        ("13086", "85048", "purchase", 1.0),
    ]
    assert items(data, "id", "title", "price") == [
        ("85048", "15CM Glass Ball", 7.45),
        ("21232", "Strawberry Trinket Box", 1.25),
    ]
    assert (data.domain, data.notes["format"]) == ("shop", "invoices")
    assert data.notes["set_aside"] == [
        {"reason": "no customer", "count": 1, "file": "lines.csv", "rows_in": 5, "rows": [5]}
    ]
    assert data.set_aside is not None
    assert json.loads(data.set_aside["cells"][0])[
        "Description" if "I" in head[0] else " Description"
    ]


def test_two_files_of_invoices_are_one_data_set(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", HEAD + "1,85123a,RED MUG,1,2009-12-01 07:45,2,1,UK\n")
    put(
        tmp_path,
        "b.csv",
        HEAD
        + "2,85123A,RED MUG,1,2010-12-01 07:45,2,2,UK\n3,85123A,RED MUG,1,2010-12-02 07:45,2,2,UK\n"
        "3,2,BLUE MUG,1,2010-12-02 07:45,2,2,UK\n",
    )
    data = read(tmp_path)
    assert data.events.height == 4


def test_the_most_frequent_clean_description_is_the_title(tmp_path: Path) -> None:
    lines = ["damaged"] * 3 + ["RED MUG"] * 2 + ["MUG RED"] + ["wrong code?"] * 4
    put(
        tmp_path,
        "a.csv",
        HEAD
        + "".join(f"{k},1,{name},1,2009-12-01 07:45,2,{k},UK\n" for k, name in enumerate(lines))
        + "77,2,found in the attic,1,2009-12-01 07:45,2,9,UK\n",
    )
    assert items(read(tmp_path), "id", "title") == [("1", "Red Mug"), ("2", "2")]


def test_codes_that_differ_in_case_only_are_one(tmp_path: Path) -> None:
    codes = ["85123A", "85123a", "85123A", "2"]
    put(
        tmp_path,
        "a.csv",
        HEAD + "".join(f"{k},{c},MUG,1,2009-12-01 07:45,2,{k},UK\n" for k, c in enumerate(codes)),
    )
    data = read(tmp_path)
    assert data.catalogue.ids == ["85123A", "2"]
    assert "1 item ids that differ from others only in case joined" in data.notes["remarks"]


# -- RecBole and Amazon ------------------------------------------------------------------------


def test_recbole_atomic_files(tmp_path: Path) -> None:
    put(
        tmp_path,
        "ml.inter",
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n196\t242\t3\t881250949\n"
        "186\t302\t4\t891717742\n",
    )
    put(
        tmp_path,
        "ml.item",
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "242\tKolya\t1996\tComedy\n302\tL.A. Confidential\t1997\tCrime Film-Noir\n",
    )
    put(tmp_path, "ml.user", "user_id:token\tage:token\n196\t49\n")
    data = read(tmp_path)
    assert told(data) == [("196", "242", "rating", 3.0), ("186", "302", "rating", 4.0)]
    assert items(data, "title", "year", "genres") == [
        ("Kolya", 1996, ["Comedy"]),
        ("L.A. Confidential", 1997, ["Crime", "Film-Noir"]),
    ]
    assert (data.notes["format"], data.domain) == ("recbole", "film")


def test_amazon_reviews_of_2014_with_python_literals(tmp_path: Path) -> None:
    rows = [
        {"reviewerID": "A1", "asin": "B01", "overall": 5.0, "unixReviewTime": 1252800000,
         "reviewTime": "09 13, 2009", "reviewText": "fine", "summary": "Good", "helpful": [0, 0]},
        {"reviewerID": "A2", "asin": "B02", "overall": 2.0, "unixReviewTime": 1252800001,
         "reviewTime": "09 13, 2009", "reviewText": "no", "summary": "Bad", "helpful": [1, 2]},
    ]  # fmt: skip
    put(tmp_path, "reviews.json.gz", "\n".join(map(json.dumps, rows)))
    put(
        tmp_path,
        "meta.json.gz",
        "{'asin': 'B01', 'title': \"Cat's toy\", 'price': 12.99, 'categories': [['Pets', 'Cats']]}\n"
        "{'asin': 'B02', 'title': 'Bowl', 'imUrl': 'http://x/b.jpg', 'categories': [['Pets']]}\n",
    )
    data = read(tmp_path)
    assert told(data) == [("A1", "B01", "rating", 5.0), ("A2", "B02", "rating", 2.0)]
    assert data.events["time"][0] == datetime(2009, 9, 13)
    assert items(data, "title", "price", "category", "tags") == [
        ("Cat's toy", 12.99, "Pets", ["Pets", "Cats"]),
        ("Bowl", None, "Pets", ["Pets"]),
    ]
    assert (data.notes["format"], data.domain) == ("amazon", "shop")


def test_amazon_reviews_of_2023(tmp_path: Path) -> None:
    rows = [
        {"rating": 5.0, "title": "Love it", "text": "…", "images": [], "asin": "B01-R",
         "parent_asin": "B01", "user_id": "A1", "timestamp": 1588687728923, "helpful_vote": 0},
        {"rating": 1.0, "title": "No", "text": "…", "images": [], "asin": "B02",
         "parent_asin": "B02", "user_id": "A2", "timestamp": 1588615855070, "helpful_vote": 1},
    ]  # fmt: skip
    meta = [
        {"main_category": "All Beauty", "title": "Lotion", "price": "8.98", "store": "Howard",
         "parent_asin": "B01", "categories": ["Beauty", "Skin"], "description": ["a", "b"],
         "images": [{"thumb": "t", "large": "http://x/l.jpg"}], "details": {"Size": 1}},
        {"main_category": "All Beauty", "title": "Brush", "price": "from 5.10", "store": None,
         "parent_asin": "B02", "categories": [], "description": [], "images": [], "details": {}},
    ]  # fmt: skip
    put(tmp_path, "reviews.jsonl", "\n".join(map(json.dumps, rows)))
    put(tmp_path, "meta.jsonl", "\n".join(map(json.dumps, meta)))
    data = read(tmp_path)
    assert told(data) == [("A1", "B01", "rating", 5.0), ("A2", "B02", "rating", 1.0)]
    assert data.events["time"][0] == datetime(2020, 5, 5, 14, 8, 48, 923000)
    table = data.catalogue.table
    assert table.select("title", "description", "category", "brand", "price", "image").rows() == [
        ("Lotion", "a b", "All Beauty", "Howard", 8.98, "http://x/l.jpg"),
        ("Brush", None, "All Beauty", None, None, None),
    ]
    assert table["tags"].to_list() == [["Beauty", "Skin"], []]
    assert "1 prices that are no number left empty" in data.notes["remarks"]


# -- Plain tables ------------------------------------------------------------------------------

ROWS = [("ann", "x1", "view", 1.0, "2024-03-01 10:00:00"), ("bob", "x2", "buy", 2.0, "2024-03-02")]
EVENTS = "user_id,item_id,event,value\nann,x1,view,1\nbob,x2,buy,2\n"
WANTED = [("ann", "x1", "view", 1.0), ("bob", "x2", "purchase", 2.0)]


def as_rows() -> list[dict[str, Any]]:
    keys = ("user_id", "item_id", "event", "value")
    return [dict(zip(keys, row, strict=False)) for row in ROWS]


def parquet(rows: list[dict[str, Any]], file: Path) -> None:
    pl.DataFrame(rows).write_parquet(file)


WRITERS: dict[str, Callable[[Path], object]] = {
    "e.csv": lambda f: f.write_text(EVENTS),
    "e.csv.gz": lambda f: f.write_bytes(gzip.compress(EVENTS.encode())),
    "semicolon.csv": lambda f: f.write_text(EVENTS.replace(",", ";")),
    "e.tsv": lambda f: f.write_text(EVENTS.replace(",", "\t")),
    "e.tsv.gz": lambda f: f.write_bytes(gzip.compress(EVENTS.replace(",", "\t").encode())),
    "pipes.txt": lambda f: f.write_text(EVENTS.replace(",", "|")),
    "colons.dat": lambda f: f.write_text(EVENTS.replace(",", "::")),
    "bom.csv": lambda f: f.write_bytes(b"\xef\xbb\xbf" + EVENTS.encode()),
    "utf16.csv": lambda f: f.write_bytes(EVENTS.encode("utf-16")),
    "crlf.csv": lambda f: f.write_bytes(EVENTS.replace("\n", "\r\n").encode()),
    "e.jsonl": lambda f: f.write_text("\n".join(map(json.dumps, as_rows()))),
    "e.ndjson.gz": lambda f: f.write_bytes(gzip.compress("\n".join(map(json.dumps, as_rows())).encode())),
    "list.json": lambda f: f.write_text(json.dumps(as_rows(), indent=2)),
    "inside.json": lambda f: f.write_text(json.dumps({"data": as_rows()})),
    "e.parquet": lambda f: parquet(as_rows(), f),
    "misnamed.csv": lambda f: parquet(as_rows(), f),
    "no_header.csv": lambda f: f.write_text(EVENTS.split("\n", 1)[1]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_rows_in_every_format(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    assert told(read(tmp_path / name)) == WANTED
    assert told(read(tmp_path)) == WANTED


@pytest.mark.parametrize(
    "header",
    [
        "userId,movieId", "UserID,ItemID", "customer_id,product_id", "CustomerID,StockCode",
        "reviewerID,asin", "uid,iid", "user,item", "visitorid,itemid", "user_id:token,item_id:token",
        "用户ID,商品ID", "Client No.,SKU".replace("Client No.", "client_id"),
    ],
)  # fmt: skip
def test_common_names_of_columns(tmp_path: Path, header: str) -> None:
    file = put(tmp_path, "e.csv", f"{header}\nann,x1\nbob,x2\n")
    assert [row[:2] for row in told(read(file))] == [("ann", "x1"), ("bob", "x2")]


@pytest.mark.parametrize(
    ("cells", "moment"),
    [
        ("1709287200", datetime(2024, 3, 1, 10)),
        ("1709287200000", datetime(2024, 3, 1, 10)),
        ("1709287200000000", datetime(2024, 3, 1, 10)),
        ("1709287200.5", datetime(2024, 3, 1, 10, 0, 0, 500000)),
        ("2024-03-01", datetime(2024, 3, 1)),
        ("2024-03-01T10:00:00Z", datetime(2024, 3, 1, 10)),
        ("2024-03-01T12:00:00+02:00", datetime(2024, 3, 1, 10)),
        ("2024-03-01 10:00:00.250", datetime(2024, 3, 1, 10, 0, 0, 250000)),
        ("2024-03-01 10:00", datetime(2024, 3, 1, 10)),
        ("2024-03-01 10:00:00 UTC", datetime(2024, 3, 1, 10)),
        ("2024/03/01 10:00:00", datetime(2024, 3, 1, 10)),
        ("12/31/2010 8:26", datetime(2010, 12, 31, 8, 26)),
        ("31/12/2010 08:26", datetime(2010, 12, 31, 8, 26)),
        ("31.12.2010", datetime(2010, 12, 31)),
        ("2024年3月1日", datetime(2024, 3, 1)),
    ],
)
def test_times_in_common_forms(tmp_path: Path, cells: str, moment: datetime) -> None:
    put(tmp_path, "e.csv", f"user,item,time\na,x,{cells}\nb,y,\n")
    assert read(tmp_path).events["time"].to_list() == [moment, None]


def test_day_or_month_first_is_decided_by_all_rows(tmp_path: Path) -> None:
    rows = "".join(f"u{k},i{k},0{k % 9 + 1}/0{k % 9 + 1}/2010\n" for k in range(2000))
    put(tmp_path, "e.csv", "user,item,date\n" + rows + "a,x,25/12/2010\n")
    data = read(tmp_path)
    assert data.events["time"][-1] == datetime(2010, 12, 25)
    assert data.notes["remarks"] == []


def test_ambiguous_dates_are_remarked(tmp_path: Path) -> None:
    put(tmp_path, "e.csv", "user,item,date\na,x,01/02/2010\nb,y,03/04/2010\n")
    assert any("could be day/month/year" in note for note in read(tmp_path).notes["remarks"])


def test_a_few_broken_times_are_emptied_and_counted(tmp_path: Path) -> None:
    rows = "".join(f"u{k},i{k},2024-01-0{k % 9 + 1}\n" for k in range(99))
    put(tmp_path, "e.csv", "user,item,time\n" + rows + "a,x,yesterday\n")
    data = read(tmp_path)
    assert data.events["time"].null_count() == 1
    assert data.events.height == 100
    assert data.notes["changed"] == [
        {"reason": "time is no time: left empty", "count": 1, "file": "e.csv", "rows_in": 100,
         "rows": [101]}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "event"),
    [
        ("buy", "purchase"), ("Order", "purchase"), ("transaction", "purchase"), ("watch", "view"),
        ("PLAY", "view"), ("pv", "view"), ("add_to_cart", "cart"), ("addtocart", "cart"),
        ("favourite", "like"), ("thumbs up", "like"), ("refund", "return"), ("收藏", "like"),
        ("加购", "cart"), ("purchase", "purchase"), ("dislike", "dislike"), ("click", "click"),
    ],
)  # fmt: skip
def test_event_words(tmp_path: Path, word: str, event: str) -> None:
    put(tmp_path, "e.csv", f"user,item,event\na,x,{word}\nb,y,{word}\n")
    assert read(tmp_path).events["event"].to_list() == [event, event]


def test_what_a_row_means_without_an_event_column(tmp_path: Path) -> None:
    head, rows = "user,item", "a,x\nb,y\n"
    assert read(put(tmp_path, "pairs.csv", f"{head}\n{rows}")).events["event"][0] == "interaction"
    assert read(tmp_path / "pairs.csv", event="view").events["event"][0] == "view"
    put(tmp_path, "likes.csv", f"{head}\n{rows}")
    assert read(tmp_path / "likes.csv").events["event"][0] == "like"
    put(tmp_path, "q.csv", f"{head},quantity\na,x,3\nb,y,1\n")
    assert told(read(tmp_path / "q.csv"))[0] == ("a", "x", "purchase", 3.0)
    put(tmp_path, "r.csv", f"{head},rating\na,x,3\nb,y,1\n")
    assert told(read(tmp_path / "r.csv"))[0] == ("a", "x", "rating", 3.0)


def test_ratings_and_other_events_in_one_table(tmp_path: Path) -> None:
    put(tmp_path, "e.csv", "user,item,event,rating\na,x,view,\na,x,rate,4\nb,y,buy,\nb,x,rate,\n")
    data = read(tmp_path)
    assert told(data) == [
        ("a", "x", "view", None),
        ("a", "x", "rating", 4.0),
        ("b", "y", "purchase", None),
    ]
    assert data.notes["set_aside"][0]["reason"] == "a rating without its number"


@pytest.mark.parametrize(
    ("ratings", "best"),
    [([1, 5], 5), ([0.5, 4.5], 5), ([1, 10], 10), ([0, 1], 1), ([20, 90], 100), ([1, 140], 140)],
)
def test_the_end_of_the_rating_scale(tmp_path: Path, ratings: list[float], best: float) -> None:
    rows = "".join(f"u{k},i{k},{r}\n" for k, r in enumerate(ratings))
    put(tmp_path, "e.csv", "user,item,rating\n" + rows)
    assert read(tmp_path).best_rating == best


def test_one_absurd_rating_does_not_stretch_the_scale(tmp_path: Path) -> None:
    rows = "".join(f"u{k},i{k},{k % 5 + 1}\n" for k in range(400))
    put(tmp_path, "e.csv", "user,item,rating\n" + rows + "a,x,55\n")
    assert read(tmp_path).best_rating == 5


def test_items_table_in_two_languages(tmp_path: Path) -> None:
    put(tmp_path, "events.csv", "user,item,event\na,1,buy\nb,2,buy\n")
    put(
        tmp_path,
        "items.csv",
        "id,name,name_zh,category,category_zh,tags,tags_zh,price,brand,colour\n"
        "1,Tea pot,茶壶,Kitchen,厨房,steel|blue,钢|蓝,£12.50,Acme,red\n"
        "2,Cup,,Kitchen,厨房,steel,钢|蓝,9,,blue\n",
    )
    data = read(tmp_path)
    table = data.catalogue.table
    assert data.catalogue.titles("zh") == ["茶壶", "Cup"]
    assert table["tags_zh"].to_list() == [["钢", "蓝"], None]
    assert table["price"].to_list() == [12.5, 9.0]
    assert table["currency"].to_list() == ["GBP", None]
    assert table["colour"].to_list() == ["red", "blue"]
    assert data.domain == "shop"
    assert any("tags_zh does not match" in c["reason"] for c in data.notes["changed"])


def test_items_of_events_with_descriptions(tmp_path: Path) -> None:
    put(
        tmp_path,
        "log.csv",
        "event_time,event_type,product_id,category_code,brand,price,user_id\n"
        "2019-11-01 00:00:00 UTC,view,1003461,electronics.phone,xiaomi,489.07,5\n"
        "2019-11-01 00:00:01 UTC,purchase,1003461,,xiaomi,499.07,6\n"
        "2019-11-01 00:00:02 UTC,remove_from_cart,5000088,,,1.00,6\n"
        "2019-11-01 00:00:02 UTC,cart,5000088,home,,293.65,6\n",
    )
    data = read(tmp_path)
    assert items(data, "id", "category", "brand", "price") == [
        ("1003461", "electronics.phone", "xiaomi", 494.07),
        ("5000088", "home", None, pytest.approx(147.325)),
    ]
    assert data.notes["set_aside"][0]["reason"].startswith("takes back a cart")


def test_taobao_behaviour_without_a_header(tmp_path: Path) -> None:
    put(
        tmp_path,
        "UserBehavior.csv",
        "1,2268318,2520377,pv,1511544070\n2,2333346,25,buy,1511561733\n",
    )
    data = read(tmp_path)
    assert told(data) == [("1", "2268318", "view", None), ("2", "2333346", "purchase", None)]
    assert data.events["time"][0] == datetime(2017, 11, 24, 17, 21, 10)


def test_items_without_a_row_have_their_id_as_title(tmp_path: Path) -> None:
    put(tmp_path, "events.csv", "user,item\na,1\nb,2\na,3\n")
    put(tmp_path, "items.csv", "item,title\n2,Cup\n1,Tea pot\n9,Unsold\n")
    data = read(tmp_path)
    assert items(data, "id", "title") == [
        ("2", "Cup"), ("1", "Tea pot"), ("9", "Unsold"), ("3", "3")
    ]  # fmt: skip
    assert "1 items with events are not in the items table" in data.notes["remarks"][0]


def test_two_items_tables_fill_each_other(tmp_path: Path) -> None:
    put(tmp_path, "events.csv", "user,item\na,1\nb,2\n")
    put(tmp_path, "items_a.csv", "item,title,price\n1,Tea pot,\n2,Cup,2\n")
    put(tmp_path, "items_b.csv", "item,price,category\n1,7,Kitchen\n3,1,Garden\n")
    assert items(read(tmp_path), "id", "title", "price", "category") == [
        ("1", "Tea pot", 7.0, "Kitchen"), ("2", "Cup", 2.0, None), ("3", "3", 1.0, "Garden"),
    ]  # fmt: skip


def test_titles_from_outside_are_made_harmless(tmp_path: Path) -> None:
    put(tmp_path, "events.csv", "user,item\na,1\nb,2\nb,3\n")
    titles = ["\u202eevil\u0007 \n name", "x" * 1000, " \u200b "]
    pl.DataFrame({"item": ["1", "2", "3"], "title": titles}).write_parquet(
        tmp_path / "items.parquet"
    )
    data = read(tmp_path)
    found = data.catalogue.table["title"].to_list()
    assert found[0] == "evil name"
    assert len(found[1]) == 300
    assert found[2] == "3"
    assert data.notes["changed"][0]["count"] == 3


def test_chinese_text_in_gb18030_is_read(tmp_path: Path) -> None:
    put(tmp_path, "events.csv", "用户,商品\na,1\nb,2\n".encode("gb18030"))
    put(tmp_path, "items.csv", "商品,名称\n1,软木桌垫\n2,茶壶\n".encode("gb18030"))
    assert [row[0] for row in items(read(tmp_path), "title")] == ["软木桌垫", "茶壶"]


def test_a_mapping_names_columns_nobody_would_guess(tmp_path: Path) -> None:
    file = put(tmp_path, "e.csv", "Kunde,Artikel,Sterne\nann,x1,4\nbob,x2,5\n")
    data = read(file, map={"user_id": "Kunde", "item_id": "artikel", "rating": "Sterne"})
    assert told(data) == [("ann", "x1", "rating", 4.0), ("bob", "x2", "rating", 5.0)]
    again = read(file, map={"user": "Kunde", "movieId": "Artikel", "stars": "Sterne"})
    assert again.fingerprint == data.fingerprint


def test_a_mapping_overrides_a_synonym(tmp_path: Path) -> None:
    file = put(tmp_path, "e.csv", "user,item,session\na,x,s1\nb,y,s2\n")
    assert told(read(file, map={"user_id": "session"}))[0][0] == "s1"


def test_domain_and_weights_can_be_given(tmp_path: Path) -> None:
    file = put(tmp_path, "e.csv", "user,item\na,x\nb,y\n")
    data = read(file, domain="film", weights={"interaction": 0.5})
    assert data.domain == "film"
    assert data.interactions.sum() == 1.0


def test_several_files_may_be_named(tmp_path: Path) -> None:
    one = put(tmp_path, "a.csv", "user,item\na,x\n")
    two = put(tmp_path, "b.csv", "user,item\nb,y\n")
    assert told(read([one, two])) == [
        ("a", "x", "interaction", None),
        ("b", "y", "interaction", None),
    ]


# -- Frames ------------------------------------------------------------------------------------


def test_pandas_polars_and_arrow_frames_give_the_same_data_set() -> None:
    pandas = pytest.importorskip("pandas")
    arrow = pytest.importorskip("pyarrow")
    columns = {
        "user_id": [13085.0, 13085.0, 13086.0],
        "item_id": ["x", "y", "y"],
        "rating": [4.0, None, 2.0],
        "time": [datetime(2024, 1, 1), datetime(2024, 1, 2), datetime(2024, 1, 3)],
    }
    catalogue = {"item_id": ["x", "y"], "title": ["Ex", None]}
    polars = from_frames(pl.DataFrame(columns), pl.DataFrame(catalogue))
    assert told(polars) == [("13085", "x", "rating", 4.0), ("13086", "y", "rating", 2.0)]
    for frame in (pandas.DataFrame, arrow.table, dict):
        data = from_frames(frame(columns), frame(catalogue))
        assert data.fingerprint == polars.fingerprint
        assert data.notes["set_aside"][0]["rows"] == [1]


def test_pandas_categories_strings_and_zones() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "user": pandas.Categorical(["a", "b"]),
            "item": pandas.Series([1, None], dtype="Int64"),
            "time": pandas.to_datetime(
                ["2024-01-01T02:00+02:00", "2024-01-01T02:00+02:00"], utc=True
            ),
        }
    )
    more = pandas.DataFrame({"user": ["c"], "item": [2], "time": [None]})
    data = from_frames(pandas.concat([frame.astype({"user": str}), more], ignore_index=True))
    assert told(data) == [("a", "1", "interaction", None), ("c", "2", "interaction", None)]
    assert data.events["time"].to_list() == [datetime(2024, 1, 1), None]


def test_pandas_is_read_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"user": ["a", "b"], "item": ["x", "y"], "rating": [1, 5]})
    import sys

    for name in [n for n in sys.modules if n.split(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert told(from_frames(frame))[1] == ("b", "y", "rating", 5.0)
