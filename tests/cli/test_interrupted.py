"""A command that is stopped in the middle leaves what was there before, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.cli_runs import Ran, command, files_below

STOP_WHILE_SAVING = """
import os, signal, sys
import numpy
real = numpy.save
def save(*args, **options):
    real(*args, **options)
    os.kill(os.getpid(), signal.{name})
numpy.save = save
from whyrec.cli import main
main(sys.argv[1:])
"""


def wait_for(there: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until it holds; the process must not have ended by then."""
    for _ in range(60_000):
        if there():
            return
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.001)
    raise AssertionError("it never came to that")


@pytest.fixture
def long_list(model: Path, tmp_path: Path) -> Path:
    """A file of users that keeps a batch busy for long."""
    from whyrec.recommend.bundle import Bundle

    place = tmp_path / "users.txt"
    place.write_text("\n".join(Bundle.load(model).dataset.users * 400))
    return place


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize("before", [False, True])
def test_stopped_while_a_model_is_written(
    name: str, status: int, before: bool, shop: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "home" / "model"
    if before:
        out.parent.mkdir()
        subprocess.run(["cp", "-r", model, out], check=True)
    old = files_below(tmp_path)
    code = STOP_WHILE_SAVING.format(name=name)
    done = subprocess.run(
        [sys.executable, "-c", code, "fit", shop, "--out", out],
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == status, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert files_below(tmp_path) == old


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_stopped_while_texts_are_written(
    processes: int, ending: str, model: Path, long_list: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out" / f"why.{ending}"
    out.parent.mkdir()
    out.write_text("what was there before")
    args = command("explain", model, "--users", long_list, "--out", out, "--llm", "none",
                   "--processes", processes)  # fmt: skip
    with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(lambda: any(f.endswith("000000000256") for f in files_below(out.parent)), process)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130, said
    assert said == "whyrec: stopped; nothing half-written was left\n"
    assert files_below(out.parent) == {out.name}
    assert out.read_text() == "what was there before"
    assert not any(str(long_list) in line for line in running())


def running() -> list[str]:
    """Command lines of every process, where the system tells."""
    out = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            out.append(place.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return out


def test_workers_end_with_their_parent(model: Path, long_list: Path, tmp_path: Path) -> None:
    """Even a parent that is killed, and can clean nothing up, leaves no process behind."""
    args = command("explain", model, "--users", long_list, "--out", tmp_path / "why.jsonl",
                   "--llm", "none", "--processes", 2)  # fmt: skip
    with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: len(children(process.pid)) == 2, process)
        workers = children(process.pid)
        process.kill()
    for _ in range(60_000):
        if not any(alive(pid) for pid in workers):
            return
        time.sleep(0.001)
    raise AssertionError("a worker outlived its parent")


def children(pid: int) -> list[int]:
    """Process ids of the children, where the system tells."""
    out = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            out.append(int(place.parent.name))
    return out


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_reader_that_goes_is_no_error(model: Path, long_list: Path) -> None:
    args = command("explain", model, "--users", long_list, "--json", "--llm", "none")
    with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b'{"user"')
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read().decode()
        process.wait(60)
    assert process.returncode == 141
    assert said == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="a full disk is made with a small tmpfs, as root")
def test_a_full_disk_is_one_line(
    process: Callable[..., Ran], model: Path, long_list: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this place does not let root mount a tmpfs")
    try:
        done = process("explain", model, "--users", long_list, "--out", small / "why.jsonl",
                       "--llm", "none")  # fmt: skip
        assert done.status == 2
        assert len(done.err.splitlines()) == 1
        assert "space" in done.err
        assert files_below(small) == set()
    finally:
        subprocess.run(["umount", small], check=True)
