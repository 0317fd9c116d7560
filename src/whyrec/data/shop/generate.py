"""Write the simulated shop to a directory: catalogue, events, reviews, pictures, truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from whyrec.data.files import atomic_dir
from whyrec.data.shop.behaviour import EVENTS, START, Log, simulate
from whyrec.data.shop.dirt import EventDirt, event_dirt, soil_items
from whyrec.data.shop.drawing import draw
from whyrec.data.shop.goods import Good, make_goods
from whyrec.data.shop.reviews import Review, write_reviews
from whyrec.data.shop.tastes import draw_tastes
from whyrec.data.shop.words import table
from whyrec.errors import ConfigError

CURRENCY = "GBP"
TRUTH = Path("evaluation") / "truth.json"
"""Where the hidden preferences lie: in a folder of its own, so that no reader takes it for data."""

MIN_USERS, MIN_ITEMS = 2, 20
MAX_USERS = 1_000_000

README = """\
# A simulated shop

Made by `whyrec data shop --seed {seed} --users {users} --items {items}`. Nobody in it exists.

- `items.csv`: the catalogue in English and Chinese; tags are parted by `|`, `image` is a path here.
- `events.csv`: a year of views, clicks, carts, purchases, ratings, likes and returns.
- `reviews.jsonl`: what some people wrote with their rating.
- `images/`: a drawing of each item.
- `evaluation/truth.json`: the preferences behind the events and the exact counts of the dirt that
  was put in, for evaluation only. No recommender may read it.
"""


@dataclass(frozen=True)
class ShopSummary:
    """What was written: counts by name, JSON-able through `to_json`."""

    path: Path
    seed: int
    users: int
    items: int
    events: dict[str, int]
    reviews: int
    dirt: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """The summary as a dictionary."""
        return {
            "path": str(self.path),
            "seed": self.seed,
            "users": self.users,
            "items": self.items,
            "events": self.events,
            "reviews": self.reviews,
            "dirt": self.dirt,
        }


def generate(out: str | Path, *, seed: int = 0, users: int = 2000, items: int = 600) -> ShopSummary:
    """Write a simulated shop into the directory `out`, the same bytes for the same seed.

    Parameters
    ----------
    out
        The directory; one that this function wrote before is replaced.
    seed
        Of all randomness, 0 or more.
    users, items
        How many people and goods: at least 2 and 20.

    Returns
    -------
    ShopSummary
        Counts of what was written. `events` counts the clean rows by type; `dirt` what was put in.

    Raises
    ------
    ConfigError
        If a number is out of range or the grammar has fewer names.
    DataError
        If the directory cannot be written.
    """
    _check(seed, users, items)
    # A stream for each part: more users leave the goods as they are.
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(6)]
    goods = make_goods(items, streams[0])
    tastes = draw_tastes(goods, users, streams[1])
    log = simulate(tastes, streams[2])
    reviews = write_reviews(log, tastes, streams[3])
    dirt = event_dirt(log, streams[4])
    rows, befell = soil_items([_row(g) for g in goods], streams[5])
    width = max(5, len(str(users)))
    user_ids = [f"U{k + 1:0{width}d}" for k in range(users)]
    item_ids = [g.id for g in goods]

    counts = {
        **{kind: len(ids) for kind, ids in befell.items()},
        "event_rows_again": len(dirt.again),
        "unknown_item": len(dirt.unknown),
        "broken_time": len(dirt.broken_time),
        "rating_off_scale": len(dirt.off_scale),
    }
    by_type = np.bincount(log.event, minlength=len(EVENTS))
    summary = ShopSummary(
        path=Path(out),
        seed=seed,
        users=users,
        items=items,
        events={name: int(by_type[k]) for k, name in enumerate(EVENTS)},
        reviews=len(reviews),
        dirt=counts,
    )
    truth = {
        "seed": seed,
        "rows": {
            "items.csv": len(rows),
            "events.csv": len(log) + len(dirt.again) + len(dirt.unknown),
        },
        "clean_events": summary.events,
        "dirt": {"counts": counts, "items": befell},
        "titles": {id: good.title for id, good in zip(item_ids, goods, strict=True)},
        "preferences": tastes.to_json(user_ids, item_ids),
        "reviews": {f"R{k + 1:06d}": r.aspects for k, r in enumerate(reviews)},
    }
    with atomic_dir(out) as place:
        (place / "README.md").write_text(
            README.format(seed=seed, users=users, items=items), "utf-8"
        )
        pl.DataFrame(rows, infer_schema_length=None).write_csv(place / "items.csv")
        _events_frame(log, dirt, user_ids, item_ids).write_csv(place / "events.csv")
        _write_reviews(place / "reviews.jsonl", reviews, user_ids, item_ids)
        (place / "images").mkdir()
        for good in goods:
            (place / _image(good)).write_text(draw(good), "utf-8")
        (place / TRUTH.parent).mkdir()
        (place / TRUTH).write_text(json.dumps(truth, ensure_ascii=False) + "\n", "utf-8")
    return summary


def _check(seed: int, users: int, items: int) -> None:
    if seed < 0:
        raise ConfigError(f"cannot be {seed}", where="seed", remedy="use 0 or more")
    if not MIN_USERS <= users <= MAX_USERS:
        raise ConfigError(
            f"cannot simulate {users} users",
            where="users",
            remedy=f"use {MIN_USERS} to {MAX_USERS}",
        )
    if items < MIN_ITEMS:
        raise ConfigError(
            f"cannot simulate {items} items", where="items", remedy=f"use {MIN_ITEMS} or more"
        )


def _image(good: Good) -> str:
    return f"images/{good.id}.svg"


def _row(good: Good) -> dict[str, Any]:
    a = table("attributes")
    category, brand = a["category"][good.category], a["brand"][good.brand]
    return {
        "item_id": good.id,
        "title": good.title,
        "title_zh": good.title_zh,
        "description": good.description,
        "description_zh": good.description_zh,
        "category": category[0],
        "category_zh": category[1],
        "tags": "|".join(good.tags),
        "tags_zh": "|".join(good.tags_zh),
        "brand": brand[0],
        "brand_zh": brand[1],
        "price": f"{good.price:.2f}",
        "currency": CURRENCY,
        "image": _image(good),
    }


def _events_frame(
    log: Log, dirt: EventDirt, user_ids: list[str], item_ids: list[str]
) -> pl.DataFrame:
    """The log with its dirt as text columns, in order of time."""
    moments = (START + log.time.astype("timedelta64[s]")).astype("datetime64[ms]")
    value = np.where(np.isnan(log.value), 0.0, log.value)
    for row, wrong in dirt.off_scale.items():
        value[row] = wrong
    has_value = ~np.isnan(log.value)
    clean = pl.DataFrame(
        {
            "row": np.arange(len(log)),
            "user_id": pl.Series(user_ids).gather(log.user),
            "item_id": pl.Series(item_ids).gather(log.item),
            "event": pl.Series(list(EVENTS)).gather(log.event),
            "value": pl.Series(value).round(0).cast(pl.Int64).cast(pl.String),
            "time": pl.Series(moments).dt.strftime("%Y-%m-%d %H:%M:%S"),
        }
    ).with_columns(pl.when(pl.Series(has_value)).then("value").alias("value"))
    if dirt.broken_time:
        broken = pl.DataFrame(
            {"row": list(dirt.broken_time), "wrong": list(dirt.broken_time.values())}
        )
        clean = (
            clean.join(broken, on="row", how="left", maintain_order="left")
            .with_columns(pl.coalesce("wrong", "time").alias("time"))
            .drop("wrong")
        )
    again = clean[dirt.again]
    unknown = clean[dirt.unknown].with_columns(
        pl.Series("item_id", [f"X{9000 + k // 2}" for k in range(len(dirt.unknown))], pl.String)
    )
    return pl.concat([clean, again, unknown]).sort("row", maintain_order=True).drop("row")


def _write_reviews(
    path: Path, reviews: list[Review], user_ids: list[str], item_ids: list[str]
) -> None:
    with path.open("w", encoding="utf-8") as file:
        for k, review in enumerate(reviews):
            line = {
                "review_id": f"R{k + 1:06d}",
                "user_id": user_ids[review.user],
                "item_id": item_ids[review.item],
                "rating": review.rating,
                "lang": review.lang,
                "text": review.text,
                "time": str(START + np.timedelta64(review.time, "s")).replace("T", " "),
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def read_truth(path: str | Path) -> dict[str, Any]:
    """The truth file of a simulated shop, for evaluation only."""
    truth: dict[str, Any] = json.loads((Path(path) / TRUTH).read_text("utf-8"))
    return truth
