"""Export: a trained decoder as int8 CTranslate2 files with a manifest that says where it is from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from whyrec.data.files import MARK, atomic_dir
from whyrec.language.backends.nano import END, FORMAT, MANIFEST, PAD, WRITE
from whyrec.training.model import EPSILON, ROTARY_BASE, ModelConfig


def grammar_fingerprints() -> dict[str, str]:
    """sha256 of each language's phrase grammar."""
    from whyrec.training.grammar import LANGUAGES, source

    return {lang: hashlib.sha256(source(lang).encode()).hexdigest() for lang in LANGUAGES}


def export(
    weights: dict[str, Any],
    config: ModelConfig,
    tokenizer: Any,
    out: str | Path,
    about: dict[str, Any],
) -> Path:
    """Write model.bin, config.json, vocabulary.json, tokenizer.json and manifest.json to `out`.

    Parameters
    ----------
    weights
        The decoder's state dict (torch tensors, float32).
    about
        What the manifest says besides: training figures, corpus, how to reproduce it.

    Returns
    -------
    The directory, which `NanoBackend(path)` reads.
    """
    import ctranslate2

    with atomic_dir(out) as place:
        spec = _spec(weights, config)
        spec.register_vocabulary(_vocabulary(tokenizer))
        spec.config.bos_token = WRITE
        spec.config.eos_token = END
        spec.config.unk_token = PAD
        spec.config.layer_norm_epsilon = EPSILON
        spec.validate()
        spec.optimize(quantization="int8")
        spec.save(str(place))
        tokenizer.save(str(place / "tokenizer.json"))
        parameters = sum(int(w.numel()) for w in weights.values())
        files = sorted(p for p in place.iterdir() if p.name != MARK)
        manifest = {
            "format": FORMAT,
            "what": "decoder that writes sketches for whyrec, trained on its own phrase grammar",
            "parameters": parameters,
            "sizes": config.to_json(),
            "quantization": "int8",
            "ctranslate2": ctranslate2.__version__,
            "grammar": grammar_fingerprints(),
            **about,
            "files": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
        }
        (place / MANIFEST).write_text(
            json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    return Path(out)


def _vocabulary(tokenizer: Any) -> list[str]:
    return [t for t, _ in sorted(tokenizer.get_vocab().items(), key=lambda x: int(x[1]))]


def _spec(weights: dict[str, Any], config: ModelConfig) -> Any:
    """The decoder's weights in CTranslate2's places."""
    from ctranslate2.specs import TransformerDecoderModelSpec
    from ctranslate2.specs.common_spec import Activation

    arrays = {k: w.detach().float().numpy() for k, w in weights.items()}
    spec = TransformerDecoderModelSpec.from_config(
        config.layers,
        config.heads,
        activation=Activation.SWISH,
        pre_norm=True,
        ffn_glu=True,
        rms_norm=True,
        rotary_dim=0,
        rotary_interleave=False,
        rotary_base=ROTARY_BASE,
    )
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = arrays["embedding.weight"]
    decoder.projection.weight = arrays["embedding.weight"]
    decoder.layer_norm.gamma = arrays["norm.weight"]
    for k, layer in enumerate(decoder.layer):
        name = f"blocks.{k}."
        layer.self_attention.layer_norm.gamma = arrays[name + "attention_norm.weight"]
        layer.self_attention.linear[0].weight = arrays[name + "qkv.weight"]
        layer.self_attention.linear[1].weight = arrays[name + "out.weight"]
        layer.ffn.layer_norm.gamma = arrays[name + "inner_norm.weight"]
        gate_up = arrays[name + "gate_up.weight"]
        layer.ffn.linear_0.weight = gate_up[: config.inner]
        layer.ffn.linear_0_noact.weight = gate_up[config.inner :]
        layer.ffn.linear_1.weight = arrays[name + "down.weight"]
    return spec
