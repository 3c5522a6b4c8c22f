"""Images to test with, small and real: the program in them is for Linux and needs nothing else."""

from __future__ import annotations

import hashlib
import io
import struct
from typing import TYPE_CHECKING

import pytest

from depsfirst.content import ContentStore
from depsfirst.oci.image import FileSlice, Image, Layer, Part
from depsfirst.oci.layer import Content, TarEntry, make_layer, write_tar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LABEL = "dev.depsfirst.recipe"


def program(message: str) -> bytes:
    """An x86-64 program that says something and ends."""
    said = message.encode()
    code = b"".join(
        (
            b"\xb8\x01\x00\x00\x00",  # mov eax, 1: write
            b"\xbf\x01\x00\x00\x00",  # mov edi, 1: to standard output
            b"\x48\x8d\x35\x10\x00\x00\x00",  # lea rsi, [rip+16]: what follows the code
            b"\xba" + struct.pack("<I", len(said)),  # mov edx, length
            b"\x0f\x05",  # syscall
            b"\xb8\x3c\x00\x00\x00",  # mov eax, 60: exit
            b"\x31\xff",  # xor edi, edi
            b"\x0f\x05",  # syscall
        )
    )
    start, size = 0x400000, 120 + len(code) + len(said)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, start + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    head += struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 0x1000)
    return head + code + said


class Maker:
    """Makes parts, layers and images in a content store."""

    def __init__(self, store: ContentStore) -> None:
        self.store = store

    def part(self, *entries: tuple[TarEntry, Content]) -> Part:
        file = io.BytesIO()
        write_tar(entries, file)
        data = file.getvalue()
        return Part(hashlib.sha256(data).hexdigest(), (data,))

    def file(self, path: str, data: bytes, mode: int = 0o644) -> tuple[TarEntry, bytes]:
        return TarEntry(path, mode=mode, size=len(data)), data

    def stored_part(self, *entries: tuple[TarEntry, Content]) -> Part:
        """A part that lies in the content store, as wheels do."""
        part = self.part(*entries)
        with self.store.write("parts", part.key) as file:
            for piece in part.pieces:
                assert isinstance(piece, bytes)
                file.write(piece)
        return Part(part.key, (FileSlice(self.store.path("parts", part.key), 0, part.size),))

    def layer(self, *entries: tuple[TarEntry, Content], kind: str = "code") -> Layer:
        return make_layer([self.part(*entries)], self.store, kind=kind, title=f"the {kind}")

    def image(self, said: str = "hello", dependencies: int = 100_000, base: Sequence[Layer] = ()) -> Image:
        """A base with directories, a layer of dependencies that does not change, and a program that says something."""
        directories = [(TarEntry(name, "directory", 0o755), b"") for name in ("app", "tmp")]
        blob = hashlib.shake_256(b"dependencies").digest(dependencies)
        wheel = self.stored_part(self.file("dependencies/blob", blob), self.file("dependencies/é" * 20, b"odd"))
        layers = (
            *(base or [self.layer(*directories, kind="base")]),
            make_layer([wheel], self.store, kind="dependencies", title="the dependencies"),
            self.layer(self.file("app/hello", program(said), 0o755)),
        )
        config = {
            "os": "linux",
            "architecture": "amd64",
            "created": "2020-01-02T03:04:05Z",
            "config": {"Entrypoint": ["/app/hello"], "Labels": {LABEL: "x"}},
        }
        return Image(config, layers)


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "cache")


@pytest.fixture
def make(store: ContentStore) -> Maker:
    return Maker(store)
