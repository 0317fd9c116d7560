"""The best rule to fold histories into somebody's factor model: chosen by what it keeps of their lists.

Libraries that learn one vector a person (BPR, logistic MF, LightFM, SVD) have no rule for a new
history. Several are tried. For implicit feedback the folded vector is also mapped by the matrix that
takes it closest to the library's own vectors of the same people (ridge regression; one half of the
sample learns, the other judges). All of them are linear in the weights after the solve, so that
the parts still add up; how much of the original's lists is kept is told, and never assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from whyrec.errors import ModelError
from whyrec.recommend.adapters.agreement import Agreement, Sample, choose
from whyrec.recommend.adapters.factors import Factors
from whyrec.recommend.base import Floats

RIDGES = (0.01, 0.1, 1.0, 10.0)
"""λ tried, as shares of the mean diagonal of what it is added to."""

CONFIDENCES = (2.0, 10.0, 40.0)
"""c tried for an event where everything else counts 1."""

RATED_RIDGES = (0.02, 0.1, 0.3, 1.0, 3.0, 10.0)
"""λ tried for ratings, as shares of the mean squared length of an item's vector."""


def fold_implicit(
    item_factors: Any,
    baseline: Any,
    known: Any,
    sample: Sample | None,
    user_factors: Floats | None = None,
) -> tuple[Factors, Agreement | None]:
    """A `Factors` model of implicit feedback that keeps as much of the original's lists as it can.

    Parameters
    ----------
    item_factors, baseline, known
        [n_items, k], [n_items], bool [n_items], in our order.
    sample
        People with the original's scores; None where its people are not known: then the rule of
        Hu, Koren and Volinsky with c = 10 and λ = a tenth of the mean diagonal is used.
    user_factors
        The original's vectors of the sample's people, [people, k]; with them a map is learnt.
    """
    Y = np.asarray(item_factors, np.float64)
    if sample is None or len(sample.scores) < 2:
        return next(_implicit(Y, baseline, known, [(1.0, 10.0, 0.1)])), None
    rules = [(1.0, c, ridge) for c in CONFIDENCES for ridge in RIDGES]
    rules += [(0.0, 1.0, ridge) for ridge in (0.1, 1.0, 10.0, 100.0)]
    learn, judge = sample.half(0), sample.half(1)
    tried = list(_implicit(Y, baseline, known, rules))
    if user_factors is not None:
        tried += [_mapped(m, learn, user_factors[0::2], baseline) for m in tried[:]]
    return choose(tried, judge)


def _implicit(
    Y: Floats, baseline: Any, known: Any, rules: list[tuple[float, float, float]]
) -> Iterator[Factors]:
    mean_square = float((Y**2).sum(1)[np.asarray(known, bool)].mean())
    if mean_square == 0:
        raise ModelError(
            "the item factors are all zero", where="factors", remedy="fit the model first"
        )
    mean_diagonal = float((Y**2).sum(0).mean())
    for gram, c, ridge in rules:
        scale = mean_diagonal if gram else mean_square
        model = Factors(gram=gram, offset=c, regularization=max(ridge * scale, 1e-9))
        yield model.take(Y, baseline=baseline, known=known)


def _mapped(model: Factors, learn: Sample, user_factors: Floats, baseline: Any) -> Factors:
    """The same fold-in, then the affine map to the library's own vectors (ridge, unpenalised mean)."""
    M, shift = _map(model.user_factors(learn.histories), np.asarray(user_factors, np.float64))
    Y = model.item_factors_.astype(np.float64)
    shifted = np.asarray(baseline, np.float64) + Y @ shift
    return Factors(**dict(model.params)).take(
        Y, baseline=shifted, out_factors=Y @ M.T, known=model.known_
    )


def _map(X: Floats, P: Floats) -> tuple[Floats, Floats]:
    """(M, m) with P ≈ X M + m: ridge regression, the mean not penalised."""
    x0, p0 = X.mean(0), P.mean(0)
    C = (X - x0).T @ (X - x0)
    C[np.diag_indices_from(C)] += 1e-3 * max(float(np.trace(C)) / len(C), 1e-12)
    M = np.linalg.solve(C, (X - x0).T @ (P - p0))
    return M, p0 - x0 @ M


def fold_rated(
    item_factors: Any,
    baseline: Any,
    known: Any,
    sample: Sample | None,
    *,
    bias: str,
    damping: float | None = None,
    implicit_factors: Any = None,
    user_factors: Floats | None = None,
) -> tuple[Factors, Agreement | None]:
    """A `Factors` model of ratings; λ and the damping of a person's bias are chosen.

    Parameters
    ----------
    item_factors, baseline, known
        [n_items, k], [n_items] (mean and item bias), bool [n_items], in our order.
    sample
        People with the original's predictions; None for the middle of what would be tried.
    bias
        `none`, `joint` or `mean`; see `Factors`.
    damping
        That of the bias, where it is known.
    implicit_factors
        p of SVD++, in our order.
    user_factors
        The original's vectors of the sample's people, [people, k]; with them a map is learnt.
    """
    Y = np.asarray(item_factors, np.float64)
    scale = float((Y**2).sum(1)[np.asarray(known, bool)].mean()) if Y.size else 1.0
    dampings = (damping,) if damping is not None else (1.0, 5.0, 15.0)
    if bias == "none":
        dampings = (0.0,)
    ridges = RATED_RIDGES if Y.shape[1] else (1.0,)

    def model(ridge: float, damp: float) -> Factors:
        made = Factors(
            kind="rated", gram=0.0, regularization=max(ridge * scale, 1e-9), bias=bias, damping=damp
        )
        return made.take(Y, baseline=baseline, known=known, implicit_factors=implicit_factors)

    if sample is None or not len(sample.scores):
        return model(ridges[len(ridges) // 2], dampings[len(dampings) // 2]), None
    tried = [model(r, d) for d in dampings for r in ridges]
    if user_factors is None or len(sample.scores) < 2:
        return choose(tried, sample)
    learn, judge = sample.half(0), sample.half(1)
    best, _ = choose(tried, learn)
    return choose([best, _mapped_rated(best, learn, user_factors[0::2])], judge)


def _mapped_rated(model: Factors, learn: Sample, user_factors: Floats) -> Factors:
    """The same fold-in with the person's vector (not the bias) mapped as in `_mapped`."""
    P = np.asarray(user_factors, np.float64)
    k = P.shape[1]
    M, shift = _map(model.user_factors(learn.histories)[:, :k], P)
    Y = model.item_factors_.astype(np.float64)
    return Factors(**dict(model.params)).take(
        Y,
        baseline=model.baseline_ + Y @ shift,
        offsets=model.baseline_,
        out_factors=Y @ M.T,
        known=model.known_,
        implicit_factors=model.implicit_factors_,
    )


def below(values: Floats, known: Any) -> Floats:
    """The baseline with whatever the original does not know put below all the rest of it."""
    out = np.asarray(values, np.float64).copy()
    held = np.asarray(known, bool)
    if held.any() and not held.all():
        low, high = float(out[held].min()), float(out[held].max())
        out[~held] = low - (high - low) - 1
    return out
