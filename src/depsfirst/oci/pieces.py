"""Bytes that lie in many places, read as one: the pieces that make up a blob."""

from __future__ import annotations

import errno
import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from depsfirst import digests
from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from _typeshed import ReadableBuffer, WriteableBuffer

CHUNK = 1 << 20

_NOT_BETWEEN_THESE = frozenset({errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF})


class FileSlice(NamedTuple):
    """``size`` bytes of a file from ``offset`` on."""

    path: Path
    offset: int
    size: int


Piece = bytes | FileSlice


def total(pieces: Iterable[Piece]) -> int:
    """How many bytes the pieces hold."""
    return sum(len(piece) if isinstance(piece, bytes) else piece.size for piece in pieces)


def chunks(pieces: Iterable[Piece]) -> Iterator[bytes]:
    """The bytes in order, at most ``CHUNK`` at a time but for pieces that are in memory anyway.

    Raises:
        DepsfirstError: a file is gone or shorter than it was.
    """
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        with opened(piece) as file:
            left = piece.size
            while left:
                chunk = os.read(file, min(CHUNK, left))
                if not chunk:
                    raise shorter(piece)
                left -= len(chunk)
                yield chunk


def sha256(pieces: Collection[Piece]) -> str:
    """The ``sha256:…`` digest of the bytes; other threads run meanwhile.

    One buffer is read into again and again: a mapped file would count as memory of this process.
    """
    digest = digests.sha256(size=total(pieces))
    buffer = memoryview(bytearray(CHUNK))
    for piece in pieces:
        if isinstance(piece, bytes):
            digest.update(piece)
            continue
        with opened(piece) as file:
            left = piece.size
            while left:
                count = os.readv(file, [buffer[: min(CHUNK, left)]])
                if not count:
                    raise shorter(piece)
                left -= count
                digest.update(buffer[:count])
    return f"sha256:{digest.hexdigest()}"


def write_pieces(pieces: Iterable[Piece], target: int, sent: Callable[[int], None]) -> None:
    """Append the bytes to the open file ``target``; the kernel copies files without showing them to us.

    Raises:
        OSError: the target cannot take them.
        DepsfirstError: a piece cannot be read.
    """
    for piece in pieces:
        if isinstance(piece, bytes):
            write_all(target, piece)
            sent(len(piece))
        else:
            _write_slice(piece, target, sent)


def write_all(target: int, data: ReadableBuffer) -> None:
    """Write all of ``data`` to the open file, however often the system takes only a part."""
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def reader(pieces: Iterable[Piece]) -> io.BufferedReader:
    """The pieces as one file open for reading; its ``raw`` closes with it."""
    return io.BufferedReader(_PieceReader(pieces), CHUNK)


@contextmanager
def opened(piece: FileSlice) -> Iterator[int]:
    """The file of a slice, open for reading at the slice's offset."""
    file = _open(piece)
    try:
        if piece.offset:
            os.lseek(file, piece.offset, os.SEEK_SET)
        yield file
    finally:
        os.close(file)


def _open(piece: FileSlice) -> int:
    try:
        return os.open(piece.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise DepsfirstError(
            f"a part of a layer cannot be read: {error.strerror}",
            where=str(piece.path),
            hint="build again: what is missing from the cache is made anew",
        ) from error


def shorter(piece: FileSlice) -> DepsfirstError:
    """The error for a file that ends before its slice does."""
    return DepsfirstError(
        f"the file ends before byte {piece.offset + piece.size}, so it was cut since it was written",
        where=str(piece.path),
        hint="remove the file, or the cache it is in, and build again",
    )


def _write_slice(piece: FileSlice, target: int, sent: Callable[[int], None]) -> None:
    with opened(piece) as file:
        left, step = piece.size, _copied_by_kernel
        while left:
            try:
                count = step(file, target, min(left, 16 * CHUNK))
            except OSError as error:
                if step is _copied or error.errno not in _NOT_BETWEEN_THESE:
                    raise
                step = _copied
                continue
            if not count:
                raise shorter(piece)
            left -= count
            sent(count)


def _copied_by_kernel(file: int, target: int, count: int) -> int:
    if not hasattr(os, "copy_file_range"):  # only Linux has it
        return _copied(file, target, count)
    return os.copy_file_range(file, target, count)


def _copied(file: int, target: int, count: int) -> int:
    chunk = os.read(file, min(CHUNK, count))
    write_all(target, chunk)
    return len(chunk)


class _PieceReader(io.RawIOBase):
    """A file over pieces that lie in order; what is passed over is not read."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        super().__init__()
        self._pieces = tuple(pieces)
        self._starts = [0]
        for piece in self._pieces:
            self._starts.append(self._starts[-1] + total((piece,)))
        self._at = 0
        self._open: tuple[int, int] | None = None  # the number of a piece, and its file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        number = sum(start <= self._at for start in self._starts) - 1
        if number >= len(self._pieces) or not target:
            return 0
        piece, within = self._pieces[number], self._at - self._starts[number]
        count = min(len(target), self._starts[number + 1] - self._at)
        if isinstance(piece, bytes):
            target[:count] = piece[within : within + count]
        else:
            count = os.preadv(self._file(number, piece), [target[:count]], piece.offset + within)
            if not count:
                raise shorter(piece)
        self._at += count
        return count

    def close(self) -> None:
        self._close_file()
        super().close()

    def _file(self, number: int, piece: FileSlice) -> int:
        if self._open is None or self._open[0] != number:
            self._close_file()
            self._open = number, _open(piece)
        return self._open[1]

    def _close_file(self) -> None:
        if self._open is not None:
            os.close(self._open[1])
            self._open = None
