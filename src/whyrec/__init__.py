"""whyrec: recommendations with reasons that are proved."""

__version__ = "0.1.0"
