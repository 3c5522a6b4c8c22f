"""The request that loads images into a Docker daemon; it may begin before it is known what will be loaded.

A daemon starts a process to unpack what comes, which takes about as long as a rebuild takes to find out what changed.
So the request is begun first, and the two go on side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.oci.bundle import blob_member, opening
from depsfirst.oci.connection import CONNECT_SECONDS, Connection
from depsfirst.oci.preamble import FIRST, MEDIA_TYPE, PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

    from depsfirst.oci.connection import Response
    from depsfirst.oci.endpoint import Endpoint
    from depsfirst.oci.image import Blob
    from depsfirst.oci.pieces import Piece
    from depsfirst.oci.preamble import Begun

_LOAD_SECONDS = 3600


class Load:
    """A load on a connection of its own; one that is closed before it ends loads nothing.

    Args:
        endpoint: the daemon.
        begun: a load into it whose first bytes were sent already, or all.

    Attributes:
        foretold: the image that was sent to the end; then nothing more can be sent.

    Raises:
        DepsfirstError: no daemon is there.
    """

    def __init__(self, endpoint: Endpoint, begun: Begun | None = None) -> None:
        connected = begun.connection if begun else None
        self._connection = Connection(endpoint, seconds=CONNECT_SECONDS, connected=connected)
        self._connection.patience(_LOAD_SECONDS)
        self._body = self._connection.body() if begun else self._connection.post(PATH, MEDIA_TYPE)
        self._sent = len(FIRST) if begun else 0
        self.foretold = begun.foretold if begun else None
        self._begun = self.foretold is not None
        self._blobs: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def begin(self) -> None:
        """Send the first entries of the tar, which are the same for every image.

        Raises:
            OSError: the daemon does not take them.
        """
        if not self._begun:
            self._begun = True
            self._body.send((opening()[self._sent :],), lambda _: None)
            self._body.flush()

    def send(self, pieces: Iterable[Piece], sent: Callable[[int], None]) -> None:
        """Send more of the tar.

        Raises:
            OSError: the daemon does not take it; its answer may say why.
        """
        self.begin()
        self._body.send(pieces, sent)

    def send_blob(self, blob: Blob, sent: Callable[[int], None] = lambda _: None) -> None:
        """Send a blob, unless that was done before.

        Raises:
            OSError: the daemon does not take it; its answer may say why.
        """
        digest = blob.descriptor.digest
        if digest not in self._blobs:
            self._blobs.add(digest)
            self.send(blob_member(blob), sent)

    def flush(self) -> None:
        """Let the daemon have what was gathered to be sent.

        Raises:
            OSError: it does not take it.
        """
        self._body.flush()

    def end(self) -> Response:
        """Send that it was all, and wait for the answer.

        Raises:
            OSError: the daemon does not take it; its answer may say why.
        """
        if self.foretold is None:
            self._body.end()
        else:
            self.foretold.taken = True
        return self._connection.response()

    def answer(self) -> Response:
        """What the daemon says although not all was sent."""
        return self._connection.response()
