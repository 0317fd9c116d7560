"""What docs/how-to/adapters.md tells people to type is run here, in its order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.cli_runs import run_here

for library in ("implicit", "surprise", "lightfm", "lenskit", "cornac", "torch", "onnxruntime"):
    pytest.importorskip(library, reason="the page uses every library of the peers extra")

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "adapters.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.M | re.S)


def test_its_python_runs_from_top_to_bottom(tmp_path: Path) -> None:
    code = "import warnings\nwarnings.simplefilter('ignore')\n" + "\n".join(blocks("python"))
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "top10_kept" in done.stdout


@pytest.mark.parametrize("block", blocks("bash"))
def test_its_commands_and_options_exist(block: str) -> None:
    words = block.split()
    assert words[:2] == ["whyrec", "adapt"]
    told = run_here("adapt", words[2], "--help")
    assert told.status == 0
    for option in (w for w in words if w.startswith("--")):
        assert option in told.out
