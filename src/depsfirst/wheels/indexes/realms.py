"""What settings know of the credentials of indexes, whoever names them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from depsfirst.errors import DepsfirstError
from depsfirst.fetch.connections import without_userinfo
from depsfirst.fetch.credentials import Realm, in_url
from depsfirst.project.reading import toml_of
from depsfirst.wheels.indexes.project import table_of
from depsfirst.wheels.indexes.user import config_home, pdm_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from depsfirst.wheels.indexes.user import NamedIndex

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_USERINFO = re.compile(r"[\w+.-]+://[^/]*@")
_UNESCAPED = "%:!$&'()*+,;=~"
"""What may stand in the part of a URL that has name and password; ``%`` since it may be escaped already."""
_PREFIXES = {"uv": "UV_INDEX_{}", "poetry": "POETRY_HTTP_BASIC_{}"}


def expanded(url: str, where: str) -> str:
    """A URL with its ``${NAME}`` replaced by variables of the environment.

    Raises:
        DepsfirstError: one of them is not set.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise DepsfirstError(
                f'the variable "{found[1]}" is not set, which stands in "{without_userinfo(url)}"',
                where=where,
                hint="set it in the environment of the build",
            )
        return os.environ[found[1]]

    return _replaced(url, value)


def _replaced(url: str, value: Callable[[re.Match[str]], str]) -> str:
    """A URL with variables replaced; what would end a password in it is escaped there."""

    def escaped(found: re.Match[str]) -> str:
        return quote(value(found), safe=_UNESCAPED)

    found = _USERINFO.match(url)
    end = found.end() if found else 0
    return _VARIABLE.sub(escaped, url[:end]) + _VARIABLE.sub(value, url[end:])


def realms(indexes: Iterable[NamedIndex]) -> Iterator[Realm]:
    """The credentials that the environment and the managers' own files have for indexes, and where they looked.

    Raises:
        DepsfirstError: one of those files is broken, or a URL is none.
    """
    files = _ManagersFiles()
    for index in indexes:
        url = with_variables(index.url) if index.manager == "pdm" else index.url
        if "://" in url and not url.startswith("file:"):
            title = f'the index "{index.name}" of {index.said}' if index.name else f"the index of {index.said}"
            realm = _realm(url, index.said)._replace(found=index.said, title=title if index.said else "")
            yield files.completed(_from_environment(realm, index), index)


def _realm(url: str, said: str) -> Realm:
    try:
        return in_url(url)
    except DepsfirstError as error:
        raise DepsfirstError(error.message, where=said or None, hint="mend the URL of the index") from None


def with_variables(url: str) -> str:
    """A URL with those of its ``${NAME}`` replaced that the environment has."""
    return _replaced(url, _value)


def _value(found: re.Match[str]) -> str:
    """A variable of the environment; what is not set may not be needed, and else will be said."""
    return os.environ.get(found[1], found[0])


def _from_environment(realm: Realm, index: NamedIndex) -> Realm:
    if index.name is None or index.manager not in _PREFIXES:
        return realm
    start = _PREFIXES[index.manager].format(re.sub(r"[^A-Z0-9]", "_", index.name.upper()))
    names = (f"{start}_USERNAME", f"{start}_PASSWORD")
    name, password = (os.environ.get(each) for each in names)
    realm = realm._replace(looked=names)
    if name is None and password is None:
        return realm
    return realm._replace(
        name=name if name is not None else realm.name or "",
        password=password if password is not None else realm.password,
        found=" and ".join(each for each in names if each in os.environ),
    )


class _ManagersFiles:
    """What ``poetry config`` and ``pdm config`` keep in files of this user, each read when it is first needed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Mapping[str, Any], str]] = {}

    def completed(self, realm: Realm, index: NamedIndex) -> Realm:
        """The realm with what a file knows of it, where the environment says nothing."""
        if index.name is None or index.manager not in {"poetry", "pdm"} or realm.password is not None:
            return realm
        table, said = self._of(index.manager)
        entry = table_of(table.get(index.name))
        realm = realm._replace(looked=(*realm.looked, said))
        name, password = entry.get("username"), entry.get("password")
        if not isinstance(name, str):
            return realm
        return realm._replace(name=name, password=password if isinstance(password, str) else None, found=said)

    def _of(self, manager: str) -> tuple[Mapping[str, Any], str]:
        if manager not in self._known:
            if manager == "poetry":
                path = Path(os.environ.get("POETRY_CONFIG_DIR") or config_home() / "pypoetry") / "auth.toml"
                self._known[manager] = (table_of(toml_of(path).get("http-basic")), str(path))
            else:
                path = pdm_file()
                self._known[manager] = (table_of(toml_of(path).get("pypi")), str(path))
        return self._known[manager]
