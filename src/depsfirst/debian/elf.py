"""Reads of a shared library the name that the dynamic linker knows it by (ELF, 64 bits, little-endian)."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.oci.pieces import opened

if TYPE_CHECKING:
    from depsfirst.oci.pieces import FileSlice

_IDENTITY = b"\x7fELF\x02\x01\x01"
_SHARED = 3
_FILE = struct.Struct("<16sHHIQQQIHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_ENTRY = struct.Struct("<qQ")
_LOAD, _DYNAMIC = 1, 2
_STRINGS, _STRINGS_SIZE, _SONAME = 5, 10, 14


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


def soname(library: FileSlice, machine: int) -> str | None:
    """The name of a shared library for a machine, empty if it has none; None if this is no such library.

    Args:
        library: the file.
        machine: the number ELF gives to an architecture.
    """
    with opened(library) as file:
        try:
            return _soname(file, library.offset, machine)
        except (struct.error, UnicodeDecodeError):  # it looks like a library and is none
            return None


def _soname(file: int, start: int, machine: int) -> str | None:
    header = os.pread(file, _FILE.size, start)
    if not header.startswith(_IDENTITY):
        return None
    _, kind, of, _, _, table, _, _, _, width, count = _FILE.unpack(header)
    if kind != _SHARED or of != machine or width < _SEGMENT.size:
        return None
    segments = [_segment(os.pread(file, _SEGMENT.size, start + table + place * width)) for place in range(count)]
    dynamic = next((segment for segment in segments if segment.kind == _DYNAMIC), None)
    if dynamic is None:
        return None
    facts = dict(_ENTRY.iter_unpack(os.pread(file, dynamic.size, start + dynamic.offset)))
    if _SONAME not in facts:
        return ""
    address = facts[_STRINGS]
    strings = next(each for each in segments if each.kind == _LOAD and 0 <= address - each.address < each.size)
    place = start + strings.offset + address - strings.address
    name = os.pread(file, facts[_STRINGS_SIZE], place)[facts[_SONAME] :]
    return name.partition(b"\0")[0].decode("ascii")


def _segment(data: bytes) -> _Segment:
    kind, _, offset, address, _, size, _, _ = _SEGMENT.unpack(data)
    return _Segment(kind, offset, address, size)
