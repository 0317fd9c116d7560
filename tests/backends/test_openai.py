"""The OpenAI-compatible backend against a real server that answers well, badly, late or never."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from tests.backends.chat_server import ChatServer, Reply, Script, dead_url, text, texts

from whyrec.errors import ConfigError, LanguageError
from whyrec.language.backends.base import BackendStats, DirectRequest
from whyrec.language.backends.openai import OpenAIBackend
from whyrec.language.shape import Shape

SHAPE = Shape.parse("en|film|plain|history(own,2,rating)")
GOOD = "You rated {history} highly."
REQUEST = DirectRequest("en", "film", "plain", "“Alien”", ({"kind": "history"},), "You did.")


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def make(url: str, **options: Any) -> OpenAIBackend:
    return OpenAIBackend("m", **{"base_url": url, "timeout": 5.0, "backoff": 0.001} | options)


def adds_up(stats: BackendStats) -> bool:
    unsent = stats.failures.get("budget", 0) + stats.failures.get("breaker", 0)
    return (
        stats.requests == stats.answers + sum(stats.failures.values())
        and stats.calls == sum(stats.retried.values()) + stats.requests - unsent
    )


def always(reply: Reply) -> Script:
    return lambda request, number: reply


def test_a_good_answer_comes_through_and_everything_is_counted() -> None:
    with ChatServer(always(Reply(texts(GOOD, "Highly rated: {history}.")))) as server:
        backend = make(server.url)
        assert backend.sketches([SHAPE, SHAPE], 4) == [[GOOD, "Highly rated: {history}."]] * 2
        assert backend.write([]) == []
    assert backend.stats.to_json() | {"seconds": 0} == {
        "calls": 2,
        "failures": {},
        "input_tokens": 22,
        "output_tokens": 14,
        "seconds": 0,
        "requests": 2,
        "answers": 2,
        "retried": {},
        "unmetered": 0,
    }
    assert backend.stats.seconds > 0


def test_several_variants_are_asked_for_at_once_and_never_more_than_n_returned() -> None:
    with ChatServer(always(Reply(texts(*(f"{k} {{history}}" for k in range(20)))))) as server:
        backend = make(server.url)
        (found,) = backend.sketches([SHAPE], 5)
        assert len(found) == 5
        assert "5 different templates" in server.requests[0]["messages"][1]["content"]
        assert len(server.requests) == 1
        backend.sketches([SHAPE], 15)
        assert len(server.requests) == 3, "15 variants are two calls, of 12 and 3"


def test_structured_output_is_asked_for() -> None:
    with ChatServer(always(Reply(text("You did.")))) as server:
        assert make(server.url).write([REQUEST]) == ["You did."]
    form = server.requests[0]["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["schema"]["required"] == ["text"]


@pytest.mark.parametrize("taken", ["json_object", "text"])
def test_a_server_without_structured_output_is_asked_differently_once_and_for_all(
    taken: str,
) -> None:
    def script(request: dict[str, Any], number: int) -> Reply:
        form = request.get("response_format", {"type": "text"})["type"]
        if form != taken:
            return Reply(status=400, error={"message": "response_format is not supported"})
        return Reply("1. " + GOOD if taken == "text" else texts(GOOD))

    with ChatServer(script) as server:
        backend = make(server.url)
        assert backend.sketches([SHAPE] * 20, 1) == [[GOOD]] * 20
        assert backend.answer_format == taken
        assert backend.stats.answers == 20
        assert backend.stats.retried == {"http-400": 1 if taken == "json_object" else 2}
        before = len(server.requests)
        backend.sketches([SHAPE] * 10, 1)
        assert len(server.requests) == before + 10
    assert adds_up(backend.stats)


def test_a_400_after_the_form_was_taken_is_the_requests_own_fault() -> None:
    def script(request: dict[str, Any], number: int) -> Reply:
        return Reply(status=400) if number == 1 else Reply(texts(GOOD))

    with ChatServer(script) as server:
        backend = make(server.url)
        found = [backend.sketches([SHAPE], 1)[0] for _ in range(3)]
    assert found == [[GOOD], [], [GOOD]]
    assert backend.answer_format == "json_schema"
    assert backend.stats.failures == {"http-400": 1}


@pytest.mark.parametrize("prose", [False, True])
def test_parameters_that_a_server_refuses_are_left_out(prose: bool) -> None:
    def script(request: dict[str, Any], number: int) -> Reply:
        for name in ("max_tokens", "temperature"):
            if name in request:
                error = {"message": f"Unsupported parameter: '{name}'"}
                return Reply(status=400, error=error if prose else error | {"param": name})
        return Reply(texts(GOOD))

    with ChatServer(script) as server:
        backend = make(server.url)
        assert backend.sketches([SHAPE], 1) == [[GOOD]]
        assert server.requests[-1]["max_completion_tokens"] == server.requests[0]["max_tokens"]
        assert backend.answer_format == "json_schema"
    assert adds_up(backend.stats)


FAULTS: dict[str, Reply] = {
    "empty": Reply(""),
    "empty-json": Reply(texts()),
    "null": Reply(None),
    "think-only": Reply("<think>they want a reason, so"),
    "refusal": Reply(None, refusal="I cannot help with that."),
    "filtered": Reply("", finish="content_filter"),
    "truncated": Reply('{"texts": ["You rated {hist', finish="length"),
    "not-json": Reply('{"texts": [You rated {history} highly.]}'),
    "wrong-json": Reply('{"answer": {"a": 1}}'),
    "no-choices": Reply(raw=b'{"choices": []}'),
    "not-an-object": Reply(raw=b"[1, 2]"),
    "html": Reply(raw=b"<html>It works!</html>"),
    "deep": Reply(raw=b"[" * 200_000),
    "too-big": Reply("x" * 1_200_000),
    "not-found": Reply(status=404),
    "unauthorised": Reply(status=401),
    "quota": Reply(status=429, error={"code": "insufficient_quota", "message": "pay"}),
    "teapot": Reply(status=418),
    "bad-gzip": Reply(raw=b"not gzip", headers={"content-encoding": "gzip"}),
}
CODES = {
    "empty-json": "empty",
    "null": "empty",
    "think-only": "empty",
    "not-json": "bad-json",
    "wrong-json": "bad-json",
    "no-choices": "bad-answer",
    "not-an-object": "bad-answer",
    "html": "bad-answer",
    "deep": "bad-answer",
    "not-found": "http-404",
    "unauthorised": "http-401",
    "teapot": "http-418",
    "bad-gzip": "connection",
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_its_word_and_none_raises(name: str) -> None:
    with ChatServer(always(FAULTS[name])) as server:
        backend = make(server.url, retries=0)
        assert backend.sketches([SHAPE], 2) == [[]]
    assert backend.stats.failures == {CODES.get(name, name): 1}
    assert adds_up(backend.stats)


def test_reasoning_fences_and_half_lists_are_read() -> None:
    answers = [
        "<think>Let me see {history}</think>\n" + texts(GOOD),
        f"Sure, here they are:\n```json\n{texts(GOOD)}\n```\nAnything else?",
        json.dumps([GOOD]),
        '{"texts": ["' + GOOD + '", "You ra',
        [{"type": "text", "text": texts(GOOD)}],
    ]
    with ChatServer(lambda r, k: Reply(answers[k], finish="length" if k == 3 else "stop")) as s:
        backend = make(s.url, concurrency=1)
        assert backend.sketches([SHAPE] * len(answers), 1) == [[GOOD]] * len(answers)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Reply(status=500), "http-500"),
        (Reply(status=503), "http-503"),
        (Reply(texts(GOOD), cut=40), "connection"),
        (Reply(texts(GOOD), cut=0), "connection"),
        (Reply(texts(GOOD), delay=20), "timeout"),
        (Reply(texts(GOOD), drip=0.02), "timeout"),
    ],
)
def test_a_passing_fault_is_retried(bad: Reply, code: str) -> None:
    with ChatServer(lambda r, k: bad if k < 2 else Reply(texts(GOOD))) as server:
        backend = make(server.url, timeout=0.4, retries=2)
        assert backend.sketches([SHAPE], 1) == [[GOOD]]
    assert backend.stats.retried == {code: 2}
    assert backend.stats.failures == {}
    assert adds_up(backend.stats)


def test_a_lasting_fault_ends_after_the_retries() -> None:
    with ChatServer(always(Reply(status=500))) as server:
        backend = make(server.url, retries=2)
        assert backend.sketches([SHAPE], 1) == [[]]
        assert len(server.requests) == 3
    assert (backend.stats.retried, backend.stats.failures) == ({"http-500": 2}, {"http-500": 1})


def test_retry_after_is_honoured_by_all_calls() -> None:
    def script(request: dict[str, Any], number: int) -> Reply:
        if number == 1:
            return Reply(status=429, headers={"retry-after": "0.4"})
        return Reply(texts(GOOD))

    with ChatServer(script) as server:
        backend = make(server.url, concurrency=1)
        assert backend.sketches([SHAPE] * 3, 1) == [[GOOD]] * 3
        assert server.times[2] - server.times[1] >= 0.4
    assert backend.stats.retried == {"http-429": 1}


def test_a_pause_longer_than_anybody_waits_ends_requests_at_once() -> None:
    with ChatServer(always(Reply(status=429, headers={"retry-after": "3600"}))) as server:
        backend = make(server.url, concurrency=2, max_wait=1.0)
        assert backend.sketches([SHAPE] * 50, 1) == [[]] * 50
        assert len(server.requests) <= 3
    assert adds_up(backend.stats)
    assert backend.stats.failures["breaker"] >= 47


def test_when_the_server_is_down_a_thousand_requests_do_not_wait_a_thousand_times() -> None:
    with ChatServer(always(Reply(texts(GOOD), delay=30))) as server:
        backend = make(server.url, timeout=0.3, concurrency=4, breaker=5)
        assert backend.sketches([SHAPE] * 1000, 1) == [[]] * 1000
        assert len(server.requests) < 20
    assert adds_up(backend.stats)
    assert backend.stats.failures["breaker"] > 980


def test_nobody_listening_costs_nothing() -> None:
    backend = make(dead_url())
    assert backend.write([REQUEST] * 1000) == [None] * 1000
    assert adds_up(backend.stats)
    assert set(backend.stats.failures) <= {"connection", "breaker"}
    assert backend.stats.failures["breaker"] > 980, "the others are not even tried"


def test_the_breaker_closes_again_when_the_server_is_back() -> None:
    down = threading.Event()
    down.set()
    script: Script = lambda r, k: Reply(status=500) if down.is_set() else Reply(texts(GOOD))  # noqa: E731
    with ChatServer(script) as server:
        backend = make(server.url, retries=0, breaker=2, cooldown=0.2)
        assert backend.sketches([SHAPE] * 10, 1) == [[]] * 10
        down.clear()
        assert backend.sketches([SHAPE], 1) == [[]], "still cooling down"
        time.sleep(0.25)
        assert backend.sketches([SHAPE], 1) == [[GOOD]]
        assert backend.sketches([SHAPE] * 10, 1) == [[GOOD]] * 10
    assert adds_up(backend.stats)


def test_a_wrong_key_is_not_tried_again() -> None:
    with ChatServer(always(Reply(status=401))) as server:
        backend = make(server.url, concurrency=4)
        backend.sketches([SHAPE] * 100, 1)
        assert len(server.requests) <= 5
    assert backend.stats.failures["http-401"] + backend.stats.failures["breaker"] == 100


def test_the_budget_of_calls_is_kept_to_the_call() -> None:
    with ChatServer(always(Reply(texts(GOOD)))) as server:
        backend = make(server.url, max_calls=7)
        found = backend.sketches([SHAPE] * 30, 1)
        assert (sum(map(bool, found)), len(server.requests)) == (7, 7)
    assert backend.stats.failures == {"budget": 23}
    assert adds_up(backend.stats)


def test_the_budget_of_tokens_holds_with_and_without_reported_usage() -> None:
    for usage in ({"prompt_tokens": 60, "completion_tokens": 40}, None, {"prompt_tokens": -5}):
        with ChatServer(always(Reply(texts(GOOD), usage=usage))) as server:
            backend = make(server.url, max_tokens=250, concurrency=1)
            backend.sketches([SHAPE] * 20, 1)
            assert len(server.requests) == (3 if usage and "completion_tokens" in usage else 1)
        assert adds_up(backend.stats)


def test_the_budget_of_seconds_ends_waiting_too() -> None:
    with ChatServer(always(Reply(texts(GOOD), delay=0.2))) as server:
        backend = make(server.url, max_seconds=0.5, concurrency=1)
        backend.sketches([SHAPE] * 100, 1)
        assert len(server.requests) <= 4
    assert adds_up(backend.stats)


def test_no_more_calls_at_once_than_allowed_also_from_several_threads() -> None:
    with ChatServer(always(Reply(texts(GOOD), delay=0.02))) as server:
        backend = make(server.url, concurrency=3)
        threads = [
            threading.Thread(target=backend.sketches, args=([SHAPE] * 10, 1)) for _ in range(3)
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert 2 <= server.most_at_once <= 3
    assert backend.stats.answers == 30


def test_calls_run_side_by_side_from_the_second_on() -> None:
    with ChatServer(always(Reply(texts(GOOD), delay=0.1))) as server:
        backend = make(server.url, concurrency=8)
        backend.sketches([SHAPE] * 33, 1)
        assert server.most_at_once == 8
        assert server.times[1] - server.times[0] >= 0.1


def test_it_works_inside_a_running_event_loop() -> None:
    import asyncio

    with ChatServer(always(Reply(texts(GOOD)))) as server:

        async def notebook() -> list[list[str]]:
            return make(server.url).sketches([SHAPE], 1)

        assert asyncio.run(notebook()) == [[GOOD]]


def test_it_can_be_closed_and_used_again() -> None:
    with ChatServer(always(Reply(texts(GOOD)))) as server:
        backend = make(server.url)
        for _ in range(2):
            assert backend.sketches([SHAPE], 1) == [[GOOD]]
            backend.close()


def test_an_interrupt_stops_waiting() -> None:
    code = (
        "import sys\n"
        "from whyrec.language.backends.openai import OpenAIBackend\n"
        "from whyrec.language.shape import Shape\n"
        "b = OpenAIBackend('m', base_url=sys.argv[1], timeout=60)\n"
        f"b.sketches([Shape.parse({SHAPE.key!r})], 1)\n"
    )
    asked = threading.Event()

    def script(request: dict[str, Any], number: int) -> Reply:
        asked.set()
        return Reply(texts(GOOD), delay=60)

    with (
        ChatServer(script) as server,
        subprocess.Popen([sys.executable, "-c", code, server.url], stderr=subprocess.PIPE) as child,
    ):
        assert asked.wait(60)
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=10)
    assert b"KeyboardInterrupt" in stderr


def test_a_local_server_needs_no_key_and_a_hosted_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LanguageError, match="OPENAI_API_KEY is not set"):
        OpenAIBackend("m")
    with ChatServer(always(Reply(texts(GOOD)))) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert OpenAIBackend("m").sketches([SHAPE], 1) == [[GOOD]]
        monkeypatch.setenv("MY_KEY", "sk-other-111")
        OpenAIBackend("m", api_key_env="MY_KEY").sketches([SHAPE], 1)
        assert server.headers[-1]["authorization"] == "Bearer sk-other-111"


def test_the_key_is_nowhere_but_in_the_header(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "sk-secret-4711"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    caplog.set_level(logging.DEBUG)
    replies = [
        Reply(status=401, error={"message": f"Incorrect API key provided: {secret}"}),
        Reply(raw=secret.encode()),
        Reply(texts(GOOD), cut=20),
        Reply(status=500, error={"message": secret}),
    ]
    for reply in replies:
        with ChatServer(always(reply)) as server:
            backend = make(server.url, retries=0)
            backend.sketches([SHAPE], 1)
            assert server.headers[0]["authorization"] == f"Bearer {secret}"
            assert secret not in repr(backend) + repr(vars(backend)) + repr(backend.stats)
    ours = [r for r in caplog.records if r.name.startswith("whyrec")]
    assert secret not in "".join(r.getMessage() for r in ours)
    # The client's own debug log prints answers; its request lines must not hold the key either.
    sent = [r.getMessage() for r in caplog.records if "Request" in r.getMessage()]
    assert sent
    assert secret not in "".join(sent)


@pytest.mark.parametrize("url", ["localhost:11434", "ftp://h/v1", "http://", "http://h:port/"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url: is not a URL"):
        make(url)


def test_a_password_in_the_url_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigError, match="holds a password") as error:
        make("http://me:hunter2@h/v1")
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "option",
    [
        {"timeout": 0},
        {"retries": -1},
        {"concurrency": 0},
        {"temperature": float("nan")},
        {"max_calls": -1},
        {"breaker": 0},
    ],
)
def test_options_out_of_range_are_refused_by_name(option: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(option))):
        make("http://h/v1", **option)
