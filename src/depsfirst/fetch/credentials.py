"""Finds the credentials for a URL, and keeps them to its host: in settings, the environment, netrc and a keyring.

A *realm* is a part of a server that settings speak of, as a package index: below its URL, and on the rest of its host
where no other realm is nearer, its credentials are shown, and nowhere else.
"""

from __future__ import annotations

import os
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from netrc import netrc

_PROVIDERS = ("UV_KEYRING_PROVIDER", "PIP_KEYRING_PROVIDER")
_PATIENCE = 60.0
"""Seconds in which a keyring has to answer; one that is locked may ask a person."""


class Login(NamedTuple):
    """A user name, its password, and where they were found, for messages."""

    name: str
    password: str
    found: str

    @property
    def header(self) -> str:
        """The value of the header ``Authorization``."""
        from base64 import b64encode

        return "Basic " + b64encode(f"{self.name}:{self.password}".encode()).decode()


class Realm(NamedTuple):
    """A part of a server.

    Attributes:
        url: without credentials.
        name: user name; None where none is known.
        password: None where none is known.
        found: where the two were found.
        looked: where else they could have been, as names of variables and files.
        title: what to call it, as ``the index "private" of pyproject.toml``.
    """

    url: str
    name: str | None = None
    password: str | None = None
    found: str = "its URL"
    looked: tuple[str, ...] = ()
    title: str = ""

    @property
    def login(self) -> Login | None:
        """Its credentials, if both are known."""
        if self.name is None or self.password is None:
            return None
        return Login(self.name, self.password, self.found)


def in_url(url: str) -> Realm:
    """The realm of a URL, with the credentials that stand in it.

    Raises:
        DepsfirstError: it is no URL.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        plain = url.rpartition("@")[2]
        raise DepsfirstError(f'"{plain}" is no URL: {error}', hint="see --index and the settings of indexes") from None
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    name = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    return Realm(plain, name, password)


def with_login(url: str, name: str, password: str | None) -> str:
    """A URL without credentials with these in it: what ``in_url`` takes out again."""
    scheme, _, rest = url.partition("://")
    words = [quote(each, safe="") for each in (name, password) if each is not None]
    return f"{scheme}://{':'.join(words)}@{rest}"


class Credentials:
    """What is known of realms and hosts; many threads may ask."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._keyring_lock = Lock()
        self._realms: dict[str, dict[str, Realm]] = {}
        self._from_keyring: dict[str, Login | None] = {}

    def add(self, realm: Realm) -> None:
        """Know a realm; of one that is known already, what this adds to it."""
        with self._lock:
            known = self._realms.setdefault(origin(realm.url), {})
            known[realm.url] = _merged(known.get(realm.url, realm), realm)

    def login(self, url: str, *, strange: bool = False) -> Login | None:
        """The credentials to show with a first request.

        Args:
            url: where to.
            strange: whether another host sent us there; then those that netrc has for any host are not shown.

        Raises:
            DepsfirstError: the netrc file is broken.
        """
        realm = self._realm(url)
        if realm is not None and realm.login is not None:
            return realm.login
        with self._lock:
            known = self._from_keyring.get(_service(url, realm))
        return known or self._netrc.login(urlsplit(url).hostname or "", realm, by_name=strange)

    def of_netrc(self, url: str) -> Login | None:
        """What the netrc file has for the host of a URL of http or https.

        Raises:
            DepsfirstError: the file is broken.
        """
        parts = urlsplit(url)
        return self._netrc.login(parts.hostname or "", None) if parts.scheme in {"http", "https"} else None

    def after_refusal(self, url: str, shown: Login | None) -> Iterator[Login]:
        """What else to show: the credentials of other realms on that host; without any, those of a keyring.

        Args:
            url: that was refused.
            shown: what was shown to it.
        """
        if shown is None:
            found = self._asked_keyring(url)
            if found is not None:
                yield found
            return
        with self._lock:
            realms = sorted(self._realms.get(origin(url), {}).values())
        logins = [realm.login for realm in realms if realm.login is not None]
        yield from {login.header: login for login in logins if login.header != shown.header}.values()

    def _asked_keyring(self, url: str) -> Login | None:
        """What a keyring has; else a name without a password, if a name is known."""
        realm = self._realm(url)
        service, name = _service(url, realm), realm.name if realm else None
        with self._keyring_lock:
            if service not in self._from_keyring:
                found = _keyring(service, name) or (None if name is None else Login(name, "", "its URL"))
                with self._lock:
                    self._from_keyring[service] = found
            return self._from_keyring[service]

    def advice(self, url: str, *, hidden: bool = False) -> str | None:
        """What to do where a server wants credentials, or other ones.

        Args:
            url: that was refused.
            hidden: whether it was said not to be there, as many servers say to those who may not see it. Then there is
                nothing to advise unless settings speak of that part of the server.
        """
        realm = self._realm(url)
        if hidden and (realm is None or not (realm.looked or realm.name)):
            return None
        start = "if it is there, it is hidden: " if hidden else ""
        login = self.login(url)
        if login is not None:
            return f"{start}the credentials were those of {login.found}: check them, and what they allow"
        host = urlsplit(url).hostname or ""
        looked = [*(realm.looked if realm else ()), self._netrc.said(host), _keyring_said()]
        title = f"{realm.title} ({host})" if realm and realm.title else f'"{host}"'
        return f"{start}no credentials for {title} were found; looked for {', '.join(looked)}"

    @cached_property
    def _netrc(self) -> _Netrc:
        return _Netrc()

    def _realm(self, url: str) -> Realm | None:
        """The realm on the host of a URL that shares most of its path, those with credentials before others."""
        with self._lock:
            realms = list(self._realms.get(origin(url), {}).values())
        if not realms:
            return None
        return max(realms, key=lambda realm: (_shared(realm.url, url), realm.login is not None, realm.url))


def _merged(before: Realm, more: Realm) -> Realm:
    looked = tuple(dict.fromkeys((*before.looked, *more.looked)))
    fuller = before if before.password is not None or (more.password is None and before.name is not None) else more
    return fuller._replace(looked=looked, title=before.title or more.title)


def origin(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _shared(first: str, second: str) -> int:
    """How many folders from the top two URLs of one host have in common."""
    count = 0
    for one, other in zip(urlsplit(first).path.split("/"), urlsplit(second).path.split("/"), strict=False):
        if one != other:
            break
        count += 1
    return count


def _service(url: str, realm: Realm | None) -> str:
    """What a keyring is asked for: the URL of a realm, else the host."""
    return realm.url if realm is not None else origin(url)


class _Netrc:
    """The netrc file of this user."""

    def __init__(self) -> None:
        named = os.environ.get("NETRC")
        # without a home expanduser leaves these as they are, and then they are not there
        self._names = [named] if named else [os.path.expanduser("~/.netrc"), os.path.expanduser("~/_netrc")]  # noqa: PTH111

    @cached_property
    def _file(self) -> tuple[str, netrc] | None:
        from netrc import NetrcParseError, netrc

        for name in self._names:
            try:
                return name, netrc(name)
            except OSError:
                continue
            except NetrcParseError as error:
                raise DepsfirstError(str(error.msg), where=f"{name}:{error.lineno}", hint="mend this file") from error
            except UnicodeDecodeError as error:
                raise DepsfirstError("this is no text", where=name, hint="mend this file") from error
        return None

    def login(self, host: str, realm: Realm | None, *, by_name: bool = False) -> Login | None:
        """What it has for a host, ``by_name`` or for any; nothing if a realm knows another user name."""
        if self._file is None:
            return None
        name, file = self._file
        found = file.hosts.get(host) if by_name else file.authenticators(host)
        if found is None or (realm is not None and realm.name not in {None, found[0]}):
            return None
        return Login(found[0], found[2] or "", name)

    def said(self, host: str) -> str:
        """Where was looked for a host."""
        if self._file is None:
            return f"{self._names[0]} (not there)"
        return f'{self._file[0]} (says nothing of "{host}")'


def _is_switched_off() -> bool:
    return any(os.environ.get(name) == "disabled" for name in _PROVIDERS)


def _keyring_said() -> str:
    from shutil import which

    if _is_switched_off():
        return "a keyring (switched off)"
    return "keyring (knows nothing)" if which("keyring") else 'the program "keyring" (not installed)'


def _keyring(service: str, name: str | None) -> Login | None:
    """What the program ``keyring`` says of a service; the way in which pip and uv ask it."""
    from subprocess import DEVNULL, TimeoutExpired, run

    if _is_switched_off():
        return None
    host = urlsplit(service).hostname or ""
    for asked in dict.fromkeys((service, host)):
        words = ["get", asked, name] if name is not None else ["--mode", "creds", "get", asked]
        try:
            done = run(
                ["keyring", *words],
                check=False,
                stdin=DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_PATIENCE,
            )
        except (OSError, TimeoutExpired):
            return None
        lines = done.stdout.splitlines() if done.returncode == 0 else []
        if name is not None and lines:
            return Login(name, lines[0], "keyring")
        if len(lines) > 1:
            return Login(lines[0], lines[1], "keyring")
    return None
