"""Colour and layout of pictures, and what is refused of files and drawings from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from whyrec.data.catalogue import Catalogue
from whyrec.errors import ConfigError, DataError
from whyrec.features import images
from whyrec.features.images import NAMES, describe, dominant_colours, open_picture
from whyrec.features.sources import item_features
from whyrec.features.svg import outlines_of_path, rasterise

Image = pytest.importorskip("PIL.Image")


def plain(colour: str, size: tuple[int, int] = (64, 64)) -> Any:
    return Image.new("RGB", size, colour)


def part(row: np.ndarray[Any, Any], prefix: str) -> dict[str, float]:
    return {
        n.split(":")[1]: float(v) for n, v in zip(NAMES, row, strict=True) if n.startswith(prefix)
    }


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#ff0000", "red"), ("#00ff00", "green"), ("#0000ff", "blue"), ("#ffff00", "yellow"),
        ("#ff8000", "orange"), ("#000000", "black"), ("#ffffff", "white"), ("#808080", "grey"),
        ("#ff00ff", "magenta"), ("#00ffff", "cyan"), ("#ff0010", "red"),
    ],
)  # fmt: skip
def test_one_colour_is_one_bin(colour: str, name: str) -> None:
    found = part(describe(plain(colour)), "colour")
    assert {n for n, v in found.items() if v > 0} == {name}


def test_half_red_half_blue_by_hand() -> None:
    picture = plain("#ff0000")
    picture.paste("#0000ff", (0, 0, 32, 64))
    row = describe(picture)
    found = part(row, "colour")
    # Half each; square-rooted, colours have 0.7 of the squared length.
    assert found["red"] == pytest.approx(np.sqrt(0.7 * 0.5), abs=1e-3)
    assert found["blue"] == pytest.approx(np.sqrt(0.7 * 0.5), abs=1e-3)
    light = part(row, "light")
    # Red is brighter (0.299) than blue (0.114): the right half stands above the mean.
    assert light["1.4"] > 0 > light["1.1"]
    edges = part(row, "edges")
    assert edges["2.2"] == pytest.approx(edges["2.3"])
    assert edges["2.1"] == 0
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-5)


def test_dominant_colours_with_their_shares() -> None:
    picture = plain("#ff0000")
    picture.paste("#0000ff", (0, 0, 16, 64))
    (first, share), (second, rest) = dominant_colours(picture, 2)
    assert (first, second) == ("#ff0000", "#0000ff")
    assert (share, rest) == (0.75, 0.25)


def catalogue(*names: str | None) -> Catalogue:
    ids = [str(k) for k in range(len(names))]
    table = pl.DataFrame({"id": ids, "title": ids, "image": list(names)}, schema_overrides={"image": pl.String})  # fmt: skip
    return Catalogue(table)


def test_missing_damaged_and_escaping_pictures_are_zero(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    plain("#ff0000").save(root / "red.png")
    plain("#00ff00").save(tmp_path / "secret.png")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "torn.png").write_bytes((root / "red.png").read_bytes()[:60])
    (root / "text.png").write_text("<html>")
    names = (
        "red.png", None, "none.png", "torn.png", "text.png", "../secret.png", str(tmp_path / "secret.png"),
        "link.png", "https://example.org/a.png", "red.png\0.jpg", "x" * 5000,
    )  # fmt: skip
    features = item_features(catalogue(*names), "image", root=str(root))
    assert features.names == NAMES
    assert np.flatnonzero(np.abs(features.matrix).sum(1)).tolist() == [0]


def test_huge_pictures_are_not_opened(tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / "wide.png"
    plain("#ff0000", (200, 200)).save(file)
    monkeypatch.setattr(images, "MAX_PIXELS", 39_999)
    assert open_picture(file) is None
    monkeypatch.setattr(images, "MAX_PIXELS", 40_000)
    assert open_picture(file) is not None
    monkeypatch.setattr(images, "MAX_BYTES", 10)
    assert open_picture(file) is None


def test_transparent_pictures_lie_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "a.png")
    opened = open_picture(tmp_path / "a.png")
    assert opened.getpixel((4, 4)) == (255, 255, 255)


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the catalogue names no pictures"):
        item_features(catalogue(None), "image", root=str(tmp_path))
    with pytest.raises(DataError, match="no directory of pictures; pass root="):
        item_features(catalogue("a.png"), "image")


def svg(body: str, head: str = "") -> bytes:
    return (
        f'{head}<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">{body}</svg>'.encode()
    )


def test_shapes_groups_and_transforms_are_drawn() -> None:
    picture = rasterise(
        svg(
            '<rect width="10" height="10" fill="#00f"/>'
            '<g transform="translate(5 0) scale(1 2)" fill="red"><rect width="5" height="2.5"/></g>'
            '<path d="M0 5h5v5h-5z" style="fill: lime"/>'
            '<circle cx="7.5" cy="7.5" r="1" fill="white"/>'
        ),
        100,
    )
    assert picture is not None
    at = {p: picture.getpixel(p) for p in [(20, 20), (75, 25), (25, 75), (75, 75), (95, 95)]}
    assert at == {
        (20, 20): (0, 0, 255), (75, 25): (255, 0, 0), (25, 75): (0, 255, 0),
        (75, 75): (255, 255, 255), (95, 95): (0, 0, 255),
    }  # fmt: skip


def test_arcs_and_curves_by_hand() -> None:
    [(points, closed)] = list(outlines_of_path("M0 0A5 5 0 0110 0"))
    assert not closed
    # Half a circle of radius 5 about (5, 0), through (5, -5).
    assert all(abs(np.hypot(x - 5, y) - 5) < 1e-9 for x, y in points)
    assert min(y for _, y in points) == pytest.approx(-5)
    [(curve, _)] = list(outlines_of_path("M0 0Q5 10 10 0"))
    assert curve[6] == pytest.approx(
        (5, 5)
    )  # the middle of the curve: (0 + 2 · 5 + 10) / 4, 2 · 10 / 4
    [(smooth, _)] = list(outlines_of_path("M0 0C0 1 1 1 1 0S2 -1 2 0"))
    assert smooth[-1] == (2, 0)


@pytest.mark.parametrize(
    "data",
    [
        svg("", '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        b"<html/>",
        svg("").replace(b"0 0 10 10", b"0 0 0 0"),
        b"<svg>" + b" " * 1_000_001,
    ],
)
def test_drawings_with_entities_or_without_size_are_not_drawn(data: bytes) -> None:
    assert rasterise(data) is None


def test_deep_long_and_broken_drawings_do_no_harm() -> None:
    deep = svg("<g>" * 60 + '<rect width="10" height="10"/>' + "</g>" * 60)
    picture = rasterise(deep, 20)
    assert picture is not None
    assert picture.getpixel((10, 10)) == (255, 255, 255)  # below the depth that is followed
    assert rasterise(svg('<rect width="1" height="1"/>' * 6000), 20) is not None
    assert rasterise(svg('<path d="M1e9 1e999 L-1e300 4 Z m"/><rect width="x"/>'), 20) is not None
    with pytest.raises(ValueError, match="not XML"):
        rasterise(b"<svg><g></svg>")


def test_the_shops_drawings_are_read(tmp_path: Path) -> None:
    from whyrec.data.readers import read
    from whyrec.data.shop import generate

    generate(tmp_path / "shop", users=30, items=40)
    data = read(tmp_path / "shop")
    features = item_features(data.catalogue, "image", dataset=data)
    named = np.array([bool(v) for v in data.catalogue.table["image"].to_list()])
    assert (np.abs(features.matrix).sum(1) > 0).tolist() == named.tolist()
    mixed = item_features(data.catalogue, "tfidf+image:0.3", dataset=data)
    assert mixed.names is not None
    assert mixed.names[-len(NAMES) :] == NAMES


@pytest.mark.parametrize("kind", ["vit", "clip"])
def test_a_vision_encoder_from_disk(tmp_path: Path, kind: str) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    place = tmp_path / kind
    vision = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
        "image_size": 32, "patch_size": 16,
    }  # fmt: skip
    if kind == "vit":
        transformers.ViTModel(transformers.ViTConfig(**vision)).save_pretrained(place)
        transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(place)
        width = 16
    else:
        text = {k: v for k, v in vision.items() if "image" not in k and k != "patch_size"}
        config = transformers.CLIPConfig(
            text_config={**text, "vocab_size": 20}, vision_config=vision, projection_dim=8
        )
        transformers.CLIPModel(config).save_pretrained(place)
        transformers.CLIPImageProcessor(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ).save_pretrained(place)
        width = 8
    root = tmp_path / "pictures"
    root.mkdir()
    for name in ("red", "blue", "lime"):
        plain(name).save(root / f"{name}.png")
    names = ("red.png", None, "blue.png", "red.png", "lime.png")
    features = item_features(catalogue(*names), f"image:{place}", root=str(root), batch=2)
    assert features.matrix.shape == (5, width)
    assert features.names is None
    assert not features.matrix[1].any()
    assert features.matrix[0] == pytest.approx(features.matrix[3], abs=1e-6)
    assert not np.allclose(features.matrix[0], features.matrix[2], atol=1e-3)


def test_a_directory_that_is_no_vision_encoder(tmp_path: Path) -> None:
    plain("red").save(tmp_path / "a.png")
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(ConfigError, match="is no encoder that can be loaded"):
        item_features(catalogue("a.png"), f"image:{tmp_path}", root=str(tmp_path))
