"""A scorer behind HTTP, with a real server: nothing that it answers is trusted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("httpx", reason="the http extra is not installed")

from tests.adapters.adapter_cases import check_explained, check_saved, small
from tests.adapters.scorer_server import good, serving

from whyrec.errors import ConfigError, ModelError
from whyrec.evidence.engine import EvidenceEngine
from whyrec.recommend.adapters import from_http
from whyrec.recommend.ease import EASE

QUICK = {"retries": 0, "timeout": 5.0}


def ease() -> EASE:
    return EASE(regularization=5.0).fit(small().interactions)


def service(body: dict[str, Any]) -> Any:
    """EASE as a service: ids in, scores in the order of the catalogue out."""
    data, model = small(), ease()
    rows = np.zeros((len(body["histories"]), data.n_items))
    for row, history in zip(rows, body["histories"], strict=True):
        for id, weight in zip(history["items"], history["weights"], strict=True):
            row[data.catalogue.index[id]] = weight
    return good((rows @ model.weights_).tolist())


def best(body: dict[str, Any]) -> Any:
    """The same service, but only the best three of each."""
    scores = np.array(json.loads(service(body)[2])["scores"])
    top = np.argsort(-scores, axis=1)[:, :3]
    answer = {
        "items": [[small().catalogue.ids[i] for i in row] for row in top.tolist()],
        "scores": np.take_along_axis(scores, top, 1).tolist(),
    }
    return 200, {}, json.dumps(answer).encode()


def test_scores_are_the_services_own_and_nobody_is_named() -> None:
    data = small()
    with serving(service) as server:
        bundle = from_http(server.url, data)
        ours = bundle.recommender.scores(data.interactions)
        asked = json.dumps(server.asked)
    np.testing.assert_allclose(ours, ease().scores(data.interactions), atol=1e-6)
    assert not any(f'"{user}"' in asked for user in data.users)


def test_it_is_saved_by_its_url_and_explains_after_loading(tmp_path: Path) -> None:
    with serving(service) as server:
        back = check_saved(from_http(server.url, small()), tmp_path)
        check_explained(back)
        assert server.url in (tmp_path / "model" / "manifest.json").read_text("utf-8")


def test_a_token_comes_from_the_environment_and_is_never_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORER_TOKEN", "hush-hush")
    with serving(service) as server:
        bundle = from_http(server.url, small(), token_env="SCORER_TOKEN")
        assert server.headers[0]["authorization"] == "Bearer hush-hush"
        bundle.save(tmp_path / "model")
    for file in (tmp_path / "model").rglob("*"):
        assert not file.is_file() or b"hush-hush" not in file.read_bytes()
    monkeypatch.delenv("SCORER_TOKEN")
    with serving(service) as server, pytest.raises(ConfigError, match="SCORER_TOKEN: is not set"):
        from_http(server.url, small(), token_env="SCORER_TOKEN")


def test_a_service_of_short_lists_keeps_its_order() -> None:
    data = small()
    with serving(best) as server:
        bundle = from_http(server.url, data)
        listed = bundle.recommender.recommend(data.interactions[:5], 3).items
    np.testing.assert_array_equal(listed, ease().recommend(data.interactions[:5], 3).items)


def test_ids_in_an_order_of_its_own() -> None:
    data = small()
    order = list(reversed(range(data.n_items)))

    def turned(body: dict[str, Any]) -> Any:
        scores = np.array(json.loads(service(body)[2])["scores"])
        return good(scores[:, order].tolist())

    with serving(turned) as server:
        bundle = from_http(server.url, data, items=[data.catalogue.ids[i] for i in order])
        ours = bundle.recommender.scores(data.interactions)
    np.testing.assert_allclose(ours, ease().scores(data.interactions), atol=1e-6)


def rows(n: int, width: int = 40, value: Any = 0.5) -> list[list[Any]]:
    return [[value] * width for _ in range(n)]


BAD = {
    "not-json": (lambda b: (200, {}, b"<html>"), "the answer is not JSON"),
    "deep": (lambda b: (200, {}, b"[" * 4000), "the answer is not JSON"),
    "list": (lambda b: (200, {}, b"[]"), "no list of scores"),
    "no-scores": (lambda b: (200, {}, b"{}"), "no list of scores"),
    "few-rows": (lambda b: good(rows(1)), "answered 1 × 40 for 8 histories"),
    "short-rows": (lambda b: good(rows(8, 39)), "answered 8 × 39 for 8 histories"),
    "ragged": (lambda b: good([*rows(7), [1.0]]), "not a table of numbers"),
    "nan": (lambda b: good(rows(8, value=float("nan"))), "not finite numbers"),
    "infinite": (lambda b: good(rows(8, value=1e999)), "not finite numbers"),
    "huge-number": (lambda b: good(rows(8, value=10**400)), "not a table of numbers"),
    "words": (lambda b: good(rows(8, value="much")), "not a table of numbers"),
    "null": (lambda b: good(rows(8, value=None)), "not finite numbers"),
    "huge": (lambda b: (200, {}, b" " * 5_000_000), "the answer is longer than"),
    "unknown-id": (
        lambda b: (200, {}, json.dumps({"items": [["?"]] * 8, "scores": [[1]] * 8}).encode()),
        "names the unknown item",
    ),
    "uneven": (
        lambda b: (200, {}, json.dumps({"items": [["100"]] * 8, "scores": [[]] * 8}).encode()),
        "has not one score an item",
    ),
    "refused": (lambda b: (401, {}, b""), "answered with status 401"),
    "broken": (lambda b: (500, {}, b""), "answered with status 500"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_answers_are_clear_errors(name: str) -> None:
    answer, said = BAD[name]
    with serving(answer) as server, pytest.raises(ModelError, match=said) as error:
        from_http(server.url, small(), **QUICK)
    assert "\n" not in str(error.value)


def test_a_redirect_is_not_followed() -> None:
    with serving(service) as elsewhere:
        location = {"location": elsewhere.url}
        with (
            serving(lambda b: (307, location, b"")) as server,
            pytest.raises(ModelError, match="sends elsewhere, which is not followed"),
        ):
            from_http(server.url, small(), **QUICK)
        assert elsewhere.asked == []


def test_a_late_answer_is_given_up() -> None:
    def late(body: dict[str, Any]) -> Any:
        time.sleep(0.6)
        return service(body)

    with serving(late) as server, pytest.raises(ModelError, match=r"no answer within 0.2 s"):
        from_http(server.url, small(), retries=0, timeout=0.2)


def test_an_answer_that_drips_is_given_up() -> None:
    with serving(service) as server:
        server.drip = 0.02
        with pytest.raises(ModelError, match=r"no answer within 0.3 s"):
            from_http(server.url, small(), retries=0, timeout=0.3)


def test_it_is_asked_again_when_it_is_busy() -> None:
    calls = iter([503, 429, 200])

    def busy(body: dict[str, Any]) -> Any:
        status = next(calls, 200)
        return service(body) if status == 200 else (status, {}, b"")

    with serving(busy) as server:
        from_http(server.url, small(), retries=2)
        assert len(server.asked) == 3


def test_nobody_there_is_told() -> None:
    with serving(service) as server:
        url = server.url
    with pytest.raises(ModelError, match="cannot be reached"):
        from_http(url, small(), **QUICK)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/score", "not an http or https URL"),
        ("file:///etc/passwd", "not an http or https URL"),
        ("http:///score", "not an http or https URL"),
        ("http://host:port/", "not an http or https URL"),
        ("http://me:secret@host/score", "a name or password in it"),
    ],
)
def test_urls_that_cannot_be_called_or_saved_are_refused(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        from_http(url, small())
    assert "secret" not in str(error.value)


def test_evidence_says_that_it_was_sampled() -> None:
    with serving(service) as server:
        bundle = from_http(server.url, small())
        (evidence, *_) = EvidenceEngine(bundle).explain(small().users[1], n=1)
    assert not evidence.exact
    assert evidence.method == "shapley"
