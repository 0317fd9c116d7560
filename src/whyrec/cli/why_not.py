"""`whyrec explain --rather A,B` and `--why-not ITEM`: contrasts, as tables or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whyrec.cli import options, output
from whyrec.errors import ConfigError

if TYPE_CHECKING:
    from whyrec.evidence.contrast import Change
    from whyrec.evidence.engine import EvidenceEngine
    from whyrec.evidence.types import Reason
    from whyrec.recommend.bundle import Bundle

STATUS = {
    "below": "others score higher",
    "seen": "this user has it already",
    "filtered": "a rule keeps it out",
    "shown": "it is on the list",
}


def pair(text: str) -> tuple[str, str]:
    """Two item ids of `A,B`.

    Raises
    ------
    ConfigError
        If they are not two.
    """
    names = tuple(part.strip() for part in text.split(","))
    if len(names) != 2 or not all(names):
        raise ConfigError(
            f"“{text[:60]}” is not two items", where="--rather", remedy="write --rather A,B"
        )
    return names[0], names[1]


def rather(
    engine: EvidenceEngine,
    user: str,
    items: tuple[str, str],
    keep: int | None,
    *,
    new_user: bool = False,
    json: bool,
) -> None:
    """Print why the first item stands before the second."""
    with options.naming_new_user():
        found = engine.rather(user, *items, new_user=new_user)
    if json:
        output.json_line(found.to_json(keep))
        return
    from whyrec.cli import show

    number, title = show.number, _titles(engine.bundle)
    console = output.stdout()
    sign = "=" if found.exact else "≈"
    one, two = title(found.item), title(found.other)
    console.print(
        f"{one} (rank {found.rank}) rather than {two} (rank {found.other_rank})", markup=False
    )
    console.print(
        f"{number(found.score)} - {number(found.other_score)} {sign} {number(found.gap)}",
        style="dim",
        markup=False,
    )
    _reasons(found, keep)
    for split in found.breakdowns:
        console.print(show.split(split.to_json()))
    _change(found.turn, title, f"{one} at rank {{rank}}, {two} at {{other_rank}}")


def not_shown(
    engine: EvidenceEngine,
    user: str,
    item: str,
    keep: int | None,
    *,
    new_user: bool = False,
    json: bool,
) -> None:
    """Print why an item is not on the list, and what would bring it in."""
    with options.naming_new_user():
        found = engine.not_shown(user, item, new_user=new_user)
    if json:
        output.json_line(found.to_json(keep))
        return
    from whyrec.cli import show

    number, title = show.number, _titles(engine.bundle)
    console = output.stdout()
    why = STATUS[found.status] + (f" ({found.rule})" if found.rule else "")
    console.print(f"{title(found.item)}: rank {found.rank}; {why}", markup=False)
    if found.last is not None and found.status == "below":
        console.print(
            f"{number(found.gap)} behind number {found.list_size}, {title(found.last)}",
            style="dim",
            markup=False,
        )
    _reasons(found.evidence, keep, baseline=found.evidence.baseline)
    _change(found.without, title, "it would be number {rank}")
    _change(found.adding, title, "it would be number {rank}")
    if found.status == "below" and found.without is None and found.adding is None:
        console.print("no small change of the history was found that brings it in", style="dim")


def _titles(bundle: Bundle) -> Any:
    catalogue = bundle.dataset.catalogue
    titles, index = catalogue.titles("en"), catalogue.index
    return lambda item: output.safe(titles[index[item]] or item)


def _reasons(of: Any, keep: int | None, *, baseline: float | None = None) -> None:
    from whyrec.cli import show
    from whyrec.evidence.contrast import largest

    rows = [_row(r) for r in largest(of.reasons, keep)]
    base = of.baseline if baseline is None else baseline
    if base:
        rows.append({"contribution": base, "from": "for everybody"})
    if rows:
        output.stdout().print(show.table(rows))


def _row(r: Reason) -> dict[str, Any]:
    name = f"{r.count} more" if r.kind == "rest" else r.title or r.item
    row: dict[str, Any] = {"contribution": r.contribution, "from": name, "event": r.event or r.kind}
    if r.value is not None:
        row["value"] = r.value
    if r.error is not None:
        row["±"] = r.error
    return row


def _change(change: Change | None, title: Any, outcome: str) -> None:
    if change is None:
        return
    names = ", ".join(title(i) for i in change.items)
    how = f"without {names}" if change.action == "remove" else f"with {names} in the history"
    told = outcome.format(rank=change.rank, other_rank=change.other_rank)
    sure = "; no smaller change would do" if change.proved and len(change.items) > 1 else ""
    output.stdout().print(f"{how}: {told}{sure}", style="dim", markup=False)
