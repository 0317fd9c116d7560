"""A Hugging Face model on this machine: causal or encoder-decoder, seeded, never from pickle."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from whyrec.errors import ConfigError, LanguageError
from whyrec.language.backends.answers import read_text, read_texts
from whyrec.language.backends.base import BackendStats, DirectRequest
from whyrec.language.backends.prompts import (
    Form,
    Message,
    as_plain,
    direct_messages,
    sketch_messages,
)
from whyrec.language.shape import Shape


class HFBackend:
    """Writes with a Transformers model: batches on CPU or GPU, the same seed the same texts.

    Requests end in `stats.answers` or in `stats.failures` under `too-long` (the prompt does not
    fit), `generate` (the model failed, for example out of memory even one at a time), `empty`,
    `truncated` or `bad-json`. A call is one batch.

    Parameters
    ----------
    model
        A directory, or a name on the Hugging Face hub. Only safetensors weights are read and no
        code that comes with a model is run.
    device
        `cpu`, `cuda`, …; default the first GPU, else the CPU.
    batch_size
        Prompts a call.
    max_output
        Tokens of one answer.
    temperature
        Of sketches, sampled; direct texts are written greedily.
    seed
        Of the sampling; a batch's texts depend on the seed and on the batch alone.
    form
        How facts are put to the model in direct mode; see `prompts.FORMS`.
    local_files_only
        Read no network; default whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE says so.

    Raises
    ------
    LanguageError
        If the model cannot be found or loaded.
    """

    direct = True

    def __init__(
        self,
        model: str,
        *,
        device: str | None = None,
        batch_size: int = 8,
        max_output: int = 512,
        temperature: float = 0.9,
        seed: int = 0,
        form: Form = "keywords",
        local_files_only: bool | None = None,
    ) -> None:
        for name, value, low in (("batch_size", batch_size, 1), ("max_output", max_output, 1)):
            if value < low:
                raise ConfigError(f"is {value}", where=name, remedy=f"give {low} or more")
        if not 0 <= temperature < float("inf"):
            raise ConfigError(f"is {temperature}", where="temperature", remedy="give 0 or more")
        self.spec = f"hf:{model}"
        self.stats = BackendStats()
        self._batch_size = batch_size
        self._max_output = max_output
        self._temperature = temperature
        self._seed = seed
        self._form = form
        self._lock = threading.Lock()
        offline = _offline() if local_files_only is None else local_files_only
        self._load(model, device, offline)

    def __repr__(self) -> str:
        return f"HFBackend({self.spec.removeprefix('hf:')!r}, device={str(self._device)!r})"

    def _load(self, model: str, device: str | None, offline: bool) -> None:
        import torch
        from transformers import (
            AutoConfig,
            AutoModelForCausalLM,
            AutoModelForSeq2SeqLM,
            AutoTokenizer,
        )

        options: dict[str, Any] = {"local_files_only": offline, "trust_remote_code": False}
        try:
            self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
            config = AutoConfig.from_pretrained(model, **options)
            self._seq2seq = bool(config.is_encoder_decoder)
            self._tokenizer = AutoTokenizer.from_pretrained(
                model, padding_side="right" if self._seq2seq else "left", **options
            )
            kind = AutoModelForSeq2SeqLM if self._seq2seq else AutoModelForCausalLM
            dtype = torch.bfloat16 if self._device.type == "cuda" else torch.float32
            loaded = kind.from_pretrained(model, use_safetensors=True, dtype=dtype, **options)
            self._model = loaded.to(self._device).eval()
        except Exception as error:
            # The loader's errors are of many libraries (SafetensorError, HFValidationError, …).
            raise LanguageError(
                f"cannot be loaded ({_first_line(error)})",
                where=self.spec,
                remedy="give a directory or hub name with config.json, a tokenizer and "
                "*.safetensors"
                + ("; offline, it must be on this machine already" if offline else ""),
            ) from error
        if self._tokenizer.pad_token is None:
            if self._tokenizer.eos_token is None:
                raise LanguageError(
                    "its tokenizer has neither a padding nor an end token",
                    where=self.spec,
                    remedy="set pad_token in tokenizer_config.json",
                )
            self._tokenizer.pad_token = self._tokenizer.eos_token
        # T5's relative positions have no end; a decoder's positions do.
        limit = None if self._seq2seq else getattr(config, "max_position_embeddings", None)
        self._positions = int(limit) if limit else None

    def sketches(self, shapes: Sequence[Shape], n: int) -> list[list[str]]:
        """Up to n candidate texts with `{slot}`s for each shape, unverified."""
        if n < 1:
            return [[] for _ in shapes]
        prompts = [sketch_messages(shape, n) for shape in shapes]
        return [
            list(dict.fromkeys(texts))[:n]
            for texts in self._ask(prompts, self._temperature, read_texts)
        ]

    def write(self, requests: Sequence[DirectRequest]) -> list[str | None]:
        """One unverified text for each request, None where the model failed."""

        def read(content: str, *, cut: bool) -> tuple[list[str], str | None]:
            text, code = read_text(content, cut=cut)
            return ([] if text is None else [text]), code

        prompts = [direct_messages(r, self._form) for r in requests]
        return [texts[0] if texts else None for texts in self._ask(prompts, 0.0, read)]

    def _ask(
        self,
        prompts: Sequence[list[Message]],
        temperature: float,
        read: Callable[..., tuple[list[str], str | None]],
    ) -> list[list[str]]:
        start = time.monotonic()
        out: list[list[str]] = [[] for _ in prompts]
        with self._lock:
            self.stats.requests += len(prompts)
            fitting: list[tuple[int, list[int]]] = []
            for k, messages in enumerate(prompts):
                ids = self._encode(messages)
                if self._positions and len(ids) + self._max_output > self._positions:
                    self.stats.fail("too-long")
                else:
                    fitting.append((k, ids))
            for first in range(0, len(fitting), self._batch_size):
                batch = fitting[first : first + self._batch_size]
                answers = self._generate([ids for _, ids in batch], temperature)
                for (k, _), answer in zip(batch, answers, strict=True):
                    if answer is None:
                        self.stats.fail("generate")
                        continue
                    content, cut = answer
                    texts, code = read(content, cut=cut)
                    if code is not None:
                        self.stats.fail(code)
                        continue
                    self.stats.answers += 1
                    out[k] = texts
            self.stats.seconds += time.monotonic() - start
        return out

    def _encode(self, messages: list[Message]) -> list[int]:
        """Token ids of a prompt, through the model's own chat template where it has one."""
        if not getattr(self._tokenizer, "chat_template", None):
            ids = self._tokenizer(as_plain(messages))["input_ids"]
        else:
            try:
                text = self._template(messages)
            except Exception:
                # Templates without a system role raise; their own error type is not public.
                merged = "\n\n".join(m["content"] for m in messages)
                text = self._template([{"role": "user", "content": merged}])
            # The template writes the special tokens itself.
            ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return list(ids)

    def _template(self, messages: list[Message]) -> str:
        text = self._tokenizer.apply_chat_template(
            [dict(m) for m in messages], tokenize=False, add_generation_prompt=True
        )
        return str(text)

    def _generate(
        self, prompts: list[list[int]], temperature: float
    ) -> list[tuple[str, bool] | None]:
        """Each prompt's answer and whether it hit the length limit; None where the model failed."""
        import torch

        try:
            rows = self._generate_ids(prompts, temperature)
        except (RuntimeError, ValueError, IndexError):
            # Out of memory is a RuntimeError on every device; halves may fit.
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            if len(prompts) == 1:
                return [None]
            half = len(prompts) // 2
            return self._generate(prompts[:half], temperature) + self._generate(
                prompts[half:], temperature
            )
        ends = self._ends()
        out: list[tuple[str, bool] | None] = []
        for row in rows:
            end = next((k for k, token in enumerate(row) if token in ends), None)
            written = row if end is None else row[:end]
            self.stats.output_tokens += len(written)
            text = self._tokenizer.decode(written, skip_special_tokens=True)
            out.append((text, end is None))
        return out

    def _generate_ids(self, prompts: list[list[int]], temperature: float) -> list[list[int]]:
        import torch

        batch = self._tokenizer.pad({"input_ids": prompts}, padding=True, return_tensors="pt")
        options: dict[str, Any] = {
            "max_new_tokens": self._max_output,
            "pad_token_id": self._tokenizer.pad_token_id,
            "do_sample": temperature > 0,
        }
        if temperature > 0:
            options |= {"temperature": temperature, "top_p": 0.95, "top_k": 0}
        self.stats.calls += 1
        self.stats.input_tokens += sum(map(len, prompts))
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.inference_mode(), torch.random.fork_rng(devices=devices):
            torch.manual_seed(_seed(self._seed, prompts))
            ids = self._model.generate(
                input_ids=batch["input_ids"].to(self._device),
                attention_mask=batch["attention_mask"].to(self._device),
                **options,
            )
        # An encoder-decoder returns its start token first, a decoder the whole prompt.
        start = 1 if self._seq2seq else batch["input_ids"].shape[1]
        return [list(map(int, row)) for row in ids[:, start:].tolist()]

    def _ends(self) -> set[int]:
        config = self._model.generation_config
        ends = config.eos_token_id
        known = ends if isinstance(ends, list) else [ends]
        known = [*known, self._tokenizer.eos_token_id, self._tokenizer.pad_token_id]
        return {int(e) for e in known if e is not None}


def _seed(seed: int, prompts: list[list[int]]) -> int:
    """A seed of its own for each batch, so that a batch's texts do not depend on those before it."""
    digest = hashlib.sha256(repr((seed, prompts)).encode()).digest()
    return int.from_bytes(digest[:7], "big")


def _offline() -> bool:
    return any(
        os.environ.get(name, "").upper() in {"1", "TRUE", "YES", "ON"}
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    )


def _first_line(error: Exception) -> str:
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return line[:160].rstrip(". ").replace(str(Path.home()), "~")
