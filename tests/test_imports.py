"""Importing whyrec, and asking the command for help, load nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "polars", "scipy", "numba", "sklearn", "ctranslate2", "tokenizers", "torch",
         "transformers", "openai", "pandas", "pyarrow", "babel", "jinja2")  # fmt: skip


def _loaded(code: str) -> set[str]:
    probe = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return {line.split(".")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize(
    "code",
    [
        "import whyrec",
        "import whyrec.cli",
        "from whyrec.cli.app import run; run(['--help'])",
        "from whyrec.cli.app import run; run(['explain', '--help'])",
        "from whyrec.cli.app import run; run(['--version'])",
    ],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    assert not _loaded(code) & set(HEAVY)


def test_no_torch_on_the_default_path() -> None:
    """The default install has no torch: nothing outside `training` and `hf` may import it."""
    code = "import whyrec.cli.app, whyrec.batch, whyrec.language.explain, whyrec.recommend.bundle"
    assert not _loaded(code) & {"torch", "transformers", "openai", "pandas", "pyarrow"}
