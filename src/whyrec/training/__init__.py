"""Corpora and training of the embedded language model, and its export."""
