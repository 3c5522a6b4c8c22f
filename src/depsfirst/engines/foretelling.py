"""Notes what the next image is made of if only files are edited that it has as they are; ``oci.foretold`` reads it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.oci import foretold
from depsfirst.oci.bundle import closing_files, opening
from depsfirst.oci.image import LAYER, FileSlice, canonical
from depsfirst.oci.layer import TarEntry, entry_header
from depsfirst.oci.pieces import chunks
from depsfirst.wheels.install import record_line, relative
from depsfirst.wheels.own import earlier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.content import ContentStore
    from depsfirst.engines.first_party import Own
    from depsfirst.oci.image import Image
    from depsfirst.oci.store import Written
    from depsfirst.wheels.install import Venv
    from depsfirst.wheels.own.earlier import Earlier

_BLOCK = 512
_LARGE_PART = 16 << 20
"""Bytes of code that take longer to hash and send twice than Docker takes to begin."""
_PAX = b"x"


def noted(image: Image, code: Own, venv: Venv, store: ContentStore) -> dict[str, Any] | None:
    """What ``oci.foretold`` needs to know of an image whose last layer is a project's code; None if it cannot be.

    Args:
        image: as it is loaded.
        code: the project in its last layer.
        venv: where it is installed.
        store: remembers the project's wheel.
    """
    last, layer = earlier.recall(store, code.project.root), image.layers[-1]
    if last is None or last.always is not None or code.project.in_place:
        return None
    directories, part = (each.pieces for each in layer.parts) if len(layer.parts) == 2 else ((), ())  # noqa: PLR2004
    if len(part) != 1 or not isinstance(part[0], FileSlice) or part[0].offset or part[0].size > _LARGE_PART:
        return None
    data = part[0].path.read_bytes()
    places = dict(zip(code.installed.files, _contents(data), strict=True))
    record = places[code.installed.files[-1]]
    files = closing_files(image, None)
    return {
        "root": str(code.project.root),
        "part": str(part[0].path),
        "directories": b"".join(chunks(directories)),
        "record": record,
        "sources": [*_sources(last, code, venv, places, data[record[0] : sum(record)])],
        "layer": (layer.diff_id.partition(":")[2], layer.blob.descriptor.size),
        "descriptor": canonical({"digest": "sha256:%b", "mediaType": LAYER, "size": "%d"}).replace(b'"%d"', b"%d"),
        "header": entry_header(TarEntry("-")),
        "opening": opening(),
        **dict(zip(("config", "manifest", "index", "docker"), files.values(), strict=True)),
    }


def keep(noted: dict[str, Any], key: str, image: Image, written: Written, store: ContentStore) -> None:
    """Keep what was noted of an image, if Docker took it as it is, and no more of it than the code.

    Where the cache cannot be written, the next image is not foretold, and nobody misses anything.
    """
    if written.digest == image.manifest_blob.descriptor.digest and {*written.layers} <= {image.layers[-1].diff_id}:
        with suppress(DepsfirstError), store.write(foretold.KIND, key) as file:
            file.write(foretold.sealed(noted))


def _contents(part: bytes) -> Iterator[tuple[int, int]]:
    """Offset and size of the content of each file in a part."""
    at = 0
    while at < len(part):
        size = int(part[at + 124 : at + 135], 8)
        if part[at + 156 : at + 157] != _PAX:
            yield at + _BLOCK, size
        at += _BLOCK + size + -size % _BLOCK


def _sources(
    last: Earlier, code: Own, venv: Venv, places: dict[str, tuple[int, int]], record: bytes
) -> Iterator[tuple[str, str, int | None, int, str]]:
    """Each file that is packed, its sha256, and where its bytes stand in the part and what RECORD calls them.

    There is no offset where an edit of it changes more than its own bytes.
    """
    now = {entry.path: entry.sha256 for entry in code.wheel.entries}
    packed: dict[str, list[str]] = {}
    for entry in last.entries:
        for source in entry.sources:
            packed.setdefault(source, []).append(entry.path if len(entry.sources) == 1 else "")
    for path, (_, built) in last.sources.items():
        wheel_path, *others = packed.get(path) or [""]
        place = f"{venv.site_packages}/{wheel_path}"
        offset, size = places.get(place, (None, 0))
        digest = now.get(wheel_path, built)
        name, line = record_line(relative(place, venv.site_packages), bytes.fromhex(digest), size)
        known = not others and (b"\n" + record).count(f"\n{line}".encode()) == 1
        yield path, digest, offset if known else None, size, name
