"""`whyrec verify`: what is true in a text about one recommendation, whoever wrote it."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from whyrec.cli import options, output
from whyrec.errors import ConfigError, DataError, WhyrecError

FIELDS = ("user", "item", "lang", "text")
SHAPE = 'write one {"user","item","lang","text"} a line'


@dataclass(frozen=True, slots=True)
class Asked:
    """One text to be checked, and where it stood."""

    user: str
    item: str
    lang: str
    text: str
    where: str | None = None


def verify(
    model: options.Model,
    user: Annotated[str | None, typer.Option(help="Who the text is for.")] = None,
    item: Annotated[str | None, typer.Option(help="What the text recommends.")] = None,
    lang: Annotated[str, typer.Option(metavar="en|zh", help="Its language.")] = "en",
    text: Annotated[str | None, typer.Option(help="The text.")] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.jsonl",
            help='One {"user","item","lang","text"} a line; - reads standard input.',
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", help="Length of the list that was shown.")] = 10,
    new_user: options.NewUser = False,
    json: options.Json = False,
) -> None:
    """Check a text about one recommendation, sentence by sentence.

    Exit status 1 if a text is refused, so that it can stand before whatever publishes it.
    """
    options.positive(n, "-n")
    if batch is not None:
        if any(v is not None for v in (user, item, text)):
            raise ConfigError(
                "both one text and a file of them",
                where="--batch",
                remedy="give --batch alone, or --user, --item and --text",
            )
        asked = _read(batch, lang)
    else:
        missing = [
            f"--{k}" for k, v in (("user", user), ("item", item), ("text", text)) if v is None
        ]
        if missing:
            raise ConfigError(
                f"{' and '.join(missing)} missing",
                where="verify",
                remedy="give --user, --item and --text, or --batch FILE.jsonl",
            )
        options.languages([lang])
        asked = [Asked(str(user), str(item), lang, str(text))]
    refused = total = 0
    for one, line in _verdicts(model, asked, n, new_user=new_user):
        total += 1
        refused += not line["ok"]
        if json:
            about = {"user": one.user, "item": one.item, "lang": one.lang} if batch else {}
            output.json_line({**about, **line})
            continue
        from whyrec.cli import show

        console = output.stdout()
        if batch is not None:
            heading = f"{output.safe(one.user)} · {output.safe(one.item)} · {one.lang}"
            console.print(heading, style="dim", markup=False)
        console.print(show.verdict(line))
    if batch is not None:
        output.stderr().print(f"{total:,} texts, {refused:,} refused", style="dim")
    if refused:
        raise typer.Exit(1)


def _read(file: str, lang: str) -> list[Asked]:
    """Every line of the file, which is checked to its end before anything is answered."""
    out = []
    for number, text in options.lines_of(file, "one JSON object a line"):
        where = f"{file}, line {number}"
        try:
            row = jsonlib.loads(text)
        except ValueError as e:
            raise DataError(f"not JSON: {e}", where=where, remedy=SHAPE) from None
        if not isinstance(row, dict):
            raise DataError("not a JSON object", where=where, remedy=SHAPE)
        row.setdefault("lang", lang)
        for name in FIELDS:
            if name not in row:
                raise DataError(f"no “{name}”", where=where, remedy=SHAPE)
            if name in ("user", "item") and isinstance(row[name], int):
                row[name] = str(row[name])
            if not isinstance(row[name], str):
                raise DataError(f"“{name}” is not text", where=where, remedy=SHAPE)
        try:
            options.languages([row["lang"]])
        except WhyrecError as e:
            raise DataError(str(e), where=where) from None
        out.append(Asked(row["user"], row["item"], row["lang"], row["text"], where))
    if not out:
        raise DataError("holds no texts", where=file, remedy=SHAPE)
    return out


def _verdicts(
    model: Path, asked: Sequence[Asked], n: int, *, new_user: bool
) -> Iterator[tuple[Asked, dict[str, Any]]]:
    """The verdict of every text, in order."""
    from whyrec.evidence.engine import EvidenceEngine
    from whyrec.language.verify import verify as check
    from whyrec.recommend.bundle import Bundle

    bundle = Bundle.load(model)
    for one in asked:
        with _at(one.where), options.naming_new_user():
            if not new_user:
                bundle.user(one.user)
            bundle.item(one.item)
    engine = EvidenceEngine(bundle, list_size=n)
    for one in asked:
        evidence = engine.explain(
            one.user, items=[one.item], counterfactuals=False, new_user=new_user
        )[0]
        yield one, check(one.text, engine.world(evidence), one.lang).to_json()


@contextmanager
def _at(where: str | None) -> Iterator[None]:
    """Let an error name the line that it is about."""
    try:
        yield
    except WhyrecError as e:
        if where is None:
            raise
        raise DataError(e.problem, where=where, remedy=e.remedy) from None
