"""The embedded model writes acceptable sketches for every kind of shape, the same every time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from whyrec.errors import ConfigError, LanguageError
from whyrec.language.backends.nano import NanoBackend, packaged_weights
from whyrec.language.reach import reachable_shapes
from whyrec.language.shape import Shape
from whyrec.training.corpus import family
from whyrec.training.evaluation import LMReport, evaluate_lm, unseen_shapes

SHAPES = [
    s
    for lang in ("en", "zh")
    for domain, events, fields in (
        ("film", ["rating"], ["category"]),
        ("shop", ["purchase", "view"], ["category", "brand"]),
        ("generic", ["interaction"], ["word"]),
    )
    for s in reachable_shapes(lang, domain, events, fields)
]
ONE = Shape.parse("en|film|plain|history(own,2,rating)+feature(same,2,category)")


@pytest.fixture(scope="module")
def report() -> LMReport:
    return evaluate_lm(shapes=SHAPES, n=4)


def test_nearly_all_texts_hold_exactly_the_slots_asked_for(report: LMReport) -> None:
    assert report.slots_exact >= 0.97


def test_most_texts_are_accepted_and_few_shapes_go_without(report: LMReport) -> None:
    assert report.accepted >= 0.93
    assert report.empty_shapes / report.shapes <= 0.02


def test_every_kind_of_shape_gets_accepted_texts(report: LMReport) -> None:
    assert {f.family for f in report.families} == {family(s) for s in SHAPES}
    assert not [f for f in report.families if f.accepted < 0.5]


def test_shapes_never_trained_on_get_accepted_texts_too() -> None:
    unseen = evaluate_lm(shapes=unseen_shapes()[::3], n=4)
    assert unseen.slots_exact >= 0.95
    assert unseen.accepted >= 0.9


def test_a_shape_gets_different_texts() -> None:
    texts = NanoBackend().sketches([ONE], 24)[0]
    assert len(texts) == len(set(texts)) >= 20


def test_a_shape_gets_the_same_texts_in_any_company() -> None:
    alone = NanoBackend().sketches([ONE], 6)
    assert NanoBackend().sketches([SHAPES[0], ONE, SHAPES[-1]], 6)[1:2] == alone
    backend = NanoBackend()
    backend.sketches(SHAPES[:3], 5)
    assert backend.sketches([ONE], 6) == alone


def test_another_seed_gives_other_texts() -> None:
    assert NanoBackend(seed=1).sketches([ONE], 6) != NanoBackend().sketches([ONE], 6)


def test_asking_is_counted() -> None:
    backend = NanoBackend()
    backend.sketches([ONE, ONE], 3)
    assert backend.stats.calls == 2
    assert backend.stats.output_tokens > 20
    assert backend.stats.seconds > 0


def test_what_was_never_taught_gives_no_text_and_is_counted() -> None:
    backend = NanoBackend()
    shape = Shape.parse("fr|film|plain|rank")
    assert backend.sketches([shape, ONE], 2)[0] == []
    assert backend.stats.failures == {"untaught": 1}
    assert backend.write([]) == []


def test_the_weights_are_small_and_say_where_they_are_from() -> None:
    size = sum(p.stat().st_size for p in packaged_weights().iterdir())
    assert size <= 8 * 2**20
    manifest = NanoBackend().manifest
    assert manifest["quantization"] == "int8"
    assert manifest["training"]["config"]["seed"] == 0


def test_no_torch_at_run_time_and_nothing_heavy_before_the_first_call() -> None:
    code = (
        "import sys\n"
        "from whyrec.language.backends.nano import NanoBackend\n"
        "from whyrec.language.shape import Shape\n"
        "backend = NanoBackend()\n"
        "assert not {'ctranslate2', 'tokenizers', 'torch'} & set(sys.modules)\n"
        "assert backend.sketches([Shape.parse('zh|film|plain|rank')], 2)[0]\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(packaged_weights(), tmp_path / "weights"))


def asked(path: Path) -> str:
    with pytest.raises(LanguageError) as e:
        NanoBackend(path).sketches([ONE], 1)
    return str(e.value)


def test_missing_weights_are_one_clear_line(tmp_path: Path) -> None:
    said = asked(tmp_path / "nowhere")
    assert "no language model here; train again with `whyrec lm train`" in said


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json", "vocabulary.json", "config.json"])
def test_a_flipped_byte_is_found(copied: Path, name: str) -> None:
    data = bytearray((copied / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copied / name).write_bytes(bytes(data))
    assert f"{name}: is not the file that the manifest names" in asked(copied)


def test_a_missing_file_is_found(copied: Path) -> None:
    (copied / "model.bin").unlink()
    assert "model.bin: is missing" in asked(copied)


def test_another_format_is_refused(copied: Path) -> None:
    place = copied / "manifest.json"
    manifest = json.loads(place.read_text("utf-8"))
    place.write_text(json.dumps({**manifest, "format": 99}), "utf-8")
    assert "language model of format 99, this version reads 1" in asked(copied)
    place.write_text("{", "utf-8")
    assert "manifest.json: cannot be read" in asked(copied)


@pytest.mark.parametrize("bad", [{"temperature": 0.0}, {"top_k": 0}, {"threads": 0}])
def test_a_parameter_out_of_range_is_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        NanoBackend(**bad)  # type: ignore[arg-type]
