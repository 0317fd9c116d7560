"""Item features as vectors: what text, facets, images and other media have in common for a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse


@dataclass(frozen=True, eq=False)
class ItemFeatures:
    """One row an item; rows of unit length, or all zero where nothing is known.

    Every source (words, facets, an encoder of texts, images or sound) gives this and nothing else,
    so that a model neither knows nor cares where its features come from.

    Attributes
    ----------
    source
        Where they come from, as on the command line: `tfidf`, `facets`, `lsa`, `image`.
    matrix
        float32 [n_items, width], CSR or dense.
    names
        What each column means (`word:teapot`, `category:drama`), None where columns mean nothing
        one by one (embeddings).
    """

    source: str
    matrix: sparse.csr_matrix | npt.NDArray[np.float32]
    names: tuple[str, ...] | None = None

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self.matrix.shape[1])


def unit_rows(matrix: Any) -> Any:
    """The matrix with rows of length 1; rows of zeros stay. CSR stays CSR; float32."""
    if sparse.issparse(matrix):
        csr = matrix.tocsr().astype(np.float32)
        length = np.sqrt(np.asarray(csr.multiply(csr).sum(1)).ravel())
        scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
        return sparse.csr_matrix(sparse.diags_array(scale.astype(np.float32)) @ csr)
    dense = np.asarray(matrix, np.float32)
    length = np.linalg.norm(dense, axis=1, keepdims=True)
    return np.divide(dense, length, out=np.zeros_like(dense), where=length > 0)
