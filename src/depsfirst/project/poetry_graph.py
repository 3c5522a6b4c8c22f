"""The graph of a poetry.lock before 2.1, whose packages do not say in which groups they are and when.

Its roots stand in the manifest, its edges name versions by constraint; an edge may lead nowhere, because
Poetry leaves out what no allowed Python asks for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.project.constraints import alternatives, python_marker
from depsfirst.project.locked import by_name, marker_of
from depsfirst.project.markers import NEVER, admits, all_of
from depsfirst.project.model import MAIN, Dependency, normalize
from depsfirst.project.toml import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.project.model import LockedPackage

    Edges = dict[str, tuple[Dependency, ...]]

_MANIFEST = "pyproject.toml"
_PLATFORM = re.compile(r"(?P<operator>==|!=)?\s*(?P<name>[\w.-]+)")


def manifest_groups(pyproject: Mapping[str, Any]) -> tuple[str, ...]:
    """The dependency groups of a manifest, the main one first."""
    manifest = Table(pyproject, _MANIFEST)
    poetry = manifest.table("tool").table("poetry")
    named = [*poetry.table("group").values, *manifest.table("dependency-groups").values]
    legacy = ["dev"] if "dev-dependencies" in poetry else []
    return tuple(dict.fromkeys([MAIN, *(normalize(name) for name in named + legacy)]))


def connect(
    table: Table, packages: tuple[LockedPackage, ...], pyproject: Mapping[str, Any]
) -> tuple[tuple[LockedPackage, ...], Edges, Edges]:
    """The packages with their edges, what each group asks for, and what each extra does.

    Raises:
        DepsfirstError: a constraint or marker is none.
    """
    entries = table.tables("package")
    graph = _Graph(packages, [marker_of(entry, "marker") for entry in entries])
    connected = tuple(graph.connected(package, entry) for package, entry in zip(packages, entries, strict=True))
    poetry = Table(pyproject, _MANIFEST).table("tool").table("poetry")
    return connected, graph.roots(poetry), graph.extras(poetry)


class _Graph:
    def __init__(self, packages: tuple[LockedPackage, ...], markers: list[str | None]) -> None:
        self._packages = packages
        self._markers = markers
        self._places = by_name(packages)

    def connected(self, package: LockedPackage, entry: Table) -> LockedPackage:
        edges = list(self._edges(entry, "dependencies"))
        members = {
            normalize(extra): {_name(text) for text in entry.table("extras").texts(extra)}
            for extra in entry.table("extras").values
        }
        return package._replace(
            dependencies=tuple(edge for edge, optional in edges if not optional),
            extras={
                extra: tuple(edge for edge, optional in edges if optional and edge.name in names)
                for extra, names in members.items()
            },
        )

    def roots(self, poetry: Table) -> Edges:
        groups = {group: list[Dependency]() for group in manifest_groups({"tool": {"poetry": poetry.values}})}
        groups[MAIN] += self._needed(poetry)
        if "dev-dependencies" in poetry:
            groups["dev"] += self._needed(poetry, "dev-dependencies")
        for group in poetry.table("group").values:
            groups[normalize(group)] += self._needed(poetry.table("group").table(group))
        return {group: tuple(edges) for group, edges in groups.items()}

    def extras(self, poetry: Table) -> Edges:
        extras = poetry.table("extras")
        optional = [edge for edge, optional in self._edges(poetry, "dependencies") if optional]
        return {
            normalize(extra): tuple(
                edge for edge in optional if edge.name in {normalize(name) for name in extras.texts(extra)}
            )
            for extra in extras.values
        }

    def _needed(self, table: Table, key: str = "dependencies") -> list[Dependency]:
        return [edge for edge, optional in self._edges(table, key) if not optional]

    def _edges(self, owner: Table, key: str) -> Iterator[tuple[Dependency, bool]]:
        """Edges of a table of dependencies, each with whether it is optional."""
        table = owner.table(key)
        for name in table.values:
            if name != "python":
                for wish in table.forms(name, "version"):
                    yield self._edge(normalize(name), wish), bool(wish.get("optional", bool))

    def _edge(self, name: str, wish: Table) -> Dependency:
        extras = frozenset(normalize(extra) for extra in wish.texts("extras"))
        candidates = self._candidates(name, wish)
        return Dependency(name, candidates, extras, all_of(_marker(wish), self._any_of(candidates)))

    def _any_of(self, candidates: tuple[int, ...]) -> str | None:
        """When any candidate is wanted at all, which the oldest locks note with the package."""
        markers = [self._markers[candidate] for candidate in candidates]
        sometimes = [f"({marker})" for marker in markers if marker and marker != NEVER]
        return (" or ".join(sometimes) or NEVER) if candidates and all(markers) else None

    def _candidates(self, name: str, wish: Table) -> tuple[int, ...]:

        places = self._places.get(name, ())
        specifiers = _constraint(wish)
        return tuple(
            place
            for place in places
            if any(admits(specifier, self._packages[place].version or "0") for specifier in specifiers)
        )


def _constraint(wish: Table) -> tuple[str, ...]:

    try:
        specifiers = alternatives(wish.maybe_text("version") or "*")
        for specifier in specifiers:
            admits(specifier, "0")
    except (ValueError, DepsfirstError) as error:
        raise wish.error("version", str(error)) from None
    return specifiers


def _marker(wish: Table) -> str | None:

    try:
        python = python_marker(wish.maybe_text("python") or "*")
    except ValueError as error:
        raise wish.error("python", str(error)) from None
    return all_of(marker_of(wish, "markers"), python, _platform(wish))


def _platform(wish: Table) -> str | None:
    text = wish.maybe_text("platform")
    if text is None:
        return None
    found = [_PLATFORM.fullmatch(part.strip()) for part in text.split("||")]
    if not all(found):
        raise wish.error("platform", f'"{text}" is no platform')
    return " or ".join(f'sys_platform {each["operator"] or "=="} "{each["name"]}"' for each in found if each)


def _name(text: str) -> str:
    """The normalized name that starts a requirement such as ``ruamel.yaml[jinja2] (>=0.17)``."""
    found = re.match(r"\s*([A-Za-z0-9._-]+)", text)
    return normalize(found[1]) if found else ""
