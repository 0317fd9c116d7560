"""The loop that neural models share: epochs, averaged weights, validation, early stopping, the curve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from whyrec.errors import ModelError
from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.neural import runtime

LEAST = 10
"""People below which a validation measure says nothing, so that none is made."""

TOP = 10
"""Length of the lists that validation looks at."""


def learn(
    network: Any,
    epoch: Callable[[], float],
    validate: Callable[[], float] | None,
    *,
    epochs: int,
    patience: int,
    name: str,
) -> Floats:
    """Call `epoch` until validation has not improved for `patience` epochs; keep the best weights.

    Parameters
    ----------
    network
        What is validated and kept; `epoch` trains it, or one that it is the average of.
    epoch
        Trains once over the data and returns the mean loss.
    validate
        NDCG@10 on what training did not see; None trains all `epochs` and keeps the last weights.

    Returns
    -------
    float64 [epochs run, 3]: epoch from 1, loss, NDCG@10 (-1 without validation).

    Raises
    ------
    ModelError
        If the loss is not a finite number.
    """
    curve: list[tuple[float, float, float]] = []
    best, best_state, waited = -np.inf, None, 0
    for number in range(1, epochs + 1):
        network.train()
        loss = epoch()
        if not np.isfinite(loss):
            raise ModelError(
                f"the loss of epoch {number} is not a finite number",
                where=f"{name}.fit",
                remedy="set learning_rate lower",
            )
        network.eval()
        measure = -1.0 if validate is None else validate()
        curve.append((number, loss, measure))
        if validate is None:
            continue
        if measure > best:
            best, waited = measure, 0
            best_state = {k: v.clone() for k, v in network.state_dict().items()}
        else:
            waited += 1
            if waited >= patience:
                break
    if best_state is not None:
        network.load_state_dict(best_state)
    network.eval()
    return np.array(curve)


def averaged(network: Any, steps: int) -> Any:
    """The moving average of a network's weights over about so many steps; `.module` is the network.

    Call `update_parameters(network)` after every step. With a rate that does not fall, the last
    weights jump about the minimum while their average lies nearer to it (Polyak and Juditsky, SIAM
    J. Control Optim. 1992). At first the average is over fewer steps, so that it does not keep the
    random start.
    """
    runtime.require_torch()
    from torch.optim.swa_utils import AveragedModel

    def move(averages: list[Any], weights: list[Any], count: Any) -> None:
        share = 1 / min(steps, 1 + float(count) / 10)
        for average, weight in zip(averages, weights, strict=True):
            average.lerp_(weight, share)

    return AveragedModel(network, multi_avg_fn=move)


def ndcg(scores: Floats, seen: sparse.csr_matrix, hidden: sparse.csr_matrix) -> float:
    """Mean NDCG@10 of the `hidden` items among those not `seen`; rows of `scores` are people."""
    rows = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
    scores[rows, seen.indices] = -np.inf
    top = min(TOP, scores.shape[1])
    part = np.argpartition(-scores, top - 1, axis=1)[:, :top]
    order = np.argsort(-np.take_along_axis(scores, part, 1), axis=1, kind="stable")
    lists = np.take_along_axis(part, order, 1)
    held = hidden.toarray() > 0
    gain = 1 / np.log2(np.arange(2, top + 2))
    found = (np.take_along_axis(held, lists, 1) * gain).sum(1)
    best = np.cumsum(gain)[np.clip(held.sum(1), 1, top) - 1]
    return float((found / best).mean())


def shuffled(n: int, batch: int, rng: np.random.Generator) -> list[Ints]:
    """0 to n - 1 in random order, cut into batches."""
    order = rng.permutation(n)
    return [order[a : a + batch] for a in range(0, n, batch)]
