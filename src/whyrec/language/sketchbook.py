"""The sketch book: verified sketches by shape, on disk as JSON Lines that anybody can read.

Each line is `{"shape", "status", "text", "sentences", "llm", "problems"}`. Refused texts stay in
the book with the reasons. What a file says is not believed: a sketch is verified again in every
process before it is first used.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from whyrec.data.files import atomic_file
from whyrec.errors import LanguageError
from whyrec.language import locales
from whyrec.language.backends.base import Backend
from whyrec.language.review import Reviews
from whyrec.language.shape import Shape
from whyrec.language.taste import stiff
from whyrec.language.types import Problem, Sketch

PER_SHAPE = 8
"""Accepted sketches that a book holds of one shape when it is full."""

ASKED = 2
"""A backend is asked for so many times what is still missing."""

_SLOT = re.compile(r"\{\w+\}")

VerifySketch = Callable[[str, Shape], tuple[Sketch | None, tuple[Problem, ...]]]


@dataclass(frozen=True, slots=True)
class Line:
    """One text of the book, accepted or refused."""

    shape: str
    status: Literal["accepted", "refused"]
    text: str
    sentences: tuple[tuple[str, tuple[int, ...]], ...]
    llm: str
    problems: tuple[Problem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The line as it stands on disk."""
        return {
            "shape": self.shape,
            "status": self.status,
            "text": self.text,
            "sentences": [{"text": t, "claims": list(c)} for t, c in self.sentences],
            "llm": self.llm,
            "problems": [p.to_json() for p in self.problems],
        }

    @classmethod
    def from_json(cls, o: dict[str, Any]) -> Line:
        """The line back from `to_json`."""
        status = o["status"]
        if status not in ("accepted", "refused"):
            raise ValueError(status)
        return cls(
            str(o["shape"]),
            status,
            str(o["text"]),
            tuple((str(s["text"]), tuple(map(int, s["claims"]))) for s in o["sentences"]),
            str(o["llm"]),
            tuple(
                Problem(str(p["code"]), (int(p["span"][0]), int(p["span"][1])), str(p["message"]))
                for p in o["problems"]
            ),
        )


@dataclass
class BookStats:
    """What filling a book came to: `made == accepted + duplicates + sum of refused drafts`."""

    shapes: int = 0
    made: int = 0
    accepted: int = 0
    refused: int = 0
    duplicates: int = 0
    codes: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The counts by name; `codes` counts refused texts by their first problem."""
        return {
            "shapes": self.shapes,
            "made": self.made,
            "accepted": self.accepted,
            "refused": self.refused,
            "duplicates": self.duplicates,
            "codes": dict(sorted(self.codes.items())),
        }


@dataclass
class Used:
    """The sketches and openings that one list has used already."""

    texts: Counter[str] = field(default_factory=Counter)
    openings: Counter[str] = field(default_factory=Counter)


class SketchBook:
    """Verified sketches by shape.

    Parameters
    ----------
    path
        The file; read if it exists. None keeps the book in memory only.
    verify
        `verify_sketch` unless another is given.
    reviews
        What people decided: refused sketches are not served, and edits stand in place of theirs.
    approved_only
        Whether only sketches that people approved or wrote are served.

    Raises
    ------
    LanguageError
        If a line of the file cannot be read.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        verify: VerifySketch | None = None,
        reviews: Reviews | None = None,
        approved_only: bool = False,
    ) -> None:
        self.reviews = reviews if reviews is not None else Reviews()
        self.approved_only = approved_only
        self.path = Path(path) if path is not None else None
        self.stats = BookStats()
        self._verify = verify
        self._lines: dict[str, dict[str, Line]] = {}
        self._ready: dict[Shape, tuple[Sketch, ...]] = {}
        self._openings: dict[str, str] = {}
        self._changed = False
        self._read_at: tuple[int, int] | None = None
        if self.path is not None and self.path.is_file():
            self._read_at = _stamp(self.path)
            for line in _read(self.path):
                self._put(line)

    def __len__(self) -> int:
        """Number of accepted texts."""
        return sum(x.status == "accepted" for x in self.lines())

    def lines(self) -> Iterator[Line]:
        """Every text, accepted and refused, by shape."""
        for texts in self._lines.values():
            yield from texts.values()

    def shapes(self) -> list[str]:
        """Keys of the shapes that the book has texts of."""
        return list(self._lines)

    def counts(self) -> dict[str, Any]:
        """What is in the book: accepted and refused texts, shapes, refusals by code."""
        codes: Counter[str] = Counter()
        accepted = refused = 0
        for line in self.lines():
            accepted += line.status == "accepted"
            refused += line.status == "refused"
            if line.status == "refused" and line.problems:
                codes[line.problems[0].code] += 1
        return {
            "shapes": len(self._lines),
            "accepted": accepted,
            "refused": refused,
            "codes": dict(sorted(codes.items())),
        }

    def sketches(self, shape: Shape) -> tuple[Sketch, ...]:
        """The sketches of a shape to be served, verified by this process; () if there is none."""
        ready = self._ready.get(shape)
        if ready is None:
            ready = self._ready[shape] = tuple(self._verified(shape))
        return ready

    def _verified(self, shape: Shape) -> Iterator[Sketch]:
        texts = self._lines.get(shape.key, {})
        for line in sorted(texts.values(), key=lambda x: x.text):
            if line.status != "accepted" or not self._served(line):
                continue
            sketch, problems = self._check(line.text, shape)
            if sketch is None:
                texts[line.text] = Line(shape.key, "refused", line.text, (), line.llm, problems)
                self._changed = True
                continue
            yield Sketch(shape, sketch.text, sketch.sentences, line.llm)
        for text in self.reviews.edits(shape.key):
            sketch, _ = self._check(text, shape)
            if sketch is not None and self.reviews.state(shape.key, text) != "refused":
                yield Sketch(shape, sketch.text, sketch.sentences, "person")

    def _served(self, line: Line) -> bool:
        state = self.reviews.state(line.shape, line.text)
        if line.text in self.reviews.edits(line.shape):
            return False  # comes as the person's own
        return state == "approved" or (state == "draft" and not self.approved_only)

    def reviewed(self) -> None:
        """Take up decisions made since: what is served is worked out anew."""
        self._ready.clear()

    def _check(self, text: str, shape: Shape) -> tuple[Sketch | None, tuple[Problem, ...]]:
        if self._verify is None:
            from whyrec.language.verify import verify_sketch

            self._verify = verify_sketch
        return self._verify(text, shape)

    def pick(self, shape: Shape, user: str, item: str, used: Used) -> Sketch | None:
        """The sketch for one text: the same for the same input, another one within a list.

        Among those that the list has used least, with the opening that it has used least, the
        place is decided by user and item.
        """
        return choose(self.sketches(shape), user, item, used, self._openings)

    def fill(
        self,
        shapes: Iterable[Shape],
        backend: Backend,
        per_shape: int = PER_SHAPE,
        *,
        rounds: int = 2,
        save: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> BookStats:
        """Ask `backend` for sketches of the shapes that have fewer than `per_shape`, and verify all.

        Accepted and refused texts are kept, and saved (unless `save` is False) if the book has a
        file that can be written. Returns what this filling came to; `stats` adds up all fillings.

        Parameters
        ----------
        rounds
            How often a shape that is still short is asked again.
        progress
            Called with the number of shapes done.
        """
        done = BookStats()
        todo = list(dict.fromkeys(shapes))
        done.shapes = len(todo)
        total = len(todo)
        for _ in range(rounds):
            # A shape is asked for as many as it lacks itself, whatever it is asked together with:
            # a backend that repeats itself then fills it with the same texts in every process.
            short: dict[int, list[Shape]] = {}
            for shape in todo:
                short.setdefault(self._missing(shape, per_shape), []).append(shape)
            todo = [s for lack, shapes in short.items() if lack > 0 for s in shapes]
            asked = total - len(todo)
            for lack, group in short.items():
                for start in range(0, len(group) if lack > 0 else 0, 32):
                    batch = group[start : start + 32]
                    for shape, texts in zip(
                        batch, backend.sketches(batch, lack * ASKED), strict=True
                    ):
                        self._take(shape, texts, backend.spec, per_shape, done)
                    asked += len(batch)
                    if progress is not None:
                        progress(asked)
        self._add(done)
        if save:
            self.save()
        return done

    def asked(self, shape: Shape) -> bool:
        """Whether a backend has written anything for the shape, good or not."""
        return bool(self._lines.get(shape.key))

    def _missing(self, shape: Shape, per_shape: int) -> int:
        texts = self._lines.get(shape.key, {})
        return per_shape - sum(x.status == "accepted" for x in texts.values())

    def _take(
        self, shape: Shape, texts: Sequence[str], llm: str, per_shape: int, done: BookStats
    ) -> None:
        known = self._lines.setdefault(shape.key, {})
        for raw in texts:
            done.made += 1
            text = " ".join(raw.split())
            if text in known or self._missing(shape, per_shape) <= 0:
                done.duplicates += 1
                continue
            sketch, problems = self._check(text, shape)
            problems = problems or stiff(text, shape)
            self._changed = True
            if sketch is None or problems:
                done.refused += 1
                code = problems[0].code if problems else "refused"
                done.codes[code] = done.codes.get(code, 0) + 1
                known[text] = Line(shape.key, "refused", text, (), llm, problems)
                continue
            done.accepted += 1
            known[text] = Line(shape.key, "accepted", text, sketch.sentences, llm)
        self._ready.pop(shape, None)

    def _add(self, done: BookStats) -> None:
        s = self.stats
        s.shapes += done.shapes
        s.made += done.made
        s.accepted += done.accepted
        s.refused += done.refused
        s.duplicates += done.duplicates
        for code, n in done.codes.items():
            s.codes[code] = s.codes.get(code, 0) + n

    def save(self) -> bool:
        """Write the book beside its place and rename; False if there is no place to write.

        Texts that another process has added in the meantime are kept.
        """
        if self.path is None or not self._changed:
            return False
        if not _writable(self.path):
            return False
        if self.path.is_file() and _stamp(self.path) != self._read_at:
            for line in _read(self.path):
                self._lines.setdefault(line.shape, {}).setdefault(line.text, line)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.path) as place, Path(place).open("w", encoding="utf-8") as f:
            for key in sorted(self._lines):
                for line in sorted(self._lines[key].values(), key=lambda x: (x.status, x.text)):
                    f.write(json.dumps(line.to_json(), ensure_ascii=False) + "\n")
        self._changed = False
        self._read_at = _stamp(self.path)
        return True

    def _put(self, line: Line) -> None:
        self._lines.setdefault(line.shape, {})[line.text] = line


def choose(
    sketches: Sequence[Sketch], user: str, item: str, used: Used, openings: dict[str, str]
) -> Sketch | None:
    """The least used of the sketches, then of the openings, then by user and item."""
    n = len(sketches)
    if n == 0:
        return None
    start = zlib.crc32(f"{user}\0{item}".encode()) % n
    best: Sketch | None = None
    best_cost = 1 << 30
    best_opening = ""
    for k in range(n):
        sketch = sketches[(start + k) % n]
        opening = openings.get(sketch.text)
        if opening is None:
            opening = openings[sketch.text] = _opening(sketch)
        cost = 4 * used.texts[sketch.text] + used.openings[opening]
        if cost < best_cost:
            best, best_cost, best_opening = sketch, cost, opening
            if cost == 0:
                break
    if best is not None:
        used.texts[best.text] += 1
        used.openings[best_opening] += 1
    return best


def _opening(sketch: Sketch) -> str:
    """How a sketch begins: its first three words, or four signs where words are not spaced."""
    if locales.load(sketch.shape.lang).between:
        return " ".join(sketch.text.split()[:3])
    return _SLOT.sub("□", sketch.text)[:4]


def _stamp(path: Path) -> tuple[int, int]:
    """What changes when another process writes the file."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_ino


def _writable(path: Path) -> bool:
    place = path
    while not place.exists():
        place = place.parent
    return os.access(place, os.W_OK) and (not path.exists() or os.access(path.parent, os.W_OK))


def _read(path: Path) -> Iterator[Line]:
    with path.open(encoding="utf-8") as f:
        for number, raw in enumerate(f, 1):
            if not raw.strip():
                continue
            try:
                yield Line.from_json(json.loads(raw))
            except (ValueError, KeyError, TypeError, IndexError, AttributeError) as e:
                raise LanguageError(
                    "not a line of a sketch book",
                    where=f"{path}, line {number}",
                    remedy="remove the line, or the file to have it made again",
                ) from e
