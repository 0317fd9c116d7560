"""Reviews: what people decided about sketches, kept by fingerprint so that they outlive retraining.

A person can read a few hundred sketches where nobody can read a million texts. Each sketch is in one
state: `draft` (nobody has decided), `approved`, `edited` (a person's words stand in its place) or
`refused` (never served again, whichever model writes it). Decisions are appended to a file of JSON
Lines; the last one about a sketch counts, and the file is its own history.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from whyrec.errors import ConfigError, LanguageError

State = Literal["draft", "approved", "edited", "refused"]
STATES: tuple[State, ...] = get_args(State)

LONGEST = 2000
"""Characters of a note or of an edited text."""


def fingerprint(shape: str, text: str) -> str:
    """What names a sketch in reviews: 12 hex digits over its shape and its words.

    Examples
    --------
    >>> fingerprint("en|film|plain|rank", "It is number {rank} on your list.")
    'e618255e7ec5'
    """
    return hashlib.sha256(f"{shape}\0{text}".encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Review:
    """One decision about one sketch.

    Attributes
    ----------
    shape, text
        The sketch.
    state
        What was decided; `draft` takes an earlier decision back.
    edit
        The words that stand in its place, where it was edited.
    note
        Why, for whoever comes after.
    time
        When, UTC, to the second.
    """

    shape: str
    text: str
    state: State
    edit: str | None = None
    note: str = ""
    time: str = ""

    @property
    def id(self) -> str:
        """The sketch's `fingerprint`."""
        return fingerprint(self.shape, self.text)

    def to_json(self) -> dict[str, Any]:
        """The line as it stands on disk."""
        return {
            "id": self.id,
            "shape": self.shape,
            "text": self.text,
            "state": self.state,
            "edit": self.edit,
            "note": self.note,
            "time": self.time,
        }

    @classmethod
    def from_json(cls, o: dict[str, Any]) -> Review:
        """The decision back from `to_json`."""
        if o["state"] not in STATES:
            raise ValueError(o["state"])
        edit = o.get("edit")
        return cls(
            str(o["shape"]),
            str(o["text"]),
            o["state"],
            None if edit is None else str(edit),
            str(o.get("note", "")),
            str(o.get("time", "")),
        )


class Reviews:
    """The decisions about the sketches of one model directory.

    Parameters
    ----------
    path
        The file; read if it exists. None keeps decisions in memory only.

    Raises
    ------
    LanguageError
        If a line of the file cannot be read.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path) if path is not None else None
        self._last: dict[str, Review] = {}
        if self.path is not None and self.path.is_file():
            for review in _read(self.path):
                self._last[review.id] = review

    def __len__(self) -> int:
        """Number of sketches about which something is decided."""
        return sum(r.state != "draft" for r in self._last.values())

    def __iter__(self) -> Iterator[Review]:
        """The last decision about every sketch."""
        return iter(self._last.values())

    def of(self, shape: str, text: str) -> Review | None:
        """The last decision about a sketch, None if there is none."""
        return self._last.get(fingerprint(shape, text))

    def state(self, shape: str, text: str) -> State:
        """The state of a sketch; words that a person wrote in an edit are approved by that."""
        known = self.of(shape, text)
        if known is not None:
            return known.state
        return "approved" if text in self.edits(shape) else "draft"

    def edits(self, shape: str) -> list[str]:
        """What people wrote for a shape in place of sketches, in the order of the file."""
        found = (r for r in self._last.values() if r.shape == shape and r.state == "edited")
        return list(dict.fromkeys(r.edit for r in found if r.edit))

    def decide(
        self, shape: str, text: str, state: State, *, edit: str | None = None, note: str = ""
    ) -> Review:
        """Decide about a sketch and write it down; it is on disk when this returns.

        An edit must pass the verifier as a sketch of the same shape.

        Raises
        ------
        ConfigError
            If the state is unknown, an edit is missing or not asked for, or something is too long.
        LanguageError
            If the verifier refuses the edit.
        DataError
            If the file cannot be written.
        """
        if state not in STATES:
            raise ConfigError(
                f"no such state: {state}", where="review", remedy=f"use {', '.join(STATES)}"
            )
        if (state == "edited") != (edit is not None):
            raise ConfigError(
                "an edit and its words belong together",
                where="review",
                remedy="give the words with an edit, and with nothing else",
            )
        if len(note) > LONGEST or len(edit or "") > LONGEST:
            raise ConfigError(
                f"more than {LONGEST:,} characters", where="review", remedy="say it shorter"
            )
        if edit is not None:
            edit = " ".join(edit.split())
            _verify(shape, edit)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        review = Review(shape, text, state, edit, note, now)
        if self.path is not None:
            _append(self.path, review)
        self._last[review.id] = review
        return review


def _verify(shape: str, edit: str) -> None:
    from whyrec.language.shape import Shape
    from whyrec.language.verify import verify_sketch

    sketch, problems = verify_sketch(edit, Shape.parse(shape))
    if sketch is None:
        why = "; ".join(f"{p.code}: {p.message}" for p in problems[:3])
        raise LanguageError(
            f"the verifier refuses the edit ({why})",
            where=edit[:120],
            remedy="keep every slot, and say no more and no less than the shape",
        )


def _append(path: Path, review: Review) -> None:
    from whyrec.errors import DataError

    line = (json.dumps(review.to_json(), ensure_ascii=False) + "\n").encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One write of one line: others who append at the same time do not come in between.
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as e:
        raise DataError(
            f"cannot be written: {e.strerror}", where=str(path), remedy="check rights and space"
        ) from e


def _read(path: Path) -> Iterator[Review]:
    with path.open(encoding="utf-8") as f:
        for number, raw in enumerate(f, 1):
            if not raw.strip():
                continue
            try:
                yield Review.from_json(json.loads(raw))
            except (ValueError, KeyError, TypeError, AttributeError) as e:
                raise LanguageError(
                    "not a review", where=f"{path}, line {number}", remedy="mend or remove the line"
                ) from e
