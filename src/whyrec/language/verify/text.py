"""Verifying a text: from characters to a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from whyrec.errors import LanguageError
from whyrec.evidence.types import World
from whyrec.language.types import Problem, SentenceVerdict, Verdict
from whyrec.language.verify import surface
from whyrec.language.verify.diagnose import bad_words, unknown_names, unknown_words
from whyrec.language.verify.grammar import Grammar, load
from whyrec.language.verify.index import index_of
from whyrec.language.verify.meaning import overclaims, understand
from whyrec.language.verify.mentions import Mention, find
from whyrec.language.verify.names import fold
from whyrec.language.verify.parse import parses, traps
from whyrec.language.verify.state import State
from whyrec.language.verify.tokens import (
    END_SIGNS,
    READINGS,
    Reading,
    Token,
    encode,
    sentences,
    tokenise,
)

TRAPS = {
    "wrong-role": "the item and the history have changed places",
    "wrong-cause": "that is not why",
}
LANGUAGES = ("en", "zh")


def verify(text: str, world: World, lang: str) -> Verdict:
    """Sentence by sentence, the claims that support a text about this pair, or what is wrong.

    Parameters
    ----------
    text
        Any text, ours or somebody else's.
    world
        What is true about the pair.
    lang
        `en` or `zh`.

    Returns
    -------
    Verdict
        `ok` only if there is a sentence and every sentence rests on true claims.

    Raises
    ------
    LanguageError
        If there is no verifier for `lang`. Never for what the text holds.
    """
    return examine(text, world, lang)[0]


def examine(text: str, world: World, lang: str) -> tuple[Verdict, State | None]:
    """`verify`, with the state after the last sentence (None if nothing was read)."""
    if lang not in LANGUAGES:
        raise LanguageError("no verifier for this language", where=lang, remedy="use en or zh")
    early = surface.before_reading(text)
    if early:
        return Verdict(False, (SentenceVerdict(text, False, (), tuple(early)),)), None
    grammar = load(lang, world.domain)
    folded = fold(text)
    first: list[Mention] = []
    outcome: tuple[Verdict, State] | None = None
    # Facets of the history are looked for only where those of the item are not enough.
    index = index_of(world, lang)
    for every_facet in (False, True):
        facets = index.every_facet(world) if every_facet else index.facets
        mentions, stray = find(text, folded, index.items, facets, grammar.knows)
        if outcome is not None and mentions == first:
            break
        first = mentions
        outcome = _examine(text, folded, world, grammar, mentions, stray)
        if outcome[0].ok:
            break
    assert outcome is not None
    return outcome


def _examine(
    text: str,
    folded: str,
    world: World,
    grammar: Grammar,
    mentions: list[Mention],
    stray: list[tuple[int, int]],
) -> tuple[Verdict, State]:
    lang = grammar.lang
    bare = surface.blanked(text, mentions)
    found = surface.outside_names(text, bare, stray, lang)
    found += surface.language(surface.blanked(text, [m for m in mentions if not m.soft]), lang)
    tokens = tokenise(text, folded, mentions, lang)
    state = State(world, lang)
    out: list[tuple[tuple[int, int], list[int], list[Problem]]] = []
    for number, sentence in enumerate(sentences(tokens)):
        span = (sentence[0].start, sentence[-1].end)
        here = [p for p in found if span[0] <= p.span[0] < span[1]]
        here += unknown_names(sentence, world)
        if here:
            here += bad_words(bare, *span, lang, grammar.domain)
            out.append((span, [], here))
            continue
        claims, problems, state = _read(sentence, state, number, grammar, text, bare)
        out.append((span, claims, problems))
    for number, problem in overclaims(state):
        if not out[number][2]:
            out[number] = (out[number][0], out[number][1], [problem])
    lost = [p for p in found if not any(s <= p.span[0] < e for (s, e), _, _ in out)]
    verdicts = tuple(
        SentenceVerdict(
            text[s:e].strip(),
            not problems and not (lost and k == 0),
            tuple(state.told[c].claim for c in claims) if not problems else (),
            (*problems, *(lost if k == 0 else ())),
        )
        for k, ((s, e), claims, problems) in enumerate(out)
    )
    return Verdict(bool(verdicts) and all(v.ok for v in verdicts), verdicts), state


def _read(
    sentence: Sequence[Token], state: State, number: int, grammar: Grammar, text: str, bare: str
) -> tuple[list[int], list[Problem], State]:
    """The best reading of a sentence: its claims and the state after it, or its problems."""
    words = list(sentence)
    while words and words[-1].kind == "sign" and words[-1].text in END_SIGNS:
        words.pop()
    span = (sentence[0].start, sentence[-1].end)
    problems: list[Problem] = []
    if not words:
        return [], [Problem("no-claim", span, "no words")], state
    tried: set[str] = set()
    for reading in READINGS:
        if not _matters(reading, words, state.world.item):
            continue
        enc = encode(words, state.world.item, grammar.lang, reading)
        key = enc.text + repr(reading.history_first)
        if key in tried:
            continue
        tried.add(key)
        for parse in parses(enc.text, grammar.lang, grammar.domain):
            after = state.copy()
            claims, wrong = understand(parse, enc, after, number)
            if not wrong:
                return claims, [], after
            problems = problems or wrong
    if problems:
        return [], problems, state
    return [], _explain(words, span, state.world, grammar, text, bare), state


def _matters(reading: Reading, words: Sequence[Token], item: str) -> bool:
    mentions = [m for t in words for m in t.mentions]
    if reading.soft and not any(m.soft for m in mentions):
        return False
    if reading.facets_first and not any(m.items and m.facets for m in mentions):
        return False
    if reading.history_first and not any(item in m.items and len(m.items) > 1 for m in mentions):
        return False
    return not reading.merge_item or any(item in m.items for m in mentions)


def _explain(
    words: Sequence[Token],
    span: tuple[int, int],
    world: World,
    grammar: Grammar,
    text: str,
    bare: str,
) -> list[Problem]:
    out = bad_words(bare, *span, grammar.lang, grammar.domain)
    taken = [p.span for p in out]
    for p in unknown_words(words, grammar, text, world):
        if not any(s <= p.span[0] and p.span[1] <= e for s, e in taken):
            out.append(p)
    enc = encode(words, world.item, grammar.lang, READINGS[0])
    for code, start, end in traps(enc.text, grammar.lang, grammar.domain):
        out.append(Problem(code, enc.span(start, end), TRAPS[code]))
    out.sort(key=lambda p: p.span)
    return out or [Problem("unsupported", span, "says nothing that the verifier can prove")]
