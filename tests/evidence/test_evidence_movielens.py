"""On MovieLens-100K, for everybody: sums, ranks and counterfactuals hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.evidence.evidence_cases import slow_rank

from whyrec.data.dataset import Dataset
from whyrec.evidence.engine import EvidenceEngine
from whyrec.recommend.bundle import Bundle

pytestmark = pytest.mark.data


@pytest.mark.parametrize("model", ["ease", "ials"])
def test_everybody_on_movielens(model: str, data_dir: Path) -> None:
    data = Dataset.read(data_dir / "movielens-100k")
    engine = EvidenceEngine(Bundle.fit(data, model))
    ranking = engine.bundle.recommend(data.users, 10)
    checked = 0
    for k, (user, evidences) in enumerate(engine.batch(data.users, 10)):
        listed = ranking.items[k][ranking.items[k] >= 0]
        assert [e.item for e in evidences] == [data.catalogue.ids[i] for i in listed]
        for e in evidences:
            total = sum(r.contribution for r in e.reasons) + e.baseline
            assert abs(total - e.score) <= 1e-5 * abs(e.score)
            for found in (e.gone, e.displaced):
                if found is not None and k % 40 == 0:
                    assert slow_rank(engine, user, e.item, found.items) == found.new_rank
                    checked += 1
    assert checked > 100
    assert np.isfinite(ranking.scores).all()
