"""pixi.lock, from version 5 on, as far as Python is all that it wants of conda."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.project.locks.conda import TOOLS, refusal
from depsfirst.project.model import MAIN, Dependency, Index, Lock, LockedFile, LockedPackage, Source, normalize
from depsfirst.project.toml import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.project.model import LockText, Project

NAMES: tuple[str, ...] = ("pixi.lock",)
COMMAND = "pixi lock"

_HINT = f"run `{COMMAND}`"
_VERSIONS = range(5, 8)
_PLATFORMS = {
    "linux-64": "sys_platform == 'linux' and platform_machine == 'x86_64'",
    "linux-aarch64": "sys_platform == 'linux' and platform_machine == 'aarch64'",
}
_ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")


def stable_text(text: str, project: Project) -> str:  # noqa: ARG001 (the shape of every format)
    """The text without what a new version of the project changes, which is nothing here."""
    return text


def read(lock: LockText, project: Project) -> Lock:
    """The lock, if its environments want nothing of conda but Python and what Python needs.

    The environment ``default`` is the main group; of the others, those that can be had are groups.

    Raises:
        DepsfirstError: it is broken, of a version not known, or its default environment wants more of conda.
    """
    from depsfirst.project.yaml import parse

    table = Table(parse(lock.text, lock.name), lock.name)
    _check_version(table)
    reader = _Reader(table)
    roots = {}
    for name in table.table("environments").values:
        group = MAIN if name == "default" else normalize(name)
        edges = reader.edges(name)
        if edges is not None:
            roots[group] = edges
    if MAIN not in roots:
        raise reader.refused("default")
    return Lock(
        "pixi",
        lock.name,
        normalize(project.name),
        tuple(reader.packages),
        roots,
        requires_python=reader.python,
        environments=reader.environments("default"),
        indexes=tuple(map(Index, table.table("environments").table("default").texts("indexes"))),
    )


def _check_version(table: Table) -> None:
    text = table.text("version")
    if not text.isdecimal() or len(text) > 1 or int(text) not in _VERSIONS:
        known = f"{_VERSIONS[0]} to {_VERSIONS[-1]}"
        raise table.error("version", f'version "{text}" is not known, only {known}', _HINT)


class _Reader:
    """The packages of a lock by their places.

    Attributes:
        packages: those of a Python index, of commits and of directories.
        python: the versions that fit the one conda would install.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._conda: dict[str, Table] = {}
        self._pypi: dict[str, int] = {}
        self.packages: list[LockedPackage] = []
        self.python: str | None = None
        for entry in table.tables("packages"):
            if "conda" in entry:
                self._conda[entry.text("conda")] = entry
            elif "pypi" in entry:
                self._pypi[entry.text("pypi")] = len(self.packages)
                self.packages.append(_package(entry))
            else:
                raise DepsfirstError("this is neither of conda nor of a Python index", where=entry.where, hint=_HINT)

    def environments(self, name: str) -> tuple[str, ...]:
        """Markers of the platforms that an environment is locked for."""
        platforms = self._platforms(name)
        return tuple(marker for platform, marker in _PLATFORMS.items() if platform in platforms)

    def edges(self, name: str) -> tuple[Dependency, ...] | None:
        """What an environment asks for; None if it wants more of conda than Python."""
        found: list[Dependency] = []
        for platform, marker in _PLATFORMS.items():
            if self._foreign(name, platform):
                return None
            found += (
                Dependency(self.packages[place].name, (place,), marker=marker) for place in self._places(name, platform)
            )
        return tuple(found)

    def refused(self, name: str) -> DepsfirstError:
        """Why an environment cannot be had."""
        environments = self._table.table("environments")
        if name not in environments:
            return environments.error(name, f'there is no environment "{name}"', _HINT)
        foreign = [each for platform in _PLATFORMS for each in self._foreign(name, platform)]
        return refusal(foreign, environments.place(name))

    def _platforms(self, name: str) -> Table:
        return self._table.table("environments").table(name).table("packages")

    def _entries(self, name: str, platform: str, kind: str) -> Iterator[tuple[Table, str]]:
        for entry in self._platforms(name).tables(platform):
            if kind in entry:
                yield entry, entry.text(kind)

    def _places(self, name: str, platform: str) -> Iterator[int]:
        for entry, location in self._entries(name, platform, "pypi"):
            if location not in self._pypi:
                raise entry.error("pypi", f'there is no package "{location}"', _HINT)
            yield self._pypi[location]

    def _foreign(self, name: str, platform: str) -> list[str]:
        """Packages of conda that neither are Python nor are there for it."""
        wanted = {}
        for entry, location in self._entries(name, platform, "conda"):
            if location not in self._conda:
                raise entry.error("conda", f'there is no package "{location}"', _HINT)
            wanted[_conda_name(location, entry)] = self._conda[location]
        if "python" in wanted:
            self.python = _python(wanted["python"])
        known, todo = set[str](), [tool for tool in sorted(TOOLS) if tool in wanted]
        while todo:
            known.add(todo[-1])
            needed = [spec.split(maxsplit=1)[0] for spec in wanted[todo.pop()].texts("depends") if spec.strip()]
            todo += [each for each in needed if each in wanted and each not in known and each not in todo]
        return sorted(set(wanted) - known)


def _conda_name(location: str, entry: Table) -> str:
    """The name in a conda file name, as ``python-3.12.1-h1_0.conda``."""
    parts = location.rpartition("/")[2].rsplit("-", 2)
    if len(parts) < 3 or not parts[0]:  # noqa: PLR2004 (name, version, build)
        raise entry.error("conda", f'"{location}" names no package', _HINT)
    return parts[0]


def _python(entry: Table) -> str:
    from depsfirst.project.markers import admits

    location = entry.text("conda")
    version = ".".join(location.rpartition("/")[2].split("-")[1].split(".")[:2])
    specifier = f"=={version}.*"
    try:
        admits(specifier, "3.12")
    except DepsfirstError as error:
        raise entry.error("conda", error.message, _HINT) from None
    return specifier


def _package(entry: Table) -> LockedPackage:
    from depsfirst.project.locked import name_of, version_of

    location = entry.text("pypi")
    source, files = _origin(entry, location)
    version = version_of(entry) if "version" in entry else None
    if source.kind == "index" and version is None:
        raise DepsfirstError('no "version"', where=entry.where, hint=_HINT)
    return LockedPackage(name_of(entry), version, source, files, where=entry.where)


def _origin(entry: Table, location: str) -> tuple[Source, tuple[LockedFile, ...]]:
    if location.startswith("git+"):
        return Source("git", _commit_url(entry, location)), ()
    direct = location.startswith("direct+")
    place = location.removeprefix("direct+")
    if "://" in place and not place.startswith("file:"):
        file = _file(entry, place.partition("#")[0])
        return Source("url" if direct else "index", file.url if direct else None), (file,)
    path = _path(place)
    if path.endswith(_ARCHIVES):
        return Source("file", path), (_file(entry, path),)
    editable = entry.maybe_text("editable") == "true"
    return Source("project" if path == "." else "directory", path, editable), ()


def _path(place: str) -> str:
    from posixpath import normpath

    return normpath(place.removeprefix("file://"))


def _file(entry: Table, place: str) -> LockedFile:
    from depsfirst.project.locked import file_name_of, sha256_of

    sha256 = entry.maybe_text("sha256")
    values: dict[str, Any] = {"pypi": place, "sha256": f"sha256:{sha256}"}
    checked = Table(values, entry.where)
    return LockedFile(file_name_of(checked, "pypi"), sha256_of(checked, "sha256") if sha256 else None, place)


def _commit_url(entry: Table, location: str) -> str:
    from urllib.parse import parse_qsl

    from depsfirst.project.locked import is_commit, url_of

    url = url_of(entry, "pypi")
    commit = url.fragment or location.rpartition("@")[2]
    if not is_commit(commit):
        raise entry.error("pypi", "no commit", _HINT)
    subdirectory = dict(parse_qsl(url.query)).get("subdirectory")
    plain = url._replace(query="", fragment="").geturl().removesuffix(f"@{commit}")
    return f"{plain}@{commit.lower()}" + (f"#subdirectory={subdirectory}" if subdirectory else "")
