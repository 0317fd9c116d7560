"""Factor tables (Spark's ALS) and ready-made lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.adapters.adapter_cases import (
    check_explained,
    check_removal,
    check_saved,
    check_sums,
    listed,
    small,
)

from whyrec.errors import ConfigError, DataError
from whyrec.evidence.engine import EvidenceEngine
from whyrec.recommend.adapters import from_factors, from_lists
from whyrec.recommend.ials import IALS


def factors() -> np.ndarray:
    return np.asarray(IALS(factors=5, iterations=6).fit(small().interactions).item_factors_)


def table(ids: list[str], matrix: np.ndarray, name: str = "features") -> pl.DataFrame:
    return pl.DataFrame({"id": ids, name: matrix.tolist()})


def test_an_implicit_export_is_folded_in_as_spark_solves_a_person(tmp_path: Path) -> None:
    data, Y, lam, alpha = small(), factors().astype(np.float64), 0.3, 5.0
    table(data.catalogue.ids, factors()).write_parquet(tmp_path / "items.parquet")
    bundle = from_factors(tmp_path / "items.parquet", data, regularization=lam, alpha=alpha)
    ours = bundle.recommender.scores(data.interactions)
    for user in range(0, data.n_users, 11):
        history = bundle.history(user)
        own, r = Y[history.items], history.weights.astype(np.float64)
        # A = YᵀY + Σ α r y yᵀ + λ n I, b = Σ (1 + α r) y (ALS.train in Spark's ml package)
        A = Y.T @ Y + (own.T * (alpha * r)) @ own + lam * len(r) * np.eye(5)
        expected = Y @ np.linalg.solve(A, own.T @ (1 + alpha * r))
        np.testing.assert_allclose(ours[user], expected, rtol=1e-5, atol=1e-6)
    check_sums(bundle)
    assert bundle.recommender.removal(bundle.history(0)) is None  # λ follows the history
    check_explained(check_saved(bundle, tmp_path))


def test_a_rated_export_is_the_ridge_regression_of_ratings(tmp_path: Path) -> None:
    data, Y, lam = small(), factors().astype(np.float64), 0.2
    bundle = from_factors(
        table(data.catalogue.ids, factors()), data, kind="rated", regularization=lam
    )
    ours = bundle.recommender.scores(bundle.histories)
    history = bundle.history(4)
    own = Y[history.items]
    A = own.T @ own + lam * len(history) * np.eye(5)
    expected = Y @ np.linalg.solve(A, own.T @ history.weights.astype(np.float64))
    np.testing.assert_allclose(ours[4], expected, rtol=1e-5)
    check_sums(bundle)
    check_explained(check_saved(bundle, tmp_path))


def test_with_the_peoples_factors_the_rule_is_chosen_and_judged() -> None:
    data = small()
    model = IALS(factors=5, iterations=6).fit(data.interactions)
    people = table(list(data.users), model.user_factors(data.interactions))
    bundle = from_factors(table(data.catalogue.ids, model.item_factors_), data, users=people)
    assert bundle.notes["fidelity"]["top10_kept"] > 0.8
    check_sums(bundle)
    check_removal(bundle)


def test_spark_writes_a_directory_and_numbers_for_ids(tmp_path: Path) -> None:
    data, Y = small(), factors()
    ids = [int(i) for i in data.catalogue.ids]
    folder = tmp_path / "itemFactors"
    folder.mkdir()
    for k, rows in enumerate((slice(0, 15), slice(15, 40))):
        frame = pl.DataFrame({"id": ids[rows], "features": Y[rows].tolist()})
        frame.write_parquet(folder / f"part-{k:05d}.parquet")
    (folder / "_SUCCESS").touch()
    whole = from_factors(folder, data).recommender.scores(data.interactions)
    single = from_factors(table(data.catalogue.ids, Y), data).recommender
    np.testing.assert_array_equal(whole, single.scores(data.interactions))


def test_columns_of_numbers_and_a_bias_are_read_too() -> None:
    data, Y = small(), factors()
    wide = pl.DataFrame({"item_id": data.catalogue.ids, "bias": np.linspace(-1, 1, 40)}).hstack(
        pl.DataFrame(Y, schema=[f"f{k}" for k in range(5)], orient="row")
    )
    bundle = from_factors(wide.to_pandas(), data)
    np.testing.assert_allclose(bundle.recommender.baseline(np.arange(40)), np.linspace(-1, 1, 40))
    check_sums(bundle)


def test_wrong_factor_tables_are_told(tmp_path: Path) -> None:
    data, Y = small(), factors()
    good = table(data.catalogue.ids, Y)
    ragged = pl.DataFrame({"id": ["100", "101"], "features": [[1.0, 2.0], [1.0]]})
    holed = Y.copy()
    holed[3, 1] = np.nan
    nan = table(data.catalogue.ids, holed)
    for wrong, said in (
        (ragged, "row 1 of features has 1 numbers, the first 2"),
        (nan, "vector of row 3 holds what is not a finite number"),
        (good.select("id"), "no column of vectors"),
        (good.head(0), "is empty"),
        (tmp_path / "none.parquet", "no such file"),
        (tmp_path, "holds no Parquet files"),
        (42, "not a table"),
    ):
        with pytest.raises(DataError, match=said):
            from_factors(wrong, data)
    (tmp_path / "x.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(DataError, match="cannot be read"):
        from_factors(tmp_path / "x.parquet", data)
    with pytest.raises(ConfigError, match="people have 4 numbers, items 5"):
        from_factors(good, data, users=table(list(data.users), np.ones((60, 4))))
    with pytest.raises(ConfigError, match="comes twice"):
        from_factors(pl.concat([good, good.head(1)]), data)


def lists_of(frame: pl.DataFrame) -> dict[str, list[str]]:
    parts = frame.sort("rank").group_by("user_id", maintain_order=True)
    return {str(u[0]): part["item_id"].to_list() for u, part in parts}


@pytest.mark.parametrize("columns", [["score"], ["rank"], []], ids=["score", "rank", "order"])
def test_lists_are_shown_as_they_are(columns: list[str], tmp_path: Path) -> None:
    frame = listed()
    told = frame.select("user_id", "item_id", *columns)
    if columns:
        told = told.sample(fraction=1, shuffle=True, seed=1)
    told.write_parquet(tmp_path / "lists.parquet")
    bundle = from_lists(tmp_path / "lists.parquet", small())
    back = check_saved(bundle, tmp_path)
    shown = back.recommend(list(small().users), 5).items
    expected = lists_of(frame)
    for user, items in zip(small().users, shown.tolist(), strict=True):
        assert [small().catalogue.ids[i] for i in items] == expected[user]


def test_evidence_of_lists_is_a_stand_ins_and_says_so() -> None:
    frame = listed()
    bundle = from_lists(frame, small())
    assert 0 < bundle.notes["fidelity"]["stand_in_top10_kept"] <= 1
    for user in small().users[:10]:
        for e in EvidenceEngine(bundle).explain(user, n=5):
            assert not e.exact
            assert e.method == "surrogate"
            total = sum(r.contribution for r in e.reasons) + e.baseline
            assert total + e.residual == pytest.approx(e.score)
            # nobody knows what another history would have brought
            assert e.gone is None
            assert e.displaced is None
    assert (
        max(abs(e.residual) for e in EvidenceEngine(bundle).explain(small().users[0], n=5)) > 1e-6
    )


def test_texts_of_lists_claim_nothing_about_leaving_events_out() -> None:
    bundle = from_lists(listed(), small())
    check_explained(bundle)
    engine = EvidenceEngine(bundle)
    for e in engine.explain(small().users[2], n=5):
        world = engine.world(e)
        assert not any(world.drops_without([str(r.item)]) for r in e.reasons)


def test_another_history_gets_the_stand_in() -> None:
    bundle = from_lists(listed(), small())
    history = bundle.history(6).without(bundle.history(6).items[:1])
    scores = bundle.recommender.scores(history.matrix(40))[0]
    parts = bundle.recommender.contributions(history, np.arange(40))
    np.testing.assert_allclose(parts.sum(1) + bundle.recommender.baseline(np.arange(40)), scores)


def test_people_who_cannot_be_told_apart_are_counted() -> None:
    from whyrec.data.dataset import Dataset

    events = pl.DataFrame(
        {"user_id": ["a", "a", "b", "b", "c"], "item_id": ["x", "y", "x", "y", "z"]}
    )
    data = Dataset.from_frames(events, event="purchase")
    lists = pl.DataFrame({"user_id": ["a", "b", "c"], "item_id": ["z", "y", "x"]})
    bundle = from_lists(lists, data)
    assert bundle.notes["lists"] == 1
    assert bundle.notes["lists_left_out"] == 2


def test_wrong_lists_are_told(tmp_path: Path) -> None:
    data, frame = small(), listed()
    first: Any = frame.head(1)
    for wrong, said in (
        (frame.drop("item_id"), "no column of item ids"),
        (frame.head(0), "is empty"),
        (pl.concat([frame, first]), "listed twice for one person"),
        (frame.with_columns(pl.lit("much").alias("score")), "score of row 0 is not a finite"),
        (frame.with_columns(pl.lit("?").alias("item_id")), "1 items are not in the data set: ?"),
    ):
        with pytest.raises(DataError, match=said.replace("?", r"\?")):
            from_lists(wrong, data)
    strange = pl.concat([frame, first.with_columns(pl.lit("stranger").alias("user_id"))])
    with pytest.raises(DataError, match="1 users are not in the data set: stranger"):
        from_lists(strange, data)
    assert from_lists(strange, data, missing="ignore").notes["lists"] == data.n_users
    frame.write_csv(tmp_path / "lists.csv")
    assert from_lists(tmp_path / "lists.csv", data).notes["lists"] == data.n_users
