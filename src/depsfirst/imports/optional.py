"""Which modules of a project may never be loaded: plugins, modules for what is optional, what no script reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.imports.modules import absolute, parent, prefixes
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from depsfirst.imports.answers import Place, Row
    from depsfirst.imports.modules import Names

_MAIN = "__main__"
_COMMANDS = ".management.commands."
"""Where Django looks for its commands: it loads the one it is asked for, by its name."""


_SETTINGS = "settings"
"""The package in which many have a module of settings for each place where they run."""


class Doubts(NamedTuple):
    """Modules of a project of which nobody can say that they are loaded.

    Attributes:
        optional: those that others import, but never surely (in a function, under a condition, or with a way out), the
            plugins of other programs, Django's commands and settings, and what only these import.
        unreached: those that what starts the project does not surely load; none where nothing is known to start it.
    """

    optional: frozenset[str]
    unreached: frozenset[str]


def doubts(
    sources: Iterable[tuple[Place, Iterable[Row]]],
    own: Names,
    entries: Iterable[str],
    plugins: Iterable[str] = (),
    *,
    scripts: bool = False,
) -> Doubts:
    """The modules of a project of which nobody can say that they are loaded.

    Args:
        sources: each source of the project and its imports.
        own: the names of the project's files.
        entries: modules that are surely loaded, or objects of them as ``module:object``.
        plugins: those that another program loads if it is there, in the same words.
        scripts: whether what stands at the top may be scripts, of which one is started and no other is loaded.
    """
    strong, weak = _edges(sources, own)
    modules = own.packages | own.modules
    sure = _with_packages(entries) & modules
    named = {plugin.partition(":")[0].strip() for plugin in plugins} | set(_by_name(modules))
    optional = _never_sure(strong, {name for name in weak | named if "." in name}, sure)
    if not sure:
        return Doubts(optional, frozenset())
    tops = {name for name in modules if not scripts and own.packages.isdisjoint(prefixes(parent(name)))}
    mains = {f"{name}.{_MAIN}" for name in tops} & modules
    return Doubts(optional, frozenset(modules - _loaded(strong, sure | tops | mains)))


def _by_name(modules: Iterable[str]) -> Iterator[str]:
    """The modules of which Django loads one, as it is told: its commands, and settings where there are several."""
    settings = [name for name in modules if parent(name).rpartition(".")[2] == _SETTINGS]
    yield from (name for name in settings if sum(parent(each) == parent(name) for each in settings) > 1)
    yield from (name for name in modules if _COMMANDS in name)


def _with_packages(entries: Iterable[str]) -> set[str]:
    return {prefix for entry in entries for prefix in prefixes(entry.partition(":")[0].strip())}


def _loaded(strong: Mapping[str, set[str]], start: set[str]) -> set[str]:
    """All that loading some modules surely loads."""
    loads: dict[str, set[str]] = {}
    for name, importers in strong.items():
        for importer in importers:
            loads.setdefault(importer, set()).add(name)
    found, todo = set(start), list(start)
    while todo:
        new = loads.get(todo.pop(), set()) - found
        found |= new
        todo += new
    return found


def _never_sure(strong: Mapping[str, set[str]], weak: set[str], sure: set[str]) -> frozenset[str]:
    """Those that are imported without certainty, and what only they import."""
    found = weak - sure
    todo = list(found)
    while todo:
        importer = todo.pop()
        new = {name for name, importers in strong.items() if importer in importers and "." in name} - found - sure
        found |= new
        todo += new
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
