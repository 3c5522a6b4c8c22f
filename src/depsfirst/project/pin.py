"""One pinned line of a requirements file: a version, a URL, a commit or a path, with hashes and a marker."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_version,
    parse_sdist_filename,
    parse_wheel_filename,
)

from depsfirst.errors import DepsfirstError
from depsfirst.project.locked import canonical_version, is_commit
from depsfirst.project.markers import admits, all_of, check
from depsfirst.project.model import LockedFile, LockedPackage, Source, UnlockedError, normalize
from depsfirst.project.requirement import parse_requirement
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from depsfirst.project.model import Project

_ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")
_OPTIONS = re.compile(r"\s+(?=--?[a-z])")
_HASH = re.compile(r"--hash(?:\s*=\s*|\s+)(?P<algorithm>\w+):(?P<digest>[0-9A-Fa-f]+)")
_USERINFO = re.compile(r"//[^/@\s]*@")
_SHA256_LENGTH = 64
_SLASH = re.compile(r"[^\s\[;<=>!~]*/")
_NAMED = re.compile(r"[A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?\s*@")
_EXTRAS = re.compile(r"\[[^\]]*\]$")
_PIN = "pin it as `name==version`; `uv pip compile` and `pip-compile` do so for every package"

_SHORT = re.compile(r"[0-9a-f]{7,39}", re.IGNORECASE)


class Pin(NamedTuple):
    """A line of a requirements file.

    Attributes:
        name: normalized.
        where: file and line.
        version: None for a URL, commit or path that does not tell it, and for a line that is not pinned.
        specifier: the versions allowed, as written.
        extras: what is wanted of it besides, normalized.
        marker: when it holds; None is always.
        hashes: sha256 in hex.
        source: None for the index.
        file_name: of the archive a URL or path names.
    """

    name: str
    where: str
    version: str | None = None
    specifier: str = ""
    extras: frozenset[str] = frozenset()
    marker: str | None = None
    hashes: frozenset[str] = frozenset()
    source: Source | None = None
    file_name: str | None = None

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """What tells packages apart."""
        version = canonicalize_version(self.version) if self.version else None
        return self.name, version, self.source.location if self.source else None


def parse_pin(line: str, where: str, project: Project, *, editable: bool = False) -> Pin | None:
    """The pin of a line; None for the project itself.

    Args:
        line: without comments and without ``-e``.
        where: file and line.
        project: what relative paths are relative to.
        editable: whether ``-e`` stood before it.

    Raises:
        DepsfirstError: it is broken, or names what cannot be told.
    """
    text, *options = _OPTIONS.split(line, maxsplit=1)
    hashes = _hashes(options[0], where) if options else frozenset()
    if _NAMED.match(text) or not (editable or _is_place(text)):
        return _named(text, where, project, hashes)
    place, _, marker = text.partition(" ;") if " ;" in text else text.partition("; ")
    pin = _placed(None, _EXTRAS.sub("", place.strip()), where, project, editable=editable)
    return _finished(pin, hashes, marker.strip() or None)


def _is_place(text: str) -> bool:
    return text.startswith((".", "file:")) or text.endswith(_ARCHIVES) or _SLASH.match(text) is not None


def _hashes(options: str, where: str) -> frozenset[str]:
    left = _HASH.sub("", options).strip()
    if left:
        shown = _USERINFO.sub("//", left)
        raise DepsfirstError(f'the option "{shown}" is not supported', where=where, hint="leave it out")
    found = [(each["algorithm"], each["digest"].lower()) for each in _HASH.finditer(options)]
    hashes = frozenset(digest for algorithm, digest in found if algorithm == "sha256")
    if not hashes or any(len(digest) != _SHA256_LENGTH for digest in hashes):
        raise DepsfirstError("no hash is a sha256", where=where, hint="lock against an index that gives sha256 hashes")
    return hashes


def _named(text: str, where: str, project: Project, hashes: frozenset[str]) -> Pin | None:
    requirement = parse_requirement(text, where)
    marker = str(requirement.marker) if requirement.marker else None
    name, extras = normalize(requirement.name), frozenset(map(normalize, requirement.extras))
    if requirement.url:
        placed = _placed(name, requirement.url, where, project)
        return _finished(placed and placed._replace(extras=extras), hashes, marker)
    exact = [
        each.version
        for each in requirement.specifier
        if each.operator in {"==", "==="} and not each.version.endswith(".*")
    ]
    specifier = str(requirement.specifier)
    pin = Pin(name, where, _exact(exact[0], specifier, where) if exact else None, specifier, extras)
    return _finished(pin, hashes, marker)


def _exact(text: str, specifier: str, where: str) -> str:
    try:
        version = canonical_version(text)
    except ValueError as error:
        raise DepsfirstError(str(error), where=where) from None
    if not admits(specifier, version):
        raise DepsfirstError(f'no version is "{specifier}"', where=where)
    return version


def _finished(pin: Pin | None, hashes: frozenset[str], marker: str | None) -> Pin | None:
    if pin is None:
        return None
    if marker is not None:
        try:
            check(marker)
        except ValueError as error:
            raise DepsfirstError(str(error), where=pin.where) from None
    return pin._replace(hashes=pin.hashes | hashes, marker=marker)


def _placed(name: str | None, place: str, where: str, project: Project, *, editable: bool = False) -> Pin | None:
    if place.startswith("git+"):
        return _commit(name, place, where)
    if "://" in place and not place.startswith("file:"):
        return _archive(name, place, where)
    return _path(name, place, where, project, editable=editable)


def _commit(name: str | None, place: str, where: str) -> Pin:
    plain, _, text = place.partition("#")
    fragment = dict(parse_qsl(text))
    url, _, commit = plain.rpartition("@")
    if not is_commit(commit):
        short = f": {commit} is not the whole name of a commit" if _SHORT.fullmatch(commit) else ""
        hint = "write all 40 digits (`git rev-parse`)" if short else "pin it to a commit: `git+URL@COMMIT`"
        raise DepsfirstError(f'"{plain}" is not pinned{short}', where=where, hint=hint)
    location = f"{url}@{commit.lower()}{_subdirectory(fragment)}"
    return Pin(_name(name, fragment, place, where), where, source=Source("git", location))


def _archive(name: str | None, place: str, where: str) -> Pin:
    url, _, text = place.partition("#")
    if not url.startswith(("https://", "http://")):
        raise DepsfirstError(
            f'"{url}" cannot be fetched', where=where, hint="give a URL of http or https, or git+https"
        )
    fragment = dict(parse_qsl(text))
    file_name = unquote(url.partition("?")[0].rpartition("/")[2])
    known, version = _from_file_name(file_name)
    return Pin(
        _name(name or known, fragment, place, where),
        where,
        version,
        hashes=frozenset({fragment["sha256"].lower()}) if "sha256" in fragment else frozenset(),
        source=Source("url", url + _subdirectory(fragment)),
        file_name=file_name,
    )


def _path(name: str | None, place: str, where: str, project: Project, *, editable: bool) -> Pin | None:
    plain, _, text = place.partition("#")
    plain = _EXTRAS.sub("", plain)
    path = unquote(re.sub("^file:(?://(?:localhost)?)?", "", plain)) if plain.startswith("file:") else plain
    absolute = posixpath.normpath(posixpath.join(project.root.as_posix(), path))
    if absolute == posixpath.normpath(project.root.as_posix()):
        return None
    outside = posixpath.isabs(path) and not absolute.startswith(f"{project.root.as_posix()}/")
    location = absolute if outside else posixpath.relpath(absolute, project.lock.parent.as_posix())
    file_name = posixpath.basename(absolute) if absolute.endswith(_ARCHIVES) else None
    known, version = _from_file_name(file_name) if file_name else (None, None)
    return Pin(
        _name(name or known, dict(parse_qsl(text)), place, where),
        where,
        version,
        source=Source("file" if file_name else "directory", location, editable=editable),
        file_name=file_name,
    )


def _subdirectory(fragment: Mapping[str, str]) -> str:
    return f"#subdirectory={fragment['subdirectory']}" if "subdirectory" in fragment else ""


def _name(name: str | None, fragment: Mapping[str, str], place: str, where: str) -> str:
    found = name or _EXTRAS.sub("", fragment.get("egg", ""))
    if not found:
        raise DepsfirstError(
            f'which package "{place}" is cannot be told',
            where=where,
            hint="write `name @ URL`, or `#egg=name` behind a path",
        )
    return normalize(found)


def _from_file_name(file_name: str) -> tuple[str | None, str | None]:
    try:
        parsed = parse_wheel_filename if file_name.endswith(".whl") else parse_sdist_filename
        name, version, *_ = parsed(file_name)
    except (InvalidSdistFilename, InvalidWheelFilename):
        return None, None
    return name, str(version)


def checked(pins: Iterable[Pin], constraints: Iterable[Pin]) -> list[Pin]:
    """The pins, those whose version only a constraint gives included.

    Raises:
        DepsfirstError: a line is not pinned, contradicts a constraint, or lacks the hash that others have; an
            UnlockedError if no line has a hash, so that the file may be one of wishes.
    """
    pins = list(pins)
    by_name: dict[str, list[Pin]] = {}
    for constraint in constraints:
        by_name.setdefault(constraint.name, []).append(constraint)
    unpinned = DepsfirstError if any(pin.hashes for pin in pins) else UnlockedError
    found = [each for pin in pins for each in _constrained(pin, by_name.get(pin.name, []), unpinned)]
    if any(pin.hashes for pin in found):
        for pin in found:
            if not pin.hashes and (pin.source is None or pin.file_name):
                raise DepsfirstError(
                    f'"{pin.name}" has no hash, and other lines have one', where=pin.where, hint="hash every line"
                )
    return found


def _constrained(pin: Pin, constraints: list[Pin], unpinned: type[DepsfirstError]) -> Iterator[Pin]:
    if pin.version is None and pin.source is None:
        exact = [each for each in constraints if each.version and admits(pin.specifier, each.version)]
        if not exact:
            raise unpinned(f'"{pin.name}{pin.specifier}" is not pinned', where=pin.where, hint=_PIN)
        for each in exact:
            marker = all_of(pin.marker, each.marker)
            yield pin._replace(version=each.version, hashes=pin.hashes | each.hashes, marker=marker)
        return
    for each in constraints:
        if each.marker is None and pin.version and not admits(each.specifier or None, pin.version):
            raise DepsfirstError(
                f'"{pin.name}=={pin.version}" contradicts "{each.name}{each.specifier}" ({each.where})', where=pin.where
            )
    yield pin


def merged(pins: list[Pin], index: str | None) -> LockedPackage:
    """The package of pins that are the same but for markers and hashes.

    Args:
        pins: at least one.
        index: URL of the index, None for the default one.
    """
    first = pins[0]
    hashes = frozenset().union(*(pin.hashes for pin in pins))
    source = first.source or Source("index", index)
    if first.file_name is None:
        return LockedPackage(first.name, first.version, source, hashes=hashes, where=first.where)
    if len(hashes) > 1:
        raise DepsfirstError(f'"{first.file_name}" has several hashes', where=first.where, hint="leave the right one")
    file = LockedFile(first.file_name, next(iter(hashes), None), source.location)
    return LockedPackage(first.name, first.version, source, (file,), where=first.where)
