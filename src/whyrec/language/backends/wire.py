"""What goes over the wire to a chat-completions server: requests, answers, and faults by name."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeGuard

from whyrec.language.backends.prompts import Message

Format = Literal["json_schema", "json_object", "text"]

FORMATS: tuple[Format, ...] = ("json_schema", "json_object", "text")
"""How an answer's form is asked for, strictest first; a server that refuses one gets the next."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to ask for: the messages and which JSON answers them."""

    messages: tuple[Message, ...]
    key: Literal["texts", "text"]
    temperature: float
    max_tokens: int

    def response_format(self, level: Format) -> dict[str, Any] | None:
        """The `response_format` of that level, None for none."""
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


class FaultError(Exception):
    """One call came to nothing, under a fixed word. `after` is the pause the server asked for."""

    def __init__(self, code: str, *, after: float | None = None, hint: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.after = after
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Answer:
    """A chat completion: its text, why it ended, and the tokens reported (None if they were not)."""

    content: str
    finish: str | None
    tokens: tuple[int, int] | None
    fault: str | None


def read_answer(body: bytes) -> Answer:
    """The answer in a response's body, whatever the body is.

    Examples
    --------
    >>> read_answer(b"<html>").fault
    'bad-answer'
    >>> read_answer(b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}')
    Answer(content='Hi', finish='stop', tokens=None, fault=None)
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    usage = data.get("usage") if isinstance(data, dict) else None
    counts = usage if isinstance(usage, dict) else {}
    read, written = counts.get("prompt_tokens"), counts.get("completion_tokens")
    tokens = (read, written) if _is_count(read) and _is_count(written) else None
    choices = data.get("choices") if isinstance(data, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return Answer("", None, tokens, "bad-answer")
    finish = choice.get("finish_reason")
    fault = None
    if finish == "content_filter":
        fault = "filtered"
    elif message.get("refusal"):
        fault = "refusal"
    ended = finish if isinstance(finish, str) else None
    return Answer(_text_of(message.get("content")), ended, tokens, fault)


def _is_count(value: Any) -> TypeGuard[int]:
    """Whether a number of tokens can be believed at all."""
    return type(value) is int and 0 <= value < 10**9


def _text_of(content: Any) -> str:
    """A message's content as text: a string, or the text parts of a list."""
    if isinstance(content, list):
        parts = [p.get("text") for p in content if isinstance(p, dict)]
        return "".join(p for p in parts if isinstance(p, str))
    return content if isinstance(content, str) else ""


def status_fault(error: Any) -> FaultError:
    """The fixed word for an HTTP status; nothing of the server's own text is kept."""
    detail = error.body if isinstance(error.body, dict) else {}
    words = {str(detail.get(name)) for name in ("code", "type")}
    if words & {"insufficient_quota", "billing_hard_limit_reached"}:
        return FaultError("quota")
    hint = str(detail.get("param") or "")
    if not hint:
        # Servers that name the parameter only in prose.
        message = str(detail.get("message") or "")
        quoted = [n for n in ("max_tokens", "temperature", "seed") if f"'{n}'" in message]
        hint = quoted[0] if quoted else ""
    after = _retry_after(error.response.headers.get("retry-after"), time.time)
    return FaultError(f"http-{int(error.status_code)}", after=after, hint=hint)


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
