"""`whyrec evidence`: what every score is made of, for many users, as a table."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from whyrec.cli import options, output


def evidence(
    model: options.Model,
    out: Annotated[Path, typer.Option(metavar="FILE.parquet", help="Written whole or not at all.")],
    users: Annotated[
        str, typer.Option(metavar="FILE|all", help="One id a line (- is standard input).")
    ] = "all",
    n: Annotated[int, typer.Option("-n", help="Items a list.")] = 10,
    reasons: Annotated[
        str,
        typer.Option(metavar="N|all", help="Reasons written one by one; the tail is summed."),
    ] = "20",
    method: options.Method = "shapley",
    budget: options.Budget = None,
    context: options.Context = None,
    where: options.Where = None,
    json: options.Json = False,
) -> None:
    """Write each user's list with what every event adds to every score.

    \b
    whyrec evidence model --out evidence.parquet
    whyrec evidence model --users ids.txt -n 20 --reasons all --out evidence.parquet
    """
    options.positive(n, "-n")
    options.check_place(out)
    keep = options.kept(reasons)
    from whyrec.batch.evidence import write_evidence
    from whyrec.evidence.attribution import BUDGET
    from whyrec.evidence.engine import EvidenceEngine
    from whyrec.recommend.bundle import Bundle

    bundle = Bundle.load(model).within(options.key_values(context, "--context"), where=where)
    engine = EvidenceEngine(bundle, list_size=n, method=method, budget=budget or BUDGET)
    everybody = options.users(users, bundle)
    started = time.perf_counter()
    with output.progress("taking scores apart", len(everybody)) as advance:
        made = write_evidence(engine, everybody, out, n=n, keep=keep, progress=advance)
    seconds = time.perf_counter() - started
    if json:
        output.json_line({"out": str(out), **asdict(made), "seconds": round(seconds, 2)})
        return
    rate = made.contributions / seconds if seconds else 0.0
    output.stderr().print(
        f"{made.users:,} users, {made.pairs:,} recommendations, {made.contributions:,} "
        f"contributions in {seconds:.1f} s ({rate:,.0f} a second); the sums are off by at most "
        f"{made.worst_residual:.1e} of the score; {out}",
        style="dim",
        markup=False,
    )
