"""The report: one self-contained HTML page of people, reasons, figures and cleaning."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from whyrec import __version__
from whyrec.data.cleaning.report import CleaningReport
from whyrec.data.dataset import Dataset
from whyrec.data.files import atomic_file
from whyrec.serve.pictures import Pictures
from whyrec.serve.view import PersonSection, Views
from whyrec.serve.words import Both, cleaning_reason, number, shown, term

if TYPE_CHECKING:
    from whyrec.language.explain import Explainer

__all__ = ["Figures", "PersonSection", "write_report"]


@dataclass(frozen=True)
class Figures:
    """What making the texts came to; every number counts things that happened.

    Attributes
    ----------
    texts, sentences
        Explanations made, and their sentences.
    sources
        Texts by source: `sketch`, `direct`, `realiser`.
    drafts, accepted, refused, duplicates
        Texts that the language model wrote for shapes, and what the verifier made of them.
    codes
        Refused drafts by the first reason.
    checked, replaced
        Texts checked once more with the real names, and those that another wording replaced.
    llm, model, data
        The language model's spec and the fingerprints of model and data.
    extra
        Further lines: (English and Chinese name, value).
    """

    texts: int
    sentences: int
    sources: Mapping[str, int] = field(default_factory=dict)
    drafts: int = 0
    accepted: int = 0
    refused: int = 0
    duplicates: int = 0
    codes: Mapping[str, int] = field(default_factory=dict)
    checked: int = 0
    replaced: Mapping[str, int] = field(default_factory=dict)
    llm: str = ""
    model: str = ""
    data: str = ""
    extra: Sequence[tuple[Both, str]] = ()

    @classmethod
    def of(cls, explainer: Explainer, *, extra: Sequence[tuple[Both, str]] = ()) -> Figures:
        """The figures of an explainer after its work."""
        stats, book = explainer.stats, explainer.book.stats
        return cls(
            texts=stats.texts,
            sentences=stats.sentences,
            sources=dict(stats.sources),
            drafts=book.made,
            accepted=book.accepted,
            refused=book.refused,
            duplicates=book.duplicates,
            codes=dict(book.codes),
            checked=stats.checked,
            replaced=dict(stats.replaced),
            llm=explainer.backend.spec,
            model=explainer.bundle.fingerprint,
            data=explainer.bundle.dataset.fingerprint,
            extra=extra,
        )


def write_report(
    path: str | Path,
    *,
    title: str | Both,
    dataset: Dataset,
    people: Sequence[PersonSection],
    figures: Figures,
    cleaning: CleaningReport | None = None,
    media: str | Path | None = None,
) -> None:
    """Write a page that explains some people's recommendations.

    The page needs nothing else: styles, script and pictures are inside, a content security policy
    forbids it every request, and it works without its script. English and Chinese are both in it.
    Everything from outside is escaped.

    Parameters
    ----------
    path
        The HTML file; written whole or not at all.
    title
        The heading, in one text or in both languages.
    dataset
        Where histories, titles, pictures and labels come from.
    people
        A section each.
    figures
        How many sentences were made, refused and verified, and by what.
    cleaning
        What cleaning did, if it was done.
    media
        The directory that the catalogue's `image` paths are relative to.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    pictures = Pictures(media)
    views = Views(dataset, pictures)
    shown_people = [views.person(p, k) for k, p in enumerate(people, 1)]
    cards = [c for p in shown_people for c in p["cards"]]
    heading = title if isinstance(title, Both) else Both(title, title)
    template = files("whyrec.serve") / "templates"
    css = (template / "report.css").read_text("utf-8") + pictures.css
    script = (template / "report.js").read_text("utf-8")
    page = _environment().get_template("report.html.j2")
    html = page.render(
        heading=heading,
        policy=_policy(css, script),
        css=Markup(css),
        script=Markup(script),
        people=shown_people,
        cards=len(cards),
        sentences=sum(c["sentences"] for c in cards),
        verified=sum(c["sentences"] for c in cards if c["verified"]),
        figures=figures,
        sources=[(term("source", k), number(n)) for k, n in sorted(figures.sources.items())],
        codes=_largest(figures.codes),
        replaced=_largest(figures.replaced),
        cleaning=_cleaning(cleaning),
        size=[number(n) for n in (dataset.n_users, dataset.n_items, dataset.events.height)],
        number=number,
        short=lambda text: text[:19] + "…" if len(text) > 24 else text,
        version=__version__,
    )
    with atomic_file(path) as part:
        part.write_text(html, "utf-8")


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("whyrec.serve", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _policy(css: str, script: str) -> str:
    """A policy under which only these styles and this script work, and nothing is ever loaded."""

    def digest(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    return (
        f"default-src 'none'; style-src {digest(css)}; script-src {digest(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _largest(counts: Mapping[str, int], n: int = 8) -> list[tuple[str, Both]]:
    order = sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))
    lines = [(shown(k, 40), number(v)) for k, v in order[:n]]
    if len(order) > n:
        lines.append(("…", number(sum(v for _, v in order[n:]))))
    return lines


def _cleaning(report: CleaningReport | None) -> list[dict[str, Any]]:
    if report is None:
        return []
    return [
        {
            "step": term("step", line["step"]),
            "table": term("table", shown(line["table"], 60)),
            "rows": number(line["rows"]),
            "changed": number(line["changed"]),
            "aside": number(line["set_aside"]),
            "why": cleaning_reason(shown(line["why"], 300)),
            "samples": shown(line["samples"], 120),
            "idle": not line["changed"] and not line["set_aside"],
        }
        for line in report.rows()
    ]
