"""Reads wheels: a zip archive of the cache, or the project's own entries; both are sources for the installer.

Bytes are inflated by ISA-L, which is about three times as fast as zlib, and never held whole unless they are small.
"""

from __future__ import annotations

import stat
import struct
import zipfile
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from installer.sources import WheelSource
from isal import isal_zlib
from isal.igzip_lib import IsalError

from depsfirst.errors import DepsfirstError
from depsfirst.wheels.placing import SHEBANG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_CHUNK = 1 << 20
_SMALL = 1 << 22
_LOCAL_HEADER = struct.Struct("<26xHH")


class EntryStream(BytesIO):
    """What the installer is given for an entry: its name, and bytes only where it looks at them."""

    def __init__(self, entry: str, text: bytes = b"") -> None:
        super().__init__(text)
        self.entry = entry


class WheelArchive(WheelSource):
    """A wheel file of the cache.

    Args:
        archive: the open zip file.
        name: the wheel's file name, which the cache does not keep.

    Raises:
        DepsfirstError: an entry that would be written outside its place, or a broken archive.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        from packaging.utils import canonicalize_name

        self.name = name
        self._file = cast("BinaryIO", archive.fp)
        self._archive = archive
        self._infos = {info.filename: info for info in archive.infolist() if not info.is_dir()}
        for info in archive.infolist():
            _check_entry(info, name)
        folders = {path.partition("/")[0] for path in self._infos if "/" in path}
        found = sorted(folder for folder in folders if folder.endswith(".dist-info"))
        named = canonicalize_name(name.partition("-")[0])
        own = [f for f in found if canonicalize_name(f.removesuffix(".dist-info").rpartition("-")[0]) == named]
        if len(own) != 1:
            raise DepsfirstError(
                f'the wheel has no ".dist-info" directory of its own, but {found or "none at all"}', where=name
            )
        distribution, _, version = own[0].removesuffix(".dist-info").rpartition("-")
        super().__init__(distribution, version)

    @classmethod
    @contextmanager
    def opened(cls, path: Path, name: str) -> Iterator[WheelArchive]:
        """Open a wheel; ``name`` is the file name it had."""
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise DepsfirstError(f"the wheel cannot be read: {error}", where=name) from error
        with archive:
            yield cls(archive, name)

    @property
    def dist_info_filenames(self) -> list[str]:
        """Names of the files of the dist-info directory."""
        start = f"{self.dist_info_dir}/"
        return [path[len(start) :] for path in self._infos if path.startswith(start)]

    def read_dist_info(self, filename: str) -> str:
        """Text of a file of the dist-info directory."""
        entry = f"{self.dist_info_dir}/{filename}"
        if entry not in self._infos:
            raise DepsfirstError(f'the wheel has no "{entry}"', where=self.name)
        return b"".join(self.open(entry)[1]).decode()

    def get_contents(self) -> Iterator[tuple[tuple[str, str, str], BinaryIO, bool]]:
        """Every entry, with a stream that names it."""
        scripts = f"{self.data_dir}/scripts/"
        for path, info in self._infos.items():
            if "__pycache__" in path.split("/"):
                continue
            mode = info.external_attr >> 16
            executable = bool(stat.S_ISREG(mode) and mode & 0o111)
            text = self._script(path) if path.startswith(scripts) else b""
            yield (path, "", ""), EntryStream(path, text), executable

    def open(self, entry: str) -> tuple[int, Iterable[bytes]]:
        """The size in bytes of an entry, and its bytes."""
        info = self._infos[entry]
        return info.file_size, self._checked(info, self._chunks(info))

    def _script(self, entry: str) -> bytes:
        _, chunks = self.open(entry)
        first = next(iter(chunks), b"")
        return b"".join(self.open(entry)[1]) if first.startswith(SHEBANG) else b""

    def _checked(self, info: zipfile.ZipInfo, chunks: Iterable[bytes]) -> Iterator[bytes]:
        size = crc = 0
        for chunk in chunks:
            size += len(chunk)
            crc = isal_zlib.crc32(chunk, crc)
            if size > info.file_size:
                break
            yield chunk
        if size != info.file_size or crc != info.CRC:
            raise DepsfirstError(f'the entry "{info.filename}" is damaged', where=self.name)

    def _chunks(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            yield from self._slowly(info)
            return
        compressed = self._raw(info)
        if info.compress_type == zipfile.ZIP_STORED:
            yield from compressed
            return
        try:
            yield from _inflated(compressed, info)
        except IsalError as error:  # type: ignore[misc]  # the stub says less
            raise DepsfirstError(f'the entry "{info.filename}" is damaged: {error}', where=self.name) from error

    def _raw(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        self._file.seek(info.header_offset)
        name, extra = _LOCAL_HEADER.unpack(self._file.read(_LOCAL_HEADER.size))
        self._file.seek(name + extra, 1)
        left = info.compress_size
        while left:
            chunk = self._file.read(min(left, _CHUNK))
            if not chunk:
                raise DepsfirstError(f'the entry "{info.filename}" is cut off', where=self.name)
            left -= len(chunk)
            yield chunk

    def _slowly(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        with self._archive.open(info) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk


class ProjectSource(WheelSource):
    """The project's own wheel as a source: entries whose bytes are at hand or stand in the source tree.

    Args:
        name: of the distribution, as its ``.dist-info`` directory spells it.
        version: likewise.
        entries: executable or not, by path in the wheel.
        contents: where their bytes come from.
    """

    def __init__(self, name: str, version: str, entries: Mapping[str, bool], contents: Any) -> None:
        super().__init__(name, version)
        self._entries = entries
        self._contents = contents

    @property
    def dist_info_filenames(self) -> list[str]:
        """Names of the files of the dist-info directory."""
        start = f"{self.dist_info_dir}/"
        return [path[len(start) :] for path in self._entries if path.startswith(start)]

    def read_dist_info(self, filename: str) -> str:
        """Text of a file of the dist-info directory."""
        return b"".join(self._contents.open(f"{self.dist_info_dir}/{filename}")[1]).decode()

    def get_contents(self) -> Iterator[tuple[tuple[str, str, str], BinaryIO, bool]]:
        """Every entry, with a stream that names it."""
        scripts = f"{self.data_dir}/scripts/"
        for path, executable in self._entries.items():
            text = b"".join(self._contents.open(path)[1]) if path.startswith(scripts) else b""
            yield (path, "", ""), EntryStream(path, text), executable


def _inflated(compressed: Iterable[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    if info.file_size <= _SMALL:
        yield isal_zlib.decompress(b"".join(compressed), wbits=-15, bufsize=max(info.file_size, 64))
        return
    inflater = isal_zlib.decompressobj(wbits=-15)
    for chunk in compressed:
        data = inflater.decompress(chunk, _CHUNK)
        while data:
            yield data
            data = inflater.decompress(inflater.unconsumed_tail, _CHUNK)
    yield inflater.flush()


def _check_entry(info: zipfile.ZipInfo, wheel: str) -> None:
    path = info.orig_filename
    reason = None
    if path.startswith(("/", "\\")) or path[1:].startswith(":"):
        reason = "is absolute"
    elif ".." in path.replace("\\", "/").split("/"):
        reason = 'leads out of its directory with ".."'
    elif stat.S_ISLNK(info.external_attr >> 16):
        reason = "is a symbolic link"
    elif "\0" in path or "\\" in path or "//" in path or path in {"", "."}:
        reason = "has no proper name"
    if reason:
        raise DepsfirstError(
            f'the entry "{path}" {reason}; no wheel may have that',
            where=wheel,
            hint="do not use this file; report it to the package's maintainers",
        )
