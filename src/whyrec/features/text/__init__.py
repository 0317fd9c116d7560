"""Text as words: one pipeline a language, shared by content features, keywords and aspects."""

from whyrec.data.script import guess_language
from whyrec.features.text.pipeline import Token, analyse, runs, terms

__all__ = ["Token", "analyse", "guess_language", "runs", "terms"]
