"""How sure a measure is: bootstrap intervals over people, and tests whether one model beats another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 1000
FLIPS = 9999
BLOCK = 1 << 22
"""Random signs held at once."""


@dataclass(frozen=True, eq=False)
class PerPerson:
    """A measure as what each person adds to it: Σ total / Σ count, its square root if `root`.

    Attributes
    ----------
    total
        float64 [people]: the sum over what is counted of a person (1 list, or their ratings).
    count
        float64 [people]: how many are counted, 0 where the measure cannot be told of a person.
    root
        Whether it is a root mean square.

    Examples
    --------
    >>> PerPerson(np.array([3.0, 1.0]), np.array([1.0, 1.0])).value
    2.0
    """

    total: Floats
    count: Floats
    root: bool = False

    @classmethod
    def of(cls, values: Floats) -> PerPerson:
        """One value a person, NaN where there is none."""
        known = ~np.isnan(values)
        return cls(np.where(known, values, 0.0), known.astype(np.float64))

    @property
    def value(self) -> float:
        """The measure; NaN if nobody counts."""
        return float(self.finish(self.total.sum(), self.count.sum()))

    def finish(self, total: npt.ArrayLike, count: npt.ArrayLike) -> Floats:
        """The measure of summed totals and counts."""
        total, count = np.asarray(total, np.float64), np.asarray(count, np.float64)
        mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        return np.asarray(np.sqrt(mean) if self.root else mean)

    @property
    def each(self) -> Floats:
        """The measure of each person: float64 [people], NaN where there is none."""
        return self.finish(self.total, self.count)

    def __add__(self, other: PerPerson) -> PerPerson:
        """Two folds of the same people as one."""
        return PerPerson(self.total + other.total, self.count + other.count, self.root)


def bootstrap(
    measures: Sequence[PerPerson],
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> list[tuple[float, float]]:
    """Percentile intervals of measures of the same people (Efron and Tibshirani, 1993, ch. 13).

    People are drawn with replacement, the same ones for every measure; people with nothing to
    count in any of them are not drawn.

    Examples
    --------
    >>> low, high = bootstrap([PerPerson.of(np.arange(101.0))])[0]
    >>> low < 50 < high, 10 < high - low < 12.5  # 2 · 1.96 · 29.2 / √101 = 11.4
    (True, True)
    """
    if not measures:
        return []
    counted = np.logical_or.reduce([m.count > 0 for m in measures])
    total = np.column_stack([m.total[counted] for m in measures])
    count = np.column_stack([m.count[counted] for m in measures])
    n = len(total)
    if not n:
        return [(float("nan"), float("nan"))] * len(measures)
    both = np.hstack([total, count])
    rng = np.random.default_rng(seed)
    drawn = np.empty((resamples, both.shape[1]))
    for k in range(resamples):
        drawn[k] = np.bincount(rng.integers(n, size=n), minlength=n) @ both
    edges = [(1 - level) / 2, (1 + level) / 2]
    out = []
    for j, measure in enumerate(measures):
        values = measure.finish(drawn[:, j], drawn[:, len(measures) + j])
        known = values[~np.isnan(values)]
        low, high = np.quantile(known, edges) if len(known) else (np.nan, np.nan)
        out.append((float(low), float(high)))
    return out


def sign_flips(differences: Floats, *, flips: int = FLIPS, seed: int = 0) -> Floats:
    """Two-sided p-values of paired permutation tests: are differences as often below 0 as above?

    The statistic is the sum of a column; each person's difference keeps or changes its sign at
    random (Fisher, 1935; recommended for IR by Smucker et al., CIKM 2007). p = (1 + as extreme) /
    (1 + flips). The same signs serve all columns, so that many pairs of models cost one product.

    Parameters
    ----------
    differences
        float64 [people, pairs of models].

    Returns
    -------
    ndarray
        float64 [pairs of models].

    Examples
    --------
    >>> float(sign_flips(np.ones((4, 1))).round(1)[0])  # 2 of 16 ways to sign four ones
    0.1
    """
    rng = np.random.default_rng(seed)
    people = len(differences)
    found = np.abs(differences.sum(0))
    # Sums in another order differ in their last digits, and a tie is as extreme.
    found = found - 1e-9 * np.abs(differences).sum(0)
    extreme = np.zeros(differences.shape[1])
    step = max(1, BLOCK // max(people, 1))
    for start in range(0, flips, step):
        signs = rng.integers(0, 2, (min(step, flips - start), people), np.int8) * 2.0 - 1.0
        extreme += (np.abs(signs @ differences) >= found).sum(0)
    return np.asarray((1 + extreme) / (1 + flips))


def holm(p: npt.ArrayLike) -> Floats:
    """p-values corrected for their number, step down (Holm, Scandinavian Journal of Statistics 1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, np.float64)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(len(values), 0, -1)
    out = np.empty_like(values)
    out[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return out
