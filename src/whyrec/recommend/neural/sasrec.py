"""SASRec: self-attention over a history in order of time (Kang and McAuley, ICDM 2018, arXiv 1808.09781).

The history, oldest first, is read by a causal transformer; its state after the last event is
compared with the embedding of every item. All positions are learnt at once: after each event the
next one is to be found. What differs from the paper: a start stands before every history, so that
an empty one has scores too; positions count from the start of what is read, not back from its end;
item biases; GELU and a feed-forward layer four times as wide; and by default the loss is the full
softmax over all items, which ranks better than the paper's binary loss with one negative
(`loss="bce"`; Klenitskiy and Vasilev, RecSys 2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ConfigError
from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.checks import check_fit, check_histories, check_number
from whyrec.recommend.neural import learning, runtime
from whyrec.recommend.neural.model import NeuralModel

LOSSES = ("softmax", "bce")

LOGIT_BYTES = 64 << 20
"""Logits held at once while training."""

MOST = 1000
"""Validation people at most."""


class SASRec(NeuralModel):
    """Self-attentive sequential recommender.

    Parameters
    ----------
    length
        Latest events of a history that are read.
    context
        Share of `length` that stands before every event that is learnt, where the history is long
        enough: lists are made with all of it, so little of it is a poor lesson. More costs more.
    width
        Of embeddings and states; a multiple of `heads`.
    blocks
        Transformer blocks.
    heads
        Attention heads.
    dropout
        Share of embeddings, attention and states dropped in training.
    loss
        `softmax`: the score of an item is its log-probability of being next; `bce`: the paper's
        binary cross-entropy against random items, the score is a logit.
    negatives
        Random items against each event, for `bce`.
    batch
        Sequences a step.
    learning_rate
        Of Adam.
    average
        Steps over which the kept weights are averaged; 1 keeps the last ones.
    clip
        Largest norm of a gradient.
    epochs
        Passes over the people at most.
    patience
        Epochs without a better NDCG@10 on the validation events before training stops.
    validation
        Share of the people whose last event is held out for that, 1,000 at most; with fewer than
        ten of them training runs all `epochs`.
    seed
        Of weights, batches, dropout and negatives.

    Attributes
    ----------
    network_
        The layers.
    curve_
        float64 [epochs, 3]: epoch, mean loss an event, NDCG@10 on the held-out last events.
    """

    name: str = "sasrec"
    reads = "sequence"
    _table: str = "items.weight"
    _extra_rows: int = 1

    def __init__(
        self,
        *,
        length: int = 100,
        context: float = 0.75,
        width: int = 64,
        blocks: int = 2,
        heads: int = 2,
        dropout: float = 0.2,
        loss: str = "softmax",
        negatives: int = 1,
        batch: int = 128,
        learning_rate: float = 1e-3,
        average: int = 1,
        clip: float = 5.0,
        epochs: int = 200,
        patience: int = 20,
        validation: float = 0.2,
        seed: int = 0,
    ) -> None:
        for key, value, low in (
            ("length", length, 1),
            ("width", width, 1),
            ("blocks", blocks, 1),
            ("heads", heads, 1),
            ("negatives", negatives, 1),
            ("batch", batch, 1),
            ("average", average, 1),
            ("epochs", epochs, 1),
            ("patience", patience, 1),
            ("seed", seed, 0),
        ):
            check_number(value, where=f"sasrec, {key}", low=low, whole=True)
        check_number(dropout, where="sasrec, dropout", low=0, high=0.99)
        check_number(context, where="sasrec, context", low=0, high=0.99)
        check_number(learning_rate, where="sasrec, learning_rate", low=1e-9)
        check_number(clip, where="sasrec, clip", low=1e-9)
        check_number(validation, where="sasrec, validation", low=0, high=1)
        if loss not in LOSSES:
            raise ConfigError(
                f"no such loss: {loss}", where="sasrec", remedy=f"use {' or '.join(LOSSES)}"
            )
        if width % heads:
            raise ConfigError(
                f"a width of {width} does not divide into {heads} heads",
                where="sasrec, width",
                remedy="use a multiple of heads",
            )
        self.length, self.width, self.blocks, self.heads = length, width, blocks, heads
        self.context = float(context)
        self.dropout, self.loss, self.negatives = float(dropout), loss, negatives
        self.batch, self.learning_rate, self.clip = batch, float(learning_rate), float(clip)
        self.epochs, self.patience, self.validation = epochs, patience, float(validation)
        self.average, self.seed = average, seed

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = (
            *(
                "length",
                "context",
                "width",
                "blocks",
                "heads",
                "dropout",
                "loss",
                "negatives",
                "batch",
            ),
            *("learning_rate", "average", "clip", "epochs", "patience", "validation", "seed"),
        )
        return {n: getattr(self, n) for n in names}

    def _new_network(self, n_items: int) -> Any:
        runtime.require_torch()
        from whyrec.recommend.neural.sasrec_network import Network

        return Network(n_items, self.length, self.width, self.blocks, self.heads, self.dropout)

    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Learn the network from rows in order of time, oldest first (`Dataset.histories`).

        Raises
        ------
        ModelError
            If torch is not installed, there are no events, a weight is not a finite number ≥ 0, a
            row names an item twice, or the loss is no longer finite.
        """
        if sparse.issparse(interactions) and interactions.ndim == 2:
            check_fit(interactions.copy(), "sasrec")
        X = check_histories(interactions, "sequence", what="sasrec.fit")
        rng = np.random.default_rng(self.seed)
        self.n_items = X.shape[1]
        train, shown, hidden = self._split(X, rng)
        with runtime.training(self.seed):
            torch = runtime.require_torch()
            network = self._new_network(self.n_items)
            average = learning.averaged(network, self.average)
            self.network_ = average.module
            optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)

            def epoch() -> float:
                windows, fresh = self._windows(train, rng)
                total, count = 0.0, 0
                # Sequences of like length share a batch; which batch comes first is random.
                order = np.lexsort((rng.random(len(windows)), _lengths(windows)))
                for k in rng.permutation(-(-len(order) // self.batch)):
                    rows = order[k * self.batch : (k + 1) * self.batch]
                    loss, events = self._step(network, windows[rows], fresh[rows], optimizer, rng)
                    average.update_parameters(network)
                    total, count = total + loss, count + events
                return total / max(count, 1)

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
        """The rows less held-out last events; the rows that lost one; what they lost."""
        able = np.flatnonzero(np.diff(X.indptr) >= 2)
        count = min(round(self.validation * len(able)), MOST)
        if count < learning.LEAST:
            return X, X[:0], X[:0]
        people = np.sort(rng.choice(able, count, replace=False))
        keep = np.ones(X.nnz, np.bool_)
        keep[X.indptr[people + 1] - 1] = False
        lost = np.zeros(X.shape[0], np.int64)
        lost[people] = 1
        indptr = X.indptr - np.concatenate(([0], np.cumsum(lost)))
        train = sparse.csr_matrix((X.data[keep], X.indices[keep], indptr), shape=X.shape)
        last = X.indices[X.indptr[people + 1] - 1]
        hidden = sparse.csr_matrix(
            (np.ones(count, np.float32), last, np.arange(count + 1)), shape=(count, X.shape[1])
        )
        return train, train[people], hidden

    def _windows(
        self, X: sparse.csr_matrix, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.int64], Ints]:
        """Start and up to `length` events a row, -1 after them: int64 [windows, length + 1].

        Rows longer than that are cut into several that overlap, another cut every time. The second
        array tells from which event on a window is learnt: what comes before is context, and every
        event is learnt in one window.
        """
        stride = max(1, round((1 - self.context) * self.length))
        begins, ends, fresh = [], [], []
        for a, b in zip(X.indptr[:-1].tolist(), X.indptr[1:].tolist(), strict=True):
            if b == a:
                continue
            first = b if b - a <= self.length else a + self.length - int(rng.integers(0, stride))
            cuts = [a, first] if first == b else [a, *range(first, b, stride), b]
            for known, end in pairwise(cuts):
                begin = max(a, end - self.length)
                begins.append(begin)
                ends.append(end)
                fresh.append(known - begin)
        rows = self._sequences(X.indices, np.array(begins, np.int64), np.array(ends, np.int64))
        return rows, np.array(fresh, np.int64)

    def _sequences(self, indices: Ints, begins: Ints, ends: Ints) -> npt.NDArray[np.int64]:
        place = begins[:, None] + np.arange(self.length)
        there = place < ends[:, None]
        out = np.full((len(begins), self.length + 1), -1, np.int64)
        out[:, 0] = self.n_items
        out[:, 1:][there] = indices[place[there]]
        return out

    def _step(
        self,
        network: Any,
        windows: npt.NDArray[np.int64],
        fresh: Ints,
        optimizer: Any,
        rng: np.random.Generator,
    ) -> tuple[float, int]:
        torch = runtime.require_torch()
        longest = int(_lengths(windows).max())
        target = windows[:, 1 : longest + 1]
        known = np.where(windows[:, :longest] < 0, 0, windows[:, :longest])
        optimizer.zero_grad(set_to_none=True)
        states = network(torch.from_numpy(known))
        learnt = (target >= 0) & (np.arange(longest) >= fresh[:, None])
        states = states[torch.from_numpy(learnt)]
        wanted = target[learnt]
        if self.loss == "softmax":
            loss = self._softmax(network, states, wanted)
        else:
            loss = self._binary(network, states, wanted, rng)
        torch.nn.utils.clip_grad_norm_(network.parameters(), self.clip)
        optimizer.step()
        return loss, len(wanted)

    def _softmax(self, network: Any, states: Any, wanted: Ints) -> float:
        """Gradients of the mean cross-entropy; returns its sum. Logits are never held all at once."""
        torch = runtime.require_torch()
        detached = states.detach().requires_grad_()
        target = torch.from_numpy(wanted)
        step = max(1, LOGIT_BYTES // (4 * self.n_items))
        total = 0.0
        for a in range(0, len(wanted), step):
            loss = torch.nn.functional.cross_entropy(
                network.logits(detached[a : a + step]), target[a : a + step], reduction="sum"
            )
            (loss / len(wanted)).backward()
            total += float(loss.detach())
        states.backward(detached.grad)
        return total

    def _binary(self, network: Any, states: Any, wanted: Ints, rng: np.random.Generator) -> float:
        torch = runtime.require_torch()
        drawn = rng.integers(0, self.n_items, (len(wanted), self.negatives))
        items = torch.from_numpy(np.concatenate((wanted[:, None], drawn), 1))
        logits = (network.items(items) @ states.unsqueeze(2)).squeeze(2) + network.bias[items]
        truth = torch.zeros_like(logits)
        truth[:, 0] = 1
        # An event drawn against itself says nothing.
        counts = torch.from_numpy(
            np.concatenate((np.ones_like(wanted[:, None]), drawn != wanted[:, None]), 1)
        )
        each = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        loss = (each * counts).sum()
        (loss / len(wanted)).backward()
        return float(loss.detach())

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        torch = runtime.require_torch()
        begins, ends = (
            x.astype(np.int64)
            for x in (histories.indptr[start:end], histories.indptr[start + 1 : end + 1])
        )
        begins = np.maximum(begins, ends - self.length)
        sequences = self._sequences(histories.indices, begins, ends)
        last = ends - begins
        sequences = np.where(sequences < 0, 0, sequences)[:, : int(last.max(initial=0)) + 1]
        with runtime.torch_threads(), torch.inference_mode():
            states = self.network_(torch.from_numpy(sequences))
            logits = self.network_.logits(states[torch.arange(end - start), torch.from_numpy(last)])
            if self.loss == "softmax":
                logits = torch.log_softmax(logits, 1)
            out[:] = logits.numpy()


def _lengths(windows: npt.NDArray[np.int64]) -> Ints:
    return np.asarray((windows[:, 1:] >= 0).sum(1))
