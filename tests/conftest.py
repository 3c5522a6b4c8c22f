"""What tests share: real engines and programs, each skipped with its reason where it is absent; a root that runs.

Where ``DEPSFIRST_REQUIRE_ENGINES=1`` is set, what is absent is a failure instead, and Hypothesis draws the same every
time. How long an example takes is asserted nowhere: the machine may be busy.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import socketserver
import struct
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TESTS = Path(__file__).parent

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("required", settings.get_profile("busy"), derandomize=True)
settings.load_profile("required" if os.environ.get("DEPSFIRST_REQUIRE_ENGINES") == "1" else "busy")

LONGEST = (
    "checks/test_fixes_built.py",
    "generate/test_builds.py",
    "acceptance/test_kill.py",
    "acceptance/test_layouts.py",
    "acceptance/test_commits.py",
    "generate/test_same_image.py",
    "acceptance/test_in_place.py",
    "acceptance/test_indexes.py",
    "acceptance/test_members.py",
    "wheels/test_backends.py",
    "acceptance/test_determinism.py",
    "project/test_managers.py",
    "generate/test_bake.py",
    "trials/test_verify.py",
    "bad_input/test_processes.py",
)
"""Files that take longest, as ``--durations`` tells, the longest first: begun first, they are no one's last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, and leave all others in their order."""
    ranks = {TESTS / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def absent(reason: str) -> NoReturn:
    """Skip the test that needs what is absent, or fail it where everything must be there."""
    if os.environ.get("DEPSFIRST_REQUIRE_ENGINES") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def daemon(variable: str, title: str) -> str:
    url = os.environ.get(variable)
    if not url:
        absent(f"{title} is needed: {variable} is not set (python3 -m scripts.engines up)")
    return url


def program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
    if path is None:
        absent(f'the program "{name}" is needed')
    return path


BUSY = re.compile("waiting for init preliminary setup|parent snapshot sha256:[0-9a-f]* does not exist")
"""What runc says on a busy machine before anything of an image runs, and Docker 26.1 when it lost what it just made."""
LONG = 600
"""Seconds after which a program counts as one that hangs, however busy the machine is."""
_MOST_TRIES = 3


def completed(command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, and once more if an engine was too busy for it."""
    words = [str(word) for word in command]
    for _ in range(_MOST_TRIES):
        done = subprocess.run(words, capture_output=True, text=True, timeout=LONG, check=False, **options)
        if not (done.returncode and BUSY.search(done.stderr)):
            break
    return done


def run(*command: str | Path, **options: Any) -> str:
    """Run a program to its end; its output. A failure shows what it said."""
    done = completed(command, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def processor_seconds(action: Callable[[], object]) -> float:
    """Time on a processor that something takes, the least of five: what runs beside it takes caches and clocks away."""

    def once() -> float:
        start = time.process_time()
        action()
        return time.process_time() - start

    return min(once() for _ in range(5))


_handle_error = socketserver.BaseServer.handle_error


def _handle_other_errors(server: socketserver.BaseServer, request: Any, client_address: Any) -> None:
    """Say nothing of a client that is gone: what it wrote to the standard error is read by the test that ran it."""
    if not isinstance(sys.exc_info()[1], ConnectionError):
        _handle_error(server, request, client_address)


@pytest.fixture(autouse=True, scope="session")
def _servers_outlive_their_clients() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socketserver.BaseServer, "handle_error", _handle_other_errors)
        yield


@pytest.fixture(scope="session")
def docker_classic() -> str:
    """The address of a Docker daemon with the classic image store."""
    return daemon("DEPSFIRST_TEST_DOCKER", "a Docker daemon with the classic image store")


@pytest.fixture(scope="session")
def docker_containerd() -> str:
    """The address of a Docker daemon with the containerd image store."""
    return daemon("DEPSFIRST_TEST_CONTAINERD", "a Docker daemon with the containerd image store")


@pytest.fixture(scope="session")
def docker() -> Callable[..., str]:
    """The Docker client: ``docker(url, "images", …)`` gives its output."""
    client = program("docker")
    return lambda url, *words: run(client, "-H", url, *words)


@pytest.fixture(scope="session")
def skopeo() -> Callable[..., str]:
    """``skopeo("inspect", …)`` gives its output."""
    path = program("skopeo")
    return lambda *words: run(path, *words)


@pytest.fixture(scope="session")
def umoci() -> Callable[..., str]:
    """``umoci("unpack", …)`` gives its output."""
    path = program("umoci")
    return lambda *words: run(path, *words)


@pytest.fixture
def podman() -> Iterator[Callable[..., str]]:
    """``podman("load", …)`` with a store of its own, and with what a container needs where cgroups are not free."""
    path = program("podman")
    limits = ("--network", "none", "--runtime", "runc", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
    with tempfile.TemporaryDirectory(prefix="podman-") as folder:  # its paths have to be short
        places = ("--root", f"{folder}/r", "--runroot", f"{folder}/run", "--storage-driver", "vfs")

        def podman_run(verb: str, *words: str | Path) -> str:
            return run(path, *places, verb, *(limits if verb == "run" else ()), *words)

        yield podman_run


LEFT_OUT = re.compile(
    "test|idlelib|lib2to3|ensurepip|turtledemo|(_?tkinter|_test).*|config-3.*|_codecs_.*|__phello__"
    "|site-packages|__pycache__"
)
"""Names in the standard library that no test has a use for."""


@dataclass(frozen=True)
class HostRoot:
    """A layer as a tar: the interpreter at its place on this machine, and on PATH as ``/usr/local/bin/python3``."""

    tar: Path
    python: str
    path: str


@pytest.fixture(scope="session")
def host_root(tmp_path_factory: pytest.TempPathFactory) -> HostRoot:
    if not sys.platform.startswith("linux"):
        pytest.skip("Linux is needed")
    python = Path(sys.executable).resolve()
    stdlib = Path(os.__file__).parent
    tar = tmp_path_factory.mktemp("host") / "host.tar"
    with tarfile.open(tar, "w") as file:
        for path in [python, *needed([python, *stdlib.glob("lib-dynload/_ctypes.*")])]:
            add(file, path)
        for path in (stdlib, *sorted(stdlib.rglob("*"))):
            if path.exists() and not any(LEFT_OUT.fullmatch(part) for part in path.relative_to(stdlib).parts):
                add(file, path)
        link = tarfile.TarInfo("usr/local/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, str(python)
        file.addfile(link)
    return HostRoot(tar, str(python), "/usr/local/bin:/usr/bin")


def add(tar: tarfile.TarFile, path: Path) -> None:
    """Add what a path leads to at its place on this machine: read by anyone, written by root."""
    entry = tar.gettarinfo(path.resolve(), str(path))
    entry.uid = entry.gid = 0
    entry.mode = entry.mode & 0o777 | 0o444 | (0o111 if entry.isdir() else 0)
    data = loaded(path.read_bytes()) if entry.isreg() else b""
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def loaded(data: bytes) -> bytes:
    """Of an ELF file (64 bits, little-endian) what is loaded: most of an interpreter is for debuggers. Else all."""
    if not data.startswith(b"\x7fELF\x02\x01"):
        return data
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<QQQQ", data, table + 8 + number * size) for number in range(count)]
    end = max(start + length for start, _, _, length in segments)
    return data[:40] + bytes(8) + data[48:58] + bytes(6) + data[64:end]  # its header names no sections then


def needed(binaries: list[Path]) -> list[Path]:
    """The shared libraries and the loader of programs, as the loader finds them."""
    libraries = {sysconfig.get_config_var("LDLIBRARY") or ""}
    done = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        libraries |= {word for word in line.split() if word.startswith("/") and not word.endswith(":")}
    return sorted(path for path in map(Path, libraries) if path.is_absolute() and path.exists())
