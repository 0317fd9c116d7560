"""The values of the language side: plan, sketch, verdict, explanation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from whyrec.evidence.types import Evidence
from whyrec.language.claims import Claim
from whyrec.language.shape import Shape

Source = Literal["sketch", "direct", "realiser"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The claims chosen for one (user, item) pair, in the order in which they are told."""

    user: str
    item: str
    lang: str
    claims: tuple[Claim, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Sketch:
    """A verified text with slots for one shape.

    `sentences` pairs each sentence (slots as `{name}`) with the positions of the shape's claims
    that it tells.
    """

    shape: Shape
    text: str
    sentences: tuple[tuple[str, tuple[int, ...]], ...]
    llm: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a sentence is refused. `span` is [start, end) in the whole text; `code` a fixed word."""

    code: str
    span: tuple[int, int]
    message: str

    def to_json(self) -> dict[str, Any]:
        """The problem as in `verify --json`."""
        return {"code": self.code, "span": list(self.span), "message": self.message}


@dataclass(frozen=True, slots=True)
class SentenceVerdict:
    """One sentence with the claims that support it, or the problems that refuse it."""

    text: str
    ok: bool
    claims: tuple[Claim, ...] = ()
    problems: tuple[Problem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The sentence as in `verify --json`."""
        return {
            "text": self.text,
            "ok": self.ok,
            "claims": [c.to_json(f"c{k}") for k, c in enumerate(self.claims, 1)],
            "problems": [p.to_json() for p in self.problems],
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verifier's answer: ok only if there is a sentence and every one is supported."""

    ok: bool
    sentences: tuple[SentenceVerdict, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems of all sentences."""
        return tuple(p for s in self.sentences for p in s.problems)

    def to_json(self) -> dict[str, Any]:
        """The verdict as in `verify --json`."""
        return {"ok": self.ok, "sentences": [s.to_json() for s in self.sentences]}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A text about one recommendation, with the claims and the evidence that it rests on.

    `sentences` pairs each sentence with positions in `claims`. `llm` is the backend's spec
    (`nano`, `openai:MODEL`, `none`, …). `caution` is what the domain requires to stand beside the
    text, empty where it requires nothing.
    """

    evidence: Evidence
    title: str
    lang: str
    text: str
    sentences: tuple[tuple[str, tuple[int, ...]], ...]
    claims: tuple[Claim, ...]
    source: Source
    llm: str
    model: str
    verified: bool
    notes: dict[str, Any] = field(default_factory=dict, compare=False)
    caution: str = ""

    def to_json(self) -> dict[str, Any]:
        """One line of `explain --json`."""
        e = self.evidence
        cf = e.gone or e.displaced
        caution = {"caution": self.caution} if self.caution else {}
        return {
            "user": e.user,
            "item": e.item,
            "title": self.title,
            "rank": e.rank,
            "score": e.score,
            "baseline": e.baseline,
            "lang": self.lang,
            "text": self.text,
            **caution,
            "sentences": [
                {"text": t, "claims": [f"c{k + 1}" for k in ks]} for t, ks in self.sentences
            ],
            "claims": [c.to_json(f"c{k}") for k, c in enumerate(self.claims, 1)],
            "evidence": e.to_json(),
            "counterfactual": cf.to_json() if cf else None,
            "source": self.source,
            "llm": self.llm,
            "model": self.model,
            "verified": self.verified,
        }
