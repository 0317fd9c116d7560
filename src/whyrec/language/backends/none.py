"""The backend that writes nothing: every text then comes from the realiser."""

from __future__ import annotations

from collections.abc import Sequence

from whyrec.language.backends.base import BackendStats, DirectRequest
from whyrec.language.shape import Shape


class NoneBackend:
    """No language model at all.

    Examples
    --------
    >>> NoneBackend().sketches([], 4)
    []
    """

    spec = "none"
    direct = False

    def __init__(self) -> None:
        self.stats = BackendStats()

    def __repr__(self) -> str:
        return "NoneBackend()"

    def sketches(self, shapes: Sequence[Shape], n: int) -> list[list[str]]:
        """No candidate for any shape."""
        return [[] for _ in shapes]

    def write(self, requests: Sequence[DirectRequest]) -> list[str | None]:
        """No text for any pair."""
        return [None for _ in requests]
