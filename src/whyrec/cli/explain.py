"""`whyrec explain`: recommendations with their reasons, for one person or for everybody."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyrec.cli import options, output
from whyrec.errors import ConfigError

if TYPE_CHECKING:
    from whyrec.batch import Job, Summary
    from whyrec.recommend.bundle import Bundle


def explain(
    model: options.Model,
    user: Annotated[str | None, typer.Option(help="Whose list.")] = None,
    item: Annotated[
        list[str] | None,
        typer.Option(help="Explain this item, wherever it ranks, and not the list; repeatable."),
    ] = None,
    users: Annotated[
        str | None,
        typer.Option(metavar="FILE|all", help="Many users: one id a line (- is standard input)."),
    ] = None,
    n: Annotated[int, typer.Option("-n", help="Items a list.")] = 10,
    lang: options.Lang = None,
    llm: options.Llm = "nano",
    base_url: options.BaseUrl = None,
    mode: Annotated[
        str,
        typer.Option(
            metavar="sketch|direct",
            help="sketch: verified sentences are filled in; direct: the model writes each text.",
        ),
    ] = "sketch",
    reasons: Annotated[
        str,
        typer.Option(metavar="N|all", help="Reasons written one by one; the tail is summed."),
    ] = "20",
    check: Annotated[
        bool,
        typer.Option(
            "--check/--no-check",
            help="Verify every finished text whole, or (faster) only sketches and claims.",
        ),
    ] = True,
    approved_only: Annotated[
        bool,
        typer.Option(
            "--approved-only", help="Use only sketches that people approved; see `whyrec review`."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.parquet|.jsonl", help="Write to a file, whole or not at all."),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            help="Worker processes for many users; WHYREC_THREADS or the cores if not given."
        ),
    ] = None,
    new_user: options.NewUser = False,
    rather: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="Why item A stands before item B, and what would turn it."
        ),
    ] = None,
    why_not: Annotated[
        str | None,
        typer.Option(
            "--why-not",
            metavar="ITEM",
            help="Why it is not on the list, and what would bring it in.",
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Add up each score by category, tag, brand, event or time too, and by feature, "
            "neighbour or model where the model knows; repeat, or separate by commas.",
        ),
    ] = None,
    method: options.Method = "shapley",
    budget: options.Budget = None,
    context: options.Context = None,
    where: options.Where = None,
    json: options.Json = False,
) -> None:
    """Recommend and say why, in words that the model's own arithmetic proves.

    \b
    whyrec explain model --user 196
    whyrec explain model --user 196 --item 50 --lang en,zh --json
    whyrec explain model --user 196 --by time,category
    whyrec explain model --user 196 --why-not 50
    whyrec explain model --user 196 --rather 50,172
    whyrec explain model --users all -n 10 --lang en,zh --out why.parquet
    """
    options.positive(n, "-n")
    if (user is None) == (users is None):
        raise ConfigError(
            "give one of --user and --users" if user is None else "both --user and --users given",
            where="explain",
            remedy="for example --user 196, or --users all",
        )
    if item and users is not None:
        raise ConfigError(
            "an item is explained to one person", where="--item", remedy="give --user, not --users"
        )
    _check_contrast(user, item, rather, why_not, by, out)
    if base_url is not None and not llm.startswith("openai:"):
        raise ConfigError(
            f"{llm} has no server", where="--base-url", remedy="give --llm openai:MODEL with it"
        )
    if mode not in ("sketch", "direct"):
        raise ConfigError(f"no such mode: {mode}", where="--mode", remedy="use sketch or direct")
    langs = options.languages(lang)
    if out is not None:
        options.check_place(out)

    from whyrec.batch import Job
    from whyrec.batch.tables import check_format
    from whyrec.evidence.attribution import BUDGET

    if out is not None:
        check_format(out)
    job = Job(
        model=str(model),
        langs=langs,
        n=n,
        llm=llm,
        llm_options={"base_url": base_url} if base_url else {},
        mode="direct" if mode == "direct" else "sketch",
        new_users=new_user,
        context=options.key_values(context, "--context"),
        where=where,
        keep=options.kept(reasons),
        check=check or user is not None,  # one person's list is always checked
        approved_only=approved_only,
        method=method,
        budget=budget or BUDGET,
    )
    from whyrec.language.backends.spec import backend
    from whyrec.recommend.bundle import Bundle

    if mode == "direct":
        _check_direct(backend(llm, **job.llm_options), llm)
    bundle = Bundle.load(model)
    if rather is not None or why_not is not None:
        _contrast(job, bundle, str(user), rather, why_not, json=json)
    elif user is not None:
        splits = [name.strip() for given in by or () for name in given.split(",") if name.strip()]
        _one(job, bundle, user, item or None, out, splits, json=json)
    else:
        everybody = options.users(str(users), bundle, new_user=new_user)
        _many(job, bundle, everybody, out, processes, json=json)


def _check_contrast(
    user: str | None,
    item: list[str] | None,
    rather: str | None,
    why_not: str | None,
    by: list[str] | None,
    out: Path | None,
) -> None:
    """Options that speak of one person, and those that exclude each other."""
    for value, option in ((rather, "--rather"), (why_not, "--why-not"), (by, "--by")):
        if value and user is None:
            raise ConfigError(
                "speaks of one person", where=option, remedy="give --user, not --users"
            )
    asked = [
        name
        for name, value in (
            ("--rather", rather), ("--why-not", why_not), ("--item", item), ("--out", out)
        )
        if value
    ]  # fmt: skip
    if (rather or why_not) and len(asked) > 1:
        raise ConfigError(
            f"{' and '.join(asked)} given", where="explain", remedy="give one of them"
        )


def _contrast(
    job: Job, bundle: Bundle, user: str, rather: str | None, why_not: str | None, *, json: bool
) -> None:
    from whyrec.cli import why_not as contrast
    from whyrec.evidence.engine import EvidenceEngine

    bundle = bundle.within(job.context, where=job.where)
    engine = EvidenceEngine(bundle, list_size=job.n, method=job.method, budget=job.budget)
    keep = job.keep
    if rather is not None:
        pair = contrast.pair(rather)
        contrast.rather(engine, user, pair, keep, new_user=job.new_users, json=json)
    else:
        contrast.not_shown(engine, user, str(why_not), keep, new_user=job.new_users, json=json)


def _check_direct(writer: Any, llm: str) -> None:
    if not writer.direct:
        raise ConfigError(
            f"{llm} writes sketches only",
            where="--mode direct",
            remedy="give --llm openai:MODEL or hf:PATH, or --mode sketch",
        )


def _one(
    job: Job,
    bundle: Bundle,
    user: str,
    items: list[str] | None,
    out: Path | None,
    by: list[str],
    *,
    json: bool,
) -> None:
    from whyrec.batch import write_lines
    from whyrec.batch.work import Writer

    def lines() -> Iterator[dict[str, Any]]:
        writer = Writer(job, bundle)
        with options.naming_new_user():
            evidences = writer.engine.explain(
                user, n=job.n, items=items, new_user=job.new_users, by=by
            )
        for lang in job.langs:
            for told in writer.explainer.tell(evidences, lang=lang, check=True):
                yield writer.line(told)

    if out is not None:
        write_lines(lines(), out)
        if not json:
            return
    if json:
        for line in lines():
            output.json_line(line)
        return
    with output.working("finding reasons"):
        found = list(lines())
    _print(found, bundle)


def _many(
    job: Job,
    bundle: Bundle,
    users: list[str],
    out: Path | None,
    processes: int | None,
    *,
    json: bool,
) -> None:
    from whyrec.batch import explain_users

    if out is None and not json:
        from whyrec.batch.work import Writer

        writer = Writer(job, bundle)
        _print((writer.line(x) for x in writer.explanations(users)), bundle)
        return
    started = time.perf_counter()
    target = out if out is not None else output.binary()
    with output.progress("explaining", len(users)) as advance:
        summary = explain_users(
            job, users, target, processes=processes, bundle=bundle, progress=advance
        )
    _say(summary, time.perf_counter() - started, out, json=json and out is not None)


def _say(summary: Summary, seconds: float, out: Path | None, *, json: bool) -> None:
    """What the batch came to: on stdout as JSON if asked and free, else in words on stderr."""
    if json:
        output.json_line({"out": str(out), **summary.to_json(), "seconds": round(seconds, 2)})
        return
    rate = summary.texts / seconds if seconds else 0.0
    sources = ", ".join(f"{n:,} {s}" for s, n in sorted(summary.sources.items()))
    output.stderr().print(
        f"{summary.users:,} users, {summary.texts:,} texts ({sources}) in {seconds:.1f} s "
        f"({rate:,.0f} a second); {summary.empty} empty, {summary.unverified} not verified"
        + (f"; {out}" if out else ""),
        style="dim",
        markup=False,
    )


def _print(lines: Iterable[dict[str, Any]], bundle: Bundle) -> None:
    from rich.text import Text

    from whyrec.cli import show

    console = output.stdout()
    heading = None
    for line in lines:
        this = (line["user"], line["lang"])
        if this != heading:
            start = "\n" if heading else ""
            about = f"{start}{output.safe(line['user'])} · {line['lang']} · {line['model']} · {line['llm']}"
            console.print(Text(about, "cyan"))
            heading = this
        console.print(show.explanation(line, titles=_titles(bundle, line)))
        for split in (*line["evidence"].get("groups", ()), *line["evidence"].get("breakdowns", ())):
            console.print(show.split(split))
    if heading is None:
        output.stderr().print("nothing to recommend: every item is known to this user", style="dim")


def _titles(bundle: Bundle, line: Mapping[str, Any]) -> dict[str, str]:
    """The titles of what the counterfactual leaves out, which need not be among the reasons."""
    items = line["counterfactual"]["items"] if line["counterfactual"] else ()
    catalogue = bundle.dataset.catalogue
    titles = catalogue.titles(line["lang"])
    return {i: titles[catalogue.index[i]] for i in items}
