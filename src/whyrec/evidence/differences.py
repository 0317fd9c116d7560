"""Two items held against each other, and an item against the list; every answer is re-ranked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from whyrec.data.events import EVENT_TYPES
from whyrec.errors import ConfigError
from whyrec.evidence.attribution import BLOCK_BYTES
from whyrec.evidence.by_calls import Line, Sets
from whyrec.evidence.by_calls import search as search_by_calls
from whyrec.evidence.contrast import Change, NotShown, Rather, Status
from whyrec.evidence.reasons import Reasons
from whyrec.evidence.search import MARGIN
from whyrec.evidence.splits import breakdown
from whyrec.evidence.types import Reason, Split
from whyrec.recommend.base import Floats, History, Ints

if TYPE_CHECKING:
    from whyrec.evidence.engine import EvidenceEngine
    from whyrec.evidence.person import Person


def rather(engine: EvidenceEngine, person: Person, item: str, other: str) -> Rather:
    """Why `item` rather than `other`; see `Rather`."""
    if item == other:
        raise ConfigError(
            "an item does not stand before itself", where="rather", remedy="name two items"
        )
    pair = np.array([engine.bundle.item(item), engine.bundle.item(other)], np.int32)
    return _rather(engine, person, pair)


def _rather(engine: EvidenceEngine, person: Person, pair: Ints) -> Rather:
    ids = engine.bundle.dataset.catalogue.ids
    first, second = pair.tolist()
    scores = person.open[pair]
    gap = float(scores[0] - scores[1])
    ruled, rules = person.ruled(pair)
    others = _ruled(*rules)
    reasons: Sequence[Reason]
    if len(person.history):
        found = engine.attributor(person.history, pair)
        parts = found.parts[0] - found.parts[1]
        # The orders are shared, so the errors are not independent: their sum bounds that of the
        # difference.
        errors = None if found.errors is None else found.errors.sum(0)
        base = float(found.baseline[0] - found.baseline[1])
        order = np.argsort(-parts, kind="stable")
        effects = found.effects[0] - found.effects[1]
        reasons = tuple(Reasons(person.past, order, parts, effects, errors, others))
        method, calls = found.method, found.calls
        error = None if errors is None else float(errors.max())
    else:
        parts = np.empty(0)
        base = gap - float(ruled[0] - ruled[1])
        reasons, method, calls, error = others, "exact", 0, None
    residual = gap - (float(parts.sum()) + base + float(ruled[0] - ruled[1]))
    size = max(float(np.abs(scores).max()), float(np.abs(parts).max(initial=0.0)), 1e-9)
    return Rather(
        user=person.id,
        item=ids[first],
        other=ids[second],
        gap=gap,
        score=float(scores[0]),
        other_score=float(scores[1]),
        rank=engine.rank(person, first),
        other_rank=engine.rank(person, second),
        baseline=base,
        exact=method == "exact" and abs(residual) <= 1e-5 * size,
        residual=residual,
        method=method,
        calls=calls,
        error=error,
        reasons=tuple(reasons),
        breakdowns=_breakdowns(engine, person, pair),
        turn=_turn(engine, person, pair),
    )


def _ruled(one: Sequence[Reason], other: Sequence[Reason]) -> tuple[Reason, ...]:
    """What rules add to one item less what they add to the other."""
    worth: dict[str | None, float] = {}
    for sign, reasons in ((1, one), (-1, other)):
        for r in reasons:
            worth[r.title] = worth.get(r.title, 0.0) + sign * r.contribution
    return tuple(Reason("rule", c, title=name) for name, c in worth.items() if c)


def _breakdowns(engine: EvidenceEngine, person: Person, pair: Ints) -> tuple[Split, ...]:
    if not len(person.history):
        return ()
    known = engine.bundle.recommender.breakdowns(person.history, pair)
    made = [breakdown(b, b.parts[0] - b.parts[1], engine.attested.k_anon) for b in known]
    return tuple(b for b in made if b is not None)


def _turn(engine: EvidenceEngine, person: Person, pair: Ints) -> Change | None:
    """The smallest set of events without which the item behind stands before the other."""
    if not len(person.history) or (person.scores[pair] == -np.inf).any():
        return None
    ahead, behind = (pair[0], pair[1])
    if _before(person.scores, int(behind), int(ahead)):
        ahead, behind = behind, ahead
    chosen, proved = _passing(engine, person, int(ahead), int(behind))
    if not len(chosen):
        return None
    scores = engine.counterfactuals.scores_without(person.history, [chosen.tolist()])[0]
    if not _before(scores, int(behind), int(ahead)):
        return None
    from whyrec.evidence.search import rank_of

    first, second = (int(rank_of(scores, person.candidates, i)) for i in pair.tolist())
    ids = engine.bundle.dataset.catalogue.ids
    names = tuple(ids[i] for i in person.history.items[chosen].tolist())
    return Change("remove", names, first, proved, other_rank=second)


def _before(scores: Floats, one: int, other: int) -> bool:
    return bool(scores[one] > scores[other] or (scores[one] == scores[other] and one < other))


def _passing(engine: EvidenceEngine, person: Person, ahead: int, behind: int) -> tuple[Ints, bool]:
    """Positions in the history without which `behind` passes `ahead`, and whether none is smaller."""
    search = engine.counterfactuals
    removal = search.removal(person.history)
    if removal is not None and not len(removal.gram):
        # Linear: the events by the difference of what they do, as few as make up the gap.
        differ = removal.weights * (removal.effects[:, ahead] - removal.effects[:, behind])
        order = np.argsort(-differ, kind="stable")
        total = np.cumsum(differ[order])
        gap = float(person.scores[ahead] - person.scores[behind])
        margin = MARGIN * (abs(gap) + float(np.abs(differ).sum())) + 1e-12
        passed = np.flatnonzero(total[:-1] > gap + margin)
        if not len(passed):
            return np.empty(0, np.int32), False
        size = int(passed[0]) + 1
        proved = size == 1 or bool(total[size - 2] < gap - margin)
        return order[:size].astype(np.int32), proved
    pair: Ints = np.zeros(len(person.scores), np.bool_)
    pair[[ahead, behind]] = True
    sets, proven = search.search(
        person, np.array([ahead], np.int32), np.array([1], np.int64), candidates=pair
    )
    return sets[0], proven[0]


def not_shown(engine: EvidenceEngine, person: Person, item: str) -> NotShown:
    """Why an item is not on the list; see `NotShown`."""
    index = engine.bundle.item(item)
    shown = engine.shown(person)
    refused = _refused(engine, person, index)
    status: Status = "below"
    if not person.candidates[index]:
        status = "seen"
    elif refused is not None:
        status = "filtered"
    elif index in shown:
        status = "shown"
    wanted = np.array([index], np.int32)
    evidence = engine.explain_items(person, wanted)[0]
    last = int(shown[-1]) if len(shown) else None
    against = None
    without = adding = None
    if last is not None and last != index:
        against = _rather(engine, person, np.array([last, index], np.int32))
    if status == "below" and len(shown) == engine.list_size:
        without = _without(engine, person, index)
        adding = _adding(engine, person, index)
    ids = engine.bundle.dataset.catalogue.ids
    return NotShown(
        user=person.id,
        item=item,
        status=status,
        rank=evidence.rank,
        score=evidence.score,
        list_size=engine.list_size,
        last=ids[last] if last is not None else None,
        gap=float(person.open[last] - person.open[index]) if last is not None else 0.0,
        evidence=evidence,
        rule=refused if status == "filtered" else None,
        against=against,
        without=without,
        adding=adding,
    )


def _refused(engine: EvidenceEngine, person: Person, index: int) -> str | None:
    """The names of the filters that keep the item out."""
    bundle = engine.bundle
    if bundle.bound_rules is None:
        return None
    row = person.history.matrix(bundle.dataset.n_items)
    return ", ".join(bundle.bound_rules.refused(row, index, bundle.context)) or None


def _without(engine: EvidenceEngine, person: Person, index: int) -> Change | None:
    line = Line(index, engine.list_size, enter=True)
    if not len(person.history):
        return None
    engine.counterfactuals.leave_out(person.history, person.candidates, [line])
    if not line.found:
        return None
    removed = person.history.items[list(line.found)]
    rank = engine.counterfactuals.rank_without(person, index, removed)
    return _change(engine, "remove", removed, rank, line)


def _adding(engine: EvidenceEngine, person: Person, index: int) -> Change | None:
    """The fewest catalogue items that, added to the history, bring the item into the list."""
    if engine.bundle.recommender.surrogate:
        return None
    additions = Additions(engine, person)
    moves = additions.promising(index)
    line = Line(index, engine.list_size, enter=True)
    search_by_calls(
        [line], additions.score, moves, engine.counterfactuals.max_size, engine.attributor.budget
    )
    if not line.found:
        return None
    from whyrec.evidence.search import rank_of

    ((_, scores, candidates),) = additions.score([line.found])
    rank = int(rank_of(scores[0], candidates[0], index))
    return _change(engine, "add", np.array(line.found), rank, line)


def _change(
    engine: EvidenceEngine, action: str, items: Ints, rank: int, line: Line
) -> Change | None:
    if rank > line.need:
        return None
    ids = engine.bundle.dataset.catalogue.ids
    proved = line.excluded >= len(line.found) - 1
    names = tuple(ids[i] for i in items.tolist())
    return Change("add" if action == "add" else "remove", names, rank, proved)


class Additions:
    """Histories to which catalogue items are added, as the model would read them.

    An added event weighs what the data's main event weighs; where the model reads ratings it is the
    best rating, and where it reads sequences it comes last.
    """

    def __init__(self, engine: EvidenceEngine, person: Person) -> None:
        self._bundle = engine.bundle
        self._person = person
        data = self._bundle.dataset
        self._reads = self._bundle.recommender.reads
        if self._reads == "rated":
            best = data.best_rating
            self._weight = float(best if best is not None else self._bundle.histories.data.max())
        else:
            main = self._bundle.main_event
            self._weight = float(data.weights.get(main, EVENT_TYPES[main].weight)) or 1.0

    def promising(self, index: int) -> list[int]:
        """Items that may be added, those first that the same people have; then the popular ones."""
        data = self._bundle.dataset
        X = data.interactions
        ones = sparse.csr_matrix((np.ones(X.nnz), X.indices, X.indptr), X.shape)
        count = np.asarray(ones.sum(0)).ravel()
        fans = ones[ones[:, index].nonzero()[0]]
        both = np.asarray(fans.sum(0)).ravel()
        near = both / np.sqrt(np.maximum(count, 1))
        may = self._person.candidates.copy()
        may[index] = False
        order = np.lexsort((np.arange(len(near)), -count, -near))
        return [int(k) for k in order if may[k]]

    def score(self, sets: Sets) -> Iterator[tuple[int, Floats, Ints]]:
        """Scores and candidates after adding each set, in blocks; see `by_calls.Score`."""
        step = max(1, BLOCK_BYTES // (9 * len(self._person.scores)))
        for start in range(0, len(sets), step):
            block = sets[start : start + step]
            candidates = np.repeat(self._person.candidates[None], len(block), 0)
            for row, added in enumerate(block):
                candidates[row, list(added)] = False
            yield start, self._bundle.scores(self._rows(block)), candidates

    def _rows(self, sets: Sets) -> sparse.csr_matrix:
        made = [self._with(added) for added in sets]
        indptr = np.concatenate(([0], np.cumsum([len(h) for h in made]))).astype(np.int32)
        items = np.concatenate([h.items for h in made]).astype(np.int32)
        weights = np.concatenate([h.weights for h in made]).astype(np.float32)
        shape = (len(made), len(self._person.scores))
        return sparse.csr_matrix((weights, items, indptr), shape=shape)

    def _with(self, added: tuple[int, ...]) -> History:
        old = self._person.history
        items = np.concatenate((old.items, np.array(added, np.int32)))
        weights = np.concatenate((old.weights, np.full(len(added), self._weight, np.float32)))
        if self._reads != "sequence":
            order = np.argsort(items, kind="stable")
            items, weights = items[order], weights[order]
        return History(items, weights)
