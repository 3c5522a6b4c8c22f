"""An image as an immutable value: its configuration, and layers that are read only when they are copied.

Terms and media types are those of the OCI image specification.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from depsfirst import digests
from depsfirst.oci.pieces import CHUNK, FileSlice, Piece, chunks, reader, total
from depsfirst.oci.unpack import unpacking
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from depsfirst.oci.unpack import Compression

__all__ = [
    "CHUNK",
    "CONFIG",
    "INDEX",
    "INDEX_FILE",
    "LAYER",
    "LAYER_GZIP",
    "LAYER_ZSTD",
    "LAYOUT",
    "LAYOUT_FILE",
    "MANIFEST",
    "NAME",
    "Blob",
    "Descriptor",
    "FileSlice",
    "Image",
    "Layer",
    "Part",
    "Piece",
    "canonical",
]

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = LAYER + "+gzip"
LAYER_ZSTD = LAYER + "+zstd"
LAYOUT_FILE = "oci-layout"
INDEX_FILE = "index.json"
NAME = "org.opencontainers.image.ref.name"
"""The annotation of an index that holds an image's tag."""

_COMPRESSION: dict[str, Compression | None] = {LAYER: None, LAYER_GZIP: "gzip", LAYER_ZSTD: "zstd"}


def canonical(value: Any) -> bytes:
    """JSON whose bytes depend on the value alone: sorted keys, no blanks, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


LAYOUT = canonical({"imageLayoutVersion": "1.0.0"})
"""What the file ``oci-layout`` holds."""


class Descriptor(NamedTuple):
    """What a piece of content is called: media type, ``sha256:…`` digest and size in bytes."""

    media_type: str
    digest: str
    size: int

    @property
    def hex(self) -> str:
        """The digest without its algorithm: the name of the blob's file in a layout."""
        return self.digest.partition(":")[2]

    def as_json(self) -> dict[str, Any]:
        """The descriptor as a manifest or an index holds it."""
        return {"digest": self.digest, "mediaType": self.media_type, "size": self.size}


class Blob(NamedTuple):
    """Content that need not stand in one file: its descriptor and the pieces that make it up, in order.

    A layer of sixty wheels is sixty pieces of the cache; no copy of it is ever written.
    """

    descriptor: Descriptor
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, data: bytes, media_type: str) -> Blob:
        """Bytes at hand, with their descriptor."""
        digest = f"sha256:{digests.sha256(data).hexdigest()}"
        return cls(Descriptor(media_type, digest, len(data)), (data,))

    def chunks(self) -> Iterator[bytes]:
        """The bytes, at most ``CHUNK`` at a time where they are read from a file."""
        return chunks(self.pieces)

    def open(self) -> BinaryIO:
        """The bytes as a file open for reading."""
        return reader(self.pieces)


class Part(NamedTuple):
    """A tar stream without end-of-archive marker, so that parts can stand one after the other in a layer.

    Attributes:
        key: names the bytes, as a rule by a sha256 in hex: parts with the same key hold the same bytes.
        pieces: where the bytes are.
    """

    key: str
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """Length in bytes, a multiple of 512."""
        return total(self.pieces)


class Layer(NamedTuple):
    """One layer: the digest of its uncompressed tar, and the blob that holds it.

    Attributes:
        diff_id: ``sha256:…`` of the uncompressed tar.
        blob: the layer as it is at hand; its media type says whether it is compressed.
        kind: ``base``, ``dependencies``, ``first-party`` or ``code``.
        title: what is in it, for people; ``docker history`` shows it.
        reused: whether it was at hand before this build.
        parts: what the tar was put together from, in order; empty for a layer that was read.
    """

    diff_id: str
    blob: Blob
    kind: str
    title: str = ""
    reused: bool = False
    parts: tuple[Part, ...] = ()

    def open(self, where: str = "") -> BinaryIO:
        """The uncompressed tar as a file open for reading, whatever the blob's compression.

        Args:
            where: names the layer in the error that damaged data raises while it is read.
        """
        compression = _COMPRESSION[self.blob.descriptor.media_type]
        raw = self.blob.open()
        return unpacking(raw, compression, where or self.title or self.diff_id) if compression else raw


class Image(NamedTuple):
    """A configuration and its layers, lowest first.

    Attributes:
        config: an OCI image configuration without ``rootfs`` and ``history``, which the layers give.
        layers: lowest first.
        annotations: of the manifest.
        history: the entries of the base, for the lowest layers, as they stand in its configuration.
    """

    config: Mapping[str, Any]
    layers: tuple[Layer, ...]
    annotations: Mapping[str, str] = {}
    history: tuple[Mapping[str, Any], ...] = ()

    @property
    def config_blob(self) -> Blob:
        """The configuration with ``rootfs`` and ``history``; its digest is the image id."""
        rootfs = {"type": "layers", "diff_ids": [layer.diff_id for layer in self.layers]}
        whole = {**self.config, "rootfs": rootfs, "history": self._whole_history()}
        return Blob.of(canonical(whole), CONFIG)

    @property
    def id(self) -> str:
        """The digest of the configuration: what ``docker images`` of the classic store shows."""
        return self.config_blob.descriptor.digest

    @property
    def manifest_blob(self) -> Blob:
        """The manifest; its digest is what a registry and the containerd store know the image by."""
        manifest: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.config_blob.descriptor.as_json(),
            "layers": [layer.blob.descriptor.as_json() for layer in self.layers],
        }
        if self.annotations:
            manifest["annotations"] = dict(self.annotations)
        return Blob.of(canonical(manifest), MANIFEST)

    @property
    def platform(self) -> dict[str, str]:
        """The ``platform`` of this image's descriptor in an index."""
        keys = ("os", "architecture", "variant", "os.version")
        return {key: self.config[key] for key in keys if self.config.get(key)}

    def _whole_history(self) -> list[dict[str, Any]]:
        """One entry for each layer, as readers count on; a base's own entries only if they say so too."""
        told = [dict(entry) for entry in self.history]
        covered = sum(not entry.get("empty_layer") for entry in told)
        if covered > len(self.layers):
            told, covered = [], 0
        return told + [self._entry(layer) for layer in self.layers[covered:]]

    def _entry(self, layer: Layer) -> dict[str, Any]:
        created = self.config.get("created")
        entry = {"created": created} if created else {}
        return entry | {"created_by": layer.title or layer.kind, "comment": "depsfirst"}
