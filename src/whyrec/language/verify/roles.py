"""Roles: the numbers and items that a clause names, and what its pronouns stand for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, product

from whyrec.evidence.types import Entry
from whyrec.language.claims import Claim, holds
from whyrec.language.verify.grammar import TERMINALS, number_in_words
from whyrec.language.verify.parse import Clause
from whyrec.language.verify.state import Refused, State, Told
from whyrec.language.verify.tokens import Encoded, Token

_ORDINALS = {
    w: n
    for n, w in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
        ],
        1,
    )
}
_SINGULAR_EN = frozenset(["it", "that", "its", "the former"])
_PLURAL_EN = frozenset(["them", "these", "those", "they", "their", "the pair"])
_SAME_EN = frozenset(
    ["also", "too", "well", "shares", "share", "same", "they", "them", "another", "common", "both",
     "all", "link", "links", "connection", "connects", "joins", "ties", "continues", "more"]
)  # fmt: skip
_ITEM = TERMINALS["I"]
_THIS_ZH = re.compile("这一?[部款项个件样条]")
_LIST = re.compile(
    r"\b(?:list|top|recommendations)\b|列表|清单|榜|前(?=[\ue007一二两三四五六七八九十])"
)


def _within(place: tuple[int, int], others: Sequence[tuple[int, int]]) -> bool:
    return any(s <= place[0] and place[1] <= e for s, e in others)


class Roles:
    """What the roles of a clause hold: numbers, items, what the person did with them."""

    def __init__(self, enc: Encoded, state: State, sentence: int) -> None:
        self.enc = enc
        self.state = state
        self.world = state.world
        self.sentence = sentence

    def _check_it(self, c: Clause) -> None:
        """ "You bought A. It is …" speaks of A: "it" is the item only once the item was spoken of."""
        text = self.enc.text[c.start : c.end]
        if self.state.lang == "zh":
            spoken = _ITEM in text or _THIS_ZH.search(text) is not None
            it = "它" in text.replace("它们", "")
        else:
            words = set(text.split())
            spoken = _ITEM in text or "this" in words
            it = bool(words & {"it", "its"})
        if c.kind == "weak" and _ITEM not in text:
            return
        if spoken or c.kind in ("here", "without"):
            self.state.item_said = True
            return
        place = c.role("who") or c.role("poss")
        if place is not None:
            it = False
        if (
            it
            and c.kind in ("feature", "rating", "popular", "rank")
            and len(self.state.last) == 1
            and not self.state.item_said
        ):
            raise self.refuse(c, "unsupported", "“it” would be the item named before")

    # What roles hold

    def refuse(self, c: Clause, code: str, message: str, role: str = "") -> Refused:
        """The refusal of a clause, pointing at a role if it is there."""
        place = c.role(role) if role else None
        s, e = place or (c.start, c.end)
        return Refused(code, message, self.enc.span(s, e))

    def _tokens(self, c: Clause, role: str) -> list[Token]:
        return [t for place in c.roles_of(role) for t in self.enc.inside(*place)]

    def _number(self, c: Clause, role: str) -> float | None:
        """The number of a role; refused if the clause gives two."""
        values = {self._value(c, role, place) for place in c.roles_of(role)}
        if len(values) > 1:
            raise self.refuse(c, "wrong-number", "two numbers for one thing", role)
        return values.pop() if values else None

    def _value(self, c: Clause, role: str, place: tuple[int, int]) -> float:
        for t in self.enc.inside(*place):
            if t.value is not None:
                return t.value
        text = self.enc.text[place[0] : place[1]].strip()
        n = _ORDINALS.get(text) or number_in_words(text, self.state.lang)
        if n is None:
            raise self.refuse(c, "wrong-number", "not a number that can be read", role)
        return n

    def _check_list(self, c: Clause) -> None:
        if (
            self.world.rank > self.world.list_size
            and c.kind not in ("cold", "without")
            and _LIST.search(self.enc.text[c.start : c.end])
        ):
            raise self.refuse(c, "wrong-number", f"it is number {self.world.rank}: not on the list")
        k = self._number(c, "k")
        if k is not None and k != self.world.list_size:
            raise self.refuse(c, "wrong-number", f"the list has {self.world.list_size} items", "k")

    def _sets(self, c: Clause) -> list[tuple[str, ...]]:
        """Every way to take the items that a clause names; one where no name is ambiguous.

        All places of the roles `who` and `poss` count: "like A, it shares F with B" names A and B.
        """
        options: list[list[tuple[str, ...]]] = []
        for place in (*c.roles_of("who"), *c.roles_of("poss")):
            named = [m for t in self.enc.inside(*place) for m in t.mentions]
            if named:
                options += [[(i,) for i in m.items] for m in named]
            else:
                options.append([self._pronoun(c, place)])
        loose = [p for p in c.roles_of("c") if not _within(p, [*c.roles_of("who")])]
        loose += [
            p
            for p in c.roles_of("c")
            for s, e in c.roles_of("who")
            if s <= p[0] and p[1] <= e and any(t.mentions for t in self.enc.inside(s, e))
        ]
        ways = []
        for way in islice(product(*options), 16):
            ids = dict.fromkeys(i for part in way for i in part if i != self.world.item)
            ways.append(tuple(ids))
        for p in loose:
            if all(self._value(c, "c", p) != len(w) for w in ways):
                raise Refused("wrong-number", "not so many are named", self.enc.span(*p))
        return ways

    def _pronoun(self, c: Clause, place: tuple[int, int]) -> tuple[str, ...]:
        text = self.enc.text[place[0] : place[1]].strip()
        last = self.state.last
        if not last:
            raise Refused(
                "unsupported", f"nothing was named that “{text}” could mean", self.enc.span(*place)
            )
        counts = [
            self._value(c, "c", p) for p in c.roles_of("c") if place[0] <= p[0] and p[1] <= place[1]
        ]
        n = len(last)
        if self.state.lang == "zh":
            wrong = (text.startswith(("它们", "两者", "二者", "这些", "那些")) and n < 2) or (
                text.startswith(("两者", "二者")) and n != 2
            )
            wrong = wrong or (text in ("它", "它的", "前者") and n != 1)
        else:
            first = text.split()[0]
            wrong = (text in _SINGULAR_EN or first == "that") and n != 1
            wrong = wrong or (
                (text in _PLURAL_EN or first in ("these", "those")) and n < 2 and not counts
            )
            wrong = wrong or (first == "both" and n != 2) or (text == "the pair" and n != 2)
        if wrong or any(k != n for k in counts):
            raise Refused(
                "wrong-number",
                f"{n} {'was' if n == 1 else 'were'} named before",
                self.enc.span(*place),
            )
        return last

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

    def _demand(self, c: Clause, claim: Claim) -> None:
        if not holds(claim, self.world):
            raise self.refuse(c, "unsupported", "that does not hold for this pair")

    def _tell(self, c: Clause, claim: Claim, items: tuple[str, ...]) -> int:
        self.state.told.append(Told(claim, self.sentence, self.enc.span(c.start, c.end), items))
        return len(self.state.told) - 1

    def _entry_any(self, c: Clause, item: str) -> Entry:
        e = self.world.entry(item)
        if e is None:
            raise self.refuse(c, "wrong-event", "the person did nothing with it", "who")
        return e

    def _needed(self, c: Clause) -> tuple[str, ...]:
        if not self.state.last:
            raise self.refuse(c, "unsupported", "without what?")
        return self.state.last

    def _says_same(self, c: Clause) -> bool:
        text = self.enc.text[c.start : c.end]
        if self.state.lang == "zh":
            return any(w in text for w in "也同样都又还共连")
        return bool(_SAME_EN & set(text.split()))

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
