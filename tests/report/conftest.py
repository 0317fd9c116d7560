"""The hostile data set as a fixture."""

from __future__ import annotations

import pytest
from hostile_names import hostile_dataset

from whyrec.data.dataset import Dataset


@pytest.fixture
def hostile() -> Dataset:
    return hostile_dataset()
