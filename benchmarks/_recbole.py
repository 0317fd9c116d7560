"""RecBole on our splits: the NumPy names that it needs, its files in a temporary folder, no logs."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

NAMES = {
    "bool8": np.bool_,
    "float_": np.float64,
    "complex_": np.complex128,
    "unicode_": np.str_,
    "int": int,
    "float": float,
    "bool": bool,
    "object": object,
}
"""What NumPy 2 no longer has and RecBole 1.2 imports or uses."""


def put_names_back() -> None:
    """Give NumPy the old names; before anything of RecBole is imported."""
    for name, kind in NAMES.items():
        if name not in vars(np):
            setattr(np, name, kind)


class RecBole:
    """One RecBole model trained on pairs of ours, and its scores in our numbering.

    Parameters
    ----------
    model
        RecBole's name: `MultiVAE`, `RecVAE`, `SASRec`, `BPR`, `LightGCN`.
    train, valid
        CSR [users, items] of what it learns from and what it stops early by (NDCG@10); rows in
        order of time for a sequential model, which is given no `valid`: RecBole itself takes the
        last event of each sequence.
    settings
        RecBole's own, over its defaults (`epochs`, `stopping_step`, `train_batch_size`, ...).

    Attributes
    ----------
    epochs
        How many it ran.
    """

    def __init__(
        self,
        model: str,
        train: sparse.csr_matrix,
        valid: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        **settings: Any,
    ) -> None:
        put_names_back()
        warnings.filterwarnings("ignore")
        logging.disable(logging.CRITICAL)
        import torch

        # RecBole reads checkpoints of its own making with the old default.
        load = torch.load
        torch.load = lambda *a, **k: load(*a, **{"weights_only": False, **k})
        arguments, home = sys.argv, Path.cwd()
        sys.argv = sys.argv[:1]  # RecBole reads the command line as settings
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)  # it writes logs beside itself
            try:
                self._train(model, train, valid, Path(folder), seed, settings)
            finally:
                os.chdir(home)
                sys.argv, torch.load = arguments, load
                logging.disable(logging.NOTSET)

    def _train(
        self,
        model: str,
        train: sparse.csr_matrix,
        valid: sparse.csr_matrix | None,
        folder: Path,
        seed: int,
        settings: dict[str, Any],
    ) -> None:
        from recbole.config import Config
        from recbole.data import create_dataset, data_preparation
        from recbole.trainer import Trainer
        from recbole.utils import get_model, init_seed

        Trainer.__init__ = _without_tensorboard(Trainer.__init__)
        home = folder / "ours"
        home.mkdir()
        sequential = valid is None
        common: dict[str, Any] = {
            "data_path": str(folder),
            "checkpoint_dir": str(folder / "saved"),
            "show_progress": False,
            "use_gpu": False,
            "gpu_id": "",
            "seed": seed,
            "reproducibility": True,
            "state": "CRITICAL",
            "metrics": ["NDCG"],
            "topk": [10],
            "valid_metric": "NDCG@10",
            "eval_batch_size": 1 << 21 if not sequential else 512,
            "load_col": {"inter": ["user_id", "item_id"]},
            "worker": 0,
        }
        if sequential:
            _write(home / "ours.inter", train, times=True)
            common["load_col"] = {"inter": ["user_id", "item_id", "timestamp"]}
            common["train_neg_sample_args"] = None
            common["eval_args"] = {
                "split": {"LS": "valid_only"},
                "order": "TO",
                "group_by": "user",
                "mode": "full",
            }
        else:
            for name, part in (("train", train), ("valid", valid), ("test", valid)):
                _write(home / f"ours.{name}.inter", part)
            common["benchmark_filename"] = ["train", "valid", "test"]
            common["eval_args"] = {"group_by": "user", "order": "RO", "mode": "full"}
        config = Config(
            model=model, dataset="ours", config_dict={**common, **settings}, config_file_list=[]
        )
        init_seed(seed, True)
        data = create_dataset(config)
        parts = data_preparation(config, data)
        init_seed(seed, True)
        self.model = get_model(config["model"])(config, parts[0].dataset)
        trainer = config_trainer(config)(config, self.model)
        trainer.fit(parts[0], parts[1], saved=True, show_progress=False)
        import torch

        state = torch.load(trainer.saved_model_file)["state_dict"]
        self.model.load_state_dict(state)
        self.model.eval()
        self.epochs = len(trainer.train_loss_dict)
        self._data, self._n = data, train.shape[1]
        tokens = [str(i) for i in range(train.shape[1])]
        known = data.field2token_id["item_id"]
        # Items without an event are unknown to RecBole; they get the last place.
        self._ids = np.array([known.get(t, 0) for t in tokens])

    def scores(self, histories: sparse.csr_matrix) -> npt.NDArray[np.float64]:
        """Scores for histories, by its own `forward`: [histories, n_items]; -inf where unknown."""
        import torch

        out = np.full(histories.shape, -np.inf)
        known = self._ids > 0
        with torch.no_grad():
            for a in range(0, histories.shape[0], 256):
                part = histories[a : a + 256]
                raw = self._score(part).numpy()
                out[a : a + 256][:, known] = raw[:, self._ids[known]]
        return out

    def _score(self, part: sparse.csr_matrix) -> Any:
        import torch

        if hasattr(self.model, "position_embedding"):
            length = self.model.max_seq_length
            rows = [self._ids[part.indices[a:b]][-length:] for a, b in _spans(part)]
            rows = [r[r > 0] for r in rows]
            sequence = torch.zeros(len(rows), length, dtype=torch.long)
            for k, row in enumerate(rows):
                sequence[k, : len(row)] = torch.from_numpy(row)
            sizes = torch.tensor([max(len(r), 1) for r in rows])
            state = self.model.forward(sequence, sizes)
            return state @ self.model.item_embedding.weight.T
        dense = torch.zeros(part.shape[0], self._data.item_num)
        rows = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
        dense[rows, self._ids[part.indices]] = torch.from_numpy(part.data.astype(np.float32))
        dense[:, 0] = 0
        if type(self.model).__name__ == "RecVAE":
            return self.model.forward(dense, 0)[0]
        return self.model.forward(dense)[0]


def config_trainer(config: Any) -> Any:
    """The trainer class that RecBole uses for the model."""
    from recbole.utils import get_trainer

    return get_trainer(config["MODEL_TYPE"], config["model"])


def _without_tensorboard(init: Any) -> Any:
    import recbole.trainer.trainer as module

    class Nothing:
        def add_scalar(self, *args: Any, **kwargs: Any) -> None:
            """Nothing is written."""

        def add_hparams(self, *args: Any, **kwargs: Any) -> None:
            """Nothing is written."""

    module.get_tensorboard = lambda logger: Nothing()
    return init


def _spans(csr: sparse.csr_matrix) -> list[tuple[int, int]]:
    return list(zip(csr.indptr[:-1].tolist(), csr.indptr[1:].tolist(), strict=True))


def _write(path: Path, pairs: sparse.csr_matrix, *, times: bool = False) -> None:
    lines = ["user_id:token\titem_id:token" + ("\ttimestamp:float" if times else "")]
    for user, (a, b) in enumerate(_spans(pairs)):
        for place, item in enumerate(pairs.indices[a:b].tolist()):
            lines.append(f"{user}\t{item}" + (f"\t{place}" if times else ""))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
