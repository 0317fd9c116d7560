"""The package `recbole`: item weights exactly, embeddings folded in, autoencoders and sequences asked."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.data.dataset import Reads
from whyrec.recommend.adapters.adapted import attribute, bundle_of, source_of, unsupported
from whyrec.recommend.adapters.agreement import SAMPLE, compare
from whyrec.recommend.adapters.foldin import below, fold_implicit
from whyrec.recommend.adapters.functions import CallableModel, live_bundle
from whyrec.recommend.adapters.people import People
from whyrec.recommend.adapters.vocabulary import Alignment, Missing, align
from whyrec.recommend.adapters.weights import ItemWeights
from whyrec.recommend.base import Floats

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

WHERE = "from_recbole"
KNOWN = (
    "models with a user and an item embedding (BPR, LightGCN, …)",
    "EASE, SLIMElastic, ADMMSLIM, ItemKNN",
    "autoencoders (MultiVAE, MultiDAE, RecVAE, MacridVAE)",
    "sequential models (SASRec, GRU4Rec, …)",
)
CLOSE = 1e-3
"""Relative difference up to which products of embeddings count as the model's own scores."""


def from_recbole(
    model: Any,
    dataset: Dataset,
    data: Any,
    *,
    missing: Missing = "error",
    sample: int = SAMPLE,
) -> Bundle:
    """A fitted model of `recbole` as a whyrec bundle.

    EASE, SLIM and item neighbours are exact. Models whose score is a product of two embeddings are
    folded in so that most of their own lists is kept (`bundle.notes["fidelity"]`). Autoencoders are
    given the history, sequential models its sequence: their scores are the original's, and evidence
    is sampled; they live in this process only, and are not saved (export them to ONNX for that).

    Parameters
    ----------
    data
        The RecBole dataset that it was trained on: it names people and items.
    missing
        What to do about items that the data do not hold: `error` or `ignore`.
    sample
        How many people to compare lists for.

    Raises
    ------
    ConfigError
        If the ids do not fit the data set.
    ModelError
        If the model is of another kind.
    """
    tokens = attribute(data, "field2id_token", WHERE)
    item_ids = [str(t) for t in tokens[model.ITEM_ID][1:]]  # 0 is padding
    rows = align(
        item_ids, len(item_ids), dataset.catalogue.ids, what="item", where=WHERE, missing=missing
    )
    source, unknown = source_of(model, "recbole"), int(rows.unknown.sum())
    kinds = {c.__name__ for c in type(model).__mro__}
    model.eval()
    if "SequentialRecommender" in kinds:
        return _asked(_sequence(model), "sequence", rows, dataset, source)
    if "AutoEncoderMixin" in kinds:
        return _asked(_autoencoder(model), "liked", rows, dataset, source)
    matrix = getattr(model, "item_similarity", None)
    if matrix is None and getattr(model, "method", None) == "item":
        matrix = getattr(model, "w", None)
    user_ids = [str(t) for t in tokens[model.USER_ID][1:]]
    people = People.find(user_ids, user_ids, dataset, "liked", where=WHERE, size=sample)
    if matrix is not None:
        B = matrix.tocsr()[1:, 1:] if sparse.issparse(matrix) else np.asarray(matrix)[1:, 1:]
        linear = ItemWeights(binary=True).take(rows.square(B))
        fidelity = None
        if people is not None:
            held = people.sample(dataset, "liked", rows_of(_full(model, people.theirs + 1), rows))
            fidelity = compare(linear, held).to_json()
        return bundle_of(linear, dataset, source, fidelity=fidelity, unknown_items=unknown)
    P, Y = _embeddings(model)
    known = ~rows.unknown
    factors = rows.rows(Y[1:])
    baseline = below(np.zeros(len(known)), known)
    held_sample, vectors = None, None
    if people is not None:
        vectors = P[people.theirs + 1]
        theirs = _full(model, people.theirs + 1)
        size = np.abs(theirs).max()
        if np.abs(vectors @ Y[1:].T - theirs).max() > CLOSE * max(size, 1e-9):
            raise unsupported(model, WHERE, KNOWN)
        held_sample = people.sample(dataset, "liked", rows_of(theirs, rows))
    folded, agreement = fold_implicit(factors, baseline, known, held_sample, vectors)
    fidelity = None if agreement is None else agreement.to_json()
    return bundle_of(folded, dataset, source, fidelity=fidelity, unknown_items=unknown)


def rows_of(scores: Floats, rows: Alignment) -> Floats:
    """Columns of theirs in our order, NaN where they do not know the item."""
    out = scores[:, np.maximum(rows.theirs, 0)].astype(np.float64)
    out[:, rows.unknown] = np.nan
    return out


def _full(model: Any, users: Any) -> npt.NDArray[np.float64]:
    """`full_sort_predict` of its people (their RecBole numbers), without the padding."""
    import torch

    out = []
    with torch.no_grad():
        for user in np.asarray(users).tolist():
            scores = model.full_sort_predict({model.USER_ID: torch.tensor([user])})
            out.append(np.asarray(scores.detach().cpu(), np.float64).ravel()[1:])
    return np.stack(out)


def _embeddings(model: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    import torch

    with torch.no_grad():
        found: Any = None
        if not inspect.signature(model.forward).parameters:
            found = model.forward()
        elif hasattr(model, "user_embedding") and hasattr(model, "item_embedding"):
            found = (
                getattr(model.user_embedding, "weight", None),
                getattr(model.item_embedding, "weight", None),
            )
    good = isinstance(found, tuple) and len(found) >= 2
    if not good or not all(isinstance(t, torch.Tensor) and t.ndim == 2 for t in found[:2]):
        raise unsupported(model, WHERE, KNOWN)
    P, Y = (np.asarray(t.detach().cpu(), np.float64) for t in found[:2])
    return P, Y


def _asked(
    score: Any, reads: Reads, rows: Alignment, dataset: Dataset, source: dict[str, Any]
) -> Bundle:
    return live_bundle(CallableModel.of(score, rows, reads=reads, batch=256), dataset, source)


def _autoencoder(model: Any) -> Any:
    """Its own prediction, with our histories where it would look up its people's."""

    def score(histories: sparse.csr_matrix) -> Any:
        import torch

        n = histories.shape[0]
        # Binary, as RecBole builds it; column 0 is its padding.
        dense = torch.zeros(n, histories.shape[1] + 1, device=model.device)
        rows = np.repeat(np.arange(n), np.diff(histories.indptr))
        dense[torch.from_numpy(rows), torch.from_numpy(histories.indices.astype(np.int64) + 1)] = 1
        had = vars(model).get("get_rating_matrix")
        model.get_rating_matrix = lambda user: dense
        try:
            with torch.no_grad():
                users = torch.zeros(n, dtype=torch.long, device=model.device)
                out = model.full_sort_predict({model.USER_ID: users})
        finally:
            if had is None:
                del model.get_rating_matrix
            else:
                model.get_rating_matrix = had
        return np.asarray(out.detach().cpu(), np.float64).reshape(n, -1)[:, 1:]

    return score


def _sequence(model: Any) -> Any:
    def score(histories: sparse.csr_matrix) -> Any:
        import torch

        length = int(model.max_seq_length)
        n = histories.shape[0]
        sequence = torch.zeros(n, length, dtype=torch.long)
        sizes = torch.ones(n, dtype=torch.long)
        for u in range(n):
            own = histories.indices[histories.indptr[u] : histories.indptr[u + 1]][-length:]
            sequence[u, : len(own)] = torch.from_numpy(own.astype(np.int64) + 1)
            sizes[u] = max(len(own), 1)
        fields = {
            model.ITEM_SEQ: sequence.to(model.device),
            model.ITEM_SEQ_LEN: sizes.to(model.device),
        }
        with torch.no_grad():
            out = model.full_sort_predict(fields)
        return np.asarray(out.detach().cpu(), np.float64)[:, 1:]

    return score
