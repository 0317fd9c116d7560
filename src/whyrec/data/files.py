"""Whole or not at all: files and directories are built beside their place and renamed into it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from whyrec.errors import DataError, WhyrecError

MARK = ".whyrec"
"""A directory that holds this file was made by `atomic_dir` and may be replaced by it."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


def _unwritable(path: Path, error: OSError) -> DataError:
    reason = (error.strerror or str(error)).lower()
    return DataError(
        f"cannot be written: {reason}",
        where=str(path),
        remedy="free some space"
        if error.errno in _FULL - {errno.EROFS}
        else "choose another place",
    )


def _make_parents(path: Path) -> list[Path]:
    """Create what is missing above `path`; return the directories made, deepest first."""
    made: list[Path] = []
    for parent in (path.parent, *path.parent.parents):
        if parent.exists():
            break
        made.append(parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _remove_empty(made)
        raise _unwritable(path, error) from None
    return made


def _remove_empty(directories: list[Path]) -> None:
    for directory in directories:
        with suppress(OSError):
            directory.rmdir()


def _beside(path: Path, kind: str) -> Path:
    # The whole name comes last, so that writers which go by the suffix still know the format.
    return path.with_name(f".{kind}-{uuid.uuid4().hex[:12]}-{path.name[-200:]}")


def _sync(path: Path) -> None:
    # Some file systems cannot sync a directory; the rename is then as safe as they make it.
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _as_ours(error: OSError, path: Path, part: Path) -> WhyrecError | None:
    """The error as ours if it is about the place being written, None if it is about another."""
    about = str(error.filename or "")
    if error.errno in _FULL or about.startswith(str(part)):
        return _unwritable(path, error)
    return None


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """A path to write to; what was written appears at `path` when the block ends well.

    Missing parent directories are made. On any error, Ctrl-C included, `path` is as it was before
    and nothing else is left. Pipes and devices such as `/dev/stdout` are written to directly.

    Raises
    ------
    DataError
        If the place cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     with atomic_file(Path(home) / "a.txt") as part:
    ...         _ = part.write_text("whole")
    ...     (Path(home) / "a.txt").read_text(), len(os.listdir(home))
    ('whole', 1)
    """
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise DataError("is a directory", where=str(path), remedy="name a file")
    if path.exists() and not path.is_file():
        yield path
        return
    made = _make_parents(path)
    part = _beside(path, "part")
    try:
        try:
            part.touch(exist_ok=False)
        except OSError as error:
            raise _unwritable(path, error) from None
        yield part
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        _discard(part)
        _remove_empty(made)
        ours = _as_ours(error, path, part)
        if ours is not None:
            raise ours from error
        raise
    except BaseException:
        _discard(part)
        _remove_empty(made)
        raise


def _check_replaceable(path: Path) -> None:
    """Refuse to replace what whyrec did not make: somebody's home directory, say."""
    if not path.exists():
        return
    if not path.is_dir():
        raise DataError("is a file, not a directory", where=str(path), remedy="name another place")
    if any(path.iterdir()) and not (path / MARK).is_file():
        raise DataError(
            "holds files that whyrec did not write",
            where=str(path),
            remedy="name an empty or a new directory",
        )


@contextmanager
def atomic_dir(path: str | Path) -> Iterator[Path]:
    """A new directory to fill; it becomes `path`, whole, when the block ends well.

    A directory made by whyrec before is replaced, never mixed with. On any error, Ctrl-C
    included, `path` is as it was before and nothing else is left.

    Raises
    ------
    DataError
        If the place cannot be written, is a file, or holds files that whyrec did not write.
    """
    path = Path(os.path.realpath(path))
    _check_replaceable(path)
    made = _make_parents(path)
    part = _beside(path, "part")
    old = _beside(path, "old")
    try:
        try:
            part.mkdir()
        except OSError as error:
            raise _unwritable(path, error) from None
        yield part
        (part / MARK).write_text(json.dumps({"made_by": "whyrec"}) + "\n")
        for directory, _, names in os.walk(part):
            for name in names:
                _sync(Path(directory) / name)
            _sync(Path(directory))
        _check_replaceable(path)
        if path.exists():
            path.rename(old)
        part.rename(path)
        _sync(path.parent)
    except BaseException as error:
        if old.exists() and not path.exists():
            old.rename(path)
        _discard(part)
        _remove_empty(made)
        if isinstance(error, OSError):
            ours = _as_ours(error, path, part)
            if ours is not None:
                raise ours from error
        raise
    finally:
        if path.exists():
            _discard(old)
