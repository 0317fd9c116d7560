"""The hand-written paraphrases, filled in their worlds."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.verify import toy

HERE = Path(__file__).parent


@cache
def world_of(spec: str) -> toy.ToyWorld:
    """The world that a list of paraphrases names: `film rating`, `shop purchase`, `film cold`."""
    domain, event = spec.split()
    return toy.cold_world(domain) if event == "cold" else toy.world(domain, event)


def groups(lang: str) -> Iterator[tuple[str, toy.ToyWorld, list[str]]]:
    """(kind, world, true texts) of every list in a language."""
    lists = tomllib.loads((HERE / f"paraphrases_{lang}.toml").read_text("utf-8"))
    for kind, part in lists.items():
        w = world_of(part["world"])
        before = toy.filled(part.get("prefix", ""), w, lang)
        yield kind, w, [before + toy.filled(t, w, lang) for t in part["texts"]]
