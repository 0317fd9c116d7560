"""Whether an explanation tells what the model goes by: take out what it names and look at the rank.

For one person and one recommended item an attribution gives each event of the history a number. The
events named first are removed, a tenth of the history at a time, and the model ranks again. These are
the counterfactual measures of LXR (Barkan et al., "A Counterfactual Framework for Learning and
Evaluating Explanations for Recommender Systems", WWW 2024), means over all steps, step 0 included,
that is areas under curves:

- POS@k: whether the item still stands among the first k (lower is better);
- NEG@k: the same with the events named *last* removed first (higher is better);
- CDCG: 1 / log2(1 + rank) (lower is better);
- DEL: the item's score over its score with the whole history (lower is better);
- INS: the same with *only* the events named first (higher is better).

With `removed=K_e` they are those of SPINRec (Barkan et al., arXiv 2511.18047) and of Baklanov et al.
(SIGIR 2025): POS@K_r,K_e, CDCG@K_e, DEL@K_e and INS@K_e after exactly K_e events.

Ranks count the items that stand outside the whole history: what is removed is not offered again. DEL
and INS are ratios and so need scores above 0: `link` makes them of log-probabilities or logits, and
pairs whose score is not above 0 are left out of these two (nan). The papers' DEL and INS of LXR are
not divided by the score of the whole history; here they are, as in SPINRec, so that people can be
averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError, ModelError
from whyrec.evidence.attribution import Attribution, Method
from whyrec.evidence.successive import PARTS, RANK, SCORE, Asked
from whyrec.recommend.base import Floats, History, Ints, Recommender

Link = Literal["identity", "exp", "sigmoid"]

STEPS = PARTS
"""Parts into which the history is cut."""

SIZES = 5
"""K_e goes from 1 to this."""

LOWER_IS_BETTER = {"pos": True, "neg": False, "cdcg": True, "del": True, "ins": False}


@dataclass(frozen=True, eq=False)
class Fidelity:
    """Ranks and scores after every removal, and the measures of them.

    Attributes
    ----------
    score
        float64 [pairs]: with the whole history, after the link.
    rank_less, score_less
        [pairs, steps + 1]: without the events named first, a further part of the history a step.
    rank_spared
        int64 [pairs, steps + 1]: without the events named last.
    score_only
        float64 [pairs, steps + 1]: with the events named first and nothing else.
    rank_first, score_first, score_first_only
        [pairs, sizes]: without the first 1, 2, … events, and with only these.
    """

    score: Floats
    rank_less: npt.NDArray[np.int64]
    score_less: Floats
    rank_spared: npt.NDArray[np.int64]
    score_only: Floats
    rank_first: npt.NDArray[np.int64]
    score_first: Floats
    score_first_only: Floats

    def each(self, measure: str, *, removed: int | None = None) -> Floats:
        """A measure of each pair: float64 [pairs].

        Parameters
        ----------
        measure
            `pos@k`, `neg@k`, `cdcg`, `del` or `ins`.
        removed
            K_e, how many events are removed; None for the mean over all steps.

        Raises
        ------
        ConfigError
            If there is no such measure, or `removed` is out of range.
        """
        kind, _, k = measure.partition("@")
        if kind not in LOWER_IS_BETTER or (kind in ("pos", "neg")) != k.isdecimal():
            raise ConfigError(
                f"no such measure: {measure}",
                where="fidelity",
                remedy="use pos@10, neg@10, cdcg, del or ins",
            )
        sizes = self.rank_first.shape[1]
        if removed is not None and (kind == "neg" or not 1 <= removed <= sizes):
            raise ConfigError(
                f"{measure} after {removed} events",
                where="fidelity",
                remedy=f"remove 1 to {sizes}, of any measure but neg",
            )
        ranks, less, only = self.rank_less, self.score_less, self.score_only
        if removed is not None:
            at = slice(removed - 1, removed)
            ranks = self.rank_first[:, at]
            less, only = self.score_first[:, at], self.score_first_only[:, at]
        if kind == "pos":
            return np.asarray((ranks <= int(k)).mean(1))
        if kind == "neg":
            return np.asarray((self.rank_spared <= int(k)).mean(1))
        if kind == "cdcg":
            return np.asarray((1 / np.log2(1 + ranks)).mean(1))
        whole = np.where(self.score > 0, self.score, np.nan)
        return np.asarray(((less if kind == "del" else only) / whole[:, None]).mean(1))

    def mean(self, measure: str, *, removed: int | None = None) -> float:
        """The mean of `each` over the pairs that have it."""
        return float(np.nanmean(self.each(measure, removed=removed)))


def fidelity(
    recommender: Recommender,
    histories: sparse.csr_matrix,
    items: Ints,
    parts: Sequence[Floats],
    *,
    link: Link = "identity",
    steps: int = STEPS,
    sizes: int = SIZES,
    asked: Sequence[Asked] | None = None,
) -> Fidelity:
    """Remove what the attributions name, rank again, and keep what became of each item.

    Ties between parts are broken by the place in the history.

    Parameters
    ----------
    recommender
        Any model; only its `scores` are used.
    histories
        CSR [pairs, n_items]: one history a pair, as the model reads it.
    items
        int [pairs]: the item that was recommended to each.
    parts
        float [h] a pair: what each event is said to add, in the order of the history.
    link
        What makes scores positive: `exp` for log-probabilities, `sigmoid` for logits.
    steps
        Into how many parts a history is cut.
    sizes
        The most single events removed.
    asked
        What the model said of each pair before; it is not asked that again.

    Raises
    ------
    ConfigError
        If parts and histories do not fit together or there is no such link.
    ModelError
        If an item stands in its own history.
    """
    check_pairs(histories, items)
    if len(parts) != len(items):
        raise ConfigError(
            f"{len(parts)} attributions of {len(items)} pairs",
            where="fidelity",
            remedy="pass one array a pair",
        )
    if link not in LINKS:
        raise ConfigError(
            f"no such link: {link}", where="fidelity", remedy=f"use {', '.join(LINKS)}"
        )
    wide = steps + 1
    ranks = np.empty((len(items), 3 * wide + 2 * sizes), np.int64)
    scores = np.empty(ranks.shape)
    whole = np.empty(len(items))
    for k, item in enumerate(items.tolist()):
        history = row(histories, k)
        if len(parts[k]) != len(history):
            raise ConfigError(
                f"{len(parts[k])} parts of {len(history)} events",
                where=f"fidelity, pair {k}",
                remedy="give each event of the history one number",
            )
        masks = _masks(np.asarray(parts[k]), steps, sizes)
        found = (asked[k] if asked else Asked(recommender, history, item))(masks)
        ranks[k], scores[k] = found[:, RANK], found[:, SCORE]
        whole[k] = scores[k, 0]
    linked = LINKS[link](scores)
    a, b, c = wide, 2 * wide, 3 * wide
    return Fidelity(
        score=LINKS[link](whole),
        rank_less=ranks[:, :a],
        score_less=linked[:, :a],
        rank_spared=ranks[:, a:b],
        score_only=linked[:, b:c],
        rank_first=ranks[:, c : c + sizes],
        score_first=linked[:, c : c + sizes],
        score_first_only=linked[:, c + sizes :],
    )


def _masks(parts: Floats, steps: int, sizes: int) -> npt.NDArray[np.bool_]:
    """What is kept in each look: without the first, without the last, only the first; then singly."""
    h = len(parts)
    place = np.empty(h, np.int64)
    place[np.argsort(-parts, kind="stable")] = np.arange(h)
    cuts = np.concatenate(([0], np.cumsum([len(p) for p in np.array_split(place, steps)])))[:, None]
    few = np.arange(1, sizes + 1)[:, None]
    return np.concatenate(
        (place >= cuts, place < h - cuts, place < cuts, place >= few, place < few)
    )


LINKS: dict[str, Callable[[Floats], Floats]] = {
    "identity": lambda s: s,
    "exp": lambda s: np.exp(np.minimum(s, 700.0)),
    "sigmoid": lambda s: np.where(s >= 0, 1, np.exp(-np.abs(s))) / (1 + np.exp(-np.abs(s))),
}


def attribute(
    method: Method,
    recommender: Recommender,
    histories: sparse.csr_matrix,
    items: Ints,
    *,
    budget: int,
    seed: int = 0,
) -> tuple[list[Floats], float]:
    """Parts of each pair's score by a method, and the mean number of model calls a pair.

    Every pair has a seed of its own, made of `seed` and its place.
    """
    check_pairs(histories, items)
    parts: list[Floats] = []
    calls = 0
    for k, item in enumerate(items.tolist()):
        found = method(
            recommender,
            row(histories, k),
            np.array([item], np.int32),
            budget=budget,
            seed=seed + k,
        )
        parts.append(found.parts[0])
        calls += found.calls
    return parts, calls / max(len(items), 1)


def contributions(
    recommender: Recommender, history: History, items: Ints, *, budget: int = 1, seed: int = 0
) -> Attribution:
    """The model's own additive parts (exact models), for the price of one call."""
    return Attribution(recommender.contributions(history, items), None, 1)


def effects(
    recommender: Recommender, history: History, items: Ints, *, budget: int = 1, seed: int = 0
) -> Attribution:
    """What the score loses without each event, by the model's own leave-one-out.

    One call where the model is exact (all events at once, in closed form), else h + 1.
    """
    whole = recommender.scores(history.matrix(recommender.n_items))[0, items]
    lost = whole[:, None] - recommender.leave_one_out(history, items)
    return Attribution(np.asarray(lost), None, 1 if recommender.exact else len(history) + 1)


def random(
    recommender: Recommender, history: History, items: Ints, *, budget: int = 0, seed: int = 0
) -> Attribution:
    """Numbers that know nothing: what any method must beat."""
    drawn = np.random.default_rng(seed).random((len(items), len(history)))
    return Attribution(drawn, None, 0)


def cosine(interactions: sparse.csr_matrix) -> Method:
    """The method that names the events most like the item, by the cosine of who chose them both.

    It asks the model nothing.
    """
    X: Any = interactions.tocsc()
    length = np.sqrt(np.asarray(X.multiply(X).sum(0)).ravel())

    def method(
        recommender: Recommender, history: History, items: Ints, *, budget: int = 0, seed: int = 0
    ) -> Attribution:
        dot = (X[:, items].T @ X[:, history.items]).toarray()
        return Attribution(
            dot / np.maximum(np.outer(length[items], length[history.items]), 1e-12), None, 0
        )

    return method


def row(histories: sparse.csr_matrix, k: int) -> History:
    """The k-th row as a history."""
    a, b = histories.indptr[k], histories.indptr[k + 1]
    return History(histories.indices[a:b], histories.data[a:b])


def check_pairs(histories: sparse.csr_matrix, items: Ints) -> None:
    """Raise unless there is one history an item, and the item is not part of it."""
    if histories.shape[0] != len(items):
        raise ConfigError(
            f"{len(items)} items of {histories.shape[0]} histories",
            where="fidelity",
            remedy="pass one history a pair",
        )
    for k, item in enumerate(items.tolist()):
        if item in histories.indices[histories.indptr[k] : histories.indptr[k + 1]]:
            raise ModelError(
                f"item {item} stands in its own history",
                where=f"fidelity, pair {k}",
                remedy="explain items that the person does not have yet",
            )
