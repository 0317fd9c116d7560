"""A phrase grammar: rules with conditions, read from text, that a seeded sampler expands.

A grammar file holds rules; a rule is `@name [conditions]` and, below it, one alternative a line
(indented, optionally with conditions of its own in front). Within an alternative

    (a|b|)        one of the choices, which may be empty
    <name>        an alternative of the rule `name` whose conditions hold
    <name.h>      the same, with event, field and arity of the claim `h` as `e`, `field` and `n`
    <name:text>   the same, with `$` in that rule standing for the expansion of `text`
    {slot}        a slot of the sketch, kept as it is

Conditions are `variable=value,value` or `variable!=value,value`; all must hold. Variables that are
not set equal nothing. `*3` in front of an alternative makes it three times as likely.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from whyrec.errors import LanguageError

Variables = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Condition:
    """`name` is (or, if `negated`, is not) one of `values`."""

    name: str
    values: frozenset[str]
    negated: bool

    def holds(self, variables: Variables) -> bool:
        """Whether it holds for these variables."""
        return (variables.get(self.name) in self.values) != self.negated


@dataclass(frozen=True, slots=True)
class Text:
    """Words as they stand."""

    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several sequences."""

    options: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """Another rule, with the claim it speaks about and what stands for `$`."""

    name: str
    claim: str | None
    argument: tuple[Node, ...] | None


@dataclass(frozen=True, slots=True)
class Argument:
    """The place of `$`."""


Node = Text | Choice | Reference | Argument


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to say a rule, where all conditions hold."""

    conditions: tuple[Condition, ...]
    nodes: tuple[Node, ...]
    weight: int

    def allowed(self, variables: Variables) -> bool:
        """Whether all conditions hold."""
        return all(c.holds(variables) for c in self.conditions)


@dataclass
class Expansion:
    """The state of one text while it grows: random numbers, variables, and what has been said.

    `said` becomes "1" once the text has named the item or pointed at it with the rule `this`;
    `items` counts `{item}`.
    """

    rng: random.Random
    variables: dict[str, str]
    claims: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)

    def emit(self, text: str) -> None:
        """Add words and note whether they name the item."""
        self.parts.append(text)
        if "{item}" in text:
            self.variables["said"] = "1"
            self.variables["items"] = str(int(self.variables["items"]) + text.count("{item}"))


class Grammar:
    """Rules of one language.

    Examples
    --------
    >>> g = Grammar.parse("@S\\n  [n=1] one (apple|pear)\\n  [n!=1] <many>\\n@many\\n  apples", "x")
    >>> g.sample("S", {"n": "2"}, random.Random(0))
    'apples'
    """

    def __init__(self, rules: Mapping[str, tuple[Alternative, ...]], name: str) -> None:
        self.rules = rules
        self.name = name
        for rule, alternatives in rules.items():
            for alternative in alternatives:
                self._check(rule, alternative.nodes)

    def _check(self, rule: str, nodes: tuple[Node, ...]) -> None:
        for node in nodes:
            if isinstance(node, Choice):
                for option in node.options:
                    self._check(rule, option)
            elif isinstance(node, Reference):
                if node.name not in self.rules:
                    raise LanguageError(
                        f"rule {rule} refers to <{node.name}>, which is not there",
                        where=self.name,
                        remedy="add the rule or correct the name",
                    )
                self._check(rule, node.argument or ())

    @classmethod
    def parse(cls, text: str, name: str) -> Grammar:
        """Read a grammar; `name` is told in errors."""
        rules: dict[str, list[Alternative]] = {}
        rule = ""
        shared: tuple[Condition, ...] = ()
        for number, raw in enumerate(text.splitlines(), 1):
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            try:
                if line.startswith("@"):
                    match = re.fullmatch(r"@(\S+)(?:\s+\[([^\]]*)\])?", line)
                    if match is None:
                        raise ValueError("not `@name [conditions]`")
                    rule, shared = match[1], _conditions(match[2] or "")
                    rules.setdefault(rule, [])
                else:
                    if not rule:
                        raise ValueError("an alternative before the first rule")
                    match = re.fullmatch(r"(?:\*(\d+)\s+)?(?:\[([^\]]*)\]\s*)?(.*)", line)
                    assert match is not None
                    if match[3].startswith(("*", "[")):
                        raise ValueError("write `*weight [conditions] text`")
                    nodes, rest = _nodes(match[3], 0, "")
                    if rest != len(match[3]):
                        raise ValueError(f"unexpected {match[3][rest]!r}")
                    rules[rule].append(
                        Alternative(shared + _conditions(match[2] or ""), nodes, int(match[1] or 1))
                    )
            except ValueError as e:
                raise LanguageError(
                    str(e), where=f"{name}, line {number}", remedy="see whyrec.training.grammar"
                ) from e
        return cls({k: tuple(v) for k, v in rules.items()}, name)

    def possible(self, rule: str, variables: Variables) -> bool:
        """Whether the rule exists and has an alternative for these variables."""
        return any(a.allowed(variables) for a in self.rules.get(rule, ()))

    def sample(self, rule: str, variables: Variables, rng: random.Random) -> str:
        """One expansion of a rule without claims; for tests and examples."""
        state = Expansion(rng, {"items": "0", "said": "0", **variables})
        self.expand(rule, state)
        return "".join(state.parts)

    def expand(self, rule: str, state: Expansion, argument: tuple[Node, ...] | None = None) -> None:
        """Append one expansion of `rule` to the state's parts."""
        options = [a for a in self.rules[rule] if a.allowed(state.variables)]
        if not options:
            raise LanguageError(
                f"no alternative of {rule} fits {dict(sorted(state.variables.items()))}",
                where=self.name,
                remedy="add one",
            )
        chosen = state.rng.choices(options, [a.weight for a in options])[0]
        self._write(chosen.nodes, state, argument)

    def _write(
        self, nodes: tuple[Node, ...], state: Expansion, argument: tuple[Node, ...] | None
    ) -> None:
        for node in nodes:
            if isinstance(node, Text):
                state.emit(node.text)
            elif isinstance(node, Argument):
                self._write(argument or (), state, None)
            elif isinstance(node, Choice):
                self._write(state.rng.choice(node.options), state, argument)
            else:
                self._refer(node, state, argument)

    def _refer(self, node: Reference, state: Expansion, outer: tuple[Node, ...] | None) -> None:
        before = {k: state.variables.get(k) for k in ("e", "n", "field")}
        if node.claim is not None:
            state.variables.update(state.claims[node.claim])
        argument = node.argument
        if argument is not None and outer is not None:
            # `$` in an argument means the `$` of the rule in which it is written.
            argument = tuple(
                x for a in argument for x in (outer if isinstance(a, Argument) else (a,))
            )
        self.expand(node.name, state, argument)
        if node.name == "this":
            state.variables["said"] = "1"
        if node.claim is not None:
            for k, v in before.items():
                if v is None:
                    state.variables.pop(k, None)
                else:
                    state.variables[k] = v


def _conditions(text: str) -> tuple[Condition, ...]:
    out = []
    for part in text.split():
        match = re.fullmatch(r"([\w.]+)(!?=)([\w,+]*)", part)
        if match is None:
            raise ValueError(f"not a condition: {part}")
        out.append(Condition(match[1], frozenset(match[3].split(",")), match[2] == "!="))
    return tuple(out)


def _nodes(text: str, at: int, stop: str) -> tuple[tuple[Node, ...], int]:
    """Nodes from `at` to the first character of `stop` outside brackets, or the end."""
    nodes: list[Node] = []
    words = ""

    def flush() -> None:
        nonlocal words
        if words:
            nodes.append(Text(words))
        words = ""

    while at < len(text) and text[at] not in stop:
        c = text[at]
        if c == "(":
            flush()
            options = []
            while True:
                option, at = _nodes(text, at + 1, "|)")
                options.append(option)
                if at >= len(text):
                    raise ValueError("a ( without )")
                if text[at] == ")":
                    break
            nodes.append(Choice(tuple(options)))
        elif c == "<":
            flush()
            match = re.compile(r"<([\w]+)(?:\.(\w))?(:)?").match(text, at)
            if match is None:
                raise ValueError("a < that opens no reference")
            argument: tuple[Node, ...] | None = None
            at = match.end()
            if match[3]:
                argument, at = _nodes(text, at, ">")
            if at >= len(text) or text[at] != ">":
                raise ValueError("a < without >")
            nodes.append(Reference(match[1], match[2], argument))
        elif c == "$":
            flush()
            nodes.append(Argument())
        elif c in ")>":
            raise ValueError(f"a {c} too many")
        else:
            words += c
        at += 1
    flush()
    return tuple(nodes), at
