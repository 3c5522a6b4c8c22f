"""Which indexes a project names, and for what: in the tables of uv, Poetry and PDM, and in files beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from depsfirst.project.model import normalize
from depsfirst.project.reading import toml_of
from depsfirst.values import NamedTuple
from depsfirst.wheels.indexes.user import NamedIndex, uv_indexes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from depsfirst.project.model import Project

_PUBLIC = "pypi"
"""What Poetry and PDM call the public index."""


class ProjectIndex(NamedTuple):
    """An index that a project names.

    Attributes:
        named: its URL, and where it is named.
        role: it stands in place of the public one (``default``), is asked for what is tied to none (``open``), or for
            what names it alone (``bound``).
        kind: what stands at the URL.
        include: patterns of names that are tied to it.
        exclude: patterns of names that are not looked for there.
    """

    named: NamedIndex
    role: Literal["default", "open", "bound"]
    kind: Literal["index", "find-links"] = "index"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def project_indexes(project: Project) -> Iterator[ProjectIndex]:
    """The indexes of a project, and of the workspace whose lock it has.

    Raises:
        DepsfirstError: one of its files cannot be read.
    """
    for folder, manifest in manifests(project):
        said = "pyproject.toml" if folder == project.root else str(folder / "pyproject.toml")
        tool = table_of(manifest.get("tool"))
        yield from _of_uv(table_of(tool.get("uv")), said)
        yield from _of_poetry(table_of(tool.get("poetry")), said)
        yield from _of_pdm(table_of(tool.get("pdm")), said)
    for path in dict.fromkeys(folder / "uv.toml" for folder in (project.root, project.lock.parent)):
        yield from _of_uv(toml_of(path), str(path))


def manifests(project: Project) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The manifest of a project, and that of the workspace whose lock it has, with their directories.

    Raises:
        DepsfirstError: one of them cannot be read.
    """
    yield project.root, project.pyproject
    folder = project.lock.parent
    if folder != project.root:
        yield folder, toml_of(folder / "pyproject.toml")


def _of_uv(table: Mapping[str, Any], said: str) -> Iterator[ProjectIndex]:
    for index, is_default, is_explicit in uv_indexes(table, said):
        yield ProjectIndex(index, "default" if is_default else "bound" if is_explicit else "open")


def _of_poetry(table: Mapping[str, Any], said: str) -> Iterator[ProjectIndex]:
    for name, url, source in _sources(table):
        priority = "default" if source.get("default") is True else source.get("priority")
        role: Literal["default", "open", "bound"] = "open"
        if priority in {"default", "explicit"}:
            role = "default" if priority == "default" else "bound"
        yield ProjectIndex(NamedIndex(url, said, name, "poetry"), role)


def _of_pdm(table: Mapping[str, Any], said: str) -> Iterator[ProjectIndex]:
    for name, url, source in _sources(table):
        yield pdm_index(NamedIndex(url, said, name, "pdm"), source)


def pdm_index(index: NamedIndex, source: Mapping[str, Any]) -> ProjectIndex:
    """An index as a table of PDM's settings describes it."""
    include, exclude = (_patterns(source.get(key)) for key in ("include_packages", "exclude_packages"))
    kind: Literal["index", "find-links"] = "find-links" if source.get("type") == "find_links" else "index"
    role: Literal["default", "open", "bound"] = "bound" if include else "default" if index.name == _PUBLIC else "open"
    return ProjectIndex(index, role, kind, include, exclude)


def _patterns(value: object) -> tuple[str, ...]:
    return tuple(normalize(each) for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _sources(table: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    sources = table.get("source")
    for each in sources if isinstance(sources, list) else ():
        if isinstance(each, dict) and isinstance(each.get("url"), str) and isinstance(each.get("name"), str):
            yield each["name"], each["url"], each


def table_of(value: object) -> Mapping[str, Any]:
    """A value if it is a table, else an empty one: what settings of others hold need not be right."""
    return value if isinstance(value, dict) else {}
