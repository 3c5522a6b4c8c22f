"""What tests share: real engines and programs, each skipped with its reason where it is absent.

Where ``DEPSFIRST_REQUIRE_ENGINES=1`` is set, what is absent is a failure instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


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
