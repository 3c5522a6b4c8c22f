"""Connections that are kept open: through proxies, with trusted certificates, and the credentials of each host."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from depsfirst import __version__
from depsfirst.fetch.credentials import Credentials, Realm, in_url, origin
from depsfirst.fetch.failures import FetchError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ssl import SSLContext

    from urllib3 import BaseHTTPResponse, PoolManager

    from depsfirst.fetch.credentials import Login

_TIMEOUT = {"connect": 10.0, "read": 60.0}
_REFUSED = frozenset({401, 403})


class Connections:
    """The connections to all hosts, ``count`` of them kept open to each; for many threads at once.

    Attributes:
        credentials: what is shown to which host.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._lock = Lock()
        self._pools: dict[tuple[str, str | None], PoolManager] = {}
        self.credentials = Credentials()

    def request(self, url: str, headers: Mapping[str, str], *, start: str | None = None) -> BaseHTTPResponse:
        """Send a request, and give its answer when the headers are there; redirects are not followed.

        Args:
            url: where to; credentials that stand in it are kept for its host.
            headers: to send.
            start: the URL that was asked first, if a server sent us on from there; then credentials that stand in the
                URL serve this request alone.

        Raises:
            FetchError: the URL is none, or the proxy is of an unknown kind.
            urllib3.exceptions.HTTPError: the request failed.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise FetchError(f'"{shown(url)}" is no http, https or file URL')
        own = in_url(url)
        if own.name is not None and start is None:
            self.credentials.add(Realm(f"{origin(url)}/", own.name, own.password))
        strange = start is not None and origin(start) != origin(url)
        login = own.login or self.credentials.login(own.url, strange=strange)
        response = self._send(url, headers, login)
        others = iter(()) if own.login else self.credentials.after_refusal(own.url, login)
        while response.status in _REFUSED:
            other = next(others, None)
            if other is None:
                break
            response.close()
            response = self._send(url, headers, other)
        return response

    def _send(self, url: str, headers: Mapping[str, str], login: Login | None) -> BaseHTTPResponse:
        shown_to_it = {"Authorization": login.header} if login else {}
        return self._pool(urlsplit(url)).urlopen(
            "GET",
            without_userinfo(url),
            headers={"User-Agent": f"depsfirst/{__version__}", **shown_to_it, **headers},
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
        )

    def _pool(self, parts: SplitResult) -> PoolManager:
        key = (parts.scheme, _proxy(parts))
        with self._lock:
            if key not in self._pools:
                self._pools[key] = _new_pool(*key, self._count)
            return self._pools[key]

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()


def shown(url: str) -> str:
    """``url`` as a message may name it: without userinfo, query and fragment, which may carry credentials."""
    return without_userinfo(url).partition("#")[0].partition("?")[0]


def without_userinfo(url: str) -> str:
    """``url`` without a name and a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.rpartition("@")[2]
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _proxy(parts: SplitResult) -> str | None:
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    chosen = proxies.get(parts.scheme) or proxies.get("all")
    if not chosen or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return chosen if "://" in chosen else f"http://{chosen}"


def _new_pool(scheme: str, proxy: str | None, connections: int) -> PoolManager:
    from urllib3 import PoolManager, ProxyManager, Timeout, make_headers

    settings: dict[str, Any] = {"maxsize": connections, "timeout": Timeout(**_TIMEOUT)}
    if proxy is None:
        return PoolManager(ssl_context=_trust() if scheme == "https" else None, **settings)
    parts = urlsplit(proxy)
    if parts.scheme not in {"http", "https"}:
        raise FetchError(f'the proxy "{shown(proxy)}" is none of http or https', hint="change the proxy settings")
    login = None
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return ProxyManager(
        without_userinfo(proxy),
        ssl_context=_trust() if scheme == "https" else None,
        proxy_ssl_context=_trust() if parts.scheme == "https" else None,
        proxy_headers=make_headers(proxy_basic_auth=login) if login else None,
        **settings,
    )


def _trust() -> SSLContext:
    """The system's certificates; reading them takes tens of milliseconds."""
    from ssl import create_default_context

    return create_default_context()
