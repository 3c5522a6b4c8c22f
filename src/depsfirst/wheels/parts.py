"""Installed wheels in the cache: one tar part each, which any layer of any image may hold.

A part is keyed by the wheel's sha256 and the environment it was made for. A project that shares fifty of sixty packages
with another shares their parts: nothing of them is fetched, unpacked or written again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from depsfirst.oci.image import FileSlice, Part
from depsfirst.wheels.install import Venv, write_part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from depsfirst.content import ContentStore

PARTS = "parts"
_FACTS = "parts"
_FORMAT = 1
"""Raise it when the same wheel is to be installed in another way: then no part of the cache fits any more."""


@dataclass(frozen=True, slots=True)
class InstalledWheel:
    """A wheel as a tar part.

    Attributes:
        part: the tar entries.
        files: what it installs, relative to the root of the image.
    """

    part: Part
    files: tuple[str, ...]


def part_key(sha256: str, venv: Venv) -> str:
    """The key of the part that the wheel of that sha256 (hex) becomes."""
    return hashlib.sha256(f"{_FORMAT} {sha256} {venv.python}".encode()).hexdigest()


def find_part(key: str, store: ContentStore) -> Part | None:
    """The part of that key, if the cache has it whole."""
    path = store.find(PARTS, key)
    return None if path is None else Part(key, (FileSlice(path, 0, path.stat().st_size),))


def find_installed(key: str, store: ContentStore) -> InstalledWheel | None:
    """The installed wheel of that key, if the cache has its part and its facts."""
    part, files = find_part(key, store), store.recall(_FACTS, key)
    return None if part is None or files is None else InstalledWheel(part, tuple(files))


def install_wheel(  # noqa: PLR0913, PLR0917 - a wheel, its names, and where it goes
    key: str, wheel: Path, name: str, venv: Venv, store: ContentStore, extra: Mapping[str, bytes]
) -> InstalledWheel:
    """Install a wheel of the cache as a part.

    Args:
        key: of the part to make.
        wheel: the file.
        name: the file name it has elsewhere.
        venv: the environment to install into.
        store: where the part is kept.
        extra: further files of its ``.dist-info`` directory.

    Raises:
        DepsfirstError: the wheel is broken or hostile.
    """
    from depsfirst.wheels.archive import WheelArchive
    from depsfirst.wheels.placing import place

    with WheelArchive.opened(wheel, name) as archive, store.write(PARTS, key) as file:
        files = write_part(place(archive, venv, extra), archive, venv, file)
    return kept_part(key, files, store)


def kept_part(key: str, files: tuple[str, ...], store: ContentStore) -> InstalledWheel:
    """A part that was just written, with the files it installs remembered."""
    store.remember(_FACTS, key, list(files))
    path = store.path(PARTS, key)
    return InstalledWheel(Part(key, (FileSlice(path, 0, path.stat().st_size),)), files)
