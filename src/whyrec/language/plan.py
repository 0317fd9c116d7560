"""Planning: from the evidence of a list, the few claims that each text tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from whyrec.data.catalogue import Catalogue
from whyrec.data.dataset import LIKE_SHARE
from whyrec.evidence.types import Evidence, Fact, World
from whyrec.features.facets import Facets
from whyrec.language.claims import Claim, holds
from whyrec.language.locales import clean_name
from whyrec.language.past import RANK as _RANK
from whyrec.language.past import Part, Told, read
from whyrec.language.reach import WITHOUT_OWN, reachable_shapes
from whyrec.language.shape import WEAK_SHARE, ClaimShape, Shape
from whyrec.language.types import Plan
from whyrec.privacy.kanon import K_ANON
from whyrec.recommend.base import Ints

__all__ = ["Planner", "claim_key", "reachable_shapes"]

MOST_NAMED = 3
"""A text names at most so many items of the history."""

NEAR = 0.35
"""An item is named only if it carries at least this part of what the strongest one carries."""

TOGETHER = 0.55
"""A further item is named beside the first if it is worth at least this part of it."""

ADDS = 0.1
"""Where nothing better is left to say, at least this part of what the strongest one carries."""

SHARED_GAIN = 1.3
"""What a further item gains by sharing a facet with the first and with the item explained."""

REUSE = 0.7
"""What a history item is worth to a text is multiplied by this for each text that named it."""

KIND_REUSE = 0.75
"""The same for a kind of support."""

GROUP_SHARE, GROUP_GAIN, GROUP_LEAST = 0.2, 2.0, 3
"""A group is told if nothing single carries much, it carries at least this share, so many times
what the named items carry, and has at least so many members."""

Choice = tuple[tuple[Claim, ...], tuple[ClaimShape, ...]]


@dataclass
class _List:
    """What the texts of one list have said so far."""

    ambiguous: frozenset[str] = frozenset()
    said: set[tuple[object, ...]] = field(default_factory=set)
    items: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    groups: dict[int, dict[str, Ints]] | None = None
    greeted: bool = False

    def new(self, claim: Claim) -> bool:
        return claim_key(claim) not in self.said

    def worth(self, kind: str, base: float) -> float:
        return base * KIND_REUSE ** self.kinds.get(kind, 0)

    def tell(self, claims: Sequence[Claim]) -> None:
        for c in claims:
            self.said.add(claim_key(c))
            self.kinds[c.kind] = self.kinds.get(c.kind, 0) + 1
            if c.kind == "history":
                for i in c.items:
                    self.items[i] = self.items.get(i, 0) + 1


def claim_key(claim: Claim) -> tuple[object, ...]:
    """What makes two claims the same statement: kind, items in any order, and values."""
    c = claim
    return (c.kind, frozenset(c.items), c.event, c.field, c.value, c.count, c.mean)


class Planner:
    """Chooses 1 to 3 claims for each item of a list, so that no two texts say the same.

    Parameters
    ----------
    catalogue, facets
        The items and what they have in common.
    domain
        Which words the texts use: part of every shape.
    known
        Whether a user has done anything here, liked or not: only somebody who has not is told to
        be new. Without it, whoever has no reasons counts as new.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        facets: Facets,
        domain: str,
        *,
        known: Callable[[str], bool] | None = None,
    ) -> None:
        self.domain = domain
        self._known = known
        self._index = catalogue.index
        self._facets = facets
        m = facets.matrix
        self._columns = m.indices
        self._starts = m.indptr
        self._idf = [float(x) for x in facets.idf]
        self._ambiguous: dict[str, frozenset[str]] = {}
        self._catalogue = catalogue
        self._shapes: dict[tuple[object, ...], Shape] = {}
        self._of: dict[str, tuple[int, ...]] = {}
        self._sets: dict[str, frozenset[int]] = {}

    def plan_list(
        self,
        evidences: Sequence[Evidence],
        lang: str,
        *,
        world: Callable[[Evidence], World] | None = None,
    ) -> list[Plan]:
        """Plans for the items of one person's list, in its order.

        Never empty, and no two plans hold the same claim.

        Parameters
        ----------
        world
            If given, every claim is also checked with `claims.holds` on the pair's world; without
            it the planner's own reading of the evidence stands, which is tested to say the same.
        """
        told = _List(ambiguous=self._twins(lang))
        return [self._plan(e, lang, told, world(e) if world else None) for e in evidences]

    def _plan(self, e: Evidence, lang: str, told: _List, world: World | None) -> Plan:
        for claims, shapes in self._options(e, told):
            if world is not None and not all(holds(c, world) for c in claims):
                continue
            told.tell(claims)
            if shapes[0].link == "cold":
                told.greeted = True
            return Plan(e.user, e.item, lang, claims, self._shape(lang, shapes))
        raise AssertionError("the rank of an item can always be told")

    def _options(self, e: Evidence, told: _List) -> Iterator[Choice]:
        """Ways to explain the item, best first; the last, its rank, is always true."""
        facts = _Facts(e, told.ambiguous)
        past = read(e)
        if told.ambiguous:
            past.top = [p for p in past.top if p.item not in told.ambiguous]
        if e.rank > e.list_size:  # asked for by name: nothing may say that it is on the list
            yield from self._off_list(e, past, told)
            return
        if past.top:
            yield from self._from_history(e, facts, past, told)
        elif facts.popular and not told.greeted and told.new(facts.popular) and self._new(e):
            yield self._shaped((facts.popular,), ("cold",))
        yield from self._from_crowd(facts, told)
        yield self._shaped((Claim("rank", count=e.rank),), ("",))

    def _off_list(self, e: Evidence, past: Told, told: _List) -> Iterator[Choice]:
        """Where the item stands, and what counts most for it."""
        rank = Claim("rank", count=e.rank)
        if past.top:
            for named in self._namings(e, past, told):
                share = min(sum(p.contribution for p in named) / past.total, 1.0)
                items = tuple(p.item for p in named)
                claim = Claim("history", items, named[0].event, share=share)
                yield self._shaped((rank, claim), ("off", "own"))
        yield self._shaped((rank,), ("off",))

    # -- the person's own history ---------------------------------------------------------------

    def _from_history(
        self, e: Evidence, facts: _Facts, past: Told, told: _List
    ) -> Iterator[Choice]:
        grouped = False
        for named in self._namings(e, past, told):
            share = min(sum(p.contribution for p in named) / past.total, 1.0)
            event = named[0].event
            if share < WEAK_SHARE and not grouped:
                grouped = True
                for claim in self._groups(e, past, event, share, told):
                    yield self._beside(e, past, (claim,), ("group",), told)
                    yield self._shaped((claim,), ("group",))
            items = tuple(p.item for p in named)
            claim = Claim("history", items, event, share=share)
            if not told.new(claim):
                continue
            support = self._support(e, facts, items, share, told)
            without = _without(e, items, told)
            if without is not None and share >= WEAK_SHARE:
                if support:
                    yield self._shaped((claim, support, without), ("own", "same", "same"))
                yield self._shaped((claim, without), ("own", "same"))
            if support:
                yield self._shaped((claim, support), ("own", "same"))
            elif share >= WEAK_SHARE:
                yield self._beside(e, past, (claim,), ("own",), told)
            yield self._shaped((claim,), ("own",))

    def _namings(self, e: Evidence, past: Told, told: _List) -> Iterator[tuple[Part, ...]]:
        """Sets of one to three history items to name, of one event, best first."""
        top, total = past.top, past.total
        if e.gone is not None and len(e.gone.items) <= MOST_NAMED:
            gone = [p for p in top if p.item in e.gone.items]
            fresh = sum(told.items.get(i, 0) for i in e.gone.items) <= 1
            strong = sum(p.contribution for p in gone) >= WEAK_SHARE * total
            whole = len(gone) == len(e.gone.items) and len({p.event for p in gone}) == 1
            if fresh and strong and whole:
                yield tuple(gone)
        least = NEAR * top[0].contribution
        near = [p for p in top if p.contribution >= least]
        worth = {p.item: p.contribution * REUSE ** told.items.get(p.item, 0) for p in near}
        near.sort(key=lambda p: -worth[p.item])
        own = self._set(e.item)
        for first in near:
            shared = own & self._set(first.item)
            beside = [
                (-worth[p.item] * (SHARED_GAIN if shared & self._set(p.item) else 1.0), k, p)
                for k, p in enumerate(near)
                if p is not first and p.event == first.event
            ]
            beside.sort()
            least = TOGETHER * worth[first.item]
            more = [p for _, _, p in beside[: MOST_NAMED - 1] if worth[p.item] >= least]
            if first.contribution + sum(p.contribution for p in more) < WEAK_SHARE * total:
                more = [p for _, _, p in beside[: MOST_NAMED - 1]]
            for k in range(len(more), -1, -1):
                yield tuple(sorted((first, *more[:k]), key=lambda p: -p.contribution))
        # All said already: the strongest once more, beside something that adds to it.
        first = top[0]
        for p in top[1:]:
            if p.event == first.event and p.contribution >= ADDS * first.contribution:
                yield first, p

    def _groups(
        self, e: Evidence, past: Told, event: str, share: float, told: _List
    ) -> list[Claim]:
        """Groups of the history by a facet of the item that carry much more than the named items."""
        if told.groups is None:
            told.groups = past.by_facet(self._ranked)
        found = []
        for k in self._ranked(e.item):
            by_event = told.groups.get(k)
            if by_event is None or event not in by_event:
                continue
            # Someone who bought and viewed is told as a buyer: then views cannot be counted here.
            if any(_RANK[other] > _RANK[event] for other in by_event):
                continue
            members = by_event[event]
            if len(members) < GROUP_LEAST:
                continue
            part = past.part(members)
            if part < max(GROUP_SHARE, GROUP_GAIN * share):
                continue
            facet = self._facets.facets[k]
            claim = Claim(
                "history", (), event, facet.field, facet.value, len(members), share=min(part, 1.0)
            )
            if told.new(claim):
                found.append((part * (0.5 + self._idf[k]), claim))
        return [c for _, c in sorted(found, key=lambda x: -x[0])]

    def _support(
        self, e: Evidence, facts: _Facts, items: tuple[str, ...], share: float, told: _List
    ) -> Claim | None:
        """What best supports a history claim on those items."""
        best: tuple[float, Claim] | None = None
        options: list[tuple[float, Claim]] = []
        shared = self._set(e.item).intersection(*(self._set(i) for i in items))
        for k in sorted(shared, key=lambda k: -self._idf[k])[:3]:
            facet = self._facets.facets[k]
            claim = Claim("feature", items, None, facet.field, facet.value)
            if told.new(claim):
                options.append((told.worth("feature", 0.5 + 0.2 * min(self._idf[k], 3.0)), claim))
        if share >= WEAK_SHARE:
            if len(items) == 1 and items[0] in facts.people:
                claim, lift = facts.people[items[0]]
                options.append((told.worth("people", 0.7 + 0.06 * min(lift, 5.0)), claim))
            if len(items) < MOST_NAMED:
                if facts.rating and facts.liked:
                    options.append((told.worth("rating", 0.5), facts.rating))
                if facts.popular:
                    options.append((told.worth("popular", 0.4), facts.popular))
        for worth, claim in options:
            if told.new(claim) and (best is None or worth > best[0]):
                best = (worth, claim)
        return best[1] if best and best[0] > 0.15 else None

    def _beside(
        self,
        e: Evidence,
        past: Told,
        claims: tuple[Claim, ...],
        links: tuple[str, ...],
        told: _List,
    ) -> Choice:
        """The claims, and beside them what the item would not be shown without, if that is short."""
        if e.gone is not None and len(e.gone.items) <= WITHOUT_OWN:
            claim = Claim("without", e.gone.items)
            named = told.ambiguous.isdisjoint(e.gone.items) and past.low.isdisjoint(e.gone.items)
            if named and set(e.gone.items) != set(claims[-1].items) and told.new(claim):
                return self._shaped((*claims, claim), (*links, "own"))
        return self._shaped(claims, links)

    # -- other people -----------------------------------------------------------------------------

    def _from_crowd(self, facts: _Facts, told: _List) -> Iterator[Choice]:
        rating = facts.rating if facts.rating and told.new(facts.rating) else None
        popular = facts.popular if facts.popular and told.new(facts.popular) else None
        for claim, _ in facts.people.values():
            if told.new(claim):
                if rating and facts.liked and told.worth("rating", 1.0) > 0.4:
                    yield self._shaped((claim, rating), ("own", ""))
                yield self._shaped((claim,), ("own",))
        if popular and rating and facts.liked:
            yield self._shaped((popular, rating), ("", ""))
        if rating:
            yield self._shaped((rating,), ("",))
        if popular:
            yield self._shaped((popular,), ("",))

    def _new(self, e: Evidence) -> bool:
        if len(e.reasons):
            return False
        return self._known is None or not self._known(e.user)

    # -- small things -----------------------------------------------------------------------------

    def _shaped(self, claims: tuple[Claim, ...], links: tuple[str, ...]) -> Choice:
        shapes = []
        for c, link in zip(claims, links, strict=True):
            if c.kind in ("rating", "popular") and link == "same":
                link = ""
            named = (
                len(c.items) if link == "own" or c.kind in ("feature", "people", "without") else 0
            )
            weak = c.kind == "history" and c.share is not None and c.share < WEAK_SHARE
            shapes.append(ClaimShape(c.kind, link, named, c.event, c.field, weak))  # type: ignore[arg-type]
        return claims, tuple(shapes)

    def _twins(self, lang: str) -> frozenset[str]:
        """Items that share their shown name with another: naming one would not say which."""
        found = self._ambiguous.get(lang)
        if found is None:
            by_name: dict[str, list[str]] = {}
            for item, title in zip(self._catalogue.ids, self._catalogue.titles(lang), strict=True):
                by_name.setdefault(clean_name(title).casefold(), []).append(item)
            found = frozenset(i for same in by_name.values() if len(same) > 1 for i in same)
            self._ambiguous[lang] = found
        return found

    def _shape(self, lang: str, claims: tuple[ClaimShape, ...]) -> Shape:
        """One object a shape, so that what is known of it is found quickly."""
        key = (lang, *((c.kind, c.link, c.arity, c.event, c.field, c.weak) for c in claims))
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = Shape(lang, self.domain, claims)
        return shape

    def _ranked(self, item: str) -> tuple[int, ...]:
        """Facets of an item, rarest first."""
        found = self._of.get(item)
        if found is None:
            k = self._index[item]
            columns = self._columns[self._starts[k] : self._starts[k + 1]].tolist()
            found = self._of[item] = tuple(sorted(columns, key=lambda c: (-self._idf[c], c)))
        return found

    def _set(self, item: str) -> frozenset[int]:
        found = self._sets.get(item)
        if found is None:
            found = self._sets[item] = frozenset(self._ranked(item))
        return found


class _Facts:
    """The evidence's facts as claims, those that too few people are behind left out."""

    __slots__ = ("liked", "people", "popular", "rating")

    def __init__(self, e: Evidence, ambiguous: frozenset[str]) -> None:
        self.people: dict[str, tuple[Claim, float]] = {}
        self.popular: Claim | None = None
        self.rating: Claim | None = None
        self.liked = False
        for f in e.facts:
            if f.count is None or f.count < K_ANON:
                continue
            if f.kind == "people" and f.items[0] in ambiguous:
                continue
            if f.kind == "people" and f.lift is not None and f.lift > 1 and f.event in _RANK:
                claim = Claim("people", f.items[:1], f.event, count=f.count)
                self.people[f.items[0]] = (claim, f.lift)
            elif f.kind == "popular" and f.event in _RANK:
                self.popular = Claim("popular", (), f.event, count=f.count)
            elif f.kind == "rating":
                self._rate(f)

    def _rate(self, f: Fact) -> None:
        if f.mean is not None and f.best:
            self.rating = Claim("rating", count=f.count, mean=f.mean, best=f.best)
            self.liked = f.mean >= LIKE_SHARE * f.best


def _without(e: Evidence, items: tuple[str, ...], told: _List) -> Claim | None:
    """That the item would not be shown without exactly those items, if it is so."""
    if e.gone is None or set(e.gone.items) != set(items):
        return None
    claim = Claim("without", items)
    return claim if told.new(claim) and told.worth("without", 1.0) > 0.2 else None
