"""Definitions of segments in words: what their people have more of than everybody, with the numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from whyrec.errors import ConfigError

if TYPE_CHECKING:
    from whyrec.features.segments import Segment, Segments, Trait

LANGUAGES = ("en", "zh")

# Verb and thing in English, verb, thing and its measure word in Chinese.
_VERBS = {
    "bought": ("Buy", "things", "购买", "商品", "件"),
    "film": ("Watch", "films", "看", "影片", "部"),
    "video": ("Watch", "videos", "看", "视频", "个"),
    "music": ("Listen to", "tracks", "听", "音乐", "首"),
    "news": ("Read", "pieces", "读", "文章", "篇"),
}
_OTHER_VERBS = ("Choose", "things", "选择", "内容", "个")
_ACTIVITY = 1.5
"""Times the median number of items from which people are called active (or below, occasional)."""


def name(segments: Segments, segment: Segment, lang: str) -> str:
    """The segment by its first two traits."""
    _check(lang)
    labels = [_label(segments, t, lang) for t in segment.traits[:2]]
    if not labels:
        return {"en": "a bit of everything", "zh": "什么都有"}[lang]
    return (" and " if lang == "en" else "、").join(labels)


def define(segments: Segments, segment: Segment, lang: str) -> str:
    """The segment's definition in one sentence."""
    _check(lang)
    return _english(segments, segment) if lang == "en" else _chinese(segments, segment)


def _check(lang: str) -> None:
    if lang not in LANGUAGES:
        raise ConfigError(
            f"no definitions in {lang!r}",
            where="segments",
            remedy=f"use {' or '.join(LANGUAGES)}",
        )


def _label(segments: Segments, trait: Trait, lang: str) -> str:
    """The facet's name; Chinese text without its quotation marks, as it heads a list."""
    label = segments.facets.labels(trait.facet.field, trait.facet.value, lang)[0]
    bare = label.strip("“”")
    # A word of titles is no kind of thing: it stands in quotation marks.
    return f"“{bare}”" if trait.facet.field == "word" else bare


def _words(segments: Segments) -> tuple[str, str, str, str, str]:
    key = "bought" if segments.bought else segments.domain
    return _VERBS.get(key, _OTHER_VERBS)


def _english(segments: Segments, s: Segment) -> str:
    verb, things, *_ = _words(segments)
    if s.traits:
        first = s.traits[0]
        mostly = "mostly " if first.share >= 0.5 else "more " if first.share < 0.25 else "much "
        parts = [f"{_label(segments, t, 'en')} {_against(t, 'en')}" for t in s.traits]
        out = f"{verb} {mostly}{_list(parts, 'and')}"
    else:
        out = f"{verb} a bit of everything"
    more = []
    if s.per_month is not None:
        more.append(f"{_rate(s.per_month)} {_plural(things, s.per_month)} a month")
    elif s.items_overall:
        more.append(f"{s.items:g} {things} each")
    ratio = s.items / s.items_overall if s.items_overall else 1.0
    if ratio >= _ACTIVITY or ratio <= 1 / _ACTIVITY:
        more.append(f"{s.items:g} in all where the median is {s.items_overall:g}")
    if s.price is not None and s.price_level:
        money = f"{s.price:.2f} {segments.currency or ''}".strip()
        level = "dearer" if s.price_level > 0 else "cheaper"
        more.append(f"{level} ones of their kind (typically {money})")
    return "; ".join([out, *more]) + "."


def _chinese(segments: Segments, s: Segment) -> str:
    *_, verb, things, unit = _words(segments)
    if s.traits:
        first = s.traits[0]
        mostly = "主要" if first.share >= 0.5 else "较多"
        parts = [f"{_label(segments, t, 'zh')}{_against(t, 'zh')}" for t in s.traits]
        out = f"{mostly}{verb}{'、'.join(parts)}"
    else:
        out = f"各类{things}都{verb}一些"
    more = []
    if s.per_month is not None:
        more.append(f"每月约 {_rate(s.per_month, 'zh')} {unit}")
    elif s.items_overall:
        more.append(f"每人 {s.items:g} {unit}")
    ratio = s.items / s.items_overall if s.items_overall else 1.0
    if ratio >= _ACTIVITY or ratio <= 1 / _ACTIVITY:
        more.append(f"共 {s.items:g} {unit}（全体中位数为 {s.items_overall:g}）")
    if s.price is not None and s.price_level:
        money = f"{s.price:.2f} {segments.currency or ''}".strip()
        more.append(f"在同类中偏{'贵' if s.price_level > 0 else '便宜'}（通常约 {money}）")
    return "，".join([out, *more]) + "。"


def _against(trait: Trait, lang: str) -> str:
    if lang == "zh":
        return f"（占 {_percent(trait.share)}，全体为 {_percent(trait.overall)}）"
    return f"({_percent(trait.share)}, everybody {_percent(trait.overall)})"


def _percent(share: float) -> str:
    value = 100 * share
    return f"{value:.0f}%" if value >= 9.5 else f"{value:.1f}%"


def _rate(rate: float, lang: str = "en") -> str:
    """A rate that claims no more precision than it has: `2 to 3`, `0.4`, `12`."""
    if lang == "en" and abs(rate - 1) < 0.1:
        return "one"
    if rate >= 10 or abs(rate - round(rate)) < 0.1:
        return f"{rate:.0f}"
    if rate < 1:
        return f"{rate:.1f}"
    low = int(rate)
    return f"{low} to {low + 1}" if lang == "en" else f"{low} 到 {low + 1}"


def _plural(things: str, rate: float) -> str:
    return things[:-1] if abs(rate - 1) < 0.1 else things


def _list(parts: Sequence[str], joint: str) -> str:
    text = ", ".join(parts[:-1])
    return f"{text} {joint} {parts[-1]}" if text else re.sub(r"^,\s*", "", parts[-1])
