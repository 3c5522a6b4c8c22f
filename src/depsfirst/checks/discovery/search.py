"""Finds Dockerfiles in a tree, and the files beside them that may say how they are built."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DOCKERFILE = re.compile(r"(?i)(?:docker|container)file(?:\..+)?|.+\.(?:docker|container)file")
_NO_DOCKERFILE = re.compile(
    r"(?i).*\.(?:dockerignore|containerignore|md|rst|txt|in|lock|py|sh|ya?ml|json|toml|html"
    r"|j2|jinja2?|tmpl|tpl|template|mustache|erb|orig|rej|bak|swp)|.*~"
)
_COMPOSE = re.compile(r"(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml")
_BAKE = re.compile(r"docker-bake(?:\.[\w-]+)*\.(?:hcl|json)")
_GITLAB = re.compile(r"(?:.*\.)?gitlab-ci\.ya?ml")
_PIPELINE = re.compile(
    r"\.?(?:azure-pipelines|bitbucket-pipelines|travis|drone|woodpecker|cirrus|semaphore|buildspec|appveyor)[\w.-]*\.ya?ml"
    r"|[Tt]askfile\.ya?ml"
)
_SCRIPT = re.compile(r"(?i).*\.(?:sh|bash)|(?:gnu)?makefile|.+\.mk")
_SKIPPED_NAMES = (
    ".git .hg .svn .venv venv node_modules __pycache__ .tox .nox .mypy_cache .ruff_cache .pytest_cache .eggs"
    " site-packages .terraform .direnv .pixi .conda"
)
_SKIPPED = frozenset(_SKIPPED_NAMES.split())
_BESIDE = (
    "",
    "deploy",
    "deployment",
    "docker",
    "scripts",
    "script",
    "bin",
    "ci",
    ".ci",
    "build",
    "tools",
    "hack",
    "dev",
)
"""Where in a repository, besides the directories above a Dockerfile, builds are described."""

WORKFLOWS = ".github/workflows"
CIRCLE = ".circleci"
_SUBMODULE = "160000"


_KINDS = {"compose": _COMPOSE, "bake": _BAKE, "gitlab": _GITLAB, "pipeline": _PIPELINE}
_ENDINGS = (".yml", ".yaml", ".hcl", ".json")


def is_dockerfile(name: str) -> bool:
    """Whether a file's name is that of a Dockerfile."""
    return bool(_DOCKERFILE.fullmatch(name)) and not _NO_DOCKERFILE.fullmatch(name)


def is_source(name: str) -> bool:
    """Whether a file of this name may say how Dockerfiles are built."""
    return kind_of(name) is not None


def kind_of(name: str) -> str | None:
    """``compose``, ``bake``, ``gitlab``, ``pipeline``, ``script`` or ``makefile``; None for all else."""
    if not name.endswith(_ENDINGS) and not _SCRIPT.fullmatch(name):
        return None
    for kind, pattern in _KINDS.items():
        if pattern.fullmatch(name):
            return kind
    if not _SCRIPT.fullmatch(name):
        return None
    return "script" if name.lower().endswith((".sh", ".bash")) else "makefile"


def walk(top: Path) -> Iterator[Path]:
    """Dockerfiles, and files that may say how they are built, below a directory; sorted, symlinks not followed.

    Environments, caches and version control are not entered, and where there is git, nothing that it ignores.
    """
    inside = Roots().of(top) is not None
    found = sorted(_of_repository(str(top)) if inside and _works() else _of_directory(str(top)))
    return (Path(path) for path in found)


def _of_repository(directory: str) -> Iterator[str]:
    """What git tracks, or would track, and what is in submodules and other repositories inside."""
    import subprocess

    command = [
        "git",
        "-c",
        "core.fsmonitor=false",
        "ls-files",
        "-z",
        "-s",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    asked = subprocess.run(command, cwd=directory, capture_output=True, check=False, env=_environment())
    if asked.returncode:  # git does not trust the owner, or the repository is broken
        yield from _of_directory(directory, asks=False)
        return
    for line in dict.fromkeys(asked.stdout.decode(errors="surrogateescape").split("\0")):
        entry, tab, name = line.rpartition("\t")
        path = f"{directory}/{name}".rstrip("/")
        if name.endswith("/") or (tab and entry.startswith(_SUBMODULE)):
            yield from _of_directory(path)
        elif name and _is_wanted(path) and os.path.isfile(path):  # noqa: PTH113 - of many, few are wanted
            yield path


def _of_directory(directory: str, *, asks: bool = True) -> Iterator[str]:
    """What is in a directory that is in no repository, or is one; ``asks`` git then."""
    try:
        with os.scandir(directory) as listed:
            entries = {entry.name: entry for entry in listed}
    except OSError:
        return  # gone, or not ours to read: what is in it is not built by us either
    if asks and ".git" in entries and _works():
        yield from _of_repository(directory)
        return
    if "pyvenv.cfg" in entries:
        return
    for entry in entries.values():
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _SKIPPED:
                yield from _of_directory(entry.path)
        elif _is_wanted(entry.path):
            yield entry.path


def _is_wanted(path: str) -> bool:
    directory, _, name = path.rpartition("/")
    return is_dockerfile(name) or is_source(name) or (_is_yaml(name) and directory.endswith((WORKFLOWS, CIRCLE)))


def _is_yaml(name: str) -> bool:
    return name.endswith((".yml", ".yaml"))


@cache
def _works() -> bool:
    """Whether there is a git to ask."""
    from shutil import which

    return which("git") is not None


def _environment() -> dict[str, str]:
    """This process's, without what a hook of git was told of one repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


class Roots:
    """Which repository a directory is in; looked up once."""

    def __init__(self) -> None:
        self._known: dict[Path, Path | None] = {}

    def of(self, directory: Path) -> Path | None:
        """The nearest directory above, or this one, that holds ``.git``; None where there is none."""
        if directory not in self._known:
            if os.path.lexists(directory / ".git"):
                self._known[directory] = directory
            else:
                parent = directory.parent
                self._known[directory] = None if parent == directory else self.of(parent)
        return self._known[directory]


class Nearby:
    """The files that may say how a Dockerfile is built; each directory is listed once."""

    def __init__(self) -> None:
        self._sources: dict[Path, tuple[Path, ...]] = {}
        self._usual: dict[Path, tuple[Path, ...]] = {}

    def of(self, dockerfile: Path, root: Path) -> Iterator[Path]:
        """Those in the Dockerfile's directory, those above it up to ``root``, and the usual ones below that."""
        for directory in (dockerfile.parent, *dockerfile.parent.parents):
            if not directory.is_relative_to(root):
                break
            yield from self._in(directory)
        if root not in self._usual:
            usual = [path for name in _BESIDE for path in self._in(root / name)]
            listed = [path for name in (WORKFLOWS, CIRCLE) for path in _listed(root / name, _is_yaml)]
            self._usual[root] = (*usual, *listed)
        yield from self._usual[root]

    def _in(self, directory: Path) -> tuple[Path, ...]:
        if directory not in self._sources:
            self._sources[directory] = tuple(_listed(directory, is_source))
        return self._sources[directory]


def _listed(directory: Path, wanted: Callable[[str], bool]) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return
    yield from (directory / name for name in names if wanted(name))
