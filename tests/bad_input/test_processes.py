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
SECONDS = 300
"""After which a process counts as one that hangs."""


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
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=SECONDS)  # the server holds its answer back for longer than that
        finally:
            process.kill()
    assert process.returncode == 130, err
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
        f"def build_wheel(*_):\n    pathlib.Path({str(running)!r}).touch()\n    time.sleep({2 * SECONDS})\n",
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


# The lean start

HEAVY = (
    *("dataclasses", "urllib3", "http.client", "ssl", "rich", "packaging", "installer", "tarfile", "zipfile"),
    *("tempfile", "subprocess", "shutil", "tomllib", "zstandard", "pysequoia", "pyproject_hooks", "pypi_simple"),
    *("uv", "concurrent.futures", "asyncio", "logging", "inspect", "tomli", "datetime", "socket", "selectors"),
)
"""What a build after an edit of code has no use for; isal compresses the new layer."""

FLIT = """\
[build-system]
requires = ["flit_core>=3.11,<4"]
build-backend = "flit_core.buildapi"
[project]
name = "corner-shop"
version = "1.0"
description = "A shop."
dependencies = ["greet"]
[project.scripts]
shop = "shop.main:main"
[tool.flit.module]
name = "shop"
"""


@pytest.mark.index
@pytest.mark.parametrize("kind", ["archive", "layout"])
def test_a_build_after_an_edit_imports_nothing_heavy(  # noqa: PLR0917 - fixtures
    attempt: Any, shop: Any, base: str, index: Any, command: list[str], kind: str
) -> None:
    shop.write("pyproject.toml", FLIT)
    sha256 = index.add(NAME, index.files[NAME])
    shop.write("requirements.txt", f"greet @ {index.link(NAME)}#sha256={sha256}\n")
    code = shop.root / "src/shop/main.py"
    out = str(attempt.archive) if kind == "archive" else f"oci:{attempt.target}/layout"
    words = ["build", str(shop.root), "--base", base, "-o", out, "--verify", "never", "--format", "json"]
    said = ""
    for number in range(3):
        code.write_text(f"import greet\n\n\ndef main() -> None:\n    print(greet, {number})\n")
        with start([command[0], "-X", "importtime", *command[1:], *words]) as process:
            _, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, err
        said = err.decode()
    found = {line.rpartition("|")[2].strip() for line in said.splitlines() if line.startswith("import time:")}
    assert "depsfirst.engines.assembly" in found
    assert not {name for name in found if any(name == each or name.startswith(f"{each}.") for each in HEAVY)}


# The real import


@pytest.fixture
def real_base(bases: Any, host_root: Any) -> str:
    """A base with an interpreter that runs."""
    return str(bases.archive(host_root.tar.read_bytes(), name="real.tar"))


@pytest.mark.parametrize("kind", ["archive", "layout"])
def test_code_that_does_not_import_gets_nowhere(attempt: Any, shop: Any, real_base: str, index: Any, kind: str) -> None:
    shop.write("src/shop/__init__.py", "import string\n\nraise LookupError('no settings')\n")
    out = str(attempt.archive) if kind == "archive" else f"oci:{attempt.target}/layout"
    words = ("build", shop.root, "--base", real_base, "--index", index.simple, "-o", out)
    code, said, err = attempt.run(*words)
    if "import check skipped" in err:
        pytest.skip(f"nothing here runs an image: {err}")
    assert (code, said) == (2, ""), err
    assert 'importing "shop.main:main" in the image failed: LookupError: no settings' in err
    assert "src/shop/__init__.py" in err or "shop/__init__.py" in err
    assert "--verify never" in err
    attempt.unharmed(err)


@pytest.mark.docker
def test_code_that_does_not_import_leaves_the_tag(  # noqa: PLR0917 - fixtures
    attempt: Any,
    shop: Any,
    real_base: str,
    index: Any,
    docker: Any,
    docker_classic: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_classic)
    tag = f"corner-shop:{os.urandom(4).hex()}"
    words = ("build", shop.root, "--base", real_base, "--index", index.simple, "--load", "--tag", tag)
    try:
        code, said, err = attempt.run(*words)
        assert (code, said) == (0, f"{tag}\n"), err
        former = docker(docker_classic, "image", "inspect", "--format", "{{.Id}}", tag)
        shop.write("src/shop/__init__.py", "import string\n\nraise LookupError('no settings')\n")
        code, said, err = attempt.run(*words)
        assert (code, said) == (2, ""), err
        assert "LookupError: no settings" in err
        assert docker(docker_classic, "image", "inspect", "--format", "{{.Id}}", tag) == former
    finally:
        docker(docker_classic, "image", "rm", "--force", tag)
