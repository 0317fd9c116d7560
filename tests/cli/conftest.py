"""The command, in this process and as a real one, and small models to point it at."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON Lines; anything else there is an error."""
        return [json.loads(line) for line in self.out.splitlines()]


def run_here(*args: object, stdin: bytes = b"") -> Ran:
    """Run `whyrec ARGS` in this process."""
    from whyrec.cli.app import run

    out, err = io.StringIO(), io.StringIO()
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run([str(a) for a in args])
    finally:
        sys.stdin = before
    return Ran(status, out.getvalue(), err.getvalue())


def command(*args: object) -> list[str]:
    """The words of a real `whyrec` process."""
    return [sys.executable, "-m", "whyrec", *(str(a) for a in args)]


def run_process(*args: object, **options: Any) -> Ran:
    """Run `whyrec ARGS` as a process of its own."""
    done = subprocess.run(command(*args), capture_output=True, timeout=300, check=False, **options)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


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


def files_below(folder: Path) -> set[str]:
    """Every file and directory below a folder, hidden ones included."""
    return {
        os.path.relpath(os.path.join(at, name), folder)  # noqa: PTH118
        for at, folders, names in os.walk(folder)
        for name in (*folders, *names)
    }
