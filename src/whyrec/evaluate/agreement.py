"""Whether people who judged the same texts agree: Krippendorff's alpha, and pairwise preferences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from whyrec.errors import ConfigError

Level = Literal["nominal", "ordinal", "interval", "ratio"]


def alpha(judgements: Iterable[tuple[str, str, float]], level: Level = "nominal") -> float:
    """Krippendorff's alpha of (judge, what was judged, value): 1 is agreement, 0 is chance.

    A later judgement of the same thing by the same judge replaces the earlier one.

    Raises
    ------
    ConfigError
        If nothing was judged by two, or the extra `texts` is not installed.

    Examples
    --------
    >>> round(alpha([("a", "x", 1), ("b", "x", 1), ("a", "y", 2), ("b", "y", 2), ("a", "z", 1)]), 3)
    1.0
    """
    try:
        import krippendorff
    except ImportError as e:
        raise ConfigError(
            "krippendorff is not installed", where="agreement", remedy="pip install 'whyrec[texts]'"
        ) from e
    found = {(j, u): v for j, u, v in judgements}
    judges = {j: k for k, j in enumerate(sorted({j for j, _ in found}))}
    units = {u: k for k, u in enumerate(sorted({u for _, u in found}))}
    table = np.full((len(judges), len(units)), np.nan)
    for (j, u), v in found.items():
        table[judges[j], units[u]] = v
    paired = (~np.isnan(table)).sum(0) >= 2 if table.size else np.zeros(0, bool)
    if not paired.any():
        raise ConfigError(
            "nothing was judged by two people", where="agreement", remedy="have texts judged twice"
        )
    if len(np.unique(table[:, paired][~np.isnan(table[:, paired])])) == 1:
        return 1.0  # everybody always said the same; the formula divides by zero
    return float(krippendorff.alpha(reliability_data=table, level_of_measurement=level))


@dataclass(frozen=True, slots=True)
class Preference:
    """How often one system's text was preferred to another's.

    Attributes
    ----------
    wins, losses, ties
        Judgements for the first, for the second, for neither.
    p_value
        Of the two-sided sign test without the ties: how likely so uneven a result is by chance.
    """

    wins: int
    losses: int
    ties: int
    p_value: float

    @property
    def share(self) -> float:
        """Wins and half the ties over all; 0.5 without judgements."""
        total = self.wins + self.losses + self.ties
        return (self.wins + self.ties / 2) / total if total else 0.5


def preference(choices: Iterable[int]) -> Preference:
    """Sum up pairwise judgements: 1 for the first system, -1 for the second, 0 for neither.

    Examples
    --------
    >>> p = preference([1, 1, 1, 1, 1, 1, 0, -1])
    >>> p.wins, p.losses, p.ties, round(p.p_value, 3), p.share
    (6, 1, 1, 0.125, 0.8125)
    """
    from scipy.stats import binomtest

    signs = np.sign(np.fromiter(choices, np.float64))
    wins, losses = int((signs > 0).sum()), int((signs < 0).sum())
    decided = wins + losses
    p = float(binomtest(wins, decided).pvalue) if decided else 1.0
    return Preference(wins, losses, int((signs == 0).sum()), p)
