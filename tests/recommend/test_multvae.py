"""Mult-VAE learns what is there, repeats itself, reads any history and comes back from disk."""

from __future__ import annotations

import builtins
import importlib.util

import numpy as np
import pytest
from scipy import sparse
from tests.recommend.model_cases import interactions

from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.base import History
from whyrec.recommend.checks import make_params
from whyrec.recommend.neural.learning import averaged, learn, ndcg
from whyrec.recommend.neural.multvae import MultVAE
from whyrec.recommend.registry import model


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks this small only wait for a second thread."""
    monkeypatch.setenv("WHYREC_THREADS", "1")


SMALL = {"hidden": 16, "latent": 8, "batch": 16, "epochs": 30, "validation": 0.0}


def two_tastes(people: int = 60) -> sparse.csr_matrix:
    """Half of the people have items 0 to 7 but one, half have items 8 to 15 but one."""
    dense = np.zeros((people, 16), np.float32)
    for u in range(people):
        dense[u, 8 * (u % 2) : 8 * (u % 2) + 8] = 1
        dense[u, 8 * (u % 2) + (u // 2) % 8] = 0
    return sparse.csr_matrix(dense)


def small(**params: object) -> MultVAE:
    return MultVAE(**{**SMALL, **params})


def test_it_finds_the_one_item_that_is_missing() -> None:
    X = two_tastes()
    fitted = small(dropout=0.2, epochs=150, learning_rate=1e-2).fit(X)
    found = fitted.recommend(X, 1, exclude=X).items[:, 0]
    missing = [8 * (u % 2) + (u // 2) % 8 for u in range(X.shape[0])]
    assert found.tolist() == missing
    assert fitted.curve_[-1, 1] < fitted.curve_[0, 1]


def test_scores_are_log_probabilities() -> None:
    fitted = small().fit(two_tastes())
    scores = fitted.scores(two_tastes())
    assert np.allclose(np.exp(scores).sum(1), 1, atol=1e-5)


def test_a_seed_gives_one_model_and_another_seed_another() -> None:
    X = two_tastes()
    one, two, other = small(seed=3).fit(X), small(seed=3).fit(X), small(seed=4).fit(X)
    for name, array in one.arrays().items():
        assert (array == two.arrays()[name]).all(), name
    assert not (one.scores(X) == other.scores(X)).all()


def test_fitting_leaves_the_callers_random_numbers_alone() -> None:
    import torch

    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    small(epochs=1).fit(two_tastes())
    assert (torch.rand(3) == expected).all()


def test_it_stops_when_validation_no_longer_improves_and_keeps_the_best() -> None:
    X = interactions(0, users=200, items=30)
    fitted = small(validation=0.2, epochs=200, patience=5, learning_rate=5e-2).fit(X)
    curve = fitted.curve_
    assert len(curve) < 200
    best = int(curve[:, 2].argmax())
    assert len(curve) == best + 1 + 5
    assert (curve[:, 0] == np.arange(1, len(curve) + 1)).all()


def test_the_best_weights_are_kept_and_not_the_last() -> None:
    import torch

    net = torch.nn.Linear(1, 1)
    values = iter([0.1, 0.5, 0.2, 0.3])
    epoch = [0]

    def step() -> float:
        epoch[0] += 1
        with torch.no_grad():
            net.weight.fill_(epoch[0])
        return 1.0

    curve = learn(net, step, lambda: next(values), epochs=9, patience=2, name="x")
    assert float(net.weight.detach()) == 2
    assert curve.tolist() == [[1, 1, 0.1], [2, 1, 0.5], [3, 1, 0.2], [4, 1, 0.3]]


def test_people_lose_only_held_out_events_to_validation() -> None:
    X = two_tastes(100)
    train, shown, hidden = small(validation=0.3)._split(X, np.random.default_rng(0))
    assert train.shape == X.shape
    assert train.nnz == X.nnz - hidden.nnz
    assert hidden.shape == shown.shape == (30, 16)
    # Seven events each: a fifth, rounded up, is held out.
    assert (np.diff(hidden.indptr) == 2).all()
    assert (np.diff(shown.indptr) == 5).all()
    assert shown.multiply(hidden).nnz == 0
    rows = {r.tobytes() for r in train.toarray()}
    assert all(r.tobytes() in rows for r in shown.toarray())


def test_averaged_weights_against_a_case_worked_by_hand() -> None:
    import torch

    net = torch.nn.Linear(1, 1, bias=False)
    kept = averaged(net, 2)
    seen = []
    for value in (8.0, 4.0, 0.0):
        with torch.no_grad():
            net.weight.fill_(value)
        kept.update_parameters(net)
        seen.append(float(kept.module.weight.detach()))
    # The first is taken; then the share is 1 / min(2, 1 + 1/10), then 1 / min(2, 1 + 2/10).
    second = 8 + (4 - 8) / 1.1
    assert seen == pytest.approx([8, second, second - second / 1.2])


def test_an_average_over_one_step_is_the_last_weights() -> None:
    import torch

    net = torch.nn.Linear(2, 3)
    kept = averaged(net, 1)
    for _ in range(4):
        with torch.no_grad():
            net.weight.add_(1)
        kept.update_parameters(net)
    assert torch.equal(kept.module.weight, net.weight)
    assert kept.module is not net


def test_validation_measure_against_a_case_worked_by_hand() -> None:
    scores = np.array([[9.0, 8, 7, 6], [1, 2, 3, 4]])
    seen = sparse.csr_matrix(np.array([[1, 0, 0, 0], [0, 0, 0, 1]], np.float32))
    hidden = sparse.csr_matrix(np.array([[0, 1, 0, 1], [1, 0, 0, 0]], np.float32))
    # Person 0 is shown 1, 2, 3: hits at 1 and 3; person 1 is shown 2, 1, 0: a hit at 3.
    first = (1 + 1 / 2) / (1 + 1 / np.log2(3))
    assert ndcg(scores, seen, hidden) == pytest.approx((first + 0.5) / 2)


def test_it_comes_back_from_its_arrays() -> None:
    X = two_tastes()
    fitted = small().fit(X)
    back = MultVAE.from_arrays(fitted.params, fitted.arrays())
    assert (back.scores(X) == fitted.scores(X)).all()
    assert (back.curve_ == fitted.curve_).all()
    assert back.params == fitted.params
    with pytest.raises(ModelError, match="do not fit together"):
        MultVAE.from_arrays({**fitted.params, "hidden": 17}, fitted.arrays())
    with pytest.raises(ModelError, match="do not fit together"):
        MultVAE.from_arrays(fitted.params, {})


def test_an_empty_and_a_whole_history_have_scores() -> None:
    fitted = small().fit(two_tastes())
    rows = sparse.csr_matrix(np.vstack([np.zeros(16), np.ones(16)]).astype(np.float32))
    scores = fitted.scores(rows)
    assert np.isfinite(scores).all()
    assert np.allclose(scores[0], fitted.scores(sparse.csr_matrix((1, 16), dtype=np.float32))[0])


def test_a_row_scores_the_same_alone_and_among_others() -> None:
    X = interactions(1, users=40)
    fitted = small().fit(X)
    together = fitted.scores(X)
    alone = np.vstack([fitted.scores(X[u]) for u in range(40)])
    assert np.allclose(together, alone, atol=1e-5)


def test_dense_scores_are_the_scores() -> None:
    import torch

    X = interactions(2)
    fitted = small().fit(X)
    dense = fitted.network_.dense(torch.from_numpy(X.toarray())).detach().numpy()
    assert np.allclose(dense, fitted.scores(X), atol=1e-5)


def test_leaving_out_is_scoring_without() -> None:
    X = interactions(3)
    fitted = small().fit(X)
    items = np.array([0, 5], np.int32)
    history = History(X[0].indices, X[0].data)
    lost = fitted.leave_one_out(history, items)
    for k, item in enumerate(history.items):
        row = history.without(np.array([item])).matrix(20)
        assert np.allclose(lost[:, k], fitted.scores(row)[0, items], atol=1e-5)
    none = History(np.empty(0, np.int32), np.empty(0, np.float32))
    assert fitted.leave_one_out(none, items).shape == (2, 0)
    with pytest.raises(NotImplementedError, match="no additive contributions"):
        fitted.contributions(history, items)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hidden": 0}, "multvae, hidden"),
        ({"dropout": 1.0}, "multvae, dropout"),
        ({"validation": -0.1}, "multvae, validation"),
        ({"average": 0}, "multvae, average"),
        ({"learning_rate": 0.0}, "multvae, learning_rate"),
        ({"seed": -1}, "multvae, seed"),
    ],
)
def test_parameters_out_of_range(params: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MultVAE(**params)


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(ConfigError, match="no such parameter: layers; use hidden, latent"):
        make_params(model("multvae"), {"layers": 3})


def test_a_loss_that_explodes_is_one_line() -> None:
    with pytest.raises(ModelError, match=r"loss of epoch 1 .*learning_rate lower"):
        learn(_Net(), lambda: float("nan"), None, epochs=2, patience=1, name="multvae")


class _Net:
    def train(self) -> None:
        """Nothing to switch."""


def test_without_torch_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real, find = builtins.__import__, importlib.util.find_spec
    monkeypatch.setattr(
        "whyrec.recommend.neural.runtime.find_spec",
        lambda name: None if name == "torch" else find(name),
    )

    def refuse(name: str, *args: object, **kwargs: object) -> object:
        if name == "torch" or name.startswith("torch."):
            raise ImportError(name)
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ModelError, match=r"pip install 'whyrec\[neural\]'"):
        small().fit(two_tastes())
