"""One small and one default shop for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from whyrec.data.shop import generate


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shop") / "default"
    generate(place)
    return place


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shop") / "small"
    generate(place, seed=7, users=120, items=60)
    return place
