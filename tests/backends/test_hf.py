"""Transformers models, built here and saved: real files, real loading, real generation."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402

from whyrec.errors import LanguageError  # noqa: E402
from whyrec.language.backends.base import DirectRequest  # noqa: E402
from whyrec.language.backends.hf import HFBackend  # noqa: E402
from whyrec.language.backends.spec import backend  # noqa: E402
from whyrec.language.shape import Shape  # noqa: E402

SHAPE = Shape.parse("en|film|plain|history(own,2,rating)")
REQUEST = DirectRequest("en", "film", "plain", "“Alien”", ({"kind": "history"},), "You did.")
ASK = "ANSWER"
SKETCH = [ASK, '{"texts": ["', "You rated {history} highly.", '"]}', "</s>"]
TEXT = [ASK, '{"text": "', "You liked it.", '"}', "</s>"]
CHAT = "{% for m in messages %}{{ m['content'] }} {% endfor %}" + ASK
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    + CHAT
)
WORDS = ["<pad>", "</s>", "<s>", "<unk>", *dict.fromkeys((SKETCH + TEXT)[:-1])]
WORDS = [*WORDS, "You", "films", "JSON", "reader", "film", ".", ":", "-"]
SIZE = 32


def save_tokenizer(place: Path, template: str | None = None) -> None:
    tokenizer = Tokenizer(models.WordLevel({w: k for k, w in enumerate(WORDS)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        eos_token="</s>",
        bos_token="<s>",
        pad_token="<pad>",
    )
    fast.chat_template = template
    fast.save_pretrained(place)


def chain(words: list[str], start: str) -> Any:
    """A head that makes a model say the words one after the other, once it stands at `start`."""
    follow = torch.zeros(SIZE, SIZE)
    at = [start, *words]
    for now, then in pairwise(at):
        follow[WORDS.index(then), WORDS.index(now)] = 20.0
    return follow


def wire(model: Any, head: Any) -> None:
    """Every layer adds nothing, so that the next word depends on the last one alone."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name:
                weight.zero_()
        model.get_input_embeddings().weight.copy_(torch.eye(SIZE))
        if not model.config.is_encoder_decoder:
            model.get_output_embeddings().weight.copy_(head)
            return
        # T5 reads and writes with one table, so a feed-forward layer says what follows what.
        model.get_input_embeddings().weight.mul_(20.0)
        dense = model.decoder.block[0].layer[-1].DenseReluDense
        dense.wi.weight.copy_(torch.eye(SIZE))
        dense.wo.weight.copy_(head)


def llama(positions: int = 4096) -> Any:
    config = transformers.LlamaConfig(
        vocab_size=SIZE,
        hidden_size=SIZE,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        tie_word_embeddings=False,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(config)


def t5() -> Any:
    config = transformers.T5Config(
        vocab_size=SIZE,
        d_model=SIZE,
        d_kv=16,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )
    torch.manual_seed(0)
    return transformers.T5ForConditionalGeneration(config)


def gpt2() -> Any:
    config = transformers.GPT2Config(
        vocab_size=SIZE, n_embd=SIZE, n_layer=2, n_head=2, n_positions=1024,
        bos_token_id=2, eos_token_id=1,
    )  # fmt: skip
    torch.manual_seed(0)
    return transformers.GPT2LMHeadModel(config)


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    for name, words in (("llama-sketch", SKETCH), ("llama-text", TEXT)):
        model = llama()
        wire(model, chain(words[1:], ASK))
        model.save_pretrained(root / name)
        save_tokenizer(root / name, CHAT)
    shutil.copytree(root / "llama-sketch", root / "llama-no-system")
    save_tokenizer(root / "llama-no-system", NO_SYSTEM)
    model = t5()
    wire(model, chain(SKETCH[1:], "<pad>"))
    model.save_pretrained(root / "t5-sketch")
    save_tokenizer(root / "t5-sketch")
    gpt2().save_pretrained(root / "gpt2-random")
    save_tokenizer(root / "gpt2-random")
    llama(positions=64).save_pretrained(root / "llama-short")
    save_tokenizer(root / "llama-short", CHAT)
    return root


def adds_up(made: HFBackend) -> bool:
    s = made.stats
    return s.requests == s.answers + sum(s.failures.values())


@pytest.mark.parametrize("name", ["llama-sketch", "llama-no-system", "t5-sketch"])
def test_what_a_model_writes_is_read_whatever_its_architecture(models_dir: Path, name: str) -> None:
    made = backend(f"hf:{models_dir / name}", max_output=8, batch_size=3)
    assert made.sketches([SHAPE] * 7, 2) == [["You rated {history} highly."]] * 7
    assert (made.stats.requests, made.stats.answers, made.stats.calls) == (7, 7, 3)
    assert made.stats.output_tokens == 7 * 3
    assert made.stats.input_tokens > 7 * 50
    assert not made.stats.failures


def test_direct_texts_are_written_by_the_same_code(models_dir: Path) -> None:
    made = backend(f"hf:{models_dir / 'llama-text'}", max_output=8)
    assert made.write([REQUEST, REQUEST]) == ["You liked it.", "You liked it."]


def test_an_answer_cut_at_the_length_limit_is_no_text(models_dir: Path) -> None:
    made = backend(f"hf:{models_dir / 'llama-text'}", max_output=2)
    assert made.write([REQUEST]) == [None]
    assert made.stats.failures == {"truncated": 1}


def test_the_same_seed_gives_the_same_texts_and_leaves_the_global_generator_alone(
    models_dir: Path,
) -> None:
    def run(seed: int) -> list[list[str]]:
        made = HFBackend(str(models_dir / "gpt2-random"), seed=seed, max_output=12, temperature=2.0)
        out = made.sketches([SHAPE, Shape.parse("en|film|plain|rank")], 4)
        assert adds_up(made)
        return out

    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    first = run(1)
    assert torch.equal(before, torch.random.get_rng_state())
    assert first == run(1)
    assert len({json.dumps(run(seed)) for seed in range(4)}) > 1


def test_a_batchs_texts_do_not_depend_on_what_was_asked_before(models_dir: Path) -> None:
    made = HFBackend(str(models_dir / "gpt2-random"), max_output=12)
    first = made.sketches([SHAPE], 4)
    made.sketches([Shape.parse("en|film|plain|rating")], 4)
    assert made.sketches([SHAPE], 4) == first


def test_a_prompt_that_does_not_fit_is_counted_and_not_cut(models_dir: Path) -> None:
    made = HFBackend(str(models_dir / "llama-short"), max_output=8)
    assert made.sketches([SHAPE], 2) == [[]]
    assert made.stats.failures == {"too-long": 1}
    assert made.stats.calls == 0


def test_when_the_model_fails_halves_are_tried_and_nothing_is_raised(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = HFBackend(str(models_dir / "llama-sketch"), max_output=8)
    real = made._model.generate

    def short_of_memory(input_ids: Any, **options: Any) -> Any:
        if len(input_ids) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return real(input_ids=input_ids, **options)

    monkeypatch.setattr(made._model, "generate", short_of_memory)
    assert all(made.sketches([SHAPE] * 8, 1))

    def broken(**options: Any) -> Any:
        raise RuntimeError("no kernel")

    monkeypatch.setattr(made._model, "generate", broken)
    assert made.sketches([SHAPE] * 3, 1) == [[], [], []]
    assert made.stats.failures == {"generate": 3}
    assert adds_up(made)


def test_a_missing_model_is_told_in_one_line(tmp_path: Path, models_dir: Path) -> None:
    with pytest.raises(LanguageError, match="cannot be loaded") as error:
        HFBackend(str(tmp_path / "none"), local_files_only=True)
    assert "\n" not in str(error.value)
    with pytest.raises(LanguageError, match="cannot be loaded"):
        HFBackend("no-such-org-xyz/no-such-model", local_files_only=True)


def test_weights_in_pickle_are_not_loaded(tmp_path: Path, models_dir: Path) -> None:
    shutil.copytree(models_dir / "llama-sketch", tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    torch.save(llama().state_dict(), tmp_path / "m" / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(LanguageError, match="safetensors"):
        HFBackend(str(tmp_path / "m"), local_files_only=True)


def test_broken_weights_are_told_in_one_line(tmp_path: Path, models_dir: Path) -> None:
    shutil.copytree(models_dir / "llama-sketch", tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(LanguageError, match="cannot be loaded"):
        HFBackend(str(tmp_path / "m"), local_files_only=True)
