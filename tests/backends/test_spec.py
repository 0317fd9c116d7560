"""One string names a language model, and a wrong one is told what is right."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from whyrec.errors import ConfigError, LanguageError
from whyrec.language.backends import spec as module
from whyrec.language.backends.openai import OpenAIBackend
from whyrec.language.backends.spec import FORMS, backend
from whyrec.language.shape import Shape


def test_none_writes_nothing() -> None:
    none = backend("none")
    assert none.sketches([Shape.parse("en|film|plain|rank")] * 3, 4) == [[], [], []]
    assert (none.spec, none.direct) == ("none", False)


def test_a_model_name_keeps_its_colons() -> None:
    made = backend("openai:qwen2.5:7b", base_url="http://localhost:11434/v1", timeout=None)
    assert isinstance(made, OpenAIBackend)
    assert (made.spec, made.model) == ("openai:qwen2.5:7b", "qwen2.5:7b")


@pytest.mark.parametrize("wrong", ["", "gpt-4", "openai", "openai:", "hf", "none:x", "nan0"])
def test_an_unknown_form_lists_the_known_ones(wrong: str) -> None:
    with pytest.raises(ConfigError) as error:
        backend(wrong)
    assert all(form in str(error.value) for form in FORMS)


def test_an_unknown_option_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no such option: tiemout.*timeout"):
        backend("openai:m", tiemout=3, base_url="http://h/v1")
    with pytest.raises(ConfigError, match="options are none"):
        backend("none", base_url="http://h/v1")


@pytest.mark.parametrize(("spec", "extra"), [("openai:m", "openai"), ("hf:m", "hf")])
def test_a_missing_package_names_the_command(
    spec: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec

    def absent(name: str, *args: Any) -> Any:
        return None if name in {"openai", "torch", "transformers"} else real(name, *args)

    monkeypatch.setattr(module, "find_spec", absent)
    with pytest.raises(LanguageError, match=rf'pip install "whyrec\[{extra}\]"'):
        backend(spec)
