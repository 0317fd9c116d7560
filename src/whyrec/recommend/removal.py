"""Removal: how all scores of one person fall when any set of events is taken out of the history.

For EASE and for the fold-in of iALS the score of item k without the events S is

    s_k - Σ_{j∈S} γ_j(S) · F_jk

with effects F that do not depend on S. In a linear model γ_j(S) = w_j. In iALS (Woodbury, with
G_jl = y_jᵀA⁻¹y_l, q_j = y_jᵀx, D = diag(c_j - 1) on S) γ(S) = c - D(I - G D)⁻¹(q - G c).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whyrec.recommend.base import Floats, Ints


@dataclass(frozen=True, slots=True)
class Removal:
    """Everything that is needed to score without a set of events.

    Attributes
    ----------
    effects
        F, float64 [h, n_items].
    weights
        c (iALS) or w (linear), float64 [h].
    excess
        c - 1, float64 [h]; zeros in a linear model.
    gram
        G, float64 [h, h]; [0, 0] in a linear model.
    own
        q, float64 [h]; zeros in a linear model.
    """

    effects: Floats
    weights: Floats
    excess: Floats
    gram: Floats
    own: Floats

    @classmethod
    def linear(cls, effects: Floats, weights: Floats) -> Removal:
        """The removal of a model whose score is linear in the history."""
        nothing = np.zeros(len(weights))
        return cls(effects, weights, nothing, np.empty((0, 0)), nothing)

    def coefficients(self, removed: Ints) -> Floats:
        """γ(S) for positions `removed` in the history: float64 [removed]."""
        c = self.weights[removed]
        if not len(self.gram):
            return c
        G = self.gram[np.ix_(removed, removed)]
        d = self.excess[removed]
        solved = np.linalg.solve(np.eye(len(c)) - G * d, self.own[removed] - G @ c)
        return np.asarray(c - d * solved)

    def scores(self, scores: Floats, removed: Ints) -> Floats:
        """All scores after the removal, from the `scores` before it: float64 [n_items]."""
        return np.asarray(scores - self.coefficients(removed) @ self.effects[removed])
