"""One worker's work: evidence once, texts in every language, one part of the output."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from whyrec.batch.job import Job, Summary, short
from whyrec.batch.tables import to_parquet
from whyrec.evidence.engine import EvidenceEngine
from whyrec.evidence.types import Evidence
from whyrec.features.facets import Facets
from whyrec.language.backends.spec import backend
from whyrec.language.explain import Explainer, book_path, reviews_path
from whyrec.language.review import Reviews
from whyrec.language.sketchbook import PER_SHAPE, SketchBook
from whyrec.language.types import Explanation
from whyrec.recommend.bundle import Bundle

REPEATABLE = ("nano", "none")
"""Language models that write the same sketches for the same shape in every process."""


class Writer:
    """Writes the explanations of a job.

    Parameters
    ----------
    job
        What to write. With a book in it, that file is read and never written, and shapes that it
        lacks are asked for only of a model that gives every process the same answer.
    bundle
        The job's bundle, where it is loaded already.
    """

    def __init__(self, job: Job, bundle: Bundle | None = None) -> None:
        self.job = job
        bundle = bundle if bundle is not None else Bundle.load(Path(job.model))
        self.bundle = bundle.within(job.context, where=job.where)
        facets = Facets.build(self.bundle.dataset.catalogue)
        self.engine = EvidenceEngine(
            self.bundle, facets, list_size=job.n, method=job.method, budget=job.budget
        )
        self.repeatable = job.llm.partition(":")[0] in REPEATABLE
        book = SketchBook(
            job.book or book_path(job.model, job.llm),
            reviews=Reviews(reviews_path(job.model)),
            approved_only=job.approved_only,
        )
        closed = job.book is not None and not self.repeatable
        if job.book is not None:
            book.path = None
        # Sketch mode with a closed book needs no language model in this process.
        llm = "none" if closed and job.mode == "sketch" else job.llm
        self.explainer = Explainer(
            self.bundle,
            backend=backend(llm, **({} if llm == "none" else job.llm_options)),
            mode=job.mode,
            lang=job.langs[0],
            n=job.n,
            book=book,
            per_shape=0 if closed else PER_SHAPE,
            engine=self.engine,
        )

    def fill(self) -> None:
        """Have sketches written of every shape that was never asked for, and keep them."""
        explainer = self.explainer
        for lang in self.job.langs:
            new = [s for s in explainer.shapes(lang) if not explainer.book.asked(s)]
            explainer.book.fill(new, explainer.backend, explainer.per_shape)

    def copy_book(self, place: Path) -> Job:
        """The job with the book as it is now, copied to `place`."""
        with place.open("w", encoding="utf-8") as out:
            for line in self.explainer.book.lines():
                out.write(json.dumps(line.to_json(), ensure_ascii=False) + "\n")
        return replace(self.job, book=str(place))

    def explanations(self, users: Sequence[str]) -> Iterator[Explanation]:
        """Every user's list in every language, in order; new sketches are kept in the book.

        What is written depends on the users and the book, not on what was written before.
        """
        self.explainer.forget()
        try:
            for evidences in self._evidence(users):
                for lang in self.job.langs:
                    yield from self.explainer.tell(evidences, lang=lang, check=self.job.check)
        finally:
            self.explainer.book.save()

    def _evidence(self, users: Sequence[str]) -> Iterator[list[Evidence]]:
        known = self.bundle.dataset.user_index
        waiting: list[str] = []
        for user in users:
            if user in known or not self.job.new_users:
                waiting.append(user)
                continue
            yield from (e for _, e in self.engine.batch(waiting, self.job.n))
            waiting = []
            yield self.engine.explain(user, n=self.job.n, new_user=True)
        yield from (e for _, e in self.engine.batch(waiting, self.job.n))

    def line(self, explanation: Explanation) -> dict[str, Any]:
        """One line of `explain --json`: its reasons shortened, their titles in its language."""
        evidence = short(explanation.evidence, self.job.keep)
        catalogue = self.bundle.dataset.catalogue
        if f"title_{explanation.lang}" in catalogue.table.columns:
            titles, index = catalogue.titles(explanation.lang), catalogue.index
            reasons = tuple(
                replace(r, title=titles[index[r.item]]) if r.item is not None else r
                for r in evidence.reasons
            )
            evidence = replace(evidence, reasons=reasons)
        return replace(explanation, evidence=evidence).to_json()

    def write(self, users: Sequence[str], part: Path, *, parquet: bool) -> dict[str, Any]:
        """Write one part, as JSON lines or Parquet; its summary as JSON."""
        summary = Summary(users=len(users))
        lines = part.with_suffix(".lines") if parquet else part
        with lines.open("w", encoding="utf-8") as out:
            for explanation in self.explanations(users):
                line = self.line(explanation)
                summary.count(line)
                out.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        if parquet:
            to_parquet(lines, part)
            lines.unlink()
        return summary.to_json()
