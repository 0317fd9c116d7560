"""Meaning: clauses become claims, pronouns find what they stand for, and `holds` decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from whyrec.evidence.types import Entry, World
from whyrec.language.claims import Claim, holds
from whyrec.language.shape import WEAK_SHARE
from whyrec.language.types import Problem
from whyrec.language.verify.grammar import number_in_words
from whyrec.language.verify.parse import Clause, Parse
from whyrec.language.verify.tokens import Encoded, Token

STRENGTHS = {"plain": WEAK_SHARE, "weak": 0.0, "part": 0.0, "main": 0.5, "only": 0.999}
"""The least share that each way of telling a reason needs."""

WEAK_MOST = 0.25
"""A reason with more than this share is not "a small part of why"."""

_ORDINALS = {
    w: n
    for n, w in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1
    )
}
_SINGULAR_EN = frozenset(["it", "that", "its", "the former"])
_PLURAL_EN = frozenset(["them", "these", "those", "they", "their", "the pair"])
_SAME_EN = frozenset(
    ["also", "too", "well", "shares", "share", "same", "they", "them", "another", "common"]
)
_CAUSES = frozenset(["history", "group"])


@dataclass
class Told:
    """A claim as told, which later sentences may still qualify."""

    claim: Claim
    sentence: int
    span: tuple[int, int]
    items: tuple[str, ...]
    strength: str = "plain"
    checked: bool = True


@dataclass
class State:
    """What has been said so far: the antecedents of pronouns and of "who did"."""

    world: World
    lang: str
    last: tuple[str, ...] = ()
    event: str | None = None
    cold: bool = False
    told: list[Told] = field(default_factory=list)

    def copy(self) -> State:
        """A copy whose changes do not reach this one."""
        return replace(self, told=[replace(t) for t in self.told])


class Refused(Exception):  # noqa: N818
    """A clause that is false or says what cannot be resolved."""

    def __init__(self, code: str, message: str, span: tuple[int, int]) -> None:
        super().__init__(message)
        self.problem = Problem(code, span, message)


def understand(
    parse: Parse, enc: Encoded, state: State, sentence: int
) -> tuple[list[int], list[Problem]]:
    """Add what the sentence tells to `state.told`; indices of its claims, and its problems."""
    claims: list[int] = []
    problems: list[Problem] = []
    before = len(state.told)
    reader = _Reader(enc, state, sentence)
    try:
        _check_causes(parse, enc, state)
        for clause in parse:
            claims.extend(reader.read(clause))
    except Refused as e:
        problems.append(e.problem)
    if not problems and not claims:
        whole = enc.span(0, len(enc.text))
        problems.append(Problem("no-claim", whole, "says nothing that can be checked"))
    if problems:
        del state.told[before:]
        return [], problems
    return list(dict.fromkeys(claims)), []


def _check_causes(parse: Parse, enc: Encoded, state: State) -> None:
    """because and so may only join what counts for the item with its being here."""
    effects = ("here", "rank", "cold")
    for k, clause in enumerate(parse):
        needs = clause.mark("needs")
        if needs and not (k and parse[k - 1].kind == needs):
            raise Refused("unsupported", "who did that?", enc.span(clause.start, clause.end))
        before = parse[k - 1] if k else None
        after = parse[k + 1] if k + 1 < len(parse) else None
        if clause.mark("cause"):
            if before is not None and not (before.kind in effects or before.mark("cause")):
                if not (before.kind in _CAUSES and clause.joined not in ("", ",", "，")):
                    raise Refused(
                        "wrong-cause",
                        "that is not why it is so",
                        enc.span(clause.start, clause.end),
                    )
            comma = after is not None and after.joined in (
                ",",
                "，",
                "",
                "所以",
                "，所以",
                ", so",
                "so",
            )
            if before is None and after is not None and comma and after.kind not in effects:
                later = parse[k + 1 :]
                if not (after.mark("cause") or any(c.kind in effects for c in later)) or (
                    after.kind not in _CAUSES
                ):
                    raise Refused(
                        "wrong-cause",
                        "that does not follow from it",
                        enc.span(after.start, after.end),
                    )
        if "so" in clause.joined.split() or "所以" in clause.joined or "因此" in clause.joined:
            if clause.kind not in effects:
                raise Refused(
                    "wrong-cause",
                    "that does not follow from it",
                    enc.span(clause.start, clause.end),
                )
        if clause.mark("link") == "so" or (clause.kind == "here" and "so" in clause.joined.split()):
            cause = _cause_before(parse, k, state)
            if cause is None:
                raise Refused(
                    "wrong-cause",
                    "nothing told so far put it here",
                    enc.span(clause.start, clause.end),
                )


def _cause_before(parse: Parse, k: int, state: State) -> str | None:
    kinds = [c.kind for c in parse[:k]] or [t.claim.kind for t in state.told]
    for kind in kinds:
        if kind in ("history", "group", "cold", "weak"):
            return kind
    if not state.world.history() and "popular" in kinds:
        return "popular"
    return None


class _Reader:
    def __init__(self, enc: Encoded, state: State, sentence: int) -> None:
        self.enc = enc
        self.state = state
        self.world = state.world
        self.sentence = sentence

    def read(self, c: Clause) -> list[int]:
        """Indices in `state.told` of the claims that the clause tells."""
        if c.kind.startswith("!"):
            raise self.refuse(c, c.kind[1:], "the item and the history have changed places")
        self._check_list(c)
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

    # What roles hold

    def refuse(self, c: Clause, code: str, message: str, role: str = "") -> Refused:
        """The refusal of a clause, pointing at a role if it is there."""
        place = c.role(role) if role else None
        s, e = place or (c.start, c.end)
        return Refused(code, message, self.enc.span(s, e))

    def _text(self, c: Clause, role: str) -> str | None:
        place = c.role(role)
        return None if place is None else self.enc.text[place[0] : place[1]].strip()

    def _tokens(self, c: Clause, role: str) -> list[Token]:
        place = c.role(role)
        return [] if place is None else self.enc.inside(*place)

    def _number(self, c: Clause, role: str) -> float | None:
        for t in self._tokens(c, role):
            if t.value is not None:
                return t.value
        text = self._text(c, role)
        if text is None:
            return None
        if text in _ORDINALS:
            return _ORDINALS[text]
        n = number_in_words(text, self.state.lang)
        if n is None:
            raise self.refuse(c, "wrong-number", "not a number that can be read", role)
        return n

    def _check_list(self, c: Clause) -> None:
        k = self._number(c, "k")
        if k is not None and k != self.world.list_size:
            raise self.refuse(c, "wrong-number", f"the list has {self.world.list_size} items", "k")
        if k is not None and c.kind in ("here", "history", "group") and self.world.rank > k:
            raise self.refuse(c, "wrong-number", "it is not in that list", "k")

    def _sets(self, c: Clause, role: str = "who") -> list[tuple[str, ...]]:
        """Every way to take the items named by a role; one where nothing is ambiguous."""
        tokens = self._tokens(c, role)
        named = [m for t in tokens for m in t.mentions]
        if named:
            ways = list(product(*(m.items for m in named)))[:16]
            return [tuple(i for i in w if i != self.world.item) for w in ways]
        text = self._text(c, role) or self._text(c, "poss")
        if text is None:
            return [()]
        return [self._pronoun(c, text, role)]

    def _pronoun(self, c: Clause, text: str, role: str) -> tuple[str, ...]:
        last = self.state.last
        if not last:
            raise self.refuse(c, "unsupported", f"nothing was named that “{text}” could mean", role)
        count = self._number(c, "c")
        n = len(last)
        if self.state.lang == "zh":
            wrong = (
                text.startswith(("它们", "两者", "二者", "前两", "这些", "那些")) and n < 2
            ) or (text.startswith(("两者", "二者")) and n != 2)
            wrong = wrong or (text in ("它", "它的", "前者") and n != 1)
        else:
            first = text.split()[0]
            wrong = (text in _SINGULAR_EN or first == "that") and n != 1
            wrong = wrong or (
                (text in _PLURAL_EN or first in ("these", "those")) and n < 2 and count is None
            )
            wrong = wrong or (first == "both" and n != 2) or (text == "the pair" and n != 2)
        if wrong or (count is not None and count != n):
            raise self.refuse(
                c, "wrong-number", f"{n} {'was' if n == 1 else 'were'} named before", role
            )
        return last

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

    def _entry(self, c: Clause, item: str) -> Entry:
        e = self.world.entry(item)
        if e is None:
            raise self.refuse(c, "wrong-event", "the person did nothing with it", "who")
        if e.negative:
            raise self.refuse(
                c, "wrong-direction", "what they did with it speaks against it", "who"
            )
        return e

    def _events(
        self, c: Clause, entries: Sequence[Entry], *keys: str
    ) -> dict[str, tuple[str, ...]]:
        """Items by the event that is told of them."""
        demands = [
            set(v.split("|"))
            for key in (keys or ("event", "did"))
            for v in c.all_marks(key)
            if v != "any"
        ]
        if c.kind == "history" and c.mark("same"):
            demands.append({self.state.event or ""})
        out: dict[str, list[str]] = {}
        shared: set[str] | None = None
        for e in entries:
            for d in demands:
                if not d & e.events:
                    said = " or ".join(sorted(d))
                    done = ", ".join(sorted(e.events))
                    raise self.refuse(c, "wrong-event", f"not {said}, but {done}")
            fits = set.union(*demands) & e.events if demands else set(e.events)
            shared = fits if shared is None else shared & fits
        for e in entries:
            fits = set.union(*demands) & e.events if demands else set(e.events)
            if shared:
                event = e.event if e.event in shared and not demands else min(shared)
                event = entries[0].event if entries[0].event in shared else event
            else:
                event = e.event if e.event in fits else min(fits)
            out.setdefault(event, []).append(e.item)
        return {k: tuple(v) for k, v in out.items()}

    def _share(self, ids: Sequence[str]) -> float | None:
        total = self.world.total()
        if total <= 0:
            return None
        part = sum(e.contribution for i in ids if (e := self.world.entry(i)) is not None)
        return part / total

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

    def _facets(self, c: Clause) -> list[tuple[str, str]]:
        """Candidates for the one facet label of a role `f`."""
        fields = set(c.all_marks("field"))
        out = [
            p
            for t in self._tokens(c, "f")
            for m in t.mentions
            for p in m.facets
            if not fields or p[0] in fields
        ]
        if not out and c.role("f"):
            raise self.refuse(c, "wrong-feature", "it is no " + "/".join(sorted(fields)), "f")
        return out

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
        if c3 is not None and all(c3 not in (len(w), len(w) + 1) for w in ways):
            raise self.refuse(c, "wrong-number", "not so many were named", "c3")
        return ways

    def _says_same(self, c: Clause) -> bool:
        text = self.enc.text[c.start : c.end]
        if self.state.lang == "zh":
            return any(w in text for w in "也同样都")
        return bool(_SAME_EN & set(text.split()))

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
        if any(t.mentions and self.world.item not in t.mentions[0].items for t in self._tokens(c, "who")):
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

    def _needed(self, c: Clause) -> tuple[str, ...]:
        if not self.state.last:
            raise self.refuse(c, "unsupported", "without what?")
        return self.state.last

    def _entry_any(self, c: Clause, item: str) -> Entry:
        e = self.world.entry(item)
        if e is None:
            raise self.refuse(c, "wrong-event", "the person did nothing with it", "who")
        return e

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

    def _demand(self, c: Clause, claim: Claim) -> None:
        if not holds(claim, self.world):
            raise self.refuse(c, "unsupported", "that does not hold for this pair")

    def _tell(self, c: Clause, claim: Claim, items: tuple[str, ...]) -> int:
        self.state.told.append(Told(claim, self.sentence, self.enc.span(c.start, c.end), items))
        return len(self.state.told) - 1


def overclaims(state: State) -> list[tuple[int, Problem]]:
    """Plain history claims that nothing qualified and whose share is too small to be told plainly."""
    out = []
    for t in state.told:
        if t.claim.kind != "history" or t.strength != "plain":
            continue
        if any(x.strength != "plain" and set(t.items) <= set(x.items) for x in state.told):
            continue
        share = t.claim.share or 0.0
        together = [
            x.claim.share or 0.0
            for x in state.told
            if x.sentence == t.sentence and x.claim.kind == "history" and x.span == t.span
        ]
        if max(share, sum(together)) < STRENGTHS["plain"] - 1e-9:
            out.append(
                (
                    t.sentence,
                    Problem(
                        "overclaim", t.span,
                        f"it is only {share:.1%} of the reason: say that it is a small part",
                    ),
                )
            )  # fmt: skip
    return out
