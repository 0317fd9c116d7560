"""Any server that speaks OpenAI's chat API: asked within limits, believed in nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import threading
import time
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from whyrec.errors import ConfigError, LanguageError
from whyrec.language.backends.answers import read_text, read_texts
from whyrec.language.backends.base import BackendStats, DirectRequest
from whyrec.language.backends.limits import Breaker, Budget
from whyrec.language.backends.loop import LoopThread
from whyrec.language.backends.prompts import Form, direct_messages, sketch_messages
from whyrec.language.backends.wire import (
    FORMATS,
    FaultError,
    Format,
    Task,
    read_answer,
    status_fault,
)
from whyrec.language.shape import Shape

SKETCHES_A_CALL = 12
"""More variants at once and models begin to repeat themselves."""

_log = logging.getLogger(__name__)

_MAX_ANSWER = 1_000_000
"""Bytes of one answer that are read before giving it up (`too-big`)."""

_RETRY = {"timeout", "connection", "http-408", "http-409", "http-425", "http-429"}
_HOPELESS = {"http-401", "http-403", "http-404", "quota"}
_CONNECT_SECONDS = 5.0


class OpenAIBackend:
    """Asks a chat-completions server: OpenAI, vLLM, Ollama, llama.cpp or any other.

    It never raises for what the server did. Every request ends in texts or is counted in
    `stats.failures` under one of: `timeout`, `connection`, `http-NNN`, `quota`, `refusal`,
    `filtered`, `empty`, `truncated`, `bad-json`, `bad-answer` (no chat completion), `too-big`,
    `budget`, `breaker`.

    Parameters
    ----------
    model
        The server's name for the model.
    base_url
        Where the server is (`http://localhost:11434/v1`); default `OPENAI_BASE_URL`, else OpenAI.
    api_key_env
        Name of the environment variable that holds the key. With a `base_url` it may be unset.
    timeout
        Seconds for one whole call, however slowly the answer drips.
    retries
        Further calls after one that timed out, broke off, was throttled or met HTTP 5xx.
    backoff
        Seconds before the first retry; doubles each time, with full jitter. `Retry-After` goes
        first, up to `max_wait` seconds; a longer one ends the request and holds all others.
    concurrency
        Calls under way at once.
    max_calls, max_tokens, max_seconds
        The budget over the backend's life: calls, tokens of input and output, seconds of `sketches`
        and `write`. When it is spent nothing more is asked. A call without a reported usage counts
        with the most tokens that it can have had (bytes sent and `max_output`).
    max_output
        Tokens of one answer.
    temperature
        Of sketches; direct texts are asked for at a third of it.
    seed
        Passed to the server, and of the jitter.
    breaker, cooldown
        After so many failed calls in a row no more are made for that many seconds.
    form
        How facts are put to the model in direct mode; see `prompts.FORMS`.

    Raises
    ------
    ConfigError
        For an option out of range or a URL that is none or holds a password.
    LanguageError
        Without `base_url` and without a key.
    """

    direct = True

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key_env: str = "OPENAI_API_KEY",
        timeout: float = 60.0,
        retries: int = 2,
        backoff: float = 0.5,
        max_wait: float = 30.0,
        concurrency: int = 8,
        max_calls: int | None = None,
        max_tokens: int | None = None,
        max_seconds: float | None = None,
        max_output: int = 2_048,
        temperature: float = 0.9,
        seed: int = 0,
        breaker: int = 5,
        cooldown: float = 30.0,
        form: Form = "keywords",
    ) -> None:
        for name, value, low in (
            ("timeout", timeout, 1e-3),
            ("retries", retries, 0),
            ("backoff", backoff, 0),
            ("max_wait", max_wait, 0),
            ("concurrency", concurrency, 1),
            ("max_output", max_output, 16),
            ("temperature", temperature, 0),
            ("cooldown", cooldown, 0),
        ):
            if not low <= value < float("inf"):
                raise ConfigError(f"is {value}", where=name, remedy=f"give {low} or more")
        self.spec = f"openai:{model}"
        self.model = model
        self.stats = BackendStats()
        self._base_url = _checked_url(base_url or os.environ.get("OPENAI_BASE_URL"))
        self._api_key_env = api_key_env
        if not os.environ.get(api_key_env) and self._base_url is None:
            raise LanguageError(
                f"needs a key and {api_key_env} is not set",
                where=self.spec,
                remedy=f"set {api_key_env}, or give base_url for a server of your own",
            )
        self._timeout = timeout
        self._retries = retries
        self._backoff = backoff
        self._max_wait = max_wait
        self._concurrency = concurrency
        self._budget = Budget(max_calls, max_tokens, max_seconds)
        self._unmetered_tokens = 0
        self._max_output = max_output
        self._temperature = temperature
        self._seed = seed
        self._form = form
        self._random = random.Random(seed)
        self._breaker = Breaker(breaker, cooldown)
        self._starts: list[float] = []
        self._lock = threading.Lock()
        self._level = 0
        self._confirmed = False
        self._probed = False
        self._slots: asyncio.Semaphore | None = None
        self._hold_until = 0.0
        self._rejected: set[str] = set()
        self._loop: LoopThread | None = None
        self._client: Any = None

    def __repr__(self) -> str:
        host = urlsplit(self._base_url).netloc if self._base_url else "default"
        return f"OpenAIBackend({self.model!r}, host={host!r})"

    @property
    def answer_format(self) -> Format:
        """The form of answer that the server is asked for, as far as is known."""
        return FORMATS[self._level]

    def sketches(self, shapes: Sequence[Shape], n: int) -> list[list[str]]:
        """Up to n candidate texts with `{slot}`s for each shape, unverified."""
        parts = [
            (k, min(SKETCHES_A_CALL, n - done))
            for k in range(len(shapes))
            for done in range(0, n, SKETCHES_A_CALL)
        ]
        tasks = [
            Task(tuple(sketch_messages(shapes[k], m)), "texts", self._temperature, self._max_output)
            for k, m in parts
        ]
        out: list[list[str]] = [[] for _ in shapes]
        for (k, m), texts in zip(parts, self._ask(tasks), strict=True):
            out[k] += [t for t in dict.fromkeys(texts[:m]) if t not in out[k]]
        return out

    def write(self, requests: Sequence[DirectRequest]) -> list[str | None]:
        """One unverified text for each request, None where the server failed."""
        tasks = [
            Task(
                tuple(direct_messages(r, self._form)),
                "text",
                self._temperature / 3,
                self._max_output,
            )
            for r in requests
        ]
        return [texts[0] if texts else None for texts in self._ask(tasks)]

    def close(self) -> None:
        """Close connections and end the thread; the next call opens them again."""
        with self._lock:
            loop, self._loop, self._client = self._loop, None, None
        if loop is not None:
            loop.close()

    # One call of `sketches` or `write` ------------------------------------------------------

    def _ask(self, tasks: Sequence[Task]) -> list[list[str]]:
        if not tasks:
            return []
        start = time.monotonic()
        with self._lock:
            self._starts.append(start)
            if self._loop is None or not self._loop.alive:
                # Also after a fork, which copies the object but not the thread.
                self._loop = LoopThread("whyrec-openai")
                self._client = self._slots = None
            loop = self._loop
        try:
            return loop.run(self._gather(tasks, loop))
        finally:
            with self._lock:
                self._starts.remove(start)
                self.stats.seconds += time.monotonic() - start

    async def _gather(self, tasks: Sequence[Task], loop: LoopThread) -> list[list[str]]:
        if self._client is None:
            self._client = self._make_client()
            loop.at_end(self._client.close)
        slots = self._slots = self._slots or asyncio.Semaphore(self._concurrency)
        # The very first call goes alone, so that one call and not eight finds the format.
        answered = asyncio.Event()
        if self._probed:
            answered.set()

        async def one(task: Task) -> list[str]:
            async with slots:
                if task is not tasks[0]:
                    await answered.wait()
                try:
                    return await self._one(task, answered)
                finally:
                    answered.set()

        async with asyncio.TaskGroup() as group:
            running = [group.create_task(one(task)) for task in tasks]
        return [task.result() for task in running]

    def _make_client(self) -> Any:
        from openai import AsyncOpenAI, Timeout

        key = os.environ.get(self._api_key_env)
        return AsyncOpenAI(
            # The client insists on a key; servers without one ignore it.
            api_key=key or "none",
            base_url=self._base_url,
            timeout=Timeout(self._timeout, connect=min(_CONNECT_SECONDS, self._timeout)),
            max_retries=0,
        )

    # One request ----------------------------------------------------------------------------

    async def _one(self, task: Task, answered: asyncio.Event) -> list[str]:
        """Ask until there is an answer or no hope of one; every way out is counted."""
        self.stats.requests += 1
        last: str | None = None
        attempt = 0
        while True:
            refused = await self._gate()
            if refused is not None:
                self.stats.fail(last or refused)
                return []
            if last is not None:
                self.stats.retry(last)
            level, sent = self._level, self._parameters(task)
            try:
                texts = await self._call(task, sent)
            except FaultError as fault:
                last = fault.code
                if self._adapt(fault, level, sent):
                    continue
                self._probed = True
                answered.set()
                wait = self._judge(fault, attempt)
                if wait is None:
                    self.stats.fail(last)
                    return []
                attempt += 1
                await asyncio.sleep(wait)
            else:
                self.stats.answers += 1
                return texts

    async def _gate(self) -> Literal["budget", "breaker"] | None:
        """Whether the next call must not be made; a call that may is counted here."""
        while (wait := self._hold_until - time.monotonic()) > 0:
            if wait > self._seconds_left():
                return "budget"
            await asyncio.sleep(wait)
        tokens = self.stats.input_tokens + self.stats.output_tokens + self._unmetered_tokens
        if self._budget.spent(self.stats.calls, tokens, self._seconds_spent()):
            return "budget"
        if not self._breaker.admit():
            return "breaker"
        self.stats.calls += 1
        return None

    def _seconds_spent(self) -> float:
        now = time.monotonic()
        return self.stats.seconds + sum(now - start for start in tuple(self._starts))

    def _seconds_left(self) -> float:
        limit = self._budget.seconds
        return float("inf") if limit is None else limit - self._seconds_spent()

    def _parameters(self, task: Task) -> dict[str, Any]:
        sent: dict[str, Any] = {
            "model": self.model,
            "messages": list(task.messages),
            "temperature": task.temperature,
            "seed": self._seed,
            "max_tokens": task.max_tokens,
        }
        if "max_tokens" in self._rejected:
            sent["max_completion_tokens"] = sent.pop("max_tokens")
        for name in self._rejected & set(sent):
            del sent[name]
        if form := task.response_format(FORMATS[self._level]):
            sent["response_format"] = form
        return sent

    def _adapt(self, fault: FaultError, level: int, sent: dict[str, Any]) -> bool:
        """Whether a refused call is worth making again in a form that the server may take."""
        if fault.code not in {"http-400", "http-422", "http-501"}:
            return False
        self._breaker.succeeded()
        for name in ("max_completion_tokens", "max_tokens", "temperature", "seed"):
            if fault.hint == name and name in sent and name not in self._rejected:
                self._rejected.add(name)
                return True
        if level < self._level:
            return True
        # Once a form was taken, a refusal is about the request and not about the form.
        if not self._confirmed and self._level + 1 < len(FORMATS):
            self._level += 1
            return True
        return False

    def _judge(self, fault: FaultError, attempt: int) -> float | None:
        """Seconds until the next try, None for no more; the breaker learns what happened."""
        code, last = fault.code, attempt >= self._retries
        if code in _HOPELESS:
            self._breaker.stop()
            return None
        down = code.startswith("http-5") or code in {"timeout", "connection"}
        # Throttling is no outage unless even patience does not help.
        if down or (code == "http-429" and last):
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        if not (down or code in _RETRY):
            return None
        if fault.after is not None and fault.after > self._max_wait:
            self._breaker.pause(fault.after)
            return None
        wait = self._random.uniform(0.5, 1.0) * self._backoff * 2.0**attempt
        if fault.after is not None:
            wait = fault.after
        if code == "http-429" or fault.after is not None:
            # All calls wait: the limit is the server's and not this request's.
            self._hold_until = max(self._hold_until, time.monotonic() + wait)
        return None if last or wait > self._seconds_left() else wait

    # One call -------------------------------------------------------------------------------

    async def _call(self, task: Task, sent: dict[str, Any]) -> list[str]:
        import openai

        bound = len(json.dumps(sent["messages"]).encode()) + task.max_tokens
        try:
            async with asyncio.timeout(max(0.0, min(self._timeout, self._seconds_left()))):
                body = await self._body(sent)
        except (TimeoutError, openai.APITimeoutError):
            raise FaultError("timeout") from None
        except openai.APIStatusError as error:
            raise status_fault(error) from None
        except FaultError:
            raise
        except Exception as error:
            # Whatever the client's layers make of a broken line or answer: refused, closed in
            # the middle, bad protocol, bad compression, … The server must not bring us down.
            _log.debug("%s: a call failed with %s", self.spec, type(error).__name__)
            raise FaultError("connection") from None
        self._breaker.succeeded()
        answer = read_answer(body)
        if answer.tokens is None:
            self.stats.unmetered += 1
            self._unmetered_tokens += bound
        else:
            self.stats.input_tokens += answer.tokens[0]
            self.stats.output_tokens += answer.tokens[1]
        if answer.fault is not None:
            raise FaultError(answer.fault)
        self._confirmed = self._probed = True
        cut = answer.finish == "length"
        if task.key == "texts":
            texts, code = read_texts(answer.content, cut=cut)
        else:
            text, code = read_text(answer.content, cut=cut)
            texts = [text] if text else []
        if code is not None:
            raise FaultError(code)
        return texts

    async def _body(self, sent: dict[str, Any]) -> bytes:
        async with self._client.chat.completions.with_streaming_response.create(**sent) as answer:
            parts, size = [], 0
            async for part in answer.iter_bytes():
                size += len(part)
                if size > _MAX_ANSWER:
                    raise FaultError("too-big")
                parts.append(part)
            return b"".join(parts)


def _checked_url(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(
            "is not a URL", where="base_url", remedy="give one such as http://localhost:11434/v1"
        )
    if parts.username or parts.password:
        raise ConfigError(
            "holds a password",
            where="base_url",
            remedy="put the key in an environment variable and name it with api_key_env",
        )
    return url
