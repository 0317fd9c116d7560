"""The package `lightfm` (and lightfm-next): item vectors that may be sums of feature vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from whyrec.errors import ConfigError
from whyrec.recommend.adapters.adapted import attribute, bundle_of, source_of
from whyrec.recommend.adapters.agreement import SAMPLE
from whyrec.recommend.adapters.factors import Factors
from whyrec.recommend.adapters.features import FeatureFactors
from whyrec.recommend.adapters.foldin import below, fold_implicit
from whyrec.recommend.adapters.people import People
from whyrec.recommend.adapters.vocabulary import Missing, align, check_finite

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

WHERE = "from_lightfm"


def from_lightfm(
    model: Any,
    dataset: Dataset,
    *,
    item_features: Any = None,
    user_features: Any = None,
    mapping: Any = None,
    items: Sequence[Any] | None = None,
    users: Sequence[Any] | None = None,
    missing: Missing = "error",
    sample: int = SAMPLE,
) -> Bundle:
    """A fitted `LightFM` as a whyrec bundle.

    LightFM has no rule for a new history: the fold-in that keeps most of its own lists is used, and
    `bundle.notes["fidelity"]` says how much that is. With item features the score is also told by
    feature.

    Parameters
    ----------
    item_features, user_features
        The matrices that it was fitted with, None if none.
    mapping
        The `lightfm.data.Dataset` that it was built with, or what its `mapping()` gives: it names
        people, items and features.
    items, users
        Ids in the order of the model's rows, where there is no `mapping`; None if the model was
        fitted on `dataset.interactions`.
    missing
        What to do about items that the data do not hold: `error` or `ignore`.
    sample
        How many people to compare lists for.

    Raises
    ------
    ConfigError
        If counts or ids do not fit the data set or the features.
    ModelError
        If the model is not fitted.
    """
    attribute(model, "item_embeddings", WHERE)
    names: tuple[str, ...] = ()
    if mapping is not None:
        maps = mapping.mapping() if hasattr(mapping, "mapping") else mapping
        if len(maps) != 4:
            raise ConfigError(
                "is not a LightFM mapping", where=f"{WHERE}, mapping", remedy="pass its Dataset"
            )
        users, items = users or _ordered(maps[0]), items or _ordered(maps[2])
        names = tuple(str(n) for n in _ordered(maps[3]))
    bias, Y = model.get_item_representations(item_features)
    person = model.get_user_representations(user_features)[1]
    check_finite(Y, what="item embeddings", where=WHERE)
    rows = align(items, len(Y), dataset.catalogue.ids, what="item", where=WHERE, missing=missing)
    known = ~rows.unknown
    factors, baseline = rows.rows(np.asarray(Y)), below(rows.rows(np.asarray(bias)), known)
    people = People.find(person, users, dataset, "liked", where=WHERE, size=sample)
    held, vectors = None, None
    if people is not None:
        vectors = np.asarray(person)[people.theirs].astype(np.float64)
        held = people.sample(dataset, "liked", vectors @ factors.T + baseline)
    folded, agreement = fold_implicit(factors, baseline, known, held, vectors)
    if item_features is not None:
        F = rows.rows(sparse.csr_matrix(item_features))
        embeddings = np.asarray(model.item_embeddings)[: F.shape[1]]
        folded = _by_feature(folded, F, embeddings, names)
    return bundle_of(
        folded,
        dataset,
        source_of(model, "lightfm-next"),
        fidelity=None if agreement is None else agreement.to_json(),
        unknown_items=int(rows.unknown.sum()),
    )


def _by_feature(model: Factors, F: Any, embeddings: Any, names: tuple[str, ...]) -> FeatureFactors:
    """The map from Y to Z (see `foldin`) is linear: it is read off and applied to the features."""
    Y, Z = model.item_factors_.astype(np.float64), model.out_factors_.astype(np.float64)
    M = np.eye(Y.shape[1]) if Z is Y else np.linalg.lstsq(Y, Z, rcond=None)[0]
    told = names if len(names) == F.shape[1] else ()
    return FeatureFactors.of(model, F, embeddings.astype(np.float64) @ M, told)


def _ordered(index: Mapping[Any, int]) -> list[Any]:
    return [id for id, _ in sorted(index.items(), key=lambda pair: pair[1])]
