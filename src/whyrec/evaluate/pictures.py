"""A comparison as one picture: how accurate each model is, and against what that is bought."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whyrec.errors import ConfigError
from whyrec.evaluate.comparison import Comparison

INK, QUIET, BEST, REST = "#1f2933", "#8a94a0", "#c2410c", "#1d4e89"


def draw(comparison: Comparison, files: Sequence[str | Path], *, title: str) -> None:
    """Write the picture to files, PNG or SVG by their endings.

    Left the models with their intervals, the best on top; right the same accuracy against
    coverage, novelty and time to fit, each model by its number. Models that cannot be told apart
    from the best one beyond chance share its colour.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(
            "the package matplotlib is not installed",
            where="picture",
            remedy="pip install 'whyrec[plots]'",
        ) from None
    metric = comparison.metric
    names = [n for n, e in comparison.found.items() if metric in e.names]
    if not names:
        raise ConfigError(f"no model has {metric}", where="picture", remedy="use ndcg@10")
    behind = set(comparison.beaten(names[0]))
    colours = [REST if n in behind else BEST for n in names]
    figure = Figure(figsize=(13, max(4.4, 1.6 + 0.34 * len(names))), layout="constrained")
    FigureCanvasAgg(figure)
    ladder, *grid = figure.subplots(1, 4, width_ratios=(1.5, 1, 1, 1))
    _ladder(ladder, comparison, names, colours)
    for axes in grid[1:]:
        axes.sharey(grid[0])
        axes.tick_params(labelleft=False)
    grid[0].set_ylabel(metric, color=INK)
    k = metric.partition("@")[2] or next(
        (n.partition("@")[2] for n in comparison.found[names[0]].names if "@" in n), "10"
    )
    for axes, what, label in (
        (grid[0], f"coverage@{k}", f"coverage@{k}: share of items"),
        (grid[1], f"novelty@{k}", f"novelty@{k}: bits"),
        (grid[2], "fit", "seconds to fit"),
    ):
        _against(axes, comparison, names, colours, what, label)
    figure.suptitle(title, color=INK, fontsize=12, x=0.01, ha="left")
    for file in files:
        kind = Path(file).suffix.lstrip(".").lower()
        # No date and no random names in it: the same comparison gives the same bytes.
        told: dict[str, Any] = {"metadata": {"Date": None}} if kind == "svg" else {"dpi": 130}
        with rc_context({"svg.hashsalt": "whyrec"}):
            figure.savefig(file, format=kind, facecolor="white", **told)


def _ladder(axes: Any, comparison: Comparison, names: list[str], colours: list[str]) -> None:
    metric = comparison.metric
    for place, (name, colour) in enumerate(zip(names, colours, strict=True)):
        found = comparison.found[name]
        value = found.value(metric)
        low, high = found.intervals.get(metric, (value, value))
        axes.plot([low, high], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot(value, place, "o", color=colour, markersize=6)
        axes.annotate(
            f"{value:.3f}", (high, place), xytext=(5, 0), textcoords="offset points",
            va="center", fontsize=8, color=INK,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), [f"{n}  {k}" for k, n in enumerate(names, 1)])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.16)
    axes.set_xlabel(f"{metric} with 95 % interval", color=INK)
    axes.set_title(
        "orange: the best, and what chance cannot part from it", fontsize=8, color=BEST, loc="left"
    )
    _plain(axes, "x")


def _against(
    axes: Any, comparison: Comparison, names: list[str], colours: list[str], what: str, label: str
) -> None:
    points = []
    for name in names:
        found = comparison.found[name]
        across = found.fit_seconds if what == "fit" else _told(found, what)
        points.append((across, found.value(comparison.metric)))
    xy = np.array(points, np.float64)
    if what == "fit":
        xy[:, 0] = np.maximum(xy[:, 0], 1e-3)
        axes.set_xscale("log")
    known = ~np.isnan(xy[:, 0])
    for k in np.flatnonzero(known)[::-1]:
        axes.plot(*xy[k], "o", color=colours[k], markersize=12, markeredgecolor="white")
        axes.annotate(
            str(k + 1), xy[k], ha="center", va="center", fontsize=7, color="white", zorder=5
        )
    axes.margins(0.12)
    axes.set_xlabel(label, color=INK)
    if not known.any():
        axes.text(0.5, 0.5, "not told", transform=axes.transAxes, ha="center", color=QUIET)
    _plain(axes, "both")


def _told(found: Any, what: str) -> float:
    return float(found.value(what)) if what in found.names else float("nan")


def _plain(axes: Any, grid: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(colors=INK, labelsize=8)
    axes.grid(axis=grid, color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
