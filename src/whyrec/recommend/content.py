"""Content: a person is the weighted mean of the items they had, in one vector space with all items.

With unit item vectors v and event weights w the profile is p = Σ_j w_j v_j / (Σ_j w_j + κ) and the
score of item i is p·v_i, the shrunk mean cosine of i with what the person had; event j adds
w_j v_j·v_i / (Σ w + κ) and feature f adds p_f v_if (Lops, de Gemmis and Semeraro, Recommender Systems
Handbook, 2011). Items that nobody has bought yet are scored like any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError, ModelError
from whyrec.features import sources
from whyrec.features.vectors import ItemFeatures
from whyrec.recommend.base import Breakdown, Floats, History, Ints
from whyrec.recommend.checks import check_number
from whyrec.recommend.removal import Removal
from whyrec.recommend.scoring import RowModel

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset

SIMILARITIES = ("dot", "cosine")


class Content(RowModel):
    """Recommends what resembles the history, by words, categories, pictures or any other features.

    Parameters
    ----------
    features
        Which item features, as `whyrec.features.sources.item_features` takes them: `tfidf`,
        `facets`, `lsa`, `image`, `embeddings:PATH`, or a sum such as `tfidf+image:0.3`.
    similarity
        `dot`: the mean cosine of the item with the history; `cosine`: the cosine of the item with
        the mean of the history. Both rank alike; they differ in how scores of different people
        compare.
    shrinkage
        κ of `dot`, in events of weight 1: how much a short history is held back, which matters where
        scores are summed with those of other models.
    options
        Options of the sources, such as `{"factors": 64}` for `lsa`.

    Attributes
    ----------
    features_
        The item features, an `ItemFeatures`.

    Examples
    --------
    >>> import polars as pl
    >>> matrix = sparse.csr_matrix(np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32))
    >>> model = Content().take(ItemFeatures("tfidf", matrix, ("word:tea", "word:pot")))
    >>> model.scores(sparse.csr_matrix(np.array([[1, 0, 1]], np.float32))).round(3).tolist()
    [[0.333, 0.467, 0.333]]
    """

    name: str = "content"
    exact: bool = True
    linear: bool = False

    def __init__(
        self,
        *,
        features: str = "tfidf",
        similarity: str = "dot",
        shrinkage: float = 1.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        sources.parse(features)
        if similarity not in SIMILARITIES:
            raise ConfigError(
                f"no such similarity: {similarity}",
                where="content, similarity",
                remedy=f"use {' or '.join(SIMILARITIES)}",
            )
        check_number(shrinkage, where="content, shrinkage", low=0)
        self.features, self.similarity = features, similarity
        self.shrinkage = float(shrinkage)
        self.options = _options(options)

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        return {
            "features": self.features,
            "similarity": self.similarity,
            "shrinkage": self.shrinkage,
            "options": dict(self.options),
        }

    def fit_dataset(self, dataset: Dataset) -> Self:
        """Make the features of every item of the catalogue.

        Raises
        ------
        ConfigError, DataError
            If a source of features is missing or cannot be used; see `item_features`.
        ModelError
            If no item has any feature.
        """
        found = sources.item_features(
            dataset.catalogue, self.features, dataset=dataset, **self.options
        )
        made = self.take(found)
        if not self._vectors.nnz if sparse.issparse(self._vectors) else not self._vectors.any():
            raise ModelError(
                "no item has any feature",
                where=f"content, features {self.features}",
                remedy="give titles, descriptions, categories or pictures, or other features",
            )
        return made

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Not from a matrix alone: it reads the catalogue.

        Raises
        ------
        ModelError
            Always.
        """
        raise ModelError(
            "reads the catalogue, which a matrix does not hold",
            where="content.fit",
            remedy="use fit_dataset, Bundle.fit, or take(features)",
        )

    def take(self, features: ItemFeatures) -> Self:
        """Use features made elsewhere: one row an item, of unit length or zero."""
        self.features_ = features
        self.n_items = int(features.matrix.shape[0])
        matrix: Any = features.matrix
        # Sums must come out the same whichever way they are taken apart, hence float64.
        self._vectors: Any = (
            matrix.tocsr().astype(np.float64)
            if sparse.issparse(matrix)
            else np.ascontiguousarray(matrix, np.float64)
        )
        return self

    def _profile(self, items: Ints, weights: Floats) -> npt.NDArray[np.float64]:
        """Σ w_j v_j: float64 [width]."""
        w = np.asarray(weights, np.float64)
        if sparse.issparse(self._vectors):
            return np.asarray(self._vectors[items].T @ w)
        return np.asarray(w @ self._vectors[items])

    def _length(self, profile: npt.NDArray[np.float64], weights: Floats) -> float:
        """What the summed profile is divided by; 1 for an empty one."""
        if self.similarity == "cosine":
            return float(np.linalg.norm(profile)) or 1.0
        return float(np.sum(weights, dtype=np.float64)) + self.shrinkage or 1.0

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        for u in range(start, end):
            a, b = histories.indptr[u], histories.indptr[u + 1]
            weights = histories.data[a:b]
            profile = self._profile(histories.indices[a:b], weights)
            # A row at a time: a matrix product would round differently for different batches.
            out[u - start] = (self._vectors @ profile) / self._length(profile, weights)

    def _gram(self, items: Ints, others: Ints) -> Floats:
        """v_i·v_j: float64 [items, others]."""
        product = self._vectors[items] @ self._vectors[others].T
        return np.asarray(product.toarray() if sparse.issparse(product) else product)

    def contributions(self, history: History, items: Ints) -> Floats:
        """w_j v_j·v_i / (Σ w + κ), or / ‖Σ w v‖: float64 [items, h]."""
        self._check_fitted()
        w = history.weights.astype(np.float64)
        length = self._length(self._profile(history.items, w), w)
        return self._gram(items, history.items) * (w / length)

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """Scores of the items after removing each single event: float64 [items, h]."""
        self._check_fitted()
        w = history.weights.astype(np.float64)
        parts = self._gram(items, history.items) * w
        left = parts.sum(1, keepdims=True) - parts
        if self.similarity == "dot":
            rest = w.sum() + self.shrinkage - w
        else:
            own = self._gram(history.items, history.items)
            p = own @ w
            squared = w @ p - 2 * w * p + w * w * np.diag(own)
            rest = np.sqrt(np.maximum(squared, 0))
        if len(w) == 1:
            return np.zeros_like(left)
        return np.asarray(np.divide(left, rest, out=np.zeros_like(left), where=rest > 0))

    def breakdowns(self, history: History, items: Ints) -> tuple[Breakdown, ...]:
        """The score by feature, where features have names: those in the history and in an item."""
        self._check_fitted()
        names = self.features_.names
        if names is None:
            return ()
        profile = self._profile(history.items, history.weights)
        profile = profile / self._length(profile, history.weights)
        chosen = self._vectors[items]
        if sparse.issparse(chosen):
            present = np.unique(chosen.indices)
            columns = present[profile[present] != 0]
            dense = chosen[:, columns].toarray()
        else:
            columns = np.flatnonzero(profile)
            dense = chosen[:, columns]
        found = tuple(names[k] for k in columns.tolist())
        return (Breakdown("feature", found, dense * profile[columns]),)

    def removal(self, history: History) -> Removal | None:
        """How every score falls when events are removed, for `dot`; see `Removal`.

        With W = Σ w + κ, without S the sum is divided by W - W_S, so s_i falls by
        Σ_{j∈S} w_j / (W - W_S) · (v_j·v_i - s_i): the form of `Removal` with c = w/W, G = 1/W and
        D = diag(w). With κ = 0 nothing would be left of it where all events are removed.
        """
        self._check_fitted()
        if self.similarity != "dot" or self.shrinkage == 0 or not len(history):
            return None
        w = history.weights.astype(np.float64)
        total = float(w.sum()) + self.shrinkage
        gram = self._gram(history.items, np.arange(self.n_items))
        scores = (w @ gram) / total
        ones = np.full((len(w), len(w)), 1 / total)
        return Removal(gram - scores, w / total, w, ones, np.zeros(len(w)))

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """The features: `vectors`, or `data`, `indices` and `indptr`; `names` and `source` as text."""
        self._check_fitted()
        matrix: Any = self.features_.matrix
        out: dict[str, npt.NDArray[Any]] = {}
        if sparse.issparse(matrix):
            out |= {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
            out["width"] = np.array([matrix.shape[1]], np.int64)
        else:
            out["vectors"] = matrix
        about = {"source": self.features_.source, "names": self.features_.names}
        text = json.dumps(about, ensure_ascii=False).encode()
        return {**out, "about": np.frombuffer(text, np.uint8)}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The model back; sources that are not installed here are not needed."""
        model = cls.__new__(cls)
        model.features = str(params["features"])
        model.similarity = str(params["similarity"])
        model.shrinkage = float(params["shrinkage"])
        model.options = _options(params.get("options"))
        about = json.loads(arrays["about"].tobytes())
        matrix: Any
        if "vectors" in arrays:
            matrix = arrays["vectors"]
        else:
            shape = (len(arrays["indptr"]) - 1, int(arrays["width"][0]))
            three = (arrays["data"], arrays["indices"], arrays["indptr"])
            matrix = sparse.csr_matrix(three, shape=shape)
        names = about["names"]
        if names is not None and len(names) != matrix.shape[1]:
            raise ModelError("arrays do not fit together", where="content", remedy="fit again")
        return model.take(
            ItemFeatures(about["source"], matrix, None if names is None else tuple(names))
        )


def _options(given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        with suppress(ValueError):
            given = json.loads(given)
    if given is not None and not isinstance(given, Mapping):
        raise ConfigError(
            f"{given!r} is not a table",
            where="content, options",
            remedy='write JSON, for example {"factors": 64}',
        )
    return dict(given or {})
