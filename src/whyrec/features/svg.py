"""A small SVG reader: filled and stroked shapes to pixels, without entities, links or scripts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 1_000_000
MAX_ELEMENTS = 5_000
MAX_COMMANDS = 20_000
MAX_DEPTH = 40
STEPS = 12
"""Straight pieces that a curve is drawn with."""

Point = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_COMMAND = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*)")
_TRANSFORM = re.compile(r"(translate|scale|rotate|matrix)\s*\(([^)]*)\)")
_ARITY = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}
_PASSED_ON = ("fill", "stroke", "stroke-width", "fill-opacity", "opacity")


def rasterise(data: bytes, side: int = 256) -> Image | None:
    """An SVG drawing as an RGB picture on white, `side` pixels wide; None if it cannot be read.

    Rectangles, circles, ellipses, lines, polygons and paths with plain colours, groups and
    transforms: enough for icons and flat drawings. A document type or entity, gradients, text,
    pictures and references are not followed.

    Raises
    ------
    ValueError
        If the text is no XML or a number is none.
    """
    from PIL import Image, ImageDraw

    if len(data) > MAX_BYTES:
        return None
    text = data.decode("utf-8", errors="strict")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None  # entities can name files and can grow without end
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"not XML: {error}") from error
    if _local(root.tag) != "svg":
        return None
    left, top, width, height = _view(root)
    if not (0 < width < 1e6 and 0 < height < 1e6):
        return None
    scale = side / max(width, height)
    # Twice as large first: shrinking smooths the edges.
    canvas = Image.new(
        "RGB", (round(width * scale * 2) or 1, round(height * scale * 2) or 1), "white"
    )
    draw = ImageDraw.Draw(canvas)
    start = (scale * 2, 0.0, 0.0, scale * 2, -left * scale * 2, -top * scale * 2)
    budget = [MAX_ELEMENTS]
    _paint(root, start, {"fill": "black", "stroke": "none"}, draw, budget, 0)
    return canvas.resize((max(canvas.width // 2, 1), max(canvas.height // 2, 1)))


def _local(tag: Any) -> str:
    return str(tag).rsplit("}", 1)[-1]


def _numbers(text: str | None) -> list[float]:
    return [float(n) for n in _NUMBER.findall(text or "")]


def _number(text: str | None, default: float = 0.0) -> float:
    found = _numbers(text)
    return found[0] if found else default


def _view(root: Any) -> tuple[float, float, float, float]:
    box = _numbers(root.get("viewBox"))
    if len(box) == 4:
        return box[0], box[1], box[2], box[3]
    return 0.0, 0.0, _number(root.get("width"), 100), _number(root.get("height"), 100)


def _paint(
    element: Any, at: Matrix, style: dict[str, str], draw: Any, budget: list[int], depth: int
) -> None:
    budget[0] -= 1
    if budget[0] < 0 or depth > MAX_DEPTH:
        return
    kind = _local(element.tag)
    if kind in {"defs", "symbol", "clipPath", "mask", "pattern", "style", "script", "title"}:
        return
    own = dict(style)
    own.update({k: element.get(k) for k in _PASSED_ON if element.get(k)})
    for declaration in (element.get("style") or "").split(";"):
        name, _, value = declaration.partition(":")
        if name.strip() in _PASSED_ON:
            own[name.strip()] = value.strip()
    if "none" in (element.get("display"), element.get("visibility")):
        return
    here = _times(at, _transform(element.get("transform")))
    for outline, closed in _outlines(kind, element):
        _shape([_apply(here, p) for p in outline], closed, own, here, draw)
    for child in element:
        _paint(child, here, own, draw, budget, depth + 1)


def _shape(points: list[Point], closed: bool, style: dict[str, str], at: Matrix, draw: Any) -> None:
    if len(points) < 2 or not all(abs(v) < 1e7 for p in points for v in p):
        return
    fill = _colour(style.get("fill"))
    if fill is not None and len(points) > 2 and _number(style.get("fill-opacity"), 1) > 0.5:
        draw.polygon(points, fill=fill)
    stroke = _colour(style.get("stroke"))
    if stroke is not None:
        size = math.sqrt(abs(at[0] * at[3] - at[1] * at[2]))
        width = max(1, round(min(_number(style.get("stroke-width"), 1) * size, 4096)))
        draw.line(
            [*points, points[0]] if closed else points, fill=stroke, width=width, joint="curve"
        )


def _colour(text: str | None) -> tuple[int, int, int] | None:
    from PIL import ImageColor

    if not text or text in {"none", "transparent"} or text.startswith("url"):
        return None
    try:
        red, green, blue, *_ = ImageColor.getrgb(text)
        return red, green, blue
    except ValueError:
        return None


def _outlines(kind: str, e: Any) -> Iterator[tuple[list[Point], bool]]:
    if kind == "rect":
        x, y, w, h = (_number(e.get(k)) for k in ("x", "y", "width", "height"))
        yield [(x, y), (x + w, y), (x + w, y + h), (x, y + h)], True
    elif kind in {"circle", "ellipse"}:
        cx, cy = _number(e.get("cx")), _number(e.get("cy"))
        rx = _number(e.get("r") if kind == "circle" else e.get("rx"))
        ry = rx if kind == "circle" else _number(e.get("ry"))
        turns = [2 * math.pi * k / 48 for k in range(48)]
        yield [(cx + rx * math.cos(t), cy + ry * math.sin(t)) for t in turns], True
    elif kind == "line":
        x1, y1, x2, y2 = (_number(e.get(k)) for k in ("x1", "y1", "x2", "y2"))
        yield [(x1, y1), (x2, y2)], False
    elif kind in {"polygon", "polyline"}:
        found = _numbers(e.get("points"))
        yield list(zip(found[::2], found[1::2], strict=False)), kind == "polygon"
    elif kind == "path":
        yield from outlines_of_path(e.get("d") or "")


def outlines_of_path(d: str) -> Iterator[tuple[list[Point], bool]]:
    """The outlines of path data, curves as straight pieces: (points, whether closed).

    Examples
    --------
    >>> list(outlines_of_path("M0 0h10v5z m20 0 l1,1"))
    [([(0.0, 0.0), (10.0, 0.0), (10.0, 5.0)], True), ([(20.0, 0.0), (21.0, 1.0)], False)]
    """
    points: list[Point] = []
    x = y = start_x = start_y = 0.0
    control: Point | None = None
    before = ""
    for count, found in enumerate(_COMMAND.finditer(d)):
        if count > MAX_COMMANDS:
            return
        letter, numbers = found[1], _path_numbers(found[1], found[2])
        kind, relative = letter.upper(), letter.islower()
        if kind == "Z":
            if points:
                yield points, True
            points, x, y = [], start_x, start_y
            before = kind
            continue
        size = _ARITY[kind]
        for k in range(0, len(numbers) - size + 1, size):
            args = numbers[k : k + size]
            ox, oy = (x, y) if relative else (0.0, 0.0)
            if kind == "M":
                if k == 0:
                    if points:
                        yield points, False
                    points = []
                x, y = args[0] + ox, args[1] + oy
                if k == 0:
                    start_x, start_y = x, y
                points.append((x, y))
                continue
            if not points:
                points = [(x, y)]
            if kind == "L":
                x, y = args[0] + ox, args[1] + oy
                points.append((x, y))
            elif kind == "H":
                x = args[0] + ox
                points.append((x, y))
            elif kind == "V":
                y = args[0] + oy
                points.append((x, y))
            elif kind == "A":
                end = (args[5] + ox, args[6] + oy)
                points += _arc((x, y), end, args)
                x, y = end
            else:
                ends = [(args[j] + ox, args[j + 1] + oy) for j in range(0, size, 2)]
                if kind in {"S", "T"}:
                    smooth = control is not None and before in ("CS" if kind == "S" else "QT")
                    mirrored = (2 * x - control[0], 2 * y - control[1]) if smooth and control else (x, y)  # fmt: skip
                    ends.insert(0, mirrored)
                points += _curve([(x, y), *ends])
                control = ends[-2]
                x, y = ends[-1]
            before = kind
        before = kind
    if points:
        yield points, False


def _path_numbers(letter: str, text: str) -> list[float]:
    if letter not in "Aa":
        return _numbers(text)
    # The two flags of an arc may stand without a space between them and what follows.
    pattern = re.compile(rf"\s*,?\s*({_NUMBER.pattern})")
    flag = re.compile(r"\s*,?\s*([01])")
    out: list[float] = []
    at = 0
    while True:
        found = (flag if len(out) % 7 in (3, 4) else pattern).match(text, at)
        if found is None:
            return out
        out.append(float(found[1]))
        at = found.end()


def _curve(p: list[Point]) -> list[Point]:
    """A quadratic or cubic Bézier curve without its first point (de Casteljau)."""
    out = []
    for k in range(1, STEPS + 1):
        t = k / STEPS
        row = p
        while len(row) > 1:
            row = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in pairwise(row)]
        out.append(row[0])
    return out


def _arc(start: Point, end: Point, args: list[float]) -> list[Point]:
    """An elliptical arc without its first point (SVG 2, appendix B.2.4)."""
    rx, ry, turn, large, sweep = abs(args[0]), abs(args[1]), math.radians(args[2]), args[3], args[4]
    if rx == 0 or ry == 0 or start == end:
        return [end]
    cos, sin = math.cos(turn), math.sin(turn)
    dx, dy = (start[0] - end[0]) / 2, (start[1] - end[1]) / 2
    x, y = cos * dx + sin * dy, -sin * dx + cos * dy
    grow = (x / rx) ** 2 + (y / ry) ** 2
    if grow > 1:
        rx, ry = rx * math.sqrt(grow), ry * math.sqrt(grow)
    rest = (rx * ry) ** 2 - (rx * y) ** 2 - (ry * x) ** 2
    factor = math.sqrt(max(rest, 0.0) / ((rx * y) ** 2 + (ry * x) ** 2))
    factor = -factor if bool(large) == bool(sweep) else factor
    cx_, cy_ = factor * rx * y / ry, -factor * ry * x / rx
    cx = cos * cx_ - sin * cy_ + (start[0] + end[0]) / 2
    cy = sin * cx_ + cos * cy_ + (start[1] + end[1]) / 2
    first = math.atan2((y - cy_) / ry, (x - cx_) / rx)
    last = math.atan2((-y - cy_) / ry, (-x - cx_) / rx)
    if sweep and last < first:
        last += 2 * math.pi
    elif not sweep and last > first:
        last -= 2 * math.pi
    out = []
    for k in range(1, STEPS + 1):
        a = first + (last - first) * k / STEPS
        px, py = rx * math.cos(a), ry * math.sin(a)
        out.append((cos * px - sin * py + cx, sin * px + cos * py + cy))
    return out


def _transform(text: str | None) -> Matrix:
    out: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    for found in _TRANSFORM.finditer(text or ""):
        n = _numbers(found[2])
        if found[1] == "translate" and n:
            step: Matrix = (1, 0, 0, 1, n[0], n[1] if len(n) > 1 else 0)
        elif found[1] == "scale" and n:
            step = (n[0], 0, 0, n[1] if len(n) > 1 else n[0], 0, 0)
        elif found[1] == "rotate" and n:
            c, s = math.cos(math.radians(n[0])), math.sin(math.radians(n[0]))
            step = (c, s, -s, c, 0, 0)
            if len(n) == 3:
                step = _times(_times((1, 0, 0, 1, n[1], n[2]), step), (1, 0, 0, 1, -n[1], -n[2]))
        elif found[1] == "matrix" and len(n) == 6:
            step = (n[0], n[1], n[2], n[3], n[4], n[5])
        else:
            continue
        out = _times(out, step)
    return out


def _times(a: Matrix, b: Matrix) -> Matrix:
    return (
        a[0] * b[0] + a[2] * b[1],
        a[1] * b[0] + a[3] * b[1],
        a[0] * b[2] + a[2] * b[3],
        a[1] * b[2] + a[3] * b[3],
        a[0] * b[4] + a[2] * b[5] + a[4],
        a[1] * b[4] + a[3] * b[5] + a[5],
    )


def _apply(m: Matrix, p: Point) -> Point:
    return m[0] * p[0] + m[2] * p[1] + m[4], m[1] * p[0] + m[3] * p[1] + m[5]
