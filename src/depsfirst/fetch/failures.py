"""What can go wrong with a URL, in terms a person can act on, and whether another attempt may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_PROXY_REFUSES = 407
_NO_NETWORK = "is there a network, and does it need a proxy (HTTP_PROXY, HTTPS_PROXY)?"


class FetchError(DepsfirstError):
    """A URL could not be had; the message names it without credentials and query."""


class NotFoundError(FetchError):
    """The server, or the disk, says that there is no such thing."""


class RefusedError(FetchError):
    """The server wants credentials, or other ones."""


class UnreachableError(FetchError):
    """No server answered, or none that was able to: what is cached may still serve."""


class MismatchError(FetchError):
    """What came is not what was announced: another size or another hash."""


class Again(Exception):  # noqa: N818 - a state of the retries, seen by nobody else
    """An attempt that failed in a way that may pass."""

    def __init__(self, error: FetchError, *, attempts: int = 100, after: float = 0.0) -> None:
        super().__init__(error)
        self.error = error
        self.attempts = attempts
        self.after = after


def accept(response: BaseHTTPResponse, name: str, advice: str | None = None) -> None:
    """Raise the failure that an answer means, unless it is content.

    Args:
        response: the answer.
        name: what to call its URL.
        advice: what to do about credentials, where they may be what is missing.
    """
    status = response.status
    if status in {200, 206}:
        return
    answer = f'"{name}" was answered with {status} {response.reason or ""}'.rstrip()
    if status in {404, 410}:
        raise NotFoundError(answer, hint=advice)
    if status in {401, 403}:
        raise RefusedError(answer, hint=advice)
    if status == _PROXY_REFUSES:
        raise RefusedError(answer, hint="put the proxy's credentials into its URL (HTTP_PROXY, HTTPS_PROXY)")
    if status in _BUSY:
        after = response.headers.get("Retry-After", "")
        seconds = min(float(after), 20.0) if after.isdecimal() else 0.0
        raise Again(UnreachableError(answer, hint="try again later"), after=seconds)
    raise FetchError(answer)


def explained(error: Exception, name: str) -> Exception:
    """The failure a person can act on, for one of urllib3; wrapped when another attempt may do."""
    from urllib3.exceptions import ConnectTimeoutError, ProtocolError, ProxyError, SSLError, TimeoutError  # noqa: A004 - not on the warm path

    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return FetchError(
            f'the certificate of "{name}" cannot be verified',
            hint="let SSL_CERT_FILE name a file with the certificate authorities of your network",
        )
    if isinstance(error, ConnectTimeoutError | ProxyError):
        return Again(UnreachableError(f'"{name}" cannot be reached', hint=_NO_NETWORK), attempts=2)
    if isinstance(error, ProtocolError | TimeoutError | SSLError):
        reason = error.args[0] if error.args and isinstance(error.args[0], str) else error
        return Again(UnreachableError(f'the connection to "{name}" broke: {reason}', hint=_NO_NETWORK))
    return FetchError(f'"{name}" cannot be fetched: {error}')
