"""Pictures of items as features: colour and layout, or any vision encoder saved on disk."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from whyrec.data.catalogue import Catalogue
from whyrec.errors import ConfigError, DataError
from whyrec.features.vectors import ItemFeatures, unit_rows

if TYPE_CHECKING:
    from PIL.Image import Image

    from whyrec.data.dataset import Dataset

log = logging.getLogger("whyrec.features")

F32 = npt.NDArray[np.float32]
MAX_BYTES = 20_000_000
MAX_PIXELS = 40_000_000
"""Larger files and pictures are not opened: a few kilobytes can claim to be a million pixels wide."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
SIDE = 64
GRID = 4
HUES = (
    "red", "orange", "yellow", "chartreuse", "green", "spring green",
    "cyan", "azure", "blue", "violet", "magenta", "rose",
)  # fmt: skip
"""The twelve hues of the wheel, each 30 degrees wide with red around 0."""
GREYS = ("black", "grey", "white")

NAMES = (
    *(f"colour:{name}" for name in (*HUES, *GREYS)),
    *(f"light:{r + 1}.{c + 1}" for r in range(GRID) for c in range(GRID)),
    *(f"edges:{r + 1}.{c + 1}" for r in range(GRID) for c in range(GRID)),
)
COLOUR_SHARE = 0.7
"""Of the squared length of a row, that of its colours; light and edges share the rest."""


def image(
    catalogue: Catalogue,
    argument: str | None = None,
    *,
    dataset: Dataset | None = None,
    root: str | None = None,
    batch: int = 16,
    device: str = "cpu",
) -> ItemFeatures:
    """Colour and layout of each item's picture, or, with a path, what a vision encoder sees.

    Pictures are files under `root` named by the catalogue's column `image`; addresses on the web
    are not fetched. Items without a picture that can be read are zero.

    Parameters
    ----------
    argument
        The directory of a Hugging Face vision encoder (ViT, CLIP, SigLIP, …), weights as
        safetensors; None for colour and layout.
    root
        Directory that the names are relative to; by default where the data set was read from.

    Returns
    -------
    ItemFeatures
        Dense float32 [n_items, 47], named as in `NAMES`; without names from an encoder.

    Raises
    ------
    DataError
        If the catalogue names no pictures, or `root` is not known.
    ConfigError
        If the extra `images` (with an encoder also `hf`) is missing.
    """
    _pillow()
    files = [_file(name, root, dataset) for name in _names(catalogue)]
    if argument is not None:
        vectors = _encode(argument, files, batch, device)
        return ItemFeatures(f"image:{argument}", unit_rows(vectors))
    out = np.zeros((len(catalogue), len(NAMES)), np.float32)
    for item, picture in _pictures(files):
        out[item] = describe(picture)
    return ItemFeatures("image", unit_rows(out), NAMES)


def describe(picture: Image) -> F32:
    """Colour and layout of one picture: float32 [47], of length 1.

    The colours are a histogram of 12 hues and black, grey, white, square-rooted (so that the cosine
    of two is the Bhattacharyya coefficient); pixels weigh more towards the middle. Light is the mean
    brightness, edges the mean gradient, of the cells of a 4 × 4 grid, light less its own mean.
    """
    small = picture.convert("RGB").resize((SIDE, SIDE))
    rgb = np.asarray(np.asarray(small, np.float32) / 255, np.float32)
    histogram = _histogram(rgb)
    light = np.asarray(rgb @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)
    dy, dx = np.gradient(light)
    cells = _cells(light)
    layout = np.concatenate([cells - cells.mean(), _cells(np.hypot(dx, dy)) * 4])
    length = float(np.linalg.norm(layout))
    if length > 0:
        layout = layout / length
    return np.concatenate(
        [np.sqrt(COLOUR_SHARE) * np.sqrt(histogram), np.sqrt(1 - COLOUR_SHARE) * layout]
    ).astype(np.float32)


def dominant_colours(picture: Image, n: int = 3) -> list[tuple[str, float]]:
    """The n colours that cover most of a picture, with their shares: `[("#c23b22", 0.61), …]`.

    By median cut (Heckbert 1982), as Pillow has it.
    """
    small = picture.convert("RGB").resize((SIDE, SIDE))
    reduced = small.quantize(colors=max(n, 2), dither=0)
    palette = reduced.getpalette() or []
    counts = sorted(reduced.getcolors() or [], reverse=True)[:n]
    return [
        ("#" + "".join(f"{v:02x}" for v in palette[3 * k : 3 * k + 3]), count / SIDE**2)
        for count, k in counts
    ]


def _histogram(rgb: F32) -> F32:
    high, low = rgb.max(2), rgb.min(2)
    chroma = high - low
    safe = np.maximum(chroma, 1e-6)
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    sector = np.select(
        [high == r, high == g], [((g - b) / safe) % 6, (b - r) / safe + 2], (r - g) / safe + 4
    )
    hue = np.floor((sector * 60 + 15) % 360 / 30).astype(np.int64) % len(HUES)
    # Grey is what has little chroma, or is too dark for its hue to be seen.
    grey = (chroma < 0.1) | (high < 0.15)
    level = np.digitize(high, [0.25, 0.85])
    index = np.where(grey, len(HUES) + level, hue)
    middle = np.linspace(-1, 1, SIDE) ** 2
    weight = 1 - 0.75 * np.minimum(np.sqrt(middle[:, None] + middle[None, :]), 1)
    counts = np.bincount(index.ravel(), weight.ravel(), minlength=len(HUES) + len(GREYS))
    return np.asarray(counts / counts.sum(), np.float32)


def _cells(values: F32) -> F32:
    side = SIDE // GRID
    return np.asarray(values.reshape(GRID, side, GRID, side).mean((1, 3)).ravel(), np.float32)


def _names(catalogue: Catalogue) -> list[str | None]:
    table = catalogue.table
    if "image" not in table.columns or not table["image"].count():
        raise DataError(
            "the catalogue names no pictures",
            where="features, image",
            remedy="give the items a column image with file names, or leave image out",
        )
    return [str(v) if v else None for v in table["image"].to_list()]


def _file(name: str | None, root: str | None, dataset: Dataset | None) -> Path | None:
    """The file of a picture, None unless it lies under the root: names come from outside."""
    place = root or (str(dataset.notes.get("place") or "") if dataset is not None else "")
    if not place or not Path(place).is_dir():
        raise DataError(
            f"no directory of pictures{f' at {place}' if place else ''}",
            where="features, image",
            remedy="pass root=DIRECTORY, which the names of the column image are relative to",
        )
    if name is None or "\0" in name:
        return None
    home = Path(place).resolve()
    try:
        file = (home / name).resolve()
        return file if file.is_relative_to(home) and file.is_file() else None
    except OSError:  # a name that no file can have
        return None


def _pictures(files: list[Path | None]) -> Iterator[tuple[int, Image]]:
    """Every picture that can be read, with its item; the others are counted on the logger."""
    bad = 0
    for item, file in enumerate(files):
        picture = None if file is None else open_picture(file)
        if picture is None:
            bad += 1
        else:
            yield item, picture
    if bad:
        log.info("%d of %d pictures are missing or cannot be read", bad, len(files))


def open_picture(file: Path, side: int = 256) -> Image | None:
    """A picture as RGB on white, None where it is too large, damaged or of another format."""
    images = _pillow()
    try:
        if file.stat().st_size > MAX_BYTES:
            return None
        if file.suffix.lower() == ".svg":
            from whyrec.features.svg import rasterise

            return rasterise(file.read_bytes(), side)
        with images.open(file, formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                return None
            opened.draft("RGB", (side, side))
            rgba = opened.convert("RGBA")
            ground = images.new("RGBA", rgba.size, "white")
            flat: Image = images.alpha_composite(ground, rgba).convert("RGB")
            return flat
    except (OSError, ValueError, SyntaxError, images.DecompressionBombError):
        return None


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise ConfigError(
            "Pillow is not installed",
            where="features, image",
            remedy="pip install 'whyrec[images]'",
        ) from None
    return Image


def _encode(argument: str, files: list[Path | None], batch: int, device: str) -> F32:
    from whyrec.features.embeddings import encoder_place, missing_extra, quiet, unreadable

    place = encoder_place(argument, "image")
    try:
        import torch
        from transformers import AutoImageProcessor, AutoModel
    except ImportError:
        raise missing_extra("transformers", "hf") from None
    with quiet():
        try:
            processor = AutoImageProcessor.from_pretrained(
                place, local_files_only=True, trust_remote_code=False
            )
            model = AutoModel.from_pretrained(
                place, local_files_only=True, trust_remote_code=False, use_safetensors=True
            )
        except Exception as error:
            raise unreadable(place, error) from error
    model = model.to(device).eval()
    out: F32 | None = None
    waiting: list[tuple[int, Image]] = []

    def flush() -> None:
        nonlocal out
        if not waiting:
            return
        inputs = processor(images=[p for _, p in waiting], return_tensors="pt").to(device)
        with torch.inference_mode():
            vectors = _vision(model, inputs["pixel_values"]).float().cpu().numpy()
        if out is None:
            out = np.zeros((len(files), vectors.shape[1]), np.float32)
        out[[item for item, _ in waiting]] = vectors
        waiting.clear()

    for item, picture in _pictures(files):
        waiting.append((item, picture))
        if len(waiting) == batch:
            flush()
    flush()
    if out is None:
        raise DataError(
            "none of the pictures can be read",
            where="features, image",
            remedy=f"give files as {', '.join(FORMATS)} or SVG under root",
        )
    return out


def _vision(model: Any, pixels: Any) -> Any:
    """Vectors [pictures, width]: CLIP's projection, the pooled state, else the mean of all states."""
    if hasattr(model, "get_image_features"):
        found = model.get_image_features(pixel_values=pixels)
    else:
        found = model(pixel_values=pixels)
    if hasattr(found, "shape"):
        return found
    pooled = getattr(found, "pooler_output", None)
    if pooled is not None:
        return pooled.flatten(1)
    hidden = found.last_hidden_state
    return hidden.mean(1) if hidden.ndim == 3 else hidden.mean((2, 3))
