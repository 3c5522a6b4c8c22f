"""One tar that is both an OCI layout and a docker-archive: what archives are, and what daemons are sent.

Whoever reads it finds what they know: ``oci-layout`` and ``index.json`` (containerd, ``oci-archive:``), or
``manifest.json`` (Docker's classic store, ``docker-archive:``). Both name the same blobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depsfirst.oci.image import INDEX, INDEX_FILE, LAYOUT, LAYOUT_FILE, NAME, canonical
from depsfirst.oci.layer import END, TarEntry, entry_header, padding

if TYPE_CHECKING:
    from depsfirst.oci.image import Blob, Image
    from depsfirst.oci.pieces import Piece
    from depsfirst.oci.reference import Reference

DOCKER_MANIFEST = "manifest.json"
_FULL_NAME = "io.containerd.image.name"
_FOLDERS = ("blobs", "blobs/sha256")


def opening() -> bytes:
    """The tar's first entries: what it is, and its directories."""
    return _member(LAYOUT_FILE, LAYOUT) + b"".join(
        entry_header(TarEntry(folder, "directory", 0o755)) for folder in _FOLDERS
    )


def blob_member(blob: Blob) -> tuple[Piece, ...]:
    """A blob as an entry."""
    size = blob.descriptor.size
    header = entry_header(TarEntry(_path(blob), size=size))
    return (header, *blob.pieces, padding(size))


def closing(image: Image, reference: Reference | None) -> bytes:
    """The tar's last entries: configuration, manifest, and the two ways to find them; then its end."""
    return b"".join((*(_member(path, data) for path, data in closing_files(image, reference).items()), END))


def closing_files(image: Image, reference: Reference | None) -> dict[str, bytes]:
    """The files of these entries by name, in this order."""
    blobs = {_path(blob): b"".join(blob.chunks()) for blob in (image.config_blob, image.manifest_blob)}
    return blobs | {INDEX_FILE: _index(image, reference), DOCKER_MANIFEST: _docker_manifest(image, reference)}


def _index(image: Image, reference: Reference | None) -> bytes:
    entry: dict[str, Any] = image.manifest_blob.descriptor.as_json() | {"platform": image.platform}
    if reference is not None:
        entry["annotations"] = {_FULL_NAME: reference.full, NAME: reference.tag}
    return canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})


def _docker_manifest(image: Image, reference: Reference | None) -> bytes:
    return canonical(
        [
            {
                "Config": _path(image.config_blob),
                "RepoTags": [str(reference)] if reference else None,
                "Layers": [_path(layer.blob) for layer in image.layers],
            }
        ]
    )


def _path(blob: Blob) -> str:
    return f"blobs/sha256/{blob.descriptor.hex}"


def _member(path: str, data: bytes) -> bytes:
    return entry_header(TarEntry(path, size=len(data))) + data + padding(len(data))
