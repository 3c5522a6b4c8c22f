"""The bytes that a compressed stream stands for: package indexes, and the members of a ``.deb``."""

from __future__ import annotations

import gzip
import lzma
import zlib
from typing import IO, TYPE_CHECKING, cast

from zstandard import ZstdDecompressor, ZstdError

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1 << 20

_DAMAGED = (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, ZstdError)


def decompressed(source: IO[bytes], suffix: str, where: str) -> Iterator[bytes]:
    """The decompressed bytes, at most ``CHUNK`` at a time, whatever the ratio.

    Args:
        source: the stream.
        suffix: how it is compressed: ``.xz``, ``.zst``, ``.gz``, or nothing.
        where: what is read, for messages.

    Raises:
        DepsfirstError: the stream is damaged or ends early, or the suffix is none of these.
    """
    reader = _reader(source, suffix, where)
    try:
        while chunk := reader.read(CHUNK):
            yield chunk
    except _DAMAGED as error:
        raise DepsfirstError(f"the compressed data is damaged: {error}", where=where) from error


def _reader(source: IO[bytes], suffix: str, where: str) -> IO[bytes]:
    if suffix == ".xz":
        return lzma.open(source)
    if suffix == ".zst":
        return cast("IO[bytes]", ZstdDecompressor().stream_reader(source, read_across_frames=True))
    if suffix == ".gz":
        return cast("IO[bytes]", gzip.open(source))
    if not suffix:
        return source
    raise DepsfirstError(f'the compression "{suffix}" is unknown', where=where, hint="known are .xz, .zst and .gz")
