"""Selects the recipe of a project for a person who asks for it, today or as it was in a commit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.debian.pythons import PYTHONS
from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import discover, read_lock
from depsfirst.project.model import MAIN, UnlockedError, normalize
from depsfirst.project.selection import select
from depsfirst.project.target import environment_of, tagged_python
from depsfirst.reports.recipe import Selected
from depsfirst.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.gittree import Revision
    from depsfirst.project.model import Environment, Project

_KEPT = (
    "pyproject.toml",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "Pipfile",
    "Pipfile.lock",
    "setup.py",
    "setup.cfg",
    ".python-version",
)
_OPEN_ENDED = frozenset({"requirements", "conda"})
"""Locks that people write by hand, with no manager that sees to it that they are whole."""
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class Wanted(NamedTuple):
    """What a person asks for; what is not given comes from the project's settings.

    Attributes:
        directory: the project.
        groups: dependency groups besides the main one.
        extras: extras of the project.
        platform: ``linux/amd64`` or ``linux/arm64``.
        python: a version, as ``3.12`` or ``3.12.4``.
    """

    directory: Path
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    platform: str | None = None
    python: str | None = None


def selected(wanted: Wanted) -> Selected:
    """The recipe of a project as it is.

    Raises:
        DepsfirstError: there is no project or no lock, or it has nothing for what is wanted.
    """
    project = discover(wanted.directory)
    settings = read_settings(project.settings, "pyproject.toml")
    python = wanted.python or (None if project.python_version else _python_of(settings.base or ""))
    environment = environment_of(project, wanted.platform or settings.platform or _this_platform(), python)
    groups = _names((MAIN, *settings.groups, *wanted.groups))
    return _select(project, environment, groups, _names((*settings.extras, *wanted.extras)), strict=True)


def selected_before(wanted: Wanted, now: Selected, revision: str) -> Selected:
    """The recipe of the same project, for the same environment, as it was in a commit.

    Groups and extras that were not there then are left out.

    Raises:
        DepsfirstError: there is no such commit, or the project had no lock then.
    """
    from tempfile import TemporaryDirectory

    from depsfirst.cache.gittree import open_revision

    commit = open_revision(os.path.abspath(wanted.directory), revision)  # noqa: PTH100 (links stay as written)
    place = commit.below(os.path.abspath(wanted.directory))  # noqa: PTH100
    if place is None:
        raise DepsfirstError(f'"{wanted.directory}" is outside of the repository', where=revision)
    with TemporaryDirectory(prefix="depsfirst-") as scratch:
        _write(commit, place, Path(scratch))
        try:
            project = discover(Path(scratch, place))
            return _select(project, now.environment, now.groups, now.extras, strict=False)
        except DepsfirstError as error:
            where = (error.where or "").replace(f"{scratch}/", "").replace(scratch, "") or None
            raise DepsfirstError(
                f"{error.message} in {revision}", where=where, hint="compare with a revision that has a lock that fits"
            ) from None


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(normalize(name) for name in names))


def _python_of(base: str) -> str | None:
    """The Python that the name of a base tells of."""
    return tagged_python(base) or PYTHONS.get(base.removeprefix("deb:"))


def _this_platform() -> str:
    machine = os.uname().machine
    return f"linux/{_MACHINES.get(machine.lower(), machine)}"


def _select(
    project: Project, environment: Environment, groups: tuple[str, ...], extras: tuple[str, ...], *, strict: bool
) -> Selected:
    try:
        lock = read_lock(project)
    except UnlockedError as error:
        hint = f"{error.hint}; `depsfirst build` resolves what is wanted for its base, until this is done"
        raise UnlockedError(error.message, where=error.where, hint=hint) from None
    if not strict:
        groups = tuple(name for name in groups if name in lock.roots)
        extras = tuple(name for name in extras if name in lock.extras)
    recipe = select(lock, environment, groups=frozenset(groups), extras=frozenset(extras))
    pins = [package for package in recipe.third_party if package.source.kind == "index"]
    open_ended = lock.format in _OPEN_ENDED and not all(package.is_hashed for package in pins)
    return Selected(lock.name, environment, groups, extras, recipe, open_ended)


def _write(commit: Revision, place: str, scratch: Path) -> None:
    """Write what tells the recipe of a project: manifests and locks of its directory and of those above."""
    (scratch / place).mkdir(parents=True, exist_ok=True)
    parts = place.split("/") if place else []
    directories = ["/".join(parts[:count]) for count in range(len(parts), -1, -1)]
    for path in _paths(commit, place, directories):
        _copy(commit, path, scratch)
    _write_included(commit, place, scratch)


def _paths(commit: Revision, place: str, directories: list[str]) -> Iterator[str]:
    from depsfirst.dockerfile.filetree import Directory, LinkLoopError, follow

    for directory in directories:
        yield from (_joined(directory, name) for name in _KEPT)
    for folder in (place, _joined(place, "requirements")):
        try:
            _, node = follow(commit.tree, folder)
        except LinkLoopError:
            continue
        if isinstance(node, Directory):
            yield from (_joined(folder, name) for name in node.children if _is_flat_lock(name))


def _is_flat_lock(name: str) -> bool:
    return name.endswith(".txt") or (name.startswith("pylock.") and name.endswith(".toml"))


def _joined(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


def _copy(commit: Revision, path: str, scratch: Path) -> bool:
    data = commit.read(path)
    if data is not None:
        (scratch / path).parent.mkdir(parents=True, exist_ok=True)
        (scratch / path).write_bytes(data)
    return data is not None


def _write_included(commit: Revision, place: str, scratch: Path) -> None:
    """Write what requirements files include, and the lock that the settings name."""
    from posixpath import join, normpath

    from depsfirst.project.locks.requirements import includes

    todo = [str(path.relative_to(scratch)) for path in scratch.rglob("*.txt")]
    chosen = _chosen(scratch / place / "pyproject.toml")
    todo += [path] if chosen and _copy(commit, path := normpath(join(place, chosen)), scratch) else []
    while todo:
        path = todo.pop()
        text = (scratch / path).read_text("utf-8", "replace")
        for name in includes(text, path):
            inside = not name.startswith(("../", "/"))
            if inside and not (scratch / name).exists() and _copy(commit, name, scratch):
                todo.append(name)


def _chosen(manifest: Path) -> str | None:
    from depsfirst.project.toml import Table, parse

    if not manifest.is_file():
        return None
    table = Table(parse(manifest.read_text("utf-8", "replace"), manifest.name), manifest.name)
    return table.table("tool").table("depsfirst").maybe_text("lock")
