"""A catalogue from invoice lines: the clean description that a code bears most often, its price."""

from __future__ import annotations

import polars as pl

from whyrec.data.titles import goods_title


def goods_table(lines: pl.DataFrame) -> pl.DataFrame:
    """One row a stock code: `id`, `title`, `price` (the median of the positive prices paid).

    Names are printed in capitals; what the stock room noted over them ("damaged", "wrong code?")
    is in small letters. So capitals win, then names of several words that begin with one; an item
    with nothing but notes has no title, and its id stands for it.
    """
    table = lines.select("item").unique(maintain_order=True)
    prices = (
        lines.filter(pl.col("price") > 0, "bought").group_by("item").agg(pl.col("price").median())
        if "price" in lines.columns
        else None
    )
    if prices is not None:
        table = table.join(prices, on="item", how="left", maintain_order="left")
    if "name" in lines.columns:
        names = (
            lines.filter(pl.col("name").is_not_null())
            .with_columns(pl.col("name").str.replace_all(r"\s+", " ").str.strip_chars(" *"))
            .group_by("item", "name")
            .len()
            .with_columns(_kind(pl.col("name")).alias("kind"))
            .filter(pl.col("kind") < 2)
            .sort(["item", "kind", "len", "name"], descending=[False, False, True, False])
            .group_by("item", maintain_order=True)
            .first()
        )
        table = table.join(
            names.select("item", "name"), on="item", how="left", maintain_order="left"
        )
        titles = [goods_title(name) if name else None for name in table["name"].to_list()]
        table = table.with_columns(pl.Series("title", titles, pl.String)).drop("name")
    return table.rename({"item": "id"})


def _kind(name: pl.Expr) -> pl.Expr:
    """0 for a name in capitals, 1 for one in mixed case, 2 for a note."""
    capitals = name.str.count_matches(r"\p{Lu}")
    small = name.str.count_matches(r"\p{Ll}")
    return (
        pl.when((capitals >= 2) & (capitals >= 2 * small))
        .then(0)
        .when((capitals + small >= 3) & name.str.contains(r"^\W*\p{Lu}.* "))
        .then(1)
        .otherwise(2)
    )
