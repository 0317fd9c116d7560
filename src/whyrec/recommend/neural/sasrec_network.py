"""The layers of SASRec; torch is imported here, so this module is imported when one is made."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):  # type: ignore[misc]
    """Causal self-attention and a feed-forward layer, each normalised before and added."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm = nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.inner_norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Any) -> Any:
        """[n, length, width] → the same; position t sees positions up to t."""
        n, length, width = x.shape
        y = self.norm(x)
        shape = (n, length, self.heads, width // self.heads)
        query, key, value = (f(y).view(shape).transpose(1, 2) for f in self._ways())
        rate = self.dropout if self.training else 0.0
        seen = functional.scaled_dot_product_attention(
            query, key, value, dropout_p=rate, is_causal=True
        )
        x = x + self._drop(self.out(seen.transpose(1, 2).reshape(n, length, width)))
        return x + self._drop(self.down(functional.gelu(self.up(self.inner_norm(x)))))

    def _ways(self) -> tuple[Any, Any, Any]:
        return self.query, self.key, self.value

    def _drop(self, x: Any) -> Any:
        return functional.dropout(x, self.dropout, self.training)


class Network(nn.Module):  # type: ignore[misc]
    """Item and position embeddings, blocks, and the item embeddings again as the output layer.

    Index `n_items` of the embeddings is the start, which stands before every history.
    """

    def __init__(
        self, n_items: int, length: int, width: int, blocks: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.n_items, self.dropout = n_items, dropout
        self.items = nn.Embedding(n_items + 1, width)
        self.places = nn.Embedding(length + 1, width)
        self.blocks = nn.ModuleList(Block(width, heads, 4 * width, dropout) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(n_items))
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, sequences: Any) -> Any:
        """What is known after each position: [n, length, width] from int64 [n, length].

        A sequence begins with the start; what stands after its end is not seen by what it holds.
        """
        x = self.items(sequences) + self.places.weight[: sequences.shape[1]]
        x = functional.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def logits(self, states: Any) -> Any:
        """Unnormalised scores of every item: [..., n_items]."""
        return functional.linear(states, self.items.weight[: self.n_items], self.bias)
