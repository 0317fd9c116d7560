"""ONNX: a network that maps a history to scores, from PyTorch, TensorFlow, Keras or anything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.data.dataset import Reads
from whyrec.errors import ConfigError, DataError, ModelError
from whyrec.recommend.adapters.adapted import bundle_of
from whyrec.recommend.adapters.scorer import BATCH, Scorer
from whyrec.recommend.adapters.vocabulary import Alignment, Missing, align
from whyrec.recommend.checks import check_number

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

WHERE = "from_onnx"
KINDS = ("multi-hot", "sequence")
PADDINGS = ("left", "right")
DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}
MOST_BYTES = 2 << 30
"""A larger graph keeps its weights in files beside it, which a saved model would lose."""


class OnnxModel(Scorer):
    """An ONNX graph run by onnxruntime on the CPU; the graph itself is the model's array.

    Parameters
    ----------
    input
        `multi-hot`: a float row [items] a history; `sequence`: item numbers [length], oldest first.
    reads
        What histories hold; `sequence` unless told otherwise for a sequence.
    binary
        Whether a multi-hot row holds ones instead of weights.
    first
        Number of the first item in a sequence (1 where 0 is padding).
    skip
        Columns of the output before the first item (1 where 0 is padding).
    length
        Length of a sequence: the last so many events.
    padding
        On which `left` or `right` side the padding number `pad` goes.
    pad
        The padding number.
    input_name, length_name, output_name
        Which input holds the history and which the lengths (if any), which output the scores; ""
        for the first (and no lengths).
    batch
        Histories a run.
    """

    name: str = "onnx"

    def __init__(
        self,
        *,
        input: str = "multi-hot",
        reads: Reads = "liked",
        binary: bool = False,
        first: int = 1,
        skip: int = 0,
        length: int = 50,
        padding: str = "right",
        pad: int = 0,
        input_name: str = "",
        length_name: str = "",
        output_name: str = "",
        batch: int = BATCH,
    ) -> None:
        for value, allowed, what in ((input, KINDS, "input"), (padding, PADDINGS, "padding")):
            if value not in allowed:
                raise ConfigError(
                    f"no such {what}: {value}", where="onnx", remedy=f"use {' or '.join(allowed)}"
                )
        if reads not in ("liked", "rated", "sequence"):
            raise ConfigError(
                f"cannot read {reads}", where="onnx", remedy="use liked, rated or sequence"
            )
        for number, what in ((first, "first"), (skip, "skip"), (pad, "pad")):
            check_number(number, where=f"onnx, {what}", low=0, whole=True)
        check_number(length, where="onnx, length", low=1, high=1 << 16, whole=True)
        check_number(batch, where="onnx, batch", low=1, whole=True)
        self.input, self.reads, self.binary = input, reads, bool(binary)
        self.first, self.skip, self.length = int(first), int(skip), int(length)
        self.padding, self.pad, self.batch = padding, int(pad), int(batch)
        self.input_name, self.length_name, self.output_name = input_name, length_name, output_name

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = ("input", "reads", "binary", "first", "skip", "length", "padding", "pad")
        more = ("input_name", "length_name", "output_name", "batch")
        return {n: getattr(self, n) for n in (*names, *more)}

    def take(self, graph: bytes, rows: Alignment) -> Self:
        """Use this graph, the bytes of an ONNX file.

        Raises
        ------
        ModelError
            If it cannot be read, or lacks an input or output that was named.
        """
        self._use(rows)
        self.graph_ = np.frombuffer(graph, np.uint8)
        self._session = _session(graph)
        self._inputs = {i.name: i for i in self._session.get_inputs()}
        outputs = [o.name for o in self._session.get_outputs()]
        lengths = {self.length_name} - {""}
        rest = [name for name in self._inputs if name not in lengths]
        self._input = self.input_name or rest[0]
        self._output = self.output_name or outputs[0]
        for name, known, what in (
            (self._input, list(self._inputs), "input"),
            (self._output, outputs, "output"),
            (self.length_name or self._input, list(self._inputs), "input"),
        ):
            if name not in known:
                raise ModelError(
                    f"has no {what} {name}", where=self.name, remedy=f"it has {', '.join(known)}"
                )
        unfed = set(self._inputs) - {self._input} - lengths
        if unfed:
            raise ModelError(
                f"also wants {', '.join(sorted(unfed))}",
                where=self.name,
                remedy="name the lengths' input with length_name, or export it with one input",
            )
        for name in {self._input, *lengths}:
            kind = self._inputs[name].type
            if kind not in DTYPES:
                raise ModelError(
                    f"input {name} is {kind}", where=self.name, remedy=f"use {', '.join(DTYPES)}"
                )
        return self

    def _ask(self, histories: sparse.csr_matrix) -> Any:
        feed = {self._input: self._fed(histories, DTYPES[self._inputs[self._input].type])}
        sizes = np.minimum(np.diff(histories.indptr), self.length)
        if self.length_name:
            feed[self.length_name] = sizes.astype(DTYPES[self._inputs[self.length_name].type])
        try:
            out = np.asarray(self._session.run([self._output], feed)[0])
        except Exception as error:  # onnxruntime has a class an error code
            raise ModelError(
                f"the graph cannot be run: {str(error)[:300]}",
                where=self.name,
                remedy="check the input's shape (a free batch dimension) and the options",
            ) from None
        if out.ndim == 3:  # scores after every event: those after the last count
            last = np.maximum(sizes, 1) - 1 if self.padding == "right" else -1
            out = out[np.arange(len(out)), last]
        return out[:, self.skip :] if out.ndim == 2 else out

    def _fed(self, histories: sparse.csr_matrix, dtype: Any) -> npt.NDArray[Any]:
        if self.input == "multi-hot":
            dense = np.zeros((histories.shape[0], self.skip + histories.shape[1]), dtype)
            rows = np.repeat(np.arange(histories.shape[0]), np.diff(histories.indptr))
            dense[rows, self.skip + histories.indices] = 1 if self.binary else histories.data
            return dense
        out = np.full((histories.shape[0], self.length), self.pad, dtype)
        for u in range(len(out)):
            own = histories.indices[histories.indptr[u] : histories.indptr[u + 1]]
            own = own[-self.length :] + self.first
            if self.padding == "right":
                out[u, : len(own)] = own
            elif len(own):
                out[u, -len(own) :] = own
        return out

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """`graph`, uint8, and which of its items are ours."""
        self._check_fitted()
        return {
            "graph": self.graph_,
            "theirs": self.rows.theirs,
            "size": np.array([self.rows.size], np.int64),
        }

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The model back."""
        rows = Alignment(arrays["theirs"], int(arrays["size"][0]))
        return cls(**params).take(arrays["graph"].tobytes(), rows)


def from_onnx(
    path: str | Path,
    dataset: Dataset,
    *,
    items: Sequence[Any] | None = None,
    missing: Missing = "error",
    **options: Any,
) -> Bundle:
    """An ONNX file that scores histories as a whyrec bundle; it is saved with the bundle.

    Scores stay the graph's own; evidence is sampled from them (`exact` is false).

    Parameters
    ----------
    path
        The file; whatever wrote it (torch.onnx.export, tf2onnx, keras.Model.export) makes no
        difference. Weights must be inside it.
    items
        Ids by the model's item number, from its first real item (without padding); None for the
        order of `dataset.catalogue.ids`.
    missing
        What to do about items that the data do not hold: `error` or `ignore`.
    **options
        Those of `OnnxModel`: `input`, `first`, `skip`, `length`, `padding`, ….

    Raises
    ------
    DataError
        If there is no such file.
    ConfigError
        If an option or ids do not fit.
    ModelError
        If it cannot be run or answers with the wrong shape, found by one run.
    """
    from whyrec.recommend.checks import make_params

    if options.get("input") == "sequence":
        options.setdefault("reads", "sequence")
    model = OnnxModel(**make_params(OnnxModel, options))
    ids = dataset.catalogue.ids if items is None else list(items)
    rows = align(ids, len(ids), dataset.catalogue.ids, what="item", where=WHERE, missing=missing)
    graph = _read(Path(path))
    model.take(graph, rows)
    model.scores(dataset.histories(model.reads)[:2])
    return bundle_of(
        model, dataset, {"file": Path(path).name}, unknown_items=int(rows.unknown.sum())
    )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(
                "larger than 2 GiB", where=str(path), remedy="export a smaller or quantised graph"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError("no such file", where=str(path), remedy="give an ONNX file") from None
    except IsADirectoryError:
        raise DataError("is a directory", where=str(path), remedy="give an ONNX file") from None


def _session(graph: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise ModelError(
            "onnxruntime is not installed", where="onnx", remedy="pip install 'whyrec[onnx]'"
        ) from None
    from whyrec.recommend.threads import threads

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class an error code
        raise ModelError(
            f"not an ONNX graph that can be run: {str(error)[:300]}",
            where="onnx",
            remedy="export it again, with its weights inside the file",
        ) from None
