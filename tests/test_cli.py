"""The command line: what it says of itself, its exit codes, its verbs for the cache, and how little it imports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from depsfirst import __version__
from depsfirst.cli import main
from depsfirst.content import ContentStore

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
DAYS = 86400


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "depsfirst", *words]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """``call("cache", "dir")`` gives exit code, standard output and standard error."""

    def called(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(words)
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return called


# What it says of itself


def blocks() -> dict[str, str]:
    """The blocks of docs/cli.md that begin with ``$ COMMAND``: what the command says."""
    text = (ROOT / "docs/cli.md").read_text()
    found = re.findall(r"^```console\n\$ depsfirst ([^\n]*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return {str(command): str(said) for command, said in found}


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse writes options in another way since Python 3.13")
@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "build --help",
        "why --help",
        "check --help",
        "rules --help",
        "recipe --help",
        "init --help",
        "cache --help",
        "cache prune --help",
    ],
)
def test_help_is_what_the_documentation_shows(command: str) -> None:
    done = run(*command.split(), COLUMNS="100", NO_COLOR="1")
    assert done.returncode == 0
    assert done.stdout == blocks()[command]
    assert max(len(line) for line in done.stdout.splitlines()) <= 100


def test_every_option_is_documented() -> None:
    said = run("build", "--help").stdout
    text = (ROOT / "docs/cli.md").read_text()
    for option in set(re.findall(r"--[a-z]+", said)):
        assert option in text


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(call: Any, flag: str) -> None:
    assert call(flag) == (0, f"depsfirst {__version__}\n", "")


def test_it_is_a_module_too() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"depsfirst {__version__}\n", "")


# Exit codes


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        ("buidl", '"buidl" is no verb', 'did you mean "build"? see `depsfirst --help`'),
        ("--verbose", "the following arguments are required: VERB", "see `depsfirst --help`"),
        ("build --verify perhaps", "--verify: invalid choice: 'perhaps' (choose from", "see `depsfirst build --help`"),
        ("build --load -o x.tar", "-o/--output: not allowed with argument --load", "see `depsfirst build --help`"),
        ("build -q -v", "-v/--verbose: not allowed with argument -q/--quiet", "see `depsfirst build --help`"),
        ("build a b", '"b" is one word too many', "see `depsfirst build --help`"),
        ("build -o", "-o/--output: expected one argument", "see `depsfirst build --help`"),
        ("check --hlep", '"--hlep" is no option of "depsfirst check"', 'did you mean "--help"? see'),
        ("check --frmat=json", '"--frmat=json" is no option', 'did you mean "--format"? see `depsfirst check --help`'),
        ("cache", "the following arguments are required: ACTION", "see `depsfirst cache --help`"),
        ("cache burn", "ACTION: invalid choice: 'burn'", "see `depsfirst cache --help`"),
        ("cache prune --unused-for long", "--unused-for: ", "see `depsfirst cache prune --help`"),
    ],
)
def test_words_that_make_no_sense(call: Any, words: str, error: str, hint: str) -> None:
    code, out, err = call(*words.split())
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith(f"error: {error}")
    assert second.startswith(f"hint: {hint}")


def test_no_words_at_all_get_the_help(call: Any) -> None:
    assert call() == (2, "", run("--help", COLUMNS="100", NO_COLOR="1").stdout)


def test_an_error_has_place_and_hint(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPSFIRST_CACHE_DIR", str(tmp_path / "cache"))
    place = tmp_path / "nowhere"
    expected = f"error: {place}: this is not a directory\nhint: name the project's directory\n"
    assert call("build", str(place), "-o", str(tmp_path / "x.tar")) == (2, "", expected)


def test_colour_is_for_terminals_only() -> None:
    assert "\x1b" not in run("build", "/nowhere", "-o", "x.tar").stderr


# The cache


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ContentStore:
    monkeypatch.setenv("DEPSFIRST_CACHE_DIR", str(tmp_path / "cache"))
    return ContentStore(tmp_path / "cache")


def keep(store: ContentStore, key: str, size: int, *, days: float = 0) -> Path:
    with store.write("wheels", key) as file:
        file.write(bytes(size))
    path = store.path("wheels", key)
    seconds = path.stat().st_mtime - days * DAYS
    os.utime(path, (seconds, seconds))
    return path


def test_where_the_cache_is(call: Any, store: ContentStore) -> None:
    assert call("cache", "dir") == (0, f"{store.root}\n", "")


def test_where_the_cache_is_by_default(call: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DEPSFIRST_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert call("cache", "dir")[1] == f"{tmp_path}/depsfirst\n"


def test_what_the_cache_holds(call: Any, store: ContentStore) -> None:
    assert call("cache", "size") == (0, "total              0 files         0 B\n", "")
    keep(store, "aa1", 1500)
    keep(store, "bb2", 500)
    code, out, err = call("cache", "size")
    assert (code, err) == (0, "")
    assert "wheels             2 files      2.0 kB" in out.splitlines()
    assert out.splitlines()[-1] == "total              2 files      2.0 kB"


def test_what_was_not_used_lately_is_removed(call: Any, store: ContentStore) -> None:
    old, new = keep(store, "aa1", 1500, days=31), keep(store, "bb2", 500, days=29)
    assert call("cache", "prune") == (0, "removed 1 files, 1.5 kB\n", "")
    assert (old.exists(), new.exists()) == (False, True)
    call("cache", "prune", "--unused-for", "28")
    assert not new.exists()


def test_everything_is_removed(call: Any, store: ContentStore) -> None:
    path = keep(store, "aa1", 1500)
    assert call("cache", "prune", "--all")[:2] == (0, "removed 1 files, 1.5 kB\n")
    assert not path.exists()


def test_nothing_is_removed_while_a_build_runs(call: Any, store: ContentStore) -> None:
    path = keep(store, "aa1", 1500)
    with store.in_use():
        code, out, err = call("cache", "prune", "--all")
    assert (code, out) == (2, "")
    assert err == f"error: {store.root}: a build is using the cache\nhint: wait for it to end and prune again\n"
    assert path.exists()


# The lean start


def imported(*words: str, **env: str) -> set[str]:
    """All modules that a command imports."""
    command = [sys.executable, "-S", "-X", "importtime", "-m", "depsfirst", *words]
    paths = [str(ROOT / "src"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), **env}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    lines = (line.rpartition("|") for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {name.strip() for _, _, name in lines}


def test_the_version_is_told_with_hardly_an_import() -> None:
    found = imported("--version")
    assert "depsfirst" in found
    ours = {name for name in found if name.startswith("depsfirst")}
    assert ours <= {"depsfirst", "depsfirst.__main__"}
    assert not found & {"argparse", "dataclasses", "json", "tempfile", "shutil", "subprocess", "importlib.metadata"}
