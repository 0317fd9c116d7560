"""Frames cannot make a false thing true: sentences drawn from the grammar itself, in worlds where
nothing, or only one kind of claim, holds."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tests.verify import toy

from whyrec.language.verify import verify
from whyrec.language.verify.grammar import Alt, Grammar, Mark, Node, Ref, Word, _read, load

FILL = {
    "en": {"I": "“The Terminator”", "H1": "“Alien”", "H2": "“Alien” and “Blade Runner”",
           "M": "“Alien” and “The Terminator”", "F": "science fiction", "X": "“Vexing Moon”"},
    "zh": {"I": "《终结者》", "H1": "《异形》", "H2": "《异形》和《银翼杀手》",
           "M": "《异形》和《终结者》", "F": "科幻", "X": "《雾港九号》"},
}  # fmt: skip
NUMBERS = ["2", "3", "5", "10", "212", "3,456", "789", "4.3"]
KINDS = (
    "history",
    "group",
    "weak",
    "feature",
    "people",
    "popular",
    "rating",
    "without",
    "rank",
    "cold",
)


class Writer:
    """Draws sentences from a grammar."""

    def __init__(self, grammar: Grammar, rng: random.Random) -> None:
        self.g = grammar
        self.rng = rng
        self.numbers = NUMBERS
        self.nodes = {f.source: _read(f.source, "test") for f in (*grammar.frames, *grammar.chunks)}

    def sentence(self, kind: str) -> str:
        frame = self.rng.choice([f for f in self.g.frames if f.kind == kind])
        words = self._write(self.nodes[frame.source])
        if self.g.lang == "zh":
            return "".join(words) + "。"
        text = " ".join(words)
        for sign in ",;:":
            text = text.replace(f" {sign}", sign)
        text = text.replace("-lrb- ", "(").replace(" -rrb-", ")").replace(" 's", "'s")
        return text[:1].upper() + text[1:] + "."

    def _write(self, nodes: tuple[Node, ...]) -> list[str]:
        out: list[str] = []
        for n in nodes:
            if isinstance(n, Word):
                out.append(n.text)
            elif isinstance(n, Alt):
                out += self._write(self.rng.choice(n.options))
            elif isinstance(n, Ref):
                out += self._ref(n.name)
            else:
                assert isinstance(n, Mark)
        return out

    def _ref(self, name: str) -> list[str]:
        lang = self.g.lang
        if name in FILL[lang]:
            return [FILL[lang][name]]
        if name == "N":
            return [self.rng.choice(self.numbers)]
        if name == "ORD":
            return [self.rng.choice(["3rd", "2nd"])]
        if name == "CN":
            return [
                self.rng.choice(["two", "three", "ten"] if lang == "en" else ["两", "三", "十"])
            ]
        if name in self.g.macros and name not in self.g.terminals:
            return self._write(self.g.macros[name])
        chunk = self.rng.choice([c for c in self.g.chunks if c.kind == name])
        return self._write(self.nodes[chunk.source])


def nothing() -> toy.ToyWorld:
    """The history holds the items, but they speak against the item, and nothing is known of it."""
    w = toy.world()
    w.entries = {i: replace(e, contribution=-0.1, effect=-0.1) for i, e in w.entries.items()}
    w.facet_of = {i: (f if i == "c" else frozenset()) for i, f in w.facet_of.items()}
    w.facet_of["c"] = frozenset({toy.SCIFI})
    w.people_of, w.crowd, w.stars, w.needed, w.rank = {}, None, None, frozenset(), 0
    return w


def only(kind: str) -> toy.ToyWorld:
    """A world in which only one kind of claim is true."""
    w, full = nothing(), toy.world()
    if kind in ("history", "group", "weak"):
        w.entries = full.entries
        w.facet_of = {**full.facet_of, "x": frozenset()}
    elif kind == "feature":
        w.facet_of = full.facet_of
        w.entries = {
            i: replace(e, contribution=0.001, effect=-1.0) for i, e in full.entries.items()
        }
    elif kind == "people":
        w.people_of = full.people_of
    elif kind == "popular":
        w.crowd = full.crowd
    elif kind == "rating":
        w.stars = full.stars
    elif kind == "without":
        w.needed = frozenset({"a"})
    elif kind == "rank":
        w.rank = 3
    return w


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_where_nothing_is_true_nothing_passes(lang: str) -> None:
    writer = Writer(load(lang, "film"), random.Random(1))
    w = nothing()
    before = {"en": "You rated “Alien” highly. ", "zh": "您给《异形》打了高分。"}[lang]
    passed = []
    for _ in range(1500):
        text = writer.sentence(writer.rng.choice(KINDS))
        for t in (text, before + text):
            if verify(t, w, lang).ok:
                passed.append(t)
    assert passed == []


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("kind", KINDS[:-1])
def test_where_one_kind_is_true_only_that_kind_is_claimed(kind: str, lang: str) -> None:
    writer = Writer(load(lang, "film"), random.Random(2))
    w = only(kind)
    allowed = {"history"} if kind in ("group", "weak") else {kind}
    accepted = 0
    for _ in range(400):
        said = writer.rng.choice(KINDS)
        if kind == "feature" and said == "group":
            continue  # a group of items that carry a feature is true there as well
        text = writer.sentence(said)
        verdict = verify(text, w, lang)
        if verdict.ok:
            accepted += 1
            assert {c.kind for s in verdict.sentences for c in s.claims} <= allowed, text
            assert said in {
                kind,
                *(("history", "group", "weak") if "history" in allowed else ()),
            }, text
    writer.numbers = {"people": ["212"], "popular": ["3,456"], "rank": ["3"]}.get(kind, NUMBERS)
    for _ in range(600):
        accepted += verify(writer.sentence(kind), w, lang).ok
    if kind != "weak":
        assert accepted > 0
