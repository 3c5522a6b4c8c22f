"""Reads what a pyproject.toml says of a project, in the words of PEP 621 or of Poetry. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.project.constraints import python_specifier
from depsfirst.project.model import BuildSystem, Project, normalize
from depsfirst.project.toml import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MANIFEST = "pyproject.toml"

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
SETUPTOOLS = BuildSystem(("setuptools>=40.8.0",), "setuptools.build_meta:__legacy__")
"""What PEP 517 says of a source tree that names no backend."""
_POETRY = BuildSystem(("poetry-core>=1.0.0",), "poetry.core.masonry.api")
"""What Poetry builds a package with that names no backend."""
_COMPUTED = frozenset({"dependencies", "optional-dependencies"})
_SETUP = frozenset({"setup.py", "setup.cfg"})
_POETRY_URLS = ("homepage", "repository", "documentation")


def read_manifest(
    root: Path,
    lock: Path,
    pyproject: Mapping[str, Any] | None,
    *,
    python_version: str | None = None,
    has_setup: bool = False,
) -> Project:
    """The project that a manifest describes.

    Args:
        root: absolute directory of the project.
        lock: its lock.
        pyproject: the values of its pyproject.toml, None if there is none.
        python_version: what the file ``.python-version`` says.
        has_setup: whether there is a setup.py.

    Raises:
        DepsfirstError: a value is missing or of the wrong type.
    """
    table = Table(pyproject or {}, MANIFEST)
    project, tool = table.table("project"), table.table("tool")
    poetry = tool.table("poetry")
    readme = next(_readmes(project, poetry), None)
    return Project(
        root=root,
        manifest=None if pyproject is None else root / MANIFEST,
        lock=lock,
        name=name_of(table.values, root),
        version=project.maybe_text("version") or poetry.maybe_text("version"),
        description=project.maybe_text("description") or poetry.maybe_text("description"),
        readme=readme,
        license=_license(project) or poetry.maybe_text("license"),
        authors=_authors(project) or poetry.texts("authors"),
        urls=project.text_table("urls") or _poetry_urls(poetry),
        requires_python=project.maybe_text("requires-python") or _poetry_python(poetry),
        scripts=project.text_table("scripts") or dict(_poetry_scripts(poetry)),
        gui_scripts=project.text_table("gui-scripts"),
        build_system=_build_system(table, has_setup=has_setup),
        settings=tool.table("depsfirst").values,
        pyproject=table.values,
        python_version=python_version,
    )


def name_of(pyproject: Mapping[str, Any], root: Path) -> str:
    """The name of the project that a manifest describes; that of its directory where it gives none.

    Raises:
        DepsfirstError: there has to be one, or it is no name.
    """
    table = Table(pyproject, MANIFEST)
    project, poetry = table.table("project"), table.table("tool").table("poetry")
    if "project" in table:
        return _checked_name(project)
    if "name" in poetry or (poetry.get("package-mode", bool) is not False and poetry.values):
        return _checked_name(poetry)
    return "-".join(re.findall(r"[A-Za-z0-9]+", root.name)).lower() or "project"


def is_computed(project: Project) -> bool:
    """Whether nobody but the project's build backend can say what it depends on: only its wheel states it."""
    return project.lock.name in _SETUP or (project.lock.name == MANIFEST and computes(project.pyproject))


def computes(pyproject: Mapping[str, Any]) -> bool:
    """Whether a manifest leaves its dependencies, or those of extras, to the build backend."""
    table = pyproject.get("project")
    dynamic = table.get("dynamic") if isinstance(table, dict) else None
    return isinstance(dynamic, list) and any(each in _COMPUTED for each in dynamic if isinstance(each, str))


def _checked_name(table: Table) -> str:
    name = table.text("name")
    if not re.fullmatch(_NAME, name):
        raise table.error("name", f'"{name}" is no name of a project', "use letters, digits, `-`, `_` and `.`")
    return name


def _license(project: Table) -> str | None:
    value = project.values.get("license")
    return project.table("license").maybe_text("text") if isinstance(value, dict) else project.maybe_text("license")


def _authors(project: Table) -> tuple[str, ...]:
    found = []
    for author in project.tables("authors"):
        name, email = author.maybe_text("name"), author.maybe_text("email")
        found.append(f"{name} <{email}>" if name and email else name or email or "")
    return tuple(author for author in found if author)


def _readmes(project: Table, poetry: Table) -> Iterator[str]:
    if isinstance(project.values.get("readme"), dict):
        yield project.table("readme").maybe_text("file") or ""
    elif "readme" in project:
        yield project.text("readme")
    if isinstance(poetry.values.get("readme"), list):
        yield from poetry.texts("readme")
    elif "readme" in poetry:
        yield poetry.text("readme")


def _poetry_urls(poetry: Table) -> dict[str, str]:
    named = {name: poetry.maybe_text(name) for name in _POETRY_URLS}
    return {**{name: url for name, url in named.items() if url}, **poetry.text_table("urls")}


def _poetry_python(poetry: Table) -> str | None:
    text = poetry.table("dependencies").maybe_text("python") if "dependencies" in poetry else None
    try:
        return python_specifier(text) if text else None
    except ValueError as error:
        raise poetry.table("dependencies").error("python", str(error)) from None


def _poetry_scripts(poetry: Table) -> Iterator[tuple[str, str]]:
    """Entry points; a script that is a file comes with the wheel."""
    scripts = poetry.table("scripts")
    for name, value in scripts.values.items():
        if not isinstance(value, dict):
            yield name, scripts.text(name)
        elif value.get("type") != "file":
            script = scripts.table(name)
            yield name, script.text("reference" if "reference" in script else "callable")


def _build_system(table: Table, *, has_setup: bool) -> BuildSystem | None:
    tool = table.table("tool")
    poetry, uv = tool.table("poetry"), tool.table("uv")
    distribution = tool.table("pdm").get("distribution", bool)
    if False in {poetry.get("package-mode", bool), uv.get("package", bool), distribution}:
        return None
    if "build-system" in table:
        return _named_build_system(table.table("build-system"))
    if poetry.values:
        return _POETRY
    return SETUPTOOLS if has_setup or uv.get("package", bool) or distribution else None


def poetry_module(project: Project) -> str | None:
    """The module or package that Poetry looks for, if nothing but the project's name says which one it is."""
    system = project.build_system
    poetry = Table(project.pyproject, MANIFEST).table("tool").table("poetry")
    if system is None or system.backend != _POETRY.backend or poetry.values.get("packages"):
        return None
    return normalize(project.name).replace("-", "_")


def _named_build_system(table: Table) -> BuildSystem:
    if "requires" not in table:
        raise DepsfirstError('no "requires"', where=table.where, hint="name the build backend's package")
    return BuildSystem(
        table.texts("requires"),
        table.maybe_text("build-backend") or SETUPTOOLS.backend,
        table.texts("backend-path"),
    )
