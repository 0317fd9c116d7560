"""What a batch does for one piece of users: evidence, texts in every language, JSON lines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from whyrec.evidence.attribution import BUDGET
from whyrec.evidence.reasons import Reasons
from whyrec.evidence.types import Evidence, Reason
from whyrec.language.explain import Mode

KEEP = 20
"""Reasons written one by one; the others of a longer list are the last one, of kind `rest`."""


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that a worker must know, JSON-able.

    Attributes
    ----------
    model
        Directory of the bundle.
    langs
        Languages; a user's list is written in each, one after the other.
    n
        Items a user.
    llm, llm_options, mode
        As `Explainer` takes them.
    book
        File of all sketches that may be used, made before the work is shared out; None to have
        them made when a text needs them, and kept with the model.
    new_users
        Whether an unknown user is somebody new and not an error.
    context, where
        As `Bundle.within` takes them: what is so now, and what every recommended item fulfils.
    keep
        Reasons written one by one, None for all.
    method, budget
        How a model that is not exact is asked for its reasons; see `evidence.attribution`.
    approved_only
        Whether only sketches that people approved or wrote are used.
    check
        Whether every finished text is verified whole, with the real names. Without it only the
        sketches and the first filling of each are, and the claims.
    """

    model: str
    langs: tuple[str, ...] = ("en",)
    n: int = 10
    llm: str = "nano"
    llm_options: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode = "sketch"
    book: str | None = None
    new_users: bool = False
    context: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    keep: int | None = KEEP
    check: bool = True
    approved_only: bool = False
    method: str = "shapley"
    budget: int = BUDGET

    def to_json(self) -> dict[str, Any]:
        """The job as a worker reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, o: Mapping[str, Any]) -> Job:
        """The job back."""
        return cls(**{**o, "langs": tuple(o["langs"])})


@dataclass
class Summary:
    """What a batch came to; counted, and added up over the pieces.

    Attributes
    ----------
    users, texts, sentences, empty, unverified
        How many; `empty` and `unverified` texts should be none.
    sources
        Texts by source (`sketch`, `direct`, `realiser`).
    worst_residual
        The largest |sum of the contributions + baseline - score| / max(|score|, 1).
    """

    users: int = 0
    texts: int = 0
    sentences: int = 0
    empty: int = 0
    unverified: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    worst_residual: float = 0.0

    def count(self, line: Mapping[str, Any]) -> None:
        """Add one line of `explain --json`."""
        self.texts += 1
        self.sentences += len(line["sentences"])
        self.empty += not line["text"].strip()
        self.unverified += not line["verified"]
        self.sources[line["source"]] = self.sources.get(line["source"], 0) + 1
        total = math.fsum(r["contribution"] for r in line["evidence"]["reasons"])
        off = abs(total + line["baseline"] - line["score"]) / max(1.0, abs(line["score"]))
        self.worst_residual = max(self.worst_residual, off)

    def add(self, other: Mapping[str, Any]) -> None:
        """Add the summary (`to_json`) of a piece."""
        for name in ("users", "texts", "sentences", "empty", "unverified"):
            setattr(self, name, getattr(self, name) + other[name])
        for source, n in other["sources"].items():
            self.sources[source] = self.sources.get(source, 0) + n
        self.worst_residual = max(self.worst_residual, other["worst_residual"])

    def to_json(self) -> dict[str, Any]:
        """The counts under their names."""
        return asdict(self)


def short(evidence: Evidence, keep: int | None) -> Evidence:
    """The same with the largest `keep` reasons and the others as one of kind `rest`.

    Its contribution is their sum and its `count` their number, so that the parts still add up.
    """
    reasons = evidence.reasons
    if keep is None or len(reasons) <= keep + 1:
        return evidence
    if isinstance(reasons, Reasons) and not reasons.others:
        tail = reasons.contributions[reasons.order[keep:]]
        rest = Reason("rest", math.fsum(tail.tolist()), count=len(tail))
    else:
        others = reasons[keep:]
        total = math.fsum(r.contribution for r in others)
        rest = Reason("rest", total, count=sum(r.count or 1 for r in others))
    return replace(evidence, reasons=(*reasons[:keep], rest))
