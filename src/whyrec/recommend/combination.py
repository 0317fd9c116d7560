"""Combinations: a score that is a fixed affine sum of other models' scores, and so are its reasons.

s_i = b + Σ_p a_p s_pi with a_p and b learnt once for everybody. Because neither depends on the
person or the item, contributions, baselines and effects of the parts add up with the same a_p.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.data.dataset import LIKE_SHARE, Reads
from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.base import Breakdown, Floats, History, Ints, Recommender
from whyrec.recommend.checks import check_fit, check_histories
from whyrec.recommend.parts import Part
from whyrec.recommend.removal import Removal
from whyrec.recommend.scoring import RowModel

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset


class Combination(RowModel):
    """An affine sum of other recommenders; subclasses say how its coefficients are learnt.

    It is exact if every part is, and linear if every part is. It reads ratings if a part does, the
    order of events if a part does; parts that read likings are then shown what is liked of that.

    Attributes
    ----------
    parts_
        The recommenders, fitted.
    coefficients_
        a, float64 [parts].
    offset_
        b.
    like_
        The rating from which an event is a liking, for parts that read likings in a combination
        that reads ratings; None elsewhere.
    """

    exact: bool = False
    linear: bool = False
    coefficients_: Floats
    offset_: float

    def _hold(self, parts: Sequence[Recommender]) -> None:
        self.parts_ = list(parts)
        self.exact = all(p.exact for p in self.parts_)
        self.linear = all(p.linear for p in self.parts_)
        self.reads = _reads(self.parts_, self.name)
        self.parallel = all(isinstance(p, RowModel) and p.parallel for p in self.parts_)
        self.like_: float | None = None

    def _fit_parts(self, interactions: sparse.csr_matrix) -> sparse.csr_matrix:
        """Fit every part on a matrix of what this combination reads; the matrix, checked."""
        if self.reads == "liked":
            X = check_fit(interactions, self.name)
        else:
            X = check_histories(interactions, self.reads, what=f"{self.name}.fit")
        if self._has_likers and X.nnz:
            self.like_ = LIKE_SHARE * float(X.data.max())
        for part in self.parts_:
            part.fit(self._view(X, part)[0])
        self.n_items = X.shape[1]
        return X

    def _fit_parts_on(self, dataset: Dataset) -> sparse.csr_matrix:
        """Fit every part on a data set; the histories that this combination reads."""
        if self._has_likers:
            self.like_ = _like(dataset, self.name)
        for part in self.parts_:
            part.fit_dataset(dataset)
            part.attach(dataset)
        self.n_items = dataset.n_items
        return dataset.histories(self.reads)

    def attach(self, dataset: Dataset) -> None:
        """Hand the data set on to the parts."""
        for part in self.parts_:
            part.attach(dataset)

    @property
    def _has_likers(self) -> bool:
        return self.reads == "rated" and any(p.reads == "liked" for p in self.parts_)

    def _view(
        self, histories: sparse.csr_matrix, part: Recommender
    ) -> tuple[sparse.csr_matrix, Ints | None]:
        """What a part is shown of histories, and where each of its entries stood (None: there)."""
        if part.reads == self.reads:
            return histories, None
        if self.reads == "sequence":
            where: Ints = np.arange(histories.nnz)
            moved = sparse.csr_matrix(
                (where, histories.indices.copy(), histories.indptr.copy()), shape=histories.shape
            )
            moved.sort_indices()
            where = np.asarray(moved.data)
            shown = (histories.data[where], moved.indices, moved.indptr)
            return sparse.csr_matrix(shown, shape=histories.shape), where
        where = np.flatnonzero(histories.data >= self.like_)
        indptr = np.searchsorted(where, histories.indptr).astype(histories.indptr.dtype)
        ones = np.ones(len(where), np.float32)
        shown = (ones, histories.indices[where], indptr)
        return sparse.csr_matrix(shown, shape=histories.shape), where

    def _shown(self, history: History, part: Recommender) -> tuple[History, Ints | None]:
        if part.reads == self.reads:
            return history, None
        matrix, where = self._view(history.matrix(self.n_items), part)
        return History(matrix.indices, matrix.data), where

    def part_scores(self, histories: sparse.csr_matrix) -> list[Floats]:
        """Each part's own scores, not calibrated: float64 [histories, n_items] a part."""
        return [part.scores(self._view(histories, part)[0]) for part in self.parts_]

    def _score_rows(self, histories: sparse.csr_matrix, start: int, end: int, out: Floats) -> None:
        out[:] = self.offset_
        held: Floats = np.empty(out.shape)
        for a, part in zip(self.coefficients_.tolist(), self.parts_, strict=True):
            if a == 0:
                continue
            if not isinstance(part, RowModel):
                held = part.scores(self._view(histories[start:end], part)[0])
            elif part.reads == self.reads:
                part._score_rows(histories, start, end, held)
            else:
                shown, _ = self._view(histories[start:end], part)
                part._score_rows(shown, 0, end - start, held)
            out += a * held

    def baseline(self, items: Ints) -> Floats:
        """b and the parts' own baselines."""
        out: Floats = np.full(len(items), self.offset_)
        for a, part in zip(self.coefficients_.tolist(), self.parts_, strict=True):
            out = out + a * part.baseline(items)
        return out

    def contributions(self, history: History, items: Ints) -> Floats:
        """The parts' contributions, each times its coefficient: float64 [items, h]."""
        return self._sum(history, items, lambda part, shown: (part.contributions(shown, items),))[0]

    def explain(self, history: History, items: Ints) -> tuple[Floats, Floats]:
        """Contributions and effects; see `Recommender.explain`."""
        parts, lost = self._sum(history, items, lambda part, shown: part.explain(shown, items))
        return parts, lost

    def explain_many(
        self, histories: sparse.csr_matrix, items: Ints, *, effects: bool = True
    ) -> tuple[list[Floats], list[Floats]]:
        """`explain` for many histories at once."""
        self._need_exact()
        if self.reads != "liked":
            return super().explain_many(histories, items, effects=effects)
        parts: list[Floats] = []
        lost: list[Floats] = []
        for a, part in zip(self.coefficients_.tolist(), self.parts_, strict=True):
            found, gone = part.explain_many(histories, items, effects=effects)
            _add(parts, found, a)
            _add(lost, gone, a)
        return parts, lost

    def _sum(self, history: History, items: Ints, ask: Any) -> list[Floats]:
        self._need_exact()
        self._check_fitted()
        out: list[Floats] = [np.zeros((len(items), len(history))) for _ in range(2)]
        for a, part in zip(self.coefficients_.tolist(), self.parts_, strict=True):
            shown, where = self._shown(history, part)
            if not len(shown):
                continue
            for total, found in zip(out, ask(part, shown), strict=False):
                if where is None:
                    total += a * found
                else:
                    total[:, where] += a * found
        return out

    def _need_exact(self) -> None:
        if not self.exact:
            names = ", ".join(p.name for p in self.parts_ if not p.exact)
            raise NotImplementedError(f"{self.name}: {names} cannot be taken apart exactly")

    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """Scores after removing each single event: float64 [items, h]."""
        self._check_fitted()
        out: Floats = np.full((len(items), len(history)), self.offset_)
        for a, part in zip(self.coefficients_.tolist(), self.parts_, strict=True):
            shown, where = self._shown(history, part)
            if where is None:
                out += a * part.leave_one_out(shown, items)
                continue
            # What a part is not shown, it does not miss.
            whole = part.scores(shown.matrix(self.n_items))[0, items]
            found = np.repeat(whole[:, None], len(history), 1)
            if len(shown):
                found[:, where] = part.leave_one_out(shown, items)
            out += a * found
        return out

    def breakdowns(self, history: History, items: Ints) -> tuple[Breakdown, ...]:
        """The score by model: what each part adds beyond its own baseline."""
        self._check_fitted()
        parts = np.empty((len(items), len(self.parts_)))
        for k, (a, part) in enumerate(zip(self.coefficients_.tolist(), self.parts_, strict=True)):
            shown, _ = self._shown(history, part)
            scores = part.scores(shown.matrix(self.n_items))[0, items]
            parts[:, k] = a * (scores - part.baseline(items))
        return (Breakdown("model", self.names, parts),)

    @property
    def names(self) -> tuple[str, ...]:
        """One name a part; a model that comes again is numbered."""
        seen: dict[str, int] = {}
        out = []
        for part in self.parts_:
            seen[part.name] = seen.get(part.name, 0) + 1
            out.append(part.name if seen[part.name] == 1 else f"{part.name} {seen[part.name]}")
        return tuple(out)

    def removal(self, history: History) -> Removal | None:
        """How every score falls when events are removed, where all parts are linear; else None."""
        if not self.linear:
            return None
        self._check_fitted()
        effects = np.zeros((len(history), self.n_items))
        for a, part in zip(self.coefficients_.tolist(), self.parts_, strict=True):
            shown, where = self._shown(history, part)
            own = part.removal(shown)
            if own is None:
                return None
            lost = (a * own.weights)[:, None] * own.effects
            if where is None:
                effects += lost
            else:
                effects[where] += lost
        return Removal.linear(effects, np.ones(len(history)))

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`coefficients`, `offset`, `like`, and the parts' arrays as `0.name`, `1.name`, …"""
        self._check_fitted()
        like = () if self.like_ is None else (self.like_,)
        out = {
            "coefficients": self.coefficients_,
            "offset": np.array([self.offset_]),
            "like": np.array(like, np.float64),
        }
        for k, part in enumerate(self.parts_):
            out |= {f"{k}.{name}": array for name, array in part.arrays().items()}
        return out

    def _restore(self, specs: Sequence[Part], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        parts = [spec.restore(_under(arrays, f"{k}.")) for k, spec in enumerate(specs)]
        self._hold(parts)
        self.coefficients_ = np.asarray(arrays["coefficients"], np.float64)
        self.offset_ = float(arrays["offset"][0])
        self.like_ = float(arrays["like"][0]) if len(arrays["like"]) else None
        self.n_items = parts[0].n_items
        sizes = {p.n_items for p in parts}
        if len(self.coefficients_) != len(parts) or len(sizes) != 1:
            raise ModelError("arrays do not fit together", where=self.name, remedy="fit again")
        return self


def _under(arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def _add(total: list[Floats], found: list[Floats], a: float) -> None:
    if not total:
        total.extend(a * f for f in found)
        return
    for k, f in enumerate(found):
        total[k] = total[k] + a * f


def _reads(parts: Sequence[Recommender], name: str) -> Reads:
    found = {p.reads for p in parts}
    if {"rated", "sequence"} <= found:
        raise ConfigError(
            "a model of ratings and one of sequences cannot be summed",
            where=f"{name}, parts",
            remedy="combine either with models that read likings, such as ease or ials",
        )
    if "rated" in found:
        return "rated"
    return "sequence" if "sequence" in found else "liked"


def _like(dataset: Dataset, name: str) -> float:
    rated = dataset.histories("rated")
    if dataset.best_rating is None or not rated.nnz:
        raise ModelError(
            "the data set has no ratings",
            where=f"{name}.fit",
            remedy="combine models that read likings only, such as ease and ials",
        )
    return LIKE_SHARE * dataset.best_rating
