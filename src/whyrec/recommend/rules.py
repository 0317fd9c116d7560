"""Rules of a shop: what is pinned, boosted or left out, for whom and when; a file, not code.

A boost or a pin is an amount added to a score, so that a score with rules is still a sum: what the
model found, and what each rule added. A filter takes items out of the candidates.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, DataError
from whyrec.recommend import conditions
from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.conditions import Node

Action = Literal["boost", "pin", "filter"]
FIELDS = ("name", "item", "user", "context", "boost", "pin", "filter")
FILTERS = ("exclude", "require")
WHERE = "where"
"""The name of the condition that comes with a question; no rule of a file may have it."""
_BOOST = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*sd\s*")

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes
    ----------
    name
        By which it is told; unique in its file.
    action
        `boost` adds `amount` to the score, `pin` adds what brings the items before all others,
        `filter` leaves items out.
    item, user, context
        Conditions as text (see `whyrec.recommend.conditions`), None where there is none.
    amount
        Of a boost: in units of the scores, or of the standard deviation of the person's scores
        over all items where `deviations`.
    exclude
        Of a filter: whether the items named are left out, or all others.
    """

    name: str
    action: Action
    item: str | None = None
    user: str | None = None
    context: str | None = None
    amount: float = 0.0
    deviations: bool = False
    exclude: bool = True

    def to_json(self) -> dict[str, Any]:
        """The rule as in a file."""
        out: dict[str, Any] = {"name": self.name}
        for key in ("item", "user", "context"):
            if getattr(self, key) is not None:
                out[key] = getattr(self, key)
        if self.action == "boost":
            out["boost"] = f"{self.amount!r} sd" if self.deviations else self.amount
        elif self.action == "pin":
            out["pin"] = True
        else:
            out["filter"] = "exclude" if self.exclude else "require"
        return out


@dataclass(frozen=True)
class Rules:
    """The rules of a file, in its order.

    Examples
    --------
    >>> rules = Rules.parse([{"name": "cheap first", "item": "price < 5", "boost": "0.5 sd"}])
    >>> rules.rules[0].amount, rules.rules[0].deviations
    (0.5, True)
    """

    rules: tuple[Rule, ...]

    @classmethod
    def read(cls, path: str | Path) -> Rules:
        """Rules of a TOML or JSON file: a list of tables called `rule` (JSON: or a plain list).

        Raises
        ------
        DataError
            If the file cannot be read or is neither.
        ConfigError
            If a rule is wrong; the message names file, rule and field.
        """
        file = Path(path)
        try:
            text = file.read_text(encoding="utf-8-sig")
            content = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
        except FileNotFoundError:
            raise DataError(
                "no such file", where=str(file), remedy="name a file of rules (TOML or JSON)"
            ) from None
        except OSError as error:
            raise DataError(
                f"cannot be read: {error.strerror}", where=str(file), remedy="check the path"
            ) from None
        except UnicodeDecodeError:
            raise DataError("not UTF-8 text", where=str(file), remedy="save it as UTF-8") from None
        except ValueError as error:
            kind = "JSON" if file.suffix == ".json" else "TOML"
            raise DataError(
                f"not {kind}: {error}", where=str(file), remedy=f"mend the {kind}"
            ) from None
        if isinstance(content, Mapping):
            unknown = set(content) - {"rule"}
            if unknown or "rule" not in content:
                found = f"no such table: {min(unknown)}" if unknown else "holds no rules"
                raise ConfigError(found, where=str(file), remedy="begin each rule with [[rule]]")
            content = content["rule"]
        return cls.parse(content, where=str(file))

    @classmethod
    def parse(cls, rules: Any, *, where: str = "rules") -> Rules:
        """Rules of a list of mappings, as in a file.

        Raises
        ------
        ConfigError
            If a rule is wrong.
        """
        if not isinstance(rules, Sequence) or isinstance(rules, str | bytes):
            raise ConfigError("not a list of rules", where=where, remedy="write [[rule]] tables")
        made: list[Rule] = []
        for k, one in enumerate(rules, 1):
            rule = _rule(one, where, k)
            if any(r.name == rule.name for r in made):
                raise ConfigError(
                    "two rules have this name", where=_place(where, rule.name), remedy="rename one"
                )
            made.append(rule)
        return cls(tuple(made))

    def to_json(self) -> list[dict[str, Any]]:
        """What `parse` reads back."""
        return [rule.to_json() for rule in self.rules]

    def of(self, dataset: Dataset, *, where: str = "rules") -> BoundRules:
        """The rules with the items of a catalogue that each is about.

        Raises
        ------
        ConfigError
            If a rule asks for a column that the catalogue has not.
        """
        return BoundRules.of(self, dataset, where)


def _rule(one: Any, where: str, number: int) -> Rule:
    if not isinstance(one, Mapping):
        raise ConfigError(
            "is not a table", where=f"{where}, rule {number}", remedy="write [[rule]] and fields"
        )
    name = one.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ConfigError("has no name", where=f"{where}, rule {number}", remedy="give it a name")
    here = _place(where, name)
    if name == WHERE and where != WHERE:
        raise ConfigError(
            "the name is taken", where=f"{where}, rule “{name}”", remedy="call it otherwise"
        )
    unknown = set(one) - set(FIELDS)
    if unknown:
        raise ConfigError(
            f"no such field: {', '.join(sorted(unknown))}",
            where=here,
            remedy=f"use {', '.join(FIELDS)}",
        )
    for key in ("item", "user", "context"):
        text = one.get(key)
        if text is not None and not isinstance(text, str):
            raise ConfigError(
                f"{text!r} is not a condition",
                where=f"{here}, {key}",
                remedy='write it as text, for example "price < 20"',
            )
        if text is not None:
            place = here if name == WHERE else f"{here}, {key}"
            _check(conditions.parse(text, where=place), key, place)
    actions = [a for a in ("boost", "pin", "filter") if a in one]
    if len(actions) != 1:
        raise ConfigError(
            f"has {' and '.join(actions) if actions else 'no action'}",
            where=here,
            remedy="give one of boost, pin and filter",
        )
    texts = (one.get("item"), one.get("user"), one.get("context"))
    if actions[0] != "boost" and texts[0] is None:
        raise ConfigError(
            "names no items", where=here, remedy='add item = "…", for example "category = Tea"'
        )
    if actions[0] == "boost":
        amount, deviations = _amount(one["boost"], f"{here}, boost")
        return Rule(name, "boost", *texts, amount=amount, deviations=deviations)
    if actions[0] == "pin":
        if one["pin"] is not True:
            raise ConfigError(
                f"{one['pin']!r} is not true",
                where=f"{here}, pin",
                remedy="write pin = true; pins stand in the order of the file",
            )
        return Rule(name, "pin", *texts)
    if one["filter"] not in FILTERS:
        raise ConfigError(
            f"no such filter: {one['filter']}",
            where=f"{here}, filter",
            remedy=f"use {' or '.join(FILTERS)}",
        )
    return Rule(name, "filter", *texts, exclude=one["filter"] == "exclude")


def _place(where: str, name: str) -> str:
    return WHERE if name == WHERE else f"{where}, rule “{name}”"


def _amount(given: Any, where: str) -> tuple[float, bool]:
    found = _BOOST.fullmatch(given) if isinstance(given, str) else None
    if found:
        return float(found[1]), True
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if not number or not np.isfinite(given):
        raise ConfigError(
            f"{given!r} is not an amount",
            where=where,
            remedy='write 0.2 (units of the score) or "0.5 sd" (standard deviations)',
        )
    return float(given), False


def _check(node: Node, key: str, where: str) -> None:
    """Refuse at once what a condition of this kind can never answer."""

    def compare(test: conditions.Compare) -> bool:
        if key == "user" and test.field != "events":
            raise ConfigError(
                f"a user has no {test.field}",
                where=where,
                remedy="use events (how many), or has before a condition on items",
            )
        if test.op in conditions.ORDER and key == "user":
            conditions.number(test.values[0], test.field, where)
        return True

    def has(one: Node) -> bool:
        if key != "user":
            raise ConfigError(
                "“has” asks a history", where=where, remedy="use it in the condition on the user"
            )
        return True

    conditions.evaluate(node, compare, has)


@dataclass(frozen=True, eq=False)
class Adjustment:
    """What rules did to a block of scores.

    Attributes
    ----------
    scores
        float64 [histories, n_items]: the model's scores and all amounts.
    allowed
        bool [histories, n_items]: what no filter left out; None if there is no filter.
    names
        The rules that can add amounts (boosts, then pins), in the order of the file.
    amounts
        float64 [rules, histories]: what each added to the score of each of its items; 0 where it did
        not fire.
    items
        bool [rules, n_items]: which items each is about.
    """

    scores: Floats
    allowed: Mask | None
    names: tuple[str, ...]
    amounts: Floats
    items: Mask

    def parts(self, row: int, items: Ints) -> Floats:
        """What each rule of `names` added for one history: float64 [items, rules]."""
        return np.asarray(self.amounts[:, row] * self.items[:, items].T)


@dataclass(frozen=True, eq=False)
class BoundRules:
    """Rules with their items in one catalogue; made by `Rules.of`."""

    rules: tuple[Rule, ...]
    items: Mask
    users: tuple[Node | None, ...]
    contexts: tuple[Node | None, ...]
    had: Mapping[Node, Mask]

    @classmethod
    def of(cls, rules: Rules, dataset: Dataset, where: str) -> BoundRules:
        """See `Rules.of`."""
        items = np.ones((len(rules.rules), dataset.n_items), np.bool_)
        users: list[Node | None] = []
        contexts: list[Node | None] = []
        had: dict[Node, Mask] = {}
        for k, rule in enumerate(rules.rules):
            here = _place(where, rule.name)
            if rule.item is not None:
                node = conditions.parse(rule.item, where=here)
                place = here if rule.name == WHERE else f"{here}, item"
                items[k] = conditions.of_items(node, dataset, where=place)
            users.append(conditions.parse(rule.user, where=here) if rule.user else None)
            contexts.append(conditions.parse(rule.context, where=here) if rule.context else None)
            if users[-1] is not None:

                def remember(one: Node, here: str = here) -> bool:
                    had[one] = conditions.of_items(one, dataset, where=f"{here}, user")
                    return True

                conditions.evaluate(users[-1], lambda _: True, remember)
        return cls(rules.rules, items, tuple(users), tuple(contexts), had)

    @property
    def named(self) -> Mapping[str, int]:
        """For how many items of the catalogue each rule is."""
        return {r.name: int(m.sum()) for r, m in zip(self.rules, self.items, strict=True)}

    def _fires(self, k: int, histories: sparse.csr_matrix, context: Mapping[str, str]) -> Mask:
        """For which histories a rule applies: bool [histories]."""
        rows = histories.shape[0]
        when, who = self.contexts[k], self.users[k]
        fires = np.ones(rows, np.bool_)
        if when is not None:
            fires &= holds(when, context, where=_place("context", self.rules[k].name))
        if who is not None and fires.any():
            sizes = np.diff(histories.indptr)
            fires &= conditions.evaluate(
                who,
                lambda test: _sizes(test, sizes),
                lambda one: _any(self.had[one][histories.indices], histories.indptr),
            )
        return fires

    def adjust(
        self, histories: sparse.csr_matrix, scores: Floats, context: Mapping[str, str]
    ) -> Adjustment:
        """Add boosts and pins to `scores` [histories, n_items], in place, and find what is allowed.

        Standard deviations are taken of the scores as they come in. Pins come last: each lifts its
        items above all others, the first rule of the file above the later ones.
        """
        rows = len(scores)
        fires = [self._fires(k, histories, context) for k in range(len(self.rules))]
        adding = [k for k, r in enumerate(self.rules) if r.action != "filter"]
        place = {k: n for n, k in enumerate(adding)}
        amounts = np.zeros((len(adding), rows))
        spread: Floats | None = None
        for k, rule in enumerate(self.rules):
            if rule.action != "boost" or not fires[k].any():
                continue
            amount = np.full(rows, rule.amount)
            if rule.deviations:
                spread = scores.std(axis=1) if spread is None else spread
                amount = amount * spread
            amounts[place[k]] = np.where(fires[k], amount, 0)
        for k in adding:
            if self.rules[k].action == "boost":
                scores[:, self.items[k]] += amounts[place[k]][:, None]
        for k in reversed(adding):
            if self.rules[k].action == "pin" and self.items[k].any():
                amount = np.where(fires[k], _lift(scores, self.items[k]), 0)
                amounts[place[k]] = amount
                scores[:, self.items[k]] += amount[:, None]
        return Adjustment(
            scores,
            self._allowed(fires, rows),
            tuple(self.rules[k].name for k in adding),
            amounts,
            self.items[adding],
        )

    def _allowed(self, fires: Sequence[Mask], rows: int) -> Mask | None:
        allowed: Mask | None = None
        for rule, items, fired in zip(self.rules, self.items, fires, strict=True):
            if rule.action == "filter" and fired.any():
                allowed = np.ones((rows, len(items)), np.bool_) if allowed is None else allowed
                allowed[np.ix_(fired, items if rule.exclude else ~items)] = False
        return allowed

    def refused(
        self, history: sparse.csr_matrix, item: int, context: Mapping[str, str]
    ) -> tuple[str, ...]:
        """The filters that leave an item out for one history (1 × n_items)."""
        return tuple(
            rule.name
            for k, rule in enumerate(self.rules)
            if rule.action == "filter"
            and self.items[k, item] == rule.exclude
            and self._fires(k, history, context)[0]
        )


def _lift(scores: Floats, mine: Mask) -> Floats:
    """What brings the least of my items just above the best of the others, a row: ≥ 0."""
    if mine.all():
        return np.zeros(len(scores))
    best, least = scores[:, ~mine].max(1), scores[:, mine].min(1)
    step = 1e-3 * np.maximum(scores.std(axis=1), 1e-9 * np.maximum(np.abs(best), 1))
    return np.asarray(np.maximum(best + step - least, 0))


def _sizes(test: conditions.Compare, sizes: Ints) -> Mask:
    if test.op in conditions.ORDER:
        return np.asarray(conditions.ORDER[test.op](sizes, float(test.values[0])), np.bool_)
    found = np.isin(sizes, [conditions.number(v, "events", "user") for v in test.values])
    return np.asarray(found != (test.op == "!="), np.bool_)


def _any(flags: Mask, indptr: Ints) -> Mask:
    total = np.concatenate(([0], np.cumsum(flags)))
    return np.asarray(total[indptr[1:]] > total[indptr[:-1]], np.bool_)


def holds(node: Node, context: Mapping[str, str], *, where: str) -> bool:
    """Whether a condition on the context holds; a key that is not given fulfils no comparison but !=."""

    def compare(test: conditions.Compare) -> bool:
        given = context.get(test.field)
        if test.op == "!=":
            return given is None or conditions.fold(given) != conditions.fold(test.values[0])
        if given is None:
            return False
        if test.op in conditions.ORDER:
            left = conditions.number(given, test.field, where)
            return bool(
                conditions.ORDER[test.op](
                    left, conditions.number(test.values[0], test.field, where)
                )
            )
        wanted = [conditions.fold(v) for v in test.values]
        text = conditions.fold(given)
        return any(w in text for w in wanted) if test.op == "contains" else text in wanted

    return bool(conditions.evaluate(node, compare, lambda _: False))
