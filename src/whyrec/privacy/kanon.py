"""k-anonymity: a crowd is mentioned only when it is large enough to hide each of its members."""

from __future__ import annotations

K_ANON = 10
"""People that a crowd must count before it may be mentioned."""
