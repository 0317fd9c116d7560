"""From a fitted model to verified texts, with and without a language model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.language.test_sketchbook import Scribe

from whyrec.data.dataset import Dataset
from whyrec.data.events import TOLD_EVENTS
from whyrec.data.readers import read
from whyrec.data.shop import generate
from whyrec.errors import ConfigError, UnknownItemError, UnknownUserError
from whyrec.language.backends.base import BackendStats, DirectRequest
from whyrec.language.claims import holds
from whyrec.language.explain import Explainer, book_path
from whyrec.language.plan import claim_key
from whyrec.language.realise import sketches
from whyrec.language.shape import Shape
from whyrec.language.sketchbook import SketchBook
from whyrec.language.types import Explanation
from whyrec.language.verify import verify, verify_sketch
from whyrec.recommend.bundle import Bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("shop") / "data"
    generate(folder, seed=5, users=250, items=120)
    return Bundle.fit(read(folder), "ease")


def check(explanations: Sequence[Explanation], explainer: Explainer) -> None:
    """Everything that is promised of a list of explanations."""
    said = [claim_key(c) for x in explanations for c in x.claims]
    assert len(said) == len(set(said))
    assert len({x.text for x in explanations}) == len(explanations)
    for x in explanations:
        assert x.text
        assert x.verified
        world = explainer.engine.world(x.evidence)
        assert all(holds(c, world) for c in x.claims)
        verdict = verify(x.text, world, x.lang)
        assert verdict.ok, (x.text, verdict.problems)
        assert explainer.filler(x.lang).locale.between.join(t for t, _ in x.sentences) == x.text
        assert {k for _, ks in x.sentences for k in ks} == set(range(len(x.claims)))
        total = sum(r.contribution for r in x.evidence.reasons) + x.evidence.baseline
        assert total == pytest.approx(x.evidence.score, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_without_a_language_model_every_text_is_proved(bundle: Bundle, lang: str) -> None:
    explainer = Explainer(bundle, backend="none", lang=lang)
    for user in bundle.dataset.users[:6]:
        found = explainer.explain(user)
        assert len(found) == 10
        check(found, explainer)
        assert {x.source for x in found} == {"realiser"}
    assert explainer.stats.texts == 60
    assert explainer.stats.sources == {"realiser": 60}


def test_many_at_once_say_what_one_by_one_says(bundle: Bundle) -> None:
    """The fast way checks less and must come to the same plans; it, too, is proved here."""
    one, many = Explainer(bundle, backend="none"), Explainer(bundle, backend="none")
    users = bundle.dataset.users[:6]
    for user, found in zip(users, many.explain_many(users), strict=True):
        check(found, many)
        assert [x.claims for x in found] == [x.claims for x in one.explain(user)]
    assert many.stats.checked < many.stats.texts


def test_the_same_input_gives_the_same_text(bundle: Bundle) -> None:
    users = bundle.dataset.users[:5]
    first = [x.text for f in Explainer(bundle, backend="none").explain_many(users) for x in f]
    assert first == [
        x.text for f in Explainer(bundle, backend="none").explain_many(users) for x in f
    ]


def test_sketches_of_a_language_model_are_used_once_they_are_proved(bundle: Bundle) -> None:
    texts = {}
    explainer = Explainer(bundle, backend=Scribe(texts))
    for shape in explainer.shapes():
        texts[shape] = ["You will love {item}!", *(s.text for s in sketches(shape)[:2])]
    found = explainer.explain(bundle.dataset.users[3])
    check(found, explainer)
    assert {x.source for x in found} == {"sketch"}
    assert {x.llm for x in found} == {"scribe"}
    assert explainer.book.stats.refused == explainer.book.stats.shapes > 0


def test_a_language_model_that_lies_is_replaced(bundle: Bundle) -> None:
    class Liar(Scribe):
        def sketches(self, shapes, n):
            return [["You bought {history} because it is the best!"] * n for _ in shapes]

    explainer = Explainer(bundle, backend=Liar({}))
    found = explainer.explain(bundle.dataset.users[1])
    check(found, explainer)
    assert {x.source for x in found} == {"realiser"}
    assert explainer.book.stats.refused > 0


def test_the_book_is_filled_once_and_read_again(bundle: Bundle, tmp_path: Path) -> None:
    texts = {}
    scribe = Scribe(texts)
    explainer = Explainer(bundle, backend=scribe, book=tmp_path)
    for shape in explainer.shapes():
        texts[shape] = [s.text for s in sketches(shape)]
    user = bundle.dataset.users[2]
    before = [x.text for x in explainer.explain(user)]
    assert book_path(tmp_path, "scribe").is_file()
    idle = Scribe({})
    again = Explainer(bundle, backend=idle, book=tmp_path)
    assert [x.text for x in again.explain(user)] == before


def test_filling_ahead_leaves_nothing_to_ask(bundle: Bundle) -> None:
    texts = {}
    scribe = Scribe(texts)
    explainer = Explainer(bundle, backend=scribe, per_shape=1)
    for shape in explainer.shapes():
        texts[shape] = [sketches(shape)[0].text]
    seen: list[int] = []
    explainer.fill(progress=seen.append)
    assert seen[-1] == len(explainer.shapes())
    asked = scribe.asked.total()
    list(explainer.explain_many(bundle.dataset.users[::5]))
    assert scribe.asked.total() == asked
    assert set(explainer.stats.sources) == {"sketch"}


def test_direct_texts_are_served_only_when_proved(bundle: Bundle) -> None:
    class Writer:
        spec = "writer"
        direct = True

        def __init__(self) -> None:
            self.stats = BackendStats()
            self.seen: list[str] = []

        def sketches(self, shapes, n):
            return [[] for _ in shapes]

        def write(self, requests: Sequence[DirectRequest]) -> list[str | None]:
            self.seen = self.seen or [r.fallback for r in requests]
            drafts = [(r.fallback, self.seen.index(r.fallback) % 3) for r in requests]
            return [[text, "You will adore this!", None][k] for text, k in drafts]

    explainer = Explainer(bundle, backend=Writer(), mode="direct")
    found = explainer.explain(bundle.dataset.users[4])
    check(found, explainer)
    assert [x.source for x in found[:3]] == ["direct", "realiser", "realiser"]
    assert explainer.direct_stats.asked == 10
    assert found[0].llm == "writer"


def test_somebody_without_a_history_is_told_so(bundle: Bundle) -> None:
    explainer = Explainer(bundle, backend="none")
    found = explainer.explain("nobody yet", new_user=True)
    check(found, explainer)
    assert found[0].text.startswith("You are new here")
    assert sum("new here" in x.text for x in found) == 1


def test_somebody_who_liked_nothing_is_not_called_new(bundle: Bundle) -> None:
    """Returns and low marks only: there is nothing to like in the history, but there is one."""
    import polars as pl

    dataset = bundle.dataset
    user, item = dataset.n_users, 0
    row = {"user": user, "item": item, "event": "return", "value": None, "time": None}
    more = pl.DataFrame([row], schema=dataset.events.schema)
    other = Dataset(
        pl.concat([dataset.events, more]),
        dataset.catalogue,
        (*dataset.users, "hard to please"),
        "shop",
    )
    explainer = Explainer(Bundle(bundle.recommender, other), backend="none")
    for found in (explainer.explain("hard to please"), *explainer.explain_many(["hard to please"])):
        check(found, explainer)
        assert not [x.text for x in found if "new here" in x.text]


def test_given_items_are_explained_wherever_they_rank(bundle: Bundle) -> None:
    explainer = Explainer(bundle, backend="none", lang="zh")
    user = bundle.dataset.users[0]
    last = explainer.engine.explain(user, n=60)[-1]
    (found,) = explainer.explain(user, items=[last.item])
    check([found], explainer)
    assert found.evidence.rank == 60
    assert "您的前十" not in found.text


@pytest.mark.parametrize("n", [3, 25])
def test_other_list_sizes_are_told_as_they_are(bundle: Bundle, n: int) -> None:
    explainer = Explainer(bundle, backend="none", n=n)
    users = bundle.dataset.users[:6]
    texts = [x for u in users for x in explainer.explain(u)]
    assert all(x.verified for x in texts)
    assert not [x.text for x in texts if "top ten" in x.text]
    assert [x.text for x in texts if f"top {'three' if n == 3 else n}" in x.text]


def test_what_cannot_be_asked_is_said_in_one_line(bundle: Bundle) -> None:
    with pytest.raises(ConfigError, match="no such mode"):
        Explainer(bundle, backend="none", mode="prose")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="writes sketches only"):
        Explainer(bundle, backend="none", mode="direct")
    explainer = Explainer(bundle, backend="none")
    with pytest.raises(UnknownUserError):
        explainer.explain("nobody")
    with pytest.raises(UnknownItemError):
        explainer.explain(bundle.dataset.users[0], items=["nothing"])


def test_a_read_only_model_directory_keeps_the_book_in_memory(
    bundle: Bundle, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    texts = {}
    explainer = Explainer(bundle, backend=Scribe(texts), book=tmp_path)
    for shape in explainer.shapes():
        texts[shape] = [sketches(shape)[0].text]
    assert {x.source for x in explainer.explain(bundle.dataset.users[0])} == {"sketch"}
    assert not list(tmp_path.iterdir())
    assert isinstance(explainer.book, SketchBook)


@pytest.mark.data
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", ["movielens-100k", "online-retail-ii"])
def test_real_people_get_proved_texts(data_dir: Path, name: str, lang: str) -> None:
    dataset = read(data_dir / name)
    bundle = Bundle.fit(dataset, "ease")
    explainer = Explainer(bundle, backend="none", lang=lang)
    users = dataset.users[:: max(1, len(dataset.users) // 8)]
    for found in explainer.explain_many(users):
        check(found, explainer)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("domain", ["film", "shop", "generic"])
@pytest.mark.parametrize("event", TOLD_EVENTS)
def test_what_is_said_of_an_item_below_the_list_is_proved(
    lang: str, domain: str, event: str
) -> None:
    for told in (f"+history(own,1,{event})", f"+history(own,3,{event},weak)", ""):
        shape = Shape.parse(f"{lang}|{domain}|plain|rank(off){told}")
        for sketch in sketches(shape):
            kept, problems = verify_sketch(sketch.text, shape)
            assert kept is not None, (sketch.text, problems)
