"""Training lowers the loss, is the same every time, resumes exactly, and exports what can write."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from whyrec.errors import ConfigError, LanguageError
from whyrec.language.backends.nano import NanoBackend, prompt
from whyrec.language.shape import Shape
from whyrec.training import Progress, Training, evaluate_lm, train
from whyrec.training import model as model_module
from whyrec.training.batches import IGNORE, Data
from whyrec.training.corpus import Corpus, all_shapes, build, is_unseen, is_valid, skeleton
from whyrec.training.tokens import control_tokens, train_tokenizer

SHAPES = [
    Shape.parse(k)
    for k in (
        "en|film|plain|rank",
        "en|film|plain|rating",
        "zh|film|plain|rank",
        "zh|shop|plain|popular(purchase)",
    )
]
TINY: dict[str, Any] = {
    "seed": 3, "texts": 300, "vocabulary": 500, "layers": 2, "width": 96, "heads": 2, "inner": 192,
    "steps": 120, "batch": 16, "rate": 6e-3, "warmup": 10, "evaluate_every": 60, "dropout": 0.02,
}  # fmt: skip


def run(out: Path, **more: Any) -> Training:
    return train(out, threads=1, shapes=SHAPES, **{**TINY, **more})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Training, list[Progress]]:
    out = tmp_path_factory.mktemp("lm") / "run"
    told: list[Progress] = []
    return out, run(out, progress=told.append), told


Trained = tuple[Path, Training, list[Progress]]


def test_the_loss_falls_on_texts_seen_and_unseen(trained: Trained) -> None:
    _, result, _ = trained
    assert sum(result.losses[-5:]) < 0.5 * sum(result.losses[:5])
    assert result.rows[-1].valid_loss < result.rows[0].valid_loss


def test_progress_is_told_for_corpus_and_steps(trained: Trained) -> None:
    _, result, told = trained
    assert {p.stage for p in told} == {"corpus", "train"}
    assert told[-1].done == told[-1].total == result.steps == TINY["steps"]


def test_the_same_seed_gives_the_same_losses_and_weights(trained: Trained, tmp_path: Path) -> None:
    out, result, _ = trained
    again = run(tmp_path / "again")
    assert again.losses == result.losses
    assert (tmp_path / "again/model/model.bin").read_bytes() == (
        out / "model/model.bin"
    ).read_bytes()


def test_a_stopped_training_goes_on_as_if_it_had_not_been(trained: Trained, tmp_path: Path) -> None:
    out, result, _ = trained
    first = run(tmp_path / "run", stop_after=31)
    assert (first.steps, first.model) == (31, None)
    second = run(tmp_path / "run")
    assert second.losses == result.losses
    assert [r.valid_loss for r in second.rows] == [r.valid_loss for r in result.rows]
    assert (tmp_path / "run/model/model.bin").read_bytes() == (out / "model/model.bin").read_bytes()


def test_another_configuration_does_not_mix_with_an_old_training(trained: Trained) -> None:
    out, _, _ = trained
    with pytest.raises(LanguageError, match="another configuration or grammar"):
        run(out, batch=8)


def test_a_damaged_checkpoint_is_one_clear_line(tmp_path: Path) -> None:
    run(tmp_path / "run", stop_after=1)
    state = tmp_path / "run/checkpoint/model.safetensors"
    state.write_bytes(state.read_bytes()[:50])
    with pytest.raises(LanguageError, match="the checkpoint cannot be read"):
        run(tmp_path / "run")


def test_nothing_on_disk_is_a_pickle(trained: Trained) -> None:
    out, _, _ = trained
    files = [p for p in out.rglob("*") if p.is_file()]
    kinds = {p.suffix for p in files}
    assert kinds <= {".json", ".jsonl", ".csv", ".png", ".safetensors", ".bin", ""}
    assert not [p for p in files if p.read_bytes()[:2] in (b"\x80\x02", b"\x80\x04", b"PK")]


def test_the_curve_is_a_table(trained: Trained) -> None:
    out, result, _ = trained
    with (out / "curve.csv").open(newline="") as f:
        rows = list(csv.DictReader(f))
    assert [int(r["step"]) for r in rows] == [60, 120]
    assert float(rows[-1]["valid_loss"]) == pytest.approx(result.rows[-1].valid_loss, rel=1e-4)


def test_the_manifest_says_what_it_is_and_how_to_make_it_again(trained: Trained) -> None:
    out, result, _ = trained
    manifest = json.loads((out / "model/manifest.json").read_text("utf-8"))
    assert set(manifest["files"]) == {
        "config.json", "model.bin", "tokenizer.json", "vocabulary.json"
    }  # fmt: skip
    assert set(manifest["grammar"]) == {"en", "zh"}
    assert manifest["training"]["steps"] == result.steps
    assert manifest["corpus"]["sha256"] == Corpus.load(out / "corpus.jsonl").fingerprint
    assert manifest["reproduce"].startswith("whyrec lm train")


def test_the_exported_model_writes_texts_for_its_shapes(trained: Trained) -> None:
    out, result, _ = trained
    assert result.model == out / "model"
    report = evaluate_lm(result.model, shapes=SHAPES, n=20, corpus=out / "corpus.jsonl")
    assert report.texts >= 20
    assert report.slots_exact > 0.7
    assert report.accepted > 0.4
    assert report.novel is not None
    assert 0 <= report.novel <= 1
    assert {f.family for f in report.families} == {"rank", "rating", "popular"}


def test_training_stops_when_the_validation_loss_no_longer_falls(tmp_path: Path) -> None:
    # A rate this large throws the weights about, so that no evaluation betters the first for long.
    worse = run(tmp_path / "wild", steps=400, evaluate_every=5, patience=2, rate=3.0, clip=1e9)
    assert worse.stopped_early
    assert worse.steps < 400


def test_a_setting_out_of_range_or_unknown_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="steps 0: out of range; give 1 or more"):
        train(tmp_path / "x", steps=0)
    with pytest.raises(ConfigError, match="depth: no such setting of training"):
        train(tmp_path / "x", depth=2)


def test_without_torch_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = model_module.find_spec
    monkeypatch.setattr(
        model_module, "find_spec", lambda name: None if name == "torch" else real(name)
    )
    with pytest.raises(LanguageError, match=r"pip install 'whyrec\[train\]'"):
        run(tmp_path / "x")


def test_held_out_skeletons_and_shapes_are_never_trained_on() -> None:
    corpus = build(3000, seed=1, accept=None)
    assert corpus.valid
    assert corpus.unseen
    train_skeletons = {skeleton(t, k[:2]) for k, t in corpus.train}
    assert not [t for k, t in corpus.valid if skeleton(t, k[:2]) in train_skeletons]
    assert not [k for k, _ in corpus.train if is_unseen(Shape.parse(k))]
    assert not [t for k, t in corpus.train if is_valid(t, k[:2])]


def test_the_corpus_is_a_function_of_its_seed() -> None:
    one, same, other = (build(500, seed=s, accept=None).fingerprint for s in (1, 1, 2))
    assert one == same != other


def test_the_corpus_holds_only_what_was_accepted() -> None:
    corpus = build(200, seed=1, shapes=SHAPES, accept=lambda t, s: "number" in t)
    kept = corpus.train + corpus.valid + corpus.unseen
    assert kept
    assert all("number" in t for _, t in kept)
    assert corpus.tried == len(kept) + sum(corpus.refused.values()) or corpus.refused


def test_every_reachable_shape_can_be_asked_for_in_control_tokens() -> None:
    known = set(control_tokens())
    assert all(set(prompt(s)) <= known for s in all_shapes())
    assert len({tuple(prompt(s)) for s in all_shapes()}) == len(all_shapes())


def test_slots_are_single_tokens_and_any_text_comes_back() -> None:
    texts = [t for _, t in build(400, accept=None).train]
    tokenizer = train_tokenizer(texts, 800)
    for text in (*texts[:50], "Ünseen 🦊 — {item} 鳥肌《》“x”  y", "{history}{item}"):
        encoded = tokenizer.encode(text)
        assert tokenizer.decode(encoded.ids, skip_special_tokens=False) == text
    assert tokenizer.encode("{history}").tokens == ["{history}"]


def test_only_the_text_is_predicted_never_the_prompt_or_padding() -> None:
    rows = [(SHAPES[0].key, "{item} is number {rank} on your list."), (SHAPES[1].key, "x")]
    data = Data(rows, train_tokenizer([t for _, t in rows], 400))
    x, y = data.batch([0, 1])
    assert x.shape == y.shape
    for r in range(2):
        kept = y[r][y[r] != IGNORE]
        assert len(kept) == len(data.ids[r]) - data.starts[r]
        assert kept.tolist() == data.ids[r][data.starts[r] :].tolist()


def test_texts_for_the_same_question_are_the_same(trained: Trained) -> None:
    model = trained[1].model
    assert NanoBackend(model).sketches(SHAPES, 4) == NanoBackend(model).sketches(SHAPES, 4)
