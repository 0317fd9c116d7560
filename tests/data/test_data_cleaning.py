"""Every cleaning method against a case worked by hand, and what holds for all of them."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyrec.data.cleaning import (
    STEPS,
    Cancellations,
    Cleaner,
    Duplicates,
    Missing,
    NormaliseText,
    NotGoods,
    Outliers,
    Parse,
    Range,
    Scale,
    Step,
    UnknownItems,
    UnsetClock,
)
from whyrec.data.readers import from_frames
from whyrec.errors import ConfigError, DataError


def run(step: Step, **columns: list[Any]) -> tuple[dict[str, list[Any]], Any]:
    clean, report = Cleaner(step).clean(pl.DataFrame(columns))
    return clean.to_dict(as_series=False), report


# -- Missing: 2, 4, 4, 10 and two holes: mean 5, median 4, mode 4 ---------------------------------

HOLES = [2.0, None, 4.0, 4.0, float("nan"), 10.0]


@pytest.mark.parametrize(
    ("step", "filled"),
    [
        (Missing(column="x", method="mean"), 5.0),
        (Missing(column="x", method="median"), 4.0),
        (Missing(column="x", method="mode"), 4.0),
        (Missing(column="x", method="constant", value=0), 0.0),
    ],
)
def test_missing_numbers_are_filled(step: Missing, filled: float) -> None:
    clean, report = run(step, x=HOLES)
    assert clean["x"] == [2.0, filled, 4.0, 4.0, filled, 10.0]
    assert (report.changed, report.removed) == (2, 0)
    assert report.steps[0].samples == ("1", "4")
    assert report.steps[0].detail == {"filled_with": filled}


def test_missing_rows_are_set_aside_not_lost() -> None:
    clean, report = run(Missing(column="x"), x=HOLES, y=list("abcdef"))
    assert clean["y"] == ["a", "c", "d", "f"]
    assert report.set_aside.select("step", "reason", "row", "y").rows() == [
        ("missing", "no x", 1, "b"),
        ("missing", "no x", 4, "e"),
    ]


def test_missing_text_is_filled_with_the_mode_or_a_constant() -> None:
    texts = ["red", None, "blue", "  ", "red"]
    clean, _ = run(Missing(column="x", method="mode"), x=texts)
    assert clean["x"] == ["red", "red", "blue", "red", "red"]
    clean, report = run(Missing(column="x", method="constant", value="none"), x=texts)
    assert clean["x"] == ["red", "none", "blue", "none", "red"]
    assert "with 'none'" in report.steps[0].why


def test_missing_prices_are_filled_by_category() -> None:
    step = Missing(column="price", method="median", by="category")
    clean, _ = run(
        step,
        price=[1.0, 3.0, None, 100.0, None, None],
        category=["cup", "cup", "cup", "sofa", "sofa", "lamp"],
    )
    # cups: median of 1 and 3 is 2; sofas: 100; lamps have no price: the median of 1, 3, 100 is 3.
    assert clean["price"] == [1.0, 3.0, 2.0, 100.0, 100.0, 3.0]


def test_missing_whole_numbers_stay_whole() -> None:
    clean, _ = run(Missing(column="x", method="mean"), x=[1, 2, None, 4])
    assert clean["x"] == [1, 2, 2, 4]


def test_the_mean_of_text_is_an_error() -> None:
    with pytest.raises(DataError, match="cleaning step missing: column 'x' holds String, not numb"):
        run(Missing(column="x", method="mean"), x=["a", None])


# -- Outliers -----------------------------------------------------------------------------------

# 1 … 9 and 50: mean 9.5, population standard deviation sqrt(188.25) = 13.7; 3 of them reach to 50.7,
# 2 to 36.9. Quartiles 3.25 and 7.75, range 4.5: bounds -3.5 and 14.5.
SPREAD = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 50.0]


def test_zscore_by_hand() -> None:
    clean, report = run(Outliers(column="x", method="zscore", action="drop"), x=SPREAD)
    assert clean["x"] == SPREAD
    step = Outliers(column="x", method="zscore", threshold=2, action="drop")
    clean, report = run(step, x=SPREAD)
    assert clean["x"] == SPREAD[:-1]
    assert report.steps[0].detail["high"] == pytest.approx(9.5 + 2 * math.sqrt(188.25))
    assert report.set_aside["x"].to_list() == [50.0]


def test_iqr_by_hand() -> None:
    clean, report = run(Outliers(column="x", method="iqr", action="clip"), x=SPREAD)
    assert clean["x"] == [*SPREAD[:-1], 14.5]
    assert report.steps[0].detail == {"low": -3.5, "high": 14.5}
    assert (report.changed, report.removed) == (1, 0)


def test_flagging_changes_no_value() -> None:
    clean, report = run(Outliers(column="x", action="flag"), x=[*SPREAD, None])
    assert clean["x"] == [*SPREAD, None]
    assert clean["x_outlier"] == [False] * 9 + [True, False]
    assert report.changed == 1


def test_isolation_forest_finds_the_value_far_from_the_crowd() -> None:
    crowd = [float(k % 10) for k in range(200)] + [1000.0]
    step = Outliers(column="x", method="isolation_forest", threshold=1 / 201, action="drop")
    clean, report = run(step, x=crowd)
    assert clean["x"] == crowd[:-1]
    assert report.set_aside["x"].to_list() == [1000.0]
    step = Outliers(column="x", method="isolation_forest", threshold=1 / 201, action="clip")
    assert run(step, x=crowd)[0]["x"] == [*crowd[:-1], 9.0]


def test_isolation_forest_sees_what_only_two_columns_together_show() -> None:
    x = [float(k % 2) * 10 for k in range(200)] + [10.0]
    y = [float(k % 2) * 10 for k in range(200)] + [0.0]
    step = Outliers(
        column="x", with_=("y",), method="isolation_forest", threshold=1 / 201, action="flag"
    )
    clean, _ = run(step, x=x, y=y)
    assert clean["x_outlier"] == [False] * 200 + [True]


def test_equal_values_have_no_outliers() -> None:
    for method in ("zscore", "iqr"):
        clean, report = run(Outliers(column="x", method=method, action="drop"), x=[3.0] * 5)
        assert (clean["x"], report.removed) == ([3.0] * 5, 0)


def test_whole_numbers_are_clipped_to_whole_numbers() -> None:
    clean, _ = run(Outliers(column="x", action="clip"), x=[int(v) for v in SPREAD])
    assert clean["x"][-1] == 14


def test_only_events_of_the_named_type_are_judged() -> None:
    step = Outliers(column="value", event="purchase", action="drop")
    values = [*SPREAD, 1000.0]
    clean, _ = run(step, value=values, event=["purchase"] * 10 + ["rating"])
    assert clean["value"] == [*SPREAD[:-1], 1000.0]


# -- Duplicates -----------------------------------------------------------------------------------


def test_exact_duplicates() -> None:
    clean, report = run(Duplicates(), user=["a", "a", "a", "b"], item=["x", "x", "y", "x"])
    assert list(zip(clean["user"], clean["item"], strict=True)) == [
        ("a", "x"), ("a", "y"), ("b", "x")
    ]  # fmt: skip
    assert report.set_aside.select("reason", "row").rows() == [("the same row again", 1)]


@pytest.mark.parametrize(("keep", "left"), [("first", [1.0, 5.0]), ("last", [4.0, 5.0])])
def test_duplicates_of_user_item_and_time(keep: str, left: list[float]) -> None:
    step = Duplicates(columns=("user", "item", "time"), keep=keep)
    clean, _ = run(
        step, user=["a", "a", "a"], item=["x", "x", "x"], time=[1, 1, 2], value=[1.0, 4.0, 5.0]
    )
    assert clean["value"] == left


def test_unknown_times_are_not_the_same_time() -> None:
    step = Duplicates(columns=("user", "time"))
    assert run(step, user=["a", "a"], time=[None, None])[1].removed == 0


# -- Text, formats --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "before", "after"),
    [
        ({}, "  Tea\t&amp;  cake ", "Tea & cake"),
        ({}, "Ｔｅａ　ｐｏｔ ½", "Tea pot 1⁄2"),
        ({"form": "NFC"}, "茶：壶 ½", "茶：壶 ½"),
        ({}, "a\u0007b\u202ec\u200b", "abc"),
        ({}, "<b>Bold</b> &lt;i&gt;move&lt;/i&gt;", "Bold move"),
        ({}, "&amp;amp;nbsp;x", "x"),
        ({}, "5 < 6 > 4", "5 < 6 > 4"),
        ({}, "cafe\u0301", "café"),
        ({}, " \u200b ", None),
        ({"case": "lower"}, "ABC", "abc"),
        ({"case": "upper"}, "abc", "ABC"),
        ({"case": "title"}, "tea pot", "Tea Pot"),
        ({"case": "calm"}, "RED TEA POT", "Red Tea Pot"),
        ({"case": "calm"}, "IKEA", "IKEA"),
        ({"case": "calm"}, "IKEA tea pot", "IKEA tea pot"),
    ],
)
def test_text_is_normalised(options: dict[str, str], before: str, after: str | None) -> None:
    step = NormaliseText(columns=("x",), **options)  # type: ignore[arg-type]
    clean, report = run(step, x=[before, "same", None])
    assert clean["x"][0] == after
    assert report.changed == (before != after) + (clean["x"][1] != "same")


def test_spellings_are_unified_to_the_most_frequent() -> None:
    step = NormaliseText(columns=("x",), unify=True)
    clean, report = run(step, x=["Home", "home", "Home ", "HOME", "garden", None])
    assert clean["x"] == ["Home", "Home", "Home", "Home", "garden", None]
    assert report.changed == 3


def test_tags_are_normalised_one_by_one() -> None:
    step = NormaliseText(columns=("x",), unify=True)
    clean, _ = run(step, x=[["Red ", "red", "Red"], ["red", "Red"], None, [" "]])
    assert clean["x"] == [["Red"], ["Red"], None, []]


@given(st.lists(st.one_of(st.none(), st.text(max_size=40)), min_size=1, max_size=8))
def test_normalising_text_twice_is_normalising_once(texts: list[str | None]) -> None:
    frame = pl.DataFrame({"x": texts}, schema={"x": pl.String})
    for case in ("keep", "lower", "calm"):
        cleaner = Cleaner(NormaliseText(columns=("x",), case=case, unify=True))
        once, _ = cleaner.clean(frame)
        twice, report = cleaner.clean(once)
        assert twice.equals(once)
        assert report.changed == 0


def test_numbers_times_and_ids_are_parsed_and_the_rest_set_aside() -> None:
    clean, report = run(Parse(column="x"), x=["£1,299.00", "7", "free", None])
    assert clean["x"] == [1299.0, 7.0, None]
    assert report.set_aside.select("reason", "row").rows() == [("x is not a number", 2)]
    clean, report = run(Parse(column="x", as_="time"), x=["2024-01-02", "soon", "2024-01-03"])
    assert clean["x"] == [datetime(2024, 1, 2), datetime(2024, 1, 3)]
    assert report.removed == 1
    assert run(Parse(column="x", as_="id"), x=[13085.0, None])[0]["x"] == ["13085", None]


# -- Scaling: 2, 4, 6, 8 and a hole ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "scaled"),
    [
        ("minmax", [0, 1 / 3, 2 / 3, 1]),
        # mean 5, population standard deviation sqrt(5)
        ("zscore", [-3 / math.sqrt(5), -1 / math.sqrt(5), 1 / math.sqrt(5), 3 / math.sqrt(5)]),
        # median 5, quartiles 3.5 and 6.5
        ("robust", [-1, -1 / 3, 1 / 3, 1]),
    ],
)
def test_scaling_by_hand(method: str, scaled: list[float]) -> None:
    clean, report = run(Scale(column="x", method=method), x=[2.0, 4.0, None, 6.0, 8.0])
    assert clean["x"] == [2.0, 4.0, None, 6.0, 8.0]
    found = clean["x_scaled"]
    assert found[2] is None
    assert [v for v in found if v is not None] == pytest.approx(scaled)
    assert report.changed == 4


def test_ratings_are_centred_by_user() -> None:
    step = Scale(column="value", method="zscore", by="user", event="rating", into="mood")
    clean, _ = run(
        step,
        user=["strict", "strict", "kind", "kind", "one", "kind"],
        value=[1.0, 3.0, 4.0, 5.0, 3.0, 900.0],
        event=["rating"] * 5 + ["purchase"],
    )
    assert clean["mood"] == [-1.0, 1.0, -1.0, 1.0, 0.0, None]


def test_a_constant_column_scales_to_zero() -> None:
    for method in ("minmax", "zscore", "robust"):
        assert run(Scale(column="x", method=method), x=[7, 7])[0]["x_scaled"] == [0.0, 0.0]


# -- Ranges, unknown items, charges ---------------------------------------------------------------


def test_values_out_of_range() -> None:
    values = [-1.0, 0.0, 3.0, 50.0, None]
    clean, report = run(Range(column="x", low=0, high=5), x=values)
    assert clean["x"] == [0.0, 3.0, None]
    assert report.steps[0].set_aside == {"x outside 0 to 5": 2}
    step = Range(column="x", low=0, open_low=True, action="empty")
    assert run(step, x=values)[0]["x"] == [None, None, 3.0, 50.0, None]
    assert run(Range(column="x", high=5, action="clip"), x=values)[0]["x"][3] == 5.0


def test_times_of_unset_clocks_are_emptied_unless_they_are_usual() -> None:
    usual = [datetime(2024, 5, day) for day in range(1, 9)]
    odd = [datetime(1970, 1, 1), datetime(2038, 1, 19, 3, 14, 7), datetime(1985, 6, 1), None]
    clean, report = run(UnsetClock(), time=usual + odd)
    assert clean["time"] == [*usual, None, None, datetime(1985, 6, 1), None]
    assert (report.changed, report.removed) == (2, 0)
    new_year = [datetime(1999, 12, day) for day in range(20, 31)] + [datetime(2000, 1, 1)]
    assert run(UnsetClock(), time=new_year)[1].changed == 0
    with pytest.raises(DataError, match="holds Int64, not times"):
        run(UnsetClock(), time=[1, 2])


@pytest.mark.parametrize(
    "code",
    ["POST", "D", "M", "m", "BANK CHARGES", "DOT", "CRUK", "ADJUST", "ADJUST2", "TEST001", "C2", "S",
     "gift_0001_30", "AMAZONFEE", "B", "PADS"],
)  # fmt: skip
def test_codes_that_are_no_goods(code: str) -> None:
    clean, _ = run(
        NotGoods(), id=[code, "85123A", "DCGS0058", "SP1002"], title=["a", "b", "c", "d"]
    )
    assert clean["id"] == ["85123A", "DCGS0058", "SP1002"]


# -- Cancellations ----------------------------------------------------------------------------------


def bought(*lines: tuple[str, str, float, int]) -> dict[str, list[Any]]:
    return {
        "user": [line[0] for line in lines],
        "item": ["x"] * len(lines),
        "event": ["purchase" if line[1] == "+" else "return" for line in lines],
        "value": [line[2] for line in lines],
        "time": [line[3] for line in lines],
    }


def test_a_cancellation_undoes_the_latest_earlier_purchase() -> None:
    lines = bought(("a", "+", 5, 1), ("a", "+", 5, 2), ("a", "-", 5, 3), ("a", "+", 5, 4))
    clean, report = run(Cancellations(), **lines)
    assert clean["time"] == [1, 4]
    assert dict(report.set_aside.select("row", "reason").rows()) == {
        1: Cancellations.UNDONE,
        2: Cancellations.MATCHED,
    }


def test_a_partial_cancellation_leaves_the_rest() -> None:
    clean, report = run(Cancellations(), **bought(("a", "+", 12, 1), ("a", "-", 4, 2)))
    assert clean["value"] == [8.0]
    assert report.changed == 1
    assert report.steps[0].detail == {"units_undone": 4.0, "purchases_reduced": 1}


def test_a_cancellation_reaches_over_several_purchases() -> None:
    lines = bought(("a", "+", 3, 1), ("a", "+", 2, 2), ("a", "-", 4, 3))
    clean, _ = run(Cancellations(), **lines)
    assert (clean["time"], clean["value"]) == ([1], [1.0])


def test_cancellations_without_enough_before_them_are_counted_apart() -> None:
    lines = bought(
        ("a", "-", 2, 1), ("a", "+", 2, 2), ("b", "+", 1, 1), ("b", "-", 3, 2), ("c", "-", 1, 1)
    )
    clean, report = run(Cancellations(), **lines)
    assert clean["user"] == ["a"]
    assert dict(report.set_aside.select("row", "reason").rows()) == {
        0: Cancellations.UNMATCHED,
        2: Cancellations.UNDONE,
        3: Cancellations.PARTLY,
        4: Cancellations.UNMATCHED,
    }


def test_other_people_and_items_are_not_touched() -> None:
    lines = bought(("a", "+", 1, 1), ("b", "-", 1, 2))
    assert run(Cancellations(), **lines)[0]["user"] == ["a"]


LINE = st.tuples(
    st.sampled_from("ab"), st.sampled_from("+-"), st.integers(1, 5).map(float), st.integers(0, 6)
)


@given(st.lists(LINE, max_size=20))
def test_cancellations_keep_the_sum_of_what_was_bought_and_matched(lines: list[Any]) -> None:
    frame = pl.DataFrame(
        bought(*lines),
        schema={"user": pl.String, "item": pl.String, "event": pl.String, "value": pl.Float64,
                "time": pl.Int64},
    )  # fmt: skip
    clean, report = Cleaner(Cancellations()).clean(frame)
    assert not clean["event"].is_in(["return"]).any()
    total = sum(line[2] for line in lines if line[1] == "+")
    undone = report.steps[0].detail.get("units_undone", 0.0)
    assert clean["value"].sum() == total - undone
    again, second = Cleaner(Cancellations()).clean(clean)
    assert again.equals(clean)
    assert second.removed == second.changed == 0


# -- The cleaner ----------------------------------------------------------------------------------

ROW = st.tuples(
    st.sampled_from(["a", "b"]),
    st.one_of(st.none(), st.floats(-100, 100)),
    st.sampled_from(["purchase", "return", "rating"]),
)
ANY_STEPS = [
    Missing(column="value"),
    Duplicates(),
    Outliers(column="value", action="drop"),
    Outliers(column="value", method="zscore", threshold=1.0, action="drop"),
    Range(column="value", low=-50, high=50),
    Duplicates(columns=("user", "event"), keep="last"),
]


@given(st.lists(ROW, max_size=15), st.lists(st.sampled_from(ANY_STEPS), max_size=4))
def test_every_row_is_either_kept_or_set_aside(rows: list[Any], steps: list[Step]) -> None:
    schema = {"user": pl.String, "value": pl.Float64, "event": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    clean, report = Cleaner(steps).clean(frame)
    both = pl.concat([clean, report.set_aside.select(clean.columns)], how="vertical_relaxed") if (
        report.removed
    ) else clean  # fmt: skip
    assert both.sort(both.columns).equals(frame.sort(frame.columns))
    counts = [frame.height, *(step.rows_out for step in report.steps)]
    assert [step.rows_in for step in report.steps] == counts[:-1]
    assert counts[-1] == clean.height


@pytest.mark.parametrize("step", ANY_STEPS[:1] + ANY_STEPS[4:] + [Duplicates()])
@given(rows=st.lists(ROW, max_size=15))
def test_cleaning_twice_is_cleaning_once(step: Step, rows: list[Any]) -> None:
    schema = {"user": pl.String, "value": pl.Float64, "event": pl.String}
    once, _ = Cleaner(step).clean(pl.DataFrame(rows, schema=schema, orient="row"))
    twice, report = Cleaner(step).clean(once)
    assert twice.equals(once)
    assert report.removed == 0


def shop() -> Any:
    events = {
        "user": ["a", "b", "a", "c", "a", "a"],
        "item": ["1", "2", "9", "3", "1", "1"],
        "event": ["buy", "buy", "view", "rate", "buy", "rate"],
        "value": [1, 2, None, 50, 1, 5],
        "time": [
            "2024-01-01",
            "2024-01-02",
            "2024-01-03",
            "2024-01-04",
            "2024-01-01",
            "2024-01-05",
        ],
    }
    # Enough good ratings that the scale is known to end at 5.
    for k in range(300):
        for column, cell in zip(
            events.values(), [f"u{k}", "2", "rate", 4, "2024-02-01"], strict=True
        ):
            column.append(cell)
    items = {
        "item": ["1", "2", "3"],
        "title": ["TEA POT OF STEEL", "Cup &amp; saucer", "<b>Lamp</b>"],
        "category": ["Home", "home ", "Home"],
        "price": [-2.0, 3.0, None],
    }
    return from_frames(events, items)


def test_the_default_cleaner_on_a_small_shop() -> None:
    data = shop()
    clean, report = Cleaner.default(data).clean(data)
    assert clean.catalogue.table.select("id", "title", "category", "price").rows() == [
        ("1", "Tea Pot of Steel", "Home", None),
        ("2", "Cup & saucer", "Home", 3.0),
        ("3", "Lamp", "Home", None),
    ]
    reasons = dict(report.set_aside.group_by("reason").len().rows())
    assert reasons == {
        "nothing is known of the item but its id": 2,  # the item and its view
        "the same row again": 1,
        "rating outside 0.5 to 5": 1,
    }
    gone = report.set_aside.filter(pl.col("table") == "events").select("user", "item", "event")
    assert sorted(gone.rows()) == [("a", "1", "purchase"), ("a", "9", "view"), ("c", "3", "rating")]
    assert clean.users == data.users
    assert clean.events.height == data.events.height - 3
    again, second = Cleaner.default(clean).clean(clean)
    assert again.fingerprint == clean.fingerprint
    assert second.removed == 0


def test_cleaning_leaves_what_came_in_alone() -> None:
    data = shop()
    before = data.fingerprint
    Cleaner.default(data).clean(data)
    assert data.fingerprint == before


def test_items_keep_their_events_when_others_leave() -> None:
    events = {"user": ["a", "b", "a"], "item": ["POST", "85123A", "22423"], "quantity": [1, 2, 3]}
    data = from_frames(
        events, {"item": ["POST", "85123A", "22423"], "title": ["Postage", "T", "U"]}
    )
    clean, report = Cleaner(NotGoods()).clean(data)
    assert clean.catalogue.ids == ["85123A", "22423"]
    assert clean.events.select("user", "item", "value").rows() == [(1, 0, 2.0), (0, 1, 3.0)]
    assert report.steps[0].set_aside["events of these items"] == 1
    assert report.set_aside.filter(pl.col("table") == "events")["item"].to_list() == ["POST"]


def test_a_report_is_a_table_and_json_and_names_no_person() -> None:
    data = shop()
    _, report = Cleaner.default(data).clean(data)
    text = json.dumps(report.to_json())
    assert json.loads(text)["set_aside"] == report.removed == 4
    assert {
        "step",
        "table",
        "rows_in",
        "rows_out",
        "changed",
        "set_aside",
        "why",
        "samples",
    } <= set(report.to_json()["steps"][0])
    assert not any(user in step.samples for step in report.steps for user in data.users)
    table = report.table()
    assert table.row_count == len(list(report.rows()))


def test_reading_is_the_first_part_of_the_report() -> None:
    data = from_frames({"user": ["a", None, "b"], "item": ["x", "x", "y"]})
    _, report = Cleaner().clean(data)
    assert report.steps[0].to_json() == {
        "step": "reading", "table": "events", "rows_in": 3, "rows_out": 2, "changed": 0,
        "set_aside": {"no user id": 1}, "why": "no user id", "params": {}, "detail": {},
        "samples": ["row 1"],
    }  # fmt: skip
    assert report.read_aside is not None
    assert report.read_aside.height == 1


def test_cleaning_that_leaves_nothing_is_an_error() -> None:
    data = from_frames({"user": ["a", "b"], "item": ["x", "y"]})
    with pytest.raises(DataError, match="cleaning left no events; look at the report"):
        Cleaner(Missing(column="value")).clean(data)


def test_a_cleaner_from_configuration() -> None:
    cleaner = Cleaner.from_config(
        [
            {"step": "missing", "column": "price", "method": "median", "table": "items"},
            {"step": "duplicates", "columns": ["user", "item", "time"]},
        ]
    )
    assert cleaner.steps == (
        Missing(column="price", method="median", table="items"),
        Duplicates(columns=("user", "item", "time")),
    )
    assert set(STEPS) >= {"missing", "outliers", "duplicates", "normalise_text", "scale", "range"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"step": "polish"}, "no such step: 'polish'; use one of missing"),
        ({"step": "missing", "col": "x"}, "step missing has no option 'col'; use"),
        ({"step": "missing"}, "step missing: .*'column'"),
        (
            {"step": "missing", "column": "x", "method": "guess"},
            "no such method: 'guess'; use one of drop",
        ),
        ({"step": "missing", "column": "x", "method": "constant"}, "a constant needs its value"),
        ({"step": "outliers", "column": "x", "method": "eye"}, "no such method: 'eye'"),
        ({"step": "outliers", "column": "x", "action": "burn"}, "no such action: 'burn'"),
        ({"step": "outliers", "column": "x", "threshold": -1}, "threshold -1 is not above 0"),
        ({"step": "scale", "column": "x", "method": "log"}, "no such method: 'log'"),
        ({"step": "normalise_text", "columns": ["x"], "form": "NFD"}, "no such form: 'NFD'"),
        ({"step": "duplicates", "keep": "none"}, "no such keep: 'none'"),
        ({"step": "range", "column": "x"}, "neither low nor high"),
        ({"step": "missing", "column": "x", "table": "users"}, "no such table: 'users'"),
    ],
)
def test_bad_configuration(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Cleaner.from_config([config])


def test_a_step_on_a_column_that_does_not_exist() -> None:
    with pytest.raises(
        DataError, match="step scale: no column 'prize' in events; name one of price"
    ):
        run(Scale(column="prize"), price=[1.0])


def test_pandas_frames_can_be_cleaned() -> None:
    pandas = pytest.importorskip("pandas")
    clean, report = Cleaner(Duplicates()).clean(pandas.DataFrame({"a": [1, 1, 2]}))
    assert clean["a"].to_list() == [1, 2]
    assert report.removed == 1


def test_unknown_items_need_to_be_quite_unknown() -> None:
    step = UnknownItems()
    clean, _ = run(
        step,
        id=["1", "2", "3"],
        title=["1", "2", "Cup"],
        tags=[[], ["red"], []],
        price_outlier=[False, False, False],
    )
    assert clean["id"] == ["2", "3"]
