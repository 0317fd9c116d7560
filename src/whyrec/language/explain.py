"""The explainer: from evidence through a plan and a sketch (or a direct text) to an explanation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from whyrec.data.events import TOLD_EVENTS
from whyrec.errors import ConfigError
from whyrec.evidence.types import Evidence, World
from whyrec.features.facets import Facets
from whyrec.language import domains, realise
from whyrec.language.backends.base import Backend
from whyrec.language.backends.spec import backend as make_backend
from whyrec.language.claims import Claim
from whyrec.language.direct import DirectJob, DirectStats, write_direct
from whyrec.language.fill import Filled, Filler, fits
from whyrec.language.plan import Planner, reachable_shapes
from whyrec.language.review import Reviews
from whyrec.language.shape import FIELDS, ClaimShape, Shape
from whyrec.language.sketchbook import PER_SHAPE, BookStats, SketchBook, Used, choose
from whyrec.language.stats import ExplainStats
from whyrec.language.types import Explanation, Plan, Sketch, Source
from whyrec.language.verify import verify, verify_sketch

if TYPE_CHECKING:
    from whyrec.evidence.engine import EvidenceEngine
    from whyrec.recommend.bundle import Bundle

Mode = Literal["sketch", "direct"]

TRIES = 4
"""Wordings tried for one text, and failures on real names after which a sketch is left out."""


def book_path(model: str | Path, llm: str) -> Path:
    """Where the sketches that a language model wrote for a model directory live.

    Examples
    --------
    >>> book_path("shop.model", "openai:qwen2.5:7b").as_posix()
    'shop.model/sketches/openai-qwen2.5-7b.jsonl'
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", llm).strip("-.") or "llm"
    return Path(model) / "sketches" / f"{name[-80:]}.jsonl"


def reviews_path(model: str | Path) -> Path:
    """Where people's decisions about the sketches of a model directory live, whoever wrote them."""
    return Path(model) / "sketches" / "reviews.jsonl"


class Explainer:
    """Explains recommendations of a bundle in words.

    Every sketch is verified in a world of invented names, and its first filling once more with the
    real ones; `explain` verifies every text so. What fails is replaced by another wording, in the
    end by the realiser's.

    Parameters
    ----------
    backend
        A backend or its spec (`nano`, `none`, `openai:MODEL`, `hf:PATH`).
    mode
        `sketch`, or `direct` for one text a pair.
    lang, n
        The language, and how many items a list shows.
    book
        A `SketchBook`, a model directory whose `sketches/` holds one, or None for one in memory.
    per_shape
        Sketches wanted of each shape.
    engine
        The evidence engine, made for the bundle unless given.
    approved_only
        Whether only sketches that people approved or wrote are used; the realiser's words stand in
        where there are none.

    Raises
    ------
    ConfigError
        If the mode is not one of the two, or the backend cannot write direct texts.
    LanguageError
        If there is no such language or the backend cannot be loaded.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        backend: str | Backend = "nano",
        mode: Mode = "sketch",
        lang: str = "en",
        n: int = 10,
        book: SketchBook | str | Path | None = None,
        per_shape: int = PER_SHAPE,
        engine: EvidenceEngine | None = None,
        approved_only: bool = False,
    ) -> None:
        self.bundle = bundle
        self.backend = make_backend(backend) if isinstance(backend, str) else backend
        if mode not in ("sketch", "direct"):
            raise ConfigError(f"no such mode: {mode}", where="mode", remedy="use sketch or direct")
        if mode == "direct" and not self.backend.direct:
            raise ConfigError(
                "writes sketches only",
                where=self.backend.spec,
                remedy="use mode sketch, or a backend such as openai:MODEL or hf:PATH",
            )
        self.mode = mode
        self.lang = lang
        self.n = n
        self.per_shape = per_shape
        if isinstance(book, SketchBook):
            self.book = book
        else:
            self.book = SketchBook(
                book_path(book, self.backend.spec) if book else None,
                reviews=Reviews(reviews_path(book)) if book else None,
                approved_only=approved_only,
            )
        dataset = bundle.dataset
        if engine is None:
            from whyrec.evidence.engine import EvidenceEngine

            facets = Facets.build(dataset.catalogue)
            engine = EvidenceEngine(bundle, facets, list_size=n)
        self.engine = engine
        self.facets: Facets = engine.facets
        index, starts = dataset.user_index, dataset.seen.indptr

        def known(user: str) -> bool:
            k = index.get(user)
            return k is not None and bool(starts[k + 1] > starts[k])

        self.planner = Planner(dataset.catalogue, self.facets, dataset.domain, known=known)
        self.stats = ExplainStats()
        self.direct_stats = DirectStats()
        self._fillers: dict[tuple[str, int], Filler] = {}
        self._asked: set[Shape] = set()
        self._known: dict[int, Shape] = {}
        self._realiser: dict[Shape, tuple[Sketch, ...]] = {}
        # By identity (books keep their sketches): hashing a sketch takes longer than filling it.
        self._proved: dict[int, Sketch] = {}
        self._failed: dict[int, tuple[Sketch, int]] = {}
        self._openings: dict[str, str] = {}
        self._titles: dict[str, dict[str, str]] = {}
        self._keys: dict[int, tuple[Shape, str]] = {}
        self._model = bundle.fingerprint

    # -- what can be asked ------------------------------------------------------------------------

    def explain(
        self,
        user: str,
        items: Sequence[str] | None = None,
        n: int | None = None,
        *,
        lang: str | None = None,
        new_user: bool = False,
    ) -> list[Explanation]:
        """Explanations of the user's list, or of the given items.

        Every claim is checked against the pair's world, and every text verified whole.

        Parameters
        ----------
        new_user
            Whether an id that the data set does not hold is somebody new and not an error.

        Raises
        ------
        UnknownUserError, UnknownItemError
            If the data set does not hold the ids.
        """
        evidences = self.engine.explain(user, n=n or self.n, items=items, new_user=new_user)
        found = self.tell(evidences, lang=lang, check=True)
        self.book.save()
        return found

    def explain_many(
        self,
        users: Iterable[str],
        n: int | None = None,
        *,
        lang: str | None = None,
        check: bool = False,
    ) -> Iterator[list[Explanation]]:
        """One list of explanations a user, in order, streaming.

        Parameters
        ----------
        check
            Whether to verify each filled text whole, as `explain` does, and not only the first
            filling of a sketch; sketches are verified and claims are true without it.
        """
        try:
            for _, evidences in self.engine.batch(users, n or self.n):
                yield self.tell(evidences, lang=lang, check=check)
        finally:  # also when the reader stops early
            self.book.save()

    def tell(
        self, evidences: Sequence[Evidence], *, lang: str | None = None, check: bool = False
    ) -> list[Explanation]:
        """Explanations of one list from its evidence."""
        lang = lang or self.lang
        world = _Worlds(self.engine)
        needs_world = check or self.mode == "direct"
        plans = self.planner.plan_list(evidences, lang, world=world if needs_world else None)
        told = self._write(evidences, plans, world, check)
        if self.mode == "direct":
            told = self._direct(evidences, plans, told, world)
        for x in told:
            self.stats.texts += 1
            self.stats.sentences += len(x.sentences)
            self.stats.sources[x.source] = self.stats.sources.get(x.source, 0) + 1
        return told

    def write(self, evidences: Sequence[Evidence], plans: Sequence[Plan]) -> list[Explanation]:
        """Sketches chosen and filled for the plans of one list: `tell` without the planning."""
        return self._write(evidences, plans, _Worlds(self.engine), False)

    def _write(
        self,
        evidences: Sequence[Evidence],
        plans: Sequence[Plan],
        world: Callable[[Evidence], World],
        check: bool,
    ) -> list[Explanation]:
        self._fill_missing(plans)
        used = Used()
        return [
            self._tell_one(e, plan, used, world, check)
            for e, plan in zip(evidences, plans, strict=True)
        ]

    def shapes(self, lang: str | None = None) -> list[Shape]:
        """Every shape that explanations of this bundle can have."""
        dataset = self.bundle.dataset
        held = set(dataset.pairs["event"].unique().to_list())
        fields = {f.field for f in self.facets.facets}
        return reachable_shapes(
            lang or self.lang,
            dataset.domain,
            [e for e in TOLD_EVENTS if e in held],
            [f for f in FIELDS if f in fields],
            crowd=[self.bundle.main_event],
        )

    def fill(
        self, lang: str | None = None, *, progress: Callable[[int], None] | None = None
    ) -> BookStats:
        """Fill the book with sketches of every shape ahead of need."""
        shapes = self.shapes(lang)
        self._asked.update(shapes)
        return self.book.fill(shapes, self.backend, self.per_shape, progress=progress)

    def forget(self) -> None:
        """Forget which sketches held and which failed: what follows depends on the book alone."""
        self._proved.clear()
        self._failed.clear()

    # -- sketches ---------------------------------------------------------------------------------

    def _fill_missing(self, plans: Sequence[Plan]) -> None:
        # Plans share their shapes' objects, so known ones are recognised without comparing them.
        new = {p.shape for p in plans if self._known.get(id(p.shape)) is not p.shape}
        if not new:
            return
        self._known.update((id(p.shape), p.shape) for p in plans)
        new -= self._asked
        self._asked |= new
        # What was asked before and came up short stays as it is: the same input, the same text.
        # An item below the list is asked for one at a time: the realiser has words for it.
        missing = [s for s in new if not self.book.asked(s) and s.claims[0].link != "off"]
        if missing:
            missing.sort(key=lambda s: s.key)
            self.book.fill(missing, self.backend, self.per_shape, save=False)

    def filler(self, lang: str, list_size: int = 10) -> Filler:
        """What fills sketches for this bundle in that language."""
        filler = self._fillers.get((lang, list_size))
        if filler is None:
            dataset = self.bundle.dataset
            filler = Filler.of(dataset.catalogue, self.facets, lang, dataset.domain, list_size)
            self._fillers[lang, list_size] = filler
        return filler

    def _tell_one(
        self, e: Evidence, plan: Plan, used: Used, world: Callable[[Evidence], World], check: bool
    ) -> Explanation:
        """The first wording that stands: sketches of the book, then the realiser's.

        Should none stand, the item's rank is told, which can always be proved.
        """
        filler = self.filler(plan.lang, e.list_size)
        for attempt in _attempts(e, plan):
            sources: tuple[Source, Source] = ("sketch", "realiser")
            for source in sources:
                own = source == "realiser"
                sketches = (self._realised if own else self.book.sketches)(attempt.shape)
                left = self._standing(sketches, attempt, e.list_size)
                for _ in range(TRIES):
                    sketch = choose(left, attempt.user, attempt.item, used, self._openings)
                    if sketch is None:
                        break
                    filled = filler.fill(sketch, attempt)
                    proved = self._proved.get(id(sketch)) is sketch and not check
                    if proved or self._passes(filled[0], world(e), attempt.lang):
                        self._proved[id(sketch)] = sketch
                        return self._explanation(e, attempt, filled, source, sketch.llm, True)
                    self._failed[id(sketch)] = sketch, self._failures(sketch) + 1
                    left = [s for s in left if s is not sketch]
        return self._explanation(e, attempt, filled, "realiser", "none", False)

    def _standing(self, sketches: Sequence[Sketch], plan: Plan, list_size: int) -> Sequence[Sketch]:
        """Those that fit the list and the scale, without those that failed again and again."""
        if list_size != 10 or any(c.best not in (None, 5.0) for c in plan.claims):
            sketches = [s for s in sketches if fits(s, plan, list_size)]
        if self._failed:
            sound = [s for s in sketches if self._failures(s) < TRIES or id(s) in self._proved]
            return sound or sketches
        return sketches

    def _failures(self, sketch: Sketch) -> int:
        known = self._failed.get(id(sketch))
        return known[1] if known is not None and known[0] is sketch else 0

    def _realised(self, shape: Shape) -> Sequence[Sketch]:
        """The realiser's sketches that the verifier accepts: all of them, and tests say so."""
        known = self._realiser.get(shape)
        if known is None:
            sketches = realise.sketches(shape)
            proved = tuple(s for s in sketches if verify_sketch(s.text, shape)[0] is not None)
            known = self._realiser[shape] = proved or sketches
        return known

    def _passes(self, text: str, world: World, lang: str) -> bool:
        verdict = verify(text, world, lang)
        self.stats.checked += 1
        if not verdict.ok:
            code = verdict.problems[0].code if verdict.problems else "refused"
            self.stats.replaced[code] = self.stats.replaced.get(code, 0) + 1
        return verdict.ok

    # -- direct texts -----------------------------------------------------------------------------

    def _direct(
        self,
        evidences: Sequence[Evidence],
        plans: Sequence[Plan],
        told: list[Explanation],
        world: Callable[[Evidence], World],
    ) -> list[Explanation]:
        jobs = [
            DirectJob(plan, world(e), x.text)
            for e, plan, x in zip(evidences, plans, told, strict=True)
        ]
        written = write_direct(jobs, self.backend, stats=self.direct_stats)
        out = []
        for x, text in zip(told, written, strict=True):
            if text.source != "direct":
                if text.problems:
                    x.notes["refused"] = [p.to_json() for p in text.problems]
                out.append(x)
                continue
            out.append(
                Explanation(
                    evidence=x.evidence,
                    title=x.title,
                    lang=x.lang,
                    text=text.text,
                    sentences=text.sentences,
                    claims=text.claims,
                    source="direct",
                    llm=self.backend.spec,
                    model=x.model,
                    verified=True,
                    notes={**x.notes, "repaired": text.repaired},
                    caution=x.caution,
                )
            )
        return out

    def _key(self, shape: Shape) -> str:
        known = self._keys.get(id(shape))
        if known is None or known[0] is not shape:
            known = self._keys[id(shape)] = shape, shape.key
        return known[1]

    def _explanation(
        self, e: Evidence, plan: Plan, filled: Filled, source: Source, llm: str, verified: bool
    ) -> Explanation:
        text, sentences = filled
        titles = self._titles.get(plan.lang)
        if titles is None:
            catalogue = self.bundle.dataset.catalogue
            titles = dict(zip(catalogue.ids, catalogue.titles(plan.lang), strict=True))
            self._titles[plan.lang] = titles
        return Explanation(
            evidence=e,
            title=titles[e.item],
            lang=plan.lang,
            text=text,
            sentences=sentences,
            claims=plan.claims,
            source=source,
            llm=llm,
            model=self._model,
            verified=verified,
            notes={"shape": self._key(plan.shape)},
            caution=domains.load(plan.shape.domain).words(plan.lang).caution,
        )


class _Worlds:
    """The worlds of one list's items, each made when it is asked for."""

    def __init__(self, engine: EvidenceEngine) -> None:
        self._engine = engine
        self._made: dict[str, World] = {}

    def __call__(self, e: Evidence) -> World:
        found = self._made.get(e.item)
        if found is None:
            found = self._made[e.item] = self._engine.world(e)
        return found


def _attempts(e: Evidence, plan: Plan) -> Iterator[Plan]:
    """The plan, then one that tells the rank only."""
    yield plan
    claim = Claim("rank", count=e.rank)
    shape = Shape(
        plan.lang,
        plan.shape.domain,
        (ClaimShape("rank", "off" if e.rank > e.list_size else ""),),
        plan.shape.tone,
    )
    yield Plan(plan.user, plan.item, plan.lang, (claim,), shape)
