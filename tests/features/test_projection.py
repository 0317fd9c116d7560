"""Projections put like beside like, and their pictures show any name and run nothing of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import sparse

from whyrec.errors import ConfigError, DataError
from whyrec.features.projection import Method, Projection, project, top_groups

HOSTILE = ['<script>alert(1)</script>', '"onload="x', "</title></svg>", "$x^2$ & co", "茶壶\u202e\x07", "@circles@"]  # fmt: skip


def blobs(n: int = 40) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], n)
    return rng.normal(0, 0.2, (3 * n, 5)) + 4 * np.eye(5)[kind], kind


def test_pca_by_hand() -> None:
    # Variance 4 along the first axis, 0.25 along the second.
    data = np.array([[0, 0], [4, 0], [0, 1], [4, 1]], float)
    p = project(data)
    assert sorted(map(tuple, np.abs(p.points).round(9))) == [(2, 0.5)] * 4
    assert p.points[0, 0] == -p.points[1, 0]
    # The corners of a box: variances 4, 1 and 0.25, of which two axes hold 5 / 5.25.
    box = [[2 * a, b, c / 2] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]
    assert project(np.array(box)).note == "95% of the variance"


@pytest.mark.parametrize("method", ["pca", "tsne"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_like_lies_beside_like_and_the_seed_decides(method: Method, form: Any) -> None:
    data, kind = blobs()
    p = project(form(data), method=method, seed=3)
    distances = np.linalg.norm(p.points[:, None] - p.points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (kind[distances.argmin(1)] == kind).mean() > 0.95
    assert np.array_equal(p.points, project(form(data), method=method, seed=3).points)


def test_large_sets_are_sampled_and_it_is_said() -> None:
    data, _ = blobs(200)
    p = project(data, max_points=100, labels=[f"n{k}" for k in range(600)])
    assert len(p.points) == 100
    assert p.note.endswith("100 of 600 drawn")
    assert p.labels == tuple(f"n{k}" for k in p.rows)


def test_nothing_to_project() -> None:
    with pytest.raises(DataError, match="fewer than 3 points that differ"):
        project(np.ones((5, 2)))
    with pytest.raises(DataError, match="fewer than 3"):
        project(np.eye(2))
    with pytest.raises(ConfigError, match="no such method: 'umap'; use pca or tsne"):
        project(np.eye(4), method="umap")  # type: ignore[arg-type]


def test_few_points_have_a_projection_too() -> None:
    assert project(np.eye(4), method="tsne").points.shape == (4, 2)
    assert project(np.array([[0.0], [1.0], [3.0]])).points.shape == (3, 2)


def test_groups_beyond_the_colours_are_other() -> None:
    assert top_groups(["a", "", "b", "a", "c", "c"], most=2) == [
        "a",
        "other",
        "other",
        "a",
        "c",
        "c",
    ]


@pytest.fixture
def hostile() -> Projection:
    data, _ = blobs(2)
    return project(data, labels=HOSTILE, groups=HOSTILE[::-1])


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, Any]]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_shows_any_name_runs_none_and_asks_for_nothing(
    hostile: Projection, tmp_path: Path
) -> None:
    hostile.write(tmp_path / "p.html", title=HOSTILE[0])
    text = (tmp_path / "p.html").read_text("utf-8")
    parser = Elements()
    parser.feed(text)
    scripts = [attrs for tag, attrs in parser.found if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "names"}, {}]
    assert sum(tag == "circle" for tag, _ in parser.found) == 6
    assert not any(name.startswith("on") for _, attrs in parser.found for name in attrs)
    assert not any(tag in {"link", "img", "iframe"} for tag, _ in parser.found)
    assert "default-src 'none'" in text
    assert not re.search(r"(?:src|href)\s*=|https?://|@import|fetch\(", text.replace("</title></svg>", ""))  # fmt: skip
    assert "\u202e" not in text
    for known in ("@circles@", "茶壶"):
        assert known in text


def test_the_svg_is_xml_with_names_as_tooltips(hostile: Projection, tmp_path: Path) -> None:
    hostile.write(tmp_path / "p.svg", title=HOSTILE[1])
    root = ElementTree.fromstring((tmp_path / "p.svg").read_text("utf-8"))
    space = {"s": "http://www.w3.org/2000/svg"}
    titles = [t.text or "" for t in root.findall(".//s:circle/s:title", space)]
    assert len(titles) == 6
    assert any(t.startswith("<script>") for t in titles)
    assert not root.findall(".//s:script", space)


def test_the_png_is_a_picture_with_something_on_it(hostile: Projection, tmp_path: Path) -> None:
    Image = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    hostile.write(tmp_path / "p.png", title="A $100 title $x")
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.size == (1500, 1000)
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 20


def test_other_endings_are_refused(hostile: Projection, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no picture is written as \.gif"):
        hostile.write(tmp_path / "p.gif")
