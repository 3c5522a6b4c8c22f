"""pdm.lock, from lock_version 4.0 to 4.5."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import MAIN, Dependency, Index, Lock, LockedFile, LockedPackage, Source, normalize
from depsfirst.project.toml import Table, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.project.model import LockText, Project

NAMES: tuple[str, ...] = ("pdm.lock",)
COMMAND = "pdm lock"

_HINT = f"run `{COMMAND}`"
_DEFAULT = "default"
_FLAT = "inherit_metadata"
_ROOT = "${PROJECT_ROOT}"
_ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")
_PLATFORMS = {"linux": "linux", "manylinux": "linux", "musllinux": "linux", "macos": "darwin", "windows": "win32"}
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_CLAUSE = re.compile(r"\s*(?P<operator>===|==|!=|<=|>=|~=|<|>)\s*(?P<version>[^\s,|]+)\s*")


def stable_text(text: str, project: Project) -> str:  # noqa: ARG001 (the shape of every format)
    """The text without what a new version of the project changes, which is nothing here."""
    return text


def read(lock: LockText, project: Project) -> Lock:
    """The lock, if it fits the manifest.

    Raises:
        DepsfirstError: it is broken, of a version not known, or made for another manifest.
    """
    table = Table(parse(lock.text, lock.name), lock.name)
    metadata = table.table("metadata")
    _check_version(metadata)
    holder = project.holder or project
    demands = _check_fit(metadata, holder)
    lock_entries = Entries(table, holder)
    if not project.holder and (_FLAT in metadata.texts("strategy") or metadata.get(_FLAT, bool)):
        groups = lock_entries.groups()
    else:
        from depsfirst.project.pdm_graph import connect

        groups = connect(lock_entries, holder.pyproject)
    extras = {name: groups.pop(name, ()) for name in _extras(holder.pyproject)}
    packages = tuple(lock_entries.packages)
    return Lock(
        "pdm",
        lock.name,
        normalize(project.name),
        packages,
        groups,
        extras,
        _requires_python(project),
        _environments(metadata),
        demands=tuple(_demands(packages, project)) if demands else (),
        indexes=lock_entries.indexes,
    )


def _check_version(metadata: Table) -> None:
    text = metadata.text("lock_version")
    if not re.fullmatch(r"4\.[0-5](\.\d{1,3})?", text):
        raise metadata.error("lock_version", f'lock_version "{text}" is not known, only 4.0 to 4.5', _HINT)


def _check_fit(metadata: Table, project: Project) -> bool:
    """Whether the requirements of the manifest have to be held against the selection, since no hash tells."""
    algorithm, _, locked = metadata.text("content_hash").partition(":")
    if algorithm not in {"sha256", "md5"}:
        raise metadata.error("content_hash", f'"{algorithm}" is no hash that PDM writes', _HINT)
    if locked in content_hashes(project.pyproject, algorithm):
        return False
    if "lock_inputs" in metadata:  # then PDM itself looks at what is asked for, and no longer at the hash
        return True
    raise metadata.error("content_hash", "the lock does not fit pyproject.toml, which has changed since", _HINT)


def content_hashes(pyproject: Mapping[str, Any], algorithm: str = "sha256") -> Iterator[str]:
    """The hashes by which PDM knows whether a lock fits its manifest: that of today, and those of older versions.

    Args:
        pyproject: the manifest.
        algorithm: as hashlib calls it.
    """
    project, pdm = _dict(pyproject.get("project")), _dict(_dict(pyproject.get("tool")).get("pdm"))
    resolution, legacy = _dict(pdm.get("resolution")), _dict(pdm.get("dev-dependencies"))
    hashed: dict[str, Any] = {
        "sources": pdm.get("source", []),
        "dependencies": project.get("dependencies", []),
        "optional-dependencies": project.get("optional-dependencies", {}),
        "requires-python": project.get("requires-python", ""),
    }
    groups = {normalize(name): each for name, each in _dict(pyproject.get("dependency-groups")).items()}
    for name, each in legacy.items():
        groups[normalize(name)] = [*groups.get(normalize(name), []), *(each if isinstance(each, list) else [each])]
    overrides = resolution.get("overrides", pdm.get("overrides", {}))
    for dev in (groups, legacy):
        for last in ({"resolution": resolution}, {"overrides": overrides}):
            text = json.dumps({**hashed, "dev-dependencies": dev, **last}, sort_keys=True, default=str)
            yield hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _requires_python(project: Project) -> str | None:
    """That of the manifest, which the content hash covers."""
    from depsfirst.project.requirement import canonical_specifier

    if project.requires_python is not None:
        canonical_specifier(project.requires_python, "pyproject.toml: project.requires-python")
    return project.requires_python


def _extras(pyproject: Mapping[str, Any]) -> list[str]:
    """The names of ``[project.optional-dependencies]``, which are groups like others in the lock."""
    optional = Table(pyproject, "pyproject.toml").table("project").table("optional-dependencies")
    return [normalize(name) for name in optional.values]


def _demands(packages: tuple[LockedPackage, ...], project: Project) -> Any:
    from depsfirst.project.demands import demands

    return demands(packages, project)


class Entries:
    """The packages of a lock; entries that differ in extras only are one package.

    Attributes:
        packages: without edges.
        entries: tables of the lock, each with the position of its package.
        excluded: names that the manifest takes out of every resolution.
        indexes: the sources that the manifest names.
    """

    def __init__(self, table: Table, project: Project) -> None:
        from depsfirst.project.locked import name_of

        pdm = Table(project.pyproject, "pyproject.toml").table("tool").table("pdm")
        self.excluded = {normalize(name) for name in pdm.table("resolution").texts("excludes")}
        self._index = _replaced_index(pdm)
        self.indexes = tuple(_indexes(pdm))
        self._old_files = table.table("metadata").table("files")
        self.packages: list[LockedPackage] = []
        self.entries: list[tuple[Table, int]] = []
        self._metadata = table.table("metadata")
        places: dict[tuple[str, str | None, str | None], int] = {}
        for entry in table.tables("package"):
            if name_of(entry) in self.excluded:
                continue
            package = self._package(entry)
            key = (package.name, package.version, package.source.location)
            if key not in places:
                places[key] = len(self.packages)
                self.packages.append(package)
            self.entries.append((entry, places[key]))

    def groups(self) -> dict[str, tuple[Dependency, ...]]:
        """What each group asks for, in a lock whose packages say in which groups they are and when."""
        from depsfirst.project.locked import marker_of

        names = [_group(name) for name in self._metadata.texts("groups")]
        found: dict[str, list[Dependency]] = {name: [] for name in [MAIN, *names]}
        for entry, place in self.entries:
            edge = Dependency(self.packages[place].name, (place,), marker=marker_of(entry, "marker"))
            if "groups" not in entry:
                raise DepsfirstError('no "groups"', where=entry.where, hint=_HINT)
            for name in entry.texts("groups"):
                found.setdefault(_group(name), []).append(edge)
        return {name: tuple(edges) for name, edges in found.items()}

    def _package(self, entry: Table) -> LockedPackage:
        from depsfirst.project.locked import name_of, version_of

        name = name_of(entry)
        version = version_of(entry) if "version" in entry else None
        source = _source(entry)
        if source.kind == "index":
            source = Source("index", self._index)
            if version is None:
                raise DepsfirstError('no "version"', where=entry.where, hint=_HINT)
        files = _files(self._file_tables(entry), source)
        if source.kind == "index" and not files:
            raise entry.error("files", f'"{name}" {version} has no file with a hash', _HINT)
        python = _union(_specifier(entry, "requires_python"))
        return LockedPackage(name, version, source, files, requires_python=python, where=entry.where)

    def _file_tables(self, entry: Table) -> list[Table]:
        if "files" in entry:
            return entry.tables("files")
        return self._old_files.tables(f"{entry.text('name')} {entry.maybe_text('version')}")


def _union(specifier: str | None) -> str | None:
    """One specifier for what several alternatives allow."""
    from depsfirst.project.constraints import python_specifier

    return python_specifier(specifier) if specifier and "||" in specifier else specifier


def _group(name: str) -> str:
    return MAIN if name == _DEFAULT else normalize(name)


def _replaced_index(pdm: Table) -> str | None:
    """The index that stands in place of the default one: that which the manifest calls ``pypi``."""
    for source in pdm.tables("source"):
        if source.maybe_text("name") == "pypi" and source.maybe_text("type") != "find_links":
            return source.maybe_text("url")
    return None


def _indexes(pdm: Table) -> Iterator[Index]:
    for source in pdm.tables("source"):
        if "url" in source:  # else it is one of the user's settings
            yield Index(
                source.text("url").replace(f"file:///{_ROOT}", ".").replace(_ROOT, "."),
                "find-links" if source.maybe_text("type") == "find_links" else "index",
                tuple(normalize(pattern) for pattern in source.texts("include_packages")),
                tuple(normalize(pattern) for pattern in source.texts("exclude_packages")),
            )


def _source(entry: Table) -> Source:
    if "git" in entry:
        return Source("git", _commit_url(entry))
    path = entry.maybe_text("path")
    if "url" in entry and path is None:
        url = entry.text("url")
        if not url.startswith("file:"):
            return Source("url", _with_subdirectory(entry, url))
        path = url.partition("#")[0].removeprefix("file://").replace(f"/{_ROOT}", ".").replace(_ROOT, ".")
    if path is not None:
        return _local(entry, path)
    for kind in ("hg", "svn", "bzr"):
        if kind in entry:
            raise entry.error(kind, f'"{kind}" repositories are not read', "depend on a release or a git commit")
    return Source("index")


def _local(entry: Table, path: str) -> Source:
    from posixpath import normpath

    place = normpath(path)
    if place.endswith(_ARCHIVES):
        return Source("file", place)
    return Source("project" if place == "." else "directory", place, editable=bool(entry.get("editable", bool)))


def _commit_url(entry: Table) -> str:
    from depsfirst.project.locked import is_commit

    key = "revision" if "revision" in entry else "ref"
    commit = entry.text(key)
    if not is_commit(commit):
        raise entry.error(key, f'"{commit}" is no commit', _HINT)
    return _with_subdirectory(entry, f"git+{entry.text('git')}@{commit.lower()}")


def _with_subdirectory(entry: Table, url: str) -> str:
    subdirectory = entry.maybe_text("subdirectory")
    return f"{url}#subdirectory={subdirectory}" if subdirectory else url


def _files(tables: list[Table], source: Source) -> tuple[LockedFile, ...]:
    from depsfirst.project.locked import file_name_of, sha256_of

    if source.kind not in {"index", "url", "file"}:
        return ()
    place = (source.location or "").partition("#")[0] if source.kind != "index" else None
    found = []
    for table in tables:
        sha256 = sha256_of(table)
        if sha256 is None:
            raise DepsfirstError("no hash", where=table.where, hint=_HINT)
        name = file_name_of(table, "file" if "file" in table else "url")
        found.append(LockedFile(name, sha256, place or table.maybe_text("url")))
    if place and not found:
        name = file_name_of(Table({"url": place}, tables[0].where if tables else "pdm.lock"), "url")
        found.append(LockedFile(name, None, place))
    return tuple(found)


def _environments(metadata: Table) -> tuple[str, ...]:
    """The targets of a lock as markers; none where one of them is any environment."""
    markers = [_target(target) for target in metadata.tables("targets")]
    return tuple(marker for marker in markers if marker) if all(markers) else ()


def _target(target: Table) -> str:
    parts = []
    python = _specifier(target, "requires_python")
    if python:
        parts.append(_python_marker(python))
    platform = target.maybe_text("platform")
    if platform:
        parts.append(_platform_marker(target, platform))
    return " and ".join(f"({part})" for part in parts)


def _python_marker(specifier: str) -> str:
    return " or ".join(
        "("
        + " and ".join(f'python_full_version {each["operator"]} "{each["version"]}"' for each in _CLAUSE.finditer(part))
        + ")"
        for part in specifier.split("||")
    )


def _platform_marker(target: Table, platform: str) -> str:
    """The marker of a platform as ``linux``, ``manylinux_2_17_x86_64`` or ``macos_13_0_arm64``."""
    system, _, rest = platform.partition("_")
    if system not in _PLATFORMS:
        raise target.error("platform", f'the platform "{platform}" is not known')
    marker = f'sys_platform == "{_PLATFORMS[system]}"'
    machine = re.fullmatch(r"(?:\d+_)*(\w+)", rest)
    if machine is None:
        return marker
    name = machine[1] if _PLATFORMS[system] != "linux" else _MACHINES.get(machine[1], machine[1])
    return f'{marker} and platform_machine == "{name}"'


def _specifier(table: Table, key: str) -> str | None:
    """A specifier of Python's version, alternatives between ``||`` included as PDM writes them."""
    from depsfirst.project.markers import admits

    text = table.maybe_text(key)
    if text is None:
        return None
    try:
        for part in text.split("||"):
            admits(part.strip(), "3.12")
    except DepsfirstError as error:
        raise table.error(key, error.message, _HINT) from None
    return text
