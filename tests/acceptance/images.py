"""Reads images as they stand in archives and layouts, by the specification and without the product's own code."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
import tarfile
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_GZIP = b"\x1f\x8b"
_MACHINES = {62: "amd64", 183: "arm64"}


@dataclass(frozen=True)
class Entry:
    """A file system entry: ``content`` is a file's bytes, the text of a link as bytes, or empty."""

    kind: str
    mode: int
    owner: tuple[int, int]
    mtime: int
    content: bytes

    @property
    def executable(self) -> bool:
        return bool(self.mode & 0o111)


Tree = dict[str, Entry]


@dataclass(frozen=True)
class StoredImage:
    """An image: its manifest and configuration, and its layers as tars without compression, lowest first."""

    manifest: dict[str, Any]
    config: dict[str, Any]
    tars: tuple[bytes, ...]

    def tree(self, start: int = 0) -> Tree:
        """What the layers from ``start`` on come to, one upon the other; none of ours takes anything away."""
        merged: Tree = {}
        for tar in self.tars[start:]:
            merged |= tree_of(tar)
        return merged


def read_image(path: Path) -> StoredImage:
    """The only image of an archive or a layout; every digest is checked.

    An archive has to say the same to those who read it as Docker's and to those who read it as a layout.
    """
    if path.is_dir():
        return _of_layout(lambda name: (path / name).read_bytes())
    with tarfile.open(path) as tar:

        def member(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None, name
            return file.read()

        image = _of_layout(member)
        (said,) = json.loads(member("manifest.json"))
        assert json.loads(member(said["Config"])) == image.config
        assert [_plain(member(name)) for name in said["Layers"]] == list(image.tars)
    return image


def _of_layout(member: Any) -> StoredImage:
    def blob(descriptor: dict[str, Any]) -> bytes:
        data: bytes = member(f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}")
        assert hashlib.sha256(data).hexdigest() == descriptor["digest"].removeprefix("sha256:")
        assert len(data) == descriptor["size"]
        return data

    assert json.loads(member("oci-layout"))["imageLayoutVersion"] == "1.0.0"
    (entry,) = json.loads(member("index.json"))["manifests"]
    manifest = json.loads(blob(entry))
    config = json.loads(blob(manifest["config"]))
    tars = tuple(_plain(blob(layer)) for layer in manifest["layers"])
    diff_ids = [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]
    assert config["rootfs"] == {"type": "layers", "diff_ids": diff_ids}
    return StoredImage(manifest, config, tars)


def _plain(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(_GZIP) else data


def tree_of(tar: bytes) -> Tree:
    """The entries of a tar by path, directories without a slash at the end."""
    with tarfile.open(fileobj=BytesIO(tar)) as file:
        return dict(_entries(file))


def _entries(tar: tarfile.TarFile) -> Iterator[tuple[str, Entry]]:
    kinds = {tarfile.DIRTYPE: "directory", tarfile.SYMTYPE: "link", tarfile.LNKTYPE: "hard link"}
    for member in tar:
        file = tar.extractfile(member) if member.isreg() else None
        content = file.read() if file else member.linkname.encode()
        kind = kinds.get(member.type, "file")
        mtime = int(member.mtime)
        yield member.name.strip("/"), Entry(kind, member.mode & 0o7777, (member.uid, member.gid), mtime, content)


def below(tree: Tree, folder: str) -> Tree:
    """The entries of a directory, with paths relative to it."""
    start = folder.strip("/") + "/"
    return {path.removeprefix(start): entry for path, entry in tree.items() if path.startswith(start)}


def machines(tree: Tree) -> dict[str, str]:
    """What each ELF file is for, by path."""
    found = {}
    for path, entry in tree.items():
        if entry.content.startswith(b"\x7fELF"):
            (machine,) = struct.unpack_from("<H", entry.content, 18)
            found[path] = _MACHINES.get(machine, str(machine))
    return found


def naming(tars: Iterable[bytes], text: str) -> list[str]:
    """Paths of all files that hold a text, bytecode and links included; the text may stand in a name, too."""
    found = []
    for tar in tars:
        for path, entry in tree_of(tar).items():
            if text in path or text.encode() in entry.content:
                found.append(path)
    return found
