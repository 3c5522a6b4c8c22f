"""The graph of a pdm.lock without inherited metadata, whose packages do not say in which groups they are and when.

Its roots stand in the manifest, its edges are requirements. A package with extras has an entry of its own for each
set of extras that is asked for, and such a set is one extra here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.project.locked import by_name
from depsfirst.project.markers import admits
from depsfirst.project.model import MAIN, Dependency, normalize
from depsfirst.project.requirement import parse_requirement, resolved_group
from depsfirst.project.toml import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.requirements import Requirement

    from depsfirst.project.locks.pdm import Entries

_MANIFEST = "pyproject.toml"
_EDITABLE = re.compile(r"(?:-e|--editable)[ =]\s*(?P<place>.+)")
_FRAGMENT_NAME = re.compile(r"[#&]egg=(?P<name>[A-Za-z0-9._-]+)(?:\[(?P<extras>[^\]]*)\])?")


def connect(lock: Entries, pyproject: Mapping[str, Any]) -> dict[str, tuple[Dependency, ...]]:
    """Give the packages their edges; what each group and extra of the manifest asks for.

    Raises:
        DepsfirstError: a requirement is none.
    """
    graph = _Graph(lock)
    graph.connect()
    return {name: tuple(edges) for name, edges in _Roots(graph, pyproject).all().items()}


class _Graph:
    def __init__(self, lock: Entries) -> None:
        self._lock = lock
        self._places = by_name(lock.packages)

    def connect(self) -> None:
        for entry, place in self._lock.entries:
            package = self._lock.packages[place]
            extras = frozenset(normalize(extra) for extra in entry.texts("extras"))
            lines = entry.texts("dependencies")
            edges = tuple(self.edges((line, entry.place(f"dependencies[{i}]")) for i, line in enumerate(lines)))
            if extras:
                known = {**package.extras, **dict.fromkeys(_as_one(extras), edges)}
                self._lock.packages[place] = package._replace(extras=known)
            else:
                self._lock.packages[place] = package._replace(dependencies=edges)

    def edges(self, lines: Iterator[tuple[str, str]]) -> Iterator[Dependency]:
        for line, where in lines:
            edge = self._edge(line, where)
            if edge.name not in self._lock.excluded:
                yield edge

    def _edge(self, line: str, where: str) -> Dependency:
        editable = _EDITABLE.match(line)
        if editable is not None:
            return self._editable(editable["place"], where)
        wanted = parse_requirement(line, where)
        extras = _as_one(frozenset(normalize(extra) for extra in wanted.extras))
        marker = str(wanted.marker) if wanted.marker else None
        return Dependency(normalize(wanted.name), self._candidates(wanted), extras, marker)

    def _candidates(self, wanted: Requirement) -> tuple[int, ...]:
        specifier = "" if wanted.url else str(wanted.specifier)
        places = self._places.get(normalize(wanted.name), ())
        packages = self._lock.packages
        return tuple(place for place in places if admits(specifier, packages[place].version or "0")) or places[:1]

    def _editable(self, place: str, where: str) -> Dependency:
        found = _FRAGMENT_NAME.search(place)
        if found is None:
            raise DepsfirstError(
                f'which package "{place}" is cannot be told', where=where, hint="write `#egg=name` behind it"
            )
        name = normalize(found["name"])
        extras = frozenset(normalize(extra) for extra in (found["extras"] or "").split(",") if extra.strip())
        return Dependency(name, self._places.get(name, ()), _as_one(extras))


def _as_one(extras: frozenset[str]) -> frozenset[str]:
    return frozenset({",".join(sorted(extras))}) if extras else extras


class _Roots:
    """What the groups of a manifest ask for; a requirement of the project itself asks for its groups."""

    def __init__(self, graph: _Graph, pyproject: Mapping[str, Any]) -> None:
        table = Table(pyproject, _MANIFEST)
        self._graph = graph
        self._name = normalize(table.table("project").maybe_text("name") or "")
        self._lines = dict(_group_lines(table))

    def all(self) -> dict[str, list[Dependency]]:
        return {name: list(self._graph.edges(iter(self._of(name, set())))) for name in self._lines}

    def _of(self, group: str, seen: set[str]) -> Iterator[tuple[str, str]]:
        if group in seen:
            return
        seen.add(group)
        for line, where in self._lines.get(group, ()):
            included = self._included(line, where)
            if included is None:
                yield line, where
            for name in included or ():
                yield from self._of(name, seen)

    def _included(self, line: str, where: str) -> list[str] | None:
        """The groups that a requirement of the project itself stands for; None for any other requirement."""
        if _EDITABLE.match(line):
            return None
        wanted = parse_requirement(line, where)
        if normalize(wanted.name) != self._name:
            return None
        return sorted(normalize(extra) for extra in wanted.extras)


def _group_lines(manifest: Table) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    project, groups = manifest.table("project"), manifest.table("dependency-groups")
    legacy = manifest.table("tool").table("pdm").table("dev-dependencies")
    yield MAIN, _placed(project, "dependencies", project.texts("dependencies"))
    optional = project.table("optional-dependencies")
    for name in optional.values:
        yield normalize(name), _placed(optional, name, optional.texts(name))
    found: dict[str, list[tuple[str, str]]] = {}
    for name in groups.values:
        found[normalize(name)] = _placed(groups, name, resolved_group(groups, name))
    for name in legacy.values:
        found.setdefault(normalize(name), []).extend(_placed(legacy, name, legacy.texts(name)))
    yield from found.items()


def _placed(table: Table, key: str, lines: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(line, table.place(f"{key}[{index}]")) for index, line in enumerate(lines)]
