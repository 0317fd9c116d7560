"""Any server that speaks OpenAI's chat API: asked within limits, believed in nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeGuard
from urllib.parse import urlsplit

from whyrec.errors import ConfigError, LanguageError
from whyrec.language.backends.answers import read_text, read_texts
from whyrec.language.backends.base import BackendStats, DirectRequest
from whyrec.language.backends.limits import Breaker, Budget
from whyrec.language.backends.loop import LoopThread
from whyrec.language.backends.prompts import Form, Message, direct_messages, sketch_messages
from whyrec.language.shape import Shape

Format = Literal["json_schema", "json_object", "text"]

FORMATS: tuple[Format, ...] = ("json_schema", "json_object", "text")
"""How an answer's form is asked for, strictest first; a server that refuses one gets the next."""

SKETCHES_A_CALL = 12
"""More variants at once and models begin to repeat themselves."""

_log = logging.getLogger(__name__)

_MAX_ANSWER = 1_000_000
"""Bytes of one answer that are read before giving it up (`too-big`)."""

_RETRY = {"timeout", "connection", "http-408", "http-409", "http-425", "http-429"}
_HOPELESS = {"http-401", "http-403", "http-404", "quota"}
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Task:
    """One thing to ask for: the messages and which JSON answers them."""

    messages: tuple[Message, ...]
    key: Literal["texts", "text"]
    temperature: float
    max_tokens: int

    def response_format(self, level: Format) -> dict[str, Any] | None:
        if level == "text":
            return None
        if level == "json_object":
            return {"type": "json_object"}
        string: dict[str, Any] = {"type": "string"}
        value = {"type": "array", "items": string} if self.key == "texts" else string
        schema = {
            "type": "object",
            "properties": {self.key: value},
            "required": [self.key],
            "additionalProperties": False,
        }
        named = {"name": self.key, "strict": True, "schema": schema}
        return {"type": "json_schema", "json_schema": named}


class _FaultError(Exception):
    """One call came to nothing, under a fixed word. `after` is the pause the server asked for."""

    def __init__(self, code: str, *, after: float | None = None, hint: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.after = after
        self.hint = hint


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
            _Task(
                tuple(sketch_messages(shapes[k], m)), "texts", self._temperature, self._max_output
            )
            for k, m in parts
        ]
        out: list[list[str]] = [[] for _ in shapes]
        for (k, m), texts in zip(parts, self._ask(tasks), strict=True):
            out[k] += [t for t in dict.fromkeys(texts[:m]) if t not in out[k]]
        return out

    def write(self, requests: Sequence[DirectRequest]) -> list[str | None]:
        """One unverified text for each request, None where the server failed."""
        tasks = [
            _Task(
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

    def _ask(self, tasks: Sequence[_Task]) -> list[list[str]]:
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

    async def _gather(self, tasks: Sequence[_Task], loop: LoopThread) -> list[list[str]]:
        if self._client is None:
            self._client = self._make_client()
            loop.at_end(self._client.close)
        slots = self._slots = self._slots or asyncio.Semaphore(self._concurrency)
        # The very first call goes alone, so that one call and not eight finds the format.
        answered = asyncio.Event()
        if self._probed:
            answered.set()

        async def one(task: _Task) -> list[str]:
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

    async def _one(self, task: _Task, answered: asyncio.Event) -> list[str]:
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
            except _FaultError as fault:
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

    def _parameters(self, task: _Task) -> dict[str, Any]:
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

    def _adapt(self, fault: _FaultError, level: int, sent: dict[str, Any]) -> bool:
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

    def _judge(self, fault: _FaultError, attempt: int) -> float | None:
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

    async def _call(self, task: _Task, sent: dict[str, Any]) -> list[str]:
        import openai

        bound = len(json.dumps(sent["messages"]).encode()) + task.max_tokens
        try:
            async with asyncio.timeout(max(0.0, min(self._timeout, self._seconds_left()))):
                body = await self._body(sent)
        except (TimeoutError, openai.APITimeoutError):
            raise _FaultError("timeout") from None
        except openai.APIStatusError as error:
            raise _status_fault(error) from None
        except _FaultError:
            raise
        except Exception as error:
            # Whatever the client's layers make of a broken line or answer: refused, closed in
            # the middle, bad protocol, bad compression, … The server must not bring us down.
            _log.debug("%s: a call failed with %s", self.spec, type(error).__name__)
            raise _FaultError("connection") from None
        self._breaker.succeeded()
        content, finish = self._metered(body, bound)
        self._confirmed = self._probed = True
        if task.key == "texts":
            texts, code = read_texts(content, cut=finish == "length")
        else:
            text, code = read_text(content, cut=finish == "length")
            texts = [text] if text else []
        if code is not None:
            raise _FaultError(code)
        return texts

    async def _body(self, sent: dict[str, Any]) -> bytes:
        async with self._client.chat.completions.with_streaming_response.create(**sent) as answer:
            parts, size = [], 0
            async for part in answer.iter_bytes():
                size += len(part)
                if size > _MAX_ANSWER:
                    raise _FaultError("too-big")
                parts.append(part)
            return b"".join(parts)

    def _metered(self, body: bytes, bound: int) -> tuple[str, str | None]:
        """The answer's content and why it ended; counts its tokens."""
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            data = None
        usage = data.get("usage") if isinstance(data, dict) else None
        counts = usage if isinstance(usage, dict) else {}
        read, written = counts.get("prompt_tokens"), counts.get("completion_tokens")
        if _is_count(read) and _is_count(written):
            self.stats.input_tokens += read
            self.stats.output_tokens += written
        else:
            self.stats.unmetered += 1
            self._unmetered_tokens += bound
        choices = data.get("choices") if isinstance(data, dict) else None
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise _FaultError("bad-answer")
        finish = choice.get("finish_reason")
        if finish == "content_filter":
            raise _FaultError("filtered")
        if message.get("refusal"):
            raise _FaultError("refusal")
        return _text_of(message.get("content")), finish if isinstance(finish, str) else None


def _is_count(value: Any) -> TypeGuard[int]:
    """Whether a number of tokens can be believed at all."""
    return type(value) is int and 0 <= value < 10**9


def _text_of(content: Any) -> str:
    """A message's content as text: a string, or the text parts of a list."""
    if isinstance(content, list):
        parts = [p.get("text") for p in content if isinstance(p, dict)]
        return "".join(p for p in parts if isinstance(p, str))
    return content if isinstance(content, str) else ""


def _status_fault(error: Any) -> _FaultError:
    """The fixed word for an HTTP status; nothing of the server's own text is kept."""
    detail = error.body if isinstance(error.body, dict) else {}
    words = {str(detail.get(name)) for name in ("code", "type")}
    if words & {"insufficient_quota", "billing_hard_limit_reached"}:
        return _FaultError("quota")
    hint = str(detail.get("param") or "")
    if not hint:
        # Servers that name the parameter only in prose.
        message = str(detail.get("message") or "")
        quoted = [n for n in ("max_tokens", "temperature", "seed") if f"'{n}'" in message]
        hint = quoted[0] if quoted else ""
    after = _retry_after(error.response.headers.get("retry-after"), time.time)
    return _FaultError(f"http-{int(error.status_code)}", after=after, hint=hint)


def _retry_after(value: str | None, now: Callable[[], float]) -> float | None:
    """Seconds of a Retry-After header: a number or an HTTP date (RFC 9110, 10.2.3).

    Examples
    --------
    >>> _retry_after("2", lambda: 0.0), _retry_after("soon", lambda: 0.0)
    (2.0, None)
    >>> _retry_after("Thu, 01 Jan 1970 00:00:09 GMT", lambda: 4.0)
    5.0
    """
    if value is None:
        return None
    with suppress(ValueError):
        seconds = float(value)
        return seconds if 0 <= seconds < float("inf") else None
    with suppress(ValueError, TypeError, OverflowError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - now())
    return None


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
