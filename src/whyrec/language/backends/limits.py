"""What keeps asking a server within bounds: a budget, and a breaker for when it is down."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from whyrec.errors import ConfigError

Gate = Literal["go", "budget", "breaker"]


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a backend may spend in its life; None is no limit.

    `tokens` counts input and output. Calls under way when it is spent still finish.
    """

    calls: int | None = None
    tokens: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "seconds"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ConfigError(f"is {value}", where=f"max_{name}", remedy="give 0 or more")

    def spent(self, calls: int, tokens: int, seconds: float) -> bool:
        """Whether nothing more may be asked.

        Examples
        --------
        >>> Budget(calls=3).spent(calls=3, tokens=0, seconds=0.0)
        True
        """
        return (
            (self.calls is not None and calls >= self.calls)
            or (self.tokens is not None and tokens >= self.tokens)
            or (self.seconds is not None and seconds >= self.seconds)
        )


class Breaker:
    """Stops asking a server that is down, so that a thousand requests do not wait a thousand times.

    After `threshold` failures in a row it opens for `cooldown` seconds; then one call is let through
    to see: if it succeeds everything goes on, otherwise it waits again. `stop` opens it for good
    (a wrong key does not get better by asking).

    Examples
    --------
    >>> now = [0.0]
    >>> breaker = Breaker(threshold=2, cooldown=10.0, clock=lambda: now[0])
    >>> breaker.failed(); breaker.failed(); breaker.admit()
    False
    >>> now[0] = 11.0
    >>> breaker.admit(), breaker.admit()
    (True, False)
    >>> breaker.succeeded(); breaker.admit()
    True
    """

    def __init__(
        self, threshold: int, cooldown: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if threshold < 1:
            raise ConfigError(f"is {threshold}", where="breaker", remedy="give 1 or more")
        self.threshold = threshold
        self.cooldown = cooldown
        self._clock = clock
        self._row = 0
        self._until: float | None = None

    @property
    def open(self) -> bool:
        """Whether calls are refused at the moment."""
        return self._until is not None and self._clock() < self._until

    def admit(self) -> bool:
        """Whether a call may be made now; after the cool-down the first caller is the probe."""
        if self.open:
            return False
        if self._until is not None:
            # The others wait for what the probe finds; one that is never heard of is forgotten.
            self._until = self._clock() + self.cooldown
        return True

    def succeeded(self) -> None:
        """The server answered: a fault in the answer is not a fault of the line."""
        self._row = 0
        if self._until != float("inf"):
            self._until = None

    def failed(self) -> None:
        """The server did not answer or answered that it cannot."""
        self._row += 1
        if self._row >= self.threshold:
            self.pause(self.cooldown)

    def pause(self, seconds: float) -> None:
        """Open for that long, whatever came before: the server asked for it."""
        self._until = max(self._clock() + seconds, self._until or 0.0)

    def stop(self) -> None:
        """No call will succeed: stays open for good."""
        self._until = float("inf")
