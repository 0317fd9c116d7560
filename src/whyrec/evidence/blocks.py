"""Contributions for many people at once: a block of users at a time, by the model's own kernels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from whyrec.evidence.attributed import Attributed
from whyrec.recommend.base import Ints
from whyrec.recommend.bundle import take

if TYPE_CHECKING:
    from whyrec.evidence.engine import EvidenceEngine
    from whyrec.evidence.person import Person


def attributed(
    engine: EvidenceEngine, users: Iterable[str], n: int
) -> Iterator[tuple[Person, Ints, Attributed | None]]:
    """(person, items of their list, contributions) for many users, in order, in bounded memory.

    Effects are not looked for: the `effects` of an exact model are its parts. Whoever has no history
    has no contributions (None).

    Raises
    ------
    UnknownUserError
        If the data do not hold an id.
    """
    model = engine.bundle.recommender
    for persons in engine.persons(users):
        tops = engine.top(persons, n)
        if not model.exact:
            for person, top in zip(persons, tops, strict=True):
                yield (
                    person,
                    top,
                    engine.attributor(person.history, top) if len(person.history) else None,
                )
            continue
        rows = np.array([p.index for p in persons], np.int64)
        items = np.zeros((len(persons), max((len(t) for t in tops), default=0)), np.int32)
        for row, top in zip(items, tops, strict=True):
            row[: len(top)] = top
        parts, _ = model.explain_many(take(engine.bundle.histories, rows), items, effects=False)
        for person, top, own in zip(persons, tops, parts, strict=True):
            found = None
            if len(person.history):
                own = own[: len(top)]
                found = Attributed(own, own, None, model.baseline(top), "exact", 0)
            yield person, top, found
