"""A small HTTP/1.1 client for the Docker Engine API: one connection, kept, over a socket file, TCP or TLS.

``http.client`` would do, but importing it costs more than all requests of a load together.
"""

from __future__ import annotations

import _socket
import json
import os
import struct
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.oci.pieces import CHUNK, FileSlice, opened, shorter
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from socket import socket
    from types import TracebackType
    from typing import Self

    from depsfirst.oci.endpoint import Endpoint
    from depsfirst.oci.pieces import Piece

CONNECT_SECONDS = 10
"""How long a daemon may take to answer at all."""

_OK = 200
_LONGEST_LINE = 1 << 16
_BUFFERED = 1 << 16


class Response(NamedTuple):
    """An answer: status, headers with names in lower case, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None if it is something else."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Connection:
    """A connection to a daemon. Not for several threads.

    Raises:
        DepsfirstError: nobody answers, the user may not connect, or the connection breaks.
    """

    def __init__(self, endpoint: Endpoint, *, seconds: float, connected: _socket.socket | None = None) -> None:
        self._endpoint = endpoint
        try:
            self._socket = connected or _connect(endpoint, seconds)
        except OSError as error:
            raise _unreachable(endpoint, error) from error
        self.patience(seconds)
        self._answers = _Answers(self._socket)
        self._foreseen: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; a request that is on its way is taken back."""
        self._socket.close()

    def patience(self, seconds: float) -> None:
        """How long to wait for bytes to come or go.

        The system keeps this time, as a socket that Python times is not one that the kernel can copy files to.
        """
        limit = struct.pack("@ll", int(seconds), int(seconds % 1 * 1_000_000))
        self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, limit)
        self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, limit)

    def foresee(self, *paths: str) -> None:
        """Put questions that are likely to be asked next, in this order; their answers wait for who asks them."""
        self._foreseen += paths
        self._send(b"".join(self._head("GET", path) for path in paths))

    def get(self, path: str) -> Response:
        """A question, and its answer."""
        self._skip_to(path)
        if self._foreseen:
            del self._foreseen[0]
            return self.response()
        return self._ask(self._head("GET", path))

    def post_nothing(self, path: str) -> Response:
        """A request without a body, and its answer."""
        return self._ask(self._head("POST", path, "Content-Length: 0"))

    def ask(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Any request with a JSON body or none; status and body of its answer."""
        more = () if body is None else ("Content-Type: application/json",)
        response = self._ask(self._head(method, path, *more, f"Content-Length: {len(body or b'')}") + (body or b""))
        return response.status, response.body

    def _ask(self, request: bytes) -> Response:
        self._skip_to(None)
        self._send(request)
        return self.response()

    def _skip_to(self, path: str | None) -> None:
        """Drop the answers to questions that nobody asked after all, up to one."""
        while self._foreseen and self._foreseen[0] != path:
            del self._foreseen[0]
            self.response()

    def _send(self, request: bytes) -> None:
        try:
            self._socket.sendall(request)
        except OSError as error:
            raise self._broken(error) from error

    def post(self, path: str, media_type: str) -> Body:
        """Begin a request with a body of unknown length."""
        more = f"Content-Type: {media_type}", "Transfer-Encoding: chunked"
        return self.body(self._head("POST", path, *more))

    def body(self, head: bytes = b"") -> Body:
        """The rest of a request whose head is still to be sent, or was sent already."""
        return Body(self._socket, head, plain=self._endpoint.certificates is None)

    def response(self) -> Response:
        """The answer to the request that was sent last."""
        try:
            return self._answers.response()
        except (OSError, ValueError) as error:
            raise self._broken(error) from error

    def _head(self, method: str, path: str, *headers: str) -> bytes:
        return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: docker", *headers, "\r\n")).encode()

    def _broken(self, error: Exception) -> DepsfirstError:
        late = isinstance(error, BlockingIOError)
        return DepsfirstError(
            "Docker does not answer in time" if late else f"the connection to Docker broke: {error}",
            where=str(self._endpoint),
            hint="see whether `docker info` works",
        )


class Body:
    """The body of a request, sent in chunks; small ones are gathered, files are copied by the kernel."""

    def __init__(self, connection: _socket.socket, head: bytes, *, plain: bool) -> None:
        self._socket = connection
        self._waiting = bytearray(head)
        self._plain = plain  # not TLS

    def send(self, pieces: Iterable[Piece], sent: Callable[[int], None]) -> None:
        """Send pieces.

        Raises:
            OSError: the daemon does not take them; its answer may say why.
        """
        for piece in pieces:
            if isinstance(piece, bytes):
                self._chunk(piece)
                sent(len(piece))
            elif piece.size:
                self._waiting += b"%x\r\n" % piece.size
                self.flush()
                self._slice(piece, sent)
                self._waiting += b"\r\n"

    def end(self) -> None:
        """Send what is left, and that it was all."""
        self._waiting += b"0\r\n\r\n"
        self.flush()

    def _chunk(self, data: bytes) -> None:
        if data:
            self._waiting += b"%x\r\n%b\r\n" % (len(data), data)
            if len(self._waiting) > _BUFFERED:
                self.flush()

    def flush(self) -> None:
        """Send what was gathered."""
        self._socket.sendall(self._waiting)
        self._waiting.clear()

    def _slice(self, piece: FileSlice, sent: Callable[[int], None]) -> None:
        with opened(piece) as file:
            left = piece.size
            while left:
                count = self._copy(file, min(left, 16 * CHUNK))
                if not count:
                    raise shorter(piece)
                left -= count
                sent(count)

    def _copy(self, file: int, count: int) -> int:
        if self._plain and hasattr(os, "sendfile"):
            offset = os.lseek(file, 0, os.SEEK_CUR)
            count = os.sendfile(self._socket.fileno(), file, offset, count)
            os.lseek(file, offset + count, os.SEEK_SET)
            return count
        data = os.read(file, min(count, CHUNK))
        self._socket.sendall(data)
        return len(data)


def _connect(endpoint: Endpoint, seconds: float) -> _socket.socket:
    """A connection; what the module "socket" adds to the system's calls is not needed for a socket file."""
    if endpoint.socket is None:
        return _connected_by_tcp(endpoint, seconds)
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(endpoint.socket)
    except BaseException:
        connection.close()
        raise
    return connection


def _connected_by_tcp(endpoint: Endpoint, seconds: float) -> _socket.socket:
    import socket

    connection = socket.create_connection(endpoint.address, timeout=seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(None)
    if endpoint.certificates is None:
        return connection
    return _secured(connection, endpoint.certificates, endpoint.address[0])


def _secured(connection: socket, folder: Path, host: str) -> socket:
    import ssl

    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    if (folder / "cert.pem").exists():
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context.wrap_socket(connection, server_hostname=host)


def _unreachable(endpoint: Endpoint, error: OSError) -> DepsfirstError:
    if isinstance(error, PermissionError):
        return DepsfirstError(
            "you may not talk to Docker",
            where=str(endpoint),
            hint="add yourself to the group of the socket (usermod -aG docker USER) and log in again, "
            "or write an archive with -o FILE.tar",
        )
    return DepsfirstError(
        f"no Docker answers: {error.strerror or error}",
        where=str(endpoint),
        hint="start Docker, set DOCKER_HOST to where it is, or write an archive with -o FILE.tar",
    )


class _Answers:
    """What comes back on a connection. Python's own file of a socket takes a time-out for the end."""

    def __init__(self, connection: _socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray()

    def response(self) -> Response:
        """The next final answer; what says "go on" is passed over."""
        while True:
            words = self._line().split(maxsplit=2)
            headers = self._headers()
            if len(words) == 1 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
                raise ValueError("the answer is not HTTP")
            if int(words[1]) >= _OK:
                return Response(int(words[1]), headers, self._body(headers))

    def _headers(self) -> dict[str, str]:
        headers = {}
        while line := self._line():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return headers

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            chunks = []
            while size := int(self._line().partition(";")[0], 16):
                chunks.append(self._exactly(size))
                self._line()
            self._headers()
            return b"".join(chunks)
        return self._exactly(int(headers.get("content-length", 0)))

    def _line(self) -> str:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _LONGEST_LINE:
                raise ValueError("the answer is not HTTP")
            self._more()
        return self._take(end + 1).rstrip(b"\r\n").decode("latin-1")

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        return self._take(size)

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _more(self) -> None:
        data = self._socket.recv(_BUFFERED)
        if not data:
            raise ConnectionError("the answer was cut")
        self._buffer += data
