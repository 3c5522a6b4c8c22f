"""Which modules of a project are loaded only if something optional is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.imports.modules import absolute, parent, prefixes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from depsfirst.imports.answers import Place, Row
    from depsfirst.imports.modules import Names


def optional(sources: Iterable[tuple[Place, Iterable[Row]]], own: Names, entries: Iterable[str]) -> frozenset[str]:
    """The modules that others import, but never surely: in a function, under a condition, or with a way out.

    Args:
        sources: each source of the project and its imports.
        own: the names of the project's files.
        entries: modules that are surely loaded, or objects of them as ``module:object``.
    """
    strong, weak = _edges(sources, own)
    sure = {prefix for entry in entries for prefix in prefixes(entry.partition(":")[0].strip())}
    found = {name for name in weak if "." in name} - sure
    todo = list(found)
    while todo:  # what only they import
        importer = todo.pop()
        new = {name for name, importers in strong.items() if importer in importers} - found - sure
        found |= {name for name in new if "." in name}
        todo += [name for name in new if "." in name]
    while sure_after_all := {name for name in found if strong.get(name, set()) - found}:
        found -= sure_after_all
    return frozenset(found)


def _edges(sources: Iterable[tuple[Place, Iterable[Row]]], own: Names) -> tuple[Mapping[str, set[str]], set[str]]:
    """Who surely imports each module, and the modules that someone may import."""
    strong: dict[str, set[str]] = {}
    weak: set[str] = set()
    for place, rows in sources:
        if place.aside or place.package is None:
            continue
        for name in prefixes(parent(place.module)):  # a module loads its packages
            strong.setdefault(name, set()).add(place.module)
        for name, _, need, names, unless in rows:
            for target in _targets(absolute(name, place.package), names, own):
                if need == "required" and not unless:
                    strong.setdefault(target, set()).add(place.module)
                else:
                    weak.add(target)
    return strong, weak


def _targets(module: str, names: Iterable[str], own: Names) -> Iterator[str]:
    for name in [*prefixes(module), *(f"{module}.{name}" for name in names)]:
        if name in own.packages or name in own.modules:
            yield name
