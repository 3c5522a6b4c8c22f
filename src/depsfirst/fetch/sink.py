"""A file on its way in: what it has, its hash so far, and how to go on where it stopped."""

from __future__ import annotations

import hashlib
from typing import IO, TYPE_CHECKING

from depsfirst.fetch.failures import FetchError, MismatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from urllib3 import BaseHTTPResponse


class Sink:
    """The file being written: what it has, its hash so far, and how to go on where it stopped."""

    def __init__(
        self,
        file: IO[bytes],
        name: str,
        size: int | None,
        received: Callable[[int], None] | None,
        *,
        resumable: bool,
    ) -> None:
        self._file, self._name, self._size, self._received = file, name, size, received
        self._resumable = resumable
        self._start = file.tell()
        self._validator: str | None = None
        self._hash = hashlib.sha256()
        self.offset = 0

    def range_headers(self) -> dict[str, str]:
        """Ask for the rest only, where a validator or the hash will tell whether it fits what is here."""
        if not self.offset:
            return {}
        if self._validator:
            return {"Range": f"bytes={self.offset}-", "If-Range": self._validator}
        if self._resumable:
            return {"Range": f"bytes={self.offset}-"}
        self.restart()
        return {}

    def begin(self, response: BaseHTTPResponse) -> None:
        """Take up where the response starts: where the last one stopped, or at the beginning."""
        partial = response.status == 206  # noqa: PLR2004 - Partial Content
        if partial and not response.headers.get("Content-Range", "").startswith(f"bytes {self.offset}-"):
            raise FetchError(f'"{self._name}" was answered with another range than the one asked for')
        if self.offset and not partial:
            self.restart()
        etag = response.headers.get("ETag", "")
        self._validator = response.headers.get("Last-Modified") if etag[:2] in {"", "W/"} else etag

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; more than were expected are refused at once."""
        self.offset += len(chunk)
        if self._size is not None and self.offset > self._size:
            raise self._mismatch(f"is larger than the {self._size} bytes expected")
        self._hash.update(chunk)
        self._file.write(chunk)
        if self._received:
            self._received(len(chunk))

    def restart(self) -> None:
        """Drop what is here, and begin anew."""
        self._file.seek(self._start)
        self._file.truncate()
        if self._received and self.offset:
            self._received(-self.offset)
        self._hash = hashlib.sha256()
        self.offset = 0

    def verify(self, sha256: str | None) -> None:
        """Refuse the whole if its size or its sha256 (hex) is not the expected one."""
        if self._size is not None and self.offset != self._size:
            raise self._mismatch(f"has {self.offset} bytes, expected were {self._size}")
        if sha256 is not None and self._hash.hexdigest() != sha256:
            raise self._mismatch(f"has sha256 {self._hash.hexdigest()}, expected was {sha256}")

    def _mismatch(self, what: str) -> MismatchError:
        return MismatchError(
            f'"{self._name}" {what}',
            hint="the file was changed at its server or on the way, or is being updated: try again later",
        )
