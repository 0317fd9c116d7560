"""Rules pin, boost and leave out as their file says; what they add is a part of the score."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, DataError
from whyrec.recommend import conditions
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.rules import Rules

TITLES = ["Green tea", "Black tea", "Teapot", "Kettle", "Mug", "Camp stove", "Tent", "Lamp"]


@cache
def dataset() -> Dataset:
    items = pl.DataFrame(
        {
            "item_id": [f"i{k}" for k in range(8)],
            "title": TITLES,
            "category": [
                "Tea",
                "Tea",
                "Kitchen|Tea",
                "Kitchen",
                "Kitchen",
                "Camping",
                "Camping",
                "",
            ],
            "tags": [["bio"], ["bio", "strong"], [], ["steel"], [], ["steel"], [], None],
            "price": [4.0, 5.0, 25.0, 30.0, 8.0, 49.5, 120.0, None],
            "brand": ["Nordwind", None, "Nordwind", "Ada", "Ada", "Nordwind", "Ada", "Ada"],
        }
    )
    bought = {0: [0, 1], 1: [0, 2], 2: [1, 2, 3], 3: [5, 6], 4: [3, 4], 5: [0, 1, 2, 4], 6: [7]}
    pairs = [(f"u{u}", f"i{i}") for u, things in bought.items() for i in things]
    events = pl.DataFrame(
        {"user_id": [p[0] for p in pairs], "item_id": [p[1] for p in pairs]}
    ).with_columns(event=pl.lit("purchase"))
    return Dataset.from_frames(events, items)


def bundle(*rules: dict[str, Any]) -> Bundle:
    made = Rules.parse(list(rules)) if rules else None
    return Bundle.fit(dataset(), "ease", regularization=1.0, rules=made)


def ids(made: Bundle, user: str = "u0", n: int = 8) -> list[str]:
    return [dataset().catalogue.ids[i] for i in made.recommend([user], n).items[0] if i >= 0]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("category = tea", {0, 1, 2}),
        ("category = 'Tea' and price < 5", {0}),
        ("price <= 5 or tag = steel", {0, 1, 3, 5}),
        ("not price >= 8", {0, 1, 7}),
        ("price = 8", {4}),
        ("brand != Nordwind", {1, 3, 4, 6, 7}),
        ("brand in (nordwind, Bosch)", {0, 2, 5}),
        ("title contains TEA", {0, 1, 2}),
        ("title = 'camp  stove'", {5}),
        ("tag contains strong", {1}),
        ("item in (i3, i4)", {3, 4}),
        ("people >= 3", {0, 1, 2}),
        ("price > 20 and (brand = Ada or category = Tea)", {2, 3, 6}),
        ("PRICE < 5 OR price<5", None),
    ],
)
def test_conditions_on_items(condition: str, expected: set[int] | None) -> None:
    node = conditions.parse(condition, where="x")
    if expected is None:
        with pytest.raises(ConfigError, match=r"the items have no PRICE; use .*price"):
            conditions.of_items(node, dataset(), where="x")
        return
    found = conditions.of_items(node, dataset(), where="x")
    assert set(np.flatnonzero(found).tolist()) == expected


def test_a_boost_adds_its_amount_to_its_items_and_to_no_other() -> None:
    plain = bundle()
    boosted = bundle({"name": "tea", "item": "category = Tea", "boost": 0.25})
    change = boosted.scores(dataset().interactions) - plain.scores(dataset().interactions)
    np.testing.assert_allclose(change[:, :3], 0.25)
    assert (change[:, 3:] == 0).all()


def test_a_boost_in_deviations_is_of_the_persons_own_scores() -> None:
    plain = bundle().scores(dataset().interactions)
    made = bundle({"name": "tea", "item": "category = Tea", "boost": "-2 sd"})
    change = made.scores(dataset().interactions) - plain
    np.testing.assert_allclose(change[:, 0], -2 * plain.std(axis=1))


def test_pins_come_first_in_the_order_of_the_file() -> None:
    made = bundle(
        {"name": "lamp", "item": "item = i7", "pin": True},
        {"name": "outdoors", "item": "category = Camping", "pin": True},
    )
    rest = [i for i in ids(bundle()) if i not in ("i5", "i6", "i7")]
    found = ids(made)
    assert found[0] == "i7"
    assert set(found[1:3]) == {"i5", "i6"}
    assert found[3:] == rest


def test_pins_cannot_be_overtaken_by_boosts() -> None:
    made = bundle(
        {"name": "much", "item": "category = Kitchen", "boost": 1000},
        {"name": "lamp", "item": "item = i7", "pin": True},
    )
    assert ids(made)[0] == "i7"


def test_filters_leave_out_or_keep() -> None:
    without = bundle({"name": "no tea", "item": "category = Tea", "filter": "exclude"})
    assert ids(without) == [i for i in ids(bundle()) if i not in ("i0", "i1", "i2")]
    only = bundle({"name": "cheap", "item": "price < 10", "filter": "require"})
    assert ids(only) == ["i4"]
    assert only.bound_rules is not None
    history = only.histories[:1]
    assert only.bound_rules.refused(history, 7, {}) == ("cheap",)
    assert only.bound_rules.refused(history, 4, {}) == ()


def test_conditions_on_the_user_ask_the_history() -> None:
    made = bundle(
        {"name": "a", "item": "item = i7", "user": "has tag = strong", "boost": 1},
        {"name": "b", "item": "item = i7", "user": "events >= 3", "boost": 10},
        {"name": "c", "item": "item = i7", "user": "not has (price > 20)", "boost": 100},
    )
    raw = bundle().scores(dataset().interactions)
    change = (made.scores(dataset().interactions) - raw)[:, 7]
    np.testing.assert_allclose(change, [101, 0, 11, 0, 0, 11, 100])


def test_conditions_on_the_context_ask_what_is_given_with_the_question() -> None:
    made = bundle(
        {"name": "late", "item": "item = i7", "context": "hour >= 20", "pin": True},
        {
            "name": "winter",
            "item": "item = i6",
            "context": "season in (winter, autumn)",
            "pin": True,
        },
    )
    plain = ids(bundle())
    assert ids(made) == plain
    assert ids(made.within({"hour": "21"}))[0] == "i7"
    assert ids(made.within({"hour": "9.5"})) == plain
    assert ids(made.within({"season": "Winter", "hour": "9"}))[0] == "i6"
    with pytest.raises(ConfigError, match="“noon” is not a number"):
        ids(made.within({"hour": "noon"}))


def test_somebody_new_has_rules_too() -> None:
    made = bundle({"name": "lamp", "item": "item = i7", "pin": True})
    ranking = made.recommend(["nobody"], 3, new_users=True)
    assert ranking.items[0, 0] == 7


def test_where_keeps_the_items_asked_for_on_top_of_the_rules() -> None:
    made = bundle({"name": "lamp", "item": "item = i7", "pin": True})
    assert ids(made.within(where="price < 40")) == [
        i for i in ids(bundle()) if i in ("i2", "i3", "i4")
    ]
    assert ids(made)[0] == "i7"  # the bundle asked before is as it was
    with pytest.raises(ConfigError, match=r"^where: the items have no colour"):
        made.within(where="colour = red")


conditions_ = st.sampled_from(
    ["category = Tea", "price < 30", "brand = Ada", "item = i7", "people > 1"]
)
boosts = st.one_of(st.floats(-2, 2), st.floats(-2, 2).map(lambda x: f"{x:.3f} sd"))
users_ = st.sampled_from([None, "events > 1", "has category = Tea", "not has brand = Ada"])


@st.composite
def rule(draw: st.DrawFn) -> dict[str, Any]:
    action = draw(st.sampled_from(["boost", "pin", "filter"]))
    value = {
        "boost": draw(boosts),
        "pin": True,
        "filter": draw(st.sampled_from(["exclude", "require"])),
    }[action]
    out = {"item": draw(conditions_), action: value}
    user = draw(users_)
    return out if user is None else {**out, "user": user}


@given(st.lists(rule(), min_size=1, max_size=5))
def test_a_score_is_the_models_and_what_each_rule_added(rules: list[dict[str, Any]]) -> None:
    made = plain_bundle()
    named = Rules.parse([{**r, "name": f"r{k}"} for k, r in enumerate(rules)])
    ruled = Bundle(made.recommender, made.dataset, rules=named)
    histories = ruled.histories
    raw = ruled.model_scores(histories)
    change = ruled.adjust(histories, raw.copy())
    assert change is not None
    items = np.arange(8)
    for row in range(histories.shape[0]):
        parts = change.parts(row, items)
        assert parts.shape == (8, len(change.names))
        np.testing.assert_allclose(raw[row] + parts.sum(1), change.scores[row], atol=1e-9)
    scores = ruled.scores(histories)
    allowed = np.ones_like(scores, bool) if change.allowed is None else change.allowed
    assert (scores[allowed] == change.scores[allowed]).all()
    assert (scores[~allowed] == -np.inf).all()
    assert ruled.bound_rules is not None
    for row in range(histories.shape[0]):
        for item in range(8):
            refused = ruled.bound_rules.refused(histories[row], item, {})
            assert bool(refused) == (not allowed[row, item])
    again = Rules.parse(json.loads(json.dumps(named.to_json())))
    assert again == named


@cache
def plain_bundle() -> Bundle:
    return bundle()


def test_rules_are_saved_with_the_model(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(
        '[[rule]]\nname = "lamp"\nitem = "item = i7"\npin = true\n'
        '[[rule]]\nname = "tea"\nitem = "category = Tea"\nuser = "events > 1"\nboost = "0.5 sd"\n'
    )
    made = Bundle.fit(dataset(), "ease", rules=Rules.read(file))
    made.save(tmp_path / "model")
    again = Bundle.load(tmp_path / "model")
    assert again.rules == made.rules
    assert (again.scores(again.histories) == made.scores(made.histories)).all()
    assert again.fingerprint == made.fingerprint
    assert made.fingerprint != Bundle.fit(dataset(), "ease").fingerprint


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    rules = [{"name": "a", "item": "price < 3", "filter": "require"}]
    (tmp_path / "a.json").write_text(json.dumps(rules))
    (tmp_path / "b.json").write_text(json.dumps({"rule": rules}))
    (tmp_path / "a.toml").write_text(
        '[[rule]]\nname = "a"\nitem = "price < 3"\nfilter = "require"\n'
    )
    read = [Rules.read(tmp_path / n) for n in ("a.json", "b.json", "a.toml")]
    assert read[0] == read[1] == read[2]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"item": "price < 3", "pin": True}, "x.json, rule 1: has no name"),
        ({"name": "a"}, "x.json, rule “a”: has no action; give one of boost, pin and filter"),
        ({"name": "a", "pin": True, "boost": 1, "item": "price < 3"}, "has boost and pin"),
        ({"name": "a", "pin": True}, "rule “a”: names no items"),
        ({"name": "a", "pin": 3, "item": "price < 3"}, "rule “a”, pin: 3 is not true"),
        ({"name": "a", "boost": "much"}, "rule “a”, boost: 'much' is not an amount"),
        ({"name": "a", "boost": float("inf")}, "rule “a”, boost: inf is not an amount"),
        ({"name": "a", "filter": "drop", "item": "price < 3"}, "rule “a”, filter: no such filter"),
        ({"name": "a", "boost": 1, "itme": "price < 3"}, "rule “a”: no such field: itme"),
        ({"name": "a", "boost": 1, "item": 5}, "rule “a”, item: 5 is not a condition"),
        ({"name": "a", "boost": 1, "item": "price <"}, "rule “a”, item: the end where a value"),
        ({"name": "a", "boost": 1, "item": "price ~ 3"}, "“~ 3” where =, !=, <"),
        ({"name": "a", "boost": 1, "item": "(price < 3"}, "the end where “)” should stand"),
        ({"name": "a", "boost": 1, "item": "price < 3 tea"}, "“tea” where “and”, “or”"),
        ({"name": "a", "boost": 1, "item": "(" * 9999}, "rule “a”, item: nested too deeply"),
        ({"name": "a", "boost": 1, "item": "not " * 9999}, "rule “a”, item: nested too deeply"),
        ({"name": "a", "boost": 1, "item": "has price < 3"}, "“has” asks a history"),
        ({"name": "a", "boost": 1, "user": "age > 3"}, "rule “a”, user: a user has no age"),
        ({"name": "a", "boost": 1, "item": "colour = red"}, "rule “a”, item: the items have no"),
        ({"name": "a", "boost": 1, "user": "has colour = red"}, "rule “a”, user: the items have"),
        ({"name": "a", "boost": 1, "item": "price < cheap"}, "“cheap” is not a number"),
        ({"name": "where", "boost": 1}, "the name is taken"),
        ("pin", "x.json, rule 1: is not a table"),
    ],
)
def test_a_wrong_rule_is_refused_with_file_rule_and_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: Any, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.json").write_text(json.dumps([rule]))
    with pytest.raises(ConfigError) as caught:
        Rules.read("x.json").of(dataset(), where="x.json")
    assert says in str(caught.value)
    assert str(caught.value).startswith("x.json")


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="rule “a”: two rules have this name"):
        Rules.parse([{"name": "a", "boost": 1}, {"name": "a", "boost": 2}])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("r.toml", "[[rule", "not TOML"),
        ("r.json", "[", "not JSON"),
        ("r.toml", "[[rules]]\nname='a'", "no such table: rules"),
        ("r.toml", "", "holds no rules"),
    ],
)
def test_a_file_that_is_no_rules_is_refused(
    tmp_path: Path, name: str, content: str, says: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises((DataError, ConfigError)) as caught:
        Rules.read(tmp_path / name)
    assert says in str(caught.value)
    with pytest.raises(DataError, match="no such file"):
        Rules.read(tmp_path / "none.toml")
