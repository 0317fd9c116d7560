"""The package `implicit`: ALS and item-item models exactly, BPR and logistic MF by the best fold-in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from whyrec.recommend.adapters.adapted import attribute, bundle_of, source_of, unsupported
from whyrec.recommend.adapters.agreement import SAMPLE, compare
from whyrec.recommend.adapters.als import ConfidenceIALS
from whyrec.recommend.adapters.foldin import below, fold_implicit
from whyrec.recommend.adapters.people import People
from whyrec.recommend.adapters.vocabulary import Missing, align, check_finite
from whyrec.recommend.adapters.weights import ItemWeights
from whyrec.recommend.checks import check_number

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

WHERE = "from_implicit"
KNOWN = (
    "AlternatingLeastSquares",
    "BayesianPersonalizedRanking",
    "LogisticMatrixFactorization",
    "CosineRecommender",
    "TFIDFRecommender",
    "BM25Recommender",
    "ItemItemRecommender",
)


def from_implicit(
    model: Any,
    dataset: Dataset,
    *,
    items: Sequence[Any] | None = None,
    users: Sequence[Any] | None = None,
    confidence: float | None = None,
    missing: Missing = "error",
    sample: int = SAMPLE,
) -> Bundle:
    """A fitted model of `implicit` as a whyrec bundle.

    `AlternatingLeastSquares` becomes iALS with its item factors, λ and α: scores equal those of
    `recommend(..., recalculate_user=True)`. Item-item models become the same weighted sum. `BPR` and
    `LMF` have no rule for a new history; the fold-in that keeps most of their own lists is used, and
    `bundle.notes["fidelity"]` says how much that is.

    Parameters
    ----------
    items, users
        Ids in the order of the model's rows; None if it was fitted on `dataset.interactions`.
        Without known users nothing is compared.
    confidence
        The value that every event had in the matrix the model was fitted on (often 1); None where
        the values were whyrec's event weights (`dataset.interactions`).
    missing
        What to do about items that the data do not hold: `error` or `ignore`.
    sample
        How many people to compare lists for.

    Raises
    ------
    ConfigError
        If counts or ids do not fit the data set.
    ModelError
        If the model is not fitted or of another kind.
    """
    if confidence is not None:
        check_number(confidence, where=f"{WHERE}, confidence", low=1e-9)
    kinds = {c.__name__ for c in type(model).__mro__}
    source = source_of(model, "implicit")
    if "ItemItemRecommender" in kinds:
        similarity = attribute(model, "similarity", WHERE)
        rows = align(
            items,
            similarity.shape[0],
            dataset.catalogue.ids,
            what="item",
            where=WHERE,
            missing=missing,
        )
        # Column i of the score is row_u @ similarity: B is the matrix itself.
        linear = ItemWeights(binary=confidence is not None)
        linear.take(rows.square(similarity) * (1.0 if confidence is None else confidence))
        return bundle_of(linear, dataset, source, unknown_items=int(rows.unknown.sum()))
    if "MatrixFactorizationBase" not in kinds:
        raise unsupported(model, WHERE, KNOWN)
    Y = _numpy(attribute(model, "item_factors", WHERE))
    rows = align(items, len(Y), dataset.catalogue.ids, what="item", where=WHERE, missing=missing)
    P = getattr(model, "user_factors", None)
    P = None if P is None else _numpy(P)
    check_finite(Y, what="item factors", where=WHERE)
    unknown = int(rows.unknown.sum())
    if "AlternatingLeastSquares" in kinds:
        alpha = float(model.alpha)
        offset, scale = (0.0, alpha) if confidence is None else (alpha * confidence, 0.0)
        als = ConfidenceIALS.of(
            rows.rows(Y), regularization=float(model.regularization), offset=offset, scale=scale
        )
        people = People.find(P, users, dataset, als.reads, where=WHERE, size=sample)
        fidelity = None
        if people is not None and P is not None:
            scores = P[people.theirs].astype(np.float64) @ als.item_factors_.T
            fidelity = compare(als, people.sample(dataset, als.reads, scores)).to_json()
        return bundle_of(als, dataset, source, fidelity=fidelity, unknown_items=unknown)
    # BPR and LMF keep a bias (and a column of ones) inside their factors.
    known = ~rows.unknown
    own, bias, person = _split(model, Y, P)
    baseline = below(rows.rows(bias), known)
    people = People.find(person, users, dataset, "liked", where=WHERE, size=sample)
    held, vectors = None, None
    factors = rows.rows(own)
    if people is not None and person is not None:
        vectors = person[people.theirs].astype(np.float64)
        held = people.sample(dataset, "liked", vectors @ factors.T + baseline)
    folded, agreement = fold_implicit(factors, baseline, known, held, vectors)
    fidelity = None if agreement is None else agreement.to_json()
    return bundle_of(folded, dataset, source, fidelity=fidelity, unknown_items=unknown)


def _numpy(matrix: Any) -> Any:
    """Factors on the GPU come home."""
    return np.asarray(matrix.to_numpy() if hasattr(matrix, "to_numpy") else matrix)


def _split(model: Any, Y: Any, P: Any) -> tuple[Any, Any, Any]:
    """(item vectors, item biases, people's vectors), with the columns that are biases taken out.

    Column k of Y is the item's bias (1 in P). Logistic MF has the person's bias in column k + 1,
    the same for every item, so that it says nothing about their order.
    """
    k = int(model.factors)
    if Y.shape[1] <= k:
        return Y, np.zeros(len(Y)), P
    return Y[:, :k], Y[:, k], None if P is None else P[:, :k]
