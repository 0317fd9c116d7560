"""Words, categories and tags of the catalogue as vectors: TF-IDF, LSA, and facets as they are."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy import sparse

from whyrec.data.catalogue import Catalogue
from whyrec.errors import ConfigError
from whyrec.features.facets import UNKNOWN, Facets
from whyrec.features.text import terms
from whyrec.features.vectors import ItemFeatures, unit_rows

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset

FIELDS = {
    "category": ("category", "genres"),
    "tag": ("tags",),
    "brand": ("brand",),
    "word": ("title", "description"),
}
"""Kinds of columns, as in `word:teapot`, with the catalogue's columns (in all languages) they read."""

WEIGHTS = {"category": 1.0, "tag": 1.0, "brand": 0.5, "word": 1.0}
TITLE_COUNT = 2
"""A word of the title counts as often as this many of the description."""


def tfidf(
    catalogue: Catalogue,
    argument: str | None = None,
    *,
    dataset: Dataset | None = None,
    min_items: int = 2,
    max_share: float = 0.5,
) -> ItemFeatures:
    """TF-IDF of words (stems, stop words left out), categories, tags and brands.

    Each kind of column is a block of unit length, blocks weigh as in `WEIGHTS`, and the whole row
    is of unit length: a long description does not drown a category. Within a block the weight is
    (1 + ln tf) · (ln((1 + n) / (1 + df)) + 1) (scikit-learn's smoothed idf, sublinear tf).

    Parameters
    ----------
    min_items
        Words that fewer items hold are left out, unless that leaves none (small catalogues).
    max_share
        So are words that more than this share of at least 20 items hold.

    Returns
    -------
    ItemFeatures
        CSR, columns by kind, then by name: `category:drama`, `tag:oak`, `word:teapot`. A word is
        named by its commonest form.
    """
    _no_argument("tfidf", argument)
    n = len(catalogue)
    blocks: list[Any] = []
    names: list[str] = []
    for kind in sorted(FIELDS):
        documents, forms = _documents(catalogue, kind)
        most = max_share if kind == "word" and n >= 20 else 1.0
        fewest = min_items if kind == "word" and n >= 20 else 1
        block, words = _block(documents, fewest, most)
        if block is None:
            continue
        labels = [forms[w] for w in words]
        order = sorted(range(len(words)), key=lambda k: labels[k])
        blocks.append(block[:, order] * np.float32(np.sqrt(WEIGHTS[kind])))
        names += [f"{kind}:{labels[k]}" for k in order]
    if not blocks:
        return ItemFeatures("tfidf", sparse.csr_matrix((n, 0), dtype=np.float32), ())
    matrix = sparse.hstack(blocks, format="csr")
    return ItemFeatures("tfidf", unit_rows(matrix), tuple(names))


def lsa(
    catalogue: Catalogue,
    argument: str | None = None,
    *,
    dataset: Dataset | None = None,
    factors: int = 128,
    seed: int = 0,
) -> ItemFeatures:
    """Latent semantic analysis: TF-IDF in few dimensions by truncated SVD.

    Deerwester et al. (1990), "Indexing by latent semantic analysis"; the randomised SVD of Halko
    et al. (2011) with the given seed. Where the catalogue has fewer dimensions than `factors`, all
    of them.

    Returns
    -------
    ItemFeatures
        float32 [n_items, factors], dense, columns by falling singular value, without names.
    """
    from sklearn.decomposition import TruncatedSVD

    _no_argument("lsa", argument)
    if factors < 1:
        raise ConfigError(f"{factors} factors", where="features lsa", remedy="use 1 or more")
    words = sparse.csr_matrix(tfidf(catalogue).matrix)
    width = min(factors, words.shape[1] - 1, len(catalogue) - 1)
    if width < 1:
        return ItemFeatures("lsa", unit_rows(words.toarray()))
    svd = TruncatedSVD(width, n_iter=7, random_state=seed)
    return ItemFeatures("lsa", unit_rows(svd.fit_transform(words)))


def facets(
    catalogue: Catalogue, argument: str | None = None, *, dataset: Dataset | None = None
) -> ItemFeatures:
    """The catalogue's facets, each weighing its idf: what explanations can name."""
    _no_argument("facets", argument)
    found = Facets.build(catalogue)
    # A facet that every item has keeps a little weight, so that no row is empty for its sake.
    weights = np.maximum(found.idf, 0.01).astype(np.float32)
    matrix = found.matrix.astype(np.float32) @ sparse.diags_array(weights)
    names = tuple(f"{f.field}:{f.value}" for f in found.facets)
    return ItemFeatures("facets", unit_rows(sparse.csr_matrix(matrix)), names)


def _no_argument(name: str, argument: str | None) -> None:
    if argument is not None:
        raise ConfigError(
            f"{name} takes nothing after the colon, not {argument!r}",
            where="features",
            remedy=f"write {name}, or {name}:0.5 for a weight",
        )


def text_columns(table: pl.DataFrame, *bases: str) -> list[str]:
    """The columns of those names and their versions by language (`title`, `title_zh`)."""
    pattern = re.compile(rf"(?:{'|'.join(bases)})(?:_[a-z]{{2}})?")
    return [c for c in table.columns if pattern.fullmatch(c)]


def _documents(catalogue: Catalogue, kind: str) -> tuple[list[list[str]], dict[str, str]]:
    """The terms of each item, with repetitions, and the shown form of each."""
    table = catalogue.table
    documents: list[list[str]] = [[] for _ in range(len(catalogue))]
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for column in text_columns(table, *FIELDS[kind]):
        times = TITLE_COUNT if column.startswith("title") else 1
        for item, cell in enumerate(table[column].to_list()):
            if kind == "word":
                # An item without a title has its id there, which says nothing.
                if cell is None or (column == "title" and cell == catalogue.ids[item]):
                    continue
                pairs: Iterable[tuple[str, str]] = terms(str(cell))
            else:
                pairs = ((v.casefold(), v.casefold()) for v in _values(cell))
            for norm, form in pairs:
                documents[item] += [norm] * times
                forms[norm][form] += 1
    shown = {norm: min(c, key=lambda f: (-c[f], len(f), f)) for norm, c in forms.items()}
    doubled = {f for f, k in Counter(shown.values()).items() if k > 1}
    # Two stems can have one commonest form only without snowball; then the stem tells them apart.
    return documents, {norm: norm if f in doubled else f for norm, f in shown.items()}


def _values(cell: Any) -> list[str]:
    if cell is None:
        return []
    parts: Iterable[Any] = re.split(r"\s*\|\s*", cell) if isinstance(cell, str) else cell
    tidy = (" ".join(str(p).split()) for p in parts if p is not None)
    return [v for v in tidy if v.casefold() not in UNKNOWN]


def _block(
    documents: Sequence[Sequence[str]], fewest: int, most: float
) -> tuple[sparse.csr_matrix | None, list[str]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not any(documents):
        return None, []
    for low, high in ((fewest, most), (1, 1.0)):
        vectorizer = TfidfVectorizer(
            analyzer=list, min_df=low, max_df=high, sublinear_tf=True, dtype=np.float32
        )
        try:
            matrix = vectorizer.fit_transform(documents)
        except ValueError:  # nothing is left between the bounds
            continue
        return sparse.csr_matrix(matrix), list(vectorizer.get_feature_names_out())
    return None, []
