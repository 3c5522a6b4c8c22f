"""poetry.lock, from lock-version 1.0 to 2.1."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.project.constraints import python_specifier
from depsfirst.project.model import Dependency, Lock, LockedFile, LockedPackage, Source, normalize
from depsfirst.project.toml import Table, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.project.model import LockText, Project

NAMES: tuple[str, ...] = ("poetry.lock",)
COMMAND = "poetry lock"

_HINT = f"run `{COMMAND}`"
_LEGACY_KEYS = ("dependencies", "source", "extras", "dev-dependencies")
_PROJECT_KEYS = ("requires-python", "dependencies", "optional-dependencies")
_FLAT_SINCE = (2, 1)


def stable_text(text: str, project: Project) -> str:  # noqa: ARG001 (the shape of every format)
    """The text without what a new version of the project changes, which is nothing here."""
    return text


def read(lock: LockText, project: Project) -> Lock:
    """The lock, if it fits the manifest.

    Raises:
        DepsfirstError: it is broken, of a version not known, or made for another manifest.
    """
    table = Table(parse(lock.text, lock.name), lock.name)
    version = _lock_version(table)
    holder = project.holder or project
    _check_fit(table, lock.text, holder)
    packages = tuple(_packages(table))
    if version < _FLAT_SINCE or project.holder:
        from depsfirst.project.poetry_graph import connect

        packages, roots, extras = connect(table, packages, holder.pyproject)
    else:
        roots = _roots(table, packages, project.pyproject)
        extras = {normalize(name): () for name in table.table("extras").values}
    python = _python(table.table("metadata"), "python-versions")
    return Lock("poetry", lock.name, normalize(project.name), packages, roots, extras, python)


def _lock_version(table: Table) -> tuple[int, int]:
    metadata = table.table("metadata")
    text = metadata.text("lock-version")
    found = re.fullmatch(r"([12])\.(\d{1,3})", text)
    if found is None:
        raise metadata.error("lock-version", f'lock-version "{text}" is not known, only 1.0 to 2.1', _HINT)
    return int(found[1]), int(found[2])


def _check_fit(table: Table, text: str, project: Project) -> None:
    metadata = table.table("metadata")
    locked = metadata.text("content-hash")
    if locked == content_hash(project.pyproject):
        return
    generator = re.match(r"#[^\n]*Poetry (\d+)\.(\d+)", text)
    groups_ignored = generator and (int(generator[1]), int(generator[2])) < (2, 3)
    if groups_ignored and locked == content_hash(project.pyproject, with_groups=False):
        return
    raise metadata.error("content-hash", "the lock does not fit pyproject.toml, which has changed since", _HINT)


def content_hash(pyproject: Mapping[str, Any], *, with_groups: bool = True) -> str:
    """The hash by which Poetry knows whether a lock fits its manifest.

    Args:
        pyproject: the manifest.
        with_groups: whether ``[dependency-groups]`` counts, as it does since Poetry 2.3.
    """
    poetry = _dict(_dict(pyproject.get("tool")).get("poetry"))
    project = _dict(pyproject.get("project"))
    asked = {key: project[key] for key in _PROJECT_KEYS if key in project}
    groups = _dict(pyproject.get("dependency-groups")) if with_groups else {}
    if not asked and not groups:
        relevant: dict[str, Any] = {key: poetry.get(key) for key in _LEGACY_KEYS}
        if "group" in poetry:
            relevant["group"] = poetry["group"]
    else:
        relevant = {"project": asked} if asked else {}
        relevant |= {"dependency-groups": groups} if groups else {}
        relevant["tool"] = {"poetry": {key: poetry[key] for key in (*_LEGACY_KEYS, "group") if key in poetry}}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True, default=str).encode()).hexdigest()


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _packages(table: Table) -> Iterator[LockedPackage]:
    from depsfirst.project.locked import file_name_of, name_of, version_of

    entries = table.tables("package")
    times = Counter(name_of(entry) for entry in entries)
    old_files = table.table("metadata").table("files")
    for entry in entries:
        name, version = name_of(entry), version_of(entry)
        source = _source(entry.table("source")) if "source" in entry else Source("index")
        if "files" in entry:
            files = _files(entry.tables("files"), source)
        else:
            files = _files(old_files.tables(entry.text("name")), source)
            files = tuple(file for file in files if times[name] == 1 or _has_version(file.name, version))
            if source.kind == "url" and not files:
                files = (LockedFile(file_name_of(entry.table("source"), "url"), None, source.location),)
        if source.kind in {"index", "file"} and not files:
            raise entry.error("files", f'"{name}" {version} has no file with a hash', _HINT)
        yield LockedPackage(
            name, version, source, files, requires_python=_python(entry, "python-versions"), where=entry.where
        )


def _source(table: Table) -> Source:
    kind = table.text("type")
    url = table.text("url")
    if kind == "legacy":
        return Source("index", url)
    if kind == "git":
        return Source("git", _commit_url(table, url))
    if kind == "url":
        return Source("url", _with_subdirectory(table, url))
    if kind == "file":
        return Source("file", url)
    if kind == "directory":
        return Source("directory", url)
    raise table.error(
        "type", f'a source of type "{kind}" is not supported', "depend on a release, a git commit or a path"
    )


def _commit_url(table: Table, url: str) -> str:
    from depsfirst.project.locked import is_commit

    commit = table.text("resolved_reference")
    if not is_commit(commit):
        raise table.error("resolved_reference", f'"{commit}" is no commit', _HINT)
    return _with_subdirectory(table, f"git+{url}@{commit.lower()}")


def _with_subdirectory(table: Table, url: str) -> str:
    subdirectory = table.maybe_text("subdirectory")
    return f"{url}#subdirectory={subdirectory}" if subdirectory else url


def _files(tables: list[Table], source: Source) -> tuple[LockedFile, ...]:
    from depsfirst.project.locked import file_name_of, sha256_of

    url = source.location if source.kind in {"url", "file"} else None
    found = []
    for table in tables:
        sha256 = sha256_of(table)
        if sha256 is None:
            raise DepsfirstError("no hash", where=table.where, hint=_HINT)
        found.append(LockedFile(file_name_of(table, "file"), sha256, url))
    if source.kind == "file":
        name = PurePosixPath(source.location or "").name
        found = [file for file in found if file.name == name]
    return tuple(found)


def _has_version(file_name: str, version: str) -> bool:
    """Whether a file is of a version; old locks have the files of all versions of a name in one list."""
    from packaging.utils import (
        InvalidSdistFilename,
        InvalidWheelFilename,
        parse_sdist_filename,
        parse_wheel_filename,
    )

    try:
        found = parse_wheel_filename(file_name)[1] if file_name.endswith(".whl") else parse_sdist_filename(file_name)[1]
    except (InvalidSdistFilename, InvalidWheelFilename):
        return f"-{version}." in file_name
    return str(found) == version


def _python(table: Table, key: str) -> str | None:
    from depsfirst.project.markers import admits

    try:
        specifier = python_specifier(table.maybe_text(key) or "*")
        admits(specifier, "3.12")
    except (ValueError, DepsfirstError) as error:
        raise table.error(key, str(error)) from None
    return specifier


def _roots(
    table: Table, packages: tuple[LockedPackage, ...], pyproject: Mapping[str, Any]
) -> dict[str, tuple[Dependency, ...]]:
    from depsfirst.project.poetry_graph import manifest_groups

    groups = {group: list[Dependency]() for group in manifest_groups(pyproject)}
    for index, entry in enumerate(table.tables("package")):
        for group, marker in _memberships(entry):
            groups.setdefault(group, []).append(Dependency(packages[index].name, (index,), marker=marker))
    return {group: tuple(edges) for group, edges in groups.items()}


def _memberships(entry: Table) -> Iterator[tuple[str, str | None]]:
    from depsfirst.project.locked import marker_of

    if "groups" not in entry:
        raise DepsfirstError('no "groups"', where=entry.where, hint=_HINT)
    shared = isinstance(entry.values.get("markers", ""), str)
    everywhere = marker_of(entry, "markers") if shared else None
    for group in entry.texts("groups"):
        yield normalize(group), everywhere if shared else marker_of(entry.table("markers"), group)
