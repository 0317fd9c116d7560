"""Ready-made lists: what somebody recommends is a table, and a stand-in says why as well as it can.

The lists stay as they are. Nothing tells how they were made, so that a linear item-item model is
learnt from histories to lists (ridge regression) and its parts are told: not exact, with what they
leave unexplained as the residual, and without any claim about what would have changed the list.

B = (XᵀX + λI)⁻¹ XᵀT for histories X and list scores T (0 where an item is not listed), both less their
means, λ chosen on people it did not learn from. A person is recognised by the history; whoever has another history
than any of the table's (a new one, or an event removed) gets the stand-in's list.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

from whyrec.data.ids import as_ids, encode
from whyrec.errors import DataError, ModelError
from whyrec.recommend import threads
from whyrec.recommend.adapters.adapted import Adapted, bundle_of
from whyrec.recommend.adapters.agreement import TOP, Sample, compare
from whyrec.recommend.adapters.tables import read_table
from whyrec.recommend.adapters.vocabulary import Missing
from whyrec.recommend.base import Floats, History, Ints

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

WHERE = "from_lists"
RIDGES = (10.0, 100.0, 1000.0)
"""λ tried, in squared event weights."""

DENSE = 6000
"""Items up to which B is solved for; beyond it XᵀX is taken as diagonal, and B stays sparse."""

BLOCK = 256
"""People scored at once."""

KEY_BYTES = 16
USERS = ("user_id", "user", "uid", "customer_id")
ITEMS = ("item_id", "item", "iid", "product_id")
SCORES = ("score", "prediction", "value")
RANKS = ("rank", "position", "place")


class Lists(Adapted):
    """Lists by person, and a linear stand-in.

    Parameters
    ----------
    scale, offset
        The stand-in's score of item i is `offset + scale * (intercept_i + Σ_j w_j B_ji)`.

    Attributes
    ----------
    indptr_, items_, scores_
        The lists by row, best first.
    keys_
        uint8 [rows, 16]: a digest of each person's history; nothing else tells who it is.
    weights_
        B, float32 [n_items, n_items], dense or CSR.
    intercept_
        float64 [n_items].
    """

    name: str = "lists"
    exact: bool = False
    linear: bool = False
    surrogate: bool = True
    parallel: bool = False

    def __init__(self, *, scale: float = 1.0, offset: float = 0.0) -> None:
        self.scale, self.offset = float(scale), float(offset)

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        return {"scale": self.scale, "offset": self.offset}

    def take(
        self, indptr: Any, items: Any, scores: Any, keys: Any, weights: Any, intercept: Any
    ) -> Self:
        """Use these arrays.

        Raises
        ------
        ModelError
            If they do not fit together.
        """
        self.indptr_, self.items_ = np.asarray(indptr, np.int64), np.asarray(items, np.int32)
        self.scores_ = np.asarray(scores, np.float64)
        self.keys_: npt.NDArray[np.uint8] = np.asarray(keys, np.uint8)
        self.weights_: Any = weights.tocsr() if sparse.issparse(weights) else np.asarray(weights)
        self.intercept_ = np.asarray(intercept, np.float64)
        self.n_items = int(self.weights_.shape[0])
        ends = len(self.keys_) + 1 == len(self.indptr_) and self.indptr_[-1] == len(self.items_)
        if (
            not ends
            or len(self.items_) != len(self.scores_)
            or self.items_.max(initial=0) >= self.n_items
        ):
            raise ModelError("arrays do not fit together", where=self.name, remedy="adapt again")
        self._row = {key.tobytes(): row for row, key in enumerate(self.keys_)}
        return self

    def _stand_in(self, histories: sparse.csr_matrix) -> Floats:
        parts: Any = histories.astype(np.float64) @ self.weights_
        dense = parts.toarray() if sparse.issparse(parts) else np.asarray(parts)
        return np.asarray(self.offset + self.scale * (self.intercept_ + dense))

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        out[:] = self._stand_in(histories[start:end])
        for k, u in enumerate(range(start, end)):
            own = histories.indices[histories.indptr[u] : histories.indptr[u + 1]]
            row = self._row.get(key(own))
            if row is None:
                continue
            a, b = self.indptr_[row], self.indptr_[row + 1]
            listed = self.items_[a:b]
            # What is not listed comes after the list, in the stand-in's order.
            rest = np.ones(self.n_items, np.bool_)
            rest[listed] = False
            high, low = out[k][rest].max(initial=-np.inf), float(self.scores_[a:b].min())
            step = max(abs(low), 1.0) * 1e-6
            out[k][rest] -= max(0.0, float(high) - low + step) if rest.any() else 0.0
            out[k, listed] = self.scores_[a:b]

    def baseline(self, items: Ints) -> Floats:
        """The stand-in's intercept of each item: what it is shown to everybody for."""
        return np.asarray(self.offset + self.scale * self.intercept_[items])

    def contributions(self, history: History, items: Ints) -> Floats:
        """Those of the stand-in, which differ from the list's scores by the residual."""
        self._check_fitted()
        if sparse.issparse(self.weights_):
            block = self.weights_[history.items][:, items].toarray().astype(np.float64)
        else:
            block = self.weights_[np.ix_(history.items, items)].astype(np.float64)
        return np.asarray(self.scale * (block * history.weights.astype(np.float64)[:, None]).T)

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """The stand-in's scores without each event: float64 [items, h]."""
        c = self.contributions(history, items)
        return np.asarray(c.sum(1, keepdims=True) + self.baseline(items)[:, None] - c)

    def explain(self, history: History, items: Ints) -> tuple[Floats, Floats]:
        """The stand-in's contributions, which are its effects too."""
        parts = self.contributions(history, items)
        return parts, parts

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """The lists, the digests and B."""
        self._check_fitted()
        B = self.weights_
        own: dict[str, npt.NDArray[Any]] = {"weights": B}
        if sparse.issparse(B):
            own = {"data": B.data, "indices": B.indices, "indptr": B.indptr}
        return {
            "list_indptr": self.indptr_,
            "list_items": self.items_,
            "list_scores": self.scores_,
            "keys": self.keys_,
            "intercept": self.intercept_,
            **own,
        }

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The lists back."""
        B: Any = arrays.get("weights")
        if B is None:
            n = len(arrays["indptr"]) - 1
            parts = (arrays["data"], arrays["indices"], arrays["indptr"])
            B = sparse.csr_matrix(parts, shape=(n, n))
        lists = (arrays["list_indptr"], arrays["list_items"], arrays["list_scores"])
        return cls(**params).take(*lists, arrays["keys"], B, arrays["intercept"])


def key(items: Ints) -> bytes:
    """The digest of a history: of its items, whatever their order."""
    told = np.sort(np.asarray(items, np.int32))
    return blake2b(told.tobytes(), digest_size=KEY_BYTES).digest()


def from_lists(lists: Any, dataset: Dataset, *, missing: Missing = "error") -> Bundle:
    """A table of ready-made lists as a whyrec bundle.

    The lists are shown as they are; the reasons are a stand-in's, `exact` is false and the residual
    is told. `bundle.notes["fidelity"]` says how much of the lists the stand-in finds by itself, for
    people it did not learn from. People without a history, and those whose history another person
    with another list has too, cannot be told apart: their lists are left out, and counted.

    Parameters
    ----------
    lists
        Path of a Parquet, CSV or TSV file, or a polars, pandas or Arrow table, with columns
        `user_id`, `item_id` and `score` (high is good) or `rank` (1 is best); with neither, the
        order of the rows counts.
    missing
        What to do about people and items that the data do not hold: `error` or `ignore`.

    Raises
    ------
    DataError
        If the table cannot be read, holds an item twice for one person, or ids that are not there.
    """
    where = str(lists) if isinstance(lists, str | Path) else WHERE
    table = _ranked(read_table(lists), dataset, where, missing)
    X = dataset.histories("liked")
    users = table["user"].to_numpy()
    T = sparse.csr_matrix(
        (table["target"].to_numpy(), (users, table["item"].to_numpy())), shape=X.shape
    )
    rows = np.unique(users)
    rows = rows[np.diff(X.indptr)[rows] > 0]
    digests = {u: key(X.indices[X.indptr[u] : X.indptr[u + 1]]) for u in rows.tolist()}
    told_apart = _told_apart(digests, table)
    if not told_apart:
        raise DataError(
            "no person of the lists has a history of their own in the data",
            where=where,
            remedy="give the events that the lists were made from",
        )
    kept = np.sort(np.array(told_apart))
    learn, judge = kept[0::2], kept[1::2]
    best: tuple[float, float] = (-1.0, RIDGES[len(RIDGES) // 2])
    fidelity: dict[str, Any] | None = None
    if len(judge):
        for ridge in RIDGES:
            trial = _model(X[learn], T[learn], ridge)
            found = compare(trial, Sample(X[judge], dataset.seen[judge], _dense(T[judge])))
            if found.kept > best[0]:
                best = found.kept, ridge
                fidelity = {f"stand_in_top{TOP}_kept": round(found.kept, 4), "people": len(judge)}
    model = _model(X[kept], T[kept], best[1])
    order = table.filter(pl.col("user").is_in(kept)).sort("user", "place", maintain_order=True)
    counts = np.bincount(order["user"].to_numpy(), minlength=X.shape[0])[kept]
    scores = order["score"].to_numpy()
    stand_in = []
    for a in range(0, len(kept), BLOCK):
        block = model._stand_in(X[kept[a : a + BLOCK]])
        part = order.filter(pl.col("user").is_in(kept[a : a + BLOCK]))
        at = np.searchsorted(kept[a : a + BLOCK], part["user"].to_numpy())
        stand_in.append(block[at, part["item"].to_numpy()])
    model.scale, model.offset = _affine(np.concatenate(stand_in), scores)
    keys = np.frombuffer(b"".join(digests[u] for u in kept.tolist()), np.uint8)
    model.take(
        np.concatenate(([0], np.cumsum(counts))),
        order["item"].to_numpy(),
        scores,
        keys.reshape(-1, KEY_BYTES),
        model.weights_,
        model.intercept_,
    )
    return bundle_of(
        model,
        dataset,
        {"table": Path(lists).name if isinstance(lists, str | Path) else "lists"},
        fidelity=fidelity,
        lists=len(kept),
        lists_left_out=int(len(np.unique(users)) - len(kept)),
    )


def _told_apart(digests: Mapping[int, bytes], table: pl.DataFrame) -> list[int]:
    """People whose history nobody else has, or only people with the same list."""
    ordered = table.sort("user", "place").group_by("user", maintain_order=True)
    lists = {int(u[0]): tuple(part["item"].to_list()) for u, part in ordered}
    first: dict[bytes, int] = {}
    clash: set[bytes] = set()
    for user, digest in digests.items():
        other = first.setdefault(digest, user)
        if lists[other] != lists[user]:
            clash.add(digest)
    return [u for d, u in first.items() if d not in clash]


def _model(X: sparse.csr_matrix, T: sparse.csr_matrix, ridge: float) -> Lists:
    """The stand-in alone."""
    people, n = X.shape
    X = X.astype(np.float64)
    cross, gram = sparse.csr_matrix(X.T @ T), sparse.csr_matrix(X.T @ X)
    B: Any
    if n <= DENSE:
        # Both are centred, so that what everybody is shown is the intercept and no event's doing.
        x0, t0 = (np.asarray(M.mean(0)).ravel() for M in (X, T))
        A = gram.toarray() - people * np.outer(x0, x0)
        A[np.diag_indices(n)] += ridge
        wanted = cross.toarray() - people * np.outer(x0, t0)
        with threads.blas_threads():
            B = cho_solve(cho_factor(A, lower=True, overwrite_a=True), wanted, overwrite_b=True)
        intercept = t0 - x0 @ B
        B = B.astype(np.float32)
    else:
        B = sparse.csr_matrix(sparse.diags_array(1 / (gram.diagonal() + ridge)) @ cross)
        B, intercept = B.astype(np.float32), np.zeros(n)
    nobody = np.empty((0, KEY_BYTES), np.uint8)
    return Lists().take([0], [], [], nobody, B, intercept)


def _affine(x: Floats, y: Floats) -> tuple[float, float]:
    """(a, b) with y ≈ a x + b, a > 0."""
    spread = float(np.var(x))
    a = float(np.mean((x - x.mean()) * (y - y.mean()))) / spread if spread > 0 else 0.0
    if a <= 0:  # the scores of the lists say nothing that the stand-in finds again
        a = 1.0
    return a, float(y.mean() - a * x.mean())


def _dense(T: sparse.csr_matrix) -> npt.NDArray[np.float64]:
    """List scores of a few people, NaN for what is not listed."""
    out = np.full(T.shape, np.nan)
    out[np.repeat(np.arange(T.shape[0]), np.diff(T.indptr)), T.indices] = T.data
    return out


def _ranked(frame: pl.DataFrame, dataset: Dataset, where: str, missing: Missing) -> pl.DataFrame:
    """Columns user, item (our indices), score, place (0 is best), target (> 0, best highest)."""
    columns = {c.lower(): c for c in frame.columns}
    found = {
        what: next((columns[n] for n in names if n in columns), None)
        for what, names in (("user", USERS), ("item", ITEMS), ("score", SCORES), ("rank", RANKS))
    }
    for what in ("user", "item"):
        if found[what] is None:
            raise DataError(
                f"no column of {what} ids among {', '.join(frame.columns)[:120]}",
                where=where,
                remedy=f"name it {what}_id",
            )
    table = pl.DataFrame(
        {
            "user_id": as_ids(frame[str(found["user"])]),
            "item_id": as_ids(frame[str(found["item"])]),
        }
    ).with_row_index("row")
    given = found["score"] or found["rank"]
    if given is not None:
        numbers = frame[given].cast(pl.Float64, strict=False)
        if not numbers.is_finite().fill_null(False).all():
            row = int((~numbers.is_finite().fill_null(False)).arg_true()[0])
            raise DataError(
                f"{given} of row {row} is not a finite number", where=where, remedy="correct it"
            )
        sign = 1.0 if found["score"] else -1.0
        table = table.with_columns((numbers * sign).alias("good"))
    else:
        table = table.with_columns((-pl.col("row").cast(pl.Float64)).alias("good"))
    if not table.height:
        raise DataError("is empty", where=where, remedy="give lists")
    table = table.with_columns(
        encode(table["user_id"], pl.Series(dataset.users, dtype=pl.String)).alias("user"),
        encode(table["item_id"], pl.Series(dataset.catalogue.ids, dtype=pl.String)).alias("item"),
    )
    for what in ("user", "item"):
        lost = table.filter(pl.col(what).is_null())[f"{what}_id"].unique(maintain_order=True)
        if len(lost) and (missing == "error" or lost.len() == table[f"{what}_id"].n_unique()):
            shown = ", ".join(str(id)[:40] for id in lost.head(5).to_list())
            raise DataError(
                f"{len(lost)} {what}s are not in the data set: {shown}",
                where=where,
                remedy='add them to the data, or pass missing="ignore" to leave them out',
            )
    table = table.drop_nulls(["user", "item"])
    twice = table.filter(table.select("user", "item").is_duplicated())
    if twice.height:
        raise DataError(
            f"item {twice['item_id'][0]} is listed twice for one person (row {twice['row'][1]})",
            where=where,
            remedy="list each item once",
        )
    table = table.sort("user", "good", "row", descending=[False, True, False])
    table = table.with_columns(pl.int_range(pl.len()).over("user").alias("place"))
    longest = int(table["place"].max()) + 1  # type: ignore[arg-type]
    score = pl.col("good") if found["score"] else longest - pl.col("place").cast(pl.Float64)
    return table.with_columns(
        score.alias("score"), (longest - pl.col("place")).cast(pl.Float64).alias("target")
    ).select("user", "item", "score", "place", "target")
