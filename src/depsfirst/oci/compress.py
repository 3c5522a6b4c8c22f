"""Compresses layers part by part: what a layer shares with another was compressed before; and unpacks them.

Each part is a gzip member of its own, kept in the content store, and a gzip file is members one after the
other (RFC 1952, 2.2): engines read such layers as they read any.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from depsfirst import digests
from depsfirst.oci.image import LAYER, LAYER_GZIP, Blob, Descriptor, Layer, Part
from depsfirst.oci.layer import END
from depsfirst.oci.pieces import CHUNK, FileSlice, Piece, chunks, sha256, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from depsfirst.content import ContentStore

LEVEL = 2
"""The highest level at which isal writes the same bytes on every x86-64 CPU since 2008; 3 depends on AVX."""

FORMAT = f"gzip-isal-{LEVEL}"
"""Names how parts are compressed; another way of compressing needs another name."""

PLAIN = "plain"

_DEFLATE_IN_GZIP = 31
_SMALL = 1 << 16


def compressed(layer: Layer, store: ContentStore) -> Layer:
    """The layer as gzip. One that is compressed already stays as it is, byte for byte.

    Raises:
        DepsfirstError: the cache cannot be written.
    """
    if layer.blob.descriptor.media_type != LAYER:
        return layer
    parts = (*layer.parts, Part("end", (END,))) if layer.parts else (Part(_hex(layer.diff_id), layer.blob.pieces),)
    pieces = _members(parts, store)
    blob = Blob(_described(pieces, parts, store), pieces)
    return layer._replace(blob=blob)


def plain(layer: Layer, store: ContentStore) -> Layer:
    """The layer without compression, which is kept in the cache.

    Raises:
        DepsfirstError: it is damaged, or the cache cannot be written.
    """
    if layer.blob.descriptor.media_type == LAYER:
        return layer
    key = _hex(layer.diff_id)
    if store.find(PLAIN, key) is None:
        with store.write(PLAIN, key) as target, layer.open() as source:
            while chunk := source.read(CHUNK):
                target.write(chunk)
    path = store.path(PLAIN, key)
    piece = FileSlice(path, 0, path.stat().st_size)
    return layer._replace(blob=Blob(Descriptor(LAYER, layer.diff_id, piece.size), (piece,)))


def gzip_chunks(pieces: Iterable[Piece]) -> Iterator[bytes]:
    """One gzip member without name or time."""
    from isal import isal_zlib

    stream = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, _DEFLATE_IN_GZIP)
    for chunk in chunks(pieces):
        for start in range(0, len(chunk), CHUNK):
            yield stream.compress(chunk[start : start + CHUNK])
    yield stream.flush()


def _members(parts: Sequence[Part], store: ContentStore) -> tuple[Piece, ...]:
    """The gzip members of parts, those that are missing made many at once."""
    missing = {part.key: part for part in parts if part.size > _SMALL and store.find(FORMAT, part.key) is None}
    if len(missing) > 1:
        from concurrent.futures import ThreadPoolExecutor

        largest_first = sorted(missing.values(), key=lambda part: -part.size)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda part: _compress(part, store), largest_first))
    elif missing:
        _compress(next(iter(missing.values())), store)
    return tuple(_member(part, store) for part in parts)


def _member(part: Part, store: ContentStore) -> Piece:
    if part.size <= _SMALL:  # quicker to make than to find
        return b"".join(gzip_chunks(part.pieces))
    path = store.path(FORMAT, part.key)
    return FileSlice(path, 0, path.stat().st_size)


def _compress(part: Part, store: ContentStore) -> None:
    with store.write(FORMAT, part.key) as file:
        for chunk in gzip_chunks(part.pieces):
            file.write(chunk)


def _described(pieces: Sequence[Piece], parts: Sequence[Part], store: ContentStore) -> Descriptor:
    size = total(pieces)
    key = digests.sha256("\n".join([FORMAT, str(size), *(part.key for part in parts)]).encode()).hexdigest()
    digest = store.recall("compressed", key)
    if digest is None:
        digest = sha256(pieces)
        store.remember("compressed", key, digest)
    return Descriptor(LAYER_GZIP, digest, size)


def _hex(digest: str) -> str:
    return digest.partition(":")[2]
