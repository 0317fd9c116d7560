"""Projections drawn: PNG by matplotlib, SVG, and an HTML page that needs nothing but itself."""

from __future__ import annotations

import io
import json
import re
import warnings
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from whyrec.errors import ConfigError
from whyrec.features.projection import COLOURS, Projection

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN = 1000.0, 700.0, 24.0
FEW = 30
"""Up to so many points are named in the picture itself."""

OTHER = ("other", "其他", "")

_WORDS = {
    "en": {"hint": "Point to see names; click a name on the right to hide it; scroll to zoom, drag to move."},
    "zh": {"hint": "指向圆点可看名称；点右侧名称可隐藏；滚轮缩放，拖动移动。"},
}  # fmt: skip


def palette(groups: Sequence[str]) -> dict[str, str]:
    """A colour for each group, the commonest first; grey for what is called other."""
    names, counts = np.unique(np.array(groups, dtype=object).astype(str), return_counts=True)
    order = sorted(range(len(names)), key=lambda k: (-counts[k], names[k]))
    named = [str(names[k]) for k in order if names[k] not in OTHER]
    out = {name: COLOURS[k % (len(COLOURS) - 1)] for k, name in enumerate(named)}
    out |= {str(name): COLOURS[-1] for name in names if name in OTHER}
    if len(out) == 1 and "" in out:
        out[""] = COLOURS[0]
    return out


def png(projection: Projection, title: str) -> bytes:
    """The picture as PNG, 1,500 × 1,000 pixels.

    Raises
    ------
    ConfigError
        If the extra `plots` is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(
            "matplotlib is not installed",
            where="project",
            remedy="pip install 'whyrec[plots]', or name a file that ends in .html or .svg",
        ) from None
    from matplotlib import rc_context

    # Fonts are tried in turn, so that Chinese names are drawn where the machine has any such font.
    fonts = _fonts()
    with rc_context({"font.family": fonts, "axes.unicode_minus": False, "svg.hashsalt": "whyrec"}):
        figure = Figure(figsize=(10, 6.667), dpi=150, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        axes: Any = figure.add_subplot()
        colours = palette(projection.groups)
        groups = np.array(projection.groups, dtype=object)
        area = _areas(projection)
        for name, colour in colours.items():
            inside = groups == name
            if inside.any():
                axes.scatter(
                    projection.points[inside, 0],
                    projection.points[inside, 1],
                    s=area[inside],
                    c=colour,
                    alpha=0.75,
                    linewidths=0.4,
                    edgecolors="white",
                    label=_plain(f"{name} ({int(inside.sum()):,})"),
                )
        few = len(projection.points) <= FEW
        if set(projection.groups) - {""} and not few:
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9)
        if few:
            axes.margins(0.18)
            radii = np.sqrt(area) / 2 + 3
            for k, (x, y) in enumerate(projection.points):
                axes.annotate(
                    _plain(_short(projection, k)),
                    (x, y),
                    xytext=(0, radii[k]),
                    textcoords="offset points",
                    ha="center",
                    fontsize=9,
                )
        axes.set_title(_plain(title), loc="left", fontsize=13)
        axes.set_xlabel(_plain(projection.note), fontsize=9, color="#555555", loc="left")
        axes.set_xticks([])
        axes.set_yticks([])
        for side in ("top", "right", "left", "bottom"):
            axes.spines[side].set_color("#dddddd")
        out = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a script that no font here has is drawn as boxes
            canvas.print_png(out, metadata={"Software": "whyrec"})
    return out.getvalue()


def _short(projection: Projection, k: int) -> str:
    """What stands beside a point where there are few: its group, else the start of its name."""
    return (projection.groups[k] or projection.labels[k])[:40]


def _plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return _visible(text).replace("$", r"\$")


def _fonts() -> list[str]:
    from matplotlib import font_manager

    known = {f.name for f in font_manager.fontManager.ttflist}
    chinese = (
        "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
        "PingFang SC", "Microsoft YaHei", "SimHei", "Droid Sans Fallback", "Noto Sans CJK JP",
    )  # fmt: skip
    return ["DejaVu Sans", *(name for name in chinese if name in known)]


def _areas(projection: Projection) -> npt.NDArray[np.float64]:
    base = 26.0 if len(projection.points) <= 1500 else 12.0
    return np.asarray(base * _relative(projection) ** 2, np.float64)


def _relative(projection: Projection) -> npt.NDArray[np.float64]:
    """Radii, 1 in the mean, between 0.5 and 6."""
    sizes = np.sqrt(np.maximum(projection.sizes, 0))
    mean = sizes.mean() or 1.0
    scale = 3.0 if len(sizes) <= FEW and sizes.std() > 0 else 1.0
    return np.asarray(np.clip(scale * sizes / mean, 0.5, 6.0), np.float64)


def _places(projection: Projection) -> npt.NDArray[np.float64]:
    """Where the points stand in the drawing: the whole of it is used, one scale for both axes."""
    points = projection.points
    low, high = points.min(0), points.max(0)
    room = np.array([WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN])
    scale = float((room / np.maximum(high - low, 1e-12)).min())
    middle = (low + high) / 2
    placed = (points - middle) * scale * np.array([1.0, -1.0])
    return np.asarray(placed + np.array([WIDTH / 2, HEIGHT / 2]), np.float64)


def _circles(projection: Projection, *, titles: bool) -> str:
    colours = palette(projection.groups)
    order = {name: k for k, name in enumerate(colours)}
    base = 5.0 if len(projection.points) <= 1500 else 3.2
    radii = base * _relative(projection)
    out = []
    for k, (x, y) in enumerate(_places(projection)):
        group, label = projection.groups[k], projection.labels[k]
        told = f"{label} ({group})" if group and group not in label else label
        # The title is what a pointer and a screen reader get without any script.
        inner = f"<title>{escape(_visible(told))}</title>" if titles else ""
        out.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radii[k]:.1f}" fill="{colours[group]}" '
            f'data-g="{order[group]}">{inner}</circle>'
        )
    return "\n".join(out)


def _visible(text: str) -> str:
    """Text without the characters that XML does not allow or that turn its direction round."""
    return "".join(c if c.isprintable() else " " for c in text)[:300]


def _legend(projection: Projection) -> list[tuple[str, str, int]]:
    colours = palette(projection.groups)
    if set(colours) == {""}:
        return []
    groups = np.array(projection.groups, dtype=object)
    # Points of several sizes stand for several things each: those are counted.
    weigh = projection.sizes if len(set(projection.sizes)) > 1 else np.ones(len(groups))
    return [
        (name or "–", colour, round(float(weigh[groups == name].sum())))
        for name, colour in colours.items()
    ]


def svg(projection: Projection, title: str) -> str:
    """The picture as one SVG with names as tooltips and its legend."""
    legend = "".join(
        f'<circle cx="{WIDTH + 14:.0f}" cy="{40 + 24 * k}" r="6" fill="{colour}"/>'
        f'<text x="{WIDTH + 28:.0f}" y="{45 + 24 * k}">{escape(_visible(name))} ({count:,})</text>'
        for k, (name, colour, count) in enumerate(_legend(projection))
    )
    wide = WIDTH + (260 if legend else 0)
    names = ""
    if len(projection.points) <= FEW:
        names = "".join(
            f'<text x="{x + 10:.1f}" y="{y + 4:.1f}">{escape(_visible(_short(projection, k)))}</text>'
            for k, (x, y) in enumerate(_places(projection))
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -40 {wide:.0f} {HEIGHT + 70:.0f}" '
        'font-family="system-ui, sans-serif" font-size="14" fill="#333">'
        f'<rect x="0" y="-40" width="{wide:.0f}" height="{HEIGHT + 70:.0f}" fill="#fff"/>'
        f'<text x="{MARGIN:.0f}" y="-14" font-size="20">{escape(_visible(title))}</text>'
        f'<g fill-opacity="0.75" stroke="#fff" stroke-width="0.5">{_circles(projection, titles=True)}</g>'
        f"{names}{legend}"
        f'<text x="{MARGIN:.0f}" y="{HEIGHT + 20:.0f}" fill="#666">{escape(projection.note)}</text>'
        "</svg>\n"
    )


def page(projection: Projection, title: str, lang: str = "en") -> str:
    """The picture as an HTML page: names under the pointer, groups to hide, zoom; nothing fetched."""
    words = _WORDS.get(lang, _WORDS["en"])
    legend = "".join(
        f'<button type="button" aria-pressed="true" data-g="{k}">'
        f'<i style="background:{colour}"></i>{escape(_visible(name))} <b>{count:,}</b></button>'
        for k, (name, colour, count) in enumerate(_legend(projection))
    )
    names = json.dumps([_visible(label) for label in projection.labels], ensure_ascii=False)
    template = (files("whyrec.features") / "projection.html").read_text("utf-8")
    fields = {
        "lang": "zh-CN" if lang == "zh" else "en",
        "title": escape(_visible(title)),
        "note": escape(projection.note),
        "hint": escape(words["hint"]),
        "legend": legend,
        "view": f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        "circles": _circles(projection, titles=True),
        # `<` cannot end the script element early when it is written as an escape.
        "names": names.replace("<", "\\u003c").replace("&", "\\u0026"),
    }
    # One pass: what is put in is not searched again.
    return re.sub(r"@(\w+)@", lambda found: fields[found[1]], template)
