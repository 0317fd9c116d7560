"""User neighbours of other libraries: a rating predicted from the people who rated alike.

The similarity of a history to everybody is computed when it is asked for, from the data set that the
model is used with: no copy of anybody's ratings is kept, and an erasure in the data reaches it. The
score is not linear in the history (similarities are ratios), so that evidence by event is sampled;
by neighbour it is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.data.dataset import Reads
from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.adapters.adapted import Adapted
from whyrec.recommend.base import Breakdown, Floats, History, Ints
from whyrec.recommend.checks import check_number

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset

KINDS = ("basic", "means", "zscore", "baseline")
SIMILARITIES = ("cosine", "msd", "pearson", "pearson_baseline")


class Table(NamedTuple):
    """Everybody's ratings, as the model reads them.

    Attributes
    ----------
    ratings, squares, ones
        CSR [users, n_items]: ratings, their squares, and 1 where there is a rating.
    residuals
        CSR: ratings less b_ui; only for `pearson_baseline`.
    users, values
        The rows and ratings of each item's raters, in the order of `by_item`.
    by_item
        int [n_items + 1]: where each item's raters begin.
    means, spreads, biases
        float64 [users].
    """

    ratings: sparse.csr_matrix
    squares: sparse.csr_matrix
    ones: sparse.csr_matrix
    residuals: sparse.csr_matrix
    users: Ints
    values: Floats
    by_item: Ints
    means: Floats
    spreads: Floats
    biases: Floats


class UserNeighbours(Adapted):
    """User-based nearest neighbours on ratings.

    Parameters
    ----------
    kind
        `basic`, `means`, `zscore` or `baseline`: what a neighbour's rating is compared with.
    similarity
        `cosine`, `msd`, `pearson` or `pearson_baseline`, over the items that both rated.
    k, min_k
        At most and at least so many neighbours of positive similarity.
    min_support
        Items that both must have rated.
    shrinkage
        Of `pearson_baseline`.
    mean
        μ of all ratings.
    damping
        β of a person's bias (`baseline` and `pearson_baseline`).

    Attributes
    ----------
    item_bias_
        float64 [n_items]: b_i, zeros where not used.
    known_
        bool [n_items].
    """

    name: str = "user-neighbours"
    exact: bool = False
    linear: bool = False
    parallel: bool = False
    reads: Reads = "rated"

    def __init__(
        self,
        *,
        kind: str = "basic",
        similarity: str = "msd",
        k: int = 40,
        min_k: int = 1,
        min_support: int = 1,
        shrinkage: float = 100.0,
        mean: float = 0.0,
        damping: float = 15.0,
    ) -> None:
        for value, allowed in ((kind, KINDS), (similarity, SIMILARITIES)):
            if value not in allowed:
                raise ConfigError(
                    f"{value} is not allowed", where=self.name, remedy=f"use {', '.join(allowed)}"
                )
        check_number(k, where=f"{self.name}, k", low=1, whole=True)
        check_number(damping, where=f"{self.name}, damping", low=0)
        self.kind, self.similarity, self.k, self.min_k = kind, similarity, int(k), int(min_k)
        self.min_support, self.shrinkage = int(min_support), float(shrinkage)
        self.mean, self.damping = float(mean), float(damping)

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = ("kind", "similarity", "k", "min_k", "min_support", "shrinkage", "mean", "damping")
        return {n: getattr(self, n) for n in names}

    def take(self, item_bias: Any, known: Any) -> Self:
        """Use these arrays."""
        self.item_bias_ = np.asarray(item_bias, np.float64)
        self.known_ = np.asarray(known, np.bool_)
        self.n_items = len(self.known_)
        self._table: Table | None = None
        return self

    def attach(self, dataset: Dataset) -> None:
        """Read everybody's ratings from the data set."""
        X = dataset.histories("rated").astype(np.float64)
        X = X @ sparse.diags_array(self.known_.astype(np.float64)).tocsr()
        X = sparse.csr_matrix(X)
        # Ratings of 0 survive the product; those of unknown items must not.
        keep = self.known_[X.indices]
        indptr = np.concatenate(([0], np.cumsum(keep)))[X.indptr]
        X = sparse.csr_matrix((X.data[keep], X.indices[keep], indptr), shape=X.shape)
        counts = np.maximum(np.diff(X.indptr), 1)
        means = np.add.reduceat(np.append(X.data, 0), X.indptr[:-1]) / counts
        means[np.diff(X.indptr) == 0] = self.mean
        rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        variance = np.bincount(rows, (X.data - means[rows]) ** 2, X.shape[0]) / counts
        overall = float(X.data.std()) if X.nnz else 1.0
        spreads = np.sqrt(variance)
        spreads[spreads == 0] = overall or 1.0
        left = X.data - self.mean - self.item_bias_[X.indices]
        biases = np.bincount(rows, left, X.shape[0]) / (np.diff(X.indptr) + self.damping + 1e-300)
        same = (X.indices, X.indptr)
        by = X.tocsc()
        self._table = Table(
            ratings=X,
            squares=sparse.csr_matrix((X.data**2, *same), shape=X.shape),
            ones=sparse.csr_matrix((np.ones_like(X.data), *same), shape=X.shape),
            residuals=sparse.csr_matrix((left - biases[rows], *same), shape=X.shape),
            users=by.indices,
            values=by.data,
            by_item=by.indptr,
            means=means,
            spreads=spreads,
            biases=biases,
        )

    def _data(self) -> Table:
        self._check_fitted()
        if self._table is None:
            raise ModelError(
                "has no people to compare with", where=self.name, remedy="use it in a Bundle"
            )
        return self._table

    def _self(self, ratings: Floats, own: Ints) -> tuple[float, float, float]:
        """(mean, spread, bias) of the person."""
        if not len(own):
            return self.mean, 1.0, 0.0
        spread = float(ratings.std())
        if spread == 0:
            t = self._data()
            spread = float(t.ratings.data.std()) or 1.0
        left = ratings - self.mean - self.item_bias_[own]
        return float(ratings.mean()), spread, float(left.sum()) / (len(own) + self.damping)

    def _similarities(self, ratings: Floats, own: Ints, bias: float) -> Floats:
        """To everybody: float64 [users]."""
        t = self._data()
        here, mine = np.zeros((2, self.n_items))
        here[own], mine[own] = 1, ratings
        n = t.ones @ here
        if self.similarity == "pearson_baseline":
            res = np.zeros(self.n_items)
            res[own] = ratings - self.mean - self.item_bias_[own] - bias
            square = sparse.csr_matrix(
                (t.residuals.data**2, t.residuals.indices, t.residuals.indptr), t.residuals.shape
            )
            den = np.sqrt((t.ones @ res**2) * (square @ here))
            rho = np.divide(t.residuals @ res, den, out=np.zeros_like(den), where=den > 0)
            out = rho * (n - 1) / (n - 1 + self.shrinkage)
        else:
            xy, xx, yy = t.ratings @ mine, t.ones @ mine**2, t.squares @ here
            if self.similarity == "msd":
                gap = np.maximum(xx - 2 * xy + yy, 0)
                out = 1 / (gap / np.maximum(n, 1) + 1)
            elif self.similarity == "cosine":
                den = np.sqrt(xx * yy)
                out = np.divide(xy, den, out=np.zeros_like(den), where=den > 0)
            else:
                x, y = t.ones @ mine, t.ratings @ here
                den = np.sqrt(np.maximum((n * xx - x**2) * (n * yy - y**2), 0))
                out = np.divide(n * xy - x * y, den, out=np.zeros_like(den), where=den > 1e-9)
        least = 2 if self.similarity == "pearson_baseline" else 1
        out[n < max(self.min_support, least)] = 0
        return np.asarray(out)

    def _neighbours(self, similar: Floats) -> tuple[Ints, Ints, Floats, Floats]:
        """(item, user, share, rating) of every neighbour that is taken, by item."""
        t = self._data()
        at = np.repeat(np.arange(self.n_items), np.diff(t.by_item))
        s = similar[t.users]
        positive = np.flatnonzero(s > 0)
        order = positive[np.lexsort((-s[positive], at[positive]))]
        item = at[order]
        first = np.searchsorted(item, np.arange(self.n_items))
        place = np.arange(len(item)) - first[item]
        order = order[place < self.k]
        item = at[order]
        counts = np.bincount(item, minlength=self.n_items)
        order = order[counts[item] >= max(self.min_k, 1)]
        item = at[order]
        total = np.bincount(item, s[order], self.n_items)
        return item, t.users[order], s[order] / total[item], t.values[order]

    def _taken(self, history: History) -> tuple[Ints, Ints, Floats, float]:
        """(item, neighbour, what the neighbour adds to base_i, what stands where there is none)."""
        t = self._data()
        at = np.flatnonzero(self.known_[history.items])
        own, ratings = history.items[at], history.weights[at].astype(np.float64)
        mean, spread, bias = self._self(ratings, own)
        similar = self._similarities(ratings, own, bias)
        item, user, share, rating = self._neighbours(similar)
        if self.kind == "basic":
            part, alone = rating - self.mean, 0.0
        elif self.kind == "means":
            part, alone = rating - t.means[user] + mean - self.mean, mean - self.mean
        elif self.kind == "zscore":
            part = (rating - t.means[user]) / t.spreads[user] * spread + mean - self.mean
            alone = mean - self.mean
        else:
            known = self.mean + self.item_bias_[item] + t.biases[user]
            part, alone = rating - known + bias, bias
        return item, user, share * part, alone

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        base = self.baseline(np.arange(self.n_items))
        for row, u in enumerate(range(start, end)):
            a, b = histories.indptr[u], histories.indptr[u + 1]
            history = History(histories.indices[a:b], histories.data[a:b])
            item, _, parts, alone = self._taken(history)
            sums = np.bincount(item, parts, self.n_items)
            found = np.bincount(item, minlength=self.n_items) > 0
            out[row] = base + np.where(found, sums, alone * self.known_)

    def baseline(self, items: Ints) -> Floats:
        """μ, with b_i where the model uses it; below every rating for unknown items."""
        base = np.full(len(items), self.mean)
        if self.kind == "baseline":
            base += self.item_bias_[items]
        return np.where(self.known_[items], base, self.mean - 1e3)

    def contributions(self, history: History, items: Ints) -> Floats:
        """Not exact by event.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("user neighbours are exact by neighbour, not by event")

    def breakdowns(self, history: History, items: Ints) -> tuple[Breakdown, ...]:
        """By neighbour (row numbers of the data set), where every item has some."""
        item, user, parts, _ = self._taken(history)
        place = {int(i): row for row, i in enumerate(np.asarray(items).tolist())}
        mine = np.flatnonzero(np.isin(item, items))
        if set(place) - set(item[mine].tolist()):
            return ()
        names, column = np.unique(user[mine], return_inverse=True)
        table = np.zeros((len(items), len(names)))
        for j, i in enumerate(np.asarray(items).tolist()):
            here = item[mine] == i
            table[j, column[here]] = parts[mine][here]
        return (Breakdown("neighbour", tuple(str(n) for n in names.tolist()), table),)

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`item_bias` and `known`; nobody's ratings."""
        self._check_fitted()
        return {"item_bias": self.item_bias_, "known": self.known_}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        return cls(**params).take(arrays["item_bias"], arrays["known"])
