"""Fetches URLs: streamed, verified, retried a bounded number of times; never shows a credential."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import IO, TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from depsfirst import __version__
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from urllib3 import BaseHTTPResponse, PoolManager

T = TypeVar("T")

CHUNK = 1 << 20
DOCUMENT_LIMIT = 256 << 20
"""Bytes of the largest document :meth:`Fetcher.get` takes into memory."""

_REDIRECTS = 8
_TIMEOUT = {"connect": 10.0, "read": 60.0}
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_NETWORK = "is there a network, and does it need a proxy (HTTP_PROXY, HTTPS_PROXY)?"


class FetchError(DepsfirstError):
    """A URL could not be had; the message names it without credentials and query."""


class NotFoundError(FetchError):
    """The server, or the disk, says that there is no such thing."""


class UnreachableError(FetchError):
    """No server answered, or none that was able to: what is cached may still serve."""


class MismatchError(FetchError):
    """What came is not what was announced: another size or another hash."""


@dataclass(frozen=True, slots=True)
class Document:
    """A small document, the URL it came from in the end, and what its server needs to say "unchanged"."""

    content: bytes
    url: str
    etag: str | None = None
    modified: str | None = None


class Fetcher:
    """Keeps connections open to as many hosts as are asked; may be used by many threads at once.

    URLs are ``http``, ``https`` or ``file``. Credentials come from the URL's own userinfo, from an earlier
    URL of the same origin that had some, or from the netrc file; proxies from the environment; trusted
    certificates from the system (``SSL_CERT_FILE``).

    Args:
        connections: how many are kept open to one host.
        attempts: how often a request is tried in all.
        patience: seconds before the second attempt; doubled before each further one.
    """

    def __init__(self, *, connections: int = 16, attempts: int = 4, patience: float = 0.25) -> None:
        self._connections = connections
        self._attempts = attempts
        self._patience = patience
        self._lock = Lock()
        self._pools: dict[str | None, PoolManager] = {}
        self._credentials: dict[str, str | None] = {}

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
            NotFoundError, UnreachableError, MismatchError, FetchError: see there.
        """
        sink = _Sink(file, shown(url), size, received, resumable=sha256 is not None)
        local = _local_path(url)
        if local is not None:
            _copy(local, sink)
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
                raise _Again(error) from error

        self._retried(attempt)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, known: Document | None = None) -> Document:
        """The document at ``url``; ``known`` itself when its server says that it did not change.

        Raises:
            NotFoundError, UnreachableError, MismatchError, FetchError: see there.
        """
        local = _local_path(url)
        if local is not None:
            return Document(_content(local), url)
        wanted = {"Accept-Encoding": "gzip", **(headers or {})}
        if known is not None and known.etag:
            wanted["If-None-Match"] = known.etag
        elif known is not None and known.modified:
            wanted["If-Modified-Since"] = known.modified
        return self._retried(lambda: self._document(url, wanted, known))

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()

    def _retried(self, attempt: Callable[[], T]) -> T:
        for number in range(1, self._attempts + 1):
            try:
                return attempt()
            except _Again as again:
                if number >= min(self._attempts, again.attempts):
                    raise again.error from again.__cause__
                time.sleep(max(again.after, self._patience * 2 ** (number - 1)))
        raise AssertionError("there is at least one attempt")

    def _receive(self, url: str, headers: Mapping[str, str], sink: _Sink) -> None:
        with self._response(url, {**headers, **sink.range_headers()}) as (response, _):
            if response.status == 416:  # noqa: PLR2004 - Range Not Satisfiable
                sink.restart()
                raise _Again(FetchError(f'"{shown(url)}" cannot be resumed'))
            _accept(response, shown(url))
            sink.begin(response)
            while chunk := response.read(CHUNK, decode_content=False):
                sink.write(chunk)

    def _document(self, url: str, headers: Mapping[str, str], known: Document | None) -> Document:
        with self._response(url, headers) as (response, final):
            if response.status == 304 and known is not None:  # noqa: PLR2004 - Not Modified
                return known
            _accept(response, shown(url))
            parts, size = [], 0
            while chunk := response.read(CHUNK, decode_content=True):
                parts.append(chunk)
                size += len(chunk)
                if size > DOCUMENT_LIMIT:
                    raise MismatchError(f'"{shown(url)}" is larger than {DOCUMENT_LIMIT >> 20} MiB')
            etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
            return Document(b"".join(parts), final, etag, modified)

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
            raise _explained(error, shown(url)) from error

    def _follow(self, url: str, headers: Mapping[str, str]) -> tuple[BaseHTTPResponse, str]:
        place = url
        for _ in range(_REDIRECTS + 1):
            response = self._request(place, headers)
            location = response.get_redirect_location()
            if not location:
                return response, _without_userinfo(place)
            response.close()
            following = urljoin(place, location)
            if urlsplit(following).scheme not in {"https", urlsplit(place).scheme}:
                raise FetchError(f'"{shown(url)}" sends away from https, to "{shown(following)}"')
            place = following
        raise FetchError(f'"{shown(url)}" redirects more than {_REDIRECTS} times')

    def _request(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise FetchError(f'"{shown(url)}" is no http, https or file URL')
        wanted = {"User-Agent": f"depsfirst/{__version__}", **headers}
        credential = self._credential(parts)
        if credential:
            wanted.setdefault("Authorization", credential)
        return self._pool(parts).urlopen(
            "GET",
            _without_userinfo(url),
            headers=wanted,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
        )

    def _credential(self, parts: SplitResult) -> str | None:
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        with self._lock:
            if parts.username is not None:
                self._credentials[origin] = _basic(unquote(parts.username), unquote(parts.password or ""))
            elif origin not in self._credentials:
                self._credentials[origin] = _from_netrc(parts.hostname or "")
            return self._credentials[origin]

    def _pool(self, parts: SplitResult) -> PoolManager:
        proxy = _proxy(parts)
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = _new_pool(proxy, self._connections)
            return self._pools[proxy]


class _Again(Exception):  # noqa: N818 - a state of the retries, seen by nobody else
    """An attempt that failed in a way that may pass."""

    def __init__(self, error: FetchError, *, attempts: int = 100, after: float = 0.0) -> None:
        super().__init__(error)
        self.error = error
        self.attempts = attempts
        self.after = after


class _Sink:
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
        self.offset += len(chunk)
        if self._size is not None and self.offset > self._size:
            raise self._mismatch(f"is larger than the {self._size} bytes expected")
        self._hash.update(chunk)
        self._file.write(chunk)
        if self._received:
            self._received(len(chunk))

    def restart(self) -> None:
        self._file.seek(self._start)
        self._file.truncate()
        if self._received and self.offset:
            self._received(-self.offset)
        self._hash = hashlib.sha256()
        self.offset = 0

    def verify(self, sha256: str | None) -> None:
        if self._size is not None and self.offset != self._size:
            raise self._mismatch(f"has {self.offset} bytes, expected were {self._size}")
        if sha256 is not None and self._hash.hexdigest() != sha256:
            raise self._mismatch(f"has sha256 {self._hash.hexdigest()}, expected was {sha256}")

    def _mismatch(self, what: str) -> MismatchError:
        return MismatchError(
            f'"{self._name}" {what}',
            hint="the file was changed at its server or on the way, or is being updated: try again later",
        )


def shown(url: str) -> str:
    """``url`` as a message may name it: without userinfo, query and fragment, which may carry credentials."""
    return _without_userinfo(url).partition("#")[0].partition("?")[0]


def _without_userinfo(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.rpartition("@")[2]
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _basic(name: str, password: str) -> str:
    from base64 import b64encode

    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def _from_netrc(host: str) -> str | None:
    from netrc import NetrcParseError, netrc

    names = [os.environ.get("NETRC"), os.path.expanduser("~/.netrc"), os.path.expanduser("~/_netrc")]  # noqa: PTH111 - must not fail where there is no home
    for name in filter(None, names):
        try:
            found = netrc(name).authenticators(host)
        except OSError:
            continue
        except NetrcParseError as error:
            raise DepsfirstError(str(error.msg), where=f"{name}:{error.lineno}", hint="mend this file") from error
        return _basic(found[0], found[2] or "") if found else None
    return None


def _proxy(parts: SplitResult) -> str | None:
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    chosen = proxies.get(parts.scheme) or proxies.get("all")
    if not chosen or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return chosen if "://" in chosen else f"http://{chosen}"


def _new_pool(proxy: str | None, connections: int) -> PoolManager:
    import ssl

    from urllib3 import PoolManager, ProxyManager, Timeout, make_headers

    context = ssl.create_default_context()
    timeout = Timeout(**_TIMEOUT)
    if proxy is None:
        return PoolManager(maxsize=connections, ssl_context=context, timeout=timeout)
    parts = urlsplit(proxy)
    if parts.scheme not in {"http", "https"}:
        raise FetchError(f'the proxy "{shown(proxy)}" is none of http or https', hint="change the proxy settings")
    login = None
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return ProxyManager(
        _without_userinfo(proxy),
        maxsize=connections,
        ssl_context=context,
        proxy_ssl_context=context,
        proxy_headers=make_headers(proxy_basic_auth=login) if login else None,
        timeout=timeout,
    )


def _accept(response: BaseHTTPResponse, name: str) -> None:
    status = response.status
    if status in {200, 206}:
        return
    answer = f'"{name}" was answered with {status} {response.reason or ""}'.rstrip()
    if status in {404, 410}:
        raise NotFoundError(answer)
    if status in {401, 403, 407}:
        raise FetchError(answer, hint="put the credentials for this host into ~/.netrc, or check those that are there")
    if status in _BUSY:
        after = response.headers.get("Retry-After", "")
        seconds = min(float(after), 20.0) if after.isdecimal() else 0.0
        raise _Again(UnreachableError(answer, hint="try again later"), after=seconds)
    raise FetchError(answer)


def _explained(error: Exception, name: str) -> Exception:
    """The failure a person can act on, for one of urllib3; wrapped when another attempt may do."""
    from urllib3.exceptions import ConnectTimeoutError, ProtocolError, ProxyError, SSLError, TimeoutError  # noqa: A004 - not on the warm path

    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return FetchError(
            f'the certificate of "{name}" cannot be verified',
            hint="let SSL_CERT_FILE name a file with the certificate authorities of your network",
        )
    if isinstance(error, ConnectTimeoutError | ProxyError):
        return _Again(UnreachableError(f'"{name}" cannot be reached', hint=_NO_NETWORK), attempts=2)
    if isinstance(error, ProtocolError | TimeoutError | SSLError):
        return _Again(UnreachableError(f'the connection to "{name}" broke: {error}', hint=_NO_NETWORK))
    return FetchError(f'"{name}" cannot be fetched: {error}')


def _local_path(url: str) -> str | None:
    if not url[:5].lower().startswith("file:"):
        return None
    from urllib.request import url2pathname

    return url2pathname(urlsplit(url).path)


def _copy(path: str, sink: _Sink) -> None:
    with _opened(path) as source:
        while chunk := source.read(CHUNK):
            sink.write(chunk)


def _content(path: str) -> bytes:
    with _opened(path) as source:
        return source.read()


def _opened(path: str) -> IO[bytes]:
    try:
        return open(path, "rb")  # noqa: PTH123 - the callers close it
    except FileNotFoundError as error:
        raise NotFoundError(f'"{path}" does not exist') from error
    except OSError as error:
        raise FetchError(f'"{path}" cannot be read: {error.strerror}') from error
