"""Selects what of a lock will be installed: one walk along the edges that hold in one environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.project.markers import Evaluator, admits
from depsfirst.project.model import MAIN, Recipe, conflict_item, normalize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depsfirst.project.model import Dependency, Environment, Lock, LockedPackage


def select(
    lock: Lock,
    environment: Environment,
    *,
    groups: frozenset[str] = frozenset({MAIN}),
    extras: frozenset[str] = frozenset(),
) -> Recipe:
    """What of a lock will be installed.

    Args:
        lock: a lock that fits its manifest.
        environment: what the image will run.
        groups: names of dependency groups; ``main`` is what the project itself needs.
        extras: names of extras of the project.

    Raises:
        DepsfirstError: a group or extra does not exist, the lock is not made for this environment, choices
            exclude each other, or the lock contradicts itself.
    """
    groups = _known(groups, lock.roots, "group", lock)
    extras = _known(extras, lock.extras, "extra", lock)
    asked = (groups - {MAIN}) | lock.default_groups if MAIN in groups else groups
    evaluator = Evaluator(environment.markers(), asked)
    _check_environment(lock, environment, evaluator)
    picked = _Walk(lock, environment, evaluator, groups, extras).picked()
    chosen = [lock.packages[index] for index in sorted(picked.values(), key=lambda index: lock.packages[index].name)]
    for package in chosen:
        _check_pinned(package)
        if lock.strict_python:
            _check_python(package, environment)
    if MAIN in groups:
        _check_demands(lock, evaluator, picked, environment)
    return Recipe(
        tuple(each for each in chosen if each.source.kind in {"index", "url", "git", "file"}),
        tuple(each for each in chosen if each.source.kind == "directory"),
    )


def _known(asked: frozenset[str], there: Mapping[str, object], what: str, lock: Lock) -> frozenset[str]:
    names = frozenset(normalize(name) for name in asked)
    for name in sorted(names - set(there)):
        raise DepsfirstError(
            f'there is no {what} "{name}"',
            where=lock.name,
            hint=f"the {what}s there are: {', '.join(sorted(there))}" if there else f"the lock has no {what}s",
        )
    return names


def _check_environment(lock: Lock, environment: Environment, evaluator: Evaluator) -> None:
    if not admits(lock.requires_python, environment.version):
        raise DepsfirstError(
            f'the lock is made for Python "{lock.requires_python}", not for {environment.version}',
            where=lock.name,
            hint="choose a base with such a Python, or widen the project's range of Python and lock again",
        )
    if lock.environments and not any(evaluator.holds(marker) for marker in lock.environments):
        raise DepsfirstError(
            f"the lock is not made for Python {environment.version} on {environment.platform}",
            where=lock.name,
            hint=f"it is made for: {'; '.join(lock.environments)}",
        )


def _check_pinned(package: LockedPackage) -> None:
    if package.source.kind == "index" and package.version is None:
        raise DepsfirstError(
            f'"{package.name}" is not pinned', where=package.where, hint="lock again where its marker holds"
        )


def _check_python(package: LockedPackage, environment: Environment) -> None:
    if not admits(package.requires_python, environment.version):
        raise DepsfirstError(
            f'"{package.name}" is locked for Python "{package.requires_python}", not for {environment.version}',
            where=package.where,
            hint="choose a base with such a Python, or lock again for this one",
        )


def _check_demands(lock: Lock, evaluator: Evaluator, picked: Mapping[str, int], environment: Environment) -> None:
    installed = set(picked.values())
    for demand in lock.demands:
        if evaluator.holds(demand.marker) and not installed.intersection(demand.candidates):
            raise DepsfirstError(
                f'"{lock.name}" has nothing that meets "{demand.requirement}"'
                f" for Python {environment.version} on {environment.platform}",
                where=demand.where,
                hint=_BY_HAND if lock.format == "requirements" else "lock again",
            )


_BY_HAND = (
    "pin it there; or, if that file is no lock of the project, have resolved what the manifest asks for, with lock ="
    ' "pyproject.toml" in [tool.depsfirst]'
)


class _Walk:
    """Follows the edges that hold, again and again until what they lead to no longer changes.

    Two things are known only at the end of a round and decide on edges at its beginning: which conflict items
    are active, and, for locks that do not say which version an edge means, which version suits all edges.
    """

    _MOST_ROUNDS = 30

    def __init__(
        self,
        lock: Lock,
        environment: Environment,
        evaluator: Evaluator,
        groups: frozenset[str],
        extras: frozenset[str],
    ) -> None:
        self._lock = lock
        self._version = environment.version
        self._evaluator = evaluator
        self._extras = extras
        asked = [edge for group in sorted(groups) for edge in lock.roots[group]]
        asked += [edge for extra in sorted(extras) for edge in lock.extras[extra]]
        self._roots = [(edge, extras) for edge in asked]
        self._chosen = self._chosen_items(groups) if lock.conflicts else frozenset()
        self._active = self._chosen
        self._allowed: dict[str, tuple[int, ...]] = {}

    def picked(self) -> dict[str, int]:
        """Positions of the selected packages in ``Lock.packages``, by name."""
        for _ in range(self._MOST_ROUNDS):
            before = (self._active, self._allowed)
            self._active, self._allowed = self._round()
            if before == (self._active, self._allowed):
                break
        else:
            raise DepsfirstError(
                "the edges of the lock contradict each other", where=self._lock.name, hint="lock with a newer manager"
            )
        self._check_conflicts()
        for name, allowed in self._allowed.items():
            if not allowed:
                raise self._disagreement(name)
        return {name: allowed[0] for name, allowed in self._allowed.items()}

    def _round(self) -> tuple[frozenset[str], dict[str, tuple[int, ...]]]:
        active = self._chosen
        allowed: dict[str, tuple[int, ...]] = {}
        seen: set[tuple[int, str | None]] = set()
        todo = self._roots.copy()
        while todo:
            edge, wanted = todo.pop()
            items = self._items(edge)
            if not self._evaluator.holds(edge.marker, wanted | items | self._active):
                continue
            active |= items
            candidates = self._candidates(edge)
            if not candidates:
                raise DepsfirstError(
                    f'the lock has no "{edge.name}" that suits everything that is chosen',
                    where=self._lock.name,
                    hint="lock again",
                )
            allowed[edge.name] = tuple(each for each in allowed.get(edge.name, candidates) if each in candidates)
            suited = [each for each in self._allowed.get(edge.name, ()) if each in candidates]
            reached = {((suited or candidates)[0], extra) for extra in (None, *edge.extras)}
            todo += (each for key in reached - seen for each in self._edges(*key))
            seen |= reached
        return active, allowed

    def _edges(self, index: int, extra: str | None) -> list[tuple[Dependency, frozenset[str]]]:
        package = self._lock.packages[index]
        if extra is None:
            return [(edge, frozenset()) for edge in package.dependencies]
        return [(edge, frozenset({extra})) for edge in package.extras.get(extra, ())]

    def _candidates(self, edge: Dependency) -> tuple[int, ...]:
        if len(edge.candidates) == 1:
            return edge.candidates
        packages = self._lock.packages
        suited = tuple(each for each in edge.candidates if admits(packages[each].requires_python, self._version))
        return suited or edge.candidates

    def _chosen_items(self, groups: frozenset[str]) -> frozenset[str]:
        project = self._lock.project
        items = {conflict_item("extra", project, extra) for extra in self._extras}
        items |= {conflict_item("group", project, group) for group in groups - {MAIN}}
        return frozenset(items | ({conflict_item("project", project)} if MAIN in groups else set()))

    def _items(self, edge: Dependency) -> frozenset[str]:
        if not self._lock.conflicts:
            return frozenset()
        return frozenset(conflict_item("extra", edge.name, extra) for extra in edge.extras)

    def _check_conflicts(self) -> None:
        for conflict in self._lock.conflicts:
            both = sorted(conflict & self._active)
            if len(both) > 1:
                raise DepsfirstError(
                    f"{' and '.join(_item_title(item) for item in both)} exclude each other",
                    where=self._lock.name,
                    hint="choose one of them",
                )

    def _disagreement(self, name: str) -> DepsfirstError:
        locked = [package for package in self._lock.packages if package.name == name]
        return DepsfirstError(
            f'no one version of "{name}" suits everything that is chosen: the lock has'
            f" {', '.join(str(package.version) for package in locked)}",
            where=locked[0].where,
            hint="choose extras and groups that do not exclude each other, or lock again",
        )


def _item_title(item: str) -> str:
    kind, length, rest = item.split("-", 2)
    package, name = rest[: int(length)], rest[int(length) + 1 :]
    return f'the {kind} "{name}" of "{package}"' if name else f'the {kind} "{package}"'
