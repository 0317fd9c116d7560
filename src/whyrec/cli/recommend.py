"""`whyrec recommend`: the list, without words."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from whyrec.cli import options, output

SHOWN = ("rank", "item", "title", "score")


def recommend(
    model: options.Model,
    user: Annotated[str, typer.Option(help="Whose list.")],
    n: Annotated[int, typer.Option("-n", help="How many items.")] = 10,
    lang: Annotated[str, typer.Option(metavar="en|zh", help="Language of the titles.")] = "en",
    new_user: options.NewUser = False,
    context: options.Context = None,
    where: options.Where = None,
    json: options.Json = False,
) -> None:
    """The best N items for one user, with their scores.

    \b
    whyrec recommend model --user 196
    whyrec recommend model --user 196 --where 'year > 1990' --context season=winter
    """
    options.positive(n, "-n")
    moment = options.key_values(context, "--context")
    options.languages([lang])
    import numpy as np

    from whyrec.recommend.bundle import Bundle, take

    bundle = Bundle.load(model).within(moment, where=where)
    with options.naming_new_user():
        ranking = bundle.recommend([user], n, new_users=new_user)
    catalogue = bundle.dataset.catalogue
    titles = catalogue.titles(lang)
    rows: list[dict[str, Any]] = [
        {"user": user, "item": catalogue.ids[i], "title": titles[i], "rank": k, "score": float(s)}
        for k, (i, s) in enumerate(zip(ranking.items[0], ranking.scores[0], strict=True), 1)
        if i >= 0
    ]
    columns: tuple[str, ...] = SHOWN
    if bundle.rules is not None:
        index = np.array([bundle.dataset.user_index.get(user, -1)])
        shown = ranking.items[0][ranking.items[0] >= 0]
        for told, names in zip(
            rows, bundle.rules_of(take(bundle.histories, index), shown), strict=True
        ):
            told["rules"] = list(names) if json else ", ".join(names)
        columns = (*SHOWN, "rules")
    if json:
        for row in rows:
            output.json_line(row)
        return
    if not rows:
        why = "every item is known to this user, or left out by a rule or --where"
        output.stderr().print(f"nothing to recommend: {why}", style="dim")
        return
    from whyrec.cli import show

    output.stdout().print(show.table([{k: r[k] for k in columns} for r in rows]))
