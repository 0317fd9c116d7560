"""`whyrec features`: keywords, aspects of reviews, segments of people, pictures of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whyrec.cli import options, output
from whyrec.errors import ConfigError, DataError, ModelError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

features = typer.Typer(
    name="features",
    no_args_is_help=True,
    help="What items and people are like: keywords, aspects of reviews, segments, pictures.",
)

Source = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL|DATA", help="Directory that `whyrec fit` wrote, or data as `fit` reads them."
    ),
]
Language = Annotated[str, typer.Option(metavar="en|zh", help="Language of what is shown.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]
Clean = Annotated[bool, typer.Option("--clean/--no-clean", help="Clean the data first.")]
KAnon = Annotated[int, typer.Option("--k-anon", help="Nothing is told of fewer people than this.")]


@features.command()
def keywords(
    source: Source,
    lang: Language = "en",
    method: Annotated[
        str, typer.Option(metavar="textrank|yake", help="How keywords are found.")
    ] = "textrank",
    n: Annotated[int, typer.Option("-n", help="Keywords an item.")] = 5,
    items: Annotated[int, typer.Option(help="How many items, from the first on; 0 for all.")] = 20,
    item: Annotated[list[str] | None, typer.Option(help="Only this item; repeat for more.")] = None,
    map_: options.Map = None,
    domain: options.Domain = None,
    event: options.Event = None,
    clean: Clean = True,
    json: options.Json = False,
) -> None:
    """Keywords of each item's title and description, with scores and places.

    \b
    whyrec features keywords shop
    whyrec features keywords shop --lang zh --method yake --items 5
    """
    options.languages([lang])
    options.positive(n, "-n")
    dataset, _ = _load(source, map_, domain, event, clean)
    from whyrec.features.keywords import METHODS, item_text
    from whyrec.features.keywords import keywords as find

    if method not in METHODS:
        raise ConfigError(
            f"no such method: {method}",
            where="--method",
            remedy=f"use {' or '.join(METHODS)}",
        )
    catalogue = dataset.catalogue
    chosen = _items(dataset, item) if item else range(min(items or len(catalogue), len(catalogue)))
    texts = item_text(catalogue, lang)
    rows = []
    with output.working("reading the texts"):
        for k in chosen:
            found = find(texts[k], lang=lang, method=method, n=n)
            rows.append((k, found))
    if json:
        for k, found in rows:
            output.json_line(
                {
                    "item": catalogue.ids[k],
                    "title": catalogue.titles(lang)[k],
                    "text": texts[k],
                    "keywords": [
                        {"text": w.text, "score": round(w.score, 4), "start": w.start, "end": w.end}
                        for w in found
                    ],
                }
            )
        return
    from whyrec.cli import show

    shown = [
        {
            "item": catalogue.ids[k],
            "title": catalogue.titles(lang)[k],
            "keywords": ("、" if lang == "zh" else ", ").join(
                f"{w.text} {w.score:.2f}" for w in found
            ),
        }
        for k, found in rows
    ]
    output.stdout().print(show.table(shown))


@features.command()
def aspects(
    source: Source,
    lang: Language = "en",
    items: Annotated[
        int, typer.Option(help="Also the aspects of so many items, most reviewed first.")
    ] = 0,
    item: Annotated[list[str] | None, typer.Option(help="Only this item; repeat for more.")] = None,
    k_anon: KAnon = 10,
    map_: options.Map = None,
    domain: options.Domain = None,
    event: options.Event = None,
    clean: Clean = True,
    json: options.Json = False,
) -> None:
    """What reviews praise and blame, with the people behind it.

    \b
    whyrec features aspects shop
    whyrec features aspects shop --lang zh --items 20 --k-anon 3
    """
    options.languages([lang])
    dataset, _ = _load(source, map_, domain, event, clean)
    from whyrec.features.aspects import find_aspects

    with output.working("reading the reviews"):
        found = find_aspects(dataset)
    catalogue = dataset.catalogue
    named: list[int] = []
    if item:
        named = _items(dataset, item)
    elif items:
        counts = found.items.group_by("item").agg(n=_sum("mentions")).sort(
            ["n", "item"], descending=[True, False]
        )  # fmt: skip
        named = counts["item"].head(items).to_list()
    totals = [
        {**row, "aspect": found.label(row["aspect"], lang)}
        for row in found.totals.iter_rows(named=True)
        if row["people"] >= k_anon
    ]
    told: list[dict[str, Any]] = [
        {
            "item": catalogue.ids[k],
            "title": catalogue.titles(lang)[k],
            "aspects": [
                {
                    "aspect": found.label(a.aspect, lang),
                    "mentions": a.mentions,
                    "positive": a.positive,
                    "negative": a.negative,
                    "people": a.people,
                }
                for a in found.of(k, min_people=k_anon)
            ],
        }
        for k in named
    ]
    if json:
        output.json_line({"reviews": found.reviews, "k_anon": k_anon, "aspects": totals})
        for line in told:
            output.json_line(line)
        return
    from whyrec.cli import show

    console = output.stdout()
    if not item:
        console.print(show.table(totals, title=f"{found.reviews:,} reviews"))
    for line in told:
        console.print(f"\n{output.safe(line['title'])}", style="bold", markup=False)
        if line["aspects"]:
            console.print(show.table(line["aspects"]))
        else:
            console.print(f"nothing that {k_anon} people mention", style="dim")


@features.command()
def segments(
    source: Source,
    lang: Language = "en",
    k: Annotated[
        int | None, typer.Option("-k", help="How many; by the silhouette if not given.")
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="behaviour|model", help="What people are compared by.")
    ] = "behaviour",
    k_anon: KAnon = 10,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="File (.csv or .parquet) for who is in which segment.")
    ] = None,
    map_: options.Map = None,
    domain: options.Domain = None,
    event: options.Event = None,
    clean: Clean = True,
    json: options.Json = False,
) -> None:
    """Segments of people by what they do, each with its definition and the numbers behind it.

    \b
    whyrec features segments shop
    whyrec features segments model --by model --lang zh
    """
    options.languages([lang])
    if by not in ("behaviour", "model"):
        raise ConfigError(f"no such way: {by}", where="--by", remedy="use behaviour or model")
    if out is not None:
        options.check_place(out)
        if out.suffix.lower() not in (".csv", ".parquet"):
            raise ConfigError(
                "a list of people is written as .csv or .parquet",
                where=str(out),
                remedy="name such a file",
            )
    dataset, bundle = _load(source, map_, domain, event, clean)
    from whyrec.features.segments import find_segments

    vectors = _people(_fitted(bundle, source)) if by == "model" else None
    with output.working("comparing people"):
        found = find_segments(dataset, k=k, vectors=vectors, k_anon=k_anon, seed=seed)
    if out is not None:
        import polars as pl

        from whyrec.data.files import atomic_file

        table = pl.DataFrame({"user": dataset.users, "segment": found.labels})
        with atomic_file(out) as part:
            table.write_csv(part) if out.suffix.lower() == ".csv" else table.write_parquet(part)
    if json:
        output.json_line(found.to_json())
        return
    from whyrec.cli import show

    console = output.stdout()
    rows = [
        {
            "segment": s.index,
            "people": s.people,
            "share": f"{100 * s.share:.2g}%" if s.share < 0.995 else "100%",
            "definition": found.define(s, lang),
        }
        for s in found.segments
    ]
    console.print(show.table(rows))
    tried = ", ".join(f"{n}: {v:.3f}" for n, v in found.silhouettes.items())
    told = f"silhouette by number of segments: {tried}" if tried else "one segment only"
    if found.merged:
        told += f"; {found.merged} with fewer than {k_anon} people joined to the nearest"
    if found.left_out:
        told += f"; left out as sensitive: {', '.join(found.left_out[:5])}"
    console.print(f"\n{output.safe(told)}", style="dim", markup=False)


@features.command()
def project(
    source: Source,
    out: Annotated[
        Path, typer.Option(help="The picture: .png, .svg, or .html with names under the pointer.")
    ],
    of: Annotated[
        str, typer.Option(metavar="items|users|segments", help="What the points are.")
    ] = "items",
    method: Annotated[str, typer.Option(metavar="pca|tsne", help="How it is projected.")] = "pca",
    by: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="Features: of items tfidf, lsa, facets, image, … or sums; of people behaviour; "
            "model for the factors of MODEL.",
        ),
    ] = "",
    lang: Language = "en",
    k_anon: KAnon = 10,
    seed: Seed = 0,
    map_: options.Map = None,
    domain: options.Domain = None,
    event: options.Event = None,
    clean: Clean = True,
    json: options.Json = False,
) -> None:
    """Draw items, people or segments in the plane.

    \b
    whyrec features project shop --out items.html
    whyrec features project shop --of users --method tsne --out people.png
    whyrec features project model --by model --out factors.html
    """
    options.languages([lang])
    options.check_place(out)
    from whyrec.features import projection as plane

    _one_of(of, ("items", "users", "segments"), "--of")
    _one_of(method, plane.METHODS, "--method")
    _one_of(out.suffix.lower(), plane.FORMATS, "--out", "a file that ends in ")
    dataset, bundle = _load(source, map_, domain, event, clean)
    draw = _draw_items if of == "items" else _draw_people
    with output.working(f"projecting {of}"):
        picture = draw(
            dataset, bundle, source=source, of=of, by=by, method=method, lang=lang, k_anon=k_anon, seed=seed
        )  # fmt: skip
        picture.write(out, title=_title(of, by, lang, method), lang=lang)
    summary = {
        "out": str(out),
        "of": of,
        "method": method,
        "points": len(picture.points),
        "groups": len(set(picture.groups)),
        "note": picture.note,
    }
    if json:
        output.json_line(summary)
        return
    from whyrec.cli import show

    output.stdout().print(show.facts(summary))


def _one_of(value: str, allowed: tuple[str, ...], option: str, what: str = "") -> None:
    if value not in allowed:
        raise ConfigError(
            f"no such value: {value or 'none'}",
            where=option,
            remedy=f"use {what}{', '.join(allowed)}",
        )


def _title(of: str, by: str, lang: str, method: str) -> str:
    how = {"pca": "PCA", "tsne": "t-SNE"}[method]
    english = {"items": "Items", "users": "People", "segments": "Segments of people"}
    chinese = {"items": "商品", "users": "用户", "segments": "用户分群"}
    name = (chinese if lang == "zh" else english)[of]
    source = by or ("tfidf" if of == "items" else "")
    return f"{name} · {source} · {how}" if source else f"{name} · {how}"


def _load(
    source: Path,
    map_: list[str] | None,
    domain: str | None,
    event: str | None,
    clean: bool,
) -> tuple[Dataset, Bundle | None]:
    """The data of a model, or data read and cleaned as `fit` does."""
    if (source / "manifest.json").is_file():
        if map_ or domain or event:
            raise ConfigError(
                "a saved model has its own data",
                where=str(source),
                remedy="leave --map, --domain and --event out, or name the data",
            )
        from whyrec.recommend.bundle import Bundle

        with output.working(f"loading {source}"):
            bundle = Bundle.load(source)
        return bundle.dataset, bundle
    from whyrec.data.cleaning import Cleaner
    from whyrec.data.readers import read

    mapping = options.key_values(map_, "--map")
    with output.working(f"reading {source}"):
        dataset = read(source, map=mapping or None, domain=domain, event=event)
        if clean:
            dataset, _ = Cleaner.default(dataset).clean(dataset)
    return dataset, None


def _items(dataset: Dataset, ids: list[str]) -> list[int]:
    index = dataset.catalogue.index
    for id in ids:
        if id not in index:
            raise DataError(
                f"no such item: {id[:60]}",
                where="--item",
                remedy=f"the catalogue has {dataset.n_items}, for example {dataset.catalogue.ids[0]}",
            )
    return [index[id] for id in ids]


def _sum(column: str) -> Any:
    import polars as pl

    return pl.col(column).sum()


def _fitted(bundle: Bundle | None, source: Path) -> Bundle:
    if bundle is None:
        raise ConfigError(
            "data have no factors", where=str(source), remedy="name a model that `whyrec fit` wrote"
        )
    return bundle


def _factors(bundle: Bundle) -> npt.NDArray[np.float32]:
    """The item factors of a model."""
    found = bundle.recommender.arrays().get("item_factors")
    if found is None or found.ndim != 2:
        raise ModelError(
            f"{bundle.recommender.name} has no item factors",
            where="model",
            remedy="use a factor model such as ials, or features of the items (--by tfidf)",
        )
    return found


def _people(bundle: Bundle) -> npt.NDArray[Any]:
    """People as the model has them: folded in where it can, else the mean of their items."""
    from whyrec.features.segments import user_vectors

    fold_in = getattr(bundle.recommender, "user_factors", None)
    if fold_in is not None:
        vectors: npt.NDArray[Any] = fold_in(bundle.histories)
        return vectors
    return user_vectors(bundle.histories, _factors(bundle))


def _draw_items(
    dataset: Dataset,
    bundle: Bundle | None,
    *,
    source: Path,
    of: str,
    by: str,
    method: Any,
    lang: str,
    k_anon: int,
    seed: int,
) -> Any:
    from whyrec.features import projection as plane
    from whyrec.features.facets import Facets
    from whyrec.features.sources import item_features

    if by == "model":
        matrix: Any = _factors(_fitted(bundle, source))
    else:
        matrix = item_features(dataset.catalogue, by or "tfidf", dataset=dataset).matrix
    facets = Facets.build(dataset.catalogue)
    groups = []
    for k in range(dataset.n_items):
        # A word of the title is no group: pictures without categories have one colour.
        own = [f for f in facets.of(k) if f.field == "category"]
        groups.append(facets.labels(own[0].field, own[0].value, lang)[0] if own else "")
    named = any(groups)
    other = "其他" if lang == "zh" else "other"
    return plane.project(
        matrix,
        method=method,
        labels=dataset.catalogue.titles(lang),
        groups=plane.top_groups(groups, other=other) if named else None,
        seed=seed,
    )


def _draw_people(
    dataset: Dataset,
    bundle: Bundle | None,
    *,
    source: Path,
    of: str,
    by: str,
    method: Any,
    lang: str,
    k_anon: int,
    seed: int,
) -> Any:
    import numpy as np

    from whyrec.features import projection as plane
    from whyrec.features.segments import find_segments
    from whyrec.features.vectors import unit_rows

    _one_of(by or "behaviour", ("behaviour", "model"), "--by")
    vectors = _people(_fitted(bundle, source)) if by == "model" else None
    found = find_segments(dataset, vectors=vectors, k_anon=k_anon, seed=seed)
    names = [found.name(s, lang) for s in found.segments]
    # Two segments may share a name; their numbers tell them apart.
    names = [n if names.count(n) == 1 else f"{n} ({k})" for k, n in enumerate(names)]
    group = found.labels[found.rows]
    if of == "segments":
        centres = np.array([found.features[group == s.index].mean(0) for s in found.segments])
        return plane.project(
            unit_rows(centres),  # by direction, or one far-off segment would press all others together
            method=method,
            labels=[f"{n}: {found.define(s, lang)}" for n, s in zip(names, found.segments, strict=True)],
            groups=names,
            sizes=np.array([s.people for s in found.segments]),
            seed=seed,
        )  # fmt: skip
    # Nobody's id is in the picture: it is made to be shown.
    labels = [f"{n}: {found.define(s, lang)}" for n, s in zip(names, found.segments, strict=True)]
    return plane.project(
        found.features,
        method=method,
        labels=[labels[g] for g in group],
        groups=[names[g] for g in group],
        seed=seed,
    )
