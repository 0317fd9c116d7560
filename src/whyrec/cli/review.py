"""`whyrec review`: people read sketches and decide which ones are served."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyrec.cli import options, output
from whyrec.errors import ConfigError, DataError

if TYPE_CHECKING:
    from whyrec.language.review import Reviews
    from whyrec.language.sketchbook import Line


def review(
    model: options.Model,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="draft, approved, edited or refused only.")
    ] = None,
    approve: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Serve this sketch; repeatable.")
    ] = None,
    refuse: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Never serve it again; repeatable.")
    ] = None,
    reopen: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Take a decision back; repeatable.")
    ] = None,
    edit: Annotated[
        str | None, typer.Option(metavar="ID", help="Put the words of --text in its place.")
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="The words of an edit, every slot kept; verified first.")
    ] = None,
    note: Annotated[str, typer.Option(help="Why, for whoever comes after.")] = "",
    shape: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only shapes whose key holds this text.")
    ] = None,
    lang: options.Lang = None,
    llm: options.Llm = "nano",
    read: Annotated[
        Path | None,
        typer.Option("--import", metavar="FILE", help="Take decisions from JSON Lines."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Read the sketches of MODEL and decide which are served; decisions survive retraining.

    A sketch is a draft until somebody approves, edits or refuses it. Drafts are served too, as they
    are verified; `whyrec explain --approved-only` serves only what people approved or wrote.

    \b
    whyrec review model --state draft --lang en
    whyrec review model --approve 3f2a91c0de11 --approve 81b0aa02f3c4
    whyrec review model --edit 3f2a91c0de11 --text "You rated {history} highly."
    whyrec review model --json > decisions.jsonl
    """
    langs = options.languages(lang) if lang else ("en", "zh")
    from whyrec.language.explain import book_path, reviews_path
    from whyrec.language.review import STATES, Reviews
    from whyrec.language.sketchbook import SketchBook

    if state is not None and state not in STATES:
        raise ConfigError(
            f"no such state: {state}", where="--state", remedy=f"use {', '.join(STATES)}"
        )
    if (edit is None) != (text is None):
        raise ConfigError(
            "--edit and --text belong together", where="review", remedy="give both, or neither"
        )
    if not (model / "manifest.json").is_file():
        raise DataError("is no model", where=str(model), remedy="name what `whyrec fit` wrote")
    reviews = Reviews(reviews_path(model))
    book = SketchBook(book_path(model, llm), reviews=reviews)
    known = {_id(line): line for line in book.lines() if line.status == "accepted"}
    past = {r.id: (r.shape, r.text) for r in reviews}
    decisions: list[tuple[str, str, str | None]] = [
        *((i, "approved", None) for i in approve or ()),
        *((i, "refused", None) for i in refuse or ()),
        *((i, "draft", None) for i in reopen or ()),
        *(((edit, "edited", text),) if edit else ()),
    ]
    places = [_place(i, known, past) for i, _, _ in decisions]  # an unknown id decides nothing
    for (_, wanted, words), (key, sketch) in zip(decisions, places, strict=True):
        reviews.decide(key, sketch, wanted, edit=words, note=note)  # type: ignore[arg-type]
    taken = _import(read, reviews) if read is not None else 0
    if decisions or taken:
        output.stderr().print(f"{len(decisions) + taken} decided", style="dim")
        if not json:
            return
    rows = [
        row
        for line in known.values()
        if (row := _row(line, reviews))["state"] == (state or row["state"])
        and line.shape.split("|")[0] in langs
        and (shape is None or shape in line.shape)
    ]
    if json:
        for row in rows:
            output.json_line(row)
        return
    _print(rows)
    if not rows:
        remedy = "whyrec sketches MODEL --fill has them written"
        output.stderr().print(f"no such sketches; {remedy}", style="dim")


def _id(line: Line) -> str:
    from whyrec.language.review import fingerprint

    return fingerprint(line.shape, line.text)


def _place(id: str, known: dict[str, Line], past: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """Shape and text of a sketch by its id or the beginning of it."""
    every = {k: (x.shape, x.text) for k, x in known.items()} | past
    found = [k for k in every if k.startswith(id)] if len(id) >= 4 else []
    if len(found) != 1:
        raise ConfigError(
            f"{len(found)} sketches have the id {id[:40]}" if found else f"no sketch {id[:40]}",
            where="review",
            remedy="`whyrec review MODEL` lists the ids",
        )
    return every[found[0]]


def _row(line: Line, reviews: Reviews) -> dict[str, Any]:
    known = reviews.of(line.shape, line.text)
    return {
        "id": _id(line),
        "state": reviews.state(line.shape, line.text),
        "shape": line.shape,
        "text": line.text,
        "edit": known.edit if known else None,
        "note": known.note if known else "",
        "time": known.time if known else "",
        "llm": line.llm,
    }


def _import(place: Path, reviews: Reviews) -> int:
    """Decisions from a file in the form that `--json` prints; all are read before one counts."""
    import json

    from whyrec.language.review import Review

    try:
        lines = place.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"cannot be read: {e}", where=str(place), remedy="check the path") from e
    found = []
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            found.append(Review.from_json(json.loads(raw)))
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise DataError(
                "not a decision",
                where=f"{place}, line {number}",
                remedy="write lines as `whyrec review MODEL --json` prints them",
            ) from e
    taken = 0
    for r in found:
        before = reviews.of(r.shape, r.text)
        same = before is not None and (before.state, before.edit) == (r.state, r.edit)
        if same or (before is None and r.state == "draft"):
            continue
        reviews.decide(r.shape, r.text, r.state, edit=r.edit, note=r.note)
        taken += 1
    return taken


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.text import Text

    console = output.stdout()
    signs = {
        "draft": ("·", "dim"),
        "approved": ("✓", "green"),
        "refused": ("✗", "red"),
        "edited": ("✎", "yellow"),
    }
    heading = None
    for row in rows:
        if row["shape"] != heading:
            heading = row["shape"]
            console.print(Text(heading, "cyan"))
        sign, style = signs[row["state"]]
        line = Text(f"  {sign} {row['id']}  ", style)
        line.append(
            output.safe(row["text"]), "dim" if row["state"] in ("refused", "edited") else ""
        )
        console.print(line)
        if row["edit"]:
            console.print(Text("                 " + output.safe(row["edit"]), "yellow"))
        if row["note"]:
            console.print(Text("                 " + output.safe(row["note"]), "dim italic"))
    counts = {s: sum(r["state"] == s for r in rows) for s in signs}
    console.print("\n" + ", ".join(f"{n:,} {s}" for s, n in counts.items()), style="dim")
