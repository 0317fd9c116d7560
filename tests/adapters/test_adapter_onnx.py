"""ONNX graphs, made by hand and by torch.onnx: their scores are kept, and the graph is saved."""

# ruff: noqa: E402 - the library may be absent
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the test extra is not installed")
pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")
from onnx import TensorProto, helper, numpy_helper
from tests.adapters.adapter_cases import check_explained, check_saved, small

from whyrec.errors import ConfigError, DataError, ModelError
from whyrec.recommend.adapters import from_onnx

N = 40


def write(
    path: Path, nodes: list[Any], inputs: list[Any], output: Any, weights: dict[str, Any]
) -> Path:
    constants = [numpy_helper.from_array(v, k) for k, v in weights.items()]
    graph = helper.make_graph(nodes, "scorer", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def table(name: str, kind: int, *shape: Any) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def weights() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((N, N)).astype(np.float32)


def dense(path: Path, kind: int = TensorProto.FLOAT) -> Path:
    """scores = tanh(x W)."""
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["z"]),
        helper.make_node("Tanh", ["z"], ["y"]),
    ]
    W = weights().astype(np.float64 if kind == TensorProto.DOUBLE else np.float32)
    return write(path, nodes, [table("x", kind, "n", N)], table("y", kind, "n", N), {"W": W})


def vectors() -> np.ndarray:
    """Row 0 is padding."""
    E = np.random.default_rng(1).standard_normal((N + 1, 6)).astype(np.float32)
    E[0] = 0
    return E


def sequence(path: Path) -> Path:
    """The sum of the items' vectors, against all vectors; column 0 is padding."""
    nodes = [
        helper.make_node("Gather", ["E", "x"], ["e"], axis=0),
        helper.make_node("ReduceSum", ["e", "axes"], ["s"], keepdims=0),
        helper.make_node("MatMul", ["s", "Et"], ["y"]),
    ]
    E = vectors()
    constants = {"E": E, "Et": np.ascontiguousarray(E.T), "axes": np.array([1], np.int64)}
    inputs = [table("x", TensorProto.INT64, "n", 5)]
    return write(path, nodes, inputs, table("y", TensorProto.FLOAT, "n", N + 1), constants)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.DOUBLE])
def test_a_multi_hot_graph_scores_and_is_saved_with_the_bundle(kind: int, tmp_path: Path) -> None:
    data = small()
    bundle = from_onnx(dense(tmp_path / "m.onnx", kind), data)
    expected = np.tanh(data.interactions.toarray() @ weights())
    np.testing.assert_allclose(bundle.recommender.scores(data.interactions), expected, atol=1e-5)
    (tmp_path / "m.onnx").unlink()
    check_explained(check_saved(bundle, tmp_path))


def test_ones_instead_of_weights(tmp_path: Path) -> None:
    data = small().with_weights({"rating": 0.5})
    bundle = from_onnx(dense(tmp_path / "m.onnx"), data, binary=True)
    expected = np.tanh((data.interactions.toarray() > 0) @ weights())
    np.testing.assert_allclose(bundle.recommender.scores(data.interactions), expected, atol=1e-5)


@pytest.mark.parametrize("padding", ["left", "right"])
def test_a_sequence_is_the_last_events_in_order(padding: str, tmp_path: Path) -> None:
    data = small()
    bundle = from_onnx(
        sequence(tmp_path / "s.onnx"), data, input="sequence", length=5, skip=1, padding=padding
    )
    assert bundle.recommender.reads == "sequence"
    ours = bundle.recommender.scores(bundle.histories)
    E = vectors()
    for user in range(0, data.n_users, 9):
        last = bundle.history(user).items[-5:]
        np.testing.assert_allclose(ours[user], E[1:] @ E[last + 1].sum(0), atol=1e-4)
    check_explained(check_saved(bundle, tmp_path))


def test_an_empty_sequence_is_all_padding(tmp_path: Path) -> None:
    data = small()
    bundle = from_onnx(sequence(tmp_path / "s.onnx"), data, input="sequence", length=5, skip=1)
    empty = bundle.histories[:1].multiply(0).tocsr()
    empty.eliminate_zeros()
    assert (bundle.recommender.scores(empty) == 0).all()


def test_what_torch_exports_scores_the_same(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the neural extra is not installed")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(N, 8), torch.nn.Tanh(), torch.nn.Linear(8, N)).eval()
    file = tmp_path / "net.onnx"
    torch.onnx.export(
        net,
        (torch.zeros(1, N),),
        str(file),
        input_names=["history"],
        output_names=["scores"],
        dynamic_axes={"history": {0: "n"}, "scores": {0: "n"}},
        dynamo=False,
    )
    data = small()
    bundle = from_onnx(file, data)
    with torch.no_grad():
        expected = net(torch.from_numpy(data.interactions.toarray())).numpy()
    np.testing.assert_allclose(bundle.recommender.scores(data.interactions), expected, atol=1e-5)


def test_a_sequential_network_of_torch_with_lengths(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the neural extra is not installed")

    class Last(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vectors = torch.nn.Embedding(N + 1, 6, padding_idx=0)
            self.rnn = torch.nn.GRU(6, 6, batch_first=True)

        def forward(self, items: Any, lengths: Any) -> Any:
            states, _ = self.rnn(self.vectors(items))
            at = (lengths - 1).clamp(min=0).reshape(-1, 1, 1).expand(-1, 1, 6)
            return states.gather(1, at).squeeze(1) @ self.vectors.weight.T

    torch.manual_seed(0)
    net, file = Last().eval(), tmp_path / "gru.onnx"
    torch.onnx.export(
        net,
        (torch.ones(2, 7, dtype=torch.long), torch.tensor([3, 7])),
        str(file),
        input_names=["items", "lengths"],
        output_names=["scores"],
        dynamic_axes={"items": {0: "n"}, "lengths": {0: "n"}, "scores": {0: "n"}},
        dynamo=False,
    )
    options = {"input": "sequence", "length": 7, "skip": 1, "length_name": "lengths"}
    bundle = from_onnx(file, small(), **options)
    ours = bundle.recommender.scores(bundle.histories)
    for user in (0, 11, 30):
        last = bundle.history(user).items[-7:]
        items = torch.zeros(1, 7, dtype=torch.long)
        items[0, : len(last)] = torch.from_numpy(last.astype(np.int64) + 1)
        with torch.no_grad():
            expected = net(items, torch.tensor([len(last)])).numpy()[0, 1:]
        np.testing.assert_allclose(ours[user], expected, atol=1e-5)
    check_explained(bundle)


def test_wrong_files_and_options_are_told(tmp_path: Path) -> None:
    data = small()
    with pytest.raises(DataError, match="no such file"):
        from_onnx(tmp_path / "none.onnx", data)
    (tmp_path / "bad.onnx").write_bytes(b"not a graph")
    with pytest.raises(ModelError, match="not an ONNX graph that can be run"):
        from_onnx(tmp_path / "bad.onnx", data)
    file = dense(tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="has no input z; it has x"):
        from_onnx(file, data, input_name="z")
    with pytest.raises(ModelError, match="has no output z; it has y"):
        from_onnx(file, data, output_name="z")
    with pytest.raises(ConfigError, match="no such input: picture"):
        from_onnx(file, data, input="picture")
    with pytest.raises(ConfigError, match="no such parameter: depth"):
        from_onnx(file, data, depth=3)
    with pytest.raises(ModelError, match="cannot be run"):
        from_onnx(file, data, items=data.catalogue.ids[:-1], missing="ignore")
    with pytest.raises(ModelError, match="answered 2 × 41 for 2 histories and 40 items"):
        from_onnx(sequence(tmp_path / "s.onnx"), data, input="sequence", length=5)
