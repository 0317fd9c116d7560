"""Artefacts appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from whyrec.data.files import MARK, atomic_dir, atomic_file
from whyrec.errors import DataError


def names(home: Path) -> list[str]:
    return sorted(p.name for p in home.iterdir())


def test_a_file_appears_when_the_block_ends_well(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "new" / "a.json.gz") as part:
        part.write_text("whole")
        assert part.name.endswith("a.json.gz")
        assert names(tmp_path / "new") == [part.name]
    assert (tmp_path / "new" / "a.json.gz").read_text() == "whole"
    assert names(tmp_path / "new") == ["a.json.gz"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_a_broken_file_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(error), atomic_file(tmp_path / "a") as part:
        part.write_text("half")
        raise error
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_directories_made_for_a_broken_file_go_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_file(tmp_path / "x" / "y" / "a"):
        raise KeyboardInterrupt
    assert names(tmp_path) == []


@pytest.mark.parametrize("write", [atomic_file, atomic_dir])
def test_a_place_below_a_file_cannot_be_written(tmp_path: Path, write: object) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DataError, match=r"file/a: cannot be written: .*; choose another place"),
        write(tmp_path / "file" / "a"),  # type: ignore[operator]
    ):
        pass
    assert names(tmp_path) == ["file"]


def test_a_file_cannot_replace_a_directory(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a directory"), atomic_file(tmp_path):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_is_written_directly_and_a_full_disk_is_told(tmp_path: Path) -> None:
    with atomic_file("/dev/null") as part:
        part.write_text("gone")
    assert Path("/dev/null").is_char_device()
    with (
        pytest.raises(DataError, match=r"a: cannot be written: no space.*; free some space"),
        atomic_file(tmp_path / "a") as part,
    ):
        Path("/dev/full").write_text("x" * 1_000_000)
    assert names(tmp_path) == []


def fill(part: Path, text: str) -> None:
    (part / "deep").mkdir()
    (part / "deep" / "a").write_text(text)


def test_a_directory_of_ours_is_replaced_and_never_mixed_with(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with atomic_dir(tmp_path / "out") as part:
            fill(part, text)
            (part / text).write_text("")
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == [MARK, "deep", "second"]
    assert (tmp_path / "out" / "deep" / "a").read_text() == "second"


def test_an_interrupted_directory_leaves_the_old_one(tmp_path: Path) -> None:
    with atomic_dir(tmp_path / "out") as part:
        fill(part, "old")
    with pytest.raises(KeyboardInterrupt), atomic_dir(tmp_path / "out") as part:
        fill(part, "new")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "deep" / "a").read_text() == "old"


def test_an_interrupt_between_the_two_renames_puts_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with atomic_dir(tmp_path / "out") as part:
        fill(part, "old")
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self.name.startswith(".part"):
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), atomic_dir(tmp_path / "out") as part:
        fill(part, "new")
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "deep" / "a").read_text() == "old"


def test_somebody_elses_directory_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with (
        pytest.raises(DataError, match=r"files that whyrec did not write; name an empty"),
        atomic_dir(tmp_path),
    ):
        pass
    assert names(tmp_path) == ["thesis.tex"]


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with atomic_dir(tmp_path / "out") as part:
        fill(part, "x")
    assert names(tmp_path / "out") == [MARK, "deep"]
