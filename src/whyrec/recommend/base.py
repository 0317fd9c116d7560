"""What every recommender promises: items are fitted, users are histories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset, Reads
    from whyrec.recommend.removal import Removal

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class History:
    """What a model reads of one person's past, an item each.

    Attributes
    ----------
    items
        int32 [h], item indices, each once: ascending, but oldest first where the model reads
        `sequence`.
    weights
        float32 [h]: event weights > 0; ratings where the model reads `rated`.
    """

    items: Ints
    weights: Floats

    def __len__(self) -> int:
        return len(self.items)

    def without(self, removed: Ints) -> History:
        """The history less the given item indices."""
        keep = ~np.isin(self.items, removed)
        return History(self.items[keep], self.weights[keep])

    def matrix(self, n_items: int) -> sparse.csr_matrix:
        """The history as a 1 × n_items CSR matrix."""
        indptr = np.array([0, len(self.items)])
        return sparse.csr_matrix((self.weights, self.items, indptr), shape=(1, n_items))


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The same score taken apart another way than by event.

    Attributes
    ----------
    kind
        What the parts are: item `feature`s, `neighbour`s (people), or the `model`s of a hybrid.
    names
        One name a part: a feature's (`tfidf:teapot`), a model's (`ease`), a neighbour's row number.
    parts
        float64 [items, names]; a row sums, with `baseline`, to the score of that item.
    """

    kind: Literal["feature", "neighbour", "model"]
    names: tuple[str, ...]
    parts: Floats


@dataclass(frozen=True, slots=True)
class Ranking:
    """Top-n lists, best first.

    Attributes
    ----------
    items
        int32 [users, n]; -1 where fewer than n candidates exist.
    scores
        float64 [users, n]; -inf there.
    """

    items: Ints
    scores: Floats


class Recommender(ABC):
    """A model that scores items from a history.

    Constructor arguments are the parameters, learnt arrays end in `_`.

    Attributes
    ----------
    name
        The name in the registry.
    exact
        Whether contributions add up to the score by construction. Where they do not, evidence
        samples them from the model's own scores.
    linear
        Whether the score is linear in the history, so that leaving out is subtraction.
    surrogate
        Whether contributions are those of a stand-in, because nobody knows how the scores were made
        (a table of lists): they are told with their residual, never as exact, and nothing is
        claimed about what another history would have brought.
    reads
        Which pairs make a history: `liked` (those of positive weight; the data are weights),
        `rated` (those with a rating, high or low; the data are ratings), `sequence` (the liked
        pairs of each row in order of time, oldest first). `Dataset.histories` gives the matrix.
    n_items
        Size of the catalogue that it was fitted on.
    """

    name: str
    exact: bool
    linear: bool
    surrogate: bool = False
    reads: Reads = "liked"
    n_items: int

    def fit_dataset(self, dataset: Dataset) -> Self:
        """Learn from a whole data set; models that use more than histories override this."""
        return self.fit(dataset.histories(self.reads))

    def attach(self, dataset: Dataset) -> None:  # noqa: B027 - most models need nobody else's rows
        """Give the model the data set that it is used with; `Bundle` calls it after fit and load.

        Only models that read other people's histories when they score (user neighbours) do
        something here. They keep no copy of their own, so that an erasure in the data reaches them.
        """

    @abstractmethod
    def fit(self, interactions: sparse.csr_matrix) -> Self:
        """Learn item parameters from a users × items CSR matrix of float32 weights > 0."""

    @abstractmethod
    def scores(self, histories: sparse.csr_matrix) -> Floats:
        """Scores of every item for each history: [histories, n_items], float64."""

    @abstractmethod
    def recommend(
        self, histories: sparse.csr_matrix, n: int, *, exclude: sparse.csr_matrix | None = None
    ) -> Ranking:
        """The n best items for each history, without those stored in the same row of `exclude`.

        Ties are broken by the lower item index, so that a ranking is reproducible.
        """

    @abstractmethod
    def contributions(self, history: History, items: Ints) -> Floats:
        """What each event adds to each item's score: float64 [items, h].

        A row sums, with `baseline`, to the score of that item.

        Raises
        ------
        NotImplementedError
            If the model is not `exact`.
        """

    def breakdowns(self, history: History, items: Ints) -> tuple[Breakdown, ...]:
        """The scores taken apart by feature, by neighbour or by model, where there are such."""
        return ()

    def baseline(self, items: Ints) -> Floats:
        """The part of each item's score that no event accounts for: float64 [items], here 0."""
        return np.zeros(len(items))

    @abstractmethod
    def leave_one_out(self, history: History, items: Ints) -> Floats:
        """Score of each item after removing each single event: float64 [items, h]."""

    def explain(self, history: History, items: Ints) -> tuple[Floats, Floats]:
        """Contributions, and effects: what each item's score loses without each single event.

        Both float64 [items, h].
        """
        parts = self.contributions(history, items)
        scores = parts.sum(1, keepdims=True) + self.baseline(items)[:, None]
        return parts, np.asarray(scores - self.leave_one_out(history, items))

    def explain_many(
        self, histories: sparse.csr_matrix, items: Ints, *, effects: bool = True
    ) -> tuple[list[Floats], list[Floats]]:
        """`explain` for many histories at once: row u of `items` [histories, n] belongs to history u.

        Each float64 [n, h]. Where `items` holds -1 the row means nothing. Without `effects` only
        contributions are computed and the second list is empty.
        """
        parts, lost = [], []
        for u in range(histories.shape[0]):
            a, b = histories.indptr[u], histories.indptr[u + 1]
            history = History(histories.indices[a:b], histories.data[a:b])
            if effects:
                part, loss = self.explain(history, items[u])
                lost.append(loss)
            else:
                part = self.contributions(history, items[u])
            parts.append(part)
        return parts, lost

    def removal(self, history: History) -> Removal | None:
        """How every score falls when events are removed; None if the model cannot tell."""
        return None

    @property
    @abstractmethod
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments, JSON-able."""

    @abstractmethod
    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Learnt arrays by name, enough for `from_arrays`."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The fitted model back from `params` and `arrays`."""
