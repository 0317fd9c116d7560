"""The package `scikit-surprise`: SVD, SVD++, NMF, neighbours, Slope One and baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from whyrec.recommend.adapters.adapted import attribute, bundle_of, source_of, unsupported
from whyrec.recommend.adapters.agreement import SAMPLE, Agreement, Sample, compare
from whyrec.recommend.adapters.factors import Factors
from whyrec.recommend.adapters.foldin import below, fold_rated
from whyrec.recommend.adapters.neighbours import ItemNeighbours
from whyrec.recommend.adapters.people import People
from whyrec.recommend.adapters.slope_one import SlopeOne
from whyrec.recommend.adapters.user_neighbours import UserNeighbours
from whyrec.recommend.adapters.vocabulary import Alignment, Missing, align
from whyrec.recommend.base import Floats, Recommender

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

WHERE = "from_surprise"
KNOWN = (
    "SVD",
    "SVDpp",
    "NMF",
    "KNNBasic",
    "KNNWithMeans",
    "KNNWithZScore",
    "KNNBaseline",
    "SlopeOne",
    "BaselineOnly",
)
ASKED = 8
"""People that algorithms in plain Python are asked about: they take tenths of a second each."""

USER_KINDS = {
    "KNNBasic": "basic",
    "KNNWithMeans": "means",
    "KNNWithZScore": "zscore",
    "KNNBaseline": "baseline",
}


def from_surprise(
    algorithm: Any,
    dataset: Dataset,
    *,
    missing: Missing = "error",
    sample: int = SAMPLE,
) -> Bundle:
    """A fitted algorithm of `scikit-surprise` as a whyrec bundle that predicts ratings.

    Ids come from its trainset. Item neighbours, Slope One and baselines fitted by ALS are exact:
    the prediction is the same and falls apart by rated item (predictions are not clipped to the
    scale; Surprise's `predict` clips, its `estimate` does not). SVD, SVD++ and NMF have no rule for
    a new history: ratings are folded in by ridge regression, with the λ that keeps most of their own
    lists; `bundle.notes["fidelity"]` says how much. User neighbours read the ratings in `dataset`;
    they are exact by neighbour, and sampled by event.

    Parameters
    ----------
    missing
        What to do about items that the data do not hold: `error` or `ignore`.
    sample
        How many people to compare lists for (algorithms in plain Python: at most 8).

    Raises
    ------
    ConfigError
        If the ids do not fit the data set.
    ModelError
        If the algorithm is not fitted or of another kind.
    """
    trainset = attribute(algorithm, "trainset", WHERE)
    raw = [trainset.to_raw_iid(i) for i in range(trainset.n_items)]
    people_ids = [trainset.to_raw_uid(u) for u in range(trainset.n_users)]
    rows = align(
        raw, trainset.n_items, dataset.catalogue.ids, what="item", where=WHERE, missing=missing
    )
    kind = type(algorithm).__name__
    slow = kind.startswith("KNN") or kind == "SlopeOne"
    people = People.find(
        people_ids,
        people_ids,
        dataset,
        "rated",
        where=WHERE,
        size=min(sample, ASKED) if slow else sample,
    )
    model: Recommender
    agreement: Agreement | None
    if kind in ("SVD", "SVDpp", "NMF", "BaselineOnly"):
        model, agreement = _factors(kind, algorithm, rows, people, dataset)
    elif kind in USER_KINDS:
        user_based = bool(algorithm.sim_options["user_based"])
        make = _user_neighbours if user_based else _item_neighbours
        model = make(kind, algorithm, rows)
        model.attach(dataset)
        agreement = _asked(model, algorithm, rows, people, dataset)
    elif kind == "SlopeOne":
        known = ~rows.unknown
        together = rows.square(np.asarray(attribute(algorithm, "freq", WHERE)) > 0)
        # Their row i, column j is how much better i is than j; ours is by the event first.
        model = SlopeOne().take(rows.square(np.asarray(algorithm.dev).T), together, known)
        agreement = _asked(model, algorithm, rows, people, dataset)
    else:
        raise unsupported(algorithm, WHERE, KNOWN)
    fidelity = None if agreement is None else agreement.to_json()
    source = source_of(algorithm, "scikit-surprise")
    unknown = int(rows.unknown.sum())
    return bundle_of(model, dataset, source, fidelity=fidelity, unknown_items=unknown)


def _factors(
    kind: str, algorithm: Any, rows: Alignment, people: People | None, dataset: Dataset
) -> tuple[Recommender, Agreement | None]:
    trainset, known = algorithm.trainset, ~rows.unknown
    mean = float(trainset.global_mean)
    if kind == "BaselineOnly":
        return _baseline(algorithm, rows, people, dataset)
    Q = np.asarray(attribute(algorithm, "qi", WHERE), np.float64)
    P = np.asarray(algorithm.pu, np.float64)
    biased = bool(getattr(algorithm, "biased", True))
    bias = rows.rows(np.asarray(algorithm.bi)) + mean if biased else np.zeros(len(known))
    baseline, factors = below(bias, known), rows.rows(Q)
    implicit = rows.rows(np.asarray(algorithm.yj)) if kind == "SVDpp" else None
    held: Sample | None = None
    vectors: Floats | None = None
    if people is not None:
        vectors = P[people.theirs]
        if implicit is not None:
            theirs = np.asarray(algorithm.yj)
            for row, u in enumerate(people.theirs.tolist()):
                own = [i for i, _ in trainset.ur[u]]
                vectors[row] += theirs[own].sum(0) / np.sqrt(len(own))
        scores = vectors @ factors.T + baseline
        if biased:
            scores += np.asarray(algorithm.bu)[people.theirs][:, None]
        held = people.sample(dataset, "rated", scores)
    return fold_rated(
        factors,
        baseline,
        known,
        held,
        bias="joint" if biased else "none",
        implicit_factors=implicit,
        user_factors=vectors,
    )


def _baseline(
    algorithm: Any, rows: Alignment, people: People | None, dataset: Dataset
) -> tuple[Recommender, Agreement | None]:
    """μ + b_i + b_u, where b_u is the damped mean of the residuals: its last step in ALS."""
    known = ~rows.unknown
    baseline = below(rows.rows(np.asarray(algorithm.bi)) + algorithm.trainset.global_mean, known)
    held = None
    if people is not None:
        scores = baseline + np.asarray(algorithm.bu)[people.theirs][:, None]
        held = people.sample(dataset, "rated", scores)
    model = Factors(
        kind="rated", gram=0.0, regularization=1.0, bias="mean", damping=_damping(algorithm)
    ).take(np.zeros((len(known), 1)), baseline=baseline, known=known)
    return model, None if held is None else compare(model, held)


def _damping(algorithm: Any) -> float:
    """β of a person's bias: what ALS was given, or what explains the biases of SGD best."""
    options = algorithm.bsl_options
    if options.get("method", "als") == "als":
        return float(options.get("reg_u", 15))
    trainset, mean = algorithm.trainset, algorithm.trainset.global_mean
    bi = np.asarray(algorithm.bi)
    users = list(trainset.all_users())
    sums = np.array([sum(r - mean - bi[i] for i, r in trainset.ur[u]) for u in users])
    counts = np.array([len(trainset.ur[u]) for u in users])
    tried = np.concatenate(([0.0], np.geomspace(0.5, 500, 60)))
    errors = [float(((sums / (counts + b) - algorithm.bu) ** 2).sum()) for b in tried]
    return float(tried[int(np.argmin(errors))])


def _item_neighbours(kind: str, algorithm: Any, rows: Alignment) -> ItemNeighbours:
    known, mean = ~rows.unknown, float(algorithm.trainset.global_mean)
    base, spread, bias, damping = np.full(len(known), mean), None, False, 0.0
    if kind in ("KNNWithMeans", "KNNWithZScore"):
        base = rows.rows(np.asarray(algorithm.means))
    if kind == "KNNWithZScore":
        spread = rows.rows(np.asarray(algorithm.sigmas), fill=1.0)
    if kind == "KNNBaseline":
        base = rows.rows(np.asarray(algorithm.bi)) + mean
        bias, damping = True, _damping(algorithm)
    model = ItemNeighbours(
        k=int(algorithm.k), min_k=int(algorithm.min_k), bias=bias, damping=damping
    )
    similarity = rows.square(np.asarray(attribute(algorithm, "sim", WHERE), np.float32))
    return model.take(similarity, base=below(base, known), spread=spread, known=known)


def _user_neighbours(kind: str, algorithm: Any, rows: Alignment) -> UserNeighbours:
    known, options = ~rows.unknown, algorithm.sim_options
    name = str(options.get("name", "msd")).lower()
    biases = kind == "KNNBaseline" or name == "pearson_baseline"
    bi = np.asarray(algorithm.bi) if biases else np.zeros(rows.size)
    model = UserNeighbours(
        kind=USER_KINDS[kind],
        similarity=name,
        k=int(algorithm.k),
        min_k=int(algorithm.min_k),
        min_support=int(options.get("min_support", 1)),
        shrinkage=float(options.get("shrinkage", 100)),
        mean=float(algorithm.trainset.global_mean),
        damping=_damping(algorithm) if biases else 0.0,
    )
    return model.take(rows.rows(bi), known)


def _asked(
    model: Recommender, algorithm: Any, rows: Alignment, people: People | None, dataset: Dataset
) -> Agreement | None:
    """Compare with what the algorithm itself says about a few people."""
    if people is None:
        return None
    scores = np.full((len(people.theirs), len(rows.theirs)), np.nan)
    for row, u in enumerate(people.theirs.tolist()):
        for ours in np.flatnonzero(~rows.unknown).tolist():
            scores[row, ours] = _estimate(algorithm, u, int(rows.theirs[ours]))
    return compare(model, people.sample(dataset, "rated", scores))


def _estimate(algorithm: Any, user: int, item: int) -> float:
    from surprise import PredictionImpossible

    try:
        found = algorithm.estimate(user, item)
    except PredictionImpossible:
        return float(algorithm.default_prediction())
    return float(found[0] if isinstance(found, tuple) else found)


def predictions(algorithm: Any, user: int, items: Sequence[int]) -> Floats:
    """What the algorithm estimates for its own person and items, not clipped: float64 [items]."""
    return np.array([_estimate(algorithm, user, i) for i in items])
