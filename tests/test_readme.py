"""What README.md tells people to type is run here, in its order, in an empty directory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"(?P<skip><!-- not run: [^\n]*-->\n)?^```(?P<kind>console|bash|sh|python)\n(?P<body>.*?)^```$",
    re.M | re.S,
)
INSTALLS = re.compile(
    r"^(sudo |pip |pipx |python3? -m pip |python3? -m venv |uv |git clone |cd whyrec\b|make )"
)
"""Lines that set up a machine: `make` and CI do that themselves."""


def blocks(text: str) -> list[tuple[str, str]]:
    """(`bash` or `python`, what to run) of every block that is not marked `<!-- not run: why -->`."""
    out = []
    for match in BLOCK.finditer(text):
        if match["skip"]:
            continue
        body = match["body"]
        if match["kind"] == "console":
            body = _commands(body)
        if match["kind"] != "python":
            body = _without_installs(body)
        if body.strip():
            out.append(("python" if match["kind"] == "python" else "bash", body))
    return out


def _commands(body: str) -> str:
    """The typed lines (`$ …`, continued by a backslash) of a console block."""
    lines, more = [], False
    for line in body.splitlines():
        if line.startswith("$ ") or more:
            lines.append(line.removeprefix("$ ") if not more else line)
            more = line.endswith("\\")
    return "\n".join(lines) + "\n"


def _without_installs(body: str) -> str:
    return "".join(ln for ln in body.splitlines(keepends=True) if not INSTALLS.match(ln.strip()))


def test_console_blocks_give_their_commands_and_not_their_output() -> None:
    text = "```console\n$ pip install whyrec\n$ whyrec fit a \\\n    --out b\nrows 12\n```\n"
    assert blocks(text) == [("bash", "whyrec fit a \\\n    --out b\n")]


def test_marked_blocks_are_left_out() -> None:
    assert blocks("<!-- not run: needs a server -->\n```bash\nwhyrec --version\n```\n") == []


@pytest.mark.slow
def test_readme_commands_run(tmp_path: Path) -> None:
    todo = blocks((ROOT / "README.md").read_text("utf-8"))
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    python = "".join(body for kind, body in todo if kind == "python")
    shell = "".join(body for kind, body in todo if kind == "bash")
    for command in (["bash", "-euo", "pipefail", "-c", shell], [sys.executable, "-c", python]):
        if not command[-1].strip():
            continue
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
