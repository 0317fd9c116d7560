"""Explanations, verdicts and lists as people read them in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from whyrec.cli.output import safe

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

PARTS = 3
"""Contributions named one by one under a text; the others are summed."""


def explanation(
    line: Mapping[str, Any], *, sums: bool = True, titles: Mapping[str, str] | None = None
) -> Text:
    """One line of `explain --json` as a title, its text and how the score adds up."""
    from rich.text import Text

    out = Text()
    out.append(f"{line['rank']:>3}  ", "dim")
    out.append(safe(line["title"]), "bold")
    out.append("\n     " + safe(line["text"]).replace("\n", "\n     "))
    if not line["verified"]:
        out.append("  [not verified]", "red")
    if sums and line["evidence"]["reasons"]:
        out.append("\n     " + _sum(line), "dim")
    counterfactual = line["counterfactual"]
    if sums and counterfactual is not None:
        named = titles or {}
        names = ", ".join(safe(named.get(i) or i) for i in counterfactual["items"])
        out.append(f"\n     without {names}: rank {counterfactual['new_rank']}", "dim")
    return out


def _sum(line: Mapping[str, Any]) -> str:
    """`0.91 = 0.40 Alien + 0.30 Blade Runner + 0.21 from 12 more`."""
    reasons = line["evidence"]["reasons"]
    named = [r for r in reasons if r["kind"] != "rest"][:PARTS]
    parts = [f"{number(r['contribution'])} {safe(r['title'] or r['item'])}" for r in named]
    others = sum(r.get("count") or 1 for r in reasons) - len(named)
    rest = sum(r["contribution"] for r in reasons) - sum(r["contribution"] for r in named)
    if others:
        parts.append(f"{number(rest)} from {others} more")
    if line["baseline"]:
        parts.append(f"{number(line['baseline'])} for everybody")
    sign = "=" if line["evidence"]["exact"] else "≈"
    return f"{number(line['score'])} {sign} " + " + ".join(parts)


def number(x: float) -> str:
    """Three significant digits, or whole and with commas from a thousand on."""
    return f"{x + 0.0:.3g}" if abs(x) < 1000 else f"{x:,.0f}"  # + 0.0: no minus before zero


def split(line: Mapping[str, Any]) -> RenderableType:
    """A split of a score (`by`, `parts`) as a table under the text that it belongs to."""
    from rich.padding import Padding

    others = "people like this user" if line["by"] == "neighbour" else "others"
    rows = [
        {"contribution": p["contribution"], line["by"]: p["name"] or others, "events": p["count"]}
        if line["by"] not in ("feature", "neighbour", "model")
        else {"contribution": p["contribution"], line["by"]: p["name"] or others}
        for p in line["parts"]
    ]
    return Padding(table(rows), (0, 0, 0, 5))


def verdict(line: Mapping[str, Any]) -> Text:
    """One line of `verify --json`: each sentence with what supports it or what is wrong."""
    from rich.text import Text

    out = Text()
    if not line["sentences"]:
        out.append("✗ there is no sentence in it", "red")
    for k, sentence in enumerate(line["sentences"]):
        out.append("\n" if k else "")
        out.append("✓ " if sentence["ok"] else "✗ ", "green" if sentence["ok"] else "red")
        out.append(safe(sentence["text"]))
        kinds = ", ".join(c["kind"] for c in sentence["claims"])
        if kinds:
            out.append(f"  ({kinds})", "dim")
        for problem in sentence["problems"]:
            out.append(f"\n    {problem['code']}: {safe(problem['message'])}", "red")
    return out


def table(rows: Sequence[Mapping[str, Any]], *, title: str | None = None) -> RenderableType:
    """Rows of JSON-able values as a table; numbers to the right."""
    from rich.table import Table
    from rich.text import Text

    out = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim")
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        numbers = all(isinstance(row.get(name), int | float | None) for row in rows)
        out.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        out.add_row(*(Text(_cell(row.get(name))) for name in names))
    return out


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return number(value)
    return safe(value)


def facts(values: Mapping[str, Any], *, title: str | None = None) -> RenderableType:
    """Names and values in two columns."""
    from rich.table import Table
    from rich.text import Text

    out = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    out.add_column(style="dim")
    out.add_column(overflow="fold")
    for name, value in values.items():
        out.add_row(name, Text(_cell(value)))
    return out


def set_aside(counts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What reading set aside (`Dataset.notes["set_aside"]`) as rows of a table."""
    return [
        {
            "rows": c["count"],
            "why": c["reason"],
            "file": c["file"],
            "for example row": ", ".join(str(r) for r in c["rows"][:3]),
        }
        for c in counts
    ]
