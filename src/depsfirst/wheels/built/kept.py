"""Wheels that are built here of third-party sources, and kept.

What is built here runs on this machine; a wheel with compiled code would be one for this machine, not for the image.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple
from depsfirst.wheels.built.backend import built_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.progress import Progress
    from depsfirst.project.model import LockedPackage
    from depsfirst.wheels.built.backend import Source
    from depsfirst.wheels.indexes.search import Search

_BUILT = "built-wheels"


class Workshop(NamedTuple):
    """What wheels are built with.

    Attributes:
        store: keeps them, and the environments of backends.
        search: where backends come from.
        progress: is told what backends say.
    """

    store: ContentStore
    search: Search
    progress: Progress


class MadeWheel(NamedTuple):
    """A wheel in the cache, and its file name."""

    path: Path
    name: str


def find_made(key: str, store: ContentStore) -> MadeWheel | None:
    """The wheel that was built of the source of that key, if the cache has it."""
    name, path = store.recall(_BUILT, key), store.find(_BUILT, key)
    return None if name is None or path is None else MadeWheel(path, name)


def make(key: str, package: LockedPackage, source: Source, workshop: Workshop) -> MadeWheel:
    """Build the wheel of a third-party source, and keep it under ``key``.

    Raises:
        DepsfirstError: it does not build, is of another package, or is not pure.
    """
    store = workshop.store
    with built_wheel(source, store, search=workshop.search, progress=workshop.progress) as wheel:
        _check(wheel.name, package, source)
        with store.write(_BUILT, key) as file, wheel.open("rb") as made:
            shutil.copyfileobj(made, file)
        store.remember(_BUILT, key, wheel.name)
        return MadeWheel(store.path(_BUILT, key), wheel.name)


def _check(wheel: str, package: LockedPackage, source: Source) -> None:
    from packaging.utils import canonicalize_name

    if canonicalize_name(wheel.partition("-")[0]) != package.name:
        raise DepsfirstError(
            f'what is locked as "{package.name}" builds "{wheel}", which is another package',
            where=source.where,
            hint="lock again, under the name that the project has",
        )
    if not wheel.endswith("-none-any.whl"):
        raise DepsfirstError(
            f'"{package.name}" {package.version or ""}'.rstrip() + " has no wheel for the target, and its source builds"
            f' "{wheel}", which is for this machine',
            where=package.where,
            hint="choose a version that has a wheel for the target, or build one there and put it into an index",
        )
