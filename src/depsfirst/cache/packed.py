"""Builds of wheels: which edits of a source tree surely make another wheel."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Protocol

from depsfirst.dataclass import dataclass
from depsfirst.project.model import normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from depsfirst.cache.keys import Place
    from depsfirst.dockerfile.shell import Command

    Read = Callable[[str], str | None]
    """The text of a file by its path below the source; None if there is none, or if it is not known."""

_BACKENDS = ("hatchling", "poetry.core", "flit_core", "pdm.backend", "uv_build", "setuptools")
"""Backends whose wheels hold the readme, the version and the code as they are."""
_VCS = ("hatch-vcs", "hatch_vcs", "setuptools-scm", "setuptools_scm", "versioningit", "dynamic-versioning")
_ROOTS = ("", "src/")
_CODE = (".py", ".pyi")
_HEAD = ".git/HEAD"
_SHOWN = ("name", "version", "description", "requires-python", "dependencies", "optional-dependencies", "scripts")
"""What of ``[project]`` stands in a wheel, whatever the backend."""
_CHOOSING = frozenset({"exclude", "include", "only-include", "sources", "force-include", "ignore-vcs", "artifacts"})
"""Settings that can leave a file of a package out, or put it elsewhere."""


class Packing(Protocol):
    """What a command packs; two are equal if they pack the same directory to the same place."""

    @property
    def source(self) -> str:
        """Absolute directory in the image of what is packed."""

    @property
    def output(self) -> str:
        """Absolute directory in the image that gets the wheel, and perhaps other things."""

    def differs(self, paths: Collection[str], before: Read, after: Read) -> bool:
        """Whether the wheel is surely another one.

        Args:
            paths: below the source, of files that surely differ.
            before: reads what was packed.
            after: reads what is packed later.
        """


class Packer(Protocol):
    """Knows some commands."""

    def __call__(self, command: Command, place: Place) -> Packing | None:
        """What a command of a RUN packs; None for a command that it does not know."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that a backend builds of a directory."""

    source: str
    output: str

    def differs(self, paths: Collection[str], before: Read, after: Read) -> bool:
        """Whether a file that is surely packed differs, or what the wheel says of the project."""
        old, new = _manifest(before), _manifest(after)
        if old is None or new is None:
            return False
        if any(_value(old, key) != _value(new, key) for key in _SHOWN):
            return True
        told, packages = set(_told(new)), tuple(_packages(new))
        return any(
            path in told or (path.endswith(_CODE) and any(path.startswith(f"{each}/") for each in packages))
            for path in paths
        )


def wheel_of(command: Command, place: Place) -> Wheel | None:
    """The wheel that a command builds; None for any other command."""
    from depsfirst.dockerfile.installers import ALIASES, findings, is_known
    from depsfirst.dockerfile.installers.call import Call
    from depsfirst.dockerfile.installers.model import Installation
    from depsfirst.dockerfile.installers.tools import Tool, tool_of

    tool = tool_of(command)
    if not isinstance(tool, Tool) or not is_known(tool.name):
        return None
    name = ALIASES.get(tool.name, tool.name)
    call = Call(name, tool.words, command, place.scope.variables, lambda _: None, None)
    builds = [found for found in findings(call) if isinstance(found, Installation) and found.output and found.project]
    if len(builds) != 1 or not all((path or "").startswith("/") for path in (builds[0].project, builds[0].output)):
        return None
    return Wheel(posixpath.normpath(str(builds[0].project)), posixpath.normpath(str(builds[0].output)))


def _manifest(read: Read) -> Mapping[str, Any] | None:
    """pyproject.toml of a backend that is known."""
    text = read("pyproject.toml")
    if text is None:
        return None
    import tomli

    try:
        values = tomli.loads(text)
    except (tomli.TOMLDecodeError, RecursionError):
        return None
    return values if _backend(values) else None


def _backend(manifest: Mapping[str, Any]) -> str:
    system = manifest.get("build-system")
    named = str(system.get("build-backend", "")) if isinstance(system, dict) else ""
    return next((backend for backend in _BACKENDS if named.startswith(backend)), "")


def _value(manifest: Mapping[str, Any], key: str) -> object:
    """What ``[project]`` says, or ``[tool.poetry]`` in its place."""
    for table in (manifest.get("project"), _table(manifest, "tool", "poetry")):
        if isinstance(table, dict) and key in table:
            return table[key]
    return None


def _table(values: Any, *keys: str) -> Any:
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else {}


def _told(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Files whose content a wheel tells of: the readme, and what a version from git is made of."""
    dynamic = _table(manifest, "project").get("dynamic") or ()
    readme = _value(manifest, "readme")
    name = readme.get("file") if isinstance(readme, dict) else readme
    if isinstance(name, str) and "readme" not in dynamic:
        yield posixpath.normpath(name)
    requires = str(_table(manifest, "build-system").get("requires"))
    if "version" in dynamic and any(each in requires for each in _VCS):
        yield _HEAD


def _packages(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Directories of which every module is in the wheel."""
    backend = _backend(manifest)
    hatch, poetry = _table(manifest, "tool", "hatch", "build"), _table(manifest, "tool", "poetry")
    wheel = _table(hatch, "targets", "wheel")
    others = (_table(manifest, "tool", "pdm", "build"), _table(manifest, "tool", "uv", "build-backend"))
    if backend == "setuptools" or any(_CHOOSING & table.keys() for table in (hatch, wheel, poetry)) or any(others):
        return
    listed = wheel.get("packages") or poetry.get("packages")
    if isinstance(listed, list):
        yield from (each for each in listed if isinstance(each, str))
        for each in (each for each in listed if isinstance(each, dict)):
            yield posixpath.join(str(each.get("from") or ""), str(each.get("include")))
        return
    name = normalize(str(_value(manifest, "name") or "")).replace("-", "_")
    yield from (f"{root}{name}" for root in _ROOTS if name)
