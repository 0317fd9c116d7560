"""A bundle is whole, comes back as it was, and notices every change to its files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from whyrec.data.catalogue import Catalogue
from whyrec.data.dataset import Dataset
from whyrec.errors import ConfigError, DataError, ModelError, UnknownItemError, UnknownUserError
from whyrec.recommend import manifest
from whyrec.recommend.bundle import Bundle

EVENTS = [
    # user, item, event, value
    (0, 0, "purchase", 1.0),
    (0, 1, "purchase", 2.0),
    (0, 2, "view", None),
    (1, 0, "purchase", 1.0),
    (1, 3, "view", None),
    (1, 3, "view", None),
    (2, 1, "purchase", 1.0),
    (2, 3, "purchase", 1.0),
    (2, 3, "return", 1.0),
    (3, 2, "dislike", None),
]


@pytest.fixture
def dataset() -> Dataset:
    events = pl.DataFrame(
        EVENTS,
        schema={"user": pl.UInt32, "item": pl.UInt32, "event": pl.String, "value": pl.Float64},
        orient="row",
    ).with_columns(pl.lit(None, pl.Datetime("ms")).alias("time"))
    table = pl.DataFrame({"id": list("abcdef"), "title": [f"Thing {c}" for c in "ABCDEF"]})
    return Dataset(events, Catalogue(table), ("ann", "bob", "cat", "dan", "eve"), domain="shop")


@pytest.fixture(params=["ease", "ials"])
def bundle(request: pytest.FixtureRequest, dataset: Dataset) -> Bundle:
    params = {"factors": 4} if request.param == "ials" else {}
    return Bundle.fit(dataset.with_weights({"view": 0.4}), request.param, **params)


def test_a_bundle_comes_back_as_it_was(bundle: Bundle, tmp_path: Path) -> None:
    bundle.save(tmp_path / "model")
    back = Bundle.load(tmp_path / "model")
    assert back.fingerprint == bundle.fingerprint
    assert back.dataset.fingerprint == bundle.dataset.fingerprint
    assert back.dataset.weights == {"view": 0.4}
    assert back.recommender.params == bundle.recommender.params
    assert back.notes == bundle.notes
    for name, array in bundle.recommender.arrays().items():
        assert (back.recommender.arrays()[name] == array).all()
    one, two = (b.recommend(b.dataset.users, 6) for b in (bundle, back))
    assert (one.items == two.items).all()
    assert (one.scores == two.scores).all()


def test_a_stored_fingerprint_is_the_recomputed_one(bundle: Bundle, tmp_path: Path) -> None:
    bundle.save(tmp_path / "model")
    back = Bundle.load(tmp_path / "model")
    again = Bundle(back.recommender, back.dataset)
    assert again.fingerprint == back.fingerprint


def test_fingerprints_tell_data_parameters_and_weights_apart(dataset: Dataset) -> None:
    bundles = [
        Bundle.fit(dataset),
        Bundle.fit(dataset, regularization=9),
        Bundle.fit(dataset.with_weights({"view": 0.9})),
        Bundle.fit(dataset, "ials", factors=2),
        Bundle.fit(dataset, "popularity"),
    ]
    assert len({b.fingerprint for b in bundles}) == 5
    assert Bundle.fit(dataset).fingerprint == bundles[0].fingerprint


def test_a_flipped_byte_in_any_file_is_found_and_the_file_named(
    bundle: Bundle, tmp_path: Path
) -> None:
    bundle.save(tmp_path / "model")
    files = [p for p in (tmp_path / "model").rglob("*") if p.is_file() and p.name != ".whyrec"]
    assert len(files) >= 6
    for file in files:
        whole = file.read_bytes()
        for at in sorted({0, len(whole) // 3, len(whole) // 2, len(whole) - 2}):
            broken = bytearray(whole)
            broken[at] ^= 1
            file.write_bytes(broken)
            with pytest.raises(ModelError, match=r"changed since|newer whyrec|cannot be read") as e:
                Bundle.load(tmp_path / "model")
            assert file.name in str(e.value)
            assert e.value.remedy
        file.write_bytes(whole)
    Bundle.load(tmp_path / "model")


def test_a_missing_or_cut_file_is_named(bundle: Bundle, tmp_path: Path) -> None:
    for k, name in enumerate(["dataset/events.parquet", "dataset/dataset.json"]):
        home = tmp_path / str(k)
        bundle.save(home)
        (home / name).unlink()
        with pytest.raises(ModelError, match=rf"{Path(name).name}: missing; fit again"):
            Bundle.load(home)
    bundle.save(tmp_path / "cut")
    array = next((tmp_path / "cut" / "arrays").iterdir())
    array.write_bytes(array.read_bytes()[:-1])
    with pytest.raises(ModelError, match=rf"{array.name}: changed since"):
        Bundle.load(tmp_path / "cut")


def test_what_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, message in [
        ("nowhere", "no such directory"),
        ("empty", "no model here"),
        ("file", "a file, not a model"),
    ]:
        with pytest.raises(ModelError, match=message) as e:
            Bundle.load(tmp_path / name)
        assert "\n" not in str(e.value)


def rewrite(home: Path, **changes: object) -> None:
    content = json.loads((home / manifest.NAME).read_text())
    content.update(changes)
    content["sha256"] = manifest._seal(content)
    (home / manifest.NAME).write_text(json.dumps(content))


def test_a_bundle_of_the_future_asks_for_an_upgrade(bundle: Bundle, tmp_path: Path) -> None:
    bundle.save(tmp_path / "model")
    rewrite(tmp_path / "model", format=manifest.FORMAT + 1, whyrec="9.9")
    with pytest.raises(ModelError, match=r"written by a newer whyrec \(9\.9, format 2\); upgrade"):
        Bundle.load(tmp_path / "model")


def test_a_manifest_cannot_name_files_outside(bundle: Bundle, tmp_path: Path) -> None:
    bundle.save(tmp_path / "model")
    for name in ("../secret", "/etc/hostname", "arrays/../../secret"):
        rewrite(tmp_path / "model", files={name: "0"})
        with pytest.raises(ModelError, match="outside the model"):
            Bundle.load(tmp_path / "model")


def test_a_pickle_is_never_loaded(bundle: Bundle, tmp_path: Path) -> None:
    home = tmp_path / "model"
    bundle.save(home)
    array = next((home / "arrays").iterdir())
    np.save(array, np.array([{"a": 1}], object), allow_pickle=True)
    content = json.loads((home / manifest.NAME).read_text())
    name = array.relative_to(home).as_posix()
    rewrite(home, files={**content["files"], name: manifest._sha256(array)})
    with pytest.raises(ModelError, match="cannot be read back"):
        Bundle.load(home)


def test_arrays_of_another_data_set_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    Bundle.fit(dataset, "ials", factors=4).save(tmp_path / "model")
    array = tmp_path / "model" / "arrays" / "item_factors.npy"
    np.save(array, np.zeros((3, 4), np.float32))
    content = json.loads((tmp_path / "model" / manifest.NAME).read_text())
    files = {**content["files"], "arrays/item_factors.npy": manifest._sha256(array)}
    rewrite(tmp_path / "model", files=files)
    with pytest.raises(ModelError, match="3 items, its data set 6"):
        Bundle.load(tmp_path / "model")


def test_saving_again_replaces_and_saving_on_other_files_is_refused(
    bundle: Bundle, tmp_path: Path
) -> None:
    bundle.save(tmp_path / "model")
    bundle.save(tmp_path / "model")
    Bundle.load(tmp_path / "model")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="did not write"):
        bundle.save(tmp_path / "home")
    assert (tmp_path / "home" / "thesis.txt").read_text() == "years of work"


def test_a_copied_bundle_loads(bundle: Bundle, tmp_path: Path) -> None:
    bundle.save(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert Bundle.load(tmp_path / "b").fingerprint == bundle.fingerprint


def test_nobody_is_recommended_what_they_had_to_do_with(bundle: Bundle) -> None:
    found = bundle.recommend(["ann", "bob", "cat", "dan"], 6)
    ids = bundle.dataset.catalogue.ids
    had = {"ann": "abc", "bob": "ad", "cat": "bd", "dan": "c"}
    for row, (user, items) in zip(found.items, had.items(), strict=True):
        listed = {ids[i] for i in row if i >= 0}
        assert listed == set("abcdef") - set(items), user


def test_without_a_liking_the_list_is_what_most_people_bought(bundle: Bundle) -> None:
    assert bundle.main_event == "purchase"
    found = bundle.recommend(["dan", "eve"], 3)
    # a and b were bought by two people each; cat's purchase of d was returned.
    assert found.items.tolist() == [[0, 1, 3], [0, 1, 2]]
    assert found.scores[:, :2].tolist() == [[2, 2], [2, 2]]


def test_unknown_people_are_an_error_or_new(bundle: Bundle) -> None:
    with pytest.raises(UnknownUserError, match="no such user: zoe; the data set has 5 users"):
        bundle.recommend(["ann", "zoe"], 3)
    found = bundle.recommend(["zoe", "ann", "eve"], 3, new_users=True)
    assert (found.items[0] == found.items[2]).all()
    assert (found.items[1] == bundle.recommend(["ann"], 3).items[0]).all()
    with pytest.raises(UnknownItemError, match="no such item: z; the catalogue has 6 items"):
        bundle.item("z")


def test_the_main_event_is_the_commonest_where_nothing_is_bought(dataset: Dataset) -> None:
    events = dataset.events.filter(pl.col("event") != "purchase")
    views = Dataset(events, dataset.catalogue, dataset.users)
    assert Bundle.fit(views).main_event == "view"


def test_unknown_models_and_parameters(dataset: Dataset) -> None:
    with pytest.raises(ConfigError, match="no such model"):
        Bundle.fit(dataset, "svd")
    with pytest.raises(ConfigError, match="no such parameter: k"):
        Bundle.fit(dataset, "ease", k=3)
