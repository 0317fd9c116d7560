"""Whether the neural models rank as well as the reference implementations of RecBole.

    python benchmarks/neural.py [--quick] [--json] [--only multvae|sasrec]

Mult-VAE on MovieLens-1M pairs, the split of benchmarks/ranking.py (80 % of each person's pairs to
learn from, seed 0), beside RecBole's MultiVAE and RecVAE: 600 hidden and 200 latent units, dropout
0.5, Adam, as published; the KL weight grows to 0.2, in MultiVAE over the published 200,000 steps and in
ours over 3,000; RecVAE has RecBole's defaults (gamma 0.005). All learn from 128 people a step instead
of the published 500, at 0.002 (RecVAE 0.001), so that two cores need minutes. Passes are bounded (see
the code); a pass of RecVAE is three over the encoder and one over the decoder, and its bound may come
before its best. Training stops after eight passes without a better NDCG@10 on pairs held out of the
part that may be learnt from, and the best pass is kept: RecBole's hold out a tenth of each person's
pairs, ours a fifth of the pairs of 1,000 people.

SASRec on MovieLens-100K (ratings of 4 and 5, in order of time; the ML-1M file has no times), each
person's last event held out, beside RecBole's SASRec: two blocks, one head, 64 wide, the latest 20
events, dropout 0.2, full softmax, Adam 0.001. Histories are shorter than published for both, as RecBole
would take too long. Both stop after eight passes without a better NDCG@10 on everybody's last event
but the test's. RecBole learns one prediction a sequence, 256 of them a step, ours all
positions of 32 windows at once, three quarters of each window being context: its passes make more steps
and are fewer at most.

Both are ranked by their own scores for the same histories (all that may be learnt from) and
measured by `whyrec.evaluate.ranking`. `ratio` is ours over the reference's: the aim is 0.98 or more.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from _movielens_pairs import Report, load
from _recbole import RecBole
from whyrec.data.dataset import Dataset
from whyrec.evaluate.ranking import Hits, held_out
from whyrec.recommend import threads
from whyrec.recommend.neural.multvae import MultVAE
from whyrec.recommend.neural.runtime import torch_threads
from whyrec.recommend.neural.sasrec import SASRec

THREADS = 2
PATIENCE = 8

PEERS: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("MultiVAE", 40, {"latent_dimension": 400, "learning_rate": 2e-3}),
    ("RecVAE", 10, {"latent_dimension": 200, "learning_rate": 1e-3}),
)
"""RecBole's autoencoders, their passes at most, their settings; MultiVAE halves latent_dimension."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few epochs and people, in a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, nothing else")
    parser.add_argument("--only", choices=("multvae", "sasrec"), help="one of the two")
    args = parser.parse_args()
    threads.set_threads(THREADS)
    with torch_threads():  # RecBole's too
        for name, run in (("multvae", autoencoders), ("sasrec", sequences)):
            if args.only in (None, name):
                run(args.json, args.quick)


def autoencoders(as_json: bool, quick: bool) -> None:
    """Mult-VAE, MultiVAE and RecVAE on MovieLens-1M pairs."""
    pairs = load()
    held = held_out(pairs.users)
    train, test = pairs.matrix(~held), pairs.matrix(held)
    learnt = np.flatnonzero(~held)
    inner = held_out(pairs.users[learnt], share=0.1, seed=1)
    keep = np.zeros(len(held), np.bool_)
    keep[learnt[~inner]] = True
    fit, valid = pairs.matrix(keep), pairs.matrix(~held & ~keep)
    if quick:
        train, test, fit, valid = (m[:600] for m in (train, test, fit, valid))
    report = Report("neural", pairs.name, as_json=as_json)
    start = time.perf_counter()
    ours = MultVAE(
        hidden=600,
        latent=200,
        batch=128,
        learning_rate=2e-3,
        epochs=3 if quick else 40,
        patience=PATIENCE,
    ).fit(train)
    seconds = time.perf_counter() - start
    mine = tell(report, "whyrec multvae", ours.scores(train), train, test, ours.curve_, seconds)
    for model, epochs, own in PEERS:
        start = time.perf_counter()
        peer = RecBole(
            model,
            fit,
            valid,
            epochs=1 if quick else epochs,
            stopping_step=PATIENCE,
            train_batch_size=128,
            **own,
        )
        seconds = time.perf_counter() - start
        other = tell(
            report, f"recbole {model}", peer.scores(train), train, test, peer.epochs, seconds
        )
        ratios(report, f"whyrec / recbole {model}", mine, other)
    report.finish(f"{train.nnz} pairs to learn from, {test.nnz} held out, {THREADS} threads")


def sequences(as_json: bool, quick: bool) -> None:
    """SASRec and RecBole's on MovieLens-100K in order of time."""
    train, test, name = leave_last(300 if quick else None)
    report = Report("neural", name, as_json=as_json)
    epochs = 1 if quick else 20
    start = time.perf_counter()
    ours = SASRec(
        length=20,
        heads=1,
        batch=32,
        epochs=4 if quick else 60,
        patience=PATIENCE,
        validation=1.0,
    ).fit(train)
    seconds = time.perf_counter() - start
    mine = tell(report, "whyrec sasrec", ours.scores(train), train, test, ours.curve_, seconds)
    start = time.perf_counter()
    peer = RecBole(
        "SASRec",
        train,
        epochs=epochs,
        stopping_step=PATIENCE,
        train_batch_size=256,
        learning_rate=1e-3,
        MAX_ITEM_LIST_LENGTH=20,
        n_layers=2,
        n_heads=1,
        hidden_size=64,
        inner_size=256,
        hidden_dropout_prob=0.2,
        attn_dropout_prob=0.2,
    )
    seconds = time.perf_counter() - start
    other = tell(report, "recbole SASRec", peer.scores(train), train, test, peer.epochs, seconds)
    ratios(report, "whyrec / recbole SASRec", mine, other)
    report.finish(f"{train.nnz} events to learn from, {test.nnz} people asked, {THREADS} threads")


def leave_last(people: int | None) -> tuple[sparse.csr_matrix, sparse.csr_matrix, str]:
    """Liked events in order of time without each one's last, and that last one."""
    root = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("WHYREC_DATA") or root.parent / "shared" / "data")
    X = Dataset.read(folder / "movielens-100k").histories("sequence")
    X = X[: people or X.shape[0]]
    last = np.diff(X.indptr) >= 3
    keep = np.ones(X.nnz, np.bool_)
    keep[X.indptr[1:][last] - 1] = False
    indptr = X.indptr - np.concatenate(([0], np.cumsum(last)))
    train = sparse.csr_matrix((X.data[keep], X.indices[keep], indptr), shape=X.shape)
    rows = np.flatnonzero(last)
    place = (rows, X.indices[X.indptr[rows + 1] - 1])
    return train, sparse.csr_matrix((np.ones(len(rows)), place), shape=X.shape), "movielens-100k"


def tell(
    report: Report,
    system: str,
    scores: np.ndarray[Any, Any],
    train: sparse.csr_matrix,
    test: sparse.csr_matrix,
    epochs: Any,
    seconds: float,
) -> dict[str, float]:
    """Measures of the lists that the scores give, epochs and seconds."""
    rows = np.repeat(np.arange(train.shape[0]), np.diff(train.indptr))
    scores[rows, train.indices] = -np.inf
    found = Hits.of(np.argsort(-scores, axis=1, kind="stable")[:, :20], test)
    values = {"ndcg@10": found.ndcg(10), "recall@20": found.recall(20)}
    for metric, value in values.items():
        report.add(system, metric, value, "share")
    report.add(system, "epochs", epochs if isinstance(epochs, int) else len(epochs), "")
    report.add(system, "fit_seconds", seconds, "s")
    return values


def ratios(report: Report, pair: str, mine: dict[str, float], theirs: dict[str, float]) -> None:
    """Ours over the reference's."""
    for metric, value in mine.items():
        report.add(pair, f"{metric}_ratio", value / theirs[metric], "times")


if __name__ == "__main__":
    main()
