"""Which CPythons a file system has on PATH, of which version, with which standard library."""

from __future__ import annotations

import os
import posixpath
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.bases.binaries import Binary
from depsfirst.bases.facts import Interpreter
from depsfirst.errors import DepsfirstError
from depsfirst.imports.answers import ELSEWHERE
from depsfirst.imports.modules import names_of
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.bases.rootfs import RootFs

PROGRAM = re.compile(r"python(?:3(?:\.(\d+))?(t)?)?")
LIBRARY = re.compile(r"libpython3\.(\d+)(t)?\.so[.\d]*")
OTHER_KINDS = re.compile(r"(?:pypy|graalpy)[\d.]*")

_HOME = re.compile(r"python3\.(\d+)(t)?")
_LIBS = ("lib", "lib64")
_NOT_MODULES = ("site-packages", "dist-packages", "lib-dynload")

# Modules written in C that the standard library lost, by the minor version that did.
_DROPPED = {10: "parser symbol", 13: "audioop nis ossaudiodev spwd _crypt"}

# Packages written in Python that distributions keep in packages of their own: a host may lack their files.
_SPLIT_OFF = frozenset({"distutils", "ensurepip", "idlelib", "lib2to3", "tkinter", "turtle", "turtledemo", "venv"})


class Found(NamedTuple):
    """An interpreter, and its program as a binary."""

    interpreter: Interpreter
    binary: Binary


class _Home(NamedTuple):
    """Where an interpreter keeps its standard library; no folder if it was not found."""

    prefix: str
    minor: int
    free_threaded: bool
    folder: str | None


def interpreters(root: RootFs, path: str, said: str | None, where: str) -> list[Found]:
    """The interpreters on ``path``, in its order.

    Args:
        root: the file system; programs, libraries and ``patchlevel.h`` have a ``Binary`` as fact.
        path: value of PATH.
        said: value of PYTHON_VERSION, if any.
        where: what to call the base in an error.

    Raises:
        DepsfirstError: the version of one cannot be told.
    """
    homes: dict[_Home, tuple[str, Binary]] = {}
    for program, binary in programs(root, path):
        home = _home(root, program, binary)
        if home:
            homes.setdefault(home, (program, binary))
    whole = {home: program for home, program in homes.items() if home.folder} or homes
    found = []
    for home, (program, binary) in whole.items():
        version = _version(root, home, binary, said)
        if version is None:
            raise DepsfirstError(
                f'the version of "{program}" cannot be told',
                where=where,
                hint="set PYTHON_VERSION in the base's environment, as the official images do",
            )
        found.append(Found(_interpreter(root, home, program, version), binary))
    return found


def programs(root: RootFs, path: str) -> Iterator[tuple[str, Binary]]:
    """Programs on ``path`` that are called like a Python, links followed, each once."""
    seen = set()
    for folder in filter(None, path.split(":")):
        for name in sorted(root.names(folder), key=_preference):
            real = root.resolve(posixpath.join(folder, name)) if PROGRAM.fullmatch(name) else None
            node = root.find(real) if real else None
            if real and real not in seen and node and node.executable and isinstance(node.fact, Binary):
                seen.add(real)
                if node.fact.architecture:
                    yield real, node.fact


def _preference(name: str) -> tuple[int, int]:
    """``python3``, then ``python``, then the newest."""
    match = PROGRAM.fullmatch(name)
    return {"python3": 0, "python": 1}.get(name, 2), -int(match[1] or 0) if match else 0


def _home(root: RootFs, program: str, binary: Binary) -> _Home | None:
    match = PROGRAM.fullmatch(posixpath.basename(program))
    if not match:
        return None
    prefix = posixpath.dirname(posixpath.dirname(program))
    homes = [home for home in _homes(root, prefix) if match[1] in {None, str(home.minor)}]
    if match[1]:
        named = _Home(prefix, int(match[1]), match[2] is not None, None)
        return next((home for home in homes if home.free_threaded == named.free_threaded), named)
    said = [home for home in homes if any(version.startswith(f"3.{home.minor}.") for version in binary.versions)]
    return next(iter([*said, *homes]), None)


def _homes(root: RootFs, prefix: str) -> list[_Home]:
    """The standard libraries below a prefix, newest first."""
    found = []
    for lib in _LIBS:
        for name in root.names(posixpath.join(prefix, lib)):
            match, folder = _HOME.fullmatch(name), posixpath.join(prefix, lib, name)
            if match and (root.find(f"{folder}/os.py") or root.find(f"{folder}/os.pyc")):
                found.append(_Home(prefix, int(match[1]), match[2] is not None, folder))
    return sorted(found, key=lambda home: -home.minor)


def _interpreter(root: RootFs, home: _Home, program: str, version: str) -> Interpreter:
    patch = re.match(r"3\.\d+\.(\d+)", version)
    numbers = (3, home.minor, int(patch[1]) if patch else 0)
    return Interpreter(program, numbers, version, home.free_threaded, tuple(sorted(_stdlib(root, home))))


def _version(root: RootFs, home: _Home, binary: Binary, said: str | None) -> str | None:
    """As the program names it, its library, its header, or the environment, whichever is first to say."""
    for versions in (binary.versions, *_versions_beside(root, home), (said,) if said else ()):
        fitting = [version for version in versions if version.startswith(f"3.{home.minor}.")]
        if fitting:
            return said if said in fitting else max(fitting, key=_order)
    return None


def _versions_beside(root: RootFs, home: _Home) -> Iterator[tuple[str, ...]]:
    """Versions named by the shared library and by the header, those below the same prefix first."""
    suffix = "t" if home.free_threaded else ""
    facts = [(path, fact) for path, fact in root.facts() if isinstance(fact, Binary)]
    facts.sort(key=lambda each: not each[0].startswith(home.prefix.rstrip("/") + "/"))
    for path, fact in facts:
        match = LIBRARY.fullmatch(posixpath.basename(path))
        if match and (int(match[1]), match[2] or "") == (home.minor, suffix):
            yield fact.versions
    for path, fact in facts:
        if path.endswith(f"/python3.{home.minor}{suffix}/patchlevel.h"):
            yield fact.versions


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _stdlib(root: RootFs, home: _Home) -> set[str]:
    """Names found in the standard library, and those of modules that may be built into the interpreter."""
    if home.folder is None:
        return set(sys.stdlib_module_names)
    paths = [path for path in root.below(home.folder) if not path.startswith(("site-packages/", "dist-packages/"))]
    flat = [path.removeprefix("lib-dynload/") for path in paths]
    names = names_of(flat)
    found = {name for name in names.packages | names.modules if "." not in name}
    return found | _compiled(home.minor)


def _compiled(minor: int) -> set[str]:
    """Modules that this Python knows and that are not written in Python: a base may have them built in."""
    dropped = {name for since, names in _DROPPED.items() if since <= minor for name in names.split()}
    return set(sys.stdlib_module_names) - ELSEWHERE - dropped - _pure()


def _pure() -> set[str]:
    """What this host's standard library has as files."""
    return {path.stem for path in Path(os.__file__).parent.iterdir()} | _SPLIT_OFF
