"""The model: a Llama-style decoder (RMSNorm, rotary positions, SwiGLU; Touvron et al. 2023).

Written out rather than taken from Transformers because it needs dropout in the residual stream and
should train wherever torch alone is installed. torch is imported when a model is made.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

from whyrec.errors import LanguageError

INSTALL = "pip install 'whyrec[train]'"
ROTARY_BASE = 10_000.0
EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Sizes of the decoder.

    Attributes
    ----------
    vocabulary
        Tokens, embeddings shared with the output layer.
    layers, width, heads, inner
        Blocks, model width, attention heads, width inside the feed-forward part.
    dropout
        Share of the residual stream dropped in training.
    """

    vocabulary: int
    layers: int = 4
    width: int = 256
    heads: int = 4
    inner: int = 704
    dropout: float = 0.05

    def to_json(self) -> dict[str, Any]:
        """The sizes by name."""
        return asdict(self)


def require_torch() -> Any:
    """The torch module.

    Raises
    ------
    LanguageError
        If it is not installed: training is an extra.
    """
    for package in ("torch", "safetensors"):
        if find_spec(package) is None:
            raise LanguageError(
                f"training needs the package {package}, which is not installed", remedy=INSTALL
            )
    import torch

    return torch


def build(config: ModelConfig) -> Any:
    """A new decoder (`torch.nn.Module`) with random weights from torch's generator.

    `model(ids, keep)` with ids (batch, length) int64 returns logits of the positions that the
    boolean mask `keep` (batch, length) marks, (kept, vocabulary).
    """
    torch = require_torch()
    nn, functional = torch.nn, torch.nn.functional

    class Norm(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(config.width))

        def forward(self, x: Any) -> Any:
            y = x.float()
            y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + EPSILON)
            return (y * self.weight).to(x.dtype)

    class Block(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            d, inner = config.width, config.inner
            self.attention_norm, self.inner_norm = Norm(), Norm()
            self.qkv = nn.Linear(d, 3 * d, bias=False)
            self.out = nn.Linear(d, d, bias=False)
            self.gate_up = nn.Linear(d, 2 * inner, bias=False)
            self.down = nn.Linear(inner, d, bias=False)
            self.drop = nn.Dropout(config.dropout)

        def forward(self, x: Any, cos: Any, sin: Any) -> Any:
            b, t, d = x.shape
            q, k, v = (
                z.view(b, t, config.heads, -1).transpose(1, 2)
                for z in self.qkv(self.attention_norm(x)).split(d, -1)
            )
            q, k = _rotate(torch, q, cos, sin), _rotate(torch, k, cos, sin)
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.drop(self.out(y.transpose(1, 2).reshape(b, t, d)))
            gate, up = self.gate_up(self.inner_norm(x)).chunk(2, -1)
            return x + self.drop(self.down(functional.silu(gate) * up))

    class Decoder(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(config.vocabulary, config.width)
            self.blocks = nn.ModuleList(Block() for _ in range(config.layers))
            self.norm = Norm()
            self.drop = nn.Dropout(config.dropout)
            for p in self.parameters():
                if p.dim() == 2:
                    nn.init.normal_(p, std=0.02)
            for block in self.blocks:
                for p in (block.out.weight, block.down.weight):
                    nn.init.normal_(p, std=0.02 / (2 * config.layers) ** 0.5)

        def forward(self, ids: Any, keep: Any) -> Any:
            cos, sin = _rotary(torch, ids.shape[1], config.width // config.heads)
            x = self.drop(self.embedding(ids))
            for block in self.blocks:
                x = block(x, cos, sin)
            return functional.linear(self.norm(x[keep]), self.embedding.weight)

    return Decoder()


def _rotary(torch: Any, length: int, size: int) -> tuple[Any, Any]:
    """Cosines and sines (length, size) of the rotary positions, halves rather than pairs."""
    frequency = 1.0 / ROTARY_BASE ** (torch.arange(0, size, 2).float() / size)
    angle = torch.outer(torch.arange(length).float(), frequency)
    angle = torch.cat((angle, angle), -1)
    return angle.cos(), angle.sin()


def _rotate(torch: Any, x: Any, cos: Any, sin: Any) -> Any:
    first, second = x.chunk(2, -1)
    return (x * cos + torch.cat((-second, first), -1) * sin).to(x.dtype)
