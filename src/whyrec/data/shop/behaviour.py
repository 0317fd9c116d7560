"""What people do in the simulated shop: looks, clicks, carts, purchases, ratings over a year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from whyrec.data.shop.tastes import F64, Tastes
from whyrec.data.shop.words import table

START = np.datetime64("2025-01-01T00:00:00", "s")
DAYS = 365
EVENTS = ("view", "click", "cart", "purchase", "rating", "like", "return")
"""Event types by code."""

_DAY = 86_400
_CHUNK = 4_096
_WEEKDAYS = np.array([1.0, 0.92, 0.9, 0.95, 1.05, 1.25, 1.35])  # Monday first
_HOURS = np.array(
    [2, 1, 1, 1, 1, 2, 4, 7, 10, 11, 11, 12, 15, 13, 11, 11, 12, 14, 17, 21, 24, 22, 15, 7], float
)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Log:
    """Events as arrays of one length, ordered by time, then user, item, event.

    `user`, `item` int32; `event` int8, a place in `EVENTS`; `value` float64, NaN where the event
    has none; `time` int64, seconds since `START`.
    """

    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    event: npt.NDArray[np.int8]
    value: F64
    time: Ints

    def __len__(self) -> int:
        return len(self.user)


def simulate(tastes: Tastes, rng: np.random.Generator) -> Log:
    """A year of events that follow from the preferences; see `tastes.MODEL`."""
    users, items, taste = _looks(tastes, rng)
    days, launch = _days(tastes, users, items, rng)
    keep = days >= launch
    users, items, taste, days = users[keep], items[keep], taste[keep], days[keep]
    seen = days * _DAY + _seconds(len(days), rng)

    z = (taste - taste.mean()) / max(float(taste.std()), 1e-9)
    quality: F64 = tastes.quality[items].astype(np.float64)
    clicked = rng.random(len(z)) < _sigmoid(-0.25 + 0.65 * z)
    carted = clicked & (rng.random(len(z)) < _sigmoid(-0.15 + 0.75 * z + 0.25 * quality))
    bought = carted & (rng.random(len(z)) < _sigmoid(0.55 + 0.5 * z + 0.2 * quality))
    liked = clicked & (rng.random(len(z)) < _sigmoid(-2.1 + 0.9 * z))

    click_at = seen + rng.integers(4, 60, len(z))
    cart_at = click_at + rng.integers(20, 600, len(z))
    wait = np.where(rng.random(len(z)) < 0.25, rng.integers(_DAY, 6 * _DAY, len(z)), 0)
    buy_at = cart_at + rng.integers(40, 1800, len(z)) + wait
    like_at = click_at + rng.integers(5, 300, len(z))

    mood: F64 = rng.normal(0.0, 0.35, len(tastes.activity))
    joy = 1.05 + 0.75 * quality + 0.45 * z + mood[users] + 0.7 * rng.standard_normal(len(z))
    stars = 1.0 + np.searchsorted([-1.5, -0.7, 0.15, 1.2], joy)
    returned = bought & (stars <= 2) & (rng.random(len(z)) < 0.45)
    rated = bought & (rng.random(len(z)) < 0.42)
    rate_at = buy_at + rng.integers(3 * _DAY, 25 * _DAY, len(z))
    return_at = buy_at + rng.integers(3 * _DAY, 20 * _DAY, len(z))
    again = rng.random(len(z)) < 0.18
    again_at = seen + rng.integers(_DAY, 20 * _DAY, len(z))
    quantity = 1.0 + rng.binomial(3, 0.08, len(z))

    none = np.full(len(z), np.nan)
    steps = (
        (np.ones(len(z), bool), 0, none, seen),
        (again, 0, none, again_at),
        (clicked, 1, none, click_at),
        (carted, 2, none, cart_at),
        (bought, 3, quantity, buy_at),
        (rated, 4, stars, rate_at),
        (liked, 5, none, like_at),
        (returned, 6, none, return_at),
    )
    return _ordered(
        np.concatenate([users[m] for m, *_ in steps]),
        np.concatenate([items[m] for m, *_ in steps]),
        np.concatenate([np.full(int(m.sum()), code, np.int8) for m, code, _, _ in steps]),
        np.concatenate([v[m] for m, _, v, _ in steps]),
        np.concatenate([t[m] for m, _, _, t in steps]),
    )


def _ordered(user: Ints, item: Ints, event: npt.NDArray[np.int8], value: F64, time: Ints) -> Log:
    within = time < DAYS * _DAY
    order = np.lexsort((event, item, user, time))
    order = order[within[order]]
    return Log(
        user[order].astype(np.int32),
        item[order].astype(np.int32),
        event[order],
        value[order],
        time[order],
    )


def _sigmoid(x: F64) -> F64:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def _looks(tastes: Tastes, rng: np.random.Generator) -> tuple[Ints, Ints, F64]:
    """Who looks at what: Gumbel top-k sampling without replacement, in chunks of users."""
    n_users, n_items = len(tastes.activity), len(tastes.popularity)
    counts = np.minimum(rng.poisson(tastes.activity) + 2, max(1, n_items * 2 // 3))
    users, items, taste = [], [], []
    for start in range(0, n_users, _CHUNK):
        rows = slice(start, min(start + _CHUNK, n_users))
        utility = tastes.utility(rows)
        noise = -np.log(rng.standard_exponential(utility.shape, dtype=np.float32))
        order = np.argsort(-(utility + tastes.popularity + noise), axis=1, kind="stable")
        taken = np.arange(n_items)[None, :] < counts[rows, None]
        row, place = np.nonzero(taken)
        item = order[row, place]
        users.append(row + start)
        items.append(item)
        taste.append(utility[row, item].astype(np.float64))
    return np.concatenate(users), np.concatenate(items), np.concatenate(taste)


def _days(tastes: Tastes, users: Ints, items: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """The day of each look, and the day before which it could not have happened.

    Days follow the season of the item's category and the week; a person's looks gather on a few
    days on which they visit.
    """
    peak = np.array([c[3] for c in table("attributes")["category"].values()], float)
    day = np.arange(DAYS)
    weekday = (day + 2) % 7  # 1 January 2025 was a Wednesday
    near = np.cos(2 * np.pi * (day[None, :] / DAYS - (peak[:, None] - 0.5) / 12))
    weight = np.exp(0.85 * near) * _WEEKDAYS[weekday] * (1 + 0.25 * day / DAYS)
    total = np.cumsum(weight, axis=1) / weight.sum(axis=1, keepdims=True)

    n_users, n_items = len(tastes.activity), len(tastes.popularity)
    joined = np.where(rng.random(n_users) < 0.5, 0, rng.integers(0, 240, n_users))
    launched = np.where(rng.random(n_items) < 0.85, 0, rng.integers(20, 250, n_items))
    first = np.maximum(joined[users], launched[items])
    category = tastes.item_levels["category"][items]
    before = np.where(first > 0, total[category, np.maximum(first - 1, 0)], 0.0)
    aim = before + (1.0 - before) * rng.random(len(users))
    # One sorted axis for all categories: category k lives on [2k, 2k + 1].
    axis = (total + 2.0 * np.arange(len(peak))[:, None]).ravel()
    days = np.searchsorted(axis, aim + 2.0 * category, side="left") - DAYS * category
    days = np.clip(days, first, DAYS - 1)

    visits = np.maximum(2, (tastes.activity / 4).astype(np.int64))
    owner = np.repeat(np.arange(n_users), visits)
    shop = np.cumsum(weight.sum(axis=0)) / weight.sum()
    start = np.where(joined > 0, shop[np.maximum(joined - 1, 0)], 0.0)[owner]
    when = np.searchsorted(shop, start + (1.0 - start) * rng.random(len(owner)), side="left")
    when = np.clip(when, joined[owner], DAYS - 1)
    calendar = np.unique(owner * DAYS + when)
    nearest = np.searchsorted(calendar, users * DAYS + days, side="left")
    nearest = np.minimum(nearest, len(calendar) - 1)
    snapped = calendar[nearest]
    days = np.where(snapped // DAYS == users, snapped % DAYS, days)
    return days, first


def _seconds(n: int, rng: np.random.Generator) -> Ints:
    hour = rng.choice(24, n, p=_HOURS / _HOURS.sum())
    return np.asarray(hour * 3600 + rng.integers(0, 3600, n), np.int64)
