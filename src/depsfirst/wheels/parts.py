"""Installed wheels in the cache: one tar part each, which any layer of any image may hold.

A part is keyed by the wheel's sha256 and the environment it was made for. A project that shares fifty of sixty packages
with another shares their parts: nothing of them is fetched, unpacked or written again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depsfirst import digests
from depsfirst.oci.image import FileSlice, Part
from depsfirst.values import NamedTuple
from depsfirst.wheels.install import Venv, directories, write_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from depsfirst.content import ContentStore

PARTS = "parts"
_FACTS = "parts"
_FORMAT = 1
"""Raise it when the same wheel is to be installed in another way: then no part of the cache fits any more."""


class InstalledWheel(NamedTuple):
    """A wheel as a tar part.

    Attributes:
        part: the tar entries.
        files: what it installs, relative to the root of the image.
    """

    part: Part
    files: tuple[str, ...]


def part_key(sha256: str, venv: Venv, extra: Mapping[str, bytes] | None = None) -> str:
    """The key of the part that the wheel of that sha256 (hex) becomes, with further files of its ``.dist-info``."""
    more = "".join(f" {name} {data.hex()}" for name, data in sorted((extra or {}).items()))
    return digests.sha256(f"{_FORMAT} {sha256} {venv.python}{more}".encode()).hexdigest()


def find_part(key: str, store: ContentStore) -> Part | None:
    """The part of that key, if the cache has it whole."""
    path = store.find(PARTS, key)
    return None if path is None else _part_at(path)


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
        files = write_part(place(archive, venv, extra), archive, file)
    return kept_part(key, files, store)


def kept_part(key: str, files: tuple[str, ...], store: ContentStore) -> InstalledWheel:
    """A part that was just written, with the files it installs remembered."""
    store.remember(_FACTS, key, list(files))
    return InstalledWheel(_part_at(store.path(PARTS, key)), files)


def _part_at(path: Path) -> Part:
    """A file of the cache, whose name is its key, as a part."""
    return Part(path.name, (FileSlice(path, 0, path.stat().st_size),))


def part_as_json(part: Part) -> list[Any]:
    """A part of the cache for a memo: its key, and which bytes of which files it is."""
    slices = [piece for piece in part.pieces if isinstance(piece, FileSlice)]
    return [part.key, [[piece.path.name, piece.offset, piece.size] for piece in slices]]


def part_from_json(value: list[Any], store: ContentStore) -> Part | None:
    """The part that a memo names; None if the cache has lost some of it."""
    key, slices = value
    pieces = []
    for name, offset, size in slices:
        path = store.find(PARTS, name)
        if path is None:
            return None
        pieces.append(FileSlice(path, offset, size))
    return Part(key, tuple(pieces))


def layer_parts(installed: Sequence[InstalledWheel], store: ContentStore, warn: Callable[[str], None]) -> list[Part]:
    """The parts of a layer that holds these wheels: its directories, then the wheels' files, no path twice.

    Where two wheels install the same file, the one of the later wheel stays, as with any installer.

    Args:
        installed: in order.
        store: keeps the directories as a part.
        warn: told of a file that two wheels install.
    """
    paths: dict[str, int] = {}
    lost: dict[int, set[str]] = {}
    for place, each in enumerate(installed):
        for path in each.files:
            if path in paths:
                warn(f'"/{path}" is installed by two packages; the later one stays')
                lost.setdefault(paths[path], set()).add(path)
            paths[path] = place
    parts = [_without(each.part, lost[place]) if place in lost else each.part for place, each in enumerate(installed)]
    return [_directories_part(paths, store), *parts]


def _directories_part(files: Iterable[str], store: ContentStore) -> Part:
    data = directories(files)
    key = digests.sha256(data).hexdigest()
    if store.find(PARTS, key) is None:
        with store.write(PARTS, key) as file:
            file.write(data)
    return Part(key, (FileSlice(store.path(PARTS, key), 0, len(data)),))


def _without(part: Part, paths: set[str]) -> Part:
    """A part less some of its files: slices of it, under a key of their own."""
    (whole,) = part.pieces
    if not isinstance(whole, FileSlice):
        raise TypeError(whole)
    pieces, start = [], 0
    for name, begin, end in _entries(whole):
        if name in paths:
            pieces.append(FileSlice(whole.path, start, begin - start))
            start = end
    pieces.append(FileSlice(whole.path, start, whole.size - start))
    key = digests.sha256("\n".join([part.key, *sorted(paths)]).encode()).hexdigest()
    return Part(key, tuple(piece for piece in pieces if piece.size))


def _entries(whole: FileSlice) -> Iterator[tuple[str, int, int]]:
    """Name, begin and end of each entry of a part."""
    import tarfile

    with tarfile.open(whole.path, format=tarfile.PAX_FORMAT) as tar:
        for member in tar:
            end = member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
            yield member.name, member.offset, end
