"""Options that several commands share, and how their text becomes values."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whyrec.errors import ConfigError, DataError

if TYPE_CHECKING:
    from whyrec.recommend.bundle import Bundle

Json = Annotated[bool, typer.Option("--json", help="JSON Lines on stdout and nothing else there.")]
Model = Annotated[Path, typer.Argument(help="Directory that `whyrec fit` wrote.", metavar="MODEL")]
Data = Annotated[
    Path,
    typer.Argument(
        help="File or directory: CSV, TSV, Parquet, JSON Lines (also .gz); MovieLens, invoices, "
        "RecBole and Amazon reviews are recognised.",
        metavar="DATA",
    ),
]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN",
        help="Which column holds a field: --map user_id=CustomerID (repeat, or separate by commas).",
    ),
]
Domain = Annotated[
    str | None,
    typer.Option(
        help="Words to use: film, shop, music, news, video, social, course, health, finance or generic. Recognised from the data if not given."
    ),
]
Weight = Annotated[
    list[str] | None,
    typer.Option(
        metavar="EVENT=VALUE", help="How strongly an event counts, 0 to 1: --weight view=0.1."
    ),
]
Event = Annotated[
    str | None,
    typer.Option(help="What a row is if no column says so: purchase, view, rating, …"),
]
Lang = Annotated[
    list[str] | None,
    typer.Option(metavar="en|zh", help="Language; repeat, or separate by commas, for several."),
]
Llm = Annotated[
    str,
    typer.Option(
        metavar="SPEC",
        envvar="WHYREC_LLM",
        help="Who writes: nano (embedded), openai:MODEL (any compatible server), hf:PATH or none.",
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Server for openai:MODEL, for example http://127.0.0.1:8000/v1."
    ),
]
NewUser = Annotated[
    bool,
    typer.Option(
        "--new-user", help="Treat an unknown user as a new one: the honest cold-start list."
    ),
]
HalfLife = Annotated[
    float | None,
    typer.Option(
        metavar="DAYS",
        help="Let events count half every DAYS before the last one; all alike if not given.",
    ),
]
Context = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE", help="What is so now, for rules that ask it: --context season=winter."
    ),
]
Where = Annotated[
    str | None,
    typer.Option(
        metavar="CONDITION",
        help="Only items like this: --where 'price < 20 and category in (Tea, Coffee)'.",
    ),
]

Method = Annotated[
    str,
    typer.Option(
        metavar="shapley|occlusion", help="How a model that is not exact is asked for reasons."
    ),
]
Budget = Annotated[
    int | None,
    typer.Option(min=2, help="Histories that such a model may score for one person's reasons."),
]


def key_values(given: Sequence[str] | None, option: str) -> dict[str, str]:
    """`["a=1,b=2", "c=3"]` as a dictionary.

    Raises
    ------
    ConfigError
        If one is not KEY=VALUE, or a key comes twice.

    Examples
    --------
    >>> key_values(["user_id=CustomerID,item_id=StockCode"], "--map")
    {'user_id': 'CustomerID', 'item_id': 'StockCode'}
    """
    out: dict[str, str] = {}
    for part in (p for g in given or () for p in g.split(",") if p.strip()):
        key, sign, value = part.partition("=")
        key, value = key.strip(), value.strip()
        if not sign or not key or not value:
            raise ConfigError(
                f"“{part}” is not KEY=VALUE", where=option, remedy=f"write {option} key=value"
            )
        if key in out:
            raise ConfigError(f"“{key}” is given twice", where=option, remedy="give it once")
        out[key] = value
    return out


_NEXT = re.compile(r",(?=\s*[A-Za-z_][\w.-]*\s*=)")


def settings(given: Sequence[str] | None, option: str = "--set") -> dict[str, str]:
    """`["a=1,b=2", "parts=ease:0.6,ials(k=8):0.4"]` as a dictionary: values may hold commas.

    A comma separates two settings only where KEY= comes next, outside all brackets.

    Raises
    ------
    ConfigError
        If one is not KEY=VALUE, or a key comes twice.

    Examples
    --------
    >>> settings(["factors=8,parts=ease:0.6,ials(alpha=1,seed=2):0.4"])
    {'factors': '8', 'parts': 'ease:0.6,ials(alpha=1,seed=2):0.4'}
    """
    out: dict[str, str] = {}
    for text in given or ():
        start = 0
        cuts = [c.start() for c in _NEXT.finditer(text) if not _open(text[: c.start()])]
        for end in (*cuts, len(text)):
            key, sign, value = (p.strip() for p in text[start:end].partition("="))
            if not sign or not key or not value:
                raise ConfigError(
                    f"“{text[start:end]}” is not KEY=VALUE",
                    where=option,
                    remedy=f"write {option} key=value",
                )
            if key in out:
                raise ConfigError(f"“{key}” is given twice", where=option, remedy="give it once")
            out[key] = value
            start = end + 1
    return out


def _open(text: str) -> bool:
    return sum(text.count(c) for c in "([{") > sum(text.count(c) for c in ")]}")


def event_weights(given: Sequence[str] | None) -> dict[str, float] | None:
    """`["view=0.1"]` as numbers; None if none was given.

    Raises
    ------
    ConfigError
        If a value is not a number from 0 to 1.
    """
    out: dict[str, float] = {}
    for event, text in key_values(given, "--weight").items():
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            raise ConfigError(
                f"“{text}” is not a weight",
                where=f"--weight {event}",
                remedy="give a number from 0 (ignore) to 1, for example --weight view=0.1",
            )
        out[event] = value
    return out or None


def days(given: float | None) -> float | None:
    """The half-life, if it is one.

    Raises
    ------
    ConfigError
        If it is not a number above 0.
    """
    if given is not None and not 0 < given < float("inf"):
        raise ConfigError(
            f"{given:g} days", where="--half-life", remedy="give a number of days above 0"
        )
    return given


def languages(given: Sequence[str] | None) -> tuple[str, ...]:
    """Languages asked for, each once, in that order; English if none.

    Raises
    ------
    LanguageError
        If there is no locale for one.
    """
    from whyrec.language import locales

    wanted = [part.strip() for g in given or () for part in g.split(",") if part.strip()] or ["en"]
    for lang in wanted:
        locales.load(lang)
    return tuple(dict.fromkeys(wanted))


def lines_of(file: str, what: str) -> Iterator[tuple[int, str]]:
    """(line number, line) of a UTF-8 text file without empty lines; `-` is standard input.

    Raises
    ------
    DataError
        If it cannot be read or is not text.
    """
    number = 0
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as raw:
            for number, line in enumerate(raw, 1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if text:
                    yield number, text
    except FileNotFoundError:
        raise DataError("no such file", where=file, remedy=f"give {what}") from None
    except IsADirectoryError:
        raise DataError("is a directory", where=file, remedy=f"give {what}") from None
    except UnicodeDecodeError:
        raise DataError(
            "not UTF-8 text", where=f"{file}, line {number}", remedy=f"give {what}"
        ) from None


@contextmanager
def naming_new_user() -> Iterator[None]:
    """Let the error about an unknown user name the option that serves new people."""
    from whyrec.errors import UnknownUserError

    try:
        yield
    except UnknownUserError as e:
        raise UnknownUserError(
            e.problem,
            where=e.where,
            remedy=f"check the id, or pass --new-user for somebody new ({e.remedy})",
        ) from None


def positive(n: int, option: str) -> int:
    """The number, if it is one or more.

    Raises
    ------
    ConfigError
        If it is not.
    """
    if n < 1:
        raise ConfigError(f"{n} is not 1 or more", where=option, remedy=f"for example {option} 10")
    return n


def check_place(path: Path, *, directory: bool = False) -> None:
    """Say at once, and not after the work, that something cannot be written there.

    Raises
    ------
    DataError
        If a file stands where a directory must be, or the reverse.
    """
    if path.exists() and path.is_dir() != directory:
        kind = "a directory" if path.is_dir() else "a file"
        raise DataError(f"is {kind}", where=str(path), remedy="name another place with --out")
    for parent in path.parents:
        if parent.exists():
            if not parent.is_dir():
                raise DataError(
                    f"{parent} is a file", where=str(path), remedy="name another place with --out"
                )
            return


def kept(text: str) -> int | None:
    """The number of reasons of `--reasons`, None for all.

    Raises
    ------
    ConfigError
        If it is neither a number from 1 nor `all`.
    """
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(
            f"“{text}” is not a number of reasons",
            where="--reasons",
            remedy="give 1 or more, or all",
        )
    return int(text)


def users(source: str, bundle: Bundle, *, new_user: bool = False) -> list[str]:
    """The ids of `all`, or of the lines of a file.

    Raises
    ------
    DataError
        If the data do not hold an id (and it may not be new), or the file holds none.
    """
    if source == "all":
        return list(bundle.dataset.users)
    out = []
    for number, id in lines_of(source, "one user id a line, or --users all"):
        if not new_user and id not in bundle.dataset.user_index:
            raise DataError(
                f"no such user: {id[:60]}",
                where=f"{source}, line {number}",
                remedy="remove the line, or pass --new-user for people who are new",
            )
        out.append(id)
    if not out:
        raise DataError("holds no user ids", where=source, remedy="write one user id a line")
    return out
