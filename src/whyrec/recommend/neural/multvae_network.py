"""The layers of Mult-VAE; torch is imported here, so this module is imported when one is made."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

START = -5.0
"""Log variance at first. At 0 the noise would drown the small first means for many passes."""


class Network(nn.Module):  # type: ignore[misc]
    """Items → hidden → latent → hidden → items; the first layer reads only the items there are."""

    def __init__(self, n_items: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.first = nn.EmbeddingBag(n_items, hidden, mode="sum")
        self.first_bias = nn.Parameter(torch.zeros(hidden))
        self.latent = nn.Linear(hidden, 2 * latent)
        self.decode = nn.Linear(latent, hidden)
        self.last = nn.Linear(hidden, n_items)
        for weight in (self.first, self.latent, self.decode, self.last):
            nn.init.xavier_normal_(weight.weight)
        for layer in (self.latent, self.decode, self.last):
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.latent.bias[latent:], START)

    def encode(self, summed: Any) -> tuple[Any, Any]:
        """Mean and log variance of the latent vector, from the first layer's sum."""
        return self.latent(torch.tanh(summed + self.first_bias)).chunk(2, dim=1)  # type: ignore[no-any-return]

    def logits(self, latent: Any) -> Any:
        """Unnormalised log-probabilities of every item."""
        return self.last(torch.tanh(self.decode(latent)))

    def forward(self, items: Any, offsets: Any, weights: Any) -> tuple[Any, Any, Any]:
        """Logits, mean and log variance for rows of a CSR matrix (`weights` of unit length)."""
        mean, log_variance = self.encode(self.first(items, offsets, weights))
        latent = mean
        if self.training:
            latent = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return self.logits(latent), mean, log_variance

    def dense(self, histories: Any) -> Any:
        """Log-probabilities of every item for dense histories [n, n_items], differentiable in them."""
        unit = functional.normalize(histories, dim=1)
        mean, _ = self.encode(unit @ self.first.weight)
        return torch.log_softmax(self.logits(mean), dim=1)
