"""What a page shows of a person: histories, cards, bars and claims as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from whyrec.data.dataset import Dataset
from whyrec.evidence.types import Counterfactual, Evidence, Reason
from whyrec.features.facets import Facets
from whyrec.language import domains, locales
from whyrec.language.claims import Claim
from whyrec.language.types import Explanation
from whyrec.serve.pictures import Pictures
from whyrec.serve.words import LANGS, Both, both, date, event, field, number, shown, term, visible

BARS = 5
"""Reasons that get a bar of their own; the others share one."""

HISTORY = 12
"""Events shown at first; the others open on demand."""

LONG_TEXT = 900
"""A text of more characters scrolls in its place."""


@dataclass(frozen=True)
class PersonSection:
    """One person of a report.

    Attributes
    ----------
    user
        The user id, as in the data set.
    explanations
        The list in each language (`en`, `zh`): the same items in the same order.
    name
        What to call the person on the page, the user id unless given.
    """

    user: str
    explanations: Mapping[str, Sequence[Explanation]]
    name: str | None = None


@dataclass(frozen=True)
class Bar:
    """One bar: from `x` over `width` percent of the field, with its number."""

    name: Both
    did: Both
    text: str
    kind: str
    x: float
    width: float


class Views:
    """Makes the values that the template shows from a data set and explanations."""

    def __init__(self, dataset: Dataset, pictures: Pictures) -> None:
        self.dataset = dataset
        self.catalogue = dataset.catalogue
        self.facets = Facets.build(dataset.catalogue)
        self.pictures = pictures
        self._titles = {lang: self.catalogue.titles(lang) for lang in LANGS}
        self._locales = {lang: locales.load(lang) for lang in LANGS}
        pack = domains.load(dataset.domain)
        self._works = {lang: pack.words(lang).works for lang in LANGS}
        columns = self.catalogue.table.columns
        self._images = self.catalogue.table["image"].to_list() if "image" in columns else None

    def title(self, item: str) -> Both:
        """The item's title in both languages, fit to be shown."""
        k = self.catalogue.index.get(item)
        if k is None:
            return Both(shown(item), shown(item))
        return both(lambda lang: shown(self._titles[lang][k]))

    def _names(self, items: Sequence[str], lang: str, more: int = 0) -> str:
        """Titles as they stand in a sentence, joined; `more` counts those left out."""
        k, locale = LANGS.index(lang), self._locales[lang]
        names = [locale.title(self.title(i)[k], works=self._works[lang]) for i in items]
        if more:
            names.append(f"{more:,} more" if lang == "en" else f"另外 {more:,} 项")
        return locale.join(names)

    def picture(self, item: str) -> str | None:
        """The CSS class of the item's picture."""
        k = self.catalogue.index.get(item)
        return (
            None if k is None or self._images is None else self.pictures.css_class(self._images[k])
        )

    def person(self, section: PersonSection, number: int) -> dict[str, Any]:
        """Everything about one person."""
        history = self.history(section.user, _pull(section))
        name = shown(section.name or section.user, limit=80)
        return {
            "id": f"person-{number}",
            "name": name,
            "history": history[:HISTORY],
            "older": history[HISTORY:],
            "count": len(history),
            "cards": self.cards(section),
        }

    @cached_property
    def _pairs(self) -> pl.DataFrame:
        return self.dataset.pairs

    def history(self, user: str, pull: Mapping[str, float]) -> list[dict[str, Any]]:
        """What the person did, an item a line: by what it adds to the list, then the latest."""
        index = self.dataset.user_index.get(user)
        if index is None:
            return []
        rows = self._pairs.filter(pl.col("user") == index)
        rows = rows.sort("time", "item", descending=[True, False], nulls_last=True)
        lines = []
        for row in rows.select("item", "event", "value", "time", "negative").iter_rows(named=True):
            item = self.catalogue.ids[row["item"]]
            lines.append(
                {
                    "pull": pull.get(item, 0.0),
                    "title": self.title(item),
                    "picture": self.picture(item),
                    "did": self._did(row["event"], row["value"]),
                    "when": date(row["time"]),
                    "against": bool(row["negative"]),
                }
            )
        return sorted(lines, key=lambda line: -line["pull"])

    def _did(self, name: str | None, value: float | None) -> Both:
        base = event(name, self.dataset.domain)
        if name == "rating" and value is not None:
            best = self.dataset.best_rating
            if best:
                return Both(
                    f"{base.en} {value:g} of {best:g}", f"打过 {value:g} 分（满分 {best:g}）"
                )
            return Both(f"{base.en} {value:g}", f"打过 {value:g} 分")
        if name == "purchase" and value is not None and value > 1:
            return Both(f"{base.en}, {value:,.0f} pieces", f"{base.zh} {value:,.0f} 件")
        return base

    # -- cards ------------------------------------------------------------------------------------

    def cards(self, section: PersonSection) -> list[dict[str, Any]]:
        """One card a recommendation, with its text in each language that it has."""
        lists = {k: list(v) for k, v in section.explanations.items() if k in LANGS and v}
        if not lists:
            return []
        first = next(iter(lists.values()))
        cards = []
        for place, main in enumerate(first):
            told = {k: v[place] for k, v in lists.items() if place < len(v)}
            e = main.evidence
            cards.append(
                {
                    "rank": e.rank,
                    "title": self.title(e.item),
                    "about": self._about(e.item),
                    "picture": self.picture(e.item),
                    "texts": {lang: self._text(x, lang) for lang, x in told.items()},
                    "unless": self._unless(e),
                    **self._bars(e),
                    "verified": all(x.verified for x in told.values()),
                    "sentences": sum(len(x.sentences) for x in told.values()),
                    "exact": e.exact,
                    "error": f"{abs(e.residual):.0e}",
                    "source": term("source", main.source),
                    "llm": shown(main.llm, limit=60),
                }
            )
        return cards

    def _about(self, item: str) -> Both:
        k = self.catalogue.index.get(item)
        if k is None:
            return Both("", "")
        told = [f for f in self.facets.of(k) if f.field in ("category", "brand")]
        if not told:
            told = [f for f in self.facets.of(k) if f.field == "tag"][:3]
        return both(
            lambda lang: " · ".join(shown(self._label(f.field, f.value, lang), 40) for f in told)
        )

    def _label(self, field: str, value: str, lang: str) -> str:
        label = self.facets.labels(field, value, lang)[0]
        return label[:1].upper() + label[1:] if lang == "en" else label.strip("“”")

    def _text(self, x: Explanation, lang: str) -> dict[str, Any]:
        """The text as runs: sentences with their claims, and what stands between them."""
        text, at = x.text, 0
        runs: list[dict[str, Any]] = []
        for sentence, places in x.sentences:
            start = text.find(sentence, at)
            if start < 0:
                continue
            if start > at:
                runs.append({"text": visible(text[at:start]), "claims": []})
            claims = [self._claim(x.claims[k], x, lang) for k in places if k < len(x.claims)]
            runs.append({"text": visible(sentence), "claims": claims})
            at = start + len(sentence)
        if at < len(text):
            runs.append({"text": visible(text[at:]), "claims": []})
        if x.caution:
            runs.append({"text": ("" if lang == "zh" else " ") + x.caution, "claims": []})
        return {"runs": runs, "long": len(text) > LONG_TEXT}

    def _claim(self, c: Claim, x: Explanation, lang: str) -> dict[str, str]:
        zh = lang == "zh"
        k = LANGS.index(lang)
        names = self._names(c.items, lang)
        did = event(c.event, self.dataset.domain)[k]
        label = ""
        if c.field is not None and c.value is not None:
            label = (
                f"{field(c.field)[k]}{'：' if zh else ': '}{self._label(c.field, c.value, lang)}"
            )
        count = number(c.count or 0)[k]
        share = ""
        if c.share is not None:
            percent = f"{100 * c.share:.0f} %" if zh else f"{100 * c.share:.0f}%"
            share = f"占支持它的分量的 {percent}" if zh else f"{percent} of what speaks for it"
        if c.kind == "history":
            what = (
                (f"{did}的 {count} 项（{label}）" if zh else f"{did} {count} items ({label})")
                if c.field
                else (f"{did}{names}" if zh else f"{did} {names}")
            )
            detail = f"{what}{'；' if zh else '; '}{share}" if share else what
        elif c.kind == "feature":
            also = (
                f"；{names}也有"
                if zh
                else f"; {names} {'has' if len(c.items) == 1 else 'have'} it too"
            )
            detail = label + (also if c.items else "")
        elif c.kind == "people":
            detail = (
                f"{did}{names}的人里，有 {count} 位也{did}它，比碰巧更多"
                if zh
                else f"of those who {did} {names}, {count} {did} it too, more than by chance"
            )
        elif c.kind == "popular":
            detail = f"{count} 人{did}它" if zh else f"{count} people {did} it"
        elif c.kind == "rating":
            mean, best = c.mean or 0.0, c.best or 0.0
            detail = (
                f"{count} 个评分，平均 {mean:.1f}（满分 {best:g}）"
                if zh
                else f"{mean:.1f} of {best:g} over {count} ratings"
            )
        elif c.kind == "without":
            size = x.evidence.list_size
            detail = (
                f"去掉{names}重新排名，它就不在前 {size} 里"
                if zh
                else f"ranked again without {names}, it is not in the top {size}"
            )
        else:
            detail = f"在列表中排第 {count}" if zh else f"number {count} on the list"
        return {"kind": term("claim", c.kind)[k], "detail": shown(detail, 2000)}

    def _unless(self, e: Evidence) -> Both | None:
        """The counterfactual in plain words."""
        cf: Counterfactual | None = e.gone or e.displaced
        if cf is None or not cf.items:
            return None
        n = len(cf.items)
        en, zh = (self._names(cf.items[:4], lang, max(0, n - 4)) for lang in LANGS)
        if cf.question == "gone":
            out = Both(
                f"Without {en} it would fall from place {e.rank} to {cf.new_rank}, "
                f"out of the top {e.list_size}.",
                f"少了{zh}，它会从第 {e.rank} 位落到第 {cf.new_rank} 位，离开前 {e.list_size}。",
            )
        else:
            out = Both(
                f"Without {en} another item would take its place: it would be number {cf.new_rank}, "
                f"not {e.rank}.",
                f"少了{zh}，会有别的物品占据它的位置：从第 {e.rank} 位变为第 {cf.new_rank} 位。",
            )
        if cf.proved and n > 1:
            out = Both(f"{out.en} No fewer would do.", f"{out.zh}再少一项都不行。")
        return out

    # -- bars -------------------------------------------------------------------------------------

    def _bars(self, e: Evidence) -> dict[str, Any]:
        """Bars of the largest reasons, one for all others, and the sum: together the score."""
        named = [r for r in e.reasons if r.kind != "rest"]
        tail = [r for r in e.reasons if r.kind == "rest"]
        largest = sorted(range(len(named)), key=lambda k: (-abs(named[k].contribution), k))
        top = sorted(largest[:BARS], key=lambda k: (-named[k].contribution, k))
        others = [named[k] for k in largest[BARS:]]
        rest = math.fsum(r.contribution for r in [*others, *tail])
        count = len(others) + sum(r.count or 0 for r in tail)

        values = [named[k].contribution for k in top] + ([rest] if count else [])
        if e.baseline:
            values.append(e.baseline)
        low, high = min([0.0, *values]), max([0.0, *values])
        span = (high - low) or 1.0
        digits = _digits(max([abs(v) for v in values] + [abs(e.score)]))

        def bar(name: Both, did: Both, value: float, kind: str) -> Bar:
            x = 100 * (min(value, 0.0) - low) / span
            kind = "minus" if value < 0 and kind == "plus" else kind
            return Bar(
                name,
                did,
                _signed(value, digits),
                kind,
                round(x, 2),
                round(100 * abs(value) / span, 2),
            )

        bars = [self._reason_bar(named[k], bar) for k in top]
        if count:
            name = Both(
                f"{count:,} {'other' if count == 1 else 'others'} together",
                f"其余 {count:,} 项合计",
            )
            bars.append(bar(name, Both("", ""), rest, "rest"))
        if e.baseline:
            bars.append(bar(Both("Starting value", "起点"), Both("", ""), e.baseline, "rest"))
        zero = round(100 * -low / span, 2) if low < 0 else None
        return {"bars": bars, "zero": zero, "score": _plain(e.score, digits)}

    def _reason_bar(self, r: Reason, bar: Any) -> Bar:
        if r.item is not None:
            name = self.title(r.item)
        else:
            name = Both(shown(r.title or r.kind), shown(r.title or r.kind))
        made: Bar = bar(name, self._did(r.event, r.value), r.contribution, "plus")
        return made


def _pull(section: PersonSection) -> dict[str, float]:
    """What each event adds to the scores of the whole list; what takes away counts as nothing."""
    total: dict[str, float] = {}
    for x in next((v for v in section.explanations.values() if v), ()):
        for r in x.evidence.reasons:
            if r.item is not None and r.contribution > 0:
                total[r.item] = total.get(r.item, 0.0) + r.contribution
    return total


def _digits(largest: float) -> int:
    """Decimals with which the largest number shows three significant digits."""
    if largest <= 0 or not math.isfinite(largest):
        return 3
    return min(max(2 - math.floor(math.log10(largest)), 0), 6)


def _plain(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".replace("-", "−")


def _signed(value: float, digits: int) -> str:
    return ("+" if value >= 0 else "") + _plain(value, digits)
