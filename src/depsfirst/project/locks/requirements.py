"""requirements.txt in which every line is pinned, read as pip reads it."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Literal

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import MAIN, Dependency, Index, Lock, normalize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.project.model import LockedPackage, LockText, Project
    from depsfirst.project.pin import Pin

NAMES: tuple[str, ...] = ("requirements.txt",)
COMMAND = "uv pip compile pyproject.toml --generate-hashes -o requirements.txt"

_COMMENT = r"(?:^|\s+)#.*$"
_OPTION = r"(?P<name>--[a-z][a-z-]*|-[a-z])(?:\s*=\s*|\s*)(?P<value>.*)"
_MAY_INCLUDE = r"(?m)^\s*-(?:r|c|-requirement|-constraint)"
_MAY_NAME_PLACES = r"(?m)^\s*(?:-e|--editable|\.)"
_BEHIND_A_PLACE = r"\[|#|\s*;\s"
_VARIABLE = r"\$\{[A-Z0-9_]+\}"
_URL_WITH_VARIABLE = (
    r"(?:git\+\w+|https?)://[^\s/]*\$\{[A-Z0-9_]+\}[^\s/]*@|git\+\w+://\S*\$\{[A-Z0-9_]+\}\S*@[0-9a-fA-F]{40}"
)
_SHORT = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
}
_INCLUDING = ("--requirement", "--constraint")
_PLACES: Mapping[str, Literal["index", "find-links"]] = {
    "--index-url": "index",
    "--extra-index-url": "index",
    "--find-links": "find-links",
}
_HARMLESS = ("--only-binary", "--prefer-binary", "--pre", "--require-hashes", "--trusted-host", "--use-feature")
_HINTS = {
    "--no-binary": "leave it out: wheels are installed",
}


def stable_text(text: str, project: Project) -> str:  # noqa: ARG001 (the shape of every format)
    """The text without what a new version of the project changes, which is nothing here."""
    return text


def includes(text: str, name: str) -> Iterator[str]:
    """The files that a requirements file includes, by path relative to the lock's directory.

    Args:
        text: of the file.
        name: path of the file, relative to the lock's directory.
    """
    if not re.search(_MAY_INCLUDE, text):
        return
    for _, line in _lines(text):
        option, value = _option(line)
        if option in _INCLUDING and "://" not in value:
            yield posixpath.normpath(posixpath.join(posixpath.dirname(name), value))


def directories(text: str) -> Iterator[str]:
    """The paths, as written, of lines that name a place and no package."""
    if not re.search(_MAY_NAME_PLACES, text):
        return
    for _, line in _lines(text):
        option, value = _option(line)
        if option == "--editable" or (option is None and value.startswith(".")):
            yield place_of(value)


def place_of(value: str) -> str:
    """A path without extras, marker and fragment."""
    return re.split(_BEHIND_A_PLACE, value, maxsplit=1)[0]


def _option(line: str) -> tuple[str | None, str]:
    found = re.fullmatch(_OPTION, line)
    if found is None:
        return None, line
    return _SHORT.get(found["name"], found["name"]), found["value"].strip().strip("\"'")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines without comments, those that are not empty, each with the number of its first line."""
    logical, start = "", 1
    for number, line in enumerate([*text.splitlines(), ""], 1):
        start = start if logical else number
        if line.endswith("\\") and not re.match(_COMMENT, line):
            logical += line.rstrip("\\") + " "
            continue
        logical = re.sub(_COMMENT, "", logical + line).strip()
        if logical:
            yield start, logical
        logical = ""


def read(lock: LockText, project: Project) -> Lock:
    """The lock, if every line is pinned.

    Whether it fits the manifest depends on the environment, so what ``[project]`` requires becomes demands.

    Raises:
        DepsfirstError: a line is broken, not pinned, or has an option that is not supported.
    """
    from depsfirst.project.demands import demands
    from depsfirst.project.pin import checked

    reader = _Reader(lock, project)
    reader.read(posixpath.basename(lock.name), lock.text, constraint=False)
    pins = checked(reader.pins, reader.constraints)
    packages, places = packages_of(pins, reader.index)
    edges = tuple(
        Dependency(pin.name, (place,), pin.extras, pin.marker) for pin, place in zip(pins, places, strict=True)
    )
    return Lock(
        format="requirements",
        name=lock.name,
        project=normalize(project.name),
        packages=packages,
        roots={MAIN: edges},
        demands=tuple(demands(packages, project)),
        indexes=tuple(reader.indexes),
        no_index=reader.no_index,
    )


class _Reader:
    def __init__(self, lock: LockText, project: Project) -> None:
        self._lock = lock
        self._project = project
        self._seen: set[tuple[str, bool]] = set()
        self.pins: list[Pin] = []
        self.constraints: list[Pin] = []
        self.index: str | None = None
        self.indexes: list[Index] = []
        self.no_index = False

    def read(self, name: str, text: str, *, constraint: bool) -> None:
        if (name, constraint) in self._seen:
            return
        self._seen.add((name, constraint))
        for number, line in _lines(text):
            where = posixpath.normpath(posixpath.join(posixpath.dirname(self._lock.name), name))
            self._line(line, name, f"{where}:{number}", constraint=constraint)

    def _line(self, line: str, name: str, where: str, *, constraint: bool) -> None:
        from depsfirst.project.pin import parse_pin

        option, value = _option(line)
        if re.search(_VARIABLE, line) and option not in _PLACES and not re.search(_URL_WITH_VARIABLE, line):
            raise DepsfirstError(
                "environment variables are not read",
                where=where,
                hint="write the value; credentials belong into the settings of the machine",
            )
        if option is not None and option != "--editable":
            self._take_option(option, value, name, where, constraint=constraint)
            return
        pin = parse_pin(self._told(option, value), where, self._project, editable=option is not None)
        if pin is not None:
            (self.constraints if constraint else self.pins).append(pin)

    def _told(self, option: str | None, value: str) -> str:
        """A line; one that names a place alone with the name of the project there, as pip itself would find it."""
        named = self._lock.named.get(place_of(value)) if option or value.startswith(".") else None
        if named is None or "egg=" in value:
            return value
        place = place_of(value)
        return f"{place}#egg={named}{value[len(place) :].partition('#')[0]}"

    def _take_option(self, option: str, value: str, name: str, where: str, *, constraint: bool) -> None:
        if option in _INCLUDING:
            self._include(value, name, where, constraint=constraint or option == "--constraint")
        elif option in _PLACES:
            local = option == "--find-links" and "://" not in value and not value.startswith(("/", "file:"))
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(name), value)) if local else value
            self._add_index(option, beside, where)
        elif option == "--no-index":
            self.no_index = True
        elif option not in _HARMLESS:
            raise DepsfirstError(
                f'the option "{option}" is not supported', where=where, hint=_HINTS.get(option, "leave it out")
            )

    def _add_index(self, option: str, value: str, where: str) -> None:
        index = Index(value, _PLACES[option])
        if option != "--index-url":
            self.indexes += [index] if index not in self.indexes else []
            return
        if self.index not in {None, value}:
            raise DepsfirstError("a second index", where=where, hint="name others with --extra-index-url")
        self.index = value
        self.indexes = [index, *(each for each in self.indexes if each != index)]

    def _include(self, value: str, name: str, where: str, *, constraint: bool) -> None:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), value))
        if path not in self._lock.included:
            raise DepsfirstError(f'"{value}" is not a file that can be read', where=where, hint="include local files")
        self.read(path, self._lock.included[path], constraint=constraint)


def packages_of(pins: list[Pin], index: str | None) -> tuple[tuple[LockedPackage, ...], list[int]]:
    """The packages of all pins, and for each pin the position of its package."""
    from depsfirst.project.pin import merged

    found: dict[tuple[str, str | None, str | None], list[Pin]] = {}
    for pin in pins:
        found.setdefault(pin.key, []).append(pin)
    keys = list(found)
    return tuple(merged(found[key], index) for key in keys), [keys.index(pin.key) for pin in pins]
