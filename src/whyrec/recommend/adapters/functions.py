"""A Python function as a recommender: it scores histories, and that is all that is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.data.dataset import Reads
from whyrec.errors import ConfigError, ModelError, WhyrecError
from whyrec.recommend.adapters.adapted import behaviour, bundle_of
from whyrec.recommend.adapters.scorer import BATCH, Scorer
from whyrec.recommend.adapters.vocabulary import Alignment, Missing, align
from whyrec.recommend.checks import check_number

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

WHERE = "from_callable"
READS = ("liked", "rated", "sequence")
Score = Callable[[Any], Any]


class CallableModel(Scorer):
    """`score(histories)` as a recommender; it lives in this process only.

    Parameters
    ----------
    score
        Takes a CSR matrix [histories, items] and gives their scores, [histories, items].
    reads, batch
        What histories hold, and how many are passed at once.
    """

    name: str = "callable"

    def __init__(self, score: Score, *, reads: Reads = "liked", batch: int = BATCH) -> None:
        self.score, self.reads, self.batch = score, reads, batch

    @classmethod
    def of(cls, score: Score, rows: Alignment, *, reads: Reads, batch: int) -> CallableModel:
        """The model for items aligned so."""
        model = cls(score, reads=reads, batch=batch)
        model._use(rows)
        return model

    def _ask(self, histories: sparse.csr_matrix) -> Any:
        try:
            return self.score(histories)
        except WhyrecError:
            raise
        except Exception as error:
            raise ModelError(
                f"the function raised {type(error).__name__}: {str(error)[:200]}",
                where=self.name,
                remedy="make it score every history, shorter ones and empty ones too",
            ) from error

    @property
    def params(self) -> Mapping[str, Any]:
        """What it reads; the function has no other form."""
        return {"reads": self.reads, "batch": self.batch}

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Refused: code is not saved.

        Raises
        ------
        ModelError
            Always.
        """
        raise ModelError(
            "a Python function cannot be saved",
            where=self.name,
            remedy="adapt it again after loading the data, serve it over HTTP (from_http), or "
            "export it to ONNX (from_onnx)",
        )

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Refused, as `arrays`."""
        raise ModelError("a Python function cannot be loaded", where=cls.name, remedy="adapt it")


def from_callable(
    score: Score,
    dataset: Dataset,
    *,
    reads: Reads = "liked",
    one_at_a_time: bool = False,
    items: Sequence[Any] | None = None,
    batch: int = BATCH,
    missing: Missing = "error",
) -> Bundle:
    """Any function that scores histories as a whyrec bundle.

    The scores stay the function's own, evidence is sampled from them (`exact` is false). It is
    called with parts of histories and with empty ones, and should answer the same to the same.

    Parameters
    ----------
    score
        `score(csr_matrix [n, items]) -> array [n, items]`, float; with `one_at_a_time`
        `score({item id: weight}) -> array [items]`, the history oldest first if it reads `sequence`.
    reads
        What histories hold: `liked` events with weights, `rated` items with ratings, or the
        `sequence` of liked events.
    items
        Ids by column, None for the order of `dataset.catalogue.ids`.
    batch
        Histories passed at once.
    missing
        What to do about items that the data do not hold: `error` or `ignore`.

    Raises
    ------
    ConfigError
        If an option is not one of those allowed or ids do not fit.
    ModelError
        If the function fails or answers with the wrong shape, found by one call.
    """
    if not callable(score):
        raise ConfigError(f"{score!r} is not a function", where=WHERE, remedy="pass a function")
    if reads not in READS:
        raise ConfigError(f"cannot read {reads}", where=WHERE, remedy=f"use {', '.join(READS)}")
    check_number(batch, where=f"{WHERE}, batch", low=1, whole=True)
    ids = dataset.catalogue.ids if items is None else list(items)
    rows = align(ids, len(ids), dataset.catalogue.ids, what="item", where=WHERE, missing=missing)
    names = [str(id) for id in ids]
    called = _each(score, names) if one_at_a_time else score
    model = CallableModel.of(called, rows, reads=reads, batch=batch)
    return live_bundle(
        model,
        dataset,
        {"function": f"{_part(score, '__module__')}.{_part(score, '__qualname__')}"},
    )


def live_bundle(model: Scorer, dataset: Dataset, source: Mapping[str, Any]) -> Bundle:
    """A bundle of a model without arrays: asked once now, and known by how it answers."""
    print_ = behaviour(model.name, dataset, model.scores, dataset.histories(model.reads))
    bundle = bundle_of(model, dataset, source, unknown_items=int(model.rows.unknown.sum()))
    bundle.__dict__["fingerprint"] = print_  # `arrays` would refuse
    return bundle


def _part(function: Any, name: str) -> str:
    return str(getattr(function, name, None) or getattr(type(function), name))


def _each(score: Score, ids: Sequence[str]) -> Score:
    def many(histories: sparse.csr_matrix) -> Any:
        out = np.empty(histories.shape)
        for u in range(histories.shape[0]):
            a, b = histories.indptr[u], histories.indptr[u + 1]
            own = [ids[i] for i in histories.indices[a:b].tolist()]
            answer = np.asarray(score(dict(zip(own, histories.data[a:b].tolist(), strict=True))))
            if answer.shape != (histories.shape[1],):
                raise ModelError(
                    f"answered {answer.shape} for one history and {histories.shape[1]} items",
                    where=CallableModel.name,
                    remedy="answer one number an item",
                )
            out[u] = answer
        return out

    return many
