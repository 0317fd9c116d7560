"""Short reviews in the simulated shop: a few aspects each, praised or not as the rating has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from whyrec.data.shop.behaviour import EVENTS, Log
from whyrec.data.shop.tastes import Tastes
from whyrec.data.shop.words import table

SHARE = 0.5
"""Of all ratings, those that come with a review."""


@dataclass(frozen=True, slots=True)
class Review:
    """One review; `aspects` says what it praises (1) or not (-1), for the truth file only."""

    user: int
    item: int
    rating: int
    time: int
    lang: str
    text: str
    aspects: dict[str, int]


def write_reviews(log: Log, tastes: Tastes, rng: np.random.Generator) -> list[Review]:
    """Reviews for half of the ratings, in the language of each person, in order of time."""
    phrases: dict[str, Any] = table("reviews")
    names = list(phrases["aspect"])
    rated = np.flatnonzero(log.event == EVENTS.index("rating"))
    chosen = rated[rng.random(len(rated)) < SHARE]
    out = []
    for k in chosen.tolist():
        user, stars = int(log.user[k]), int(log.value[k])
        lang = "zh" if tastes.chinese[user] else "en"
        tone = "good" if stars >= 4 else "mixed" if stars == 3 else "bad"
        opening = _pick(phrases["open"][lang][tone], rng)
        aspects: dict[str, int] = {}
        sentences = [opening] if opening else []
        for place in rng.permutation(len(names))[: int(rng.integers(1, 4))]:
            name = names[int(place)]
            praised = rng.random() < (0.06, 0.12, 0.5, 0.85, 0.96)[stars - 1]
            aspects[name] = 1 if praised else -1
            sentences.append(
                _pick(phrases["aspect"][name][f"{'good' if praised else 'bad'}_{lang}"], rng)
            )
        text = ("" if lang == "zh" else " ").join(sentences)
        out.append(Review(user, int(log.item[k]), stars, int(log.time[k]), lang, text, aspects))
    return out


def _pick(choices: list[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
