"""Bundles on disk: a manifest with a fingerprint of every file, npy arrays, the data set; no pickle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

import whyrec
from whyrec.errors import DataError, ModelError, WhyrecError

if TYPE_CHECKING:
    from whyrec.recommend.bundle import Bundle

FORMAT = 1
"""The version of this layout. A reader refuses a higher one."""

NAME = "manifest.json"


def save(bundle: Bundle, directory: Path) -> None:
    """Write `manifest.json`, `arrays/*.npy` and `dataset/` beside the place, then rename."""
    from whyrec.data.files import atomic_dir
    from whyrec.data.store import put_dataset

    with atomic_dir(directory) as part:
        (part / "arrays").mkdir()
        for name, array in bundle.recommender.arrays().items():
            np.save(part / "arrays" / f"{name}.npy", array, allow_pickle=False)
        (part / "dataset").mkdir()
        put_dataset(bundle.dataset, part / "dataset")
        files = sorted(p for p in part.rglob("*") if p.is_file())
        content = {
            "format": FORMAT,
            "whyrec": whyrec.__version__,
            "model": bundle.recommender.name,
            "params": dict(bundle.recommender.params),
            "fingerprint": bundle.fingerprint,
            "dataset": bundle.dataset.fingerprint,
            "notes": dict(bundle.notes),
            "rules": None if bundle.rules is None else bundle.rules.to_json(),
            "files": {p.relative_to(part).as_posix(): _sha256(p) for p in files},
        }
        content["sha256"] = _seal(content)
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (part / NAME).write_text(text, encoding="utf-8")


def load(directory: Path) -> Bundle:
    """Read a bundle; every byte of it is checked first."""
    from whyrec.data.store import load_dataset
    from whyrec.recommend.bundle import Bundle
    from whyrec.recommend.registry import model as model_class
    from whyrec.recommend.rules import Rules

    content = _read(directory)
    for name, expected in content["files"].items():
        path = directory / name
        if not path.is_file():
            raise ModelError("missing", where=str(path), remedy="fit again, or copy all of it")
        try:
            actual = _sha256(path)
        except OSError as error:
            raise _unreadable(path, error) from None
        if actual != expected:
            raise ModelError(
                "changed since it was written",
                where=str(path),
                remedy="fit again, or copy it once more",
            )
    try:
        dataset = load_dataset(directory / "dataset")
        arrays = {
            PurePosixPath(name).stem: np.load(directory / name, allow_pickle=False)
            for name in content["files"]
            if PurePosixPath(name).parts[0] == "arrays"
        }
        for name, array in arrays.items():
            if array.dtype.kind in "fc" and not np.isfinite(array).all():
                raise ModelError(
                    f"array {name} holds values that are not finite numbers",
                    where=str(directory),
                    remedy="fit again",
                )
        recommender = model_class(content["model"]).from_arrays(content["params"], arrays)
        rules = content.get("rules")
        rules = None if rules is None else Rules.parse(rules, where=str(directory))
    except (DataError, ModelError):
        raise
    except (WhyrecError, OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"cannot be read back ({type(error).__name__}: {error})",
            where=str(directory),
            remedy="fit again",
        ) from None
    if recommender.n_items != dataset.n_items:
        raise ModelError(
            f"the model knows {recommender.n_items} items, its data set {dataset.n_items}",
            where=str(directory),
            remedy="fit again",
        )
    bundle = Bundle(recommender, dataset, content["notes"], rules)
    # Everything was verified against the manifest, so the fingerprint need not be made again.
    bundle.__dict__["fingerprint"] = content["fingerprint"]
    return bundle


def _read(directory: Path) -> dict[str, Any]:
    path = directory / NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        found = "no such directory" if not directory.exists() else f"no model here ({NAME} missing)"
        raise ModelError(
            found, where=str(directory), remedy="name a directory that `whyrec fit` wrote"
        ) from None
    except NotADirectoryError:
        raise ModelError(
            "a file, not a model", where=str(directory), remedy="name the model's directory"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    changed = ModelError(
        "changed since it was written", where=str(path), remedy="fit again, or copy it once more"
    )
    try:
        content = json.loads(text)
        version = content["format"]
    except (ValueError, TypeError, KeyError):
        raise changed from None
    if isinstance(version, int) and version > FORMAT:
        raise ModelError(
            f"written by a newer whyrec ({content.get('whyrec', '?')}, format {version})",
            where=str(path),
            remedy=f"upgrade whyrec (this is {whyrec.__version__}, format {FORMAT}) or fit again",
        )
    if content.get("sha256") != _seal(content):
        raise changed
    if not all(_inside(name) for name in content["files"]):
        raise ModelError("names a file outside the model", where=str(path), remedy="fit again")
    return dict(content)


def _inside(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not PurePosixPath(name).is_absolute() and ".." not in parts


def _seal(content: dict[str, Any]) -> str:
    rest = {k: v for k, v in content.items() if k != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unreadable(path: Path, error: Exception) -> ModelError:
    reason = getattr(error, "strerror", None) or str(error)
    return ModelError(f"cannot be read: {reason}", where=str(path), remedy="check its permissions")
