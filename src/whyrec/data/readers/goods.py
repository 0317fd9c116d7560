"""A catalogue from invoice lines: the clean description that a code bears most often, its price."""

from __future__ import annotations

import polars as pl

from whyrec.data.titles import goods_title


def goods_table(lines: pl.DataFrame) -> pl.DataFrame:
    """One row a stock code: `id`, `title`, `price` (the median of the positive prices paid).

    A description is clean if it was printed in capitals: notes of the stock room ("damaged",
    "wrong code?") are written in small letters.
    """
    table = lines.select("item").unique(maintain_order=True)
    prices = (
        lines.filter(pl.col("price") > 0, "bought").group_by("item").agg(pl.col("price").median())
    )
    table = table.join(prices, on="item", how="left", maintain_order="left")
    if "name" in lines.columns:
        names = (
            lines.filter(pl.col("name").is_not_null())
            .with_columns(pl.col("name").str.replace_all(r"\s+", " ").str.strip_chars())
            .group_by("item", "name")
            .len()
            .with_columns(pl.col("name").str.contains(r"[a-z]{2}").alias("small"))
            .sort(["item", "small", "len", "name"], descending=[False, False, True, False])
            .group_by("item", maintain_order=True)
            .first()
        )
        table = table.join(
            names.select("item", "name"), on="item", how="left", maintain_order="left"
        )
        titles = [goods_title(name) if name else None for name in table["name"].to_list()]
        table = table.with_columns(pl.Series("title", titles, pl.String)).drop("name")
    return table.rename({"item": "id"})
