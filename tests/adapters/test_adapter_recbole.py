"""Models of RecBole, trained for an epoch or two: by item weights, by embeddings, by asking."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

if sys.version_info >= (3, 12):
    pytest.skip("RecBole's Ray is not made for this Python", allow_module_level=True)
pytest.importorskip("recbole", reason="the peers extra is not installed")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from tests.adapters.adapter_cases import check_explained, check_saved, check_sums, small

from _recbole import RecBole
from whyrec.errors import ModelError
from whyrec.recommend.adapters import adapt, from_recbole

pytestmark = pytest.mark.filterwarnings("ignore")


@cache
def trained(name: str) -> RecBole:
    """RecBole's own ids are our indices as text."""
    data = small()
    quick: dict[str, Any] = {"epochs": 2, "stopping_step": 2, "train_batch_size": 256}
    if name == "SASRec":
        options = {"MAX_ITEM_LIST_LENGTH": 8, "hidden_size": 8, "inner_size": 8, "n_layers": 1}
        return RecBole(name, data.histories("sequence"), **quick, **options)
    X = data.interactions
    valid = X.copy()
    valid.data[:] = 1
    sizes = {"embedding_size": 6, "mlp_hidden_size": [8], "latent_dimension": 4}
    return RecBole(name, X, valid, **quick, **sizes)


def numbered() -> Any:
    """The small data set with the ids that the RecBole helper writes: indices as text."""
    from dataclasses import replace

    import polars as pl

    data = small()
    ids = pl.Series("id", [str(i) for i in range(data.n_items)])
    catalogue = type(data.catalogue)(data.catalogue.table.with_columns(ids))
    return replace(data, users=tuple(str(u) for u in range(data.n_users)), catalogue=catalogue)


def theirs(run: RecBole, histories: sparse.csr_matrix) -> np.ndarray:
    return run.scores(histories)


@pytest.mark.parametrize("name", ["MultiVAE", "SASRec"])
def test_autoencoders_and_sequences_are_asked_and_score_the_same(name: str) -> None:
    run, data = trained(name), numbered()
    bundle = from_recbole(run.model, data, run._data)
    assert not bundle.recommender.exact
    ours, told = bundle.recommender.scores(bundle.histories), theirs(run, bundle.histories)
    known = np.isfinite(told)
    np.testing.assert_allclose(ours[known], told[known], rtol=1e-4, atol=1e-5)
    check_explained(bundle)
    with pytest.raises(ModelError, match="cannot be saved"):
        bundle.save("nowhere")


@pytest.mark.parametrize("name", ["BPR", "LightGCN"])
def test_embeddings_are_folded_in(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # RecBole's graph models call this; SciPy no longer has it.
    update = lambda matrix, entries: matrix._dict.update(entries)  # noqa: E731
    monkeypatch.setattr(sparse.dok_matrix, "_update", update, raising=False)
    run, data = trained(name), numbered()
    bundle = adapt(run.model, data, data=run._data)
    assert bundle.recommender.exact
    assert bundle.notes["fidelity"]["top10_kept"] > 0.3
    check_sums(bundle)
    check_explained(check_saved(bundle, tmp_path))


def test_ease_is_the_same_sum(tmp_path: Path) -> None:
    run, data = trained("EASE"), numbered()
    bundle = adapt(run.model, data, data=run._data)
    assert bundle.notes["fidelity"]["top10_kept"] == 1
    assert bundle.notes["fidelity"]["rmse"] < 1e-5
    check_sums(bundle)
    check_explained(check_saved(bundle, tmp_path))


def test_models_that_score_pairs_in_another_way_are_refused() -> None:
    run, data = trained("NeuMF"), numbered()
    with pytest.raises(ModelError, match="NeuMF is not one of"):
        adapt(run.model, data, data=run._data)
