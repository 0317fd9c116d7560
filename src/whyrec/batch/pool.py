"""Worker processes that talk JSON lines: no pickle, no `__main__` guard, no Ctrl-C of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

import whyrec
from whyrec.errors import ModelError, WhyrecError

ONE_THREAD = dict.fromkeys(
    (
        "WHYREC_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "POLARS_MAX_THREADS",
    ),
    "1",
)
"""Each worker is one thread: the processes share the cores, BLAS must not take them twice."""


class Worker:
    """One process that does one task at a time.

    It runs in a session of its own, so Ctrl-C in the terminal reaches the parent only, which then
    ends it; and it ends by itself when its standard input closes, so no orphan outlives a parent.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        home = str(Path(whyrec.__file__).resolve().parent.parent)
        path = os.pathsep.join(p for p in (home, os.environ.get("PYTHONPATH", "")) if p)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "whyrec.batch.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": path, "PYTHONUTF8": "1"},
            start_new_session=True,
            text=True,
            encoding="utf-8",
        )
        self._send(job)

    def _send(self, value: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it died: the missing answer says so
            self._process.stdin.write(json.dumps(value) + "\n")
            self._process.stdin.flush()

    def work(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """What the worker answers to the task.

        Raises
        ------
        WhyrecError, OSError
            The one that the worker met, or that it died.
        RuntimeError
            For a bug that it met.
        """
        assert self._process.stdout is not None
        self._send(task)
        line = self._process.stdout.readline()
        if not line:
            raise ModelError(
                f"a worker process ended with status {self._process.wait()}",
                where="batch",
                remedy="if memory ran out, take --processes 1; its own words are above",
            )
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            error = WhyrecError("")
            error.args = (answer["error"],)
            raise error
        if "os" in answer:
            raise OSError(*answer["os"])
        if "bug" in answer:
            raise RuntimeError(answer["bug"])
        return answer

    def end(self, *, now: bool) -> None:
        """Let it finish, or end it at once."""
        if now:
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()


class Pool:
    """So many workers; answers come in the order of the tasks, a bounded number of them ahead."""

    def __init__(self, job: Mapping[str, Any], processes: int) -> None:
        self._workers = [Worker(job) for _ in range(processes)]
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)
        self._threads = ThreadPoolExecutor(processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for worker in self._workers:
            worker.end(now=kind is not None)
        self._threads.shutdown(cancel_futures=True)

    def _do(self, task: Mapping[str, Any]) -> dict[str, Any]:
        worker = self._free.get()
        try:
            return worker.work(task)
        finally:
            self._free.put(worker)

    def map(
        self, tasks: Iterable[dict[str, Any]]
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Each task with its answer, in the order of `tasks`."""
        waiting: deque[tuple[dict[str, Any], Future[dict[str, Any]]]] = deque()
        for task in tasks:
            waiting.append((task, self._threads.submit(self._do, task)))
            if len(waiting) > 2 * len(self._workers):
                done, answer = waiting.popleft()
                yield done, answer.result()
        while waiting:
            done, answer = waiting.popleft()
            yield done, answer.result()
