"""Servers on loopback for the acceptance tests: a package index that counts, and a Docker socket that counts."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_JSON = "application/vnd.pypi.simple.v1+json"
_CHUNK = 1 << 16
_LONG = 600
"""Seconds after which a server ends for itself, if its test forgot it."""


@dataclass
class Index:
    """A package index that serves the files of folders and remembers what it was asked for.

    Attributes:
        url: of its simple API.
        files: by name.
        asked: paths, in the order of requests.
        held: names of files that are not sent before ``gate`` opens.
        waiting: set as soon as somebody waits for such a file.
        login: the ``USER:PASSWORD`` that it wants; None lets anybody in.
        shown: what each request showed of that.
        files_at: another server's URL, to which requests for files are sent on.
    """

    url: str
    files: dict[str, Path]
    asked: list[str] = field(default_factory=list)
    held: frozenset[str] = frozenset()
    gate: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Event = field(default_factory=threading.Event)
    login: str | None = None
    shown: list[str | None] = field(default_factory=list)
    files_at: str | None = None

    def fetched(self) -> list[str]:
        """Names of the files that were asked for, sorted."""
        return sorted(path.rpartition("/")[2] for path in self.asked if path.startswith("/files/"))

    def page(self, project: str) -> bytes | None:
        """The project's page as PEP 691 has it; None for a project that is not here."""
        files = [
            {"filename": name, "url": f"/files/{name}", "hashes": {"sha256": sha256(path)}, "size": path.stat().st_size}
            for name, path in sorted(self.files.items())
            if _project(name) == project
        ]
        if not files:
            return None
        return json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": files}).encode()


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _project(name: str) -> str:
    parse = parse_wheel_filename if name.endswith(".whl") else parse_sdist_filename
    return canonicalize_name(parse(name)[0])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    index: Index

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def do_GET(self) -> None:
        self.index.asked.append(self.path)
        self._answer(head=False)

    def _answer(self, *, head: bool) -> None:
        folder, _, name = unquote(self.path).strip("/").rpartition("/")
        if not self._is_let_in():
            self._send(b"", "text/plain", 401, head=head)
            return
        if folder == "files" and self.index.files_at is not None:
            self._send(b"", "text/plain", 302, head=head, location=f"{self.index.files_at}{self.path}")
            return
        if folder == "simple":
            page = self.index.page(name)
            self._send(page or b"", _JSON, 200 if page else 404, head=head)
            return
        path = self.index.files.get(name) if folder == "files" else None
        if path is not None and name in self.index.held and not head:
            self.index.waiting.set()
            self.index.gate.wait(_LONG)
        self._send(path.read_bytes() if path else b"", "application/octet-stream", 200 if path else 404, head=head)

    def _is_let_in(self) -> bool:
        text = self.headers.get("Authorization")
        given = base64.b64decode(text.removeprefix("Basic ")).decode() if text else None
        self.index.shown.append(given)
        return self.index.login in {None, given}

    def _send(self, data: bytes, kind: str, status: int, *, head: bool, location: str | None = None) -> None:
        self.send_response(status)
        if location is not None:
            self.send_header("Location", location)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(ConnectionError):  # who asked was killed, as some tests want it
            self.wfile.write(b"" if head else data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextmanager
def package_index(files: Sequence[Path]) -> Iterator[Index]:
    """Serve these wheels and sdists until the block ends."""
    handler = type("Handler", (_Handler,), {})
    with _Server(("127.0.0.1", 0), handler) as server:
        index = Index(f"http://127.0.0.1:{server.server_address[1]}/simple/", {path.name: path for path in files})
        handler.index = index  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield index
        finally:
            index.gate.set()
            server.shutdown()
            thread.join()


@dataclass
class Meter:
    """A socket that passes on to a Docker daemon, and counts what clients send."""

    url: str
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, count: int) -> None:
        with self.lock:
            self.sent += count

    def read(self) -> int:
        """Bytes sent since it was last read."""
        with self.lock:
            count, self.sent = self.sent, 0
        return count


@contextmanager
def metered(daemon: str, path: Path) -> Iterator[Meter]:
    """Listen at ``path`` for clients of the daemon at ``daemon``, ``unix://…``."""
    meter = Meter(f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(16)
        thread = threading.Thread(target=_accept, args=(listener, daemon.removeprefix("unix://"), meter), daemon=True)
        thread.start()
        try:
            yield meter
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _accept(listener: socket.socket, daemon: str, meter: Meter) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.socket(socket.AF_UNIX)
        server.connect(daemon)
        threading.Thread(target=_pump, args=(client, server, meter), daemon=True).start()
        threading.Thread(target=_pump, args=(server, client, None), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket, meter: Meter | None) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            if meter is not None:
                meter.add(len(data))
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
    if meter is not None:
        return
    # the daemon's answer is over: both ends can go
    for end in (source, target):
        with suppress(OSError):
            end.close()
