"""What every test may use: the real data where it is, and a repeatable Hypothesis."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # pytest runs two workers on two cores

from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
settings.register_profile(
    "whyrec",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "whyrec"))


def find_data() -> Path | None:
    """The folder of the real data sets: `WHYREC_DATA`, else `../shared/data` beside the repo."""
    named = os.environ.get("WHYREC_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    return folder if (folder / "movielens-100k").is_dir() else None


def _required() -> bool:
    return os.environ.get("WHYREC_REQUIRE_DATA") == "1"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test marked `data` is skipped, saying why, where the data sets are not."""
    if item.get_closest_marker("data") and find_data() is None:
        pytest.skip("the real data sets are absent; set WHYREC_DATA or lay them at ../shared/data")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """With WHYREC_REQUIRE_DATA=1 no test marked `data` may be skipped: that is a failure."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and _required() and item.get_closest_marker("data"):
        report.outcome = "failed"
        report.longrepr = f"WHYREC_REQUIRE_DATA=1, yet this was skipped: {report.longrepr}"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the real data sets; ask for it only in tests marked `data`."""
    folder = find_data()
    if folder is None:
        pytest.skip("the real data sets are absent; set WHYREC_DATA or lay them at ../shared/data")
    return folder
