"""Causes: because, so and why may only join what counts in the score with the item's being here."""

from __future__ import annotations

import re

from whyrec.language.verify.parse import Parse
from whyrec.language.verify.state import Refused, State
from whyrec.language.verify.tokens import Encoded

_SO = re.compile(r"\bso\b|所以|因此|于是|因而|故而")
_CAUSES = frozenset(["history", "group"])


def check_causes(parse: Parse, enc: Encoded, state: State) -> None:
    """because and so may only join what counts for the item with its being here."""
    effects = ("here", "rank", "cold")
    for k, clause in enumerate(parse):
        needs = clause.mark("needs")
        if needs and not (k and parse[k - 1].kind == needs):
            raise Refused("unsupported", "who did that?", enc.span(clause.start, clause.end))
        before = parse[k - 1] if k else None
        after = parse[k + 1] if k + 1 < len(parse) else None
        if clause.mark("cause"):
            chained = before is not None and (
                before.kind in effects
                or before.mark("cause")
                or (before.kind in _CAUSES and clause.joined not in ("", ",", "，"))
            )
            if before is not None and not chained:
                raise Refused(
                    "wrong-cause",
                    "that is not why it is so",
                    enc.span(clause.start, clause.end),
                )
            comma = after is not None and after.joined in (
                ",",
                "，",
                "",
                "所以",
                "，所以",
                ", so",
                "so",
            )
            if before is None and after is not None and comma and after.kind not in effects:
                later = parse[k + 1 :]
                if not (after.mark("cause") or any(c.kind in effects for c in later)) or (
                    after.kind not in _CAUSES
                ):
                    raise Refused(
                        "wrong-cause",
                        "that does not follow from it",
                        enc.span(after.start, after.end),
                    )
        if _SO.search(clause.joined) and clause.kind not in effects:
            raise Refused(
                "wrong-cause",
                "that does not follow from it",
                enc.span(clause.start, clause.end),
            )
        if clause.mark("link") == "so" or (clause.kind == "here" and _SO.search(clause.joined)):
            cause = _cause_before(parse, k, state)
            if cause is None:
                raise Refused(
                    "wrong-cause",
                    "nothing told so far put it here",
                    enc.span(clause.start, clause.end),
                )


def _cause_before(parse: Parse, k: int, state: State) -> str | None:
    kinds = [c.kind for c in parse[:k]] or [t.claim.kind for t in state.told]
    for kind in kinds:
        if kind in ("history", "group", "cold", "weak"):
            return kind
    if not state.world.history() and "popular" in kinds:
        return "popular"
    return None
