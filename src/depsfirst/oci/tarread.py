"""Reads tars: one header after the other, contents passed over unless they are asked for.

``tarfile`` takes 60 µs for an entry of a stream, and reads what it passes over; a base has twelve thousand entries.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Literal

from depsfirst.oci.pieces import CHUNK
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["file", "directory", "symlink", "hardlink", "other"]

_BLOCK = 512
_KINDS: dict[bytes, Kind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"S": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"5": "directory",
}
_WITH_CONTENT = frozenset({"file"})
_PAX, _GLOBAL, _LONG_NAME, _LONG_LINK, _SPARSE = b"x", b"g", b"L", b"K", b"S"
_LONGEST_TEXT = 1 << 20
_BINARY = 0x80
_SIGNED = 0x7F
"""The highest byte that is no negative number to those who sum signed ones."""


class TarReadError(Exception):
    """The bytes are no tar, or it ends too early."""


class TarMember(NamedTuple):
    """An entry as it was read: the name and, for links, what they point to as they stand in the tar."""

    name: str
    kind: Kind
    mode: int
    size: int
    link: str = ""


class TarReader:
    """Goes through a tar from front to end; a file that can be searched is not read where nobody looks.

    Args:
        file: the uncompressed tar, at its beginning.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = _length(file)
        self._at = 0
        self._left = 0  # of the content of the current entry
        self._padding = 0

    def __iter__(self) -> Iterator[TarMember]:
        """The entries in order; the content of the last one can be read until the next is asked for.

        Raises:
            TarReadError: this is no tar, or it ends too early.
        """
        more: dict[str, str] = {}
        always: dict[str, str] = {}
        while (block := self._header()) is not None:
            kind, size = block[156:157], _number(block[124:136])
            if kind in {_PAX, _GLOBAL, _LONG_NAME, _LONG_LINK}:
                (always if kind == _GLOBAL else more).update(self._described(kind, size))
                continue
            if kind == _SPARSE:
                self._pass_sparse_map(block)
            member = _member(block, size, {**always, **more})
            more = {}
            self._enter(member.size if member.kind in _WITH_CONTENT or kind not in _KINDS else 0)
            yield member

    def read(self, size: int = -1) -> bytes:
        """More of the content of the current entry; empty at its end."""
        count = self._left if size < 0 else min(size, self._left)
        data = self._file.read(count) if count else b""
        if len(data) < count:
            raise TarReadError("it ends in the middle of a file")
        self._left -= count
        self._at += count
        return data

    def _header(self) -> bytes | None:
        """The next header; None at the end."""
        self._skip(self._left + self._padding)
        self._left = self._padding = 0
        block = self._file.read(_BLOCK)
        if not block and self._at:
            return None
        self._at += len(block)
        if len(block) < _BLOCK:
            raise TarReadError("it ends in the middle of a header" if block else "it is empty")
        if not block.strip(b"\0"):
            return None
        _check(block)
        return block

    def _enter(self, size: int) -> None:
        self._left, self._padding = size, -size % _BLOCK

    def _skip(self, count: int) -> None:
        self._at += count
        if self._end is not None:
            if self._at > self._end:
                raise TarReadError("it ends in the middle of a file")
            if count:
                self._file.seek(count, 1)
            return
        while count:
            data = self._file.read(min(count, CHUNK))
            if not data:
                raise TarReadError("it ends in the middle of a file")
            count -= len(data)

    def _described(self, kind: bytes, size: int) -> dict[str, str]:
        """What an entry says of the next one, or of all that follow."""
        if size > _LONGEST_TEXT:
            raise TarReadError("a name in it is longer than names can be")
        self._enter(size)
        data = self.read()
        if kind == _LONG_NAME:
            return {"path": _text(data)}
        return {"linkpath": _text(data)} if kind == _LONG_LINK else dict(_records(data))

    def _pass_sparse_map(self, block: bytes) -> None:
        extended = block[482]
        while extended:
            data = self._file.read(_BLOCK)
            self._at += len(data)
            if len(data) < _BLOCK:
                raise TarReadError("it ends in the middle of a header")
            extended = data[504]


def _length(file: IO[bytes]) -> int | None:
    """How long a file is that can be searched; None for another."""
    if not file.seekable():
        return None
    end = file.seek(0, 2)
    file.seek(0)
    return end


def _member(block: bytes, size: int, more: dict[str, str]) -> TarMember:
    short = _text(block[:100])
    prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
    name = more.get("GNU.sparse.name") or more.get("path") or (f"{prefix}/{short}" if prefix else short)
    kind = _KINDS.get(block[156:157], "other")
    if block[156:157] == b"\0" and short.endswith("/"):
        kind = "directory"  # as tars before 1988 have it
    link = more.get("linkpath") or _text(block[157:257])
    try:
        size = int(more.get("size", size))
    except ValueError:
        raise TarReadError("the size of a file in it is no number") from None
    return TarMember(name, kind, _number(block[100:108]), size, link)


def _check(block: bytes) -> None:
    """Refuse a header whose sum is not what it says."""
    said, rest = _number(block[148:156]), block[:148] + block[156:]
    found = sum(rest) + 8 * ord(" ")
    if said != found and said != found - 256 * sum(byte > _SIGNED for byte in rest):
        raise TarReadError("a header in it is damaged")


def _number(field: bytes) -> int:
    """A number in octal digits, or in binary where those do not suffice."""
    if field[0] & _BINARY:
        if field[0] != _BINARY:
            raise TarReadError("a number in it is negative")
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.partition(b"\0")[0].strip() or b"0", 8)
    except ValueError:
        raise TarReadError("a header in it is damaged") from None


def _records(data: bytes) -> Iterator[tuple[str, str]]:
    """The records of a pax header: ``LENGTH KEY=VALUE`` and a new line each."""
    at = 0
    while at < len(data) and data[at]:
        length = data[at : at + 20].partition(b" ")[0]
        if not length.isdigit() or not int(length):
            raise TarReadError("a header in it is damaged")
        key, equals, value = data[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        if not equals:
            raise TarReadError("a header in it is damaged")
        yield key.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape")
        at += int(length)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")
