"""Where torch is touched: asked for when needed, seeded, on the one setting of threads, no pickle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from whyrec.errors import ModelError
from whyrec.recommend import threads

INSTALL = "pip install 'whyrec[neural]'"


def require_torch() -> Any:
    """The torch module.

    Raises
    ------
    ModelError
        If it is not installed: neural models are an extra.
    """
    if find_spec("torch") is None:
        raise ModelError(
            "neural models need the package torch, which is not installed", remedy=INSTALL
        )
    import torch

    return torch


@contextmanager
def torch_threads() -> Iterator[None]:
    """Keep torch to the one setting of threads inside the block."""
    torch = require_torch()
    before, wanted = torch.get_num_threads(), threads.threads()
    if before != wanted:
        torch.set_num_threads(wanted)
    try:
        yield
    finally:
        if before != wanted:
            torch.set_num_threads(before)


@contextmanager
def training(seed: int) -> Iterator[None]:
    """Seeded, with the caller's generator as it was afterwards, on the one setting of threads.

    On a CPU the same seed gives the same model for the same number of threads; another number sums
    in another order, which shows in the last digits.
    """
    torch = require_torch()
    with torch.random.fork_rng(devices=[]), torch_threads():
        torch.manual_seed(seed)
        yield


def to_arrays(network: Any) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a network by name."""
    state = network.state_dict()
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in state.items()}


def load_arrays(network: Any, arrays: Mapping[str, npt.NDArray[Any]], *, model: str) -> Any:
    """The network with these tensors, ready to score.

    Raises
    ------
    ModelError
        If a tensor is missing or has another shape.
    """
    torch = require_torch()
    wanted = network.state_dict()
    for name, tensor in wanted.items():
        if name not in arrays or tuple(arrays[name].shape) != tuple(tensor.shape):
            raise ModelError("arrays do not fit together", where=model, remedy="fit again")
    state = {n: torch.from_numpy(np.array(arrays[n], np.float32)) for n in wanted}
    network.load_state_dict(state)
    return network.eval()
