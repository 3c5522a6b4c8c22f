"""What the bytes of a program or library tell: its architecture, its loader, and which versions it names."""

from __future__ import annotations

import re
import struct
from typing import Protocol

from depsfirst.values import NamedTuple

PYTHON_VERSION = re.compile(rb"(3\.\d{1,2}\.\d{1,2}(?:(?:a|b|rc)\d{1,2})?)\+?\0")
PYTHON_HEADER = re.compile(rb'#define\s+PY_VERSION\s+"(3\.\d+\.\d+(?:(?:a|b|rc)\d+)?)\+?"')
GLIBC_VERSION = re.compile(rb"GNU C Library [^\n\0]{0,80}version (\d+\.\d+)")
MUSL_VERSION = re.compile(rb"(1\.\d{1,2}\.\d{1,2})\0")

_CHUNK = 1 << 20
_OVERLAP = 256
_LOADER = 3  # PT_INTERP
_MACHINES = {
    3: "386",
    21: "ppc64le",
    22: "s390x",
    40: "arm",
    62: "amd64",
    183: "arm64",
    243: "riscv64",
    258: "loong64",
}


class Readable(Protocol):
    """What is read from front to end."""

    def read(self, size: int, /) -> bytes:
        """At most so many more bytes; none at the end."""


class Binary(NamedTuple):
    """A program or library.

    Attributes:
        architecture: as OCI names it; empty if the bytes are no ELF.
        loader: path of the dynamic loader it asks for, if any.
        versions: the versions it names, sorted.
    """

    architecture: str
    loader: str
    versions: tuple[str, ...]


def read_binary(content: Readable, pattern: re.Pattern[bytes]) -> Binary:
    """Read a file of any size; the first group of ``pattern`` is a version."""
    head, tail = b"", b""
    versions: set[str] = set()
    while chunk := content.read(_CHUNK):
        head = head or chunk
        window = tail + chunk
        versions.update(match[1].decode() for match in pattern.finditer(window))
        tail = window[-_OVERLAP:]
    architecture, loader = _elf(head)
    return Binary(architecture, loader, tuple(sorted(versions)))


def _elf(head: bytes) -> tuple[str, str]:
    """Architecture and loader of an ELF file, from its first bytes; empty for any other file."""
    if head[:4] != b"\x7fELF" or len(head) < 64:  # noqa: PLR2004 (the size of the header)
        return "", ""
    wide, order = head[4] == 2, "<" if head[5] == 1 else ">"  # noqa: PLR2004 (ELFCLASS64)
    machine = struct.unpack_from(order + "H", head, 18)[0]
    offset = struct.unpack_from(order + ("Q" if wide else "I"), head, 32 if wide else 28)[0]
    size, count = struct.unpack_from(order + "HH", head, 54 if wide else 42)
    for start in range(offset, offset + size * count, size or 1):
        if start + size > len(head):
            break
        kind = struct.unpack_from(order + "I", head, start)[0]
        if kind == _LOADER:
            at, length = struct.unpack_from(order + ("Q16xQ" if wide else "I8xI"), head, start + (8 if wide else 4))
            return _MACHINES.get(machine, str(machine)), head[at : at + length].rstrip(b"\0").decode(errors="replace")
    return _MACHINES.get(machine, str(machine)), ""
