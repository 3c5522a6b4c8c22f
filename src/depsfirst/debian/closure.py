"""Which packages are needed: the closure of what was asked for over its dependencies."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass
from depsfirst.debian.relations import Relation, parse_relations
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from depsfirst.debian.index import Indexes
    from depsfirst.debian.model import Package
    from depsfirst.debian.relations import Alternatives

ANY = "*"
_PRIORITIES = {name: rank for rank, name in enumerate(("required", "important", "standard", "optional", "extra"))}


@dataclass(frozen=True, slots=True)
class Closure:
    """What to install, by name, and the dependencies that were left out: by their name, the reason."""

    packages: tuple[Package, ...]
    left_out: Mapping[str, str]


def close(
    roots: Iterable[str], asked: Iterable[str], indexes: Indexes, needless: Mapping[tuple[str, str], str]
) -> Closure:
    """The packages to install.

    A dependency is met by what is chosen already, else by the first alternative that can be had; a virtual
    package by its provider of the highest priority, the first by name.

    Args:
        roots: names that are always wanted.
        asked: names the user wants besides; each may be a virtual package with one provider.
        indexes: where packages are looked up.
        needless: reasons not to follow a dependency, by the name of the package (or ``ANY``) and that of the
            dependency; one that was asked for is installed nevertheless.

    Raises:
        DepsfirstError: a package is unknown, a dependency cannot be met, or two packages conflict.
    """
    selection = _Selection()
    waiting: deque[Package] = deque()
    for name in (*sorted(roots), *sorted(asked)):
        waiting.extend(selection.add(_named(name, indexes)))
    left_out: dict[str, str] = {}
    while waiting:
        package = waiting.popleft()
        for alternatives in parse_relations(package.depends, f"{package.name}: Depends"):
            if selection.meets(alternatives):
                continue
            needed, reason = _needed(package.name, alternatives, needless)
            if reason:
                left_out[needed] = reason
            else:
                waiting.extend(selection.add(_found(alternatives, package, indexes)))
    selection.refuse_conflicts()
    return Closure(selection.packages(), {name: left_out[name] for name in sorted(left_out)})


class _Selection:
    """The packages chosen so far, and what they provide."""

    def __init__(self) -> None:
        self._chosen: dict[str, Package] = {}
        self._provided: dict[str, list[tuple[str, str]]] = {}

    def packages(self) -> tuple[Package, ...]:
        return tuple(self._chosen[name] for name in sorted(self._chosen))

    def add(self, package: Package) -> list[Package]:
        """Choose a package; it is returned if it is new."""
        other = self._chosen.setdefault(package.name, package)
        if other.version != package.version:
            versions = f"{other.version} and {package.version}"
            raise DepsfirstError(f'the package "{package.name}" is needed in two versions, {versions}')
        if other is not package:
            return []
        for relation, *_ in parse_relations(package.provides, f"{package.name}: Provides"):
            self._provided.setdefault(relation.name, []).append((package.name, relation.version))
        return [package]

    def meets(self, alternatives: Alternatives) -> bool:
        return any(self._answering(relation) for relation in alternatives)

    def refuse_conflicts(self) -> None:
        for package in self.packages():
            for relation, *_ in parse_relations(package.conflicts, f"{package.name}: Conflicts"):
                others = self._answering(relation) - {package.name}
                if others:
                    raise DepsfirstError(
                        f'the packages "{package.name}" and "{min(others)}" cannot be installed together',
                        where=f"{package.name}: Conflicts: {relation}",
                        hint="ask for one of them only",
                    )

    def _answering(self, relation: Relation) -> set[str]:
        """The chosen packages that are, or provide, the one of the relation."""
        real = self._chosen.get(relation.name)
        names = {name for name, version in self._provided.get(relation.name, ()) if _provides(version, relation)}
        return names | {relation.name} if real and relation.accepts(real.version) else names


def _provides(version: str, relation: Relation) -> bool:
    """Whether a provided name of that version does: one without a version answers no relation with one."""
    return relation.accepts(version) if version else not relation.operator


def _named(name: str, indexes: Indexes) -> Package:
    found = indexes.find(name)
    if found:
        return found[0]
    providers = [provider.package for provider in indexes.providers(name)]
    if len(providers) == 1:
        return providers[0]
    if providers:
        names = ", ".join(package.name for package in providers)
        raise DepsfirstError(f'the package "{name}" is a virtual one', hint=f"ask for one that provides it: {names}")
    raise DepsfirstError(f'there is no Debian package "{name}"', hint=_close(name, indexes.names()))


def _close(name: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches

    parts = name.split("-")
    alike = [each for each in names if each[:2] == name[:2] or parts[-1] in each]
    close = get_close_matches(name, alike, 3, 0.7)
    return f"did you mean {' or '.join(close)}?" if close else "names differ between suites: look it up for this one"


def _needed(name: str, alternatives: Alternatives, needless: Mapping[tuple[str, str], str]) -> tuple[str, str]:
    """The dependency, and the reason why it is not needed; no reason when it is."""
    for relation in alternatives:
        for who in (name, ANY):
            if (who, relation.name) in needless:
                return relation.name, needless[who, relation.name]
    return alternatives[0].name, ""


def _found(alternatives: Alternatives, package: Package, indexes: Indexes) -> Package:
    for relation in alternatives:
        found = next(_candidates(relation, indexes), None)
        if found is not None:
            return found
    wanted = " | ".join(str(relation) for relation in alternatives)
    raise DepsfirstError(
        f'the package "{package.name}" depends on "{wanted}", which cannot be had',
        hint="the mirror may be in the middle of an update: try again later",
    )


def _candidates(relation: Relation, indexes: Indexes) -> Iterator[Package]:
    yield from (package for package in indexes.find(relation.name) if relation.accepts(package.version))
    providers = [each.package for each in indexes.providers(relation.name) if _provides(each.version, relation)]
    yield from sorted(providers, key=lambda package: (_PRIORITIES.get(package.priority, 9), package.name))
