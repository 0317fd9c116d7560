"""Peers of the fidelity benchmark: LXR and SPINRec from their papers, KernelSHAP and a LIME.

A recommender is made differentiable in the weights of its events: `values(events, weights, items)`
is the score of one item for each of n histories, in (0, 1], with events [n, h] and weights [n, h]
(0: not there, 1: there, between: partly).

LXR (Barkan et al., WWW 2024): a network of history and item gives a mask m in (0, 1); it is learnt
once over the training people and their first items by -λ₊ log f(x∘m) + λ₋ log f(x∘(1-m)) + α·mean(m),
Adam. Layers, loss and hyperparameters are those of the authors' ML-1M runs (40 epochs there). What
differs: 1500 people; epoch and one of two pairs of λ chosen by CDCG on people who are
neither explained nor learnt from (the authors choose by POS@20 on the test people).

SPINRec (Barkan et al., arXiv 2511.18047): gradients of f averaged over the straight path from a
baseline to x, times x; κ baselines are histories of random training people, 10 steps each, and of
the κ maps the one that measures best is taken, *for each measure and pair anew*, as in the authors'
evaluation. What differs: nothing known; κ is 20.

For iALS f is the fold-in score with confidences 1 + α·w of the events' weights and their
right-hand side (1 + α)·w, clipped to (0, 1]; at 0 and 1 it is the score itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from torch import nn

from _ncf import NCF
from whyrec.evaluate.fidelity import row
from whyrec.evidence.attribution import Attribution, Game
from whyrec.recommend.base import Floats, History, Ints, Recommender
from whyrec.recommend.ials import IALS
from whyrec.recommend.neural.multvae import MultVAE

LEAST = 1e-6
"""Scores are clipped to [LEAST, 1] before the logarithm."""

Values = Callable[[Any, Any, Any], Any]


def differentiable(model: Recommender) -> Values:
    """`values` of one of the three recommenders."""
    if isinstance(model, MultVAE):
        return _multvae(model)
    if isinstance(model, NCF):
        return _ncf(model)
    if isinstance(model, IALS):
        return _ials(model)
    raise TypeError(type(model).__name__)


def _bag(bag: nn.EmbeddingBag, events: Any, weights: Any) -> Any:
    n, h = events.shape
    offsets = torch.arange(0, n * h, h)
    return nn.functional.embedding_bag(
        events.reshape(-1), bag.weight, offsets, mode="sum", per_sample_weights=weights.reshape(-1)
    )


def _multvae(model: MultVAE) -> Values:
    network = model.network_

    def values(events: Any, weights: Any, items: Any) -> Any:
        unit = nn.functional.normalize(weights, dim=1)
        mean, _ = network.encode(_bag(network.first, events, unit))
        logits = network.logits(mean)
        own = logits.gather(1, items[:, None]).squeeze(1)
        return torch.exp(own - torch.logsumexp(logits, 1))

    return values


def _ncf(model: NCF) -> Values:
    network = model.network_

    def values(events: Any, weights: Any, items: Any) -> Any:
        size = weights.sum(1, keepdim=True).clamp(min=1e-9)
        people = _bag(network.events, events, weights / size.sqrt())
        return torch.sigmoid(network.pairs(people, items[:, None]).squeeze(1))

    return values


def _ials(model: IALS) -> Values:
    Y = torch.from_numpy(model.item_factors_)
    gram = Y.T @ Y + model.regularization * torch.eye(model.factors)

    def values(events: Any, weights: Any, items: Any) -> Any:
        own = Y[events]
        weighted = own * weights.unsqueeze(2)
        A = gram + model.alpha * weighted.transpose(1, 2) @ own
        b = (1 + model.alpha) * weighted.sum(1)
        people = torch.linalg.solve(A, b)
        return (people * Y[items]).sum(1).clamp(LEAST, 1)

    return values


def padded(histories: sparse.csr_matrix) -> tuple[Any, Any]:
    """Events [n, longest] and weights 1, both 0 after the end."""
    sizes = np.diff(histories.indptr)
    there = np.arange(max(int(sizes.max()), 1)) < sizes[:, None]
    events = np.zeros(there.shape, np.int64)
    events[there] = histories.indices
    return torch.from_numpy(events), torch.from_numpy(there.astype(np.float32))


class Mask(nn.Module):
    """LXR's explainer: what of a history speaks for an item."""

    def __init__(self, n_items: int, hidden: int) -> None:
        super().__init__()
        self.person, self.item = nn.Linear(n_items, hidden), nn.Linear(n_items, hidden)
        self.inner, self.out = nn.Linear(2 * hidden, hidden), nn.Linear(hidden, n_items)

    def forward(self, histories: Any, items: Any) -> Any:
        """A mask over all items, [n, n_items], of dense histories and item indices."""
        item = self.item.weight.T[items] + self.item.bias
        both = torch.tanh(torch.cat((self.person(histories), item), 1))
        return torch.sigmoid(self.out(torch.tanh(self.inner(both))))


class LXR:
    """A learnt mask; costs nothing at explanation but a pass through its own network.

    Parameters
    ----------
    model
        The recommender to explain.
    histories, items
        Training people and the first item of each one's list.
    positive, negative, alpha
        λ₊, λ₋ and α.
    """

    def __init__(
        self,
        model: Recommender,
        histories: sparse.csr_matrix,
        items: Ints,
        *,
        positive: float,
        negative: float,
        alpha: float = 1.0,
        hidden: int = 128,
        batch: int = 128,
        learning_rate: float = 5e-3,
        seed: int = 0,
    ) -> None:
        for parameter in getattr(model, "network_", nn.Module()).parameters():
            parameter.requires_grad_(False)
        torch.manual_seed(seed)
        self.mask = Mask(model.n_items, hidden)
        self.trained = 0
        self._values, self._rng = differentiable(model), np.random.default_rng(seed)
        self._histories, self._items, self._batch = histories, items, batch
        self._weights = positive, negative, alpha
        self._optimizer = torch.optim.Adam(self.mask.parameters(), lr=learning_rate)

    def learn(self) -> float:
        """One epoch; its mean loss."""
        histories, batch = self._histories, self._batch
        positive, negative, alpha = self._weights
        losses = []
        # Histories of like length share a batch, so that little is padded.
        sizes = np.diff(histories.indptr)
        order = np.argsort(sizes * self._rng.uniform(0.8, 1.2, len(sizes)))
        for k in self._rng.permutation(-(-len(order) // batch)):
            rows = order[k * batch : (k + 1) * batch]
            events, there = padded(histories[rows])
            chosen = torch.from_numpy(self._items[rows].astype(np.int64))
            whole = self.mask(torch.from_numpy(histories[rows].toarray()), chosen)
            mask = whole.gather(1, events) * there
            kept = self._values(events, mask, chosen).clamp(LEAST, 1)
            left = self._values(events, there - mask, chosen).clamp(LEAST, 1)
            loss = (
                -positive * kept.log().mean()
                + negative * left.log().mean()
                + alpha * mask.sum() / there.sum()
            )
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
            self.trained += len(rows)
            losses.append(float(loss.detach()))
        return float(np.mean(losses))

    def state(self) -> dict[str, Any]:
        """A copy of what has been learnt so far."""
        return {name: value.clone() for name, value in self.mask.state_dict().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Back to a state."""
        self.mask.load_state_dict(state)

    def __call__(
        self, recommender: Recommender, history: History, items: Ints, *, budget: int, seed: int
    ) -> Attribution:
        dense = torch.from_numpy(history.matrix(recommender.n_items).toarray())
        with torch.no_grad():
            mask = self.mask(dense.expand(len(items), -1), torch.from_numpy(items.astype(np.int64)))
        return Attribution(mask.numpy()[:, history.items].astype(np.float64), None, 0)


def spinrec(
    model: Recommender,
    histories: sparse.csr_matrix,
    items: Ints,
    people: sparse.csr_matrix,
    *,
    baselines: int = 20,
    steps: int = 10,
    seed: int = 0,
) -> tuple[list[list[Floats]], float]:
    """Maps from each of the baselines, [baselines][pairs] of [h]; and gradients taken a pair."""
    values, rng = differentiable(model), np.random.default_rng(seed)
    maps: list[list[Floats]] = [[] for _ in range(baselines)]
    scales = np.arange(1, steps + 1) / steps
    for k, item in enumerate(items.tolist()):
        history = row(histories, k)
        for sample in range(baselines):
            base = row(people, int(rng.integers(people.shape[0]))).items
            extra = np.setdiff1d(base, history.items)
            events = np.concatenate((history.items, extra)).astype(np.int64)
            shared = np.isin(history.items, base)
            path = np.concatenate(
                (
                    np.where(shared, 1.0, scales[:, None]),
                    np.broadcast_to(1 - scales[:, None], (steps, len(extra))),
                ),
                1,
            )
            weights = torch.from_numpy(path.astype(np.float32)).requires_grad_()
            found = values(
                torch.from_numpy(np.broadcast_to(events, path.shape).copy()),
                weights,
                torch.full((steps,), item),
            )
            (gradient,) = torch.autograd.grad(found.sum(), weights)
            maps[sample].append(gradient.mean(0).numpy()[: len(history)].astype(np.float64))
    return maps, float(baselines * steps)


def kernel_shap(
    recommender: Recommender, history: History, items: Ints, *, budget: int, seed: int
) -> Attribution:
    """The package shap's KernelExplainer; each event is a feature (the papers group items first)."""
    import shap

    game = Game(recommender, history, items)
    explainer = shap.KernelExplainer(
        lambda keep: game(keep > 0.5)[:, 0], np.zeros((1, len(history))), silent=True
    )
    np.random.seed(seed)
    parts = explainer.shap_values(np.ones(len(history)), nsamples=budget, l1_reg=False, silent=True)
    return Attribution(np.asarray(parts)[None], None, game.calls)


def lime(
    recommender: Recommender, history: History, items: Ints, *, budget: int, seed: int
) -> Attribution:
    """A ridge regression of scores on random masks, near ones weighing more (Ribeiro et al. 2016).

    Kernel and ridge are those of the package lime for tables (width 0.75·√h, ridge 1); masks keep
    each event with a probability that is itself uniform, as its text explainer's do.
    """
    h, rng = len(history), np.random.default_rng(seed)
    game = Game(recommender, history, items)
    keep = rng.random((budget, h)) < rng.random((budget, 1))
    keep[0] = True
    worth = game(keep)[:, 0]
    distance = np.sqrt((~keep).sum(1))
    weight = np.sqrt(np.exp(-(distance**2) / (0.75 * np.sqrt(h)) ** 2))
    X = keep.astype(np.float64)
    mean, centre = np.average(X, 0, weight), np.average(worth, weights=weight)
    Z = X - mean
    A = (Z * weight[:, None]).T @ Z + np.eye(h)
    parts = np.linalg.solve(A, (Z * weight[:, None]).T @ (worth - centre))
    return Attribution(parts[None], None, game.calls)


def first_items(model: Recommender, histories: sparse.csr_matrix) -> npt.NDArray[np.int32]:
    """The item at the head of each one's list."""
    ranking = model.recommend(histories, 1, exclude=histories)
    return np.asarray(ranking.items[:, 0], np.int32)
