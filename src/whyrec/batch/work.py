"""One worker's work: evidence once, texts in every language, one part of the output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from whyrec.batch.job import Job, Summary, short
from whyrec.batch.tables import to_parquet
from whyrec.evidence.engine import EvidenceEngine
from whyrec.evidence.types import Evidence
from whyrec.features.facets import Facets
from whyrec.language.backends.spec import backend
from whyrec.language.explain import Explainer, book_path
from whyrec.language.sketchbook import PER_SHAPE, SketchBook
from whyrec.language.types import Explanation
from whyrec.recommend.bundle import Bundle


class Writer:
    """Writes the explanations of a job.

    Parameters
    ----------
    job
        What to write. Where it names a book, that is all there is: nothing more is asked of a
        language model for sketches.
    bundle
        The job's bundle, where it is loaded already.
    """

    def __init__(self, job: Job, bundle: Bundle | None = None) -> None:
        self.job = job
        self.bundle = bundle if bundle is not None else Bundle.load(Path(job.model))
        facets = Facets.build(self.bundle.dataset.catalogue)
        self.engine = EvidenceEngine(self.bundle, facets, list_size=job.n)
        closed = job.book is not None
        # A worker of sketch mode with a closed book needs no language model in memory.
        llm = "none" if closed and job.mode == "sketch" else job.llm
        options = {} if llm == "none" else dict(job.llm_options)
        own = SketchBook(job.book) if closed else SketchBook(book_path(job.model, job.llm))
        self.explainer = Explainer(
            self.bundle,
            backend=backend(llm, **options),
            mode=job.mode,
            lang=job.langs[0],
            n=job.n,
            book=own,
            per_shape=0 if closed else PER_SHAPE,
            engine=self.engine,
        )

    def closed(self, place: Path, progress: Callable[[str, int], None] | None = None) -> Job:
        """The job with a book of every sketch that its texts can need, written to `place`.

        Parameters
        ----------
        progress
            Called with the language and the number of shapes done in it.
        """
        for lang in self.job.langs:
            tell = None if progress is None else (lambda n, lang=lang: progress(lang, n))
            self.explainer.fill(lang, progress=tell)
        with place.open("w", encoding="utf-8") as out:
            for line in self.explainer.book.lines():
                if line.status == "accepted":
                    out.write(json.dumps(line.to_json(), ensure_ascii=False) + "\n")
        return replace(self.job, book=str(place))

    def explanations(self, users: Sequence[str]) -> Iterator[Explanation]:
        """Every user's list in every language, in order."""
        for evidences in self._evidence(users):
            for lang in self.job.langs:
                yield from self.explainer.tell(evidences, lang=lang, check=self.job.check)

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
