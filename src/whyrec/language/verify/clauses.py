"""Clauses: each kind becomes claims, pronouns find what they stand for, and `holds` decides."""

from __future__ import annotations

from collections.abc import Sequence

from whyrec.language.claims import Claim, holds
from whyrec.language.verify.parse import Clause
from whyrec.language.verify.roles import Roles
from whyrec.language.verify.state import STRENGTHS, WEAK_MOST, Refused


class Reader(Roles):
    """Reads the clauses of one sentence into the state."""

    def read(self, c: Clause) -> list[int]:
        """Indices in `state.told` of the claims that the clause tells."""
        if c.kind.startswith("!"):
            raise self.refuse(c, c.kind[1:], "the item and the history have changed places")
        self._check_list(c)
        self._check_it(c)
        claims = list(getattr(self, "_" + c.kind)(c))
        if c.all_marks("did") and c.kind not in ("history", "group"):
            claims[:0] = self._by_the_way(c)
        return claims

    def _by_the_way(self, c: Clause) -> list[int]:
        """What a relative clause says: "…, which you rated highly, …"."""
        ids = self.state.last
        entries = [self._entry(c, i) for i in ids]
        events = self._events(c, entries, "did")
        if events:
            self.state.event = next(iter(events))
        return self._presupposed(c, events)

    # Kinds of clause

    def _here(self, c: Clause) -> list[int]:
        return self._weak(c) if c.mark("strength") else []

    def _history(self, c: Clause) -> list[int]:
        wrong: Refused | None = None
        for ids in self._sets(c):
            try:
                return self._history_of(c, ids)
            except Refused as e:
                wrong = wrong or e
        assert wrong is not None
        raise wrong

    def _history_of(self, c: Clause, ids: tuple[str, ...]) -> list[int]:
        if not ids:
            raise self.refuse(c, "wrong-role", "that is the recommended item", "who")
        entries = [self._entry(c, i) for i in ids]
        by_event = self._events(c, entries)
        strength = c.mark("strength") or "plain"
        if not c.all_marks("event") and not any(t.mentions for t in self._tokens(c, "who")):
            before = [
                k
                for k, t in enumerate(self.state.told)
                if t.claim.kind == "history" and t.items == ids
            ]
            if before:
                return self._qualify(c, before[-1], strength)
        out = []
        for event, part in by_event.items():
            claim = Claim("history", part, event, share=self._share(part))
            self._demand(c, claim)
            out.append(self._tell(c, claim, part))
        for k in out:
            self.state.told[k].strength = strength
        self._strength_now(c, strength, ids)
        self.state.last = ids
        self.state.event = next(iter(by_event)) if len(by_event) == 1 else None
        return out

    def _strength_now(self, c: Clause, strength: str, ids: Sequence[str]) -> None:
        """Refuse a strong word at once; a plain one may still be qualified by what follows."""
        share = self._share(ids) or 0.0
        if strength == "weak" and share > WEAK_MOST:
            raise self.refuse(c, "overclaim", f"it is {share:.0%} of the reason, not a small part")
        if strength in ("main", "only") and share < STRENGTHS[strength] - 1e-9:
            raise self.refuse(c, "overclaim", f"it is only {share:.0%} of the reason")

    def _group(self, c: Clause) -> list[int]:
        n = self._number(c, "n")
        w = self.world
        demands = [set(v.split("|")) for v in c.all_marks("event") if v != "any"]
        wrong: Refused | None = None
        for f, v in self._facets(c):
            members = [
                e
                for i in w.history()
                if w.has_facet(i, f, v) and (e := w.entry(i)) is not None and not e.negative
            ]
            events = sorted({x for e in members for x in e.events})
            for event in events:
                if any(event not in d for d in demands):
                    continue
                part = tuple(e.item for e in members if event in e.events)
                claim = Claim(
                    "history",
                    event=event,
                    field=f,
                    value=v,
                    count=int(n or 0),
                    share=self._share(part),
                )
                if n is not None and n == int(n) and holds(claim, w):
                    strength = c.mark("strength") or "plain"
                    try:
                        self._strength_now(c, strength, part)
                    except Refused as e:
                        wrong = e
                        continue
                    k = self._tell(c, claim, part)
                    self.state.told[k].strength = strength
                    self.state.last = part
                    self.state.event = event
                    return [k]
            if wrong is None:
                if not members:
                    wrong = self.refuse(
                        c, "wrong-feature", "nothing in the history carries it", "f"
                    )
                elif demands and not any(all(x in d for d in demands) for x in events):
                    wrong = self.refuse(c, "wrong-event", f"not that, but {', '.join(events)}")
                else:
                    wrong = self.refuse(c, "wrong-number", f"not {n:g} of them", "n")
        raise wrong or self.refuse(c, "wrong-feature", "no such feature here", "f")

    def _feature(self, c: Clause) -> list[int]:
        wrong: Refused | None = None
        for ids in self._feature_items(c):
            try:
                return self._feature_of(c, ids)
            except Refused as e:
                wrong = wrong or e
        assert wrong is not None
        raise wrong

    def _feature_items(self, c: Clause) -> list[tuple[str, ...]]:
        last = self.state.last
        c3 = self._number(c, "c3")
        if c.role("who") or c.role("poss"):
            ways = self._sets(c)
        elif c.mark("all") == "both" or "both " in self.enc.text[c.start : c.end]:
            if len(last) not in (1, 2):
                raise self.refuse(c, "wrong-number", "“both” of what?")
            ways = [last]
        elif last:
            ways = [last] if self._says_same(c) else [last, ()]
        elif self._says_same(c) and self.world.history():
            raise self.refuse(c, "unsupported", "nothing was named that it could share this with")
        else:
            ways = [()]
        if c3 is not None:
            allowed = (len(last) + 1,) if c3 == 2 else (len(last), len(last) + 1)
            if not last or c3 not in allowed:
                raise self.refuse(c, "wrong-number", "not so many were named", "c3")
            ways = [last]
        return ways

    def _feature_of(self, c: Clause, ids: tuple[str, ...]) -> list[int]:
        fields = set(c.all_marks("field"))
        self._events(c, [self._entry(c, i) for i in ids])
        out = []
        for t in self._tokens(c, "f"):
            for m in t.mentions:
                options = [
                    Claim("feature", ids, field=f, value=v)
                    for f, v in m.facets
                    if not fields or f in fields
                ]
                claim = next((x for x in options if holds(x, self.world)), None)
                if claim is None:
                    raise self._feature_wrong(c, options, ids)
                out.append(self._tell(c, claim, ids))
        if ids:
            self.state.last = ids
        return out

    def _feature_wrong(self, c: Clause, options: Sequence[Claim], ids: tuple[str, ...]) -> Refused:
        w = self.world
        for claim in options:
            f, v = str(claim.field), str(claim.value)
            if w.has_facet(w.item, f, v) and all(w.has_facet(i, f, v) for i in ids):
                return self.refuse(c, "unsupported", "those do not count for it")
        return self.refuse(c, "wrong-feature", "the catalogue does not give them that", "f")

    def _people(self, c: Clause) -> list[int]:
        wrong: Refused | None = None
        for ids in self._people_items(c):
            try:
                return self._people_of(c, ids)
            except Refused as e:
                wrong = wrong or e
        assert wrong is not None
        raise wrong

    def _people_items(self, c: Clause) -> list[tuple[str, ...]]:
        if c.role("who"):
            return self._sets(c)
        if not self.state.last:
            raise self.refuse(
                c, "unsupported", "nothing was named before that they could have done"
            )
        return [self.state.last]

    def _people_of(self, c: Clause, ids: tuple[str, ...]) -> list[int]:
        if len(ids) != 1:
            raise self.refuse(
                c, "unsupported", "such a count is kept for one item at a time", "who"
            )
        known = self.world.people(ids[0])
        if known is None:
            raise self.refuse(c, "unsupported", "nothing is known of such people")
        event = known[0]
        demands = [set(v.split("|")) for v in (*c.all_marks("event"), *c.all_marks("event2"))]
        if c.mark("same"):
            demands.append({self.state.event} if self.state.event else set())
        if not c.all_marks("event") and not c.mark("same") and not c.mark("together"):
            demands.append(set())
        if any(event not in d for d in demands):
            raise self.refuse(c, "wrong-event", f"what is counted is: {event}")
        if c.mark("like_you"):
            e = self._entry(c, ids[0])
            if event not in e.events:
                raise self.refuse(c, "wrong-event", f"the person did not: {event}")
        n = self._number(c, "n")
        claim = Claim("people", ids, event, count=None if n is None else int(n))
        if n is not None and (n != int(n) or n != known[1]):
            raise self.refuse(c, "wrong-number", "not that many", "n")
        self._demand(c, claim)
        self.state.last = ids
        out = [self._tell(c, claim, ids)]
        if c.mark("like_you"):
            also = Claim("history", ids, event, share=self._share(ids))
            if holds(also, self.world):
                out.insert(0, self._tell(c, also, ids))
                self.state.told[-1].strength = "part"
        return out

    def _popular(self, c: Clause) -> list[int]:
        known = self.world.popular()
        n = self._number(c, "n")
        if known is None:
            raise self.refuse(c, "unsupported", "nothing is known of how many")
        if any(
            t.mentions and self.world.item not in t.mentions[0].items
            for t in self._tokens(c, "who")
        ):
            raise self.refuse(c, "wrong-role", "how many people is known of the item only", "who")
        for d in (set(v.split("|")) for v in (*c.all_marks("event"), *c.all_marks("event2"))):
            if known[0] not in d:
                raise self.refuse(c, "wrong-event", f"what is counted is: {known[0]}")
        if n is not None and (n != int(n) or n != known[1]):
            raise self.refuse(c, "wrong-number", "not that many", "n")
        claim = Claim("popular", event=known[0], count=None if n is None else int(n))
        self._demand(c, claim)
        return [self._tell(c, claim, ())]

    def _cold(self, c: Clause) -> list[int]:
        if self.world.history():
            raise self.refuse(c, "unsupported", "this person has a history")
        self.state.cold = True
        known = self.world.popular()
        if not c.all_marks("event2") and known is not None:
            claim = Claim("popular", event=known[0])
            return [self._tell(c, claim, ())] if holds(claim, self.world) else []
        return self._popular(c)

    def _rating(self, c: Clause) -> list[int]:
        known = self.world.rating()
        mean, best, n = (self._number(c, r) for r in ("mean", "best", "n"))
        if known is None:
            raise self.refuse(c, "unsupported", "it has no ratings")
        if n is not None and n != known[1]:
            raise self.refuse(c, "wrong-number", "not that many ratings", "n")
        if best is not None and best != known[2]:
            raise self.refuse(c, "wrong-number", f"ratings go up to {known[2]:g}", "best")
        claim = Claim("rating", mean=mean, count=None if n is None else int(n), best=best)
        if not holds(claim, self.world):
            raise self.refuse(c, "wrong-number", "not its average", "mean")
        return [self._tell(c, claim, ())]

    def _without(self, c: Clause) -> list[int]:
        wrong: Refused | None = None
        for ids in self._sets(c) if c.role("who") else [self._needed(c)]:
            if not ids:
                wrong = wrong or self.refuse(c, "wrong-role", "that is the recommended item", "who")
                continue
            try:
                entries = [self._entry_any(c, i) for i in ids]
                events = self._events(c, entries)
                claim = Claim("without", ids)
                self._demand(c, claim)
                self.state.last = ids
                out = [self._tell(c, claim, ids)]
                if c.all_marks("event"):
                    out[:0] = self._presupposed(c, events)
                return out
            except Refused as e:
                wrong = wrong or e
        assert wrong is not None
        raise wrong

    def _presupposed(self, c: Clause, events: dict[str, tuple[str, ...]]) -> list[int]:
        """ "If you had not bought A" says that you did."""
        out = []
        for event, part in events.items():
            claim = Claim("history", part, event, share=self._share(part))
            if holds(claim, self.world):
                out.append(self._tell(c, claim, part))
                self.state.told[-1].strength = "part"
        return out

    def _rank(self, c: Clause) -> list[int]:
        n = self._number(c, "n")
        if c.mark("rank"):
            n = float(str(c.mark("rank")))
        if (ahead := self._number(c, "m")) is not None:
            n = ahead + 1
        claim = Claim("rank", count=None if n is None else int(n))
        if n is None or n != int(n) or not holds(claim, self.world):
            raise self.refuse(c, "wrong-number", f"it is number {self.world.rank}", "n")
        return [self._tell(c, claim, ())]

    def _weak(self, c: Clause) -> list[int]:
        k = next(
            (
                j
                for j in reversed(range(len(self.state.told)))
                if self.state.told[j].claim.kind == "history"
            ),
            None,
        )
        if k is None:
            raise self.refuse(c, "unsupported", "nothing was told before that this could be about")
        if (count := self._number(c, "c")) is not None and count != len(self.state.told[k].items):
            raise self.refuse(c, "wrong-number", "not so many were named", "c")
        return self._qualify(c, k, c.mark("strength") or "plain")

    def _qualify(self, c: Clause, k: int, strength: str) -> list[int]:
        """Say of a claim told before how much of the reason it is."""
        self._strength_now(c, strength, self.state.told[k].items)
        for t in self.state.told[k:]:
            if t.sentence == self.state.told[k].sentence and t.claim.kind == "history":
                t.strength = strength
        return [k]

    # Claims
