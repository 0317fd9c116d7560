"""Training: from a seed to an exported model, in steps that can be stopped and resumed exactly."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from whyrec.data.files import atomic_dir, atomic_file
from whyrec.errors import ConfigError, LanguageError
from whyrec.language.shape import Shape
from whyrec.training.batches import IGNORE, Data
from whyrec.training.corpus import Accept, Corpus, build, verified
from whyrec.training.curve import write_curve
from whyrec.training.export import export, grammar_fingerprints
from whyrec.training.model import ModelConfig, require_torch
from whyrec.training.model import build as build_model
from whyrec.training.settings import Progress, Row, TrainConfig, Training
from whyrec.training.tokens import train_tokenizer


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
        # Taken now, not when the model is exported: the grammar may have changed by then.
        self.grammar = grammar_fingerprints()
        mine = {**asdict(self.config), "grammar": self.grammar}
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
        write_curve(self.rows, self.losses, self.out)
        self._tell(Progress("train", self.step, self.config.steps, loss, valid))

    def _export(self) -> Path:
        from safetensors.torch import load_file

        best = self.out / "best"
        weights = load_file(str(best / "model.safetensors"))
        row = min(self.rows, key=lambda r: r.valid_loss)
        about = {
            "grammar": self.grammar,
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
