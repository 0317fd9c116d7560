"""k-anonymity: a crowd is mentioned only when it is large enough to hide each of its members."""

from __future__ import annotations

K_ANON = 10
"""People that a crowd must count before it may be mentioned."""


def k_anonymous(count: int, k: int = K_ANON) -> bool:
    """Whether a crowd of `count` people is large enough to be mentioned.

    Examples
    --------
    >>> k_anonymous(10), k_anonymous(9), k_anonymous(9, k=5)
    (True, False, True)
    """
    return count >= max(k, 1)
