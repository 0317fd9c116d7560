"""The package `lenskit` (2025): ALS scorers, item neighbours, EASE and SLIM, alone or in a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from whyrec.errors import ModelError
from whyrec.recommend.adapters.adapted import attribute, bundle_of, source_of, unsupported
from whyrec.recommend.adapters.agreement import SAMPLE, compare
from whyrec.recommend.adapters.als import ConfidenceIALS
from whyrec.recommend.adapters.factors import Factors
from whyrec.recommend.adapters.foldin import below
from whyrec.recommend.adapters.neighbours import ItemNeighbours
from whyrec.recommend.adapters.people import People
from whyrec.recommend.adapters.vocabulary import Alignment, Missing, align
from whyrec.recommend.adapters.weights import ItemWeights
from whyrec.recommend.base import Recommender

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

WHERE = "from_lenskit"
KNOWN = (
    "ImplicitMFScorer",
    "BiasedMFScorer",
    "ItemKNNScorer",
    "EASEScorer",
    "SLIMScorer",
    "BiasScorer",
)
NODES = ("scorer", "rating-predictor")


def from_lenskit(
    model: Any,
    dataset: Dataset,
    *,
    missing: Missing = "error",
    sample: int = SAMPLE,
) -> Bundle:
    """A trained LensKit scorer, or a pipeline with one, as a whyrec bundle.

    Ids come from the scorer's vocabulary. LensKit's scorers fold the query's history in themselves:
    ALS (implicit and biased), item neighbours, EASE, SLIM and biases become the same arithmetic,
    and are exact. `bundle.notes["fidelity"]` compares with the vectors that LensKit kept from
    training where it kept any; those are one half step older.

    Parameters
    ----------
    model
        A trained scorer, or a pipeline whose node `scorer` is one.
    missing
        What to do about items that the data do not hold: `error` or `ignore`.
    sample
        How many people to compare lists for.

    Raises
    ------
    ConfigError
        If the ids do not fit the data set.
    ModelError
        If the scorer is not trained or of another kind.
    """
    scorer = _scorer(model)
    kinds = {c.__name__ for c in type(scorer).__mro__}
    if not kinds & set(KNOWN):
        raise unsupported(scorer, WHERE, KNOWN)
    held = attribute(scorer, "model_", WHERE) if "BiasScorer" in kinds else scorer
    ids = attribute(held, "items", WHERE).ids()
    rows = align(
        list(ids), len(ids), dataset.catalogue.ids, what="item", where=WHERE, missing=missing
    )
    made = _convert(scorer, kinds, rows)
    fidelity = None
    vectors = getattr(scorer, "user_embeddings", None)
    if vectors is not None and isinstance(made, ConfidenceIALS):
        names = list(scorer.users.ids())
        people = People.find(vectors, names, dataset, made.reads, where=WHERE, size=sample)
        if people is not None:
            scores = np.asarray(vectors)[people.theirs].astype(np.float64) @ made.item_factors_.T
            fidelity = compare(made, people.sample(dataset, made.reads, scores)).to_json()
    return bundle_of(
        made,
        dataset,
        source_of(scorer, "lenskit"),
        fidelity=fidelity,
        unknown_items=int(rows.unknown.sum()),
    )


def _scorer(model: Any) -> Any:
    """The scorer itself, or that of a pipeline."""
    if not hasattr(model, "node") or not hasattr(model, "nodes"):
        return model
    for name in NODES:
        node = model.node(name, missing=None)
        component = getattr(node, "component", None)
        if component is not None and {c.__name__ for c in type(component).__mro__} & set(KNOWN):
            return component
    for node in model.nodes():
        component = getattr(node, "component", None)
        if component is not None and {c.__name__ for c in type(component).__mro__} & set(KNOWN):
            return component
    raise ModelError(
        f"the pipeline holds none of {', '.join(KNOWN)}",
        where=WHERE,
        remedy="give its scores as a function with from_callable",
    )


def _convert(scorer: Any, kinds: set[str], rows: Alignment) -> Recommender:
    known = ~rows.unknown
    if "ImplicitMFScorer" in kinds:
        config = scorer.config
        if config.use_ratings:
            # c = 1 + weight · rating, which whyrec reads as event weights: only ones are exact.
            raise ModelError(
                "was trained with use_ratings=True",
                where=WHERE,
                remedy="train it on events, or adapt it with from_factors(kind='implicit')",
            )
        return ConfidenceIALS.of(
            rows.rows(np.asarray(attribute(scorer, "item_embeddings", WHERE))),
            regularization=float(config.user_reg),
            offset=1.0 + float(config.weight),
            scale=0.0,
        )
    if "BiasedMFScorer" in kinds:
        Y = rows.rows(np.asarray(attribute(scorer, "item_embeddings", WHERE)))
        return Factors(
            kind="rated",
            gram=0.0,
            regularization=float(scorer.config.user_reg),
            per_event=True,
            bias="mean",
            damping=_user_damping(scorer.bias),
        ).take(Y, baseline=_biases(scorer.bias, rows), known=known)
    if "BiasScorer" in kinds:
        return Factors(
            kind="rated",
            gram=0.0,
            regularization=1.0,
            bias="mean",
            damping=_user_damping(scorer.model_),
        ).take(np.zeros((len(known), 1)), baseline=_biases(scorer.model_, rows), known=known)
    if "ItemKNNScorer" in kinds:
        config = scorer.config
        # Row i of theirs are the neighbours of i, ours are by the event first.
        S = rows.square(scorer.sim_matrix.to_scipy()).T.tocsr()
        means = np.asarray(scorer.item_means) if config.explicit else np.zeros(rows.size)
        model = ItemNeighbours(
            kind="mean" if config.explicit else "sum",
            k=int(config.max_nbrs),
            min_k=int(config.min_nbrs),
            otherwise="below",
        )
        return model.take(S, base=below(rows.rows(means), known), known=known)
    return ItemWeights(binary=True).take(rows.square(_dense(attribute(scorer, "weights", WHERE))))


def _dense(weights: Any) -> Any:
    return weights if hasattr(weights, "tocsr") else np.asarray(weights)


def _biases(bias: Any, rows: Alignment) -> Any:
    values = np.zeros(rows.size) if bias.item_biases is None else np.asarray(bias.item_biases)
    return below(rows.rows(values) + float(bias.global_bias), ~rows.unknown)


def _user_damping(bias: Any) -> float:
    if bias.user_biases is None:
        return float(np.finfo(np.float32).max)
    damping = bias.damping
    return float(damping["user"] if isinstance(damping, dict) else damping)
