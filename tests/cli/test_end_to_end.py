"""From raw files to verified texts in both languages, and everything in them checked again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.cli_runs import Ran

from whyrec.evaluate.audit import audit
from whyrec.recommend.bundle import Bundle


def explained(
    whyrec: Callable[..., Ran], model: Path, users: str | Path, out: Path
) -> list[dict[str, Any]]:
    """Ten items for each of the users, in both languages."""
    done = whyrec("explain", model, "--users", users, "-n", 10, "--lang", "en,zh", "--out", out)
    assert done.status == 0, done.err
    with out.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def check(bundle: Bundle, lines: list[dict[str, Any]], users: int) -> None:
    """No text missing, and nothing wrong in any of them."""
    found = audit(bundle, lines, n=10)
    assert found.wrong == 0, found.to_json()
    assert len({line["user"] for line in lines}) == users
    full = min(10, bundle.dataset.n_items)
    assert found.texts <= 2 * full * users
    assert found.counterfactuals > 0
    assert {line["lang"] for line in lines} == {"en", "zh"}
    for line in lines:  # a person sees the language that was asked for
        assert line["lang"] == "en" or any("\u4e00" <= c <= "\u9fff" for c in line["text"])


@pytest.mark.parametrize(("which", "every"), [("model", 2), ("ials", 5)])
def test_the_simulated_shop(
    which: str,
    every: int,
    whyrec: Callable[..., Ran],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    model = request.getfixturevalue(which)
    bundle = Bundle.load(model)
    some = bundle.dataset.users[::every]
    (tmp_path / "users.txt").write_text("\n".join(some))
    check(
        bundle, explained(whyrec, model, tmp_path / "users.txt", tmp_path / "why.jsonl"), len(some)
    )


def fitted(whyrec: Callable[..., Ran], data: Path, out: Path, *options: str) -> Bundle:
    done = whyrec("fit", data, "--out", out, *options)
    assert done.status == 0, done.err
    return Bundle.load(out)


@pytest.mark.data
@pytest.mark.slow
def test_movielens_100k(whyrec: Callable[..., Ran], data_dir: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    bundle = fitted(whyrec, data_dir / "movielens-100k", model)
    assert (bundle.dataset.n_users, bundle.dataset.domain) == (943, "film")
    lines = explained(whyrec, model, "all", tmp_path / "why.jsonl")
    check(bundle, lines, 943)
    assert len(lines) == 2 * 10 * 943


@pytest.mark.data
@pytest.mark.slow
def test_movielens_1m(whyrec: Callable[..., Ran], data_dir: Path, tmp_path: Path) -> None:
    """A sample of its users, with iALS; `benchmarks/end_to_end.py` does all of them."""
    model = tmp_path / "model"
    bundle = fitted(whyrec, data_dir / "movielens-1m", model, "--model", "ials")
    some = bundle.dataset.users[::20]
    (tmp_path / "users.txt").write_text("\n".join(some))
    lines = explained(whyrec, model, tmp_path / "users.txt", tmp_path / "why.jsonl")
    check(bundle, lines, len(some))
    assert len(lines) == 2 * 10 * len(some)


@pytest.mark.data
@pytest.mark.slow
def test_online_retail(whyrec: Callable[..., Ran], data_dir: Path, tmp_path: Path) -> None:
    """A dirty export of a real shop, goods without description among it."""
    model = tmp_path / "model"
    bundle = fitted(whyrec, data_dir / "online-retail-ii", model)
    assert bundle.dataset.domain == "shop"
    report = bundle.dataset.notes["cleaning"]
    assert report["set_aside"] > 0
    some = bundle.dataset.users[::4]
    (tmp_path / "users.txt").write_text("\n".join(some))
    lines = explained(whyrec, model, tmp_path / "users.txt", tmp_path / "why.jsonl")
    check(bundle, lines, len(some))
