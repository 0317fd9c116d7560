"""Factor models whose items are sums of feature vectors (LightFM): the score by event and by feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.errors import ModelError
from whyrec.recommend.adapters.factors import Factors
from whyrec.recommend.base import Breakdown, History, Ints


class FeatureFactors(Factors):
    """`Factors` with z_i = Σ_f F_if v_f: feature f of item i adds F_if v_f·x to its score.

    Parameters
    ----------
    names
        One name a feature; none if the features have no names.
    params
        Those of `Factors`.

    Attributes
    ----------
    features_
        F, CSR [n_items, features].
    feature_factors_
        v, float32 [features, k].
    """

    name: str = "feature-factors"
    features_: sparse.csr_matrix
    feature_factors_: npt.NDArray[np.float32]

    def __init__(self, *, names: Sequence[str] = (), **params: Any) -> None:
        super().__init__(**params)
        self.names = tuple(names)

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        return {**super().params, "names": list(self.names)}

    @classmethod
    def of(
        cls, model: Factors, features: Any, feature_factors: Any, names: Sequence[str]
    ) -> FeatureFactors:
        """The folded model with its features.

        Parameters
        ----------
        features, feature_factors
            F, in our order, and v in the columns of the model's out factors.
        """
        arrays = {**model.arrays()}
        made = cls.from_arrays(
            {**model.params, "names": ()}, {**arrays, **_csr(features, feature_factors)}
        )
        made.names = tuple(names)
        return made

    def breakdowns(self, history: History, items: Ints) -> tuple[Breakdown, ...]:
        """By feature: of those that any of the items has."""
        x, _ = self._vector(history)
        F = sparse.csr_matrix(self.features_[items])
        used = np.unique(F.indices)
        k = self.feature_factors_.shape[1]
        worth = self.feature_factors_[used].astype(np.float64) @ x[:k]
        parts = F[:, used].toarray().astype(np.float64) * worth
        names = tuple(self.names[f] if self.names else str(f) for f in used.tolist())
        return (Breakdown("feature", names, parts),)

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Those of `Factors`, `feature_factors` and the three arrays of F."""
        return {**super().arrays(), **_csr(self.features_, self.feature_factors_)}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back."""
        model = super().from_arrays(params, arrays)
        model.feature_factors_ = np.asarray(arrays["feature_factors"], np.float32)
        shape = (model.n_items, len(model.feature_factors_))
        parts = (arrays["feature_data"], arrays["feature_indices"], arrays["feature_indptr"])
        model.features_ = sparse.csr_matrix(parts, shape=shape)
        if model.names and len(model.names) != shape[1]:
            raise ModelError("arrays do not fit together", where=cls.name, remedy="adapt again")
        return model


def _csr(features: Any, factors: Any) -> dict[str, npt.NDArray[Any]]:
    F = sparse.csr_matrix(features, dtype=np.float32)
    return {
        "feature_data": F.data,
        "feature_indices": F.indices,
        "feature_indptr": F.indptr,
        "feature_factors": np.asarray(factors, np.float32),
    }
