"""Invoice lines to purchases and returns, and their goods to a catalogue."""

from __future__ import annotations

import polars as pl

from whyrec.data.ids import blank_to_null
from whyrec.data.readers.build import Reading
from whyrec.data.readers.cells import MOMENT, ids, numbers
from whyrec.data.readers.roles import Part


def is_invoices(part: Part) -> bool:
    """Whether the table holds invoice lines: an invoice number, an item and a quantity."""
    columns = set(part.columns)
    return {"order", "item_id", "quantity"} <= columns and not columns & {"rating", "event"}


def invoice_lines(part: Part, reading: Reading) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(events, lines for the catalogue) of a table of invoice lines.

    A negative quantity or an invoice number that begins with C is a `return`; everything else is
    a `purchase`. Both keep `order` and `price`, by which the cleaning judges them. Lines without
    customer, item or quantity are set aside.
    """
    table, columns = part.table, part.columns
    frame = table.frame
    user = ids(table, columns["user_id"])
    item = _one_spelling(ids(table, columns["item_id"]), reading)
    order = ids(table, columns["order"])
    quantity = numbers(table, columns["quantity"])
    price = numbers(table, columns["price"]) if "price" in columns else None
    time = pl.Series([None] * frame.height, dtype=MOMENT)
    if "time" in columns:
        time = reading.times(table, columns["time"])
    no_user = user.is_null()
    no_item = item.is_null() & ~no_user
    no_quantity = (quantity.fill_null(0) == 0) & ~no_user & ~no_item
    reading.set_aside(table, no_user, "no customer")
    reading.set_aside(table, no_item, "no item id")
    reading.set_aside(table, no_quantity, "no quantity")
    lines = pl.DataFrame(
        {
            "user": user,
            "item": item,
            "event": pl.Series([None] * frame.height, dtype=pl.String),
            "value": quantity.abs(),
            "time": time,
            "order": order,
            "price": price
            if price is not None
            else pl.Series([None] * frame.height, dtype=pl.Float64),
        }
    ).with_columns(
        pl.when((quantity < 0) | pl.col("order").str.starts_with("C").fill_null(False))
        .then(pl.lit("return"))
        .otherwise(pl.lit("purchase"))
        .alias("event")
    )
    goods = lines.select("item", "price", bought=quantity > 0)
    if "description" in columns or "title" in columns:
        text = frame[columns.get("description") or columns["title"]]
        goods = goods.with_columns(blank_to_null(text.cast(pl.String)).alias("name"))
    return lines.filter(~(no_user | no_item | no_quantity)), goods.filter(item.is_not_null())


def _one_spelling(items: pl.Series, reading: Reading) -> pl.Series:
    """Stock codes that differ only in case (`85123a`, `85123A`) in their more frequent spelling."""
    counts = items.drop_nulls().value_counts(name="n").rename({items.name: "code"})
    best = counts.sort(["n", "code"], descending=[True, False]).with_columns(
        pl.col("code").first().over(pl.col("code").str.to_lowercase()).alias("best")
    )
    other = best.filter(pl.col("code") != pl.col("best"))
    if not other.height:
        return items
    reading.remarks.append(f"{other.height} item ids that differ from others only in case joined")
    return items.replace(dict(other.select("code", "best").rows()))
