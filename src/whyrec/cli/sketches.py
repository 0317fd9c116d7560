"""`whyrec sketches`: what is in a model's sketch book, what was refused and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyrec.cli import options, output

if TYPE_CHECKING:
    from whyrec.language.sketchbook import Line


def sketches(
    model: options.Model,
    fill: Annotated[
        bool, typer.Option("--fill", help="Have sketches of every shape written and verified.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the texts too.")] = False,
    shape: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only shapes whose key holds this text.")
    ] = None,
    lang: options.Lang = None,
    llm: options.Llm = "nano",
    base_url: options.BaseUrl = None,
    json: options.Json = False,
) -> None:
    """Look into the sketch book of MODEL: verified sentences with slots, by shape.

    \b
    whyrec sketches model --fill --lang en,zh
    whyrec sketches model --show --shape history
    """
    langs = options.languages(lang) if lang else ("en", "zh")
    from whyrec.language.backends.spec import backend
    from whyrec.language.explain import Explainer
    from whyrec.recommend.bundle import Bundle

    writer = backend(llm, base_url=base_url)
    explainer = Explainer(Bundle.load(model), backend=writer, book=model)
    for one in langs if fill else ():
        with output.progress(f"sketches in {one}", len(explainer.shapes(one))) as advance:
            done = 0

            def tell(n: int) -> None:
                nonlocal done
                advance(n - done)
                done = n

            explainer.fill(one, progress=tell)
    if fill:
        made = explainer.book.stats
        output.stderr().print(
            f"{made.made:,} texts asked of {llm}: {made.accepted:,} accepted, "
            f"{made.refused:,} refused, {made.duplicates:,} not needed",
            style="dim",
            markup=False,
        )
    lines = [
        line
        for line in explainer.book.lines()
        if line.shape.split("|")[0] in langs and (shape is None or shape in line.shape)
    ]
    if json:
        for row in (line.to_json() for line in lines) if show else _by_shape(lines):
            output.json_line(row)
        return
    _print(lines, texts=show)
    if not lines:
        remedy = "whyrec sketches MODEL --fill has them written"
        output.stderr().print(f"the book holds no such sketches yet; {remedy}", style="dim")


def _by_shape(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Shapes with their accepted and refused texts counted, refusals by code."""
    rows: dict[str, dict[str, Any]] = {}
    for line in lines:
        row = rows.setdefault(
            line.shape, {"shape": line.shape, "accepted": 0, "refused": 0, "codes": {}}
        )
        row[line.status] += 1
        if line.status == "refused":
            code = line.problems[0].code if line.problems else "refused"
            row["codes"][code] = row["codes"].get(code, 0) + 1
    return list(rows.values())


def _print(lines: Sequence[Line], *, texts: bool) -> None:
    from rich.text import Text

    from whyrec.cli import show

    console = output.stdout()
    if texts:
        heading = None
        for line in lines:
            if line.shape != heading:
                console.print(Text(line.shape, "cyan"))
                heading = line.shape
            good = line.status == "accepted"
            text = Text("  ✓ " if good else "  ✗ ", "green" if good else "red")
            text.append(output.safe(line.text), "" if good else "dim")
            if not good and line.problems:
                text.append(f"  {line.problems[0].code}: {line.problems[0].message}", "red")
            console.print(text)
        return
    rows = _by_shape(lines)
    if not rows:
        return
    codes: dict[str, int] = {}
    for row in rows:
        for code, n in row["codes"].items():
            codes[code] = codes.get(code, 0) + n
    shown = [
        {**r, "codes": ", ".join(f"{c} {n}" for c, n in sorted(r["codes"].items()))} for r in rows
    ]
    console.print(show.table(shown))
    accepted, refused = sum(r["accepted"] for r in rows), sum(r["refused"] for r in rows)
    console.print(
        f"\n{len(rows):,} shapes, {accepted:,} accepted, {refused:,} refused", style="dim"
    )
    if codes:
        by_code = sorted(codes.items(), key=lambda x: -x[1])
        console.print(show.table([{"refused for": c, "texts": n} for c, n in by_code]))
