"""Whose row is whose: the items and users of another library's model beside those of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from whyrec.data.ids import as_ids
from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.base import Ints

Missing = Literal["error", "ignore"]
SHOWN = 5
"""Ids named in an error."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """Rows of their model by row of ours.

    Attributes
    ----------
    theirs
        int32 [ours]: the row of their model, -1 where it does not know ours.
    size
        Rows of their model.
    ignored
        Rows of theirs that our data do not hold.
    """

    theirs: Ints
    size: int
    ignored: int = 0

    @property
    def unknown(self) -> npt.NDArray[np.bool_]:
        """bool [ours]: what their model does not know."""
        return np.asarray(self.theirs < 0)

    @property
    def identity(self) -> bool:
        """Whether both are the same rows in the same order."""
        return self.size == len(self.theirs) and bool(
            (self.theirs == np.arange(len(self.theirs))).all()
        )

    def rows(self, matrix: Any, fill: float = 0.0) -> Any:
        """Their rows (or entries) in our order, `fill` where they have none."""
        if sparse.issparse(matrix):
            pick = self._pick()
            return sparse.csr_matrix(pick @ matrix.tocsr())
        values = np.asarray(matrix)
        out = values[np.maximum(self.theirs, 0)].copy()
        out[self.unknown] = fill
        return out

    def square(self, matrix: Any) -> Any:
        """Their item × item matrix with rows and columns in our order, 0 where they have none."""
        if sparse.issparse(matrix):
            pick = self._pick()
            return sparse.csr_matrix(pick @ matrix.tocsr() @ pick.T)
        values = np.asarray(matrix)
        if self.identity:
            return values
        at = np.maximum(self.theirs, 0)
        out = values[np.ix_(at, at)]
        out[self.unknown] = 0
        out[:, self.unknown] = 0
        return out

    def outward(self, histories: sparse.csr_matrix) -> sparse.csr_matrix:
        """Histories with their columns; what they do not know is left out, the order stays."""
        if self.identity:
            return histories
        columns = self.theirs[histories.indices]
        keep = columns >= 0
        ends = np.concatenate(([0], np.cumsum(keep)))[histories.indptr]
        shape = (histories.shape[0], self.size)
        parts = (histories.data[keep], columns[keep], ends.astype(histories.indptr.dtype))
        return sparse.csr_matrix(parts, shape=shape)

    def _pick(self) -> sparse.csr_matrix:
        ours = np.flatnonzero(~self.unknown)
        place = (ours, self.theirs[ours])
        shape = (len(self.theirs), self.size)
        return sparse.csr_matrix((np.ones(len(ours), np.float32), place), shape=shape)


def align(
    ids: Sequence[Any] | None,
    size: int,
    ours: Sequence[str],
    *,
    what: Literal["item", "user"],
    where: str,
    missing: Missing = "error",
) -> Alignment:
    """Match the rows of a model with those of a data set.

    Parameters
    ----------
    ids
        Their ids in the order of their rows (numbers or text); None if the rows are ours already,
        because the model was fitted on `dataset.interactions`.
    size
        How many rows the model has.
    ours
        Our ids by index.
    missing
        What to do where the data do not hold one of theirs: `error`, or `ignore` it.

    Raises
    ------
    ConfigError
        If the counts disagree, an id comes twice, none of them is ours, or (with `error`) the data
        lack some: the message names the first of them.

    Examples
    --------
    >>> found = align([30, 10], 2, ["10", "20", "30"], what="item", where="model")
    >>> found.theirs.tolist()
    [1, -1, 0]
    """
    if ids is None:
        if size != len(ours):
            raise ConfigError(
                f"the model knows {size} {what}s, the data set {len(ours)}",
                where=where,
                remedy=f"pass {what}s=[…], their ids in the order of the model's rows",
            )
        return Alignment(np.arange(size, dtype=np.int32), size)
    if len(ids) != size:
        raise ConfigError(
            f"{len(ids)} {what} ids for a model of {size} {what}s",
            where=where,
            remedy=f"pass one id for each of the model's {what}s, in the order of its rows",
        )
    names = as_text(ids, what=what, where=where)
    index: dict[str, int] = {}
    for row, id in enumerate(names):
        if id in index:
            raise ConfigError(
                f"{what} id {_short(id)} comes twice", where=where, remedy="give each id once"
            )
        index[id] = row
    theirs = np.array([index.get(id, -1) for id in ours], np.int32)
    known = set(ours)
    lacking = [id for id in names if id not in known]
    if size and (theirs < 0).all():
        raise ConfigError(
            f"none of the model's {size} {what} ids is in the data set "
            f"(theirs: {_list(names)}; ours: {_list(ours)})",
            where=where,
            remedy="use the data set that the model was fitted on, with the same spelling of ids",
        )
    if lacking and missing == "error":
        raise ConfigError(
            f"{len(lacking)} of the model's {size} {what}s are not in the data set: "
            f"{_list(lacking)}",
            where=where,
            remedy='add them to the data, or pass missing="ignore" to leave them out',
        )
    return Alignment(theirs, size, len(lacking))


def as_text(ids: Sequence[Any], *, what: str, where: str) -> list[str]:
    """Ids of any type as the readers spell them.

    Raises
    ------
    ConfigError
        If one is missing.
    """
    values = list(ids)
    if any(isinstance(id, np.generic) for id in values):
        values = [id.item() if isinstance(id, np.generic) else id for id in values]
    try:
        names = as_ids(pl.Series(values, strict=True)).to_list()
    except (TypeError, pl.exceptions.PolarsError):
        names = [str(id) for id in values]
    for row, id in enumerate(names):
        if id is None:
            raise ConfigError(
                f"the {what} id of row {row} is missing", where=where, remedy="name every row"
            )
    return names


def check_finite(values: Any, *, what: str, where: str) -> npt.NDArray[np.float64]:
    """The values as float64.

    Raises
    ------
    ModelError
        If they are not numbers, or one is not finite.
    """
    try:
        numbers = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise ModelError(
            f"the {what} are not numbers", where=where, remedy="fit the model again"
        ) from None
    if not np.isfinite(numbers).all():
        raise ModelError(
            f"the {what} hold values that are not finite numbers",
            where=where,
            remedy="fit the model again (a lower learning rate, more regularisation)",
        )
    return numbers


def _list(ids: Sequence[str]) -> str:
    return ", ".join(_short(id) for id in ids[:SHOWN]) + (", …" if len(ids) > SHOWN else "")


def _short(id: str) -> str:
    return id if len(id) <= 40 else id[:39] + "…"
