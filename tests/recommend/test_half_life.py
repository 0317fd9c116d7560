"""Older events count less, and differently weighed events differ, in scores and in reasons."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from whyrec.cli.app import run
from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.content import Content
from whyrec.recommend.ease import EASE

START = datetime(2026, 1, 1)


def dataset(days: tuple[float | None, ...] = (0, 30, 60)) -> Dataset:
    """One person with three purchases at known days, others who give the items company."""
    rows = [("me", f"i{k}", "purchase", d) for k, d in enumerate(days)]
    rows += [(f"u{u}", f"i{(u + k) % 5}", "purchase", 60) for u in range(10) for k in range(3)]
    return Dataset.from_frames(
        pl.DataFrame(
            {
                "user_id": [r[0] for r in rows],
                "item_id": [r[1] for r in rows],
                "event": [r[2] for r in rows],
                "timestamp": [None if r[3] is None else START + timedelta(days=r[3]) for r in rows],
            }
        ),
        pl.DataFrame(
            {
                "item_id": [f"i{k}" for k in range(5)],
                "title": [f"Thing {k}" for k in range(5)],
                "category": ["A", "B", "A", "B", "A"],
            }
        ),
    )


def mine(data: Dataset) -> dict[str, float]:
    history = Bundle(EASE().fit(data.interactions), data).history(data.user_index["me"])
    ids = data.catalogue.ids
    return dict(zip([ids[i] for i in history.items], history.weights.tolist(), strict=True))


def test_weights_halve_every_half_life_before_the_last_event() -> None:
    assert mine(dataset()) == {"i0": 1, "i1": 1, "i2": 1}
    assert mine(dataset().with_half_life(30)) == pytest.approx({"i0": 0.25, "i1": 0.5, "i2": 1})
    assert mine(dataset().with_half_life(60)) == pytest.approx({"i0": 0.5, "i1": 0.5**0.5, "i2": 1})


def test_an_event_of_unknown_time_keeps_its_weight() -> None:
    weights = mine(dataset((None, 30, 60)).with_half_life(30))
    assert weights == pytest.approx({"i0": 1, "i1": 0.5, "i2": 1})


def test_contributions_follow_the_weights() -> None:
    plain, decayed = dataset(), dataset().with_half_life(30)
    model = EASE(regularization=2).fit(plain.interactions)
    items = np.array([3, 4])
    before = model.contributions(Bundle(model, plain).history(0), items)
    after = model.contributions(Bundle(model, decayed).history(0), items)
    np.testing.assert_allclose(after, before * [0.25, 0.5, 1], rtol=1e-6)


def test_the_content_profile_is_a_mean_by_weight() -> None:
    data = dataset().with_half_life(30)
    model = Content(features="facets", shrinkage=0).fit_dataset(data)
    # Items of one category only: i0 and i2 are A, i1 is B, so item 4 (A) scores 1.25 / 1.75.
    found = model.scores(data.interactions[data.user_index["me"]])[0]
    np.testing.assert_allclose(found[4], 1.25 / 1.75, rtol=1e-6)
    np.testing.assert_allclose(found[3], 0.5 / 1.75, rtol=1e-6)


def test_event_weights_and_half_life_multiply() -> None:
    data = dataset().with_weights({"purchase": 0.8}).with_half_life(30)
    assert mine(data) == pytest.approx({"i0": 0.2, "i1": 0.4, "i2": 0.8})


@pytest.mark.parametrize("days", [0, -3, float("inf"), float("nan")])
def test_a_half_life_must_be_a_number_of_days_above_0(days: float) -> None:
    with pytest.raises(ConfigError, match=r"half-life: a half-life of .* days; use a number"):
        dataset().with_half_life(days)


def test_the_command_line_takes_a_half_life_and_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["user_id,item_id,event,timestamp"]
    rows += [f"me,i{k},purchase,2026-0{k + 1}-01" for k in range(3)]
    rows += [f"u{u},i{(u + k) % 5},purchase,2026-03-01" for u in range(10) for k in range(3)]
    (tmp_path / "events.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "rules.toml").write_text(
        '[[rule]]\nname = "pin"\nitem = "item = i3"\ncontext = "day = sunday"\npin = true\n'
    )
    out = str(tmp_path / "model")
    data = str(tmp_path / "events.csv")
    extra = ["--half-life", "28", "--rules", str(tmp_path / "rules.toml"), "--no-clean"]
    assert run(["fit", data, "--out", out, "--set", "regularization=1", *extra, "--json"]) == 0
    capsys.readouterr()
    weights = mine(Bundle.load(out).dataset)
    assert weights["i1"] == pytest.approx(0.5)
    assert weights["i0"] == pytest.approx(2 ** (-59 / 28))

    def first(*more: str) -> str:
        assert run(["recommend", out, "--user", "me", "-n", "2", "--json", *more]) == 0
        return str(json.loads(capsys.readouterr().out.splitlines()[0])["item"])

    best = first()
    other = {"i3": "i4", "i4": "i3"}[best]
    assert first("--context", "day=Sunday") == "i3"
    assert run(["recommend", out, "--user", "me", "-n", "1", "--context", "day=sunday"]) == 0
    told = capsys.readouterr().out.split()
    assert (told[4], told[-1]) == ("rules", "pin")
    assert first("--where", f"item = {other}") == other
    assert run(["recommend", out, "--user", "me", "--where", "item ="]) == 2
    assert "where: the end where a value should stand" in capsys.readouterr().err
