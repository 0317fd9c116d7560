"""Learnt embeddings of items: encoders saved on disk for texts, word2vec on texts or on histories."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from whyrec.data.catalogue import Catalogue
from whyrec.errors import ConfigError, DataError
from whyrec.features.text import terms
from whyrec.features.vectors import ItemFeatures, unit_rows

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset

log = logging.getLogger("whyrec.features")

F32 = npt.NDArray[np.float32]
MAX_CHARACTERS = 4000
"""Of one item's text, those that an encoder gets: more than any window of 512 tokens holds."""


def item_texts(catalogue: Catalogue, lang: str | None = None) -> list[str]:
    """One text an item: title, categories, tags, brand and description, in `lang` where it has it."""
    table = catalogue.table
    parts: list[list[str]] = [[] for _ in range(len(catalogue))]
    for base in ("title", "category", "genres", "tags", "brand", "description"):
        column = f"{base}_{lang}" if f"{base}_{lang}" in table.columns else base
        if column not in table.columns:
            continue
        for item, cell in enumerate(table[column].to_list()):
            if isinstance(cell, list):
                cell = ", ".join(str(c) for c in cell if c is not None)
            if cell:
                parts[item].append(str(cell).rstrip(". "))
    return [". ".join(p)[:MAX_CHARACTERS] for p in parts]


def embeddings(
    catalogue: Catalogue,
    argument: str | None = None,
    *,
    dataset: Dataset | None = None,
    lang: str | None = None,
    batch: int = 32,
    device: str = "cpu",
) -> ItemFeatures:
    """Sentence embeddings of the items' texts by an encoder saved on disk.

    A directory of `sentence-transformers` (it has `modules.json`) or of any Hugging Face encoder,
    whose last hidden states are then averaged over the tokens. Weights must be safetensors; no
    code of the directory is run and nothing is fetched.

    Returns
    -------
    ItemFeatures
        float32 [n_items, width of the encoder], dense, without names.

    Raises
    ------
    ConfigError
        If the directory is no encoder, or the extra `embeddings` or `hf` is missing.
    """
    place = encoder_place(argument, "embeddings")
    texts = item_texts(catalogue, lang)
    encode = _sentence_encoder if (place / "modules.json").is_file() else _hf_encoder
    with quiet():
        vectors = encode(place, texts, batch, device)
    vectors[[not t for t in texts]] = 0.0
    return ItemFeatures(f"embeddings:{argument}", unit_rows(vectors))


def encoder_place(argument: str | None, name: str) -> Path:
    """The directory of an encoder.

    Raises
    ------
    ConfigError
        If there is none, or its weights are pickled, or it wants to run code of its own.
    """
    where = f"features, {name}"
    if not argument:
        raise ConfigError(
            "no encoder is named", where=where, remedy=f"write {name}:PATH of a directory on disk"
        )
    place = Path(argument).expanduser()
    if not place.is_dir():
        raise ConfigError(
            "no such directory",
            where=f"{where}, {argument}",
            remedy="save the encoder to disk first (save_pretrained); nothing is fetched from a hub",
        )
    if next(place.rglob("*.safetensors"), None) is None:
        raise ConfigError(
            "holds no weights as safetensors",
            where=f"{where}, {argument}",
            remedy="save it with save_pretrained(PATH, safe_serialization=True)",
        )
    modules = place / "modules.json"
    if modules.is_file():
        try:
            kinds = [str(m["type"]) for m in json.loads(modules.read_text("utf-8"))]
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(
                "modules.json cannot be read",
                where=f"{where}, {argument}",
                remedy="save it again",
            ) from error
        strange = [k for k in kinds if not k.startswith("sentence_transformers.")]
        if strange:
            raise ConfigError(
                f"it wants to run {strange[0]}",
                where=f"{where}, {argument}",
                remedy="use an encoder made of sentence_transformers' own modules",
            )
    return place


@contextmanager
def quiet() -> Iterator[None]:
    """Without the bars and hints of the libraries, which would stand among results."""
    from transformers.utils import logging as hf_logging

    level = hf_logging.get_verbosity()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        hf_logging.set_verbosity(level)


def missing_extra(what: str, extra: str) -> ConfigError:
    """The error for a library that is not installed."""
    return ConfigError(
        f"{what} is not installed", where="features", remedy=f"pip install 'whyrec[{extra}]'"
    )


def _sentence_encoder(place: Path, texts: Sequence[str], batch: int, device: str) -> F32:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise missing_extra("sentence-transformers", "embeddings") from None
    try:
        model = SentenceTransformer(
            str(place),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except Exception as error:
        raise unreadable(place, error) from error
    vectors = model.encode(list(texts), batch_size=batch, show_progress_bar=False)
    return np.asarray(vectors, np.float32).copy()


def _hf_encoder(place: Path, texts: Sequence[str], batch: int, device: str) -> F32:
    try:
        import torch
        from transformers import AutoModel, AutoTokenizer
    except ImportError:
        raise missing_extra("transformers", "hf") from None
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            place, local_files_only=True, trust_remote_code=False
        )
        model = AutoModel.from_pretrained(
            place, local_files_only=True, trust_remote_code=False, use_safetensors=True
        )
    except Exception as error:
        raise unreadable(place, error) from error
    model = model.to(device).eval()
    limit = int(getattr(model.config, "max_position_embeddings", 512) or 512)
    limit = min(limit, int(min(tokenizer.model_max_length, 1 << 20)))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    # By length, so that batches hold little padding.
    order = sorted(range(len(texts)), key=lambda k: len(texts[k]))
    out: list[Any] = [None] * len(texts)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        inputs = tokenizer(
            [texts[k] or " " for k in chosen],
            padding=True,
            truncation=True,
            max_length=limit,
            return_tensors="pt",
        ).to(device)
        with torch.inference_mode():
            hidden = model(**inputs).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        for k, row in zip(chosen, mean.float().cpu().numpy(), strict=True):
            out[k] = row
    return np.asarray(out, np.float32)


def unreadable(place: Path, error: Exception) -> ConfigError:
    """The error for a directory that a library could not load."""
    lines = str(error).strip().splitlines()
    return ConfigError(
        f"is no encoder that can be loaded ({type(error).__name__}: "
        f"{lines[0][:200] if lines else ''})",
        where=f"features, {place}",
        remedy="save one with save_pretrained, tokenizer or image processor beside it",
    )


def word2vec(
    catalogue: Catalogue,
    argument: str | None = None,
    *,
    dataset: Dataset | None = None,
    factors: int = 64,
    window: int = 5,
    epochs: int = 20,
    seed: int = 0,
) -> ItemFeatures:
    """Word2vec (gensim, skip-gram) on the items' texts, or item2vec on people's histories.

    `word2vec` (or `word2vec:text`): vectors of words learnt from this catalogue, an item the mean
    of its words weighted by idf. `word2vec:events`: histories in order of time are the sentences and
    items the words (Barkan and Koenigstein 2016, "Item2Vec"). One thread, so that the same seed
    gives the same vectors.

    Returns
    -------
    ItemFeatures
        float32 [n_items, factors], dense, without names; items without words or events are zero.
    """
    if argument not in (None, "text", "events"):
        raise ConfigError(
            f"word2vec has no {argument!r}",
            where="features",
            remedy="write word2vec:text or word2vec:events",
        )
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise missing_extra("gensim", "embeddings") from None
    if argument == "events":
        if dataset is None:
            raise ConfigError(
                "word2vec:events needs the events", where="features", remedy="pass dataset="
            )
        sentences = _histories(dataset)
    else:
        sentences = _sentences(catalogue)
    if not any(len(s) > 1 for s in sentences):
        raise DataError(
            "nothing occurs beside anything else",
            where="features, word2vec",
            remedy="use a catalogue with titles of several words, or histories of several items",
        )
    model = Word2Vec(
        sentences,
        vector_size=factors,
        window=window,
        min_count=1,
        sg=1,
        negative=5,
        sample=0,  # stop words are gone, and in a small catalogue every word is frequent
        epochs=epochs,
        seed=seed,
        workers=1,
    )
    vectors = model.wv
    out = np.zeros((len(catalogue), factors), np.float32)
    if argument == "events":
        for word, row in vectors.key_to_index.items():
            out[int(word)] = vectors.vectors[row]
    else:
        counts = dict.fromkeys(vectors.key_to_index, 0)
        for words in sentences:
            for word in set(words):
                counts[word] += 1
        for item, words in enumerate(sentences):
            for word in words:
                idf = np.log((1 + len(sentences)) / (1 + counts[word])) + 1
                out[item] += np.float32(idf) * vectors[word]
    return ItemFeatures(f"word2vec:{argument or 'text'}", unit_rows(out))


def _sentences(catalogue: Catalogue) -> list[list[str]]:
    table = catalogue.table
    bases = ("title", "category", "genres", "tags", "description")
    columns = [c for c in table.columns if c.split("_")[0] in bases and len(c.split("_")) < 3]
    out: list[list[str]] = [[] for _ in range(len(catalogue))]
    for column in columns:
        for item, cell in enumerate(table[column].to_list()):
            text = " ".join(map(str, cell)) if isinstance(cell, list) else cell
            out[item] += [norm for norm, _ in terms(str(text))] if text else []
    return out


def _histories(dataset: Dataset) -> list[list[str]]:
    pairs = dataset.history_pairs("sequence")
    grouped = pairs.group_by("user", maintain_order=True).agg("item")
    return [[str(i) for i in items] for items in grouped["item"].to_list()]
