"""A lying language model, end to end: nothing false is served, each lie is refused and counted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.backends.chat_server import ChatServer, Reply
from tests.backends.cinema import GENRES, bundle, cinema
from tests.backends.liar import Liar, lies

from whyrec.language.backends.openai import OpenAIBackend
from whyrec.language.direct import DirectJob
from whyrec.language.explain import Explainer
from whyrec.language.types import Explanation

LANGS = ("en", "zh")
USERS = [f"u{k}" for k in range(47)] + [f"sour{k}" for k in range(3)]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def make(server: ChatServer, **options: Any) -> OpenAIBackend:
    settings: dict[str, Any] = {"timeout": 1.5, "backoff": 0.001, "breaker": 1_000}
    return OpenAIBackend("liar", base_url=server.url, **(settings | options))


def adds_up(backend: OpenAIBackend, server: ChatServer) -> None:
    s = backend.stats
    assert s.requests == s.answers + sum(s.failures.values())
    assert s.calls == len(server.requests) == s.requests + sum(s.retried.values())


def without_titles(x: Explanation, title: dict[str, str], loved: set[str]) -> str:
    """The text less the titles that it may hold, longest first: a title may hold quotes itself."""
    text = x.text
    for i in sorted({*loved, x.evidence.item}, key=lambda i: -len(title[i])):
        for quoted in (f"“{title[i]}”", f"《{title[i]}》"):
            text = text.replace(quoted, "□")
    return text


def check_independently(x: Explanation, marks: set[str]) -> None:
    """Titles, numbers and genres of a served text against the plain ratings, and the lies' marks."""
    stars = cinema()[1]
    table = cinema()[0].catalogue.table
    title = dict(zip(table["id"], table["title" if x.lang == "en" else "title_zh"], strict=True))
    loved = {i for i, v in stars[x.evidence.user].items() if v >= 4}
    text = without_titles(x, title, loved)
    assert not re.search('[“”《》"]', text), f"a title that is none of theirs: {x.text}"
    for mark in marks:
        assert mark not in text, (mark, x.text)
        # A title of the catalogue may say what it likes: it is a name, in quotation marks.
        assert mark not in x.text or any(mark in title[i] for i in loved | {x.evidence.item})
    fans = {i: {u for u, r in stars.items() if r.get(i, 0) >= 4} for i in title}
    ratings = [r[x.evidence.item] for r in stars.values() if x.evidence.item in r]
    genre = dict(zip(table["id"], table["category"], strict=True))
    allowed = {x.evidence.rank, 5, len(ratings), len(fans[x.evidence.item])}
    allowed |= {len(fans[i] & fans[x.evidence.item]) for i in loved}
    allowed |= {sum(genre[i] == g for i in loved) for g in GENRES}
    mean = sum(ratings) / max(len(ratings), 1)
    for number in re.findall(r"\d[\d,]*(?:\.\d+)?", text):
        n = float(number.replace(",", ""))
        assert n in allowed or ("." in number and abs(n - mean) <= 0.0501), (number, x.text)
    named = [g for g in (GENRES if x.lang == "en" else GENRES.values()) if g in text]
    own = genre[x.evidence.item]
    assert named in ([], [own], [GENRES[own]]), x.text


def served(liar: Liar, texts: list[Explanation]) -> None:
    """What is true of everything that was served, whoever wrote it."""
    for x in texts:
        assert x.verified
        assert x.text
        check_independently(x, liar.marks[x.lang])


def test_a_thousand_direct_texts_from_a_liar() -> None:
    quick = [kind for kind in Liar.BROKEN if kind != "slow"]
    kinds = [*quick, *range(32), "good", "good", "good"]
    assert len(kinds) % 13, "every kind has its turn"
    liar = Liar(lambda k: "slow" if k % 500 == 250 else kinds[k * 13 % len(kinds)])
    texts: list[Explanation] = []
    with ChatServer(liar) as server:
        backend = make(server, concurrency=16)
        for lang in LANGS:
            explainer = Explainer(bundle(), backend=backend, mode="direct", lang=lang, per_shape=1)
            before = liar.lied_directly, liar.told_directly
            found = [x for u in USERS for x in explainer.explain(u)]
            stats = explainer.direct_stats
            assert len(found) == stats.asked == 500
            assert stats.asked == stats.accepted + stats.repaired + stats.fell_back
            assert stats.drafts == stats.accepted + stats.repaired + sum(stats.refused.values())
            # Each lie was refused, each true text served, counted at both ends of the wire. What a
            # busy machine lets time out on its way arrives nowhere, and no more than that is lost.
            lied, told = liar.lied_directly - before[0], liar.told_directly - before[1]
            late = backend.stats.retried.get("timeout", 0) + backend.stats.failures.get(
                "timeout", 0
            )
            assert 0 <= lied + told - stats.drafts <= late - liar.broken["slow"]
            assert 0 <= lied - sum(stats.refused.values()) <= lied + told - stats.drafts
            assert 0 <= told - stats.accepted - stats.repaired <= lied + told - stats.drafts
            assert min(stats.accepted, stats.repaired, stats.fell_back) > 20
            assert sum(x.source == "direct" for x in found) == stats.accepted + stats.repaired
            assert {x.llm for x in found if x.source == "direct"} == {"openai:liar"}
            assert all(x.text in liar.true_texts for x in found if x.source == "direct")
            texts += found
        adds_up(backend, server)
    served(liar, texts)
    assert len(texts) == 1_000
    assert set(liar.lied) == {*lies("en", "", "", ""), *lies("zh", "", "", "")}, "each was tried"
    assert set(liar.broken) == set(Liar.BROKEN)
    words = {"empty", "refusal", "truncated", "bad-json", "bad-answer"}
    assert words <= set(backend.stats.failures)
    assert {"http-500", "http-429", "timeout", "connection"} <= set(backend.stats.retried)
    assert any("Ignore all previous" in str(r["messages"]) for r in server.requests)


def test_sketches_from_a_liar() -> None:
    kinds: list[str | int] = [*range(0, 32, 3), *(k for k in Liar.BROKEN if k != "slow")]
    liar = Liar(lambda k: "slow" if k % 500 == 250 else kinds[k * 7 % len(kinds)])
    texts: list[Explanation] = []
    with ChatServer(liar) as server:
        backend = make(server, concurrency=16)
        for lang in LANGS:
            explainer = Explainer(bundle(), backend=backend, lang=lang, per_shape=3)
            done = explainer.fill()
            assert done.made == done.accepted + done.refused + done.duplicates
            assert sum(done.codes.values()) == done.refused > 100
            assert done.accepted > 20
            accepted = [x.text for x in explainer.book.lines() if x.status == "accepted"]
            assert not [t for t in accepted for mark in liar.marks[lang] if mark in t]
            found = [x for u in USERS for x in explainer.explain(u)]
            assert len(found) == 500
            by_model = [x for x in found if x.source == "sketch"]
            assert {x.llm for x in by_model} == {"openai:liar"}
            assert len(by_model) > 50, "true sketches of the model do get through"
            texts += found
        adds_up(backend, server)
    served(liar, texts)


def test_a_good_model_is_served_in_both_modes_and_languages() -> None:
    liar = Liar(lambda number: "good")
    texts: list[Explanation] = []
    with ChatServer(liar) as server:
        backend = make(server)
        for lang in LANGS:
            for mode in ("sketch", "direct"):
                explainer = Explainer(bundle(), backend=backend, mode=mode, lang=lang, per_shape=2)  # type: ignore[arg-type]
                found = [x for u in USERS[:8] for x in explainer.explain(u)]
                share = sum(x.source == mode for x in found) / len(found)
                assert share == 1.0, [x.text for x in found if x.source != mode][:3]
                assert {x.llm for x in found} == {"openai:liar"}
                texts += found
        assert not backend.stats.failures
    served(liar, texts)


def test_a_dead_server_costs_moments_and_every_text_is_still_there() -> None:
    with ChatServer(lambda request, number: Reply("x", delay=30)) as server:
        backend = make(server, timeout=0.2, breaker=3)
        for mode in ("sketch", "direct"):
            explainer = Explainer(bundle(), backend=backend, mode=mode)  # type: ignore[arg-type]
            found = [x for u in USERS for x in explainer.explain(u)]
            assert {x.source for x in found} == {"realiser"}
            served(Liar(lambda n: "good"), found)
    assert backend.stats.calls < 20


def test_the_oracle_of_these_tests_sees_lies_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a verifier that takes everything, the checks above must find what is then served."""

    def judge(text: str, job: DirectJob, verify: object) -> Any:
        return ((text, (0,)),), job.plan.claims[:1], ()

    monkeypatch.setattr("whyrec.language.direct.judge", judge)
    liar = Liar(lambda number: number)
    with ChatServer(liar) as server:
        found = [
            x
            for lang in LANGS
            for u in USERS[:6]
            for x in Explainer(
                bundle(), backend=make(server), mode="direct", lang=lang, per_shape=1
            ).explain(u)
        ]
    assert {x.source for x in found} == {"direct"}
    seen = 0
    for x in found:
        try:
            served(liar, [x])
        except AssertionError:
            seen += 1
    assert seen >= 0.95 * len(found), "all but a lie that may be true of somebody else"
