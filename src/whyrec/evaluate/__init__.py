"""Measures of rankings and of texts."""
