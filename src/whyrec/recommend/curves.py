"""Learning curves as pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from whyrec.errors import ConfigError
from whyrec.recommend.base import Floats


def draw_curve(curve: Floats, path: str | Path, *, square: bool = False) -> None:
    """Draw error by pass, on ratings learnt from and on those held out, as PNG.

    Parameters
    ----------
    curve
        `MF.curve_`, float64 [passes, 1 or 2].
    square
        Whether to draw the MSE and not the RMSE.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            "matplotlib is not installed", where="draw_curve", remedy="pip install 'whyrec[plots]'"
        ) from error
    figure = Figure(figsize=(6, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    passes = np.arange(1, len(curve) + 1)
    for values, label in zip(curve.T, ("learnt from", "held out"), strict=False):
        axes.plot(passes, values**2 if square else values, label=label)
    axes.set_xlabel("pass over the ratings")
    axes.set_ylabel("MSE" if square else "RMSE")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    figure.savefig(Path(path), format="png", dpi=120)
