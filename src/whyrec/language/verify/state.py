"""State: what a text has told so far, and how a clause is refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from whyrec.evidence.types import World
from whyrec.language.claims import Claim
from whyrec.language.shape import WEAK_SHARE
from whyrec.language.types import Problem

STRENGTHS = {"plain": WEAK_SHARE, "weak": 0.0, "part": 0.0, "main": 0.5, "only": 0.999}
"""The least share that each way of telling a reason needs."""

WEAK_MOST = 0.25
"""A reason with more than this share is not "a small part of why"."""


@dataclass
class Told:
    """A claim as told, which later sentences may still qualify."""

    claim: Claim
    sentence: int
    span: tuple[int, int]
    items: tuple[str, ...]
    strength: str = "plain"
    checked: bool = True


@dataclass
class State:
    """What has been said so far: the antecedents of pronouns and of "who did"."""

    world: World
    lang: str
    last: tuple[str, ...] = ()
    event: str | None = None
    cold: bool = False
    item_said: bool = False
    told: list[Told] = field(default_factory=list)

    def copy(self) -> State:
        """A copy whose changes do not reach this one."""
        return State(
            self.world, self.lang, self.last, self.event, self.cold, self.item_said,
            [Told(t.claim, t.sentence, t.span, t.items, t.strength, t.checked) for t in self.told],
        )  # fmt: skip


class Refused(Exception):  # noqa: N818
    """A clause that is false or says what cannot be resolved."""

    def __init__(self, code: str, message: str, span: tuple[int, int]) -> None:
        super().__init__(message)
        self.problem = Problem(code, span, message)
