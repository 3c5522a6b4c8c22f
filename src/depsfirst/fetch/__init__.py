"""Fetches URLs: streamed, verified, retried a bounded number of times; never shows a credential."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

from depsfirst.dataclass import dataclass
from depsfirst.fetch.connections import Connections, shown, without_userinfo
from depsfirst.fetch.failures import (
    Again,
    FetchError,
    MismatchError,
    NotFoundError,
    RefusedError,
    UnreachableError,
    accept,
    explained,
)
from depsfirst.fetch.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from urllib3 import BaseHTTPResponse

    from depsfirst.fetch.credentials import Credentials

__all__ = [
    "Document",
    "FetchError",
    "Fetcher",
    "MismatchError",
    "NotFoundError",
    "RefusedError",
    "UnreachableError",
    "shown",
]

T = TypeVar("T")

CHUNK = 1 << 20
DOCUMENT_LIMIT = 256 << 20
"""Bytes of the largest document :meth:`Fetcher.get` takes into memory."""

_REDIRECTS = 8


@dataclass(frozen=True, slots=True)
class Document:
    """A small document, the URL it came from in the end, and what its server needs to say "unchanged"."""

    content: bytes
    url: str
    etag: str | None = None
    modified: str | None = None


class Fetcher:
    """Keeps connections open to as many hosts as are asked; may be used by many threads at once.

    URLs are ``http``, ``https`` or ``file``. Credentials come from the URL's own userinfo, from what was said of its
    host (``credentials``), from the netrc file or a keyring; proxies from the environment; trusted certificates from
    the system (``SSL_CERT_FILE``).

    Args:
        connections: how many are kept open to one host.
        attempts: how often a request is tried in all.
        patience: seconds before the second attempt; doubled before each further one.
    """

    def __init__(self, *, connections: int = 16, attempts: int = 4, patience: float = 0.25) -> None:
        self._connections = Connections(connections)
        self._attempts = attempts
        self._patience = patience

    @property
    def credentials(self) -> Credentials:
        """What is shown to which host; more may be added."""
        return self._connections.credentials

    def download(  # noqa: PLR0913 - facts about one file
        self,
        url: str,
        file: IO[bytes],
        *,
        sha256: str | None = None,
        size: int | None = None,
        headers: Mapping[str, str] | None = None,
        received: Callable[[int], None] | None = None,
    ) -> None:
        """Write the bytes of ``url`` into ``file``, from its current position on.

        Args:
            url: where they are.
            file: open for writing, seekable.
            sha256: the expected hash in hex; None: not verified.
            size: the expected size in bytes; None: any.
            headers: request headers to add.
            received: called with the number of bytes each time some were written; with a negative number
                when they are dropped for a new start.

        Raises:
            NotFoundError, RefusedError, UnreachableError, MismatchError, FetchError: see there.
        """
        sink = Sink(file, shown(url), size, received, resumable=sha256 is not None)
        local = _local_path(url)
        if local is not None:
            with _opened(local) as source:
                while chunk := source.read(CHUNK):
                    sink.write(chunk)
            sink.verify(sha256)
            return
        wanted = {"Accept-Encoding": "identity", **(headers or {})}

        def attempt() -> None:
            resumed = sink.offset > 0
            self._receive(url, wanted, sink)
            try:
                sink.verify(sha256)
            except MismatchError as error:
                if not resumed:
                    raise
                sink.restart()  # the rest came from another version of the file
                raise Again(error) from error

        self._retried(attempt)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, known: Document | None = None) -> Document:
        """The document at ``url``; ``known`` itself when its server says that it did not change.

        Raises:
            NotFoundError, RefusedError, UnreachableError, MismatchError, FetchError: see there.
        """
        local = _local_path(url)
        if local is not None:
            with _opened(local) as source:
                return Document(source.read(), url)
        wanted = {"Accept-Encoding": "gzip", **(headers or {})}
        if known is not None and known.etag:
            wanted["If-None-Match"] = known.etag
        elif known is not None and known.modified:
            wanted["If-Modified-Since"] = known.modified
        return self._retried(lambda: self._document(url, wanted, known))

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        self._connections.close()

    def _retried(self, attempt: Callable[[], T]) -> T:
        for number in range(1, self._attempts + 1):
            try:
                return attempt()
            except Again as again:
                if number >= min(self._attempts, again.attempts):
                    raise again.error from again.__cause__
                time.sleep(max(again.after, self._patience * 2 ** (number - 1)))
        raise AssertionError("there is at least one attempt")

    def _receive(self, url: str, headers: Mapping[str, str], sink: Sink) -> None:
        with self._response(url, {**headers, **sink.range_headers()}) as (response, final):
            if response.status == 416:  # noqa: PLR2004 - Range Not Satisfiable
                sink.restart()
                raise Again(FetchError(f'"{shown(url)}" cannot be resumed'))
            accept(response, shown(url), self._advice(response, final))
            sink.begin(response)
            while chunk := response.read(CHUNK, decode_content=False):
                sink.write(chunk)

    def _document(self, url: str, headers: Mapping[str, str], known: Document | None) -> Document:
        with self._response(url, headers) as (response, final):
            if response.status == 304 and known is not None:  # noqa: PLR2004 - Not Modified
                return known
            accept(response, shown(url), self._advice(response, final))
            parts, size = [], 0
            while chunk := response.read(CHUNK, decode_content=True):
                parts.append(chunk)
                size += len(chunk)
                if size > DOCUMENT_LIMIT:
                    raise MismatchError(f'"{shown(url)}" is larger than {DOCUMENT_LIMIT >> 20} MiB')
            etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
            return Document(b"".join(parts), final, etag, modified)

    def _advice(self, response: BaseHTTPResponse, url: str) -> str | None:
        """What to do about credentials, where they may be what is missing."""
        missing = response.status == 404  # noqa: PLR2004 - Not Found
        return self.credentials.advice(url, hidden=missing) if missing or response.status in {401, 403} else None

    @contextmanager
    def _response(self, url: str, headers: Mapping[str, str]) -> Iterator[tuple[BaseHTTPResponse, str]]:
        from urllib3.exceptions import HTTPError

        try:
            response, final = self._follow(url, headers)
            try:
                yield response, final
            finally:
                response.close()  # one that was read to its end has already given its connection back
        except HTTPError as error:
            raise explained(error, shown(url)) from error

    def _follow(self, url: str, headers: Mapping[str, str]) -> tuple[BaseHTTPResponse, str]:
        place = url
        for _ in range(_REDIRECTS + 1):
            response = self._connections.request(place, headers, start=None if place == url else url)
            location = response.get_redirect_location()
            if not location:
                return response, without_userinfo(place)
            response.close()
            following = urljoin(place, location)
            if urlsplit(following).scheme not in {"https", urlsplit(place).scheme}:
                raise FetchError(f'"{shown(url)}" sends away from https, to "{shown(following)}"')
            place = following
        raise FetchError(f'"{shown(url)}" redirects more than {_REDIRECTS} times')


def _local_path(url: str) -> str | None:
    """The path of a ``file:`` URL; for a folder that of its page, as a server would give it."""
    if not url[:5].lower().startswith("file:"):
        return None
    from urllib.request import url2pathname

    path = url2pathname(urlsplit(url).path)
    return f"{path}index.html" if path.endswith("/") else path


def _opened(path: str) -> IO[bytes]:
    try:
        return open(path, "rb")  # noqa: PTH123 - the callers close it
    except FileNotFoundError as error:
        raise NotFoundError(f'"{path}" does not exist') from error
    except OSError as error:
        raise FetchError(f'"{path}" cannot be read: {error.strerror}') from error
