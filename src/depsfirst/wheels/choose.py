"""Picks the wheel of each locked package for a target, and fetches it into the cache, many at once.

A wheel is chosen among the files of the lock by the tags of the base's interpreter and libc, in the order in which pip
would. It is fetched from the URL of the lock, or from where the index lists a file of that name, and kept only if its
sha256 is that of the lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple
from depsfirst.wheels.index import index_file, index_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from packaging.tags import Tag

    from depsfirst.content import ContentStore
    from depsfirst.fetch import Fetcher
    from depsfirst.project.model import LockedFile, LockedPackage

WHEELS = "wheels"
_SHOWN = 3


class Choice(NamedTuple):
    """A locked package and the file of it that will be installed."""

    package: LockedPackage
    file: LockedFile

    @property
    def is_wheel(self) -> bool:
        """Whether it can be installed as it is, or is an sdist that must be built."""
        return self.file.name.endswith(".whl")


class Target(NamedTuple):
    """What wheels are chosen for: tags, best first, and what to call it in a message."""

    tags: tuple[Tag, ...]
    title: str


class Chooser:
    """Chooses one file for a package; an index is asked only when the lock has no URL or no files.

    Args:
        target: what wheels must fit.
        index: gives the simple URL of the index, when it is needed.
        fetcher: does the requests.
        root: the lock's directory, to which the paths in it are relative.
    """

    def __init__(self, target: Target, index: Callable[[], str], fetcher: Fetcher, root: Path) -> None:
        self._target = target
        self._ranks = {tag: rank for rank, tag in enumerate(target.tags)}
        self._index = index
        self._fetcher = fetcher
        self._root = root

    def choose(self, package: LockedPackage) -> Choice:
        """The file to install; the network is used only for a lock that names no files.

        Raises:
            DepsfirstError: no file fits the target, or nothing says what its sha256 must be.
        """
        if not package.files:
            package = package._replace(files=self._listed(package))
        file = self._best(package)
        if file.sha256 is None:
            raise DepsfirstError(
                f'nothing says what the sha256 of "{file.name}" must be',
                where=package.where,
                hint="lock with hashes; behind a URL write #sha256=…",
            )
        return Choice(package, file)

    def locate(self, choice: Choice) -> LockedFile:
        """The chosen file with its URL, which the index gives if the lock does not.

        Raises:
            DepsfirstError: the index does not list the file.
        """
        package, file = choice.package, choice.file
        place = package.source.location if package.source.kind == "file" else file.url
        if place:
            return file._replace(url=place if "://" in place else (self._root / place).as_uri())
        index = package.source.location or self._index()
        found = index_file(index, package.name, file.name, self._fetcher)
        if found is None:
            raise DepsfirstError(
                f'the index does not list "{file.name}" of "{package.name}" {package.version}',
                where=package.where,
                hint="lock again, or name the index that has it",
            )
        return found._replace(sha256=file.sha256)

    def _listed(self, package: LockedPackage) -> tuple[LockedFile, ...]:
        index = package.source.location or self._index()
        wanted = Version(package.version or "0")
        files = index_files(index, package.name, self._fetcher, lambda file: _version_of(file, package.name) == wanted)
        allowed = tuple(file for file in files if not package.hashes or file.sha256 in package.hashes)
        if not allowed:
            raise DepsfirstError(
                f'the index has no file of "{package.name}" {package.version}'
                + (" with a sha256 that the lock allows" if files else ""),
                where=package.where,
                hint="check name, version and hashes, or name the index that has it",
            )
        return allowed

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
        there = ", ".join(sorted(file.name for file in package.files)[:_SHOWN]) or "none"
        return DepsfirstError(
            f'no wheel of "{package.name}" {package.version} fits {self._target.title}: looked for {looked_for}'
            f" and {max(0, len(self._target.tags) - _SHOWN)} more; the lock has {there}"
            f"{' and others' if len(package.files) > _SHOWN else ''}",
            where=package.where,
            hint="choose a version that has such a wheel, another base (an older or newer Python, glibc instead of"
            " musl), or another --platform",
        )


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
