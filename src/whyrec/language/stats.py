"""What an explainer did, counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class ExplainStats:
    """What an explainer did; every number counts things that happened.

    Attributes
    ----------
    texts, sentences
        Served explanations and their sentences.
    sources
        Texts by source: `sketch`, `direct`, `realiser`.
    checked
        Texts that were verified whole, with the real names, before they were served.
    replaced
        Filled texts that this check refused and another wording replaced, by code.
    """

    texts: int = 0
    sentences: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    checked: int = 0
    replaced: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The counts by name."""
        return {
            "texts": self.texts,
            "sentences": self.sentences,
            "sources": dict(self.sources),
            "checked": self.checked,
            "replaced": dict(self.replaced),
        }
