"""Picks the wheel of each locked package for a target, and fetches it into the cache, many at once.

A wheel is chosen among the files of the lock by the tags of the base's interpreter and libc, in the order in which pip
would. It is fetched from the URL of the lock, or from where the index lists a file of that name, and kept only if its
sha256 is that of the lock.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from depsfirst import digests
from depsfirst.debian.pythons import PYTHONS
from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence
    from pathlib import Path

    from packaging.tags import Tag

    from depsfirst.content import ContentStore
    from depsfirst.fetch import Fetcher
    from depsfirst.project.model import LockedFile, LockedPackage
    from depsfirst.wheels.indexes.places import Places

WHEELS = "wheels"
_SUBDIRECTORY = "#subdirectory="
_SHOWN = 3


class Choice(NamedTuple):
    """A locked package and the file of it that will be installed."""

    package: LockedPackage
    file: LockedFile

    @property
    def is_wheel(self) -> bool:
        """Whether it can be installed as it is, or is an sdist that must be built."""
        return self.file.name.endswith(".whl")

    @property
    def subdirectory(self) -> str:
        """Where the project is in an archive; empty for its top."""
        return (self.package.source.location or "").partition(_SUBDIRECTORY)[2].strip("/")

    @property
    def key(self) -> str:
        """The key of what is installed: the file's sha256, and with a subdirectory one that stands for both."""
        sha256, inside = self.file.sha256 or "", self.subdirectory
        return digests.sha256(f"{sha256} {inside}".encode()).hexdigest() if inside else sha256


class Target(NamedTuple):
    """What wheels are chosen for: tags, best first, and what to call it in a message."""

    tags: tuple[Tag, ...]
    title: str


class Chooser:
    """Chooses one file for a package; an index is asked only when the lock has no URL or no files.

    Args:
        target: what wheels must fit.
        places: where files are looked for.
        measure: tells the sha256 (hex) of a file that no place tells it of, by fetching it.
    """

    def __init__(self, target: Target, places: Places, measure: Callable[[LockedFile], str]) -> None:
        self._target = target
        self._ranks = {tag: rank for rank, tag in enumerate(target.tags)}
        self._platforms = {tag.platform for tag in target.tags}
        self._places = places
        self._measure = measure

    def choose(self, package: LockedPackage) -> Choice:
        """The file to install; the network is used only for a lock that names no files.

        Raises:
            DepsfirstError: no file fits the target, or nothing says what its sha256 must be.
        """
        listed = package if package.files else package._replace(files=self._listed(package))
        file = self._known(self._best(listed), package)
        return Choice(package, file)

    def locate(self, choice: Choice) -> LockedFile:
        """The chosen file with its URL, which an index gives if the lock does not.

        Raises:
            DepsfirstError: no index lists the file, or one cannot be asked.
        """
        package, file = choice.package, choice.file
        if not package.files:  # an index listed it a moment ago
            return file
        place = _place(file, package)
        if place and not self._places.is_elsewhere(package):
            return file._replace(url=self._places.url(place, package))
        return self._places.find(package, file.name, file.sha256 or "")

    def _listed(self, package: LockedPackage) -> tuple[LockedFile, ...]:
        """The files that places have, until one fits."""
        wanted = Version(package.version or "0")
        found: tuple[LockedFile, ...] = ()
        for files in self._places.listed(package, lambda file: _version_of(file, package.name) == wanted):
            found += files
            if any(self._rank(file.name) for file in files):
                break
        return found

    def _known(self, file: LockedFile, package: LockedPackage) -> LockedFile:
        """A file with its sha256, also where the lock does not tell it: of this machine, or of an index."""
        if file.sha256 is not None:
            if not package.files and not package.hashes:
                self._places.watch(file)
            return file
        if package.files:
            file = file._replace(url=self._places.url(_place(file, package), package))
        if package.files and not (file.url or "").startswith("file:"):
            raise DepsfirstError(
                f'nothing says what the sha256 of "{file.name}" must be',
                where=package.where,
                hint="lock with hashes; behind a URL write #sha256=…",
            )
        return self._allowed(file._replace(sha256=self._measure(file)), package)

    def _allowed(self, file: LockedFile, package: LockedPackage) -> LockedFile:
        if package.hashes and file.sha256 not in package.hashes:
            raise DepsfirstError(
                f'"{file.name}" has the sha256 {file.sha256}, which the lock does not allow',
                where=package.where,
                hint="somebody put another file of this name there, or the lock was made with another index",
            )
        self._places.watch(file)
        return file

    def _best(self, package: LockedPackage) -> LockedFile:
        ranked = [(rank, file) for file in package.files if (rank := self._rank(file.name))]
        if ranked:
            return min(ranked, key=lambda each: (*each[0], each[1].name))[1]
        sdists = [file for file in package.files if not file.name.endswith(".whl")]
        if sdists and not any(_is_for_linux(file.name) for file in package.files):
            return min(sdists, key=lambda file: (not file.name.endswith(".tar.gz"), file.name))
        raise self._nothing_fits(package)

    def _rank(self, filename: str) -> tuple[int, int] | None:
        if not filename.endswith(".whl"):
            return None
        try:
            _, _, build, tags = parse_wheel_filename(filename)
        except InvalidWheelFilename:
            return None
        ranks = [self._ranks[tag] for tag in tags if tag in self._ranks]
        return (min(ranks), -build[0] if build else 0) if ranks else None

    def _nothing_fits(self, package: LockedPackage) -> DepsfirstError:
        looked_for = ", ".join(str(tag) for tag in self._target.tags[:_SHOWN])
        near = sorted(package.files, key=lambda file: (not any(_minors(file.name, self._platforms)), file.name))
        there = ", ".join(file.name for file in near[:_SHOWN]) or "none"
        return DepsfirstError(
            f'no wheel of "{package.name}" {package.version} fits {self._target.title}: looked for {looked_for}'
            f" and {max(0, len(self._target.tags) - _SHOWN)} more; the lock has {there}"
            f"{' and others' if len(package.files) > _SHOWN else ''}",
            where=package.where,
            hint=self._way_out(package),
        )

    def _way_out(self, package: LockedPackage) -> str:
        minors = sorted({minor for file in package.files for minor in _minors(file.name, self._platforms)})
        if not minors:
            return (
                "choose a version that has such a wheel, another base (an older or newer Python, glibc instead of"
                " musl), or another --platform"
            )
        pythons = [f"3.{minor}" for minor in minors]
        bases = [f"--base deb:{suite} has {python}" for suite, python in PYTHONS.items() if python in pythons]
        named = f" ({', '.join(bases)})" if bases else ""
        return (
            f"its wheels are for Python {_listed(pythons)}: choose a base with one of these{named}, or lock a version"
            " that has others"
        )


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _minors(filename: str, platforms: Container[str]) -> Iterator[int]:
    """The minor versions of CPython that a wheel names, if it is for one of the platforms."""
    try:
        tags = parse_wheel_filename(filename)[3] if filename.endswith(".whl") else ()
    except InvalidWheelFilename:
        return
    for tag in tags:
        found = re.fullmatch(r"cp3(\d+)", tag.interpreter)
        if found and tag.platform in platforms:
            yield int(found[1])


def _place(file: LockedFile, package: LockedPackage) -> str:
    """URL or path of a file as the lock has it; empty if it has none."""
    place = (package.source.location if package.source.kind == "file" else file.url) or ""
    return place.partition(_SUBDIRECTORY)[0]


def _is_for_linux(filename: str) -> bool:
    """Whether a file is a wheel with code compiled for some Linux: its sdist would take minutes to compile there."""
    if not filename.endswith(".whl"):
        return False
    try:
        return any("linux" in tag.platform for tag in parse_wheel_filename(filename)[3])
    except InvalidWheelFilename:
        return False


def fetch(file: LockedFile, store: ContentStore, fetcher: Fetcher) -> Path:
    """A file with URL and sha256 in the cache, downloaded if it is not there.

    Raises:
        DepsfirstError: its bytes do not have the sha256 of the lock, or it cannot be had.
    """
    if file.url is None or file.sha256 is None:
        raise ValueError(file)
    path = store.find(WHEELS, file.sha256)
    if path is None:
        with store.write(WHEELS, file.sha256) as target:
            fetcher.download(file.url, target, sha256=file.sha256, size=file.size)
        path = store.path(WHEELS, file.sha256)
    return path


def measured(file: LockedFile, store: ContentStore, fetcher: Fetcher) -> str:
    """The sha256 (hex) of a file with a URL, which is in the cache then.

    Raises:
        DepsfirstError: it cannot be had.
    """
    import hashlib
    from pathlib import Path

    if file.url is None:
        raise ValueError(file)
    with store.scratch_file() as target:
        fetcher.download(file.url, target, size=file.size)
        target.flush()
        with Path(target.name).open("rb") as written:
            sha256 = hashlib.file_digest(written, "sha256").hexdigest()
        store.adopt(Path(target.name), WHEELS, sha256)
    return sha256


def _version_of(filename: str, name: str) -> Version | None:
    try:
        if filename.endswith(".whl"):
            found, version, _, _ = parse_wheel_filename(filename)
        else:
            found, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return version if found == name else None


def check_tags(tags: Iterable[str], target: Target, wheel: str, where: str) -> None:
    """Refuse a wheel that was built here and does not fit the target.

    Raises:
        DepsfirstError: none of its ``tags`` is one of the target's.
    """
    fitting = {str(tag) for tag in target.tags}
    shown: Sequence[str] = sorted(tags)
    if not fitting.intersection(shown):
        raise DepsfirstError(
            f'"{wheel}" was built on this machine for {", ".join(shown)}, which does not fit {target.title}',
            where=where,
            hint="a package with compiled code needs a wheel for the target: build it there and lock that wheel",
        )
