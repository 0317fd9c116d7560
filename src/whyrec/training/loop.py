"""Training: from a seed to an exported model, in steps that can be stopped and resumed exactly."""

from __future__ import annotations

import csv
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from whyrec.data.files import atomic_dir, atomic_file
from whyrec.errors import ConfigError, LanguageError
from whyrec.language.backends.nano import END, PAD, prompt
from whyrec.language.shape import Shape
from whyrec.training.corpus import Accept, Corpus, build, verified
from whyrec.training.export import export, grammar_fingerprints
from whyrec.training.model import ModelConfig, require_torch
from whyrec.training.model import build as build_model
from whyrec.training.tokens import train_tokenizer

IGNORE = -100


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Everything that decides what comes out of training.

    Attributes
    ----------
    seed
        Of corpus, weights, order and dropout.
    texts
        Texts to generate, before the split.
    vocabulary
        Most tokens of the tokenizer.
    layers, width, heads, inner, dropout
        See `ModelConfig`.
    steps, batch
        Optimiser steps and texts in each.
    rate, warmup, weight_decay, clip
        Peak learning rate of AdamW, steps until it is reached (a cosine to a tenth follows), weight
        decay of the matrices, largest gradient norm.
    smoothing
        Label smoothing of the loss on text tokens; control tokens are never predicted.
    evaluate_every, patience
        Steps between evaluations; after so many without a lower validation loss training stops.
    """

    seed: int = 0
    texts: int = 60_000
    vocabulary: int = 2_000
    layers: int = 6
    width: int = 256
    heads: int = 4
    inner: int = 704
    dropout: float = 0.05
    steps: int = 1_500
    batch: int = 64
    rate: float = 3e-3
    warmup: int = 100
    weight_decay: float = 0.05
    clip: float = 1.0
    smoothing: float = 0.05
    evaluate_every: int = 250
    patience: int = 4

    def check(self) -> None:
        """Raise ConfigError for a value out of range."""
        rules: list[tuple[str, bool, str]] = [
            ("steps", self.steps >= 1, "give 1 or more"),
            ("batch", self.batch >= 1, "give 1 or more"),
            ("texts", self.texts >= 200, "give 200 or more"),
            ("vocabulary", self.vocabulary >= 400, "give 400 or more"),
            ("width", self.width % (2 * self.heads) == 0, "give a multiple of twice the heads"),
            ("dropout", 0 <= self.dropout < 1, "give 0 to below 1"),
            ("smoothing", 0 <= self.smoothing < 1, "give 0 to below 1"),
            ("rate", self.rate > 0, "give more than 0"),
            ("evaluate_every", self.evaluate_every >= 1, "give 1 or more"),
        ]
        for name, fine, remedy in rules:
            if not fine:
                raise ConfigError(
                    "out of range", where=f"{name} {getattr(self, name)}", remedy=remedy
                )


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands: `stage` is `corpus` (of `total` texts) or `train` (of `total` steps)."""

    stage: str
    done: int
    total: int
    loss: float | None = None
    valid_loss: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One evaluation: the mean training loss since the last one and what the held-out texts say.

    `valid_loss` is the mean negative log-likelihood a token, without smoothing, on skeletons never
    seen; `perplexity` its exponential; `slots_exact` and `accepted` are shares of sampled texts.
    """

    step: int
    rate: float
    loss: float
    valid_loss: float
    perplexity: float
    slots_exact: float
    accepted: float


@dataclass
class Training:
    """What training did. `model` is the exported directory, None if it was stopped before its end."""

    steps: int
    losses: list[float]
    rows: list[Row] = field(default_factory=list)
    model: Path | None = None
    stopped_early: bool = False
    seconds: float = 0.0


class Data:
    """Texts as padded rows of token ids, drawn by (seed, step) alone so that resuming needs no state."""

    def __init__(self, rows: Sequence[tuple[str, str]], tokenizer: Any) -> None:
        encode = tokenizer.get_vocab()
        end = encode[END]
        self.pad = encode[PAD]
        starts: dict[str, list[int]] = {}
        self.ids: list[np.ndarray] = []
        self.starts: list[int] = []
        for (key, _), text in zip(rows, tokenizer.encode_batch([t for _, t in rows]), strict=True):
            start = starts.get(key)
            if start is None:
                start = starts[key] = [encode[t] for t in prompt(Shape.parse(key))]
            self.ids.append(np.array([*start, *text.ids, end], np.int64))
            self.starts.append(len(start))
        self.lengths = np.array([len(x) for x in self.ids])

    def __len__(self) -> int:
        return len(self.ids)

    def epoch(self, seed: int, epoch: int, batch: int) -> list[np.ndarray]:
        """Batches of one pass: shuffled, texts of like length together, the batches shuffled again."""
        rng = np.random.default_rng((seed, epoch))
        order = rng.permutation(len(self))
        batches: list[np.ndarray] = []
        window = batch * 50
        for at in range(0, len(order), window):
            part = order[at : at + window]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            batches += [part[k : k + batch] for k in range(0, len(part), batch)]
        # A last, short batch would weigh its few texts more than others.
        full = [b for b in batches if len(b) == batch] or batches
        rng.shuffle(full)
        return full

    def batch(self, rows: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets (rows, longest); targets of prompt and padding are `IGNORE`.

        Lengths are multiples of 8: kernels are prepared anew for every new size.
        """
        longest = -(-max(len(self.ids[k]) for k in rows) // 8) * 8
        x = np.full((len(rows), longest), self.pad, np.int64)
        y = np.full((len(rows), longest), IGNORE, np.int64)
        for r, k in enumerate(rows):
            ids, start = self.ids[k], self.starts[k]
            x[r, : len(ids)] = ids
            y[r, start - 1 : len(ids) - 1] = ids[start:]
        return x, y


def train(
    out: str | Path,
    *,
    config: TrainConfig | None = None,
    threads: int | None = None,
    stop_after: int | None = None,
    accept: Accept | None = verified,
    shapes: Sequence[Shape] | None = None,
    progress: Callable[[Progress], None] | None = None,
    **overrides: Any,
) -> Training:
    """Train a language model for sketches and export it.

    The same configuration on the same machine gives the same weights. A directory that holds a
    stopped training of the same configuration is resumed, with the losses that an unbroken run has.

    Parameters
    ----------
    out
        Directory for corpus, tokenizer, checkpoints, `curve.csv` and the exported `model/`.
    config, overrides
        `TrainConfig`, and single values of it by name.
    threads
        Of torch; all cores by default.
    stop_after
        Stop cleanly after so many steps of this call (for tests and for time limits).
    accept, shapes
        Which texts the corpus holds; see `corpus.build`.
    progress
        Told where training stands.

    Raises
    ------
    LanguageError
        If torch is not installed, or `out` holds a training of another configuration.
    ConfigError
        For a value out of range.
    """
    unknown = set(overrides) - set(TrainConfig.__slots__)
    if unknown:
        raise ConfigError(
            "no such setting of training",
            where=", ".join(sorted(unknown)),
            remedy=f"choose from {', '.join(TrainConfig.__slots__)}",
        )
    config = replace(config or TrainConfig(), **overrides)
    config.check()
    return _Run(Path(out), config, threads, accept, shapes, progress).go(stop_after)


class _Run:
    def __init__(
        self,
        out: Path,
        config: TrainConfig,
        threads: int | None,
        accept: Accept | None,
        shapes: Sequence[Shape] | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.torch = require_torch()
        self.out, self.config, self.progress = out, config, progress
        self.torch.set_num_threads(threads or os.cpu_count() or 1)
        self.accept = accept
        self.began = time.monotonic()
        self._same_configuration()
        self.corpus = self._corpus(accept, shapes)
        self.tokenizer = self._tokenizer()
        self.train_data = Data(self.corpus.train, self.tokenizer)
        self.valid_data = Data(self.corpus.valid[:2048] or self.corpus.train[:64], self.tokenizer)
        if not len(self.train_data):
            raise LanguageError(
                "no text was accepted", where=str(out), remedy="ask for more texts or other shapes"
            )
        self.sizes = ModelConfig(
            self.tokenizer.get_vocab_size(),
            config.layers,
            config.width,
            config.heads,
            config.inner,
            config.dropout,
        )
        self.torch.manual_seed(config.seed)
        self.model = build_model(self.sizes)
        decay = [p for p in self.model.parameters() if p.dim() == 2]
        rest = [p for p in self.model.parameters() if p.dim() != 2]
        self.optimizer = self.torch.optim.AdamW(
            [
                {"params": decay, "weight_decay": config.weight_decay},
                {"params": rest, "weight_decay": 0.0},
            ],
            lr=config.rate,
            betas=(0.9, 0.98),
        )
        self.step = 0
        self.losses: list[float] = []
        self.rows: list[Row] = []
        self.best = math.inf
        self.waited = 0
        self.stopped = False
        self._epoch: tuple[int, list[np.ndarray]] = (-1, [])

    # -- what lies on disk --------------------------------------------------------------------

    def _same_configuration(self) -> None:
        place = self.out / "config.json"
        mine = {**asdict(self.config), "grammar": grammar_fingerprints()}
        if place.is_file():
            if json.loads(place.read_text(encoding="utf-8")) != mine:
                raise LanguageError(
                    "holds a training of another configuration or grammar",
                    where=str(self.out),
                    remedy="name a new directory, or delete this one",
                )
            return
        with atomic_file(place) as part:
            Path(part).write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")

    def _corpus(self, accept: Accept | None, shapes: Sequence[Shape] | None) -> Corpus:
        place = self.out / "corpus.jsonl"
        if place.is_file():
            return Corpus.load(place)
        corpus = build(
            self.config.texts,
            seed=self.config.seed,
            shapes=shapes,
            accept=accept,
            progress=lambda done, total: self._tell(Progress("corpus", done, total)),
        )
        corpus.save(place)
        return corpus

    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        place = self.out / "tokenizer.json"
        if place.is_file():
            return Tokenizer.from_file(str(place))
        tokenizer = train_tokenizer((t for _, t in self.corpus.train), self.config.vocabulary)
        with atomic_file(place) as part:
            tokenizer.save(str(part))
        return tokenizer

    def _save(self, name: str) -> None:
        from safetensors.torch import save_file

        with atomic_dir(self.out / name) as place:
            save_file(self._weights(), str(place / "model.safetensors"))
            state = self.optimizer.state_dict()
            moments = {
                f"{k}.{part}": v[part].contiguous()
                for k, v in state["state"].items()
                for part in ("step", "exp_avg", "exp_avg_sq")
            }
            save_file(moments, str(place / "optimizer.safetensors"))
            text = {
                "step": self.step,
                "losses": self.losses,
                "rows": [asdict(r) for r in self.rows],
                "best": self.best if math.isfinite(self.best) else None,
                "waited": self.waited,
                "stopped": self.stopped,
                "seconds": time.monotonic() - self.began,
            }
            (place / "state.json").write_text(json.dumps(text), encoding="utf-8")

    def _resume(self) -> None:
        from safetensors.torch import load_file

        place = self.out / "checkpoint"
        if not (place / "state.json").is_file():
            return
        try:
            state = json.loads((place / "state.json").read_text(encoding="utf-8"))
            self.model.load_state_dict(load_file(str(place / "model.safetensors")))
            moments = load_file(str(place / "optimizer.safetensors"))
            optimizer = self.optimizer.state_dict()
            optimizer["state"] = {}
            for key, value in moments.items():
                k, part = key.split(".")
                optimizer["state"].setdefault(int(k), {})[part] = value
            self.optimizer.load_state_dict(optimizer)
            self.step = state["step"]
            self.losses = state["losses"]
            self.rows = [Row(**r) for r in state["rows"]]
            self.best = state["best"] if state["best"] is not None else math.inf
            self.waited = state["waited"]
            self.stopped = state["stopped"]
            self.began -= state["seconds"]
        except Exception as e:
            raise LanguageError(
                f"the checkpoint cannot be read ({e})", where=str(place), remedy="delete it"
            ) from e

    def _weights(self) -> dict[str, Any]:
        return {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    # -- steps ----------------------------------------------------------------------------------

    def go(self, stop_after: int | None) -> Training:
        self._resume()
        first = self.step
        while self.step < self.config.steps and not self.stopped:
            if stop_after is not None and self.step - first >= stop_after:
                self._save("checkpoint")
                return self._result(None)
            self._one()
            if self.step % self.config.evaluate_every == 0 or self.step == self.config.steps:
                self._evaluate()
                self._save("checkpoint")
        return self._result(self._export())

    def _rate(self, step: int) -> float:
        c = self.config
        if step < c.warmup:
            return c.rate * (step + 1) / c.warmup
        done = (step - c.warmup) / max(1, c.steps - c.warmup)
        return c.rate * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * done)))

    def _rows_of(self, step: int) -> np.ndarray:
        batches = max(1, len(self.train_data) // self.config.batch)
        epoch, at = divmod(step, batches)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self.train_data.epoch(self.config.seed, epoch, self.config.batch))
        return self._epoch[1][at % len(self._epoch[1])]

    def _one(self) -> None:
        torch = self.torch
        x, y = (torch.from_numpy(a) for a in self.train_data.batch(self._rows_of(self.step)))
        torch.manual_seed(self.config.seed * 1_000_003 + self.step)
        rate = self._rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        keep = y != IGNORE
        with self._precision():
            logits = self.model(x, keep)
        loss = torch.nn.functional.cross_entropy(
            logits.float(), y[keep], label_smoothing=self.config.smoothing
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        self.losses.append(float(loss.detach()))
        self.step += 1
        if self.step % 10 == 0:
            self._tell(Progress("train", self.step, self.config.steps, self.losses[-1]))

    def _precision(self) -> Any:
        """bfloat16 where the processor multiplies it natively; elsewhere it is slower, not faster."""
        torch = self.torch
        native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=bool(native))

    def _valid_loss(self) -> float:
        torch = self.torch
        self.model.eval()
        total, tokens = 0.0, 0
        with torch.no_grad():
            order = np.argsort(self.valid_data.lengths, kind="stable")
            for at in range(0, len(order), 128):
                x, y = (torch.from_numpy(a) for a in self.valid_data.batch(order[at : at + 128]))
                keep = y != IGNORE
                with self._precision():
                    logits = self.model(x, keep)
                total += float(
                    torch.nn.functional.cross_entropy(logits.float(), y[keep], reduction="sum")
                )
                tokens += int(keep.sum())
        return total / max(tokens, 1)

    def _evaluate(self) -> None:
        from whyrec.training.evaluation import evaluate_lm

        since = self.rows[-1].step if self.rows else 0
        loss = float(np.mean(self.losses[since : self.step]))
        valid = self._valid_loss()
        if valid < self.best:
            self.best, self.waited = valid, 0
            self._save("best")
        else:
            self.waited += 1
            self.stopped = self.waited >= self.config.patience
        model = export(self._weights(), self.sizes, self.tokenizer, self.out / "sampled", {})
        keys = list(dict.fromkeys(k for k, _ in self.corpus.valid or self.corpus.train))[:100]
        report = evaluate_lm(model, shapes=[Shape.parse(k) for k in keys], n=3, accept=self.accept)
        row = Row(
            self.step,
            self._rate(self.step - 1),
            loss,
            valid,
            math.exp(valid),
            report.slots_exact,
            report.accepted,
        )
        self.rows.append(row)
        self._write_curve()
        self._tell(Progress("train", self.step, self.config.steps, loss, valid))

    def _write_curve(self) -> None:
        with atomic_file(self.out / "curve.csv") as part, Path(part).open("w", newline="") as f:
            writer = csv.writer(f)
            writer.writerow(Row.__slots__)
            for r in self.rows:
                writer.writerow(f"{getattr(r, k):.6g}" for k in Row.__slots__)
        _picture(self.rows, self.losses, self.out / "curve.png")

    def _export(self) -> Path:
        from safetensors.torch import load_file

        best = self.out / "best"
        weights = load_file(str(best / "model.safetensors"))
        row = min(self.rows, key=lambda r: r.valid_loss)
        about = {
            "training": {
                "config": asdict(self.config),
                "steps": self.step,
                "best_step": row.step,
                "valid_loss": round(row.valid_loss, 4),
                "perplexity": round(row.perplexity, 4),
                "slots_exact": round(row.slots_exact, 4),
                "accepted": round(row.accepted, 4),
                "seconds": round(time.monotonic() - self.began),
                "torch": str(self.torch.__version__),
            },
            "corpus": {
                "train": len(self.corpus.train),
                "valid": len(self.corpus.valid),
                "unseen": len(self.corpus.unseen),
                "tried": self.corpus.tried,
                "refused": sum(self.corpus.refused.values()),
                "sha256": self.corpus.fingerprint,
            },
            "reproduce": " ".join(["whyrec lm train --out DIR", *self._given()]),
        }
        return export(weights, self.sizes, self.tokenizer, self.out / "model", about)

    def _given(self) -> list[str]:
        """The settings that are not the defaults, as the command line takes them."""
        mine, defaults = asdict(self.config), asdict(TrainConfig())
        return [f"--set {k}={v}" for k, v in mine.items() if v != defaults[k]]

    def _result(self, model: Path | None) -> Training:
        return Training(
            self.step,
            list(self.losses),
            list(self.rows),
            model,
            self.stopped,
            time.monotonic() - self.began,
        )

    def _tell(self, progress: Progress) -> None:
        if self.progress is not None:
            self.progress(progress)


def _picture(rows: Sequence[Row], losses: Sequence[float], path: Path) -> None:
    """The loss curve as PNG where matplotlib is installed; it is a convenience, not a result."""
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    axes.plot(range(1, len(losses) + 1), losses, linewidth=0.5, label="training (smoothed labels)")
    axes.plot([r.step for r in rows], [r.valid_loss for r in rows], marker="o", label="validation")
    axes.set(xlabel="step", ylabel="loss a token", yscale="log")
    axes.legend()
    with atomic_file(path) as part:
        figure.savefig(part, format="png")
    pyplot.close(figure)
