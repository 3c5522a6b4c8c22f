"""What tests share: real engines and programs, each skipped with its reason where it is absent; a root that runs.

Where ``DEPSFIRST_REQUIRE_ENGINES=1`` is set, what is absent is a failure instead, and Hypothesis draws the same every
time. How long an example takes is asserted nowhere: the machine may be busy.
"""

from __future__ import annotations

import os
import shutil
import socketserver
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("required", settings.get_profile("busy"), derandomize=True)
settings.load_profile("required" if os.environ.get("DEPSFIRST_REQUIRE_ENGINES") == "1" else "busy")


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


def run(*command: str | Path, **options: object) -> str:
    """Run a program to its end; its output. A failure shows what it said."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return str(done.stdout)


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


LEFT_OUT = ("test", "idlelib", "lib2to3", "ensurepip", "turtledemo", "tkinter", "site-packages", "__pycache__")


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
            file.add(path.resolve(), path, filter=owned)
        file.add(stdlib, filter=lambda entry: None if Path(entry.name).name in LEFT_OUT else owned(entry))
        link = tarfile.TarInfo("usr/local/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, str(python)
        file.addfile(link)
    return HostRoot(tar, str(python), "/usr/local/bin:/usr/bin")


def owned(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Read by anyone, written by root."""
    entry.uid = entry.gid = 0
    entry.mode = entry.mode & 0o777 | 0o444 | (0o111 if entry.isdir() else 0)
    return entry


def needed(binaries: list[Path]) -> list[Path]:
    """The shared libraries and the loader of programs, as the loader finds them."""
    libraries = {sysconfig.get_config_var("LDLIBRARY") or ""}
    done = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        libraries |= {word for word in line.split() if word.startswith("/") and not word.endswith(":")}
    return sorted(path for path in map(Path, libraries) if path.is_absolute() and path.exists())
