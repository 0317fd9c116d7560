"""Explanations of many users: shared out in pieces, written in order, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from whyrec.batch.job import Job, Summary
from whyrec.batch.pool import Pool
from whyrec.batch.tables import check_format
from whyrec.batch.work import Writer
from whyrec.data.files import atomic_file
from whyrec.errors import ConfigError
from whyrec.recommend.threads import threads

if TYPE_CHECKING:
    from whyrec.recommend.bundle import Bundle

PIECE = 128
"""Users a task; the same whatever the number of processes, so the output is the same too."""

ALONE = 512
"""Users below which starting another process costs more than it saves."""


class _Sink(Protocol):
    """Takes the parts in their order."""

    parquet: bool

    def add(self, part: Path) -> None: ...

    def close(self) -> None: ...


class _Lines:
    """Parts one after another into an open file."""

    parquet = False

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def add(self, part: Path) -> None:
        with part.open("rb") as lines:
            shutil.copyfileobj(lines, self._out)
        part.unlink()

    def close(self) -> None:
        self._out.flush()


class _Parquet:
    """Parts kept until the end and then streamed into one file."""

    parquet = True

    def __init__(self, out: Path) -> None:
        self._out = out
        self._parts: list[Path] = []

    def add(self, part: Path) -> None:
        self._parts.append(part)

    def close(self) -> None:
        from whyrec.batch.tables import join_parquet

        join_parquet(self._parts, self._out)


def explain_users(
    job: Job,
    users: Sequence[str],
    out: str | Path | IO[bytes],
    *,
    processes: int | None = None,
    bundle: Bundle | None = None,
    progress: Callable[[int], None] | None = None,
) -> Summary:
    """Explain the lists of many users into a Parquet or JSON Lines file, or an open binary stream.

    Memory is bounded by the pieces in work, not by the number of users. The output depends on the
    model, the users and the sketch book, never on the number of processes.

    Parameters
    ----------
    job
        What is written of each user.
    users
        Ids, in the order of the output.
    out
        `….parquet`, `….jsonl` (appears whole at the end, or not at all), or a stream.
    processes
        Worker processes; by default as many as threads are allowed (`WHYREC_THREADS`, else the
        cores), one for few users. With 1 the work is done in this process.
    bundle
        The job's bundle, where it is loaded already.
    progress
        Called with the number of users done since the last call.

    Raises
    ------
    WhyrecError
        If the model, a user, an option or the place is not usable; nothing is left at `out` then.
    """
    with ExitStack() as stack:
        home: Path | None = None
        if isinstance(out, str | Path):
            check_format(out)
            place = stack.enter_context(atomic_file(out))
            home = place.parent
            sink: _Sink = (
                _Parquet(place)
                if Path(out).suffix == ".parquet"
                else _Lines(stack.enter_context(place.open("wb")))
            )
        else:
            sink = _Lines(out)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=".whyrec-", dir=home))
        tasks: Iterator[dict[str, Any]] = (
            {
                "users": list(users[start : start + PIECE]),
                "part": str(Path(folder) / f"{start:012d}"),
                "parquet": sink.parquet,
            }
            for start in range(0, len(users), PIECE)
        )
        summary = Summary()
        book = Path(folder) / "book.jsonl"
        workers = _processes(processes, len(users), job)
        for task, answer in _answers(Writer(job, bundle), tasks, len(users), workers, book):
            sink.add(Path(task["part"]))
            summary.add(answer)
            if progress is not None:
                progress(len(task["users"]))
        sink.close()
        return summary


def _answers(
    writer: Writer, tasks: Iterator[dict[str, Any]], users: int, workers: int, book: Path
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each task with the summary of its part, in order.

    The first piece is written here, so that the model's book gets most of the sketches that the
    others need; these start from a copy of it. A language model that would answer every process
    differently is asked for everything before the work is shared out.
    """

    def here(task: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        return task, writer.write(task["users"], Path(task["part"]), parquet=task["parquet"])

    if users > PIECE and not writer.repeatable:
        writer.fill()
        writer = Writer(writer.copy_book(book), writer.bundle)
    first = next(tasks, None)
    if first is not None:
        yield here(first)
    if workers == 1 or users <= PIECE:
        yield from map(here, tasks)
        return
    with Pool(writer.copy_book(book).to_json(), workers) as pool:
        yield from pool.map(tasks)


def _processes(wanted: int | None, users: int, job: Job) -> int:
    pieces = -(-users // PIECE) or 1
    if wanted is not None:
        if wanted < 1:
            raise ConfigError(
                f"{wanted} is not 1 or more", where="processes", remedy="for example 2"
            )
        return min(wanted, pieces)
    if users < ALONE or job.mode == "direct":  # a direct text waits for its server, not for us
        return 1
    return min(threads(), pieces)
