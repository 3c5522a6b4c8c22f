"""The BuildKit inside a Docker daemon on a socket of its own, as a builder on another machine is reached."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_UPGRADE = b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
"""How Docker's API is left for BuildKit's, on the same connection."""
_PIECE = 1 << 16


@contextmanager
def buildkit_door(daemon: str, place: Path) -> Iterator[str]:
    """A socket at a place, until the block ends: what connects to it talks with the daemon's BuildKit; its URL."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()
        thread = threading.Thread(target=_serve, args=(listening, daemon.removeprefix("unix://")), daemon=True)
        thread.start()
        try:
            yield f"unix://{place}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listening: socket.socket, daemon: str) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_connect, args=(connection, daemon), daemon=True).start()


def _connect(outside: socket.socket, daemon: str) -> None:
    with outside, socket.socket(socket.AF_UNIX) as inside:
        inside.connect(daemon)
        inside.sendall(_UPGRADE)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (letter := inside.recv(1)):
                return
            head += letter
        back = threading.Thread(target=_pass_on, args=(inside, outside), daemon=True)
        back.start()
        _pass_on(outside, inside)
        back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
