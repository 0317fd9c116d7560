"""What the command prints: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from rich.console import Console


def safe(text: object) -> str:
    """Outside text without the control characters that could drive a terminal.

    Examples
    --------
    >>> safe("red\\x1b[31m mug")
    'red�[31m mug'
    """
    return "".join(c if c.isprintable() else "�" for c in str(text))


def json_line(value: Any) -> None:
    """Print one JSON value on a line of its own, Chinese as it is, never NaN."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")


class _Decoded:
    """A binary face of a text stream that has none (a test's, a notebook's)."""

    def write(self, data: bytes) -> int:
        sys.stdout.write(data.decode("utf-8"))
        return len(data)

    def flush(self) -> None:
        sys.stdout.flush()


def binary() -> IO[bytes]:
    """Standard output for bytes."""
    sys.stdout.flush()
    return getattr(sys.stdout, "buffer", None) or cast(IO[bytes], _Decoded())


def stdout() -> Console:
    """Where results go."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def stderr() -> Console:
    """Where progress, notes and errors go."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def error(message: str) -> None:
    """Print the one line that an error gets."""
    sys.stderr.write(f"whyrec: {safe(' '.join(message.split()))}\n")


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, where that is a terminal; yields a function that says how much was done."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = stderr()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(title, total=total)
        yield lambda n: bar.update(task, advance=n)


@contextmanager
def working(title: str) -> Iterator[None]:
    """A spinner on stderr, where that is a terminal."""
    console = stderr()
    if not console.is_terminal:
        yield
        return
    with console.status(title):
        yield
