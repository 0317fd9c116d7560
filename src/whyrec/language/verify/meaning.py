"""Meaning: a parsed sentence is added to what the text has told, or refused."""

from __future__ import annotations

from whyrec.language.types import Problem
from whyrec.language.verify.causes import check_causes
from whyrec.language.verify.clauses import Reader
from whyrec.language.verify.parse import Parse
from whyrec.language.verify.state import STRENGTHS, Refused, State
from whyrec.language.verify.tokens import Encoded


def understand(
    parse: Parse, enc: Encoded, state: State, sentence: int
) -> tuple[list[int], list[Problem]]:
    """Add what the sentence tells to `state.told`; indices of its claims, and its problems."""
    claims: list[int] = []
    problems: list[Problem] = []
    before = len(state.told)
    reader = Reader(enc, state, sentence)
    try:
        check_causes(parse, enc, state)
        for clause in parse:
            claims.extend(reader.read(clause))
    except Refused as e:
        problems.append(e.problem)
    if not problems and not claims:
        whole = enc.span(0, len(enc.text))
        problems.append(Problem("no-claim", whole, "says nothing that can be checked"))
    if problems:
        del state.told[before:]
        return [], problems
    return list(dict.fromkeys(claims)), []


def overclaims(state: State) -> list[tuple[int, Problem]]:
    """Plain history claims that nothing qualified and whose share is too small to be told plainly."""
    out = []
    for t in state.told:
        if t.claim.kind != "history" or t.strength != "plain":
            continue
        if any(x.strength != "plain" and set(t.items) <= set(x.items) for x in state.told):
            continue
        share = t.claim.share or 0.0
        together = [
            x.claim.share or 0.0
            for x in state.told
            if x.sentence == t.sentence and x.claim.kind == "history" and x.span == t.span
        ]
        if max(share, sum(together)) < STRENGTHS["plain"] - 1e-9:
            out.append(
                (
                    t.sentence,
                    Problem(
                        "overclaim", t.span,
                        f"it is only {share:.1%} of the reason: say that it is a small part",
                    ),
                )
            )  # fmt: skip
    return out
