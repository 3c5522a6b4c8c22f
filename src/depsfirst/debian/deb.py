"""Opens ``.deb`` files: an ar archive of two compressed tars (deb(5)), read as streams."""

from __future__ import annotations

import io
import tarfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

from depsfirst.dataclass import dataclass
from depsfirst.debian.compression import decompressed
from depsfirst.errors import DepsfirstError
from depsfirst.oci.pieces import FileSlice, reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from depsfirst.oci.layer import Kind

_MAGIC = b"!<arch>\n"
_HEADER = 60
_CONTROL_LIMIT = 64 << 20
_KINDS: dict[bytes, Kind] = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.SYMTYPE: "symlink",
    tarfile.DIRTYPE: "directory",
}


class Member(NamedTuple):
    """One file of a package, as the package has it.

    Attributes:
        path: relative to the root, without ``./``.
        kind: a hard link is another ``file`` with the same content.
        link: text of a symlink.
        content: where the bytes of a file are.
        owner: names of user and group.
    """

    path: str
    kind: Kind
    mode: int
    uid: int
    gid: int
    link: str
    content: FileSlice | None
    owner: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Deb:
    """An opened package: the files of its control archive by name, and its members."""

    control: Mapping[str, bytes]
    members: tuple[Member, ...]

    def field(self, name: str) -> str:
        """A field of the control file; empty when it is not there."""
        for line in self.control["control"].decode("utf-8", "replace").splitlines():
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return ""


def open_deb(path: Path, unpacked: Path, where: str) -> Deb:
    """Read a package.

    Args:
        path: the ``.deb``.
        unpacked: the file to make; it gets the uncompressed archive that the members' contents are in.
        where: the package, for messages.

    Raises:
        DepsfirstError: the package is damaged, or a member would leave the root.
    """
    control: dict[str, bytes] | None = None
    for name, piece in _archive(path, where):
        stem, _, suffix = name.partition(".tar")
        with reader((piece,)) as source:
            if stem == "control":
                control = _control(decompressed(source, suffix, where), where)
            elif stem == "data":
                with unpacked.open("wb") as target:
                    target.writelines(decompressed(source, suffix, where))
    if control is None or "control" not in control or not unpacked.exists():
        raise DepsfirstError("the package has no control or data archive", where=where)
    return Deb(control, _members(unpacked, where))


def _archive(path: Path, where: str) -> Iterator[tuple[str, FileSlice]]:
    """Names and places of what is in the ar archive."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(0)
        if file.read(len(_MAGIC)) != _MAGIC:
            raise DepsfirstError("the file is no Debian package", where=where)
        while (place := file.tell()) < end:
            header = file.read(_HEADER)
            size = header[48:58].strip()
            if len(header) < _HEADER or header[58:] != b"`\n" or not size.isdigit() or place + int(size) > end:
                raise DepsfirstError("the package is damaged", where=where)
            yield header[:16].decode("ascii", "replace").strip().rstrip("/"), FileSlice(path, file.tell(), int(size))
            file.seek(int(size) + int(size) % 2, 1)


def _control(chunks: Iterator[bytes], where: str) -> dict[str, bytes]:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > _CONTROL_LIMIT:
            raise DepsfirstError(f"the control archive is larger than {_CONTROL_LIMIT >> 20} MiB", where=where)
    with _tar(io.BytesIO(data), where) as tar:
        files = [(member.name.removeprefix("./"), tar.extractfile(member)) for member in tar if member.isreg()]
        return {name: file.read() for name, file in files if file is not None}


def _members(path: Path, where: str) -> tuple[Member, ...]:
    files: dict[str, Member] = {}
    with path.open("rb") as file, _tar(file, where) as tar:
        named = ((info, _inside(info.name, where)) for info in tar)
        return tuple(_member(info, name, path, files, where) for info, name in named if name)


def _member(info: tarfile.TarInfo, name: str, path: Path, files: dict[str, Member], where: str) -> Member:
    if info.type == tarfile.LNKTYPE:
        target = _inside(info.linkname, where)
        if target not in files:
            raise DepsfirstError(f'"{name}" is a hard link to "{target}", which is no file before it', where=where)
        return files[target]._replace(path=name)
    kind = _KINDS.get(info.type)
    if kind is None:
        raise DepsfirstError(f'"{name}" is a device or of another kind that packages do not have', where=where)
    mode = 0o777 if kind == "symlink" else info.mode & 0o7777
    link = info.linkname if kind == "symlink" else ""
    content = FileSlice(path, info.offset_data, info.size) if kind == "file" else None
    made = Member(name, kind, mode, info.uid, info.gid, link, content, (info.uname, info.gname))
    if content:
        files[name] = made
    return made


def _inside(name: str, where: str) -> str:
    """The name relative to the root, without ``./``; empty for the root itself."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts:
        raise DepsfirstError(f'the path "{name}" leaves the root of the image', where=where)
    if not name.isprintable():
        raise DepsfirstError(f"the path {name!a} is not readable text", where=where)
    return "/".join(part for part in parts if part not in {"", "."})


@contextmanager
def _tar(file: IO[bytes], where: str) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            yield tar
    except tarfile.TarError as error:
        raise DepsfirstError(f"an archive of the package is damaged: {error}", where=where) from error
