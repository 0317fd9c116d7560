"""Whether the neural models rank as well as the reference implementations of RecBole.

    python benchmarks/neural.py [--quick] [--json] [--only multvae|sasrec]

Mult-VAE on MovieLens-1M pairs, the split of benchmarks/ranking.py (80 % of each person's pairs to
learn from, seed 0), beside RecBole's MultiVAE and RecVAE: 600 hidden and 64 latent units, dropout
0.5, KL weight annealed over 200,000 steps, Adam 0.001, 250 people a step. SASRec on MovieLens-100K
(ratings of 4 and 5, in order of time; the ML-1M file has no times), each person's last event held
out, beside RecBole's SASRec: two blocks, one head, 64 wide, the latest 20 events, dropout 0.2, full
softmax, Adam 0.001. These are the published settings with fewer epochs, and for SASRec shorter
histories, than the papers', so that two cores need minutes.

Everybody stops early, by NDCG@10, with the same patience and the same most epochs. RecBole's
autoencoders validate on a tenth of each person's pairs and ours on a twentieth of the people;
RecBole's SASRec validates on everybody's last event and ours on that of a fifth of the people. One
thing differs in SASRec's training: RecBole learns one prediction a sequence, 256 of them a step, ours
all positions of 32 sequences at once, which costs a twentieth a pass; so ours may make more passes.

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
    epochs = 1 if quick else 40
    if quick:
        train, test, fit, valid = (m[:600] for m in (train, test, fit, valid))
    report = Report("neural", pairs.name, as_json=as_json)
    common = {"hidden": 600, "latent": 64, "anneal_steps": 200_000, "batch": 250}
    start = time.perf_counter()
    ours = MultVAE(**common, epochs=epochs, patience=PATIENCE).fit(train)
    seconds = time.perf_counter() - start
    mine = tell(report, "whyrec multvae", ours.scores(train), train, test, ours.curve_, seconds)
    theirs: dict[str, dict[str, float]] = {}
    for model in ("MultiVAE",) if quick else ("MultiVAE", "RecVAE"):
        start = time.perf_counter()
        peer = RecBole(
            model,
            fit,
            valid,
            epochs=epochs if model == "MultiVAE" else epochs // 6,
            stopping_step=PATIENCE,
            train_batch_size=250,
            learning_rate=1e-3,
            latent_dimension=128 if model == "MultiVAE" else 64,
        )
        seconds = time.perf_counter() - start
        theirs[model] = tell(
            report, f"recbole {model}", peer.scores(train), train, test, peer.epochs, seconds
        )
    ratios(report, "whyrec / recbole MultiVAE", mine, theirs["MultiVAE"])
    report.finish(f"{train.nnz} pairs to learn from, {test.nnz} held out, {THREADS} threads")


def sequences(as_json: bool, quick: bool) -> None:
    """SASRec and RecBole's on MovieLens-100K in order of time."""
    train, test, name = leave_last(300 if quick else None)
    report = Report("neural", name, as_json=as_json)
    epochs = 1 if quick else 12
    start = time.perf_counter()
    ours = SASRec(
        length=20,
        heads=1,
        batch=32,
        epochs=4 if quick else 60,
        patience=2 * PATIENCE,
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
