"""Bases that lie on this machine as layouts or archives: read and checked once, known until a file of them changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from depsfirst import digests
from depsfirst.errors import DepsfirstError
from depsfirst.oci.files import identity
from depsfirst.oci.image import Blob, Descriptor, FileSlice, Image, Layer
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from depsfirst.content import ContentStore
    from depsfirst.oci.store import Source

_OCI, _ARCHIVE = "oci:", "docker-archive:"
_MEMO = "local-bases"
_FORMAT = 1


class LocalBase(NamedTuple):
    """The image of a base, and what waits until every layer of it is checked.

    Attributes:
        image: its layers may still be being read by a thread, which compares their digests.
        verified: ends when they are right; raises a DepsfirstError if one is not. What was learnt from the layers
            is not to be used or kept before.
    """

    image: Image
    verified: Callable[[], None]


def local_base(base: str, platform: str, store: ContentStore) -> LocalBase:
    """The image of ``oci:DIR[:TAG]`` or ``docker-archive:FILE[:NAME]``.

    Raises:
        DepsfirstError: there is none, it is damaged, or for another platform.
    """
    key = digests.sha256(repr([_FORMAT, base, platform, str(Path.cwd())]).encode()).hexdigest()
    known = store.recall(_MEMO, key)
    if known is not None and _untouched(known["files"]):
        return LocalBase(_from_json(known), lambda: None)
    from depsfirst.oci.parse import Platform, check_platform

    source = _source(base, store)
    before = _states([_entrance(base)])
    image = source.read(wanted := Platform.parse(platform))
    check_platform(image, wanted, str(source))
    value = _as_json(image, before, store)

    def keep() -> None:
        if value is not None:
            store.remember(_MEMO, key, value)

    return LocalBase(image, _checking(image, store, str(source), keep))


def _checking(image: Image, store: ContentStore, where: str, keep: Callable[[], None]) -> Callable[[], None]:
    """Begin to check layers in a thread; what waits for it, and keeps what is right."""
    from concurrent.futures import ThreadPoolExecutor

    from depsfirst.oci.store import check_layers

    pool = ThreadPoolExecutor(1)
    checked = pool.submit(check_layers, image, store, where)
    pool.shutdown(wait=False)

    def verified() -> None:
        checked.result()
        keep()

    return verified


def _source(base: str, store: ContentStore) -> Source:
    if base.startswith(_OCI):
        from depsfirst.oci.stores.layout import Layout

        return Layout.parse(base.removeprefix(_OCI))
    if base.startswith(_ARCHIVE):
        from depsfirst.oci.stores.archive import DockerArchive

        return DockerArchive.parse(base.removeprefix(_ARCHIVE), store)
    raise DepsfirstError(
        f'"{base}" is no base that can be read',
        hint="write deb:SUITE, oci:DIR[:TAG] or docker-archive:FILE; a base in a registry is copied into a layout with"
        " `skopeo copy docker://NAME oci:DIR`, one in Docker is saved with `docker save -o FILE NAME`",
    )


def _entrance(base: str) -> Path:
    """The file that says which layers a base has: the archive, or the index of the layout."""
    place = base.partition(":")[2].partition("@sha256:")[0].partition(":")[0]
    return Path(place, "index.json") if base.startswith(_OCI) else Path(place)


def _states(files: Sequence[Path]) -> dict[str, str]:
    """What each file is now; one that is not there is none."""
    found = {}
    for file in files:
        try:
            found[str(file)] = identity(file)
        except OSError:
            continue
    return found


def _untouched(files: dict[str, str]) -> bool:
    return _states([Path(file) for file in files]) == files


def _as_json(image: Image, before: dict[str, str], store: ContentStore) -> dict[str, Any] | None:
    """An image for a memo; None if it lies in memory or in the cache, where it has no name that lasts."""
    layers, files = [], []
    for layer in image.layers:
        (piece,) = layer.blob.pieces
        if not isinstance(piece, FileSlice) or piece.path.is_relative_to(store.root):
            return None
        layers.append([layer.diff_id, list(layer.blob.descriptor), str(piece.path), piece.offset, piece.size])
        files.append(piece.path)
    return {
        "config": image.config,
        "annotations": image.annotations,
        "history": image.history,
        "layers": layers,
        "files": {**_states(files), **before},
    }


def _from_json(value: dict[str, Any]) -> Image:
    layers = [
        Layer(diff_id, Blob(Descriptor(*descriptor), (FileSlice(Path(path), offset, size),)), "base", reused=True)
        for diff_id, descriptor, path, offset, size in value["layers"]
    ]
    return Image(value["config"], tuple(layers), value["annotations"], tuple(value["history"]))
