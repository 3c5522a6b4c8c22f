"""Images to test with, small and real: the program in them is for Linux and needs nothing else."""

from __future__ import annotations

import hashlib
import io
import socket
import ssl
import struct
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from depsfirst.content import ContentStore
from depsfirst.oci.endpoint import Endpoint
from depsfirst.oci.image import FileSlice, Image, Layer, Part
from depsfirst.oci.layer import Content, TarEntry, make_layer, write_tar
from depsfirst.oci.stores.daemon import LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Self


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
            "config": {"Entrypoint": ["/app/hello"], "Labels": {LABEL: "of a test"}},
        }
        return Image(config, layers)


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "cache")


@pytest.fixture
def make(store: ContentStore) -> Maker:
    return Maker(store)


class Server:
    """Answers each request, on whatever connection, with the next of the given answers; keeps what it was sent."""

    def __init__(self, listener: socket.socket, replies: tuple[bytes, ...]) -> None:
        self.received: list[bytes] = []
        self.patient = True
        self._listener = listener
        self._replies = list(replies)
        self._threads = [threading.Thread(target=self._serve)]

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                thread = threading.Thread(target=self._answer, args=(self._listener.accept()[0],))
                self._threads.append(thread)
                thread.start()

    def _answer(self, connection: socket.socket) -> None:
        """Answer a client until it goes or there is nothing left to say."""
        connection.settimeout(10)
        with connection, suppress(ConnectionError):  # some clients go away on purpose
            further = b""
            while self._replies and (data := self._data(connection, further)):
                request, further = self._parted(data)
                self.received.append(request)
                connection.sendall(self._replies.pop(0))

    def _data(self, connection: socket.socket, data: bytes) -> bytes:
        while not self._whole(data):
            more = connection.recv(1 << 20)
            if not more or (not self.patient and len(data) > 1 << 20):
                break
            data += more
        return data if self._whole(data) or not self.patient else b""

    @staticmethod
    def _parted(data: bytes) -> tuple[bytes, bytes]:
        """The first request, and what came with it already; only questions come before the last was answered."""
        end = data.index(b"\r\n\r\n") + 4 if data.startswith(b"GET ") else len(data)
        return data[:end], data[end:]

    @staticmethod
    def _whole(data: bytes) -> bool:
        head, end, _ = data.partition(b"\r\n\r\n")
        return bool(end) and (b"chunked" not in head or data.endswith(b"\r\n0\r\n\r\n"))

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)


class Serve:
    """``serve(reply, …)`` starts such a server for a block, on a socket file, on TCP, or on TCP with TLS."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def __call__(
        self, *replies: bytes, way: str = "socket", tls: Path | None = None
    ) -> Iterator[tuple[Endpoint, Server]]:
        if way == "socket":
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(self.path))
            listener.listen()
            endpoint = Endpoint(f"unix://{self.path}")
        else:
            listener = socket.create_server(("127.0.0.1", 0))
            endpoint = Endpoint(f"tcp://127.0.0.1:{listener.getsockname()[1]}", certificates=tls)
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(tls / "server.pem", tls / "server.key")
            listener = context.wrap_socket(listener, server_side=True)
        with Server(listener, replies) as server:
            yield endpoint, server
        self.path.unlink(missing_ok=True)


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short path, as a socket's may have a hundred characters."""
    return tmp_path_factory.mktemp("s") / "s"


@pytest.fixture
def serve(path: Path) -> Serve:
    return Serve(path)
