"""The embedded language model: a small transformer trained here, int8, run by CTranslate2."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from whyrec.errors import ConfigError, LanguageError
from whyrec.language import domains
from whyrec.language.backends.base import BackendStats, DirectRequest
from whyrec.language.shape import Shape

FORMAT = 1
"""Version of the prompt and of the files: weights of another format are refused."""

WRITE, END, PAD = "<|write|>", "<|end|>", "<|pad|>"

MANIFEST = "manifest.json"
_LONGEST = 160
"""Tokens after which a text is given up; the longest of the corpus has about half as many."""

_EXTRA = 1.5
"""So many times the texts asked for are sampled, since equal ones count once."""


def prompt(shape: Shape) -> list[str]:
    """The control tokens that ask for a text of this shape.

    Examples
    --------
    >>> prompt(Shape.parse("en|film|plain|history(own,2,rating,weak)+rating"))[3:-1]
    ['<|history:own|>', '<|n:2|>', '<|event:rating|>', '<|weak|>', '<|rating|>']
    """
    out = [f"<|lang:{shape.lang}|>", f"<|domain:{shape.domain}|>", f"<|tone:{shape.tone}|>"]
    for c in shape.claims:
        out.append(f"<|{c.kind}:{c.link}|>" if c.link else f"<|{c.kind}|>")
        if c.arity:
            out.append(f"<|n:{c.arity}|>")
        if c.event:
            out.append(f"<|event:{c.event}|>")
        if c.field:
            out.append(f"<|field:{c.field}|>")
        if c.weak:
            out.append("<|weak|>")
    return [*out, WRITE]


def _is_control(token: str) -> bool:
    return token.startswith("<|") or (token.startswith("{") and token.endswith("}"))


def _allowed(shape: Shape) -> set[str]:
    """Control tokens that a text of the shape may hold: its slots, and the end."""
    return {END, "{item}", *(f"{{{s}}}" for s in shape.slots)}


class NanoBackend:
    """Writes sketches with the model in the package; nothing is loaded before the first call.

    The same shape, number and seed always give the same texts, whatever else is asked for in the
    same call: each shape is a batch of its own with random numbers of its own. Slots that the shape
    does not have are never drawn; what else a text says is for the verifier to judge.

    Parameters
    ----------
    path
        A directory written by `whyrec.training.export`; the weights in the package by default.
    temperature, top_k
        How boldly to sample: 1.0 is as the model was taught, lower is safer and more alike. Only
        the `top_k` likeliest tokens are ever drawn.
    seed
        Another seed gives other texts.
    threads
        Processor cores for one batch.

    Raises
    ------
    ConfigError
        For a parameter out of range.
    LanguageError
        On the first call, if the weights are missing, damaged or of another format.
    """

    spec = "nano"
    direct = False

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        temperature: float = 0.8,
        top_k: int = 24,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        if not 0.05 <= temperature <= 2.0:
            raise ConfigError(
                "not between 0.05 and 2", where=f"temperature {temperature}", remedy="try 0.8"
            )
        if top_k < 1:
            raise ConfigError("not 1 or more", where=f"top_k {top_k}", remedy="try 24")
        if threads < 1:
            raise ConfigError("not 1 or more", where=f"threads {threads}", remedy="try 1")
        self.path = Path(path) if path is not None else None
        if path is not None:
            self.spec = f"nano:{path}"
        self.temperature = temperature
        self.top_k = top_k
        self.seed = seed
        self.threads = threads
        self.stats = BackendStats()
        self._lock = threading.Lock()
        self._model: _Model | None = None

    def __repr__(self) -> str:
        return f"NanoBackend({str(self.path)!r})" if self.path else "NanoBackend()"

    def sketches(self, shapes: Sequence[Shape], n: int) -> list[list[str]]:
        """Up to n different texts with slots for each shape, unverified, likeliest kinds first.

        A domain that the model was not taught is asked for as the one that its pack names as alike.
        A shape with a language, tone, event or field that it was not taught gives no text and
        counts as the failure `untaught`.
        """
        with self._lock:
            began = time.perf_counter()
            model = self._load()
            out = [self._write(model, shape, n) for shape in shapes]
            self.stats.seconds += time.perf_counter() - began
        return out

    def write(self, requests: Sequence[DirectRequest]) -> list[str | None]:
        """No text for any pair: this model knows shapes, not facts."""
        return [None for _ in requests]

    @property
    def manifest(self) -> dict[str, Any]:
        """What the weights are and how they came to be (`manifest.json`)."""
        return self._load().manifest

    def _load(self) -> _Model:
        if self._model is None:
            self._model = _Model(self.path or packaged_weights(), self.threads)
        return self._model

    def _write(self, model: _Model, shape: Shape, n: int) -> list[str]:
        if n < 1:
            return []
        if f"<|domain:{shape.domain}|>" not in model.taught:
            shape = replace(shape, domain=domains.load(shape.domain).like)
        start = prompt(shape)
        if any(t not in model.taught for t in start):
            self.stats.fail("untaught")
            return []
        self.stats.calls += 1
        asked = max(n, round(n * _EXTRA))
        seed = int.from_bytes(hashlib.sha256(f"{self.seed}|{shape.key}|{n}".encode()).digest()[:4])
        never = [t for t in model.taught if _is_control(t) and t not in _allowed(shape)]
        written = model.sample(start, sorted(never), asked, seed, self.temperature, self.top_k)
        self.stats.input_tokens += len(start) * asked
        texts: dict[str, None] = {}
        for tokens, ended in written:
            self.stats.output_tokens += len(tokens)
            if not ended:
                self.stats.fail("too-long")
                continue
            text = model.tokenizer.decode(tokens, skip_special_tokens=False).strip()
            if text:
                texts.setdefault(text)
        return list(texts)[:n]


def packaged_weights() -> Path:
    """Where the weights in the package lie."""
    return Path(str(resources.files("whyrec.language.backends") / "weights"))


def check_weights(path: Path) -> dict[str, Any]:
    """The manifest of the weights in a directory, every file compared with its fingerprint.

    Raises
    ------
    LanguageError
        If a file is missing, is not what the manifest says, or is of another format.
    """
    remedy = (
        "install whyrec again"
        if path == packaged_weights()
        else "train again with `whyrec lm train`, or leave the path out for the packaged weights"
    )
    place = path / MANIFEST
    try:
        manifest = json.loads(place.read_text(encoding="utf-8"))
        files = dict(manifest["files"])
        format = manifest["format"]
    except FileNotFoundError:
        raise LanguageError("no language model here", where=str(path), remedy=remedy) from None
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise LanguageError("cannot be read", where=str(place), remedy=remedy) from e
    if format != FORMAT:
        raise LanguageError(
            f"language model of format {format}, this version reads {FORMAT}",
            where=str(path),
            remedy=remedy,
        )
    for name, expected in files.items():
        try:
            found = hashlib.sha256((path / name).read_bytes()).hexdigest()
        except OSError as e:
            raise LanguageError("is missing", where=str(path / name), remedy=remedy) from e
        if found != expected:
            raise LanguageError(
                "is not the file that the manifest names", where=str(path / name), remedy=remedy
            )
    return dict(manifest)


class _Model:
    """Weights, tokenizer and manifest of one directory, checked."""

    def __init__(self, path: Path, threads: int) -> None:
        self.manifest = check_weights(path)
        import ctranslate2
        from tokenizers import Tokenizer

        self._path = path
        self._threads = threads
        try:
            self.tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
            self._files = {
                name: (path / name).read_bytes()
                for name in ("model.bin", "config.json", "vocabulary.json")
            }
            self._generator(0)
        except Exception as e:
            raise LanguageError(
                f"the language model cannot be loaded ({e})",
                where=str(path),
                remedy=f"it was made for CTranslate2 {self.manifest.get('ctranslate2')}, "
                f"this is {ctranslate2.__version__}",
            ) from e
        self.taught = frozenset(self.tokenizer.get_vocab())

    def _generator(self, seed: int) -> Any:
        # CTranslate2 seeds a worker's random numbers once, when the worker starts: a generator for
        # each batch (a few milliseconds) is what makes equal questions have equal answers.
        import ctranslate2

        ctranslate2.set_random_seed(seed)
        return ctranslate2.Generator(
            str(self._path),
            device="cpu",
            compute_type="int8",
            inter_threads=1,
            intra_threads=self._threads,
            files=self._files,
        )

    def sample(
        self,
        start: list[str],
        never: list[str],
        n: int,
        seed: int,
        temperature: float,
        top_k: int,
    ) -> list[tuple[list[int], bool]]:
        """n samples without the tokens `never`: ids after the prompt, and whether the text ended."""
        results = self._generator(seed).generate_batch(
            [start] * n,
            max_length=_LONGEST,
            sampling_topk=top_k,
            sampling_temperature=temperature,
            include_prompt_in_result=False,
            suppress_sequences=[[t] for t in never],
            end_token=END,
            return_end_token=True,
        )
        end = self.tokenizer.token_to_id(END)
        out = []
        for r in results:
            ids = list(r.sequences_ids[0])
            ended = bool(ids) and ids[-1] == end
            out.append((ids[:-1] if ended else ids, ended))
        return out
