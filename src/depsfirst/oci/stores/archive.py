"""Archives of images: written for every reader, read from what ``docker save``, ``podman save`` and others write.

Layers of an archive are used where they lie in the file; nothing is unpacked but an archive compressed as a whole.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.oci.bundle import DOCKER_MANIFEST, blob_member, closing, opening
from depsfirst.oci.files import identity, replacing
from depsfirst.oci.image import CONFIG, LAYER, LAYER_GZIP, LAYER_ZSTD, Blob, Descriptor, FileSlice
from depsfirst.oci.parse import check_digest, image_of, load_json
from depsfirst.oci.pieces import CHUNK, chunks, opened, sha256, write_all, write_pieces
from depsfirst.oci.reference import parse_reference
from depsfirst.oci.unpack import compression_of, unpacking
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from depsfirst.content import ContentStore
    from depsfirst.oci.image import Image, Layer
    from depsfirst.oci.parse import Platform
    from depsfirst.oci.reference import Reference

_UNPACKED = "archives"
_OTHER_PACKERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_NAMED_BY_DIGEST = re.compile(r"(?:blobs/sha256/)?([0-9a-f]{64})(?:\.json|\.tar)?")
_MANY_LINKS = 10


class Archive(NamedTuple):
    """A tar to write, for ``docker load``, ``podman load`` and ``skopeo`` alike, with the image's name in it."""

    path: Path
    reference: Reference | None = None

    def __str__(self) -> str:
        return f"docker-archive:{self.path}"

    @contextmanager
    def receive(self, image: Image, *, everything: bool = False) -> Iterator[ArchiveUpload]:
        """Take an image into a new file, which takes the place of the old one when it is whole."""
        del everything
        with replacing(self.path) as file:
            write_all(file, opening())
            yield ArchiveUpload(self, image, file)


class ArchiveUpload:
    """An image on its way into an archive, which takes all layers."""

    def __init__(self, archive: Archive, image: Image, file: int) -> None:
        self._archive = archive
        self.image = image
        self._file = file

    def lacking(self) -> Sequence[Layer]:
        """All layers: an archive stands for itself."""
        return self.image.layers

    def put(self, layer: Layer, sent: Callable[[int], None]) -> None:
        """Append a layer's blob."""
        write_pieces(blob_member(layer.blob), self._file, sent)

    def finish(self) -> str:
        """Append what tells readers what is where."""
        write_all(self._file, closing(self.image, self._archive.reference))
        return str(self._archive)


class DockerArchive(NamedTuple):
    """An archive to read; ``reference`` says which image of it is meant, if it has several.

    ``store`` remembers what was found in it, and holds the plain form of a compressed one.
    """

    path: Path
    store: ContentStore
    reference: Reference | None = None

    @classmethod
    def parse(cls, text: str, store: ContentStore) -> DockerArchive:
        """Read ``FILE`` or ``FILE:NAME``, as they follow ``docker-archive:``.

        Raises:
            DepsfirstError: it is not of that form.
        """
        file, colon, name = text.partition(":")
        if not file:
            raise DepsfirstError(f'"docker-archive:{text}" names no file', hint="write docker-archive:FILE")
        return cls(Path(file), store, parse_reference(name) if colon else None)

    def __str__(self) -> str:
        return f"docker-archive:{self.path}{f':{self.reference}' if self.reference else ''}"

    def read(self, platform: Platform) -> Image:
        """The image; whether it is for the platform its configuration tells, which the caller compares.

        Raises:
            DepsfirstError: it is no such archive, or a damaged one.
        """
        del platform  # an archive of this format has one platform, and says it in the configuration
        members = _Members(_plain(self.path, self.store), str(self.path), self.store)
        entry = self._entry(members)
        names, config_name = entry.get("Layers"), entry.get("Config")
        if not isinstance(names, list) or not isinstance(config_name, str):
            raise DepsfirstError("it names no configuration or no layers", where=f"{self.path}: {DOCKER_MANIFEST}")
        config = members.json_blob(config_name)
        diff_ids = (config.get("rootfs") or {}).get("diff_ids") or []
        plain = [str(each) for each in diff_ids] + [""] * len(names)
        return image_of(config, [members.layer(str(name), plain[at]) for at, name in enumerate(names)], str(self))

    def _entry(self, members: _Members) -> Mapping[str, Any]:
        """The entry of the manifest for the image that is meant."""
        entries = members.images()
        tags = {str(tag): entry for entry in entries for tag in entry.get("RepoTags") or ()}
        if self.reference is not None:
            fitting = [entry for tag, entry in tags.items() if parse_reference(tag) == self.reference]
        else:
            fitting = list({str(entry.get("Config")): entry for entry in entries}.values())
        if len(fitting) == 1:
            return fitting[0]
        raise DepsfirstError(
            "the archive has several images" if fitting else "the archive does not have this image",
            where=str(self),
            hint=f"name one: docker-archive:FILE:NAME; it has {', '.join(sorted(tags)) or 'images without names'}",
        )


class _Members:
    """The files in a tar, by name."""

    def __init__(self, path: Path, where: str, store: ContentStore) -> None:
        self._path = path
        self._where = where
        self._store = store
        self._found = _list(path, where, store)

    def images(self) -> list[Mapping[str, Any]]:
        """The entries of ``manifest.json``."""
        if DOCKER_MANIFEST not in self._found:
            oci = "oci-layout" in self._found
            raise DepsfirstError(
                f'the archive has no "{DOCKER_MANIFEST}"',
                where=self._where,
                hint="unpack it into a directory and name that: oci:DIR" if oci else "make it with docker save",
            )
        data = b"".join(chunks((self._slice(DOCKER_MANIFEST),)))
        entries = load_json(b'{"images":%b}' % data, f"{self._where}: {DOCKER_MANIFEST}")["images"]
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise DepsfirstError("this must be a list of images", where=f"{self._where}: {DOCKER_MANIFEST}")
        return entries

    def json_blob(self, name: str) -> dict[str, Any]:
        """A JSON object in the archive, checked against the digest in its name if there is one."""
        where = f"{self._where}: {name}"
        piece = self._slice(name)
        digest = _digest_in(name)
        if digest:
            check_digest(Blob(Descriptor(CONFIG, digest, piece.size), (piece,)), where)
        return load_json(b"".join(chunks((piece,))), where)

    def layer(self, name: str, diff_id: str) -> Blob:
        """The blob of a layer; its first bytes say how it is compressed, if it is."""
        piece = self._slice(name)
        media_type = _media_type(piece)
        digest = diff_id if media_type == LAYER else _digest_in(name) or self._digest(name, piece)
        return Blob(Descriptor(media_type, digest, piece.size), (piece,))

    def _digest(self, name: str, piece: FileSlice) -> str:
        key = identity(self._path, name)
        digest = self._store.recall("members", key)
        if digest is None:
            digest = sha256((piece,))
            self._store.remember("members", key, digest)
        return str(digest)

    def _slice(self, name: str) -> FileSlice:
        at = normpath(name)
        for _ in range(_MANY_LINKS):
            found = self._found.get(at)
            if found is None:
                break
            if isinstance(found, list):
                return FileSlice(self._path, *found)
            at = found
        raise DepsfirstError(
            f'the archive has no "{name}"',
            where=self._where,
            hint="it was cut or put together wrongly: make it again",
        )


def _list(path: Path, where: str, store: ContentStore) -> dict[str, Any]:
    """Offset and size of each file in a tar, and the target of each link; remembered while the file is the same."""
    key = identity(path)
    found: dict[str, Any] | None = store.recall("members", key)
    if found is None:
        found = _scan(path, where)
        store.remember("members", key, found)
    return found


def _scan(path: Path, where: str) -> dict[str, Any]:
    import tarfile

    found: dict[str, Any] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                name = normpath(member.name)
                if member.isreg():
                    found[name] = [member.offset_data, member.size]
                elif member.issym():
                    found[name] = normpath(join(dirname(name), member.linkname))
                elif member.islnk():
                    found[name] = normpath(member.linkname)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise DepsfirstError(
            f"the archive cannot be read: {error}",
            where=where,
            hint="make it again, with docker save or podman save",
        ) from error
    return found


def _plain(path: Path, store: ContentStore) -> Path:
    """The archive, or what it is without the compression around it, kept in the cache."""
    compression = compression_of(_start(path))
    if compression is None:
        return path
    key = identity(path)
    if store.find(_UNPACKED, key) is None:
        with store.write(_UNPACKED, key) as target, unpacking(path.open("rb"), compression, str(path)) as source:
            while chunk := source.read(CHUNK):
                target.write(chunk)
    return store.path(_UNPACKED, key)


def _start(path: Path) -> bytes:
    """The first bytes of an archive, which tell how it is compressed; some ways are refused."""
    try:
        with path.open("rb") as file:
            start = file.read(6)
    except OSError as error:
        raise DepsfirstError(
            f"the archive cannot be read: {error.strerror}", where=str(path), hint="name a file that docker save made"
        ) from error
    for magic, packer in _OTHER_PACKERS.items():
        if start.startswith(magic):
            raise DepsfirstError(f"the archive is compressed with {packer}", where=str(path), hint="unpack it first")
    return start


def _digest_in(name: str) -> str | None:
    found = _NAMED_BY_DIGEST.fullmatch(name)
    return f"sha256:{found[1]}" if found else None


def _media_type(piece: FileSlice) -> str:
    with opened(piece) as file:
        compression = compression_of(os.read(file, 4))
    return {"gzip": LAYER_GZIP, "zstd": LAYER_ZSTD, None: LAYER}[compression]
