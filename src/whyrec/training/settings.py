"""What training is told and what it tells: settings, progress, evaluations, result."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from whyrec.errors import ConfigError


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
    layers: int = 4
    width: int = 256
    heads: int = 4
    inner: int = 704
    dropout: float = 0.05
    steps: int = 2_600
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
