"""The process: interrupted, its output closed or full, another locale, odd names; and the real import."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "greet-1.0-py3-none-any.whl"
SECONDS = 60


def start(words: Sequence[str | Path], **options: Any) -> subprocess.Popen[bytes]:
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([os.fspath(word) for word in words], **given)


@pytest.fixture
def build(command: list[str], attempt: Any, shop: Any, options: list[str]) -> list[str]:
    """The command line that builds the project."""
    return [*command, "build", str(shop.root), *options, "-o", str(attempt.archive), "--verify", "never"]


# Interrupts


def test_an_interrupt_while_fetching(attempt: Any, index: Any, build: list[str]) -> None:
    index.held = NAME
    with start(build) as process:
        assert index.holding.wait(SECONDS)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 130, err
    assert time.monotonic() - began < 10
    assert not out
    assert err.decode().splitlines()[-1] == "interrupted"
    assert b"Traceback" not in err
    index.released.set()
    attempt.nothing_left()
    assert os.listdir(attempt.target) == ["out.tar"]
    assert attempt.archive.read_bytes() == b"what was there before"


def test_an_interrupt_while_the_backend_runs(attempt: Any, shop: Any, build: list[str], tmp_path: Path) -> None:
    running = tmp_path / "running"
    shop.write(
        "backend.py",
        "import pathlib, time\n\n"
        f"def build_wheel(*_):\n    pathlib.Path({str(running)!r}).touch()\n    time.sleep(60)\n",
    )
    with start(build, start_new_session=True) as process:
        deadline = time.monotonic() + SECONDS
        while not running.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (130, b""), err
    assert err.decode().splitlines()[-1] == "interrupted"
    assert b"Traceback" not in err
    attempt.nothing_left()
    assert attempt.archive.read_bytes() == b"what was there before"


# Outputs


def test_nobody_reads_the_output(build: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with start(build, stdout=writer) as process:
        os.close(writer)
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert b"Traceback" not in err
    assert b"Exception" not in err


def test_nobody_reads_help(command: list[str]) -> None:
    for words in (["--help"], ["build", "--help"], ["--version"], ["cache", "dir"]):
        reader, writer = os.pipe()
        os.close(reader)
        with start([*command, *words], stdout=writer) as process:
            os.close(writer)
            _, err = process.communicate(timeout=SECONDS)
        assert b"Traceback" not in err, words
        assert b"Exception" not in err, words


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize("well", [True, False])
def test_closed_outputs(build: list[str], attempt: Any, closed: str, well: bool) -> None:  # noqa: FBT001 - a parameter
    words = build if well else [*build, "--platform", "none"]
    with start(["sh", "-c", f'exec "$@" {closed}', "sh", *words]) as process:
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == (0 if well else 2), err
    assert b"Traceback" not in err
    assert b"error" not in out
    assert (attempt.archive.read_bytes() != b"what was there before") == well


def test_the_disk_that_takes_the_output_is_full(build: list[str]) -> None:
    with Path("/dev/full").open("wb") as full, start(build, stdout=full) as process:
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert b"Traceback" not in err
    assert b"No space left on device" in err


# Locales and names


@pytest.mark.parametrize("name", ["café", "caf\udce9", "with space", "new\nline", "-dash", "quote'\"", "colon:1"])
def test_odd_names_in_an_odd_locale(  # noqa: PLR0917 - fixtures
    attempt: Any, shop: Any, options: list[str], command: list[str], tmp_path: Path, name: str
) -> None:
    folder = tmp_path / f"{name}"
    shop.root.rename(folder)
    archive = attempt.target / f"{name}.tar"
    env = {**os.environ, "LC_ALL": "C"}
    if name.isprintable():  # uv, which makes the environments of backends, takes nothing but UTF-8
        env["DEPSFIRST_CACHE_DIR"] = str(tmp_path / f"cache {name}")
    words = [*command, "build", str(folder), *options, "-o", str(archive), "--verify", "never"]
    with start(words, env=env) as process:
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (0, b"corner-shop:latest\n"), err
    assert archive.is_file()
    (folder / "src/shop/main.py").write_text("import nothing_has_this\n")
    with start([*words, "--format", "json"], env=env) as process:
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (2, b""), err
    assert b"Traceback" not in err
    assert b"src/shop/main.py:1" in err
    with start([*command, "cache", "dir"], env=env) as process:
        out, err = process.communicate(timeout=SECONDS)
    assert out == os.fsencode(env["DEPSFIRST_CACHE_DIR"]) + b"\n", err


def test_names_in_the_project_that_are_no_utf_8(attempt: Any, shop: Any, options: list[str]) -> None:
    (shop.root / "caf\udce9.txt").write_text("")
    attempt.succeeds(shop, *options)
