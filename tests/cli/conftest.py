"""The command, and small models to point it at."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.cli_runs import Ran, run_here, run_process


@pytest.fixture(scope="session")
def whyrec() -> Callable[..., Ran]:
    """`whyrec(*args, stdin=b"")`: the command in this process."""
    return run_here


@pytest.fixture(scope="session")
def process() -> Callable[..., Ran]:
    """`process(*args)`: the command as a process."""
    return run_process


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated shop."""
    place = tmp_path_factory.mktemp("data") / "shop"
    done = run_here("data", "shop", "--out", place, "--seed", 0, "--users", 300, "--items", 120)
    assert done.status == 0, done.err
    return place


@pytest.fixture(scope="session")
def model(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """EASE on it; tests that change a model take a copy."""
    place = tmp_path_factory.mktemp("models") / "ease"
    done = run_here("fit", shop, "--out", place)
    assert done.status == 0, done.err
    return place


@pytest.fixture(scope="session")
def ials(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """IALS on it."""
    place = tmp_path_factory.mktemp("models") / "ials"
    done = run_here("fit", shop, "--out", place, "--model", "ials", "--set", "factors=16")
    assert done.status == 0, done.err
    return place


@pytest.fixture
def own_model(model: Path, tmp_path: Path) -> Path:
    """A copy of the model that the test may spoil."""
    return Path(shutil.copytree(model, tmp_path / "own"))


@pytest.fixture(scope="session")
def someone(model: Path) -> str:
    """A user of the small shop who has a history."""
    from whyrec.recommend.bundle import Bundle

    data = Bundle.load(model).dataset
    lengths = data.interactions.getnnz(axis=1)
    return data.users[int(lengths.argmax())]


@pytest.fixture(scope="session")
def some_item(model: Path) -> str:
    """An item of the small shop."""
    from whyrec.recommend.bundle import Bundle

    return Bundle.load(model).dataset.catalogue.ids[0]
