"""Text as words: one pipeline a language, shared by content features, keywords and aspects."""

from whyrec.features.text.pipeline import Token, analyse, guess_language, runs, terms

__all__ = ["Token", "analyse", "guess_language", "runs", "terms"]
