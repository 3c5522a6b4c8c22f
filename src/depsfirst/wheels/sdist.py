"""Builds the wheel of a locked package that has no wheel for the target, if it turns out to be pure.

What is built here runs on this machine; a wheel with compiled code would be one for this machine, not for the image.
"""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import discover_library
from depsfirst.project.manifest import SETUPTOOLS
from depsfirst.wheels.backend import Source, built_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.progress import Progress
    from depsfirst.wheels.choose import Choice

_BUILT = "built-wheels"


def wheel_of_sdist(
    choice: Choice, sdist: Path, store: ContentStore, index_url: str | None, progress: Progress
) -> tuple[Path, str]:
    """The wheel of an sdist in the cache, and its file name.

    Raises:
        DepsfirstError: it cannot be unpacked or built, or its wheel is not pure.
    """
    key = choice.file.sha256 or ""
    name, path = store.recall(_BUILT, key), store.find(_BUILT, key)
    if name is not None and path is not None:
        return path, name
    progress.note(f'building "{choice.package.name}" {choice.package.version} from {choice.file.name}')
    with store.scratch_directory() as scratch:
        source = _unpacked(choice, sdist, scratch)
        with built_wheel(source, store, index_url=index_url, progress=progress) as wheel:
            _check_pure(wheel.name, choice)
            with store.write(_BUILT, key) as file, wheel.open("rb") as made:
                shutil.copyfileobj(made, file)
            store.remember(_BUILT, key, wheel.name)
            return store.path(_BUILT, key), wheel.name


def _check_pure(wheel: str, choice: Choice) -> None:
    if wheel.endswith("-none-any.whl"):
        return
    raise DepsfirstError(
        f'"{choice.package.name}" {choice.package.version} has no wheel for the target, and its sdist builds'
        f' "{wheel}", which is for this machine',
        where=choice.package.where,
        hint="choose a version that has a wheel for the target, or build one there and put it into an index",
    )


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
    project = discover_library(found[0], sdist)
    place = f"{choice.package.where}: {choice.file.name}"
    return Source(found[0], project.build_system or SETUPTOOLS, choice.package.name, place)


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
