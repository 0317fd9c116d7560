"""Direct mode: one text for each pair, proved sentence by sentence, repaired once, else replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from whyrec.evidence.types import World
from whyrec.language.backends.base import Backend, DirectRequest
from whyrec.language.claims import Claim
from whyrec.language.fill import Filler
from whyrec.language.shape import WEAK_SHARE
from whyrec.language.types import Plan, Problem, Verdict

Verify = Callable[[str, World, str], Verdict]

MAX_SENTENCES = 4
"""A reason is short; a longer text is refused as `too-long`."""

_SHOWN_PROBLEMS = 6


@dataclass(frozen=True, slots=True)
class DirectJob:
    """One text to be written: the plan, the world it is about, and a verified text that says it."""

    plan: Plan
    world: World
    fallback: str


@dataclass(frozen=True, slots=True)
class DirectText:
    """What came of one job.

    Attributes
    ----------
    text
        A verified text of the model, or the job's `fallback`.
    source
        `direct` or `fallback`.
    sentences
        Each sentence with the positions in `claims` that it rests on; empty for a fallback.
    claims
        The plan's claims that the text tells, in its order, then other true ones that it tells.
    problems
        What was wrong with the last refused draft, empty if there was none.
    repaired
        Whether the served text is the second draft.
    """

    text: str
    source: Literal["direct", "fallback"]
    sentences: tuple[tuple[str, tuple[int, ...]], ...] = ()
    claims: tuple[Claim, ...] = ()
    problems: tuple[Problem, ...] = ()
    repaired: bool = False


@dataclass
class DirectStats:
    """What became of what was asked; every count is of things that happened.

    `asked == accepted + repaired + fell_back`, `drafts == accepted + repaired + sum(refused)`:
    `refused` counts each refused draft once, under its first problem; `problems` counts all of
    them. `unanswered` drafts never came (the backend counts why).
    """

    asked: int = 0
    accepted: int = 0
    repaired: int = 0
    fell_back: int = 0
    drafts: int = 0
    unanswered: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The counts under their names."""
        return asdict(self)


def write_direct(
    jobs: Sequence[DirectJob],
    backend: Backend,
    *,
    verify: Verify | None = None,
    stats: DirectStats | None = None,
    repair: bool = True,
) -> list[DirectText]:
    """Have each text written by `backend` and serve it only if every sentence is proved.

    Drafts go out together (the backend runs them at once within its limits), then all repairs.

    Parameters
    ----------
    verify
        `(text, world, lang) -> Verdict`; default `whyrec.language.verify.verify`.
    stats
        Counts are added to it.
    repair
        Whether a refused draft goes back once with what was wrong with it.

    Returns
    -------
    One `DirectText` a job, in order. Nothing is raised for what the model wrote.
    """
    if verify is None:
        from whyrec.language.verify import verify as proved

        verify = proved
    count = stats if stats is not None else DirectStats()
    count.asked += len(jobs)
    out: list[DirectText | None] = [None] * len(jobs)
    requests = {k: _request(job) for k, job in enumerate(jobs)} if backend.direct else {}
    told: dict[int, tuple[Problem, ...]] = {}
    for second in (False, True):
        if not requests or (second and not repair):
            break
        order = list(requests)
        drafts = backend.write([requests[k] for k in order])
        again: dict[int, DirectRequest] = {}
        for k, draft in zip(order, drafts, strict=True):
            if draft is None:
                count.unanswered += 1
                continue
            count.drafts += 1
            job = jobs[k]
            sentences, claims, problems = judge(draft, job, verify)
            if problems:
                told[k] = problems
                _count(count.refused, (problems[0].code,))
                _count(count.problems, (p.code for p in problems))
                again[k] = _repair(requests[k], draft, problems)
            else:
                out[k] = DirectText(
                    draft, "direct", sentences, claims, told.get(k, ()), repaired=second
                )
                count.repaired += second
                count.accepted += not second
        requests = again
    count.fell_back += sum(text is None for text in out)
    return [
        text or DirectText(job.fallback, "fallback", problems=told.get(k, ()))
        for k, (job, text) in enumerate(zip(jobs, out, strict=True))
    ]


def judge(
    text: str, job: DirectJob, verify: Verify
) -> tuple[
    tuple[tuple[str, tuple[int, ...]], ...],
    tuple[Claim, ...],
    tuple[Problem, ...],
]:
    """Sentences with their claims, the claims, and why the text must not be served (empty: it may).

    Besides being proved, a text tells the plan's first claim (true things that are beside the
    point explain nothing), says nothing twice and stays short.
    """
    verdict = verify(text, job.world, job.plan.lang)
    problems = list(verdict.problems)
    whole = (0, len(text))
    if not verdict.ok and not problems:
        problems.append(Problem("empty", whole, "there is no sentence"))
    if problems:
        return (), (), tuple(problems)
    if len(verdict.sentences) > MAX_SENTENCES:
        said = f"{len(verdict.sentences)} sentences; at most {MAX_SENTENCES} may be used"
        problems.append(Problem("too-long", whole, said))
    claims: list[Claim] = list(job.plan.claims)
    sentences: list[tuple[str, tuple[int, ...]]] = []
    seen: set[str] = set()
    for sentence in verdict.sentences:
        places = []
        for claim in sentence.claims:
            place = next((k for k, c in enumerate(claims) if _same(c, claim)), None)
            if place is None:
                place = len(claims)
                claims.append(claim)
            places.append(place)
        if sentence.text in seen:
            problems.append(Problem("repeats", whole, "a sentence stands twice"))
        seen.add(sentence.text)
        sentences.append((sentence.text, tuple(dict.fromkeys(places))))
    used = sorted({k for _, places in sentences for k in places})
    if job.plan.claims and 0 not in used:
        said = f"the first fact ({job.plan.claims[0].kind}) is not told"
        problems.append(Problem("missing-claim", whole, said))
    if problems:
        return (), (), tuple(problems)
    new = {old: k for k, old in enumerate(used)}
    return (
        tuple((t, tuple(new[k] for k in places)) for t, places in sentences),
        tuple(claims[k] for k in used),
        (),
    )


def _same(planned: Claim, told: Claim) -> bool:
    """Whether a told claim is the planned one; a text may leave out a planned number."""
    return (
        planned.kind == told.kind
        and set(planned.items) == set(told.items)
        and planned.event == told.event
        and (planned.field, planned.value) == (told.field, told.value)
        and told.count in {None, planned.count}
    )


def _count(counts: dict[str, int], codes: Iterable[str]) -> None:
    for code in codes:
        counts[code] = counts.get(code, 0) + 1


def _request(job: DirectJob) -> DirectRequest:
    plan, world = job.plan, job.world
    return DirectRequest(
        lang=plan.lang,
        domain=world.domain,
        tone=plan.shape.tone,
        item=_filler(world, plan.lang).title(plan.item),
        claims=tuple(claim_data(c, world, plan.lang) for c in plan.claims),
        fallback=job.fallback,
    )


def _repair(request: DirectRequest, draft: str, problems: Sequence[Problem]) -> DirectRequest:
    """The request once more, with the draft and, shortly, what was wrong with it."""
    said = []
    for p in problems[:_SHOWN_PROBLEMS]:
        part = draft[slice(*p.span)]
        said.append(f"{p.code}: {p.message}" + (f" [{part}]" if part and part != draft else ""))
    return DirectRequest(
        lang=request.lang,
        domain=request.domain,
        tone=request.tone,
        item=request.item,
        claims=request.claims,
        fallback=request.fallback,
        previous=draft,
        problems=tuple(said),
    )


_SAYS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "history": "the reader did this, and it is why",
        "weak": "the reader did this; it is only a small part of why (say so)",
        "feature": 'the item has this in common with the titles in "with"',
        "people": 'so many of the people who did this with the title in "with" did it with the item too',
        "popular": "so many people did this with the item",
        "cold": "the reader is new here, so the list starts from what many people chose",
        "rating": "ratings of the item on average",
        "without": "without these the item would not be on the reader's list",
        "rank": "the item's place on the reader's list",
    },
    "zh": {
        "history": "您做过的事，也就是原因",
        "weak": "您做过的事，只占一小部分原因（要说明“只占一小部分”）",
        "feature": "所推荐的和 with 里的有这个共同点",
        "people": "对 with 里的做过这件事的人，有这么多也对所推荐的做过",
        "popular": "有这么多人对所推荐的做过这件事",
        "cold": "您刚来，这里先列出多数人选的",
        "rating": "所推荐的平均得分",
        "without": "少了这些，所推荐的就不在您的列表里",
        "rank": "所推荐的在您列表里的名次",
    },
}


def _filler(world: World, lang: str) -> Filler:
    """Writes names the way sketches are filled, so that both modes call things the same."""
    return Filler(
        lambda item: world.names(item, lang)[0],
        lambda field, value: world.facet_labels(field, value, lang)[0],
        lang,
        world.domain,
        world.list_size,
    )


def claim_data(claim: Claim, world: World, lang: str) -> dict[str, Any]:
    """One claim as a plain dictionary for a model: names and numbers as they stand in text, no ids."""
    filler, says = _filler(world, lang), _SAYS[lang]
    words, locale = filler.words, filler.locale
    titles = [filler.title(i) for i in claim.items]
    event = words.events.get(claim.event or "")
    label = field = None
    if claim.field is not None and claim.value is not None:
        label = filler.label(claim.field, claim.value)
        field = words.fields[claim.field]
    out: dict[str, Any] = {"kind": claim.kind, "says": says[claim.kind]}
    match claim.kind:
        case "history":
            if claim.share is not None and claim.share < WEAK_SHARE:
                out["says"] = says["weak"]
            if event:
                out["did"] = event.past[0].replace("{x}", "…")
            if label is not None and field is not None:
                group = field.group.replace("{count}", locale.integer(claim.count or 0))
                out["titles"] = locale.space(group.replace("{group}", label))
            else:
                out["titles"] = titles
        case "feature":
            out[field.name if field else "feature"] = label
            out["with"] = titles
        case "people":
            out["people"] = None if claim.count is None else locale.integer(claim.count)
            if event:
                out["did"] = event.they[0].replace("{x}", "…")
            out["with"] = titles
        case "popular":
            if not world.history():
                out["says"] = says["cold"]
            out["people"] = None if claim.count is None else locale.integer(claim.count)
            if event:
                out["did"] = event.they[0].replace("{x}", "…")
        case "rating":
            out["mean"] = None if claim.mean is None else locale.decimal(claim.mean)
            out["of"] = claim.best
            out["ratings"] = None if claim.count is None else locale.integer(claim.count)
        case "without":
            out["titles"] = titles
            out["list"] = locale.top_phrase(world.list_size)
        case "rank":
            out["number"] = claim.count
    return {name: value for name, value in out.items() if value is not None}
