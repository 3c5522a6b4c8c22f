"""The first bytes of a load into Docker, sent before the rest of this program is imported.

A daemon starts a process of its own to unpack what it is sent, which takes about as long as a whole rebuild takes here.
So the request is begun first of all, with no more than the interpreter has loaded anyway, and taken back (the
connection is closed) if the image goes elsewhere.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Mapping, Sequence

    from depsfirst.oci.foretold import Foretold

PATH = "/images/load?quiet=1"
MEDIA_TYPE = "application/x-tar"
FIRST = b"oci-layout"
"""How every tar that is loaded begins: ten bytes, which is what a daemon waits for before it starts the process."""

_DEFAULT = "/var/run/docker.sock"
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: docker\r\nContent-Type: {MEDIA_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n"
"""The head of the request; what follows are chunks of the tar."""
_ELSEWHERE = ("-o", "--o", "-h", "--h", "--en")
_CONTEXT = b'"currentContext"'


class Begun:
    """A load that was begun: the socket's path, and the connection that has its first bytes.

    Attributes:
        path: of the socket.
        connection: to it.
        key: of what the cache notes of this command line.
        foretold: what was sent to the end, if that was possible.
    """

    __slots__ = ("connection", "foretold", "key", "path")

    def __init__(self, path: str, connection: socket) -> None:
        self.path = path
        self.connection = connection
        self.key: str | None = None
        self.foretold: Foretold | None = None


def begin(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> Begun | None:
    """Begin to load into the local Docker, if that is where the image of this command line will go.

    Nothing is said if it cannot be: whoever loads the image tries again, and says it.
    """
    if arguments[:1] != ["build"] or any(word.startswith(_ELSEWHERE) for word in arguments):
        return None
    path = _local(environ)
    begun = _sent(path) if path is not None else None
    return begun and _foretelling(begun, arguments, environ)


def _foretelling(begun: Begun, arguments: Sequence[str], environ: Mapping[str, str]) -> Begun | None:
    """Send the rest of a load as well, where it can be foretold; None if the connection breaks."""
    from depsfirst.oci.foretold import foretell, key_of, place_of

    try:
        begun.key = key_of(arguments, begun.path)
    except OSError:  # the directory is gone
        return begun
    place = place_of(begun.key, environ)
    told = foretell(place) if place else None
    if told is None:
        return begun
    begun.foretold, tar = told
    rest = tar[len(FIRST) :]
    try:
        begun.connection.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(rest), rest))
    except OSError:
        begun.connection.close()
        return None
    return begun


def _local(environ: Mapping[str, str]) -> str | None:
    """The socket of the Docker that is meant, as far as it can be told without reading JSON."""
    host = environ.get("DOCKER_HOST")
    if host:
        return host[len("unix://") :] if host.startswith("unix://") else None
    if environ.get("DOCKER_CONTEXT"):
        return None
    folder = environ.get("DOCKER_CONFIG") or f"{environ.get('HOME') or '~'}/.docker"
    try:
        with open(f"{folder}/config.json", "rb") as file:  # noqa: PTH123 - pathlib is imported later
            return None if _CONTEXT in file.read() else _DEFAULT
    except OSError:
        return _DEFAULT


def _sent(path: str) -> Begun | None:
    import _socket  # what the module "socket" adds takes as long to import as the rest of this takes

    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(path)
        connection.sendall(b"%b%x\r\n%b\r\n" % (HEAD.encode(), len(FIRST), FIRST))
    except (OSError, ValueError):
        connection.close()
        return None
    return Begun(path, connection)
