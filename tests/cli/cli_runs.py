"""Ways to run the command, and what it left behind."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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


def files_below(folder: Path) -> set[str]:
    """Every file and directory below a folder, hidden ones included."""
    return {
        os.path.relpath(os.path.join(at, name), folder)  # noqa: PTH118
        for at, folders, names in os.walk(folder)
        for name in (*folders, *names)
    }
