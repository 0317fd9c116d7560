"""The page is whole, true, safe with hostile names, readable and accessible."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.hostile_names import HOSTILE, explanation, hostile_dataset

from whyrec.data.cleaning.report import CleaningReport, StepReport
from whyrec.data.dataset import Dataset
from whyrec.errors import DataError
from whyrec.evidence.types import Counterfactual, Evidence, Reason
from whyrec.serve.pictures import Pictures
from whyrec.serve.report import Figures, PersonSection, write_report
from whyrec.serve.view import Views
from whyrec.serve.words import Both, cleaning_reason, shown

VOID = {"meta", "input", "img", "br", "link", "rect", "path", "hr"}


@pytest.fixture
def hostile() -> Dataset:
    return hostile_dataset()


class Page(HTMLParser):
    """Elements in order, with their text; fails on elements that do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open, tag
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.text.append((self.open[-1][0] if self.open else "", data))

    def words(self) -> str:
        return " ".join(
            " ".join(t for tag, t in self.text if tag not in {"style", "script"}).split()
        )

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for t, attrs in self.elements if t == tag]


FIGURES = Figures(
    texts=2,
    sentences=4,
    sources={"sketch": 2},
    drafts=120,
    accepted=90,
    refused=23,
    duplicates=7,
    codes={"number": 12, "verb": 8, "<b>": 3},
    checked=2,
    llm="nano",
    model="ease-1a2b3c4d5e6f",
    data="f" * 64,
)
CLEANING = CleaningReport(
    (
        StepReport("duplicates", "events", 100, set_aside={"the same row again": 4}),
        StepReport("range", "events", 96, why="rating outside 0.5 to 5"),
        StepReport("made_up", "<table>", 96, changed=3, why="<b>new</b> reason", samples=("a<b",)),
    ),
    pl.DataFrame(),
)


def write(dataset: Dataset, place: Path, **changes: object) -> str:
    if "people" not in changes:
        lists = {lang: [explanation(dataset, lang)] for lang in ("en", "zh")}
        changes["people"] = [PersonSection("<u>&me", lists)]
    options: dict[str, object] = {
        "title": Both("Reasons", "理由"),
        "dataset": dataset,
        "figures": FIGURES,
        "cleaning": CLEANING,
    }
    file = place / "report.html"
    write_report(file, **{**options, **changes})  # type: ignore[arg-type]
    return file.read_text("utf-8")


def test_the_page_is_well_formed_and_has_every_part(hostile: Dataset, tmp_path: Path) -> None:
    page = Page(write(hostile, tmp_path))
    words = page.words()
    for part in (
        "Reasons", "理由", "What they did", "做过什么", "Recommended, and why", "How the data was cleaned",
        "How to read this page", "怎么读这一页", "ease-1a2b3c4d5e6f", "nano", "openai:<model>",
    ):  # fmt: skip
        assert part in words
    for name, count in (("drafts written", "120"), ("accepted", "90"), ("refused", "23")):
        assert re.search(rf"{name} \S+ {count}\b", words), name


def test_hostile_names_are_text(hostile: Dataset, tmp_path: Path) -> None:
    html = write(hostile, tmp_path)
    page = Page(html)
    assert len(page.of("script")) == 1
    assert len(page.of("style")) == 1
    assert not page.of("img")
    assert not page.of("i")
    words = page.words()
    for key in ("script", "image", "attribute", "entity", "template", "style", "comment", "emoji"):
        assert shown(HOSTILE[key]) in words, key
    for _, attrs in page.elements:
        assert not any(name.startswith("on") for name in attrs), attrs
        assert "style" not in attrs
    assert "49" not in shown(HOSTILE["template"])
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069\u200e\u200f]", html.replace("\n", "")
    )


def test_a_title_of_ten_thousand_letters_does_not_fill_the_page(
    hostile: Dataset, tmp_path: Path
) -> None:
    page = Page(write(hostile, tmp_path))
    longest = {}
    for tag, text in page.text:
        longest[tag] = max(longest.get(tag, 0), max(map(len, text.split()), default=0))
    assert longest["bdi"] <= 160
    long = [a for a in page.of("p") if "long" in (a.get("class") or "")]
    assert long, "a very long text scrolls in its place"
    assert all(a.get("tabindex") == "0" for a in long)


def test_the_policy_allows_this_style_and_script_and_no_request(
    hostile: Dataset, tmp_path: Path
) -> None:
    html = write(hostile, tmp_path)
    page = Page(html)
    policy = next(
        a["content"] for a in page.of("meta") if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    for tag in ("style", "script"):
        inside = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert inside
        digest = base64.b64encode(hashlib.sha256(inside[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    links = [a.get("href") or a.get("src") for _, a in page.elements if "href" in a or "src" in a]
    assert all(link and link.startswith("#") for link in links)
    css = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert css
    assert all(u.startswith('"data:image/') for u in re.findall(r"url\(([^)]*)", css[1]))
    assert "@import" not in css[1]


def test_pictures_are_local_small_and_never_markup(hostile: Dataset, tmp_path: Path) -> None:
    media = tmp_path / "media"
    (media / "images").mkdir(parents=True)
    (media / "images" / "ok.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (media / "images" / "evil.svg").write_text("<svg><script>alert(1)</script></svg>")
    (media / "images" / "big.png").write_bytes(bytes(300_000))
    (media / "images" / "page.html").write_text("<h1>no</h1>")
    (tmp_path / "secret.svg").write_text("<svg>secret</svg>")
    html = write(hostile, tmp_path, media=media)
    shown_pictures = re.findall(r"\.i\d+\{background-image:url\(\"(.*?)\"\)\}", html)
    decoded = [base64.b64decode(u.split(",")[1]) for u in shown_pictures]
    assert len(decoded) == 2
    assert b"secret" not in b"".join(decoded)
    assert "<script>alert" not in html
    pictures = Pictures(media)
    assert pictures.css_class("images/ok.svg") == pictures.css_class("images/ok.svg") == "i0"
    for path in ("../secret.svg", "http://example.org/x.png", "images/none.svg", "", None, "\x00"):
        assert pictures.css_class(path) is None
    assert Pictures(None).css_class("images/ok.svg") is None


def test_every_sentence_shows_the_claims_it_rests_on(hostile: Dataset, tmp_path: Path) -> None:
    html = write(hostile, tmp_path)
    page = Page(html)
    said = [a for a in page.of("span") if a.get("class") == "said"]
    assert len(said) == 4
    assert all(a.get("tabindex") == "0" for a in said)
    words = page.words()
    assert "75% of what speaks for it" in words
    assert "占支持它的分量的 75 %" in words
    assert "ranked again without" in words
    assert "它就不在前 10 里" in words


def test_the_whole_text_is_on_the_page_also_between_sentences(
    hostile: Dataset, tmp_path: Path
) -> None:
    odd = explanation(
        hostile, "en", text="First one. (aside) Second one. Tail.",
        sentences=(("First one.", (0,)), ("Second one.", (1,))),
    )  # fmt: skip
    runs = Views(hostile, Pictures(None)).cards(PersonSection("<u>&me", {"en": [odd]}))[0]["texts"]
    assert "".join(r["text"] for r in runs["en"]["runs"]) == odd.text
    assert (
        "(aside)"
        in Page(write(hostile, tmp_path, people=[PersonSection("<u>&me", {"en": [odd]})])).words()
    )


def test_the_counterfactual_is_said_in_plain_words(hostile: Dataset) -> None:
    views = Views(hostile, Pictures(None))

    def unless(**changes: object) -> Both:
        e = Evidence("<u>&me", "style", 1.0, 2, 0.0, True, 0.0, (), **changes)  # type: ignore[arg-type]
        told = views._unless(e)
        assert told is not None
        return told

    gone = unless(gone=Counterfactual("gone", ("emoji", "lines"), 14, True))
    assert gone.en == (
        "Without 👩‍👩‍👧‍👦🫠 teapot and one two three it would fall from place 2 to 14, "
        "out of the top 10. No fewer would do."
    )
    assert "从第 2 位落到第 14 位，离开前 10" in gone.zh
    assert gone.zh.endswith("再少一项都不行。")
    displaced = unless(displaced=Counterfactual("displaced", ("emoji",), 3, False))
    assert displaced.en.endswith("another item would take its place: it would be number 3, not 2.")
    many = unless(gone=Counterfactual("gone", tuple(HOSTILE)[:7], 20, False))
    assert "and 3 more" in many.en
    assert "另外 3 项" in many.zh
    assert "No fewer" not in many.en


CONTRIBUTIONS = st.lists(
    st.floats(-5, 5, allow_nan=False).filter(lambda x: abs(x) > 1e-3), max_size=20
)


@given(CONTRIBUTIONS, st.integers(0, 3), st.sampled_from([0.0, 1.5, 40.0]))
def test_bars_add_up_and_stay_in_their_field(
    parts: list[float], tail: int, baseline: float
) -> None:
    dataset = _plain()
    reasons = [Reason("history", c, "a", "A", "view") for c in sorted(parts, reverse=True)]
    reasons += [Reason("rest", 0.25, count=9)] * bool(tail)
    score = sum(r.contribution for r in reasons) + baseline
    e = Evidence("u", "b", score, 1, baseline, True, 0.0, tuple(reasons))
    made = Views(dataset, Pictures(None))._bars(e)
    numbers = [
        float(b.text.replace("−", "-").replace(",", "").replace("+", "")) for b in made["bars"]
    ]
    shown_score = float(made["score"].replace("−", "-").replace(",", ""))
    unit = 10.0 ** -len(made["score"].partition(".")[2])
    assert abs(sum(numbers) - shown_score) <= (len(numbers) + 1) * unit
    assert len(made["bars"]) <= 7
    for bar in made["bars"]:
        assert bar.x >= 0
        assert bar.x + bar.width <= 100.02
    if made["zero"] is not None:
        negative = [b for b in made["bars"] if b.text.startswith("−")]
        assert negative
        assert all(abs(b.x + b.width - made["zero"]) < 0.03 for b in negative)


def _plain() -> Dataset:
    from whyrec.data.catalogue import Catalogue

    table = pl.DataFrame({"id": ["a", "b"], "title": ["A", "B"]})
    schema = {
        "user": pl.UInt32, "item": pl.UInt32, "event": pl.String, "value": pl.Float64,
        "time": pl.Datetime("ms"),
    }  # fmt: skip
    events = pl.DataFrame(
        {"user": [0], "item": [0], "event": ["view"], "value": [None], "time": [None]},
        schema=schema,
    )
    return Dataset(events, Catalogue(table), ("u",))


def test_the_history_is_told_as_what_it_was(hostile: Dataset) -> None:
    lines = Views(hostile, Pictures(None)).history("<u>&me", {"image": 2.0})
    assert lines[0]["title"].en == HOSTILE["image"]
    told = {line["title"].en: line for line in lines}
    assert told[HOSTILE["script"]]["did"] == Both("bought, 3 pieces", "买过 3 件")
    assert told[HOSTILE["attribute"]]["did"] == Both("rated 4 of 5", "打过 4 分（满分 5）")
    assert told["Tom &amp; Jerry &lt;b&gt;"]["did"] == Both("sent back", "退过货")
    assert told["Tom &amp; Jerry &lt;b&gt;"]["against"] is True
    assert told[HOSTILE["script"]]["when"] == Both("1 Mar 2025", "2025 年 3 月 1 日")


def test_an_unverified_text_is_never_called_verified(hostile: Dataset, tmp_path: Path) -> None:
    bad = explanation(hostile, "en", verified=False)
    words = Page(write(hostile, tmp_path, people=[PersonSection("<u>&me", {"en": [bad]})])).words()
    assert "every sentence verified" not in words
    assert "every one verified" not in words
    assert "not verified" in words
    good = Page(write(hostile, tmp_path)).words()
    assert "every one verified" in good


def test_inexact_evidence_says_so(hostile: Dataset, tmp_path: Path) -> None:
    from dataclasses import replace

    x = explanation(hostile, "en")
    x = replace(x, evidence=replace(x.evidence, exact=False, residual=0.02))
    words = Page(write(hostile, tmp_path, people=[PersonSection("<u>&me", {"en": [x]})])).words()
    assert "approximate, off by 2e-02" in words
    assert "adds up to the score" not in words


def test_people_without_history_or_list_have_a_section(hostile: Dataset, tmp_path: Path) -> None:
    words = Page(
        write(hostile, tmp_path, people=[PersonSection("nobody", {})], cleaning=None)
    ).words()
    assert "Nothing yet." in words
    assert "Nothing could be recommended." in words
    assert "How the data was cleaned" not in words
    assert Page(write(hostile, tmp_path, people=[])).words()


def test_cleaning_reasons_are_told_in_chinese_where_known() -> None:
    assert cleaning_reason("the same row again").zh == "同一行重复"
    assert cleaning_reason("rating outside 0.5 to 5").zh == "评分超出 0.5 至 5"
    assert cleaning_reason("something new") == Both("something new", "something new")


def test_the_default_cleaning_of_the_shop_is_told_in_chinese(tmp_path: Path) -> None:
    from whyrec.data.cleaning import Cleaner
    from whyrec.data.shop import generate

    generate(tmp_path / "shop", users=200, items=200)
    data = Dataset.read(tmp_path / "shop")
    _, report = Cleaner.default(data).clean(data)
    unknown = [
        r["why"] for r in report.rows() if r["why"] and cleaning_reason(r["why"]).zh.isascii()
    ]
    assert unknown == []


def test_accessible_structure(hostile: Dataset, tmp_path: Path) -> None:
    page = Page(write(hostile, tmp_path))
    assert page.of("html")[0]["lang"] == "en"
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attrs in page.elements:
        for name in ("aria-labelledby", "for"):
            assert attrs.get(name) is None or attrs[name] in ids
        classes = (attrs.get("class") or "").split()
        if "zh" in classes:
            assert attrs.get("lang") == "zh"
    levels = [int(t[1]) for t, _ in page.elements if re.fullmatch(r"h[1-6]", t)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert {"main", "nav", "header", "footer"} <= {t for t, _ in page.elements}
    assert all(a.get("scope") for a in page.of("th"))
    switches = [a for a in page.of("input") if a.get("name") == "lang"]
    assert [a["aria-label"] for a in switches] == ["English", "中文"]


def _luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_the_contrast_of_wcag_aa(
    scheme: str, hostile: Dataset, tmp_path: Path
) -> None:
    html = write(hostile, tmp_path)
    blocks = re.findall(r":root \{(.*?)\}", html, re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6})", b)) for b in blocks)
    colours = light if scheme == "light" else dark
    for text in ("ink", "soft", "accent", "good", "minus"):
        for ground in ("page", "card", "sunk"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert contrast(colours["accent"], colours["accent-soft"]) >= 4.5
    assert contrast(colours["ink"], colours["accent-soft"]) >= 4.5
    for bar in ("plus", "minus"):
        assert contrast(colours[bar], colours["track"]) >= 3


def test_one_language_alone_makes_a_page(hostile: Dataset, tmp_path: Path) -> None:
    page = Page(
        write(
            hostile,
            tmp_path,
            people=[PersonSection("<u>&me", {"zh": [explanation(hostile, "zh")]})],
        )
    )
    told = [a for a in page.of("p") if (a.get("class") or "").startswith("words")]
    assert [a["lang"] for a in told] == ["zh"]
    assert "zh" not in (told[0]["class"] or "").split(), "a sole text shows in either language"


def test_an_unwritable_place_leaves_nothing(hostile: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError):
        write(hostile, tmp_path / "file")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_a_browser_runs_it_under_its_policy(hostile: Dataset, tmp_path: Path) -> None:
    write(hostile, tmp_path)
    assert BROWSER is not None
    dom = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=2000", "--dump-dom",
            (tmp_path / "report.html").as_uri() + "?lang=zh",
        ],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    assert '<html lang="zh">' in dom, "the page's own script ran"
    assert dom.count("<script") == 1
    assert "<script>alert(1)</script>" not in dom


def test_figures_come_from_an_explainer_after_its_work(tmp_path: Path) -> None:
    from whyrec.data.shop import generate
    from whyrec.language.explain import Explainer
    from whyrec.recommend.bundle import Bundle

    generate(tmp_path / "shop", users=150, items=60)
    data = Dataset.read(tmp_path / "shop")
    bundle = Bundle.fit(data, "ease")
    explainer = Explainer(bundle, backend="none", n=3)
    user = data.users[0]
    lists = {"en": explainer.explain(user, lang="en")}
    figures = Figures.of(explainer)
    assert figures.texts == 3
    assert figures.sentences == sum(len(x.sentences) for xs in lists.values() for x in xs)
    assert figures.model == bundle.fingerprint
    assert figures.data == data.fingerprint
    html = write(
        data, tmp_path, people=[PersonSection(user, lists)], figures=figures,
        media=tmp_path / "shop",
    )  # fmt: skip
    words = Page(html).words()
    for xs in lists.values():
        for x in xs:
            for sentence, _ in x.sentences:
                assert " ".join(sentence.split()) in words
    assert html.count(".i0{background-image") == 1
