"""A small root file system that runs: this machine's own interpreter with the libraries it needs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

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
