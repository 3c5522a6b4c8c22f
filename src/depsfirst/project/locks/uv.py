"""uv.lock, version 1."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import (
    MAIN,
    Dependency,
    Lock,
    LockedFile,
    LockedPackage,
    Source,
    conflict_item,
    normalize,
)
from depsfirst.project.toml import Table, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.project.model import LockText, Project, SourceKind

NAMES: tuple[str, ...] = ("uv.lock",)
COMMAND = "uv lock"

_HINT = f"run `{COMMAND}`"
_VERSION = 1
_KINDS: Mapping[str, SourceKind] = {
    "registry": "index",
    "path": "file",
    "virtual": "virtual",
    "editable": "directory",
    "directory": "directory",
}
_LOCAL = ("editable", "directory", "virtual")


def stable_text(text: str, project: Project) -> str:
    """The text without the version of the project's own entry, which uv writes into the lock."""
    path = re.escape(_directory(project))
    own = re.compile(rf'version = "[^"\n]*"\nsource = {{ (?:{"|".join(_LOCAL)}) = "{path}" }}\n')
    start = f'[[package]]\nname = "{normalize(project.name)}"\n'
    place = text.find(start)
    while place >= 0:
        found = own.match(text, place + len(start))
        if found is not None:
            return text[: found.start()] + text[found.start() :].partition("\n")[2]
        place = text.find(start, place + 1)
    return text


def _directory(project: Project) -> str:
    """The directory of the project, relative to that of the lock."""
    return os.path.relpath(project.root, project.lock.parent)


def read(lock: LockText, project: Project) -> Lock:
    """The lock, if it fits the manifest.

    Raises:
        DepsfirstError: it is broken, of a version not known, or made for another manifest.
    """
    table = Table(parse(lock.text, lock.name), lock.name)
    _check_version(table)
    entries = table.tables("package")
    root = _root(entries, table, project)
    python = _requires_python(table)
    from depsfirst.project.uv_fit import check_fit

    check_fit(table, entries[root], project, _directory(project))
    graph = _Graph(entries, root)
    packages = tuple(graph.package(index) for index in range(len(entries)))
    own = entries[root]
    groups = own.table("dependency-groups" if "dependency-groups" in own else "dev-dependencies")
    return Lock(
        format="uv",
        name=lock.name,
        project=packages[root].name,
        packages=packages,
        roots={
            MAIN: packages[root].dependencies,
            **{normalize(group): graph.edges(groups.tables(group)) for group in groups.values},
        },
        extras=packages[root].extras,
        requires_python=python,
        environments=_environments(table),
        conflicts=tuple(_conflicts(table)),
    )


def _check_version(table: Table) -> None:
    version = table.get("version", int)
    if version is None:
        raise DepsfirstError('no "version"', where=table.where, hint=_HINT)
    if version != _VERSION:
        raise table.error("version", f'version "{version}" is not known, only {_VERSION}', _HINT)


def _root(entries: list[Table], table: Table, project: Project) -> int:
    name, path = normalize(project.name), _directory(project)
    for index, entry in enumerate(entries):
        source = entry.table("source")
        if normalize(entry.text("name")) == name and any(source.maybe_text(kind) == path for kind in _LOCAL):
            return index
    members = table.table("manifest").texts("members")
    if members and "project" not in project.pyproject:
        raise DepsfirstError(
            "this is a workspace without a project of its own",
            where=str(project.root),
            hint=f"name one of its members: --package {min(members)} ({', '.join(sorted(members))})",
        )
    raise DepsfirstError(f'the lock has no entry for the project "{project.name}"', where=table.where, hint=_HINT)


def _requires_python(table: Table) -> str:
    from depsfirst.project.markers import admits

    text = table.text("requires-python")
    try:
        admits(text, "3.12")
    except DepsfirstError as error:
        raise table.error("requires-python", error.message, _HINT) from None
    return text


def _environments(table: Table) -> tuple[str, ...]:
    from depsfirst.project.locked import marker_of

    key = "supported-markers"
    markers = table.texts(key)
    checked = Table({f"{key}[{index}]": marker for index, marker in enumerate(markers)}, table.where)
    return tuple(marker for each in checked.values if (marker := marker_of(checked, each)))


def _conflicts(table: Table) -> Iterator[frozenset[str]]:
    for index, items in enumerate(table.get("conflicts", list) or []):
        path = f"conflicts[{index}]"
        yield frozenset(_item(each) for each in Table({path: items}, table.where).tables(path))


def _item(table: Table) -> str:
    package = normalize(table.text("package"))
    if "extra" in table:
        return conflict_item("extra", package, normalize(table.text("extra")))
    if "group" in table:
        return conflict_item("group", package, normalize(table.text("group")))
    return conflict_item("project", package)


class _Graph:
    """The packages of a lock, and the edges between them."""

    def __init__(self, entries: list[Table], root: int) -> None:
        from depsfirst.project.locked import name_of

        self._entries = entries
        self._root = root
        self._places: dict[str, list[int]] = {}
        self._names = [name_of(entry) for entry in entries]
        for index, name in enumerate(self._names):
            self._places.setdefault(name, []).append(index)

    def package(self, index: int) -> LockedPackage:
        from depsfirst.project.locked import version_of

        entry = self._entries[index]
        source = _source(entry.table("source"))
        optional = entry.table("optional-dependencies")
        return LockedPackage(
            name=self._names[index],
            version=version_of(entry) if "version" in entry else None,
            source=Source("project") if index == self._root else source,
            files=tuple(_files(entry, source)),
            dependencies=self.edges(entry.tables("dependencies")),
            extras={normalize(extra): self.edges(optional.tables(extra)) for extra in optional.values},
            where=entry.where,
        )

    def edges(self, tables: list[Table]) -> tuple[Dependency, ...]:
        from depsfirst.project.locked import marker_of

        return tuple(
            Dependency(
                normalize(table.text("name")),
                (self._place(table),),
                frozenset(normalize(extra) for extra in table.texts("extra")),
                marker_of(table, "marker"),
            )
            for table in tables
        )

    def _place(self, table: Table) -> int:
        places = self._places.get(normalize(table.text("name")), [])
        for key in ("version", "source"):
            if key in table:
                places = [each for each in places if self._entries[each].values.get(key) == table.values[key]]
        if len(places) != 1:
            there = "several packages" if places else "no package"
            raise DepsfirstError(f"the lock has {there} for this edge", where=table.where, hint=_HINT)
        return places[0]


def _source(table: Table) -> Source:
    for key, kind in _KINDS.items():
        if key in table:
            return Source(kind, table.text(key), editable=key == "editable")
    if "git" in table:
        return Source("git", _commit_url(table))
    if "url" in table:
        subdirectory = table.maybe_text("subdirectory")
        return Source("url", table.text("url") + (f"#subdirectory={subdirectory}" if subdirectory else ""))
    raise DepsfirstError("the source is of no kind that is known", where=table.where, hint=_HINT)


def _commit_url(table: Table) -> str:
    from urllib.parse import parse_qsl

    from depsfirst.project.locked import is_commit, url_of

    url = url_of(table, "git")
    if not is_commit(url.fragment):
        raise table.error("git", "no commit", _HINT)
    subdirectory = dict(parse_qsl(url.query)).get("subdirectory")
    plain = url._replace(query="", fragment="").geturl()
    return f"git+{plain}@{url.fragment.lower()}" + (f"#subdirectory={subdirectory}" if subdirectory else "")


def _files(entry: Table, source: Source) -> Iterator[LockedFile]:
    if source.kind in {"index", "url", "file"}:
        for table in [*entry.tables("wheels"), *([entry.table("sdist")] if "sdist" in entry else [])]:
            yield _file(table, source)


def _file(table: Table, source: Source) -> LockedFile:
    from depsfirst.project.locked import file_name_of, sha256_of

    key = "url" if "url" in table else "filename" if "filename" in table else "path"
    if key in table:
        name = file_name_of(table, key)
    elif source.kind == "index":
        raise DepsfirstError('no "url"', where=table.where, hint=_HINT)
    else:
        name = file_name_of(Table({"location": source.location}, table.where), "location")
    url = table.maybe_text("url") or (source.location if source.kind in {"url", "file"} else None)
    if "path" in table:
        url = os.path.normpath(f"{source.location}/{table.text('path')}")
    return LockedFile(name, sha256_of(table), url, table.get("size", int))
