"""Invoice lines that are no purchase: charges, free lines, and what a cancellation undid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from whyrec.data.cleaning.step import Change, Step, TableName, reasons

NOT_GOODS = (
    r"(?i)^(post|postage|dot|d|m|s|b|c\d|c|pads|cruk|bank charges|amazonfee|adjust\d*|adj\d*"
    r"|test\d*|gift(_.*)?|sample\w*|fee|manual|discount|carriage|voucher\w*)$"
)
"""Stock codes of charges, adjustments, samples, tests and gift vouchers."""

NOT_GOODS_NAMES = (
    r"(?i)^(postage|dotcom postage|carriage|manual|discount|samples?|bank charges|amazon fee"
    r"|next day carriage|cruk commission|this is a test product\.?|update|adjust.*"
    r"|.*gift voucher.*)$"
)


@dataclass(frozen=True, kw_only=True)
class NotGoods(Step):
    """Lines of postage, discounts, fees, adjustments, samples, tests and gift vouchers.

    The items themselves leave the catalogue, and with them their events.

    Attributes
    ----------
    codes
        Regular expression of item ids (Rust syntax, as polars has it).
    names
        Regular expression of titles.
    """

    name: ClassVar[str] = "not_goods"
    table: TableName = "items"
    codes: str = NOT_GOODS
    names: str = NOT_GOODS_NAMES

    def apply(self, frame: pl.DataFrame) -> Change:
        """Set aside the items whose code or title says that they are no goods."""
        bad = self.column_of(frame, "id").str.contains(self.codes).fill_null(False)
        if "title" in frame.columns:
            bad |= frame["title"].str.contains(self.names).fill_null(False)
        why = "postage, adjustment or another code that is no article"
        codes = frame["id"].filter(bad).to_list()
        return Change(frame, reasons(bad, why), why=why, detail={"codes": sorted(codes)[:100]})


@dataclass(frozen=True, kw_only=True)
class Cancellations(Step):
    """Returns undo the latest earlier purchases of the same person and item, quantity by quantity.

    A purchase whose whole quantity came back is set aside, a partly returned one keeps the rest.
    The cancellations are set aside too, with those that match no earlier purchase counted apart.
    """

    name: ClassVar[str] = "cancellations"

    UNDONE: ClassVar[str] = "purchase undone by a cancellation"
    MATCHED: ClassVar[str] = "cancellation that undid a purchase"
    PARTLY: ClassVar[str] = "cancellation of more than was bought before"
    UNMATCHED: ClassVar[str] = "cancellation without an earlier purchase"

    def apply(self, frame: pl.DataFrame) -> Change:
        """Match the returns; rows without a value count as a quantity of one."""
        event = self.column_of(frame, "event")
        why = "cancellations undo the latest earlier purchases"
        if not (event == "return").any():
            return Change(frame, why=why)
        rows = frame.with_row_index("_n").filter(pl.col("event").is_in(["purchase", "return"]))
        returned = rows.filter(pl.col("event") == "return").select("user", "item").unique()
        order = ["user", "item", *(["time"] if "time" in frame.columns else []), "event", "_n"]
        rows = rows.join(returned, on=["user", "item"], how="semi").sort(order, nulls_last=False)
        left: dict[int, float] = {}
        reason: dict[int, str] = {}
        stack: list[int] = []
        pair: tuple[object, object] | None = None
        units = 0.0
        for n, user, item, kind, value in rows.select(
            "_n", "user", "item", "event", pl.col("value").fill_null(1.0)
        ).iter_rows():
            if (user, item) != pair:
                pair, stack = (user, item), []
            if kind == "purchase":
                left[n] = value
                stack.append(n)
                continue
            open_ = value
            while open_ > 0 and stack:
                taken = min(open_, left[stack[-1]])
                open_ -= taken
                left[stack[-1]] -= taken
                if left[stack[-1]] <= 0:
                    reason[stack.pop()] = self.UNDONE
            units += value - open_
            reason[n] = self.MATCHED if open_ <= 0 else self.PARTLY
            if open_ == value > 0:
                reason[n] = self.UNMATCHED
        return self._change(frame, left, reason, units, why)

    def _change(
        self,
        frame: pl.DataFrame,
        left: dict[int, float],
        reason: dict[int, str],
        units: float,
        why: str,
    ) -> Change:
        notes = pl.DataFrame(
            {"_n": list(reason), "reason": list(reason.values())},
            schema={"_n": pl.UInt32, "reason": pl.String},
        )
        rest = pl.DataFrame(
            {"_n": list(left), "left": list(left.values())},
            schema={"_n": pl.UInt32, "left": pl.Float64},
        )
        joined = (
            frame.select("value")
            .with_row_index("_n")
            .join(notes, on="_n", how="left", maintain_order="left")
            .join(rest, on="_n", how="left", maintain_order="left")
        )
        reduced = (
            joined["reason"].is_null()
            & joined["left"].is_not_null()
            & (joined["left"] < joined["value"].fill_null(1.0))
        )
        # A purchase that was undone keeps its quantity among the rows set aside.
        value = joined.select(
            pl.when(reduced).then(pl.col("left")).otherwise("value").alias("value")
        ).to_series()
        detail = {"units_undone": units, "purchases_reduced": int(reduced.sum())}
        return Change(
            frame.with_columns(value), joined["reason"], changed=reduced, why=why, detail=detail
        )
