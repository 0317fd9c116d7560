"""Batches: texts as padded rows of token ids, drawn by seed and step alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from whyrec.language.backends.nano import END, PAD, prompt
from whyrec.language.shape import Shape

IGNORE = -100
"""Target of a position that is not predicted."""


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
