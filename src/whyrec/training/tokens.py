"""Tokens: a byte-level BPE whose slots and control tokens are single tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from whyrec.language.backends.nano import END, PAD, WRITE
from whyrec.language.shape import FIELDS, SLOTS

DOMAINS = ("film", "shop", "generic")
LANGUAGES = ("en", "zh")
TONES = ("plain",)
EVENTS = ("purchase", "view", "click", "cart", "rating", "like", "interaction")
_CLAIMS = (
    "history:own", "history:group", "feature:same", "feature:own", "people:same", "people:own",
    "popular", "popular:cold", "rating", "without:same", "without:own", "rank",
)  # fmt: skip

LONGEST_TOKEN = 12
"""Bytes of the longest learnt token: a word, or four Chinese characters. Longer ones would be whole
phrases, which the model could then only repeat and not make anew."""


def control_tokens() -> list[str]:
    """Every token that is not learnt from text, in a fixed order; `PAD` is number 0."""
    names = [
        *(f"lang:{x}" for x in LANGUAGES),
        *(f"domain:{x}" for x in DOMAINS),
        *(f"tone:{x}" for x in TONES),
        *_CLAIMS,
        *(f"n:{k}" for k in (1, 2, 3)),
        *(f"event:{x}" for x in EVENTS),
        *(f"field:{x}" for x in FIELDS),
        "weak",
    ]
    return [PAD, END, WRITE, *(f"<|{n}|>" for n in names), *(f"{{{s}}}" for s in SLOTS)]


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """A `tokenizers.Tokenizer` of at most `vocabulary` tokens learnt from the texts.

    Any text comes back from its tokens exactly, also one with characters never seen.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    # Words with the space before them; Chinese runs and punctuation apart.
    split = r" ?[A-Za-z]+| ?[0-9]+|[\p{Han}]+|[^\sA-Za-z0-9\p{Han}]|\s+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(split), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(t, special=True, normalized=False) for t in control_tokens()]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=LONGEST_TOKEN,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
