"""Compressed streams read as plain ones, with damage told in words."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from depsfirst.errors import DepsfirstError
from depsfirst.oci.pieces import CHUNK

if TYPE_CHECKING:
    from typing import Literal

    from _typeshed import WriteableBuffer

    Compression = Literal["gzip", "zstd"]

MAGIC: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def compression_of(start: bytes) -> Compression | None:
    """How a stream is compressed, by its first four bytes or more."""
    return next((name for magic, name in MAGIC.items() if start.startswith(magic)), None)


def unpacking(raw: BinaryIO, compression: Compression, where: str) -> BinaryIO:
    """The plain content of a compressed file, which is closed with it.

    Reading raises:
        DepsfirstError: it is damaged; ``where`` names it.
    """
    return io.BufferedReader(_Unpacker(raw, compression, where), CHUNK)


class _Unpacker(io.RawIOBase):
    def __init__(self, raw: BinaryIO, compression: Compression, where: str) -> None:
        super().__init__()
        self._raw = raw
        self._where = where
        self._source, self._damage = _OPENERS[compression](raw)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        try:
            return cast("int", self._source.readinto(buffer))
        except self._damage as error:
            raise DepsfirstError(
                f"it cannot be unpacked: {error}", where=self._where, hint="fetch or make it again"
            ) from error

    def close(self) -> None:
        if not self.closed:
            self._source.close()
            self._raw.close()
        super().close()


def _gzip(raw: BinaryIO) -> tuple[io.RawIOBase, tuple[type[Exception], ...]]:
    from isal.igzip import IGzipFile

    return cast("io.RawIOBase", IGzipFile(fileobj=raw, mode="rb")), (OSError, EOFError)  # type: ignore[no-untyped-call]


def _zstd(raw: BinaryIO) -> tuple[io.RawIOBase, tuple[type[Exception], ...]]:
    from zstandard import ZstdDecompressor, ZstdError

    stream = ZstdDecompressor().stream_reader(raw, read_across_frames=True)
    return cast("io.RawIOBase", stream), (OSError, ZstdError)


_OPENERS = {"gzip": _gzip, "zstd": _zstd}
