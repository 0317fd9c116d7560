"""Sources of item features: words, facets, encoders of texts and images, by name and in sums."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from whyrec.data.catalogue import Catalogue
from whyrec.errors import ConfigError
from whyrec.features.vectors import ItemFeatures, unit_rows

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset

GROUP = "whyrec.features"
"""The entry-point group under which an installed package offers further sources."""

Build = Callable[..., ItemFeatures]
"""`build(catalogue, argument, *, dataset, **options)`: one source; `argument` is what follows `:`."""

# The module is imported when its source is asked for: scikit-learn, torch and Pillow are heavy.
_BUILT_IN = {
    "tfidf": "whyrec.features.tfidf:tfidf",
    "lsa": "whyrec.features.tfidf:lsa",
    "facets": "whyrec.features.tfidf:facets",
    "word2vec": "whyrec.features.embeddings:word2vec",
    "embeddings": "whyrec.features.embeddings:embeddings",
    "image": "whyrec.features.images:image",
}
_REGISTERED: dict[str, Build] = {}


def register(name: str) -> Callable[[Build], Build]:
    """Add a source under a name of lower-case letters, digits and `_`.

    A package does the same without being imported first by an entry point of the group
    `whyrec.features`: `sound = "mypackage.sound:build"`.

    Raises
    ------
    ConfigError
        If the name is taken or has other characters.

    Examples
    --------
    >>> import polars as pl
    >>> @register("length")
    ... def length(catalogue, argument, *, dataset=None):
    ...     n = np.array([[len(t), 1.0] for t in catalogue.titles("en")])
    ...     return ItemFeatures("length", unit_rows(n), ("title:characters", "title:one"))
    >>> item_features(Catalogue(pl.DataFrame({"id": ["a"], "title": ["Cup"]})), "length").width
    2
    >>> unregister("length")
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(
            f"{name!r} cannot name a source", where="features", remedy="use a-z, 0-9 and _"
        )
    if name in _REGISTERED or name in _BUILT_IN:
        raise ConfigError(
            f"a source is called {name!r} already", where="features", remedy="use another name"
        )

    def add(build: Build) -> Build:
        _REGISTERED[name] = build
        return build

    return add


def unregister(name: str) -> None:
    """Take a source out that `register` added."""
    _REGISTERED.pop(name, None)


@dataclass(frozen=True, slots=True)
class Part:
    """One summand of a specification: `embeddings:models/minilm:0.5`."""

    name: str
    argument: str | None
    weight: float


def names() -> tuple[str, ...]:
    """The names of all sources."""
    return (*_BUILT_IN, *_REGISTERED, *(n for n in _offered() if n not in _BUILT_IN))


def parse(spec: str) -> tuple[Part, ...]:
    """The summands of a specification.

    `NAME[:ARGUMENT][:WEIGHT]`, joined by `+`; a `+` within a path joins nothing, because no source
    is called by what follows it.

    Raises
    ------
    ConfigError
        If a source does not exist or a weight is not above 0.

    Examples
    --------
    >>> parse("tfidf+image:0.3")
    (Part(name='tfidf', argument=None, weight=1.0), Part(name='image', argument=None, weight=0.3))
    >>> parse("embeddings:/models/a+b")[0].argument
    '/models/a+b'
    """
    known = "|".join(map(re.escape, names()))
    out = []
    for part in re.split(rf"\s*\+\s*(?=(?:{known})(?:\s*[:+]|\s*$))", spec.strip()):
        name, _, rest = part.strip().partition(":")
        name = name.strip()
        if name not in names():
            raise ConfigError(
                f"no such source of features: {name!r}",
                where="features",
                remedy=f"use {', '.join(names())}, or a sum such as tfidf+image:0.3",
            )
        argument, weight = rest, 1.0
        before, _, last = rest.rpartition(":")
        if rest and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", last):
            argument, weight = before, float(last)
        if weight <= 0:
            raise ConfigError(
                f"a weight of {weight:g}",
                where=f"features, {name}",
                remedy="use a number above 0, or leave the source out",
            )
        out.append(Part(name, argument or None, weight))
    return tuple(out)


def item_features(
    catalogue: Catalogue, spec: str = "tfidf", *, dataset: Dataset | None = None, **options: Any
) -> ItemFeatures:
    """The features of every item of a catalogue.

    Parameters
    ----------
    spec
        `tfidf` (words, categories, tags), `lsa` (the same in few dimensions), `facets`,
        `image` (colour and layout), `image:PATH` (a vision encoder saved on disk),
        `embeddings:PATH` (a text encoder saved on disk), `word2vec` (on the texts) or
        `word2vec:events` (on histories), a registered source, or a sum: in `tfidf+image:0.3` the
        cosine of two items is (cosine of words + 0.3 × cosine of pictures) / 1.3 where both are
        known.
    dataset
        Needed by sources that learn from events, and tells where pictures lie.
    options
        Options of the sources, such as `factors` and `seed` of `lsa`, `root` of `image`.

    Returns
    -------
    ItemFeatures
        float32, one row an item, of unit length or zero; CSR where any part is.

    Raises
    ------
    ConfigError
        If a source, option or extra is missing.
    DataError
        If what a source reads is missing or cannot be used.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame({"id": ["a", "b"], "title": ["Red teapot", "Blue teapot"],
    ...                       "category": ["Kitchen", "Kitchen"]})
    >>> features = item_features(Catalogue(table), "tfidf")
    >>> features.names
    ('category:kitchen', 'word:blue', 'word:red', 'word:teapot')
    """
    parts = parse(spec)
    builds = [_find(part.name) for part in parts]
    taken = [_options(build) for build in builds]
    for option in options:
        if not any(option in accepted for accepted in taken):
            listing = ", ".join(sorted(set().union(*taken)))
            raise ConfigError(
                f"no such option: {option}",
                where=f"features {spec}",
                remedy=f"use {listing}" if listing else "it takes none",
            )
    made = []
    for part, build, accepted in zip(parts, builds, taken, strict=True):
        own = {k: v for k, v in options.items() if k in accepted}
        made.append(_checked(build(catalogue, part.argument, dataset=dataset, **own), catalogue))
    return made[0] if len(made) == 1 else combine(made, [p.weight for p in parts], spec)


def combine(features: list[ItemFeatures], weights: list[float], source: str) -> ItemFeatures:
    """Features side by side, so that cosines are weighted means of the parts' cosines.

    Columns without names are called by their source and number (`lsa:12`).
    """
    scaled = [f.matrix * np.float32(np.sqrt(w)) for f, w in zip(features, weights, strict=True)]
    if any(sparse.issparse(m) for m in scaled):
        matrix: Any = sparse.hstack([sparse.csr_matrix(m) for m in scaled], format="csr")
    else:
        matrix = np.hstack(scaled)
    labels = [
        name
        for f in features
        for name in (f.names or [f"{f.source.partition(':')[0]}:{k}" for k in range(f.width)])
    ]
    return ItemFeatures(source, unit_rows(matrix), tuple(labels))


def _checked(features: ItemFeatures, catalogue: Catalogue) -> ItemFeatures:
    """What a source gave, if it keeps its promises: sources come from other packages too."""
    problem = None
    if features.matrix.shape[0] != len(catalogue):
        problem = f"{features.matrix.shape[0]} rows for {len(catalogue)} items"
    elif features.names is not None and len(features.names) != features.width:
        problem = f"{len(features.names)} names for {features.width} columns"
    else:
        values = features.matrix.data if sparse.issparse(features.matrix) else features.matrix
        if not np.isfinite(values).all():
            problem = "values that are not finite"
    if problem:
        raise ConfigError(
            f"gave {problem}", where=f"features, {features.source}", remedy="mend the source"
        )
    return features


def _options(build: Build) -> set[str]:
    parameters = inspect.signature(build).parameters.values()
    return {p.name for p in parameters if p.kind is p.KEYWORD_ONLY} - {"dataset"}


def _find(name: str) -> Build:
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name in _BUILT_IN:
        module, _, function = _BUILT_IN[name].partition(":")
        build: Build = getattr(import_module(module), function)
        return build
    offered: Build = _offered()[name].load()
    return offered


@cache
def _offered() -> dict[str, Any]:
    return dict(_entry_points())


def _entry_points() -> Iterator[tuple[str, Any]]:
    for point in entry_points(group=GROUP):
        if re.fullmatch(r"[a-z][a-z0-9_]*", point.name):
            yield point.name, point
