"""Item pictures for pages: local files only, embedded, each once."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

MAX_BYTES = 200_000
"""A larger picture is left out: it would make the page slow to open."""

_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}


class Pictures:
    """Pictures of items as CSS classes, so that each is in the page once.

    An SVG is shown as an image, never as markup: its scripts do not run and it loads nothing.
    Remote addresses, files outside `base`, unknown types and large files have no picture.

    Parameters
    ----------
    base
        The directory that paths are relative to; None shows no pictures.
    """

    def __init__(self, base: str | Path | None) -> None:
        self._base = Path(base).resolve() if base is not None else None
        self._classes: dict[str, str | None] = {}
        self._rules: list[str] = []

    def css_class(self, path: str | None) -> str | None:
        """The class that shows the picture, None if there is none."""
        if not path or self._base is None:
            return None
        if path not in self._classes:
            uri = self._uri(path)
            name = f"i{len(self._rules)}" if uri else None
            self._classes[path] = name
            if name:
                self._rules.append(f'.{name}{{background-image:url("{uri}")}}')
        return self._classes[path]

    @property
    def css(self) -> str:
        """The rules of all pictures that were asked for."""
        return "\n".join(self._rules)

    def _uri(self, path: str) -> str | None:
        assert self._base is not None
        try:
            file = (self._base / path).resolve()
            if not file.is_relative_to(self._base) or not file.is_file():
                return None
            kind = _TYPES.get(file.suffix.lower())
            if kind is None or file.stat().st_size > MAX_BYTES:
                return None
            data = file.read_bytes()
        except (OSError, ValueError, binascii.Error):
            return None
        return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
