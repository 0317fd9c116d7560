"""An event loop in a thread of its own, so that plain functions can wait on many calls at once."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_WAKE_SECONDS = 0.2


class LoopThread:
    """Runs coroutines for callers that are not asynchronous, also inside a running loop (Jupyter).

    Examples
    --------
    >>> loop = LoopThread("example")
    >>> loop.run(asyncio.sleep(0, "done"))
    'done'
    >>> loop.close(); loop.alive
    False
    """

    def __init__(self, name: str) -> None:
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()
        self._last: list[Callable[[], Coroutine[Any, Any, object]]] = []
        self._end = weakref.finalize(self, _stop, self._loop, self._thread, self._pid, self._last)

    @property
    def alive(self) -> bool:
        """Whether it can run something; after a fork the child's copy cannot."""
        return self._end.alive and self._pid == os.getpid() and self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; an interrupt of the caller cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while True:
                # Ctrl-C does not wake a thread that waits without end on every system.
                with suppress(TimeoutError):
                    return future.result(timeout=_WAKE_SECONDS)
                if future.done():
                    return future.result()
        except BaseException:
            future.cancel()
            raise

    def at_end(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Have a coroutine run before the loop ends, for example to close connections.

        `work` must not hold what holds this object, or neither is ever freed.
        """
        self._last.append(work)

    def close(self) -> None:
        """End the loop and its thread; a second call does nothing."""
        self._end()


def _stop(
    loop: asyncio.AbstractEventLoop,
    thread: threading.Thread,
    pid: int,
    last: Sequence[Callable[[], Coroutine[Any, Any, object]]],
) -> None:
    if pid != os.getpid() or not thread.is_alive():
        return

    async def finish() -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for work in last:
            with suppress(Exception):
                await work()
        await loop.shutdown_asyncgens()

    done = asyncio.run_coroutine_threadsafe(finish(), loop)
    if thread is not threading.current_thread():
        with suppress(TimeoutError, CancelledError):
            done.result(timeout=2)
    loop.call_soon_threadsafe(loop.stop)
    if thread is not threading.current_thread():
        thread.join(timeout=2)
    if not loop.is_running():
        loop.close()
