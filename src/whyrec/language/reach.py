"""Reach: every shape that the planner can make, so that a sketch book can be filled ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from whyrec.language.shape import ClaimShape, Shape

WITHOUT_OWN = 2
"""A text that names other items already says of at most so many that it would go without them."""


def reachable_shapes(
    lang: str,
    domain: str,
    events: Sequence[str],
    fields: Sequence[str],
    *,
    crowd: Sequence[str] | None = None,
) -> list[Shape]:
    """The shapes of all plans in that language and domain.

    Parameters
    ----------
    events
        Events that histories hold, those that are told.
    fields
        Facet fields that the catalogue has.
    crowd
        Events that other people are counted by; the strongest of `events` by default.

    Examples
    --------
    >>> len(reachable_shapes("en", "film", ["rating"], ["category"]))
    44
    """
    counted = tuple(crowd) if crowd is not None else tuple(events[:1])
    told = dict.fromkeys(_texts(tuple(events), tuple(fields), counted))
    return [Shape(lang, domain, claims) for claims in told]


def _texts(
    events: tuple[str, ...], fields: tuple[str, ...], crowd: tuple[str, ...]
) -> Iterator[tuple[ClaimShape, ...]]:
    rating = ClaimShape("rating")
    popular = [ClaimShape("popular", "", 0, c) for c in crowd]
    for event in events:
        for n in (1, 2, 3):
            own = ClaimShape("history", "own", n, event)
            weak = ClaimShape("history", "own", n, event, weak=True)
            without = ClaimShape("without", "same", n)
            features = [ClaimShape("feature", "same", n, field=f) for f in fields]
            supports = list(features)
            if n == 1:
                supports += [ClaimShape("people", "same", 1, c) for c in crowd]
            if n < 3:
                supports += [rating, *popular]
            yield (own,)
            yield (own, without)
            for s in supports:
                yield (own, s)
                yield (own, s, without)
            yield (weak,)
            for feature in features:
                yield (weak, feature)
            for k in range(1, WITHOUT_OWN + 1):
                yield (own, ClaimShape("without", "own", k))
        for f in fields:
            group = ClaimShape("history", "group", 0, event, f)
            yield (group,)
            for k in range(1, WITHOUT_OWN + 1):
                yield (group, ClaimShape("without", "own", k))
    for c in crowd:
        peer = ClaimShape("people", "own", 1, c)
        yield from ((peer,), (peer, rating))
        yield (ClaimShape("popular", "cold", 0, c),)
    for p in popular:
        yield from ((p,), (p, rating))
    yield (rating,)
    yield (ClaimShape("rank"),)
