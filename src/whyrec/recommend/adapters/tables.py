"""Factor matrices from tables: what Spark's ALS exports, or any table of ids and vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from whyrec.errors import ConfigError, DataError
from whyrec.recommend.adapters.adapted import bundle_of
from whyrec.recommend.adapters.agreement import SAMPLE, Agreement, compare
from whyrec.recommend.adapters.factors import Factors
from whyrec.recommend.adapters.foldin import below, fold_implicit, fold_rated
from whyrec.recommend.adapters.people import People
from whyrec.recommend.adapters.vocabulary import Missing, align

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

WHERE = "from_factors"
IDS = ("id", "item_id", "item", "user_id", "user")
VECTORS = ("features", "vector", "factors", "embedding")
BIASES = ("bias", "intercept")


class Vectors(NamedTuple):
    """A table of vectors.

    Attributes
    ----------
    ids
        One a row.
    matrix
        float64 [rows, k].
    bias
        float64 [rows]; zeros if there is no such column.
    """

    ids: list[Any]
    matrix: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]


def from_factors(
    items: Any,
    dataset: Dataset,
    *,
    users: Any = None,
    kind: Literal["implicit", "rated"] = "implicit",
    regularization: float | None = None,
    alpha: float = 1.0,
    mean: float = 0.0,
    missing: Missing = "error",
    sample: int = SAMPLE,
) -> Bundle:
    """Item factors in a table as a whyrec bundle.

    With `regularization` histories are folded in as Spark's ALS solves a person: λ times the number
    of events, confidence 1 + α·weight (`implicit`) or the ratings themselves (`rated`). This is exact
    where Spark was given the same events. Without it the rule that keeps most of the lists of
    `users` is used, and `bundle.notes["fidelity"]` says how much.

    Parameters
    ----------
    items, users
        Path of a Parquet file or of a directory of them, or a polars, pandas or Arrow table: a column
        of ids and one of lists of numbers (`id`, `features`), or one column a number; a column
        `bias` if there is one.
    kind
        `implicit` (events) or `rated` (ratings).
    regularization, alpha
        Spark's `regParam` and `alpha`.
    mean
        The mean rating, if it was taken off before factorising.
    missing
        What to do about items that the data do not hold: `error` or `ignore`.
    sample
        How many people to compare lists for.

    Raises
    ------
    DataError
        If a table cannot be read or holds no ids and vectors.
    ConfigError
        If the ids do not fit the data set.
    """
    if kind not in ("implicit", "rated"):
        raise ConfigError(f"no such kind: {kind}", where=WHERE, remedy="use implicit or rated")
    table = read_vectors(items)
    rows = align(
        table.ids, len(table.ids), dataset.catalogue.ids, what="item", where=WHERE, missing=missing
    )
    known = ~rows.unknown
    factors, baseline = rows.rows(table.matrix), below(rows.rows(table.bias) + mean, known)
    people, held, vectors = None, None, None
    reads: Literal["rated", "liked"] = "rated" if kind == "rated" else "liked"
    if users is not None:
        person = read_vectors(users)
        if person.matrix.shape[1] != factors.shape[1]:
            raise ConfigError(
                f"people have {person.matrix.shape[1]} numbers, items {factors.shape[1]}",
                where=WHERE,
                remedy="give both tables of one model",
            )
        people = People.find(person.ids, person.ids, dataset, reads, where=WHERE, size=sample)
        if people is not None:
            vectors = person.matrix[people.theirs]
            scores = vectors @ factors.T + baseline + person.bias[people.theirs][:, None]
            held = people.sample(dataset, reads, scores)
    model: Factors
    agreement: Agreement | None
    if regularization is not None:
        implicit = {"gram": 1.0, "offset": 1.0, "scale": float(alpha)}
        rule: dict[str, Any] = {"gram": 0.0} if kind == "rated" else implicit
        model = Factors(kind=kind, regularization=regularization, per_event=True, **rule)
        model.take(factors, baseline=baseline, known=known)
        agreement = None if held is None else compare(model, held)
    elif kind == "rated":
        biased = bool(table.bias.any())
        bias = "joint" if biased else "none"
        model, agreement = fold_rated(
            factors, baseline, known, held, bias=bias, user_factors=vectors
        )
    else:
        model, agreement = fold_implicit(factors, baseline, known, held, vectors)
    return bundle_of(
        model,
        dataset,
        {"table": Path(items).name if isinstance(items, str | Path) else "factors", "kind": kind},
        fidelity=None if agreement is None else agreement.to_json(),
        unknown_items=int(rows.unknown.sum()),
    )


def read_vectors(source: Any) -> Vectors:
    """Ids and vectors of a Parquet file, a directory of them, or a table.

    Raises
    ------
    DataError
        If it cannot be read, or is not such a table; the message names the row or column.
    """
    where = str(source) if isinstance(source, str | Path) else "factors"
    frame = read_table(source)
    if not frame.height:
        raise DataError("is empty", where=where, remedy="give a row an item")
    id_column = _named(frame, IDS) or frame.columns[0]
    ids = frame[id_column]
    if ids.null_count():
        raise DataError(
            f"the id of row {ids.is_null().arg_true()[0]} is missing",
            where=where,
            remedy="name every row",
        )
    bias_column = _named(frame, BIASES)
    rest = [c for c in frame.columns if c not in (id_column, bias_column)]
    listed = _named(frame.select(rest), VECTORS) if rest else None
    lists = [c for c in rest if frame[c].dtype.base_type() in (pl.List, pl.Array)]
    column = listed if listed in lists else (lists[0] if lists else None)
    if column is not None:
        lengths = frame[column].cast(pl.List(pl.Float64)).list.len()
        k = lengths[0]
        uneven = (lengths != k).fill_null(True).arg_true()
        if not k or len(uneven):
            row = int(uneven[0]) if len(uneven) else 0
            raise DataError(
                f"row {row} of {column} has {lengths[row]} numbers, the first {k}",
                where=where,
                remedy="give vectors of one length",
            )
        flat = frame[column].cast(pl.List(pl.Float64)).explode()
        matrix = flat.to_numpy().reshape(frame.height, k)
    else:
        numbers = [c for c in rest if frame[c].dtype.is_numeric()]
        if not numbers:
            raise DataError(
                f"no column of vectors among {', '.join(frame.columns)[:120]}",
                where=where,
                remedy="give columns id and features (a list of numbers)",
            )
        matrix = frame.select(pl.col(numbers).cast(pl.Float64)).to_numpy()
    bias = np.zeros(len(matrix))
    if bias_column is not None:
        bias = frame[bias_column].cast(pl.Float64).to_numpy()
    for values, what in ((matrix.sum(1), "vector"), (bias, "bias")):
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise DataError(
                f"the {what} of row {bad[0]} holds what is not a finite number",
                where=where,
                remedy="fit the model again",
            )
    return Vectors(ids.to_list(), np.ascontiguousarray(matrix, np.float64), bias)


def read_table(source: Any) -> pl.DataFrame:
    """A table of a Parquet, CSV or TSV file, of a directory of Parquet files, or given as one.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    if not isinstance(source, str | Path):
        try:
            if isinstance(source, pl.DataFrame):
                return source
            found = pl.from_pandas(source) if hasattr(source, "iloc") else pl.from_arrow(source)
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise DataError(
                f"not a table ({str(error)[:100]})",
                where=WHERE,
                remedy="give a path, or a polars, pandas or Arrow table",
            ) from None
        return found if isinstance(found, pl.DataFrame) else found.to_frame()
    path = Path(source)
    try:
        if path.is_dir():
            parts = sorted(p for p in path.rglob("*.parquet") if not p.name.startswith(("_", ".")))
            if not parts:
                raise DataError(
                    "holds no Parquet files", where=str(path), remedy="give the export's directory"
                )
            return pl.concat([pl.read_parquet(p) for p in parts])
        if path.suffix.lower() in (".csv", ".tsv"):
            separator = "\t" if path.suffix.lower() == ".tsv" else ","
            return pl.read_csv(path, separator=separator, infer_schema_length=None)
        return pl.read_parquet(path)
    except FileNotFoundError:
        raise DataError("no such file", where=str(path), remedy="check the path") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"cannot be read: {str(error).splitlines()[0][:160]}",
            where=str(path),
            remedy="give a Parquet file (or CSV, for lists)",
        ) from None


def _named(frame: pl.DataFrame, names: tuple[str, ...]) -> str | None:
    columns = {c.lower(): c for c in frame.columns}
    return next((columns[n] for n in names if n in columns), None)
