"""Compiling kernels: on first call, never at import, and cached wherever a cache can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

LOOSE = {"reassoc", "contract", "nsz", "arcp"}
"""Floating-point freedoms for sums that need no bit-equality. NaN and infinity stay what they are."""


def kernel(*, loose: bool = False) -> Callable[[F], F]:
    """Compile a function with numba when it is first called; it releases the GIL.

    Strict arithmetic by default: the same sum in the same order wherever the function is inlined,
    so that a score is the same to the last bit on every path. `loose` lets sums be reordered.

    The compiled code is cached beside the module, or in the user's cache directory (or
    `NUMBA_CACHE_DIR`) where the installation is read-only, or not at all where neither can be
    written.
    """
    import numba

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    if loose:
        options["fastmath"] = LOOSE

    def compile_(function: F) -> F:
        try:
            return numba.njit(cache=True, **options)(function)  # type: ignore[no-any-return]
        except RuntimeError:  # "cannot cache function: no locator available"
            return numba.njit(**options)(function)  # type: ignore[no-any-return]

    return compile_
