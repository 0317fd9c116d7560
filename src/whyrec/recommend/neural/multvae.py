"""Mult-VAE: a variational autoencoder of whole histories (Liang et al., WWW 2018, arXiv 1802.05814).

A history x (of length 1 as a vector) is encoded as a Gaussian over latent vectors, decoded to a
multinomial π over all items, and both are learnt by maximising Σ_j x_j log π_j - β·KL. The score of
an item is log π_i at the mean of the Gaussian: a log-probability, so that scores of two histories
can be compared, which logits cannot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.recommend.base import Floats
from whyrec.recommend.checks import check_fit, check_number
from whyrec.recommend.neural import learning, runtime
from whyrec.recommend.neural.model import NeuralModel

FOLD = 0.8
"""Share of a validation person's events that is learnt from; the rest is to be found."""

MOST = 1000
"""Validation people at most: more cost time and change nothing."""


class MultVAE(NeuralModel):
    """Variational autoencoder with a multinomial likelihood.

    Parameters
    ----------
    hidden
        Width of the layer between items and latent vector, on both sides.
    latent
        Length of the latent vector.
    dropout
        Share of a history that is hidden from the encoder in training, 0 to below 1.
    beta
        Largest weight of the KL term.
    anneal_steps
        Steps (batches) in which the weight would grow from 0 to 1; it stops at `beta`.
    batch
        People a step. Small ones learn faster: what counts is the number of steps.
    learning_rate
        Of Adam.
    average
        Steps over which the kept weights are averaged; 1 keeps the last ones.
    weight_decay
        L2 penalty in Adam.
    clip
        Largest norm of a gradient.
    epochs
        Passes over the people at most.
    patience
        Epochs without a better NDCG@10 on the validation people before training stops.
    validation
        Share of the people of whose events a fifth is held out for that, 1,000 people at most;
        with fewer than ten of them training runs all `epochs`.
    seed
        Of weights, batches, dropout and noise.

    Attributes
    ----------
    network_
        The layers; `network_.dense` is differentiable in the history.
    curve_
        float64 [epochs, 3]: epoch, loss, NDCG@10 of the validation people.
    """

    name: str = "multvae"
    _table: str = "first.weight"

    def __init__(
        self,
        *,
        hidden: int = 600,
        latent: int = 200,
        dropout: float = 0.5,
        beta: float = 0.2,
        anneal_steps: int = 3000,
        batch: int = 128,
        learning_rate: float = 2e-3,
        average: int = 50,
        weight_decay: float = 0.0,
        clip: float = 5.0,
        epochs: int = 100,
        patience: int = 10,
        validation: float = 0.2,
        seed: int = 0,
    ) -> None:
        for key, value, low in (
            ("hidden", hidden, 1),
            ("latent", latent, 1),
            ("anneal_steps", anneal_steps, 0),
            ("batch", batch, 1),
            ("average", average, 1),
            ("epochs", epochs, 1),
            ("patience", patience, 1),
            ("seed", seed, 0),
        ):
            check_number(value, where=f"multvae, {key}", low=low, whole=True)
        check_number(dropout, where="multvae, dropout", low=0, high=0.99)
        check_number(beta, where="multvae, beta", low=0)
        check_number(learning_rate, where="multvae, learning_rate", low=1e-9)
        check_number(weight_decay, where="multvae, weight_decay", low=0)
        check_number(clip, where="multvae, clip", low=1e-9)
        check_number(validation, where="multvae, validation", low=0, high=0.9)
        self.hidden, self.latent, self.dropout = hidden, latent, float(dropout)
        self.beta, self.anneal_steps = float(beta), anneal_steps
        self.batch, self.learning_rate, self.clip = batch, float(learning_rate), float(clip)
        self.average, self.weight_decay = average, float(weight_decay)
        self.epochs, self.patience, self.validation = epochs, patience, float(validation)
        self.seed = seed

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = (
            *("hidden", "latent", "dropout", "beta", "anneal_steps", "batch", "learning_rate"),
            *("average", "weight_decay", "clip", "epochs", "patience", "validation", "seed"),
        )
        return {n: getattr(self, n) for n in names}

    def _new_network(self, n_items: int) -> Any:
        runtime.require_torch()
        from whyrec.recommend.neural.multvae_network import Network

        return Network(n_items, self.hidden, self.latent)

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Learn the network.

        Raises
        ------
        ModelError
            If torch is not installed, there are no events, a weight is not a finite number ≥ 0, or
            the loss is no longer finite.
        """
        X = check_fit(interactions, "multvae")
        X = X[np.diff(X.indptr) > 0]
        rng = np.random.default_rng(self.seed)
        train, shown, hidden = self._split(X, rng)
        self.n_items = X.shape[1]
        with runtime.training(self.seed):
            torch = runtime.require_torch()
            network = self._new_network(self.n_items)
            average = learning.averaged(network, self.average)
            self.network_ = average.module
            optimizer = torch.optim.Adam(
                network.parameters(),
                lr=self.learning_rate,
                weight_decay=self.weight_decay,
                fused=True,
            )
            steps = 0

            def epoch() -> float:
                nonlocal steps
                total = 0.0
                for rows in learning.shuffled(train.shape[0], self.batch, rng):
                    steps += 1
                    total += self._step(network, train[rows], optimizer, steps) * len(rows)
                    average.update_parameters(network)
                return float(total / train.shape[0])

            def validate() -> float:
                return learning.ndcg(self.scores(shown), shown, hidden)

            self.curve_ = learning.learn(
                self.network_,
                epoch,
                validate if shown.shape[0] else None,
                epochs=self.epochs,
                patience=self.patience,
                name=self.name,
            )
        return self

    def _split(
        self, X: sparse.csr_matrix, rng: np.random.Generator
    ) -> tuple[sparse.csr_matrix, sparse.csr_matrix, sparse.csr_matrix]:
        """The rows less held-out events; of those that lost some what is left; what they lost."""
        able = np.flatnonzero(np.diff(X.indptr) >= 2)
        count = min(round(self.validation * X.shape[0]), MOST, len(able))
        if count < learning.LEAST:
            return X, X[:0], X[:0]
        people = rng.choice(able, count, replace=False)
        held = X[people].tocoo()
        sizes = np.bincount(held.row, minlength=count)
        # A random order within each person, then the first part of each.
        order = np.lexsort((rng.random(held.nnz), held.row))
        place = np.arange(held.nnz) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        show = place < np.clip(np.floor(FOLD * sizes), 1, sizes - 1)[held.row[order]]
        shown, hidden = _part(held, order[show]), _part(held, order[~show])
        rest = np.ones(X.shape[0], np.bool_)
        rest[people] = False
        return sparse.vstack((X[rest], shown), format="csr"), shown, hidden

    def _step(self, network: Any, X: sparse.csr_matrix, optimizer: Any, step: int) -> float:
        torch = runtime.require_torch()
        optimizer.zero_grad(set_to_none=True)
        items, offsets, weights = _tensors(X)
        weights = torch.nn.functional.dropout(weights, self.dropout)
        logits, mean, log_variance = network(items, offsets, weights)
        target = torch.from_numpy(X.toarray())
        chosen = (logits * target).sum(1) - torch.logsumexp(logits, 1) * target.sum(1)
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)
        weight = min(self.beta, step / self.anneal_steps) if self.anneal_steps else self.beta
        loss = (weight * divergence - chosen).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), self.clip)
        optimizer.step()
        return float(loss.detach())

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        torch = runtime.require_torch()
        with runtime.torch_threads(), torch.inference_mode():
            logits, _, _ = self.network_(*_tensors(histories[start:end]))
            out[:] = torch.log_softmax(logits, 1).numpy()


def _part(held: sparse.coo_matrix, chosen: npt.NDArray[Any]) -> sparse.csr_matrix:
    place = (held.row[chosen], held.col[chosen])
    return sparse.csr_matrix((held.data[chosen], place), shape=held.shape)


def _tensors(X: sparse.csr_matrix) -> tuple[Any, Any, Any]:
    """Items, where each row begins, and weights scaled so that a row has length 1."""
    torch = runtime.require_torch()
    sizes = np.diff(X.indptr)
    length = np.sqrt(np.bincount(np.repeat(np.arange(len(sizes)), sizes), X.data**2, len(sizes)))
    scale = np.repeat(1 / np.maximum(length, 1e-12), sizes).astype(np.float32)
    return (
        torch.from_numpy(X.indices.astype(np.int64)),
        torch.from_numpy(X.indptr[:-1].astype(np.int64)),
        torch.from_numpy(X.data * scale),
    )
