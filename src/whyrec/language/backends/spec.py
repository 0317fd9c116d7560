"""One string names a language model: `nano`, `none`, `openai:MODEL` or `hf:PATH_OR_NAME`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from whyrec.errors import ConfigError, LanguageError
from whyrec.language.backends.base import Backend

FORMS = ("nano", "none", "openai:MODEL", "hf:PATH_OR_NAME")
"""Every form that `backend` reads, as it is told in errors and help."""

_EXTRAS = {"openai": ("openai",), "hf": ("torch", "transformers")}


def backend(spec: str, **options: Any) -> Backend:
    """The language model that `spec` names.

    Parameters
    ----------
    spec
        One of `FORMS`. What follows the first colon belongs to the model, further colons included
        (`openai:qwen2.5:7b`). `nano:DIR` reads weights trained here from another place.
    options
        Arguments of the backend's constructor, for example `base_url` and `timeout` of
        `OpenAIBackend` or `device` of `HFBackend`. An option whose value is None is left out.

    Raises
    ------
    ConfigError
        If no backend has that form or no such option.
    LanguageError
        If the packages that it needs are not installed or the model cannot be loaded.

    Examples
    --------
    >>> backend("none").spec
    'none'
    >>> backend("gpt")
    Traceback (most recent call last):
    ...
    whyrec.errors.ConfigError: gpt: no such language model; use one of nano, none, openai:MODEL, hf:PATH_OR_NAME
    """
    kind, _, model = spec.strip().partition(":")
    given = {name: value for name, value in options.items() if value is not None}
    if kind == "none" and not model:
        from whyrec.language.backends.none import NoneBackend

        return _make(NoneBackend, spec, given)
    if kind == "nano":
        from whyrec.language.backends.nano import NanoBackend

        return _make(NanoBackend, spec, {**({"path": model} if model else {}), **given})
    if kind in _EXTRAS and model:
        _require(spec, kind)
        return _make(_constructor(kind), spec, {"model": model, **given})
    raise ConfigError(
        "no such language model",
        where=spec or '""',
        remedy=f"use one of {', '.join(FORMS)}",
    )


def _constructor(kind: str) -> Callable[..., Backend]:
    if kind == "openai":
        from whyrec.language.backends.openai import OpenAIBackend

        return OpenAIBackend
    from whyrec.language.backends.hf import HFBackend

    return HFBackend


def _require(spec: str, extra: str) -> None:
    missing = [p for p in _EXTRAS[extra] if find_spec(p) is None]
    if missing:
        raise LanguageError(
            f"needs {' and '.join(missing)}, which the default installation leaves out",
            where=spec,
            remedy=f'run: pip install "whyrec[{extra}]"',
        )


def _make(make: Callable[..., Backend], spec: str, options: Mapping[str, Any]) -> Backend:
    known = list(inspect.signature(make).parameters)
    unknown = sorted(set(options) - set(known))
    if unknown:
        settable = ", ".join(k for k in known if k != "model") or "none"
        raise ConfigError(
            f"no such option: {', '.join(unknown)}",
            where=spec,
            remedy=f"its options are {settable}",
        )
    return make(**options)
