"""The one deterministic tar writer, and layers put together from parts of tar.

A part is a tar stream without end-of-archive marker; a layer is parts one after the other, and ``END``. Owner,
times and order are given, never taken from a disk, so that the same content has the same digest everywhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from depsfirst import digests
from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import LAYER, Blob, Descriptor, Layer, Part
from depsfirst.oci.pieces import FileSlice, chunks, sha256, total
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from depsfirst.content import ContentStore

__all__ = [
    "END",
    "MTIME",
    "Content",
    "Kind",
    "Part",
    "TarEntry",
    "entry_header",
    "make_layer",
    "padding",
    "write_tar",
]

MTIME = 315532800
"""1980-01-01: the oldest time that a zip file can hold, so that ``zipfile`` can pack the image's files."""

END = bytes(1024)
"""Two blocks of zeros end a tar."""

Kind = Literal["file", "directory", "symlink", "hardlink"]
Content = bytes | FileSlice | Iterable[bytes]

_BLOCK = 512
_LONGEST_NAME = 100
_LONGEST_PREFIX = 155
_LARGEST_SIZE = 1 << 33
_LARGEST_ID = 1 << 21
_TYPES: dict[str, bytes] = {"file": b"0", "hardlink": b"1", "symlink": b"2", "directory": b"5", "pax": b"x"}
_MTIME = b"%011o\0" % MTIME
_USTAR = b"ustar\x0000"
# name, mode + uid + gid, size, mtime, checksum, type, link, magic, (owner's names, device), prefix
_HEADER = struct.Struct("100s24s12s12s8s1s100s8s80x155s12x")


class TarEntry(NamedTuple):
    """One entry of a layer; a tuple, since ten thousand of them are made in a build.

    Attributes:
        path: relative to the root of the image, without a slash at either end.
        kind: ``file``, ``directory``, ``symlink`` or ``hardlink``.
        mode: permission bits; a symlink's are 777 whatever they are here.
        size: of the content in bytes; 0 unless it is a file.
        link: a symlink's text, or the path in the image of a hardlink's other name.
        uid: the owner's number.
        gid: the group's number.
    """

    path: str
    kind: Kind = "file"
    mode: int = 0o644
    size: int = 0
    link: str = ""
    uid: int = 0
    gid: int = 0


def entry_header(entry: TarEntry) -> bytes:
    """The header blocks of an entry: one of ustar, after a pax header if ustar cannot hold the entry.

    Raises:
        DepsfirstError: the path leaves the image.
    """
    path, kind, mode, size, link, uid, gid = entry
    if path[:1] in {"", "/"} or (".." in path and ".." in path.split("/")):
        raise DepsfirstError(f'the path "{path}" leaves the image', hint="paths in a layer are relative to its root")
    if kind == "directory":
        path += "/"
    if len(path) > _LONGEST_NAME or not path.isascii() or link or size >= _LARGEST_SIZE or uid or gid:
        return _odd_header(entry, path)
    return _packed((kind, mode, size, 0, 0), path.encode())


def padding(size: int) -> bytes:
    """The zeros that follow ``size`` bytes of content up to the next block."""
    return bytes(-size % _BLOCK)


def write_tar(entries: Iterable[tuple[TarEntry, Content]], file: IO[bytes]) -> int:
    """Append entries to a part, in the order given.

    Returns:
        How many bytes were written.

    Raises:
        DepsfirstError: a content is longer or shorter than its entry says.
    """
    written = 0
    for entry, content in entries:
        written += file.write(entry_header(entry))
        size = _write_content(content, file)
        if size != entry.size:
            raise DepsfirstError(f'"{entry.path}" has {size} bytes, and its entry says {entry.size}')
        written += size + file.write(padding(size))
    return written


def make_layer(parts: Sequence[Part], store: ContentStore, *, kind: str, title: str = "") -> Layer:
    """A layer of parts; its digest is remembered by their keys, so that a warm build hashes nothing."""
    pieces = (*(piece for part in parts for piece in part.pieces), END)
    size = total(pieces)
    key = digests.sha256("\n".join([str(size), *(part.key for part in parts)]).encode()).hexdigest()
    diff_id = store.recall("layers", key)
    reused = diff_id is not None
    if diff_id is None:
        diff_id = sha256(pieces)
        store.remember("layers", key, diff_id)
    blob = Blob(Descriptor(LAYER, diff_id, size), pieces)
    return Layer(diff_id, blob, kind, title, reused=reused, parts=tuple(parts))


def _write_content(content: Content, file: IO[bytes]) -> int:
    if isinstance(content, bytes):
        file.write(content)
        return len(content)
    size = 0
    for chunk in chunks((content,)) if isinstance(content, FileSlice) else content:
        file.write(chunk)
        size += len(chunk)
    return size


def _packed(numbers: tuple[str, int, int, int, int], name: bytes, prefix: bytes = b"", link: bytes = b"") -> bytes:
    kind, mode, size, uid, gid = numbers
    who, checksum = _frame(kind, mode, uid, gid)
    length = b"%011o\0" % size
    checksum += sum(name) + sum(prefix) + sum(link) + sum(length)
    return _HEADER.pack(name, who, length, _MTIME, b"%06o\0 " % checksum, _TYPES[kind], link, _USTAR, prefix)


@lru_cache
def _frame(kind: str, mode: int, uid: int, gid: int) -> tuple[bytes, int]:
    """What few combinations of arguments give: mode and owner, and the checksum of all that is constant."""
    who = b"%07o\0%07o\0%07o\0" % (mode & 0o7777, uid, gid)
    return who, sum(who) + sum(_MTIME) + sum(_USTAR) + sum(_TYPES[kind]) + 8 * ord(" ")


def _odd_header(entry: TarEntry, path: str) -> bytes:
    """A header with a prefix, a link or an owner, and with pax records for what ustar cannot hold."""
    records: dict[str, str] = {}
    prefix, name = _split(path.encode())
    if not path.isascii() or len(name) > _LONGEST_NAME:
        records["path"] = path
        prefix, name = b"", _approximate(path)
    link = entry.link.encode()
    if not entry.link.isascii() or len(link) > _LONGEST_NAME:
        records["linkpath"] = entry.link
        link = _approximate(entry.link)
    mode = 0o777 if entry.kind == "symlink" else entry.mode
    size = _within(_LARGEST_SIZE, "size", entry.size, records)
    uid = _within(_LARGEST_ID, "uid", entry.uid, records)
    gid = _within(_LARGEST_ID, "gid", entry.gid, records)
    return _pax(records) + _packed((entry.kind, mode, size, uid, gid), name, prefix, link)


def _within(limit: int, key: str, value: int, records: dict[str, str]) -> int:
    """The number, or 0 and a record if ustar's field cannot hold it."""
    if value < limit:
        return value
    records[key] = str(value)
    return 0


def _split(path: bytes) -> tuple[bytes, bytes]:
    """Share a path out over ustar's prefix and name, where a slash makes that possible."""
    if len(path) > _LONGEST_NAME:
        cut = path.rfind(b"/", 0, min(_LONGEST_PREFIX + 1, len(path) - 1))
        if cut > 0 and len(path) - cut - 1 <= _LONGEST_NAME:
            return path[:cut], path[cut + 1 :]
    return b"", path


def _approximate(text: str) -> bytes:
    """What a reader without pax shows."""
    return text.encode("ascii", "replace")[:_LONGEST_NAME]


def _pax(records: dict[str, str]) -> bytes:
    """A pax header for the entry that follows; nothing when there are no records."""
    if not records:
        return b""
    data = b"".join(_pax_record(key.encode(), value.encode()) for key, value in sorted(records.items()))
    return _packed(("pax", 0o644, len(data), 0, 0), b"././@PaxHeader") + data + padding(len(data))


def _pax_record(key: bytes, value: bytes) -> bytes:
    """``LENGTH KEY=VALUE``, where the length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)
