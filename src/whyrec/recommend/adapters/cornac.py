"""The package `cornac`: anything with user and item vectors, EASE, item neighbours, and its averages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from whyrec.data.dataset import Reads
from whyrec.errors import ModelError
from whyrec.recommend.adapters.adapted import attribute, bundle_of, source_of, unsupported
from whyrec.recommend.adapters.agreement import SAMPLE, Agreement, compare
from whyrec.recommend.adapters.foldin import below, fold_implicit, fold_rated
from whyrec.recommend.adapters.neighbours import ItemNeighbours
from whyrec.recommend.adapters.people import People
from whyrec.recommend.adapters.vocabulary import Alignment, Missing, align
from whyrec.recommend.adapters.weights import ItemWeights
from whyrec.recommend.base import Floats, Recommender

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

WHERE = "from_cornac"
KNOWN = ("MF", "PMF", "BPR", "WMF", "NMF", "EASE", "ItemKNN", "other models with item vectors")
RATED = ("MF", "NMF", "PMF", "SVD", "MMMF")
"""Models that predict ratings; the others rank."""

ASKED = 20
"""People that ItemKNN is asked about: it takes some hundredths of a second for each."""


def from_cornac(
    model: Any,
    dataset: Dataset,
    *,
    missing: Missing = "error",
    sample: int = SAMPLE,
    rated: bool | None = None,
) -> Bundle:
    """A fitted model of `cornac` as a whyrec bundle.

    Ids come from the model's train set. EASE and ItemKNN are exact. Models with one vector a person
    (MF, PMF, BPR, WMF, and every other with `get_user_vectors` and the dot product) have no rule for
    a new history: it is folded in so that most of their own lists is kept, which
    `bundle.notes["fidelity"]` tells.

    Parameters
    ----------
    missing
        What to do about items that the data do not hold: `error` or `ignore`.
    sample
        How many people to compare lists for.
    rated
        Whether it was fitted on ratings; None for what its class usually is.

    Raises
    ------
    ConfigError
        If the ids do not fit the data set.
    ModelError
        If the model is not fitted or of another kind.
    """
    index = attribute(model, "iid_map", WHERE)
    ids = [id for id, _ in sorted(index.items(), key=lambda pair: pair[1])]
    ids = ids[: int(model.num_items)]
    rows = align(ids, len(ids), dataset.catalogue.ids, what="item", where=WHERE, missing=missing)
    users = [id for id, _ in sorted(model.uid_map.items(), key=lambda pair: pair[1])]
    users = users[: int(model.num_users)]
    kind = type(model).__name__
    if rated is None:
        linear = kind in ("EASE", "ItemKNN")
        rated = model.min_rating != model.max_rating if linear else kind in RATED
    reads: Reads = "rated" if rated else "liked"
    size = min(sample, ASKED) if kind == "ItemKNN" else sample
    people = People.find(users, users, dataset, reads, where=WHERE, size=size)
    made: Recommender
    agreement: Agreement | None
    if kind == "EASE":
        made = _ease(model, rows, reads)
        agreement = _compare(made, model, rows, people, dataset)
    elif kind == "ItemKNN":
        made = _item_neighbours(model, rows, rated)
        agreement = _compare(made, model, rows, people, dataset)
    else:
        made, agreement = _vectors(model, rows, people, dataset, rated)
    return bundle_of(
        made,
        dataset,
        source_of(model, "cornac"),
        fidelity=None if agreement is None else agreement.to_json(),
        unknown_items=int(rows.unknown.sum()),
    )


def _ease(model: Any, rows: Alignment, reads: Reads) -> Recommender:
    weights = ItemWeights(binary=reads == "liked", reads=reads)
    return weights.take(rows.square(np.asarray(attribute(model, "B", WHERE))))


def _item_neighbours(model: Any, rows: Alignment, rated: bool) -> Recommender:
    if not rated:
        raise ModelError(
            "ItemKNN was fitted on events of one value, for which it scores every item alike",
            where=WHERE,
            remedy="fit it on ratings, or use whyrec's own itemknn",
        )
    # Row i of theirs are the neighbours of i, ours are by the event first.
    S = rows.square(attribute(model, "sim_mat", WHERE).tocsr()).T.tocsr()
    known = ~rows.unknown
    made = ItemNeighbours(kind="mean", k=int(model.k), bias=True, damping=0.0, negative=True)
    return made.take(S, base=np.where(known, 0.0, -1.0), known=known)


def _vectors(
    model: Any, rows: Alignment, people: People | None, dataset: Dataset, rated: bool
) -> tuple[Recommender, Agreement | None]:
    if not getattr(model, "_ann_supported", False):
        raise unsupported(model, WHERE, KNOWN)
    try:
        measure = str(model.get_vector_measure())
        P, Y = np.asarray(model.get_user_vectors()), np.asarray(model.get_item_vectors())
    except NotImplementedError:
        raise unsupported(model, WHERE, KNOWN) from None
    if not measure.startswith("dot"):
        raise ModelError(
            f"{type(model).__name__} compares vectors by {measure}",
            where=WHERE,
            remedy="give its scores as a function with from_callable",
        )
    known = ~rows.unknown
    Y = Y[: rows.size].astype(np.float64)
    scores = None if people is None else _scores(model, rows, people)
    # Whatever the scores have beyond the product of vectors is a bias of the item (and the person).
    biases = getattr(model, "i_biases", None)
    bias = np.zeros(rows.size) if biases is None else np.asarray(biases, np.float64)[: rows.size]
    own = getattr(model, "i_factors", None)
    if biases is not None and own is not None and np.shape(own)[1] == Y.shape[1] - 1:
        Y, P = Y[:, :-1], P[:, :-1]
    mean = float(getattr(model, "global_mean", 0.0) or 0.0) if rated else 0.0
    baseline = below(rows.rows(bias) + mean, known)
    factors = rows.rows(Y)
    held = None
    vectors: Floats | None = None
    if people is not None and scores is not None:
        vectors = P[people.theirs].astype(np.float64)
        held = people.sample(dataset, "rated" if rated else "liked", scores)
    if rated:
        biased = getattr(model, "u_biases", None) is not None
        return fold_rated(
            factors, baseline, known, held, bias="joint" if biased else "none", user_factors=vectors
        )
    return fold_implicit(factors, baseline, known, held, vectors)


def _scores(model: Any, rows: Alignment, people: People) -> Floats:
    """What the model itself scores: float64 [people, n_items], NaN for items it does not know."""
    out = np.full((len(people.theirs), len(rows.theirs)), np.nan)
    ours = np.flatnonzero(~rows.unknown)
    for row, user in enumerate(people.theirs.tolist()):
        out[row, ours] = np.asarray(model.score(user), np.float64).ravel()[rows.theirs[ours]]
    return out


def _compare(
    made: Recommender, model: Any, rows: Alignment, people: People | None, dataset: Dataset
) -> Agreement | None:
    if people is None:
        return None
    return compare(made, people.sample(dataset, made.reads, _scores(model, rows, people)))
