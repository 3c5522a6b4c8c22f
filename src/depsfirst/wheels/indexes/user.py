"""Which package indexes the settings of this user and machine name: those of uv and pip, and of other managers.

What the environment says comes before what stands in files, and uv before pip.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.project.reading import toml_of
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_DEFAULTS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "PIPENV_PYPI_MIRROR", "POETRY_PYPI_MIRROR_URL")
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)=(?P<url>.+)")
_SECTIONS = ("install", "global")
"""Of pip's settings, the more special one first."""
_FALSE = frozenset({"", "0", "false", "no", "off"})


class NamedIndex(NamedTuple):
    """An index of settings.

    Attributes:
        url: of its simple API, as written: credentials may stand in it.
        said: where, for messages.
        name: what settings call it.
        manager: whose settings they are: ``uv``, ``poetry``, ``pdm``, ``pip``; variables for credentials depend on it.
    """

    url: str
    said: str
    name: str | None = None
    manager: str = "pip"


class UserIndexes(NamedTuple):
    """What settings of the user say.

    Attributes:
        default: what stands in place of the public index; None where that is the default.
        extra: further ones, for packages that are not tied to one, the first to be asked first.
        links: directories, or pages of links.
        no_index: whether no index may be asked.
        named: those with a name that are not asked unless a lock names them.
    """

    default: NamedIndex | None = None
    extra: tuple[NamedIndex, ...] = ()
    links: tuple[str, ...] = ()
    no_index: bool = False
    named: tuple[NamedIndex, ...] = ()


def user_indexes() -> UserIndexes:
    """What the environment and the files of uv and pip say.

    Raises:
        DepsfirstError: one of the files is broken.
    """
    pip, uv = _Pip(), _Uv()
    default = _first_variable() or uv.default or pip.default
    extra = [*_from_uv_variables(), *uv.extra, *pip.extra]
    return UserIndexes(
        default,
        tuple({each.url: each for each in extra}.values()),
        tuple(dict.fromkeys([*_words(os.environ.get("UV_FIND_LINKS", "").replace(",", " ")), *uv.links, *pip.links])),
        any(_is_true(os.environ.get(name)) for name in ("UV_NO_INDEX", "PIP_NO_INDEX")) or uv.no_index or pip.no_index,
        tuple(uv.named),
    )


def uv_indexes(table: Mapping[str, Any], said: str) -> Iterator[tuple[NamedIndex, bool, bool]]:
    """The indexes of a table of uv's settings, each with whether it is the default and whether it is explicit."""
    indexes = table.get("index")
    for each in indexes if isinstance(indexes, list) else ():
        if isinstance(each, dict) and isinstance(each.get("url"), str):
            name = each["name"] if isinstance(each.get("name"), str) else None
            found = NamedIndex(each["url"], said, name, "uv")
            yield found, each.get("default") is True, each.get("explicit") is True
    if isinstance(table.get("index-url"), str):
        yield NamedIndex(table["index-url"], said, None, "uv"), True, False
    for url in _strings(table.get("extra-index-url")):
        yield NamedIndex(url, said, None, "uv"), False, False


def _first_variable() -> NamedIndex | None:
    name = next((name for name in _DEFAULTS if os.environ.get(name)), None)
    return None if name is None else _parsed(os.environ[name], name)


def _from_uv_variables() -> Iterator[NamedIndex]:
    for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL"):
        yield from (_parsed(word, name) for word in _words(os.environ.get(name, "")))


def _parsed(text: str, said: str) -> NamedIndex:
    """An index as uv reads it: ``URL``, or ``NAME=URL``."""
    found = _NAMED.fullmatch(text)
    if found is None:
        return NamedIndex(text, said, None, "uv" if said.startswith("UV") else "pip")
    return NamedIndex(found["url"], said, found["name"], "uv")


def _words(text: str) -> list[str]:
    return text.split()


def _strings(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _is_true(text: str | None) -> bool:
    return text is not None and text.lower() not in _FALSE


def home() -> Path:
    """The home of this user; a path that is not there for one who has none."""
    return Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home fails where there is none


def config_home() -> Path:
    """Where programs keep the settings of this user."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or home() / ".config")


def pdm_file() -> Path:
    """Where ``pdm config`` keeps the settings of this user."""
    return Path(os.environ.get("PDM_CONFIG_FILE") or config_home() / "pdm/config.toml")


def config_homes() -> list[Path]:
    """Where settings of the machine and of the user stand; what stands in a later one counts more."""
    shared = (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    return [*(Path(folder) for folder in reversed(shared) if folder), config_home()]


class _Uv:
    """The files ``uv.toml`` of the machine and the user; not those of a project."""

    @cached_property
    def _tables(self) -> list[tuple[Mapping[str, Any], str]]:
        """Their tables, the user's first."""
        if _is_true(os.environ.get("UV_NO_CONFIG")):
            return []
        named = os.environ.get("UV_CONFIG_FILE")
        files = [Path("/etc"), *config_homes()]
        paths = [Path(named)] if named else [folder / "uv/uv.toml" for folder in reversed(files)]
        return [(toml_of(path), str(path)) for path in paths]

    @cached_property
    def _indexes(self) -> list[tuple[NamedIndex, bool, bool]]:
        return [each for table, said in self._tables for each in uv_indexes(table, said)]

    @property
    def default(self) -> NamedIndex | None:
        return next((each for each, is_default, _ in self._indexes if is_default), None)

    @property
    def extra(self) -> list[NamedIndex]:
        return [each for each, is_default, is_explicit in self._indexes if not is_default and not is_explicit]

    @property
    def named(self) -> list[NamedIndex]:
        return [each for each, _, _ in self._indexes]

    @property
    def links(self) -> list[str]:
        return [link for table, _ in self._tables for link in _strings(table.get("find-links"))]

    @property
    def no_index(self) -> bool:
        return next((table["no-index"] is True for table, _ in self._tables if "no-index" in table), False)


class _Pip:
    """The variables and files of pip."""

    @cached_property
    def _values(self) -> dict[str, tuple[str, str]]:
        """Value and place of each setting."""
        from configparser import ConfigParser, Error

        values: dict[str, tuple[str, str]] = {}
        for path in _pip_files():
            parser = ConfigParser(interpolation=None)
            try:
                parser.read(path, encoding="utf-8")
            except (Error, UnicodeDecodeError) as error:
                raise DepsfirstError(
                    f"pip's settings cannot be read: {str(error).partition(chr(10))[0]}",
                    where=str(path),
                    hint="mend the file",
                ) from error
            for section in reversed(_SECTIONS):
                items = parser.items(section) if parser.has_section(section) else []
                values |= {name.replace("_", "-"): (value, str(path)) for name, value in items}
        for name in ("index-url", "extra-index-url", "find-links", "no-index"):
            variable = f"PIP_{name.upper().replace('-', '_')}"
            if os.environ.get(variable):
                values[name] = (os.environ[variable], variable)
        return values

    @property
    def default(self) -> NamedIndex | None:
        return next(iter(self._listed("index-url")), None)

    @property
    def extra(self) -> list[NamedIndex]:
        return self._listed("extra-index-url")

    def _listed(self, name: str) -> list[NamedIndex]:
        text, said = self._values.get(name, ("", ""))
        return [NamedIndex(url, said) for url in _words(text)]

    @property
    def links(self) -> list[str]:
        return _words(self._values.get("find-links", ("", ""))[0])

    @property
    def no_index(self) -> bool:
        return _is_true(self._values.get("no-index", ("", ""))[0])


def _pip_files() -> Iterable[Path]:
    """The files that pip reads; a later one counts more."""
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    files = [Path("/etc/pip.conf"), *(folder / "pip/pip.conf" for folder in config_homes()[:-1])]
    files += [home() / ".pip/pip.conf", config_home() / "pip/pip.conf"]
    if os.environ.get("VIRTUAL_ENV"):
        files.append(Path(os.environ["VIRTUAL_ENV"]) / "pip.conf")
    return [path for path in [*files, *([Path(named)] if named else [])] if path.is_file()]
