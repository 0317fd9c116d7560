"""What every language-model backend promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from whyrec.language.shape import Shape


@dataclass(frozen=True, slots=True)
class DirectRequest:
    """One text to be written about one pair, with everything that may be said.

    `claims` are sentences' worth of facts as plain dictionaries with titles and labels already in
    `lang`; `fallback` is a verified text that says the same; `problems` are what the verifier found
    in the first try, for the one repair.
    """

    lang: str
    domain: str
    tone: str
    item: str
    claims: tuple[dict[str, Any], ...]
    fallback: str
    previous: str | None = None
    problems: tuple[str, ...] = ()


@dataclass
class BackendStats:
    """What asking cost: counted, never estimated.

    Attributes
    ----------
    requests, answers, failures
        A request is one shape or one pair that a model was to write for. Each ends once, in texts
        (`answers`) or in a failure under a fixed word: `requests == answers + sum(failures)`.
    calls, retried
        A call is one HTTP request or one generation. A call that failed and was made again stands
        in `retried` under its word, so that for a server `calls == sum(retried) + requests -
        failures["budget"] - failures["breaker"]` (those two ended before any call).
    input_tokens, output_tokens
        As the model or server reported them; `unmetered` calls reported none.
    seconds
        Wall time spent in `sketches` and `write`.
    """

    calls: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    requests: int = 0
    answers: int = 0
    retried: dict[str, int] = field(default_factory=dict)
    unmetered: int = 0

    def fail(self, code: str) -> None:
        """Count one failure under a fixed word (`timeout`, `http-500`, `bad-json`, …)."""
        self.failures[code] = self.failures.get(code, 0) + 1

    def retry(self, code: str) -> None:
        """Count one call that failed under that word and is made again."""
        self.retried[code] = self.retried.get(code, 0) + 1

    def to_json(self) -> dict[str, Any]:
        """The counts under their names."""
        return asdict(self)


class Backend(Protocol):
    """A writer. It never raises for what the model or server did: it returns fewer texts and counts."""

    spec: str
    stats: BackendStats
    direct: bool
    """Whether `write` can be used; nano and none only make sketches."""

    def sketches(self, shapes: Sequence[Shape], n: int) -> list[list[str]]:
        """Up to n candidate texts with `{slot}`s for each shape, unverified."""

    def write(self, requests: Sequence[DirectRequest]) -> list[str | None]:
        """One unverified text for each request, None where the model failed."""
