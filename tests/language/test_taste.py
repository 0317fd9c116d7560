"""What the book does not keep although it is true."""

from __future__ import annotations

import pytest

from whyrec.language.shape import Shape
from whyrec.language.taste import stiff

ONE = "en|shop|plain|history(own,1,purchase)+popular(purchase)"
FEATURE = "history(own,{n},purchase)+feature(same,{n},category)"


@pytest.mark.parametrize(
    ("key", "text", "good"),
    [
        ("en|shop|plain|" + FEATURE.format(n=1), "{item} comes from {feature} too.", False),
        ("en|shop|plain|" + FEATURE.format(n=1), "{item} carries {feature}.", False),
        ("en|shop|plain|" + FEATURE.format(n=1), "{item} is in {feature} too.", True),
        ("en|shop|plain|" + FEATURE.format(n=2), "{item} and {history} are in {feature}.", False),
        ("en|shop|plain|" + FEATURE.format(n=1), "{item} and {history} are in {feature}.", True),
        (
            "en|shop|plain|history(own,1,purchase)+feature(same,1,brand)",
            "{item} comes from {feature} too.",
            True,
        ),
        (ONE, "{item} is here: you bought {history}. It was bought by {crowd} people.", False),
        (ONE, "You bought {history}. This product was bought by {crowd} people.", True),
        (ONE, "You bought {history}, so {item} is here. Its buyers are {crowd} people.", True),
        (ONE.replace("own,1", "own,2"), "You bought {history}. {crowd} people bought it.", True),
        (
            ONE.replace("en", "zh"),
            "列出{item}，是因为您买过{history}。有 {crowd} 位顾客买过它。",
            False,
        ),
        (ONE.replace("en", "zh"), "您买过{history}。有 {crowd} 位顾客买过{item}。", True),
        ("zh|shop|plain|rank", "{item}就就在第 {rank} 位。", False),
        ("zh|shop|plain|rank", "{item}就在第 {rank} 位。", True),
    ],
)
def test_stiff_sentences_are_told_from_good_ones(key: str, text: str, good: bool) -> None:
    assert (stiff(text, Shape.parse(key)) == ()) is good
