"""What having rated tells, whatever the value: row vectors pulled to a mean that their pairs predict.

The row u of a matrix X has the features F_u = [x_uj stored] / √|row u|, and its vector is expected
near F_u B. B is the ridge solution for the vectors as they are, so that (Bᵀ F_u) is the implicit
term Σ_j v_j / √h of SVD++ (Koren, KDD 2008) with v = B. The same for columns, by who rated them
("flipped": Rendle, Zhang and Koren, arXiv 1905.01395). Drawn instead of solved, B is that of Macau
(Simm et al., 2017).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.linalg import lapack

from whyrec.recommend import threads
from whyrec.recommend.base import Floats

DENSE = 4_000
"""Rows or columns, the fewer of them, up to which the system is factorised; beyond, iterated."""

STEPS = 10
"""Conjugate gradient steps at most, beyond `DENSE`; each begins where the last solution ended."""


class ImplicitPrior:
    """Ridge regression of row vectors on which columns the row holds.

    Parameters
    ----------
    X
        CSR [rows, columns]; only where it stores something matters.
    strength
        λ: B is shrunk as if by λ rows of zeros.
    """

    def __init__(self, X: sparse.csr_matrix, strength: float) -> None:
        lengths = np.diff(X.indptr)
        data = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
        self.features = sparse.csr_matrix((data, X.indices, X.indptr), shape=X.shape)
        self._turned = self.features.T.tocsr()
        self.strength = strength
        self._last: Floats | None = None
        self._factor: npt.NDArray[np.float32] | None = None
        self._by_row = X.shape[0] <= X.shape[1]
        if min(X.shape) <= DENSE:
            F = self.features if self._by_row else self._turned
            gram = (F @ self.features.T if self._by_row else F @ self.features).toarray()
            gram[np.diag_indices_from(gram)] += np.float32(strength)
            # One thread: the last digit must not depend on how many there are.
            with threads.blas_threads(1):
                # Of a symmetric matrix: the transpose is the same, and in LAPACK's order.
                self._factor = lapack.spotrf(gram.T, lower=1, overwrite_a=1)[0]

    def fit(self, vectors: Floats) -> Floats:
        """B for the vectors [rows, d]: float64 [columns, d]."""
        T = np.asarray(vectors, np.float32)
        if self._factor is None:
            return self._iterate(T)
        with threads.blas_threads(1):
            if self._by_row:
                B = self._turned @ lapack.spotrs(self._factor, T, lower=1)[0]
            else:
                B = lapack.spotrs(self._factor, self._turned @ T, lower=1)[0]
        return np.asarray(B, np.float64)

    def _iterate(self, T: npt.NDArray[np.float32]) -> Floats:
        """(FᵀF + λI)⁻¹FᵀT by conjugate gradients, every column of T at once."""
        F, G = self.features, self._turned
        strength = np.float32(self.strength)
        r = G @ T
        # An error of a thousandth: rows are pulled to what this predicts, not set to it.
        stop = 1e-6 * np.maximum((r * r).sum(0), 1e-30)
        B: Floats = np.zeros_like(r)
        if self._last is not None and self._last.shape == r.shape:
            B = self._last.copy()
            r -= G @ (F @ B) + strength * B
        p = r.copy()
        size = (r * r).sum(0)
        for _ in range(STEPS):
            q = G @ (F @ p) + strength * p
            step = size / np.maximum((p * q).sum(0), 1e-30)
            B += step * p
            r -= step * q
            new = (r * r).sum(0)
            if (new <= stop).all():
                break
            p = r + new / np.maximum(size, 1e-30) * p
            size = new
        self._last = B
        return B.astype(np.float64)

    def draw(self, vectors: Floats, spread: Floats, rng: np.random.Generator) -> Floats:
        """B drawn from its posterior for vectors ~ N(F B, spreadᵀspread), by perturbed solving.

        Parameters
        ----------
        spread
            float64 [d, d], such that white noise times it has the vectors' covariance.
        """
        rows, columns = self.features.shape
        d = len(spread)
        prior = rng.standard_normal((columns, d)) @ spread / np.sqrt(self.strength)
        noise = rng.standard_normal((rows, d)) @ spread
        return np.asarray(prior + self.fit(vectors - self.features @ prior - noise))

    def means(self, B: Floats) -> Floats:
        """F B: float64 [rows, d]."""
        return np.asarray(self.features @ B, np.float64)
