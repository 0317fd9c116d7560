"""Segments are found again where they were put, say what is true of them, and name nobody."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from whyrec.data.readers import from_frames
from whyrec.errors import ConfigError, DataError
from whyrec.features.segments import find_segments, is_sensitive, user_vectors

KINDS = ("Kitchen", "Garden", "Gadgets")


def shop(people: int = 90, *, kinds: tuple[str, ...] = KINDS, seed: int = 0) -> Any:
    """People who mostly buy one kind each: person u kind u % 3, 6 of 8 things."""
    rng = np.random.default_rng(seed)
    rows = []
    for u in range(people):
        own = u % len(kinds)
        chosen = [(own, k) for k in rng.permutation(20)[:6]]
        others = [j for j in range(len(kinds)) if j != own]
        chosen += [(others[n % len(others)], k) for n, k in enumerate(rng.permutation(20)[:2])]
        for n, (kind, k) in enumerate(chosen):
            rows.append(
                (f"u{u}", f"{kinds[kind]}-{k}", "buy", f"2024-{1 + n % 6:02d}-{1 + u % 28:02d}")
            )
    events = {c: [r[n] for r in rows] for n, c in enumerate(("user", "item", "event", "time"))}
    ids = [(kind, k) for kind in kinds for k in range(20)]
    items = {
        "item": [f"{kind}-{k}" for kind, k in ids],
        "title": [f"{kind} thing {k}" for kind, k in ids],
        "category": [kind for kind, _ in ids],
        "price": [float(10 + k) for _, k in ids],
    }
    return from_frames(events, items)


def test_the_groups_that_were_put_in_are_found() -> None:
    data = shop()
    found = find_segments(data)
    assert len(found.segments) == 3
    assert max(found.silhouettes, key=lambda k: found.silhouettes[k]) == 3
    kinds = np.array([int(u[1:]) % 3 for u in data.users])
    assert all(len(set(kinds[found.labels == s.index])) == 1 for s in found.segments)
    assert {found.name(s) for s in found.segments} == {"kitchen", "garden", "gadgets"}


def test_definitions_have_the_numbers_of_the_data() -> None:
    data = shop()
    found = find_segments(data)
    for s in found.segments:
        [trait] = s.traits
        pairs = data.pairs.filter(pl.col("user").is_in(np.flatnonzero(found.labels == s.index)))
        category = data.catalogue.table["category"].gather(pairs["item"])
        # Everybody has 8 things, 6 of them of one kind; overall a third of everything.
        assert (category == trait.facet.value).mean() == pytest.approx(trait.share) == 0.75
        assert trait.overall == pytest.approx(1 / 3, abs=0.02)
        assert s.people == 30
        text = found.define(s)
        assert text.startswith(f"Buy mostly {trait.facet.value.lower()} (75%, everybody ")
        assert "a month" in text
        chinese = found.define(s, "zh")
        assert chinese.startswith("主要购买")
        assert "75%" in chinese


def test_the_same_seed_gives_the_same_segments() -> None:
    data = shop(seed=4)
    a, b = find_segments(data, seed=7), find_segments(data, seed=7)
    assert np.array_equal(a.labels, b.labels)
    assert a.to_json() == b.to_json()


def test_small_clusters_join_the_nearest_and_no_segment_is_small() -> None:
    data = shop(60)
    found = find_segments(data, k=3, k_anon=25)
    assert all(s.people >= 25 for s in found.segments)
    assert sum(s.people for s in found.segments) == 60
    one = find_segments(data, k=1)
    assert [s.people for s in one.segments] == [60]
    assert one.define(one.segments[0]).startswith("Buy a bit of everything")


def test_people_without_purchases_are_in_no_segment() -> None:
    data = shop()
    views = data.events.head(1).with_columns(event=pl.lit("view"), user=pl.lit(90, pl.UInt32))
    from dataclasses import replace

    more = replace(data, events=pl.concat([data.events, views]), users=(*data.users, "looker"))
    assert find_segments(more).labels[90] == -1


def test_what_may_be_sensitive_defines_nobody() -> None:
    data = shop(kinds=("Kitchen", "Health & Pregnancy", "Garden"))
    found = find_segments(data)
    assert found.left_out == ("category:Health & Pregnancy",)
    text = json.dumps(found.to_json()["segments"])
    assert "regnan" not in text
    assert "ealth" not in text
    for word in ("Religious Books", "宗教用品", "Gay & Lesbian", "成人用品"):
        assert is_sensitive(word)
    for word in ("Kitchen", "Textbooks", "Adulthood", "Film-Noir", "健身器材"):
        assert not is_sensitive(word)


def test_segments_of_model_vectors() -> None:
    data = shop()
    items = np.zeros((data.n_items, 3))
    items[np.arange(data.n_items), [KINDS.index(c) for c in data.catalogue.table["category"]]] = 1
    vectors = user_vectors(data.interactions, items)
    assert vectors.sum(1) == pytest.approx(np.ones(90))
    found = find_segments(data, vectors=vectors)
    assert len(found.segments) == 3


def test_the_json_names_nobody() -> None:
    data = shop()
    text = json.dumps(find_segments(data).to_json(), ensure_ascii=False)
    assert not any(f'"{u}"' in text for u in data.users)
    assert json.loads(text)["k"] == 3


def test_activity_and_prices_are_told_where_they_differ() -> None:
    rng = np.random.default_rng(1)
    rows = [
        (f"u{u}", f"i{k}")
        for u in range(60)
        for k in (rng.permutation(30)[:20] if u < 30 else 30 + rng.permutation(30)[:4])
    ]
    items = {
        "item": [f"i{k}" for k in range(60)],
        "title": [f"Thing {k}" for k in range(60)],
        "category": ["Lamp", "Rug"] * 30,
        "price": [5.0] * 30 + [50.0] * 30,
    }
    data = from_frames({"user": [u for u, _ in rows], "item": [i for _, i in rows]}, items)
    found = find_segments(data, k=2)
    by_items = {s.items: s for s in found.segments}
    assert (by_items[20].price, by_items[20].price_level) == (5.0, -1)
    assert (by_items[4].price, by_items[4].price_level) == (50.0, 1)
    assert "cheaper ones of their kind (typically 5.00)" in found.define(by_items[20])
    assert "偏贵" in found.define(by_items[4], "zh")


def test_bad_questions() -> None:
    data = shop(12)
    with pytest.raises(DataError, match="12 people with positive events; give at least 20"):
        find_segments(data)
    with pytest.raises(ConfigError, match="k_anon ≥ 2"):
        find_segments(data, k_anon=1)
    found = find_segments(data, k_anon=3)
    with pytest.raises(ConfigError, match="no definitions in 'fr'; use en or zh"):
        found.define(found.segments[0], "fr")
