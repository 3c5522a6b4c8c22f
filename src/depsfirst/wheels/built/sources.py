"""Builds the wheel of a locked sdist, or of a locked commit, by its own backend."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import discover_library
from depsfirst.project.manifest import SETUPTOOLS
from depsfirst.wheels.built.backend import Source
from depsfirst.wheels.built.kept import find_made, make
from depsfirst.wheels.indexes.search import names_in

if TYPE_CHECKING:
    from pathlib import Path

    from depsfirst.project.model import LockedPackage, Project
    from depsfirst.wheels.built.commit import Commit
    from depsfirst.wheels.built.kept import MadeWheel, Workshop
    from depsfirst.wheels.choose import Choice

_HISTORIANS = frozenset(
    {
        *("hatch-vcs", "pbr", "poetry-dynamic-versioning", "setuptools-git-versioning", "setuptools-scm", "versioneer"),
        *("uv-dynamic-versioning", "vcs-versioning", "versioningit", "flit-scm", "dunamai"),
    }
)
"""What computes a version from tags and history, though the manifest may state one in its place."""


def wheel_of_sdist(choice: Choice, sdist: Path, workshop: Workshop) -> MadeWheel:
    """The wheel of an sdist in the cache.

    Raises:
        DepsfirstError: it cannot be unpacked or built, or its wheel is not pure.
    """
    key = choice.key
    known = find_made(key, workshop.store)
    if known is not None:
        return known
    workshop.progress.note(f'building "{choice.package.name}" {choice.package.version} from {choice.file.name}')
    with workshop.store.scratch_directory() as scratch:
        return make(key, choice.package, _unpacked(choice, sdist, scratch), workshop)


def wheel_of_commit(package: LockedPackage, commit: Commit, repository: Path, workshop: Workshop) -> MadeWheel:
    """The wheel of the project in a commit.

    Args:
        package: that is locked to it.
        commit: the commit.
        repository: in the cache, has the commit.
        workshop: what to build with.

    Raises:
        DepsfirstError: it holds no project, which does not build, or its wheel is not pure.
    """
    from depsfirst.wheels.built.git import checked_out, fetched

    workshop.progress.note(f'building "{package.name}" from the commit {commit.commit[:12]} of {commit.url}')
    place = f"{package.where}: {commit.url}"
    for whole in (False, True):
        repository = fetched(commit, workshop.store, whole=True) if whole else repository
        with workshop.store.scratch_directory() as scratch, checked_out(commit, repository, scratch) as directory:
            project = _project(directory, package, place)
            if whole or not _needs_history(project):
                source = Source(directory, project.build_system or SETUPTOOLS, package.name, place)
                made = make(commit.key, package, source, workshop)
                _compare(made, package, workshop)
                return made
    raise AssertionError("with all of its history a commit is built")


def _compare(made: MadeWheel, package: LockedPackage, workshop: Workshop) -> None:
    """Say if a commit builds another version than the lock has for it, as after a new tag."""
    from packaging.utils import parse_wheel_filename
    from packaging.version import Version

    built = parse_wheel_filename(made.name)[1]
    if package.version is not None and built.public != Version(package.version).public:
        workshop.progress.warn(f'"{package.name}" is locked as {package.version}, and its commit builds {built}')


def _project(directory: Path, package: LockedPackage, place: str) -> Project:
    try:
        return discover_library(directory, directory)
    except DepsfirstError as error:
        known = directory.name if directory.name != "source" else "its top"
        raise DepsfirstError(
            f'"{package.name}" is locked to a commit in which {known} holds no project: {error.message}',
            where=place,
            hint="see whether the lock names the right subdirectory",
        ) from None


def _needs_history(project: Project) -> bool:
    """Whether the version may come from tags and history; a stated one that nothing overrides does not."""
    system = project.build_system or SETUPTOOLS
    return project.version is None or not _HISTORIANS.isdisjoint(names_in(system.requires))


def _unpacked(choice: Choice, sdist: Path, scratch: Path) -> Source:
    try:
        if choice.file.name.endswith(".zip"):
            _unpack_zip(sdist, scratch)
        else:
            with tarfile.open(sdist) as tar:
                _unpack_tar(tar, scratch)
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        raise DepsfirstError(f"the sdist cannot be unpacked: {error}", where=choice.file.name) from error
    found = sorted(scratch.iterdir())
    if len(found) != 1 or not found[0].is_dir():
        raise DepsfirstError("the sdist does not hold one directory", where=choice.file.name)
    place = f"{choice.package.where}: {choice.file.name}"
    directory = found[0] / choice.subdirectory
    if not directory.is_dir() or not directory.resolve().is_relative_to(found[0].resolve()):
        raise DepsfirstError(f'the sdist has no directory "{choice.subdirectory}"', where=place, hint="lock again")
    project = discover_library(directory, sdist)
    return Source(directory, project.build_system or SETUPTOOLS, choice.package.name, place)


def _unpack_tar(tar: tarfile.TarFile, scratch: Path) -> None:
    if hasattr(tarfile, "data_filter"):
        tar.extractall(scratch, filter="data")
        return
    for member in tar.getmembers():  # Python before 3.11.4 has no filters
        place = PurePosixPath(member.name)
        link = PurePosixPath(member.linkname)
        if place.is_absolute() or ".." in place.parts or link.is_absolute() or ".." in link.parts:
            raise DepsfirstError(f'the entry "{member.name}" leads out of its directory', where=str(tar.name))
        if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
            raise DepsfirstError(f'the entry "{member.name}" is no file', where=str(tar.name))
    tar.extractall(scratch)  # noqa: S202 - its entries were just checked


def _unpack_zip(sdist: Path, scratch: Path) -> None:
    with zipfile.ZipFile(sdist) as archive:
        for name in archive.namelist():
            if name.startswith("/") or ".." in name.split("/"):
                raise DepsfirstError(f'the entry "{name}" leads out of its directory', where=sdist.name)
        archive.extractall(scratch)  # noqa: S202 - its names were just checked
