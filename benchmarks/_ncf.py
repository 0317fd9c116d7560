"""A neural scorer for the fidelity benchmark: NeuMF on histories (He et al., WWW 2017).

As in LXR and SPINRec the person is the vector of their history, here the sum of the events'
embeddings over the root of their number, in place of an id's embedding; the rest is NeuMF: a product
part and a perceptron, added to a logit, learnt by binary cross-entropy with random negatives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from torch import nn

from whyrec.recommend.base import Floats
from whyrec.recommend.neural import learning, runtime
from whyrec.recommend.neural.model import NeuralModel

WIDE, NARROW = 16, 8

BLOCK = 8
"""Histories scored at once: what the perceptron holds of them stays in the cache."""


class Network(nn.Module):
    """Embeddings of events and items, product part and perceptron."""

    def __init__(self, n_items: int, factors: int) -> None:
        super().__init__()
        self.events = nn.EmbeddingBag(n_items, 2 * factors, mode="sum")
        self.product = nn.Embedding(n_items, factors)
        self.person = nn.Linear(factors, WIDE)
        self.item = nn.Embedding(n_items, WIDE)
        self.inner = nn.Linear(WIDE, NARROW)
        self.out = nn.Linear(NARROW, 1, bias=False)
        self.bias = nn.Parameter(torch.full((n_items,), -3.0))
        for embedding in (self.events, self.product, self.item):
            nn.init.normal_(embedding.weight, std=0.1)

    def people(self, events: Any, offsets: Any, weights: Any) -> Any:
        """What a history is: [n, 2 · factors]."""
        return self.events(events, offsets, weights)

    def pairs(self, people: Any, items: Any) -> Any:
        """Logits of [n, k] items for n people."""
        left, right = people.chunk(2, dim=1)
        product = (left.unsqueeze(1) * self.product(items)).sum(2)
        hidden = torch.relu(self.person(right).unsqueeze(1) + self.item(items))
        return product + self.out(torch.relu(self.inner(hidden))).squeeze(2) + self.bias[items]

    def everything(self, people: Any) -> Any:
        """Logits of all items: [n, n_items]."""
        left, right = people.chunk(2, dim=1)
        hidden = (self.person(right).unsqueeze(1) + self.item.weight).relu_()
        perceptron = self.out(self.inner(hidden).relu_()).squeeze(2)
        return left @ self.product.weight.T + perceptron + self.bias


class NCF(NeuralModel):
    """NeuMF on histories; scores are logits."""

    name = "ncf"
    _table = "product.weight"

    def __init__(self, *, factors: int = 32, epochs: int = 30, seed: int = 0) -> None:
        self.factors, self.epochs, self.seed = factors, epochs, seed

    @property
    def params(self) -> Mapping[str, Any]:
        return {"factors": self.factors, "epochs": self.epochs, "seed": self.seed}

    def _new_network(self, n_items: int) -> Any:
        return Network(n_items, self.factors)

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        X = interactions
        self.n_items = X.shape[1]
        rng = np.random.default_rng(self.seed)
        with runtime.training(self.seed):
            self.network_ = self._new_network(self.n_items)
            optimizer = torch.optim.Adam(self.network_.parameters(), lr=5e-3, fused=True)
            curve = []
            for epoch in range(1, self.epochs + 1):
                losses = [
                    self._step(X[rows], optimizer, rng)
                    for rows in learning.shuffled(X.shape[0], 256, rng)
                ]
                curve.append((epoch, float(np.mean(losses)), -1.0))
            self.curve_ = np.array(curve)
            self.network_.eval()
        return self

    def _step(self, X: sparse.csr_matrix, optimizer: Any, rng: np.random.Generator) -> float:
        """Half of the events are read, others are to be told from random items, four to one."""
        read = rng.random(X.nnz) < 0.5
        rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        shown = sparse.csr_matrix((X.data * read, X.indices, X.indptr), shape=X.shape, copy=True)
        shown.eliminate_zeros()
        order = np.lexsort((rng.random(X.nnz) + read, rows))  # those not read come first
        first = X.indptr[:-1, None] + np.arange(16) % np.maximum(np.diff(X.indptr), 1)[:, None]
        wanted = X.indices[order[np.minimum(first, X.nnz - 1)]]
        drawn = rng.integers(0, self.n_items, (X.shape[0], 64))
        items = torch.from_numpy(np.concatenate((wanted, drawn), 1).astype(np.int64))
        had = X.toarray()[np.arange(X.shape[0])[:, None], items.numpy()] > 0
        truth = torch.from_numpy(had.astype(np.float32))
        optimizer.zero_grad(set_to_none=True)
        logits = self.network_.pairs(self.network_.people(*tensors(shown)), items)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, truth)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        with runtime.torch_threads(), torch.inference_mode():
            for a in range(start, end, BLOCK):
                b = min(a + BLOCK, end)
                people = self.network_.people(*tensors(histories[a:b]))
                out[a - start : b - start] = self.network_.everything(people).numpy()


def tensors(X: sparse.csr_matrix) -> tuple[Any, Any, Any]:
    """Events, where each row begins, and weights over the root of a row's number of events."""
    sizes = np.diff(X.indptr)
    scale: npt.NDArray[Any] = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes)
    return (
        torch.from_numpy(X.indices.astype(np.int64)),
        torch.from_numpy(X.indptr[:-1].astype(np.int64)),
        torch.from_numpy((X.data * scale).astype(np.float32)),
    )
