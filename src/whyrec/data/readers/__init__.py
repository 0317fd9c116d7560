"""Files and frames to a `Dataset`: formats are recognised by what is in them."""

from __future__ import annotations

from whyrec.data.readers.read import from_frames, read

__all__ = ["from_frames", "read"]
