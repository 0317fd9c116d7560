"""Column names: which of a table's columns means what, by synonym or by the user's own mapping."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType

from whyrec.errors import ConfigError, DataError

EVENT_TARGETS = (
    "user_id", "item_id", "event", "rating", "value", "quantity", "time", "order", "text", "lang"
)  # fmt: skip
ITEM_TARGETS = (
    "item_id",
    "title",
    "description",
    "category",
    "genres",
    "tags",
    "brand",
    "price",
    "currency",
    "image",
    "year",
)
TARGETS = tuple(dict.fromkeys((*EVENT_TARGETS, *ITEM_TARGETS)))
"""What a column can be mapped to. Text targets of items also by language: `title_zh`."""

_TRANSLATED = ("title", "description", "category", "genres", "tags", "brand")

# Keys hold letters and digits only, lower case; the earlier synonym wins within one table.
_SYNONYMS = {
    "user_id": "userid user uid reviewerid customerid customer customerno customernumber clientid"
    " client visitorid visitor memberid member buyerid buyer accountid account personid person"
    " profileid readerid viewerid learnerid studentid patientid sessionid session username"
    " userident userhash userkey custid cid author authorid reviewer"
    " 用户id 用户 用户编号 用户名 顾客id 顾客 会员id 会员 客户id 客户",
    "item_id": "itemid item iid movieid movie filmid film parentasin asin productid product"
    " stockcode sku articleid article trackid track songid song artistid artist bookid book isbn"
    " gameid game appid showid newsid courseid course businessid gmapid recipeid postid videoid"
    " goodsid productcode itemcode contentid docid documentid locationid placeid venueid poiid"
    " offerid listingid materialid prodid pid"
    " 商品id 商品 商品编号 物品id 物品 电影id 电影 产品id 产品 货号",
    "event": "event eventtype eventname action actiontype behavior behaviour behaviortype"
    " behaviourtype interactiontype interaction activity activitytype verb 行为 行为类型 事件 动作",
    "rating": "rating overall stars star score ratings ratingvalue reviewrating grade starrating"
    " 评分 打分 星级",
    "value": "value weight plays playcount listens listencount count watchratio strength"
    " interactionvalue 值 权重",
    "quantity": "quantity qty units amountbought itemcount 数量",
    "time": "time timestamp datetime date eventtime eventtimestamp unixreviewtime reviewtime"
    " unixtime ts invoicedate orderdate orderedat purchasedate purchasetime createdat created"
    " ratedat watchedat visitedat eventdate reviewdate occurredat when"
    " 时间 时间戳 日期 下单时间 评论时间",
    "order": "order orderid orderno invoice invoiceno invoicenumber invoiceid basketid basket"
    " transactionid transaction receiptid receipt 订单id 订单号 订单",
    "text": "reviewtext reviewbody reviewcontent text review content body comment comments"
    " 评论内容 评价内容 评论 评价 评语",
    "lang": "lang language reviewlanguage 语言",
    "title": "title name itemname productname producttitle movietitle moviename filmtitle itemtitle"
    " booktitle songname trackname artistname displayname label 标题 名称 商品名 商品名称 片名 书名",
    "description": "description desc itemdescription productdescription summary overview plot"
    " synopsis abstract details 描述 简介 商品描述 详情",
    "category": "category categories maincategory maincat itemcategory productcategory"
    " categorycode categoryname class department dept producttype itemtype section 类别 分类 品类 类目",
    "genres": "genres genre 类型 流派",
    "tags": "tags tag keywords keyword topics labels themes 标签 关键词",
    "brand": "brand brandname manufacturer maker vendor publisher store 品牌",
    "price": "price unitprice itemprice productprice listprice amount cost 价格 单价",
    "currency": "currency currencycode 货币 币种",
    "image": "image imageurl img imgurl imageurls imurl picture pictureurl photo thumbnail cover"
    " posterurl poster images 图片 图片链接",
    "year": "year releaseyear releasedyear yearofrelease publicationyear yearofpublication 年份 年",
}
SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {target: tuple(words.split()) for target, words in _SYNONYMS.items()}
)
_TARGET_OF = {word: target for target, words in SYNONYMS.items() for word in words}

TEXT_KEYS = frozenset(
    ("reviewtext", "review", "text", "comment", "reviewbody", "content", "body", "helpful")
)
"""Columns that make a table of events a table of reviews."""


def key(name: str) -> str:
    """A column name as it is compared: `' Customer ID'`, `customer_id:token` → `customerid`."""
    return re.sub(r"[\W_]+", "", name.split(":", maxsplit=1)[0].lower())


def translated(name: str) -> tuple[str, str] | None:
    """(`title`, `zh`) for a column such as `title_zh`, None for any other."""
    found = re.fullmatch(r"\s*(\w+?)[_-]([a-z]{2})\s*", name.split(":", maxsplit=1)[0].lower())
    if found:
        target = _TARGET_OF.get(key(found[1]))
        if target in _TRANSLATED:
            return target, found[2]
    return None


def target_of(name: str) -> str | None:
    """What a column of that name usually means, None if nothing known."""
    return _TARGET_OF.get(key(name))


def parse_map(map: Mapping[str, str] | None) -> dict[str, str]:
    """Check a user's mapping {target: column}; targets may be given by a synonym too.

    Raises
    ------
    ConfigError
        If a target is none of `TARGETS`, or one is given twice.
    """
    checked: dict[str, str] = {}
    for target, column in (map or {}).items():
        known = target if target in TARGETS else target_of(target)
        lang = translated(target)
        if known is None and lang is not None:
            known = "_".join(lang)
        if known is None:
            raise ConfigError(
                f"nothing is called {target!r}",
                where="map",
                remedy=f"map one of {', '.join(TARGETS)}",
            )
        if known in checked:
            raise ConfigError(
                f"{known!r} is mapped twice", where="map", remedy="name one column for it"
            )
        checked[known] = column
    return checked


def find_column(wanted: str, columns: Collection[str]) -> str | None:
    """The column that the user means: by its exact name, else ignoring case, space, `_`, type."""
    if wanted in columns:
        return wanted
    matches = [c for c in columns if key(c) == key(wanted) and key(wanted)]
    return matches[0] if len(matches) == 1 else None


def assign(columns: Collection[str], map: Mapping[str, str] | None = None) -> dict[str, str]:
    """{target: column} of one table, the user's mapping first, then synonyms in their order."""
    chosen: dict[str, str] = {}
    for target, wanted in (map or {}).items():
        mapped = find_column(wanted, columns)
        if mapped is not None:
            chosen[target] = mapped
    taken = set(chosen.values())
    order = {word: k for words in SYNONYMS.values() for k, word in enumerate(words)}
    for column in sorted(columns, key=lambda c: order.get(key(c), 0)):
        meaning = target_of(column)
        if meaning and meaning not in chosen and column not in taken:
            chosen[meaning] = column
            taken.add(column)
    for column in columns:
        lang = translated(column)
        if lang and column not in taken:
            chosen.setdefault("_".join(lang), column)
    return chosen


def check_map_found(map: Mapping[str, str], tables: Mapping[str, Collection[str]]) -> None:
    """Raise a `DataError` naming the columns that exist if a mapped column is in no table."""
    for target, wanted in map.items():
        if not any(find_column(wanted, columns) for columns in tables.values()):
            listing = "; ".join(f"{name} has {', '.join(c)}" for name, c in tables.items())
            raise DataError(
                f"no column {wanted!r} to take {target} from",
                where="map",
                remedy=f"name one that exists: {listing}",
            )
