"""Which indexes PDM's own settings name: its variables, and its files of a project, of the user and of the machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from depsfirst.fetch.credentials import in_url, with_login
from depsfirst.project.reading import toml_of
from depsfirst.wheels.indexes.project import ProjectIndex, pdm_index, table_of
from depsfirst.wheels.indexes.user import NamedIndex, config_homes, pdm_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from depsfirst.project.model import Project

_PUBLIC = "pypi"
_FALSE = frozenset({"", "false", "no", "0"})


def pdm_indexes(project: Project) -> Iterator[ProjectIndex]:
    """What PDM would ask besides the sources of the manifest, or for those that it gives no URL of.

    Raises:
        DepsfirstError: a file cannot be read.
    """
    table = table_of(table_of(project.pyproject.get("tool")).get("pdm"))
    if project.lock.name != "pdm.lock" and (project.lock.name != "pyproject.toml" or not table):
        return  # many use PDM's backend and another manager
    settings, listed = _Settings(project.lock.parent), table.get("source")
    sources = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    stated = {each["name"]: each for each in sources if isinstance(each.get("name"), str)}
    is_ignored = settings.value("ignore_stored_index", "PDM_IGNORE_STORED_INDEX")[0].lower() not in _FALSE
    for name, (table, said) in {_PUBLIC: settings.default(), **settings.stored()}.items():
        source = stated.get(name)
        if isinstance(table.get("url"), str) and (not is_ignored if source is None else "url" not in source):
            yield pdm_index(NamedIndex(_with_login(table), said, name, "pdm"), {**table, **(source or {})})


class _Settings:
    """The tables ``pypi`` of PDM's files; what stands in an earlier one counts more."""

    def __init__(self, folder: Path) -> None:
        shared = [each / "pdm/config.toml" for each in reversed(config_homes()[:-1])]
        files = [folder / ".pdm.toml", folder / "pdm.toml", pdm_file(), *shared]
        self._tables = [(table_of(toml_of(path).get(_PUBLIC)), str(path)) for path in files]

    def value(self, key: str, variable: str) -> tuple[str, str]:
        """The value of a key as text, and where it is said; empty where it is nowhere."""
        if variable in os.environ:
            return os.environ[variable], variable
        found = ((table[key], said) for table, said in self._tables if isinstance(table.get(key), (str, bool)))
        value, said = next(found, ("", ""))
        return str(value), said

    def default(self) -> tuple[Mapping[str, Any], str]:
        """What stands in place of the public index, as if it were a table of its own.

        A password of the user's file is for the index that this file names, and not for one that a project puts there.
        """
        url, said = self.value("url", "PDM_PYPI_URL")
        found = {"url": url}
        for key in ("username", "password"):
            value, where = self.value(key, f"PDM_PYPI_{key.upper()}")
            if where in {said, f"PDM_PYPI_{key.upper()}"} or said == "PDM_PYPI_URL":
                found[key] = value
        return {key: value for key, value in found.items() if value}, said

    def stored(self) -> dict[str, tuple[Mapping[str, Any], str]]:
        """The other indexes by name."""
        found: dict[str, tuple[Mapping[str, Any], str]] = {}
        for table, said in self._tables:
            for name, each in table.items():
                if isinstance(each, dict):
                    known, first = found.get(name, ({}, said))
                    found[name] = ({**each, **known}, first)
        return found


def _with_login(table: Mapping[str, Any]) -> str:
    """The URL of a table, with its credentials where they are whole."""
    url: str = table["url"]
    login = [each for key in ("username", "password") if isinstance(each := table.get(key), str) and each]
    if "://" not in url or len(login) < 2:  # noqa: PLR2004 - name and password
        return url
    return with_login(in_url(url).url, *login)
