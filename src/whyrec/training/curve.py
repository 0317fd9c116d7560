"""The loss curve: a table always, a picture where matplotlib is installed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from whyrec.data.files import atomic_file
from whyrec.training.settings import Row


def write_curve(rows: Sequence[Row], losses: Sequence[float], place: Path) -> None:
    """`curve.csv` with one line an evaluation, and `curve.png` where it can be drawn."""
    with atomic_file(place / "curve.csv") as part, Path(part).open("w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(Row.__slots__)
        for r in rows:
            writer.writerow(f"{getattr(r, k):.6g}" for k in Row.__slots__)
    _picture(rows, losses, place / "curve.png")


def _picture(rows: Sequence[Row], losses: Sequence[float], path: Path) -> None:
    """The loss curve as PNG where matplotlib is installed; it is a convenience, not a result."""
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    axes.plot(range(1, len(losses) + 1), losses, linewidth=0.5, label="training (smoothed labels)")
    axes.plot([r.step for r in rows], [r.valid_loss for r in rows], marker="o", label="validation")
    axes.set(xlabel="step", ylabel="loss a token", yscale="log")
    axes.legend()
    with atomic_file(path) as part:
        figure.savefig(part, format="png")
    pyplot.close(figure)
