"""The audit of finished explanations: every text verified again, every sum added, every rank redone.

It trusts nothing that the lines say but ids: scores, ranks and counterfactuals are computed from the
model by whole re-ranking, not by the formulas that made the evidence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from whyrec.recommend.base import Floats, History

if TYPE_CHECKING:
    from whyrec.evidence.engine import EvidenceEngine
    from whyrec.recommend.bundle import Bundle

CLOSE = 1e-5
"""Sums and scores may be off by this part of the score (or of the largest contribution)."""

SAMPLES = 20


@dataclass
class Audit:
    """What was found; everything but the first counts and `worst_…` should be zero.

    Attributes
    ----------
    texts, counterfactuals
        How many were looked at.
    empty, unverified, refused
        Texts without a sign, not marked as verified, refused when verified again.
    wrong_sum, wrong_score, wrong_rank
        Lines whose contributions do not add up to the score, whose score is not the model's, or
        whose rank is not the item's.
    wrong_counterfactual
        Counterfactuals after which the item's rank is not the one told, or the question is not
        answered by it.
    worst_sum, worst_score
        The largest relative differences.
    samples
        Some of what was wrong: user, item, language, what.
    """

    texts: int = 0
    counterfactuals: int = 0
    empty: int = 0
    unverified: int = 0
    refused: int = 0
    wrong_sum: int = 0
    wrong_score: int = 0
    wrong_rank: int = 0
    wrong_counterfactual: int = 0
    worst_sum: float = 0.0
    worst_score: float = 0.0
    samples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Everything that should not be."""
        return (
            self.empty
            + self.unverified
            + self.refused
            + self.wrong_sum
            + self.wrong_score
            + self.wrong_rank
            + self.wrong_counterfactual
        )

    def to_json(self) -> dict[str, Any]:
        """The counts by name, `wrong` included."""
        return {**asdict(self), "wrong": self.wrong}

    def note(self, name: str, line: Mapping[str, Any], what: str) -> None:
        """Count one wrong thing and keep it as a sample."""
        setattr(self, name, getattr(self, name) + 1)
        if len(self.samples) < SAMPLES:
            about = {k: line[k] for k in ("user", "item", "lang", "text")}
            self.samples.append({"found": name, "what": what, **about})


def audit(
    bundle: Bundle,
    lines: Iterable[Mapping[str, Any]],
    *,
    n: int = 10,
    verify: bool = True,
    engine: EvidenceEngine | None = None,
) -> Audit:
    """Check lines of `explain --json`, those of one user standing together.

    Parameters
    ----------
    n
        The length of the shown list that they were made for.
    verify
        Whether to verify the texts again, the slowest part.
    engine
        Of the bundle and with `list_size=n`, where there is one already.
    """
    from whyrec.evidence.engine import EvidenceEngine

    out = Audit()
    engine = engine or EvidenceEngine(bundle, list_size=n)
    for user, group in groupby(lines, key=lambda line: str(line["user"])):
        own = list(group)
        _figures(bundle, user, own, n, out)
        if verify:
            _texts(engine, user, own, out)
    return out


def _texts(
    engine: EvidenceEngine, user: str, lines: Sequence[Mapping[str, Any]], out: Audit
) -> None:
    from whyrec.language.verify import verify

    items = list(dict.fromkeys(str(line["item"]) for line in lines))
    evidence = engine.explain(user, items=items, counterfactuals=False, new_user=True)
    worlds = {e.item: engine.world(e) for e in evidence}
    for line in lines:
        verdict = verify(line["text"], worlds[line["item"]], line["lang"])
        if not verdict.ok:
            said = "; ".join(f"{p.code}: {p.message}" for p in verdict.problems) or "no sentence"
            out.note("refused", line, said)


def _figures(
    bundle: Bundle, user: str, lines: Sequence[Mapping[str, Any]], n: int, out: Audit
) -> None:
    index = bundle.dataset.user_index.get(user)
    nobody = History(np.empty(0, np.int32), np.empty(0, np.float32))
    history = nobody if index is None else bundle.history(index)
    asked: list[tuple[Mapping[str, Any], frozenset[int]]] = []
    position = bundle.dataset.catalogue.index
    known: set[tuple[str, frozenset[int]]] = set()
    for line in lines:
        out.texts += 1
        out.empty += not str(line["text"]).strip()
        out.unverified += not line["verified"]
        _sum(line, out)
        asked.append((line, frozenset()))
        told = line["counterfactual"]
        if told is not None:
            removed = frozenset(position[i] for i in told["items"])
            if (line["item"], removed) not in known:  # the same in every language
                known.add((line["item"], removed))
                asked.append((line, removed))
    for (line, removed), (score, rank) in zip(
        asked, _reranked(bundle, index, history, asked), strict=True
    ):
        if not removed:
            off = abs(score - line["score"]) / max(abs(score), 1e-9)
            out.worst_score = max(out.worst_score, off)
            if off > CLOSE:
                out.note("wrong_score", line, f"{line['score']}, the model says {score}")
            if rank != line["rank"]:
                out.note("wrong_rank", line, f"{line['rank']}, the model says {rank}")
            continue
        told = line["counterfactual"]
        out.counterfactuals += 1
        limit = n if told["question"] == "gone" else line["rank"]
        if rank != told["new_rank"] or rank <= limit:
            said = f"{told['question']}: {told['new_rank']}, the model says {rank}"
            out.note("wrong_counterfactual", line, said)


def _sum(line: Mapping[str, Any], out: Audit) -> None:
    parts = [r["contribution"] for r in line["evidence"]["reasons"]]
    size = max([abs(line["score"]), *map(abs, parts), 1e-9])
    off = abs(math.fsum(parts) + line["baseline"] - line["score"]) / size
    out.worst_sum = max(out.worst_sum, off)
    if off > CLOSE:
        out.note("wrong_sum", line, f"off by {off:.1e} of the score")


def _reranked(
    bundle: Bundle,
    index: int | None,
    history: History,
    asked: Sequence[tuple[Mapping[str, Any], frozenset[int]]],
) -> Iterator[tuple[float, int]]:
    """Score and rank of each line's item after its events are removed, by ranking everything.

    Items of removed events stay out of the candidates: the question is about reasons, not about
    being offered them again.
    """
    n_items = bundle.dataset.n_items
    sets = list(dict.fromkeys(removed for _, removed in asked))
    rows = [history.without(np.array(sorted(s), np.int32)).matrix(n_items) for s in sets]
    scores: Floats = bundle.scores(sparse.vstack(rows, format="csr"))
    candidates = np.ones(n_items, bool)
    if index is not None:
        seen = bundle.dataset.seen
        candidates[seen.indices[seen.indptr[index] : seen.indptr[index + 1]]] = False
    row_of = {s: k for k, s in enumerate(sets)}
    for line, removed in asked:
        row = scores[row_of[removed]]
        item = bundle.dataset.catalogue.index[line["item"]]
        better = (row > row[item]) & candidates
        tied = (row == row[item]) & candidates
        yield float(row[item]), 1 + int(better.sum()) + int(tied[:item].sum())
