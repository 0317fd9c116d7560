"""`whyrec demo`: the whole way on a simulated shop, offline, ending in a page to open."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyrec.cli import options, output

if TYPE_CHECKING:
    from whyrec.language.types import Explanation
    from whyrec.recommend.bundle import Bundle

LANGS = ("en", "zh")
PEOPLE = 20
LEAST = 8
"""Positive events of a person who is shown, so that there is something to explain."""


def demo(
    out: Annotated[Path, typer.Option(help="Directory to write to.")] = Path("whyrec-demo"),
    seed: Annotated[int, typer.Option(help="Of the simulated shop.")] = 0,
    llm: options.Llm = "nano",
    base_url: options.BaseUrl = None,
    json: options.Json = False,
) -> None:
    """Shop, cleaning, model, explanations of 20 users in both languages, and report.html.

    Everything is made and stays on this machine: the shop is simulated, the language model embedded.
    """
    options.check_place(out, directory=True)
    from whyrec.batch import write_lines
    from whyrec.batch.job import Job
    from whyrec.batch.work import Writer
    from whyrec.data.cleaning import Cleaner
    from whyrec.data.files import atomic_dir
    from whyrec.data.readers import read
    from whyrec.data.shop import generate
    from whyrec.recommend.bundle import Bundle
    from whyrec.serve.report import Figures, PersonSection, write_report
    from whyrec.serve.words import Both

    say = _Steps(quiet=json)
    started = time.perf_counter()
    with atomic_dir(out) as part:
        shop, model = part / "shop", part / "model"
        with say.step("opening a simulated shop") as done:
            generate(shop, seed=seed)
            dataset = read(shop)
            done(f"{dataset.n_users:,} people, {dataset.n_items:,} items, "
                 f"{dataset.events.height:,} events")  # fmt: skip
        with say.step("cleaning its data") as done:
            dataset, report = Cleaner.default(dataset).clean(dataset)
            done(f"{report.removed:,} rows set aside, {report.changed:,} changed")
        with say.step("learning what goes with what") as done:
            bundle = Bundle.fit(dataset)
            bundle.save(model)
            done(bundle.fingerprint)
        with say.step("explaining 20 lists in English and Chinese") as done:
            given = {"base_url": base_url} if base_url else {}
            job = Job(str(model), langs=LANGS, llm=llm, llm_options=given, check=True)
            writer = Writer(job, bundle)
            told = _explain(writer, choose_people(bundle))
            stats, book = writer.explainer.stats, writer.explainer.book.stats
            done(f"{stats.texts:,} texts, {stats.sentences:,} sentences, all verified"
                 if all(x.verified for p in told for x in (*p["en"], *p["zh"]))
                 else f"{stats.texts:,} texts")  # fmt: skip
        with say.step("writing the report") as done:
            lines = [writer.line(x) for p in told for lang in LANGS for x in p[lang]]
            write_lines(lines, part / "explanations.jsonl")
            write_report(
                part / "report.html",
                title=Both("A simulated shop, and why", "模拟商店的推荐与理由"),
                dataset=dataset,
                people=[PersonSection(user=p["en"][0].evidence.user, explanations=p) for p in told],
                figures=Figures.of(writer.explainer),
                cleaning=report,
                media=shop,
            )
            done("report.html")
    seconds = time.perf_counter() - started
    if json:
        output.json_line(
            {
                "report": str(out / "report.html"),
                "explanations": str(out / "explanations.jsonl"),
                "model": str(out / "model"),
                "data": str(out / "shop"),
                "texts": stats.texts,
                "sentences": stats.sentences,
                "verified": sum(line["verified"] for line in lines),
                "sketches": book.to_json(),
                "seconds": round(seconds, 2),
            }
        )
        return
    _show(told, out, seconds)


def choose_people(bundle: Bundle, n: int = PEOPLE) -> list[str]:
    """People with something to explain, from all over the data set; always the same ones."""
    lengths = bundle.dataset.interactions.getnnz(axis=1)
    users = [u for u, k in zip(bundle.dataset.users, lengths, strict=True) if k >= LEAST]
    step = max(1, len(users) // n)
    return users[::step][:n]


def _explain(writer: Any, users: Sequence[str]) -> list[dict[str, list[Explanation]]]:
    out = []
    with output.progress("explaining", len(users)) as advance:
        for user in users:
            evidences = writer.engine.explain(user, n=writer.job.n)
            out.append(
                {x: writer.explainer.tell(evidences, lang=x, check=True) for x in writer.job.langs}
            )
            advance(1)
    return out


class _Steps:
    """One line a step: what is done, what came of it, how long it took."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = output.stderr() if quiet else output.stdout()

    @contextmanager
    def step(self, title: str) -> Iterator[Any]:
        """Yields a function that takes what came of it."""
        from rich.text import Text

        results: list[str] = []
        started = time.perf_counter()
        with output.working(title):
            yield results.append
        line = Text("✓ ", "green")
        line.append(f"{title}: ").append(" ".join(results), "bold")
        line.append(f"  {time.perf_counter() - started:.1f} s", "dim")
        self._console.print(line)


def _show(told: Sequence[dict[str, list[Explanation]]], out: Path, seconds: float) -> None:
    """A few explanations, and where to go on."""
    from rich.text import Text

    console = output.stdout()
    for person in (told[0], told[len(told) // 2]):
        console.print(Text(f"\nFor {output.safe(person['en'][0].evidence.user)}", "cyan"))
        for k in (0, 1):
            for lang in LANGS:
                x = person[lang][k]
                title = Text(f"  {x.evidence.rank}. {output.safe(x.title)}", "bold")
                console.print(title)
                console.print(Text(f"     {output.safe(x.text)}"))
    user = told[0]["en"][0].evidence.user
    console.print(Text(f"\nDone in {seconds:.0f} s. Ask it something:", "dim"))
    console.print(Text(f"  whyrec explain {out / 'model'} --user {user} --lang en,zh"))
    console.print(Text("Open the report:", "dim"))
    console.print(Text(f"  {(out / 'report.html').resolve()}"), soft_wrap=True)
