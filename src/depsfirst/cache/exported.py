"""Whether an exporter of the locked packages writes the same file from another manifest and lock."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depsfirst.dataclass import dataclass
from depsfirst.errors import DepsfirstError
from depsfirst.project.model import MAIN, normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

    from depsfirst.project.locks import Format
    from depsfirst.project.model import Dependency, Lock, Project

_DEMANDS = (
    ("dependency-groups",),
    ("project", "dependencies"),
    ("project", "optional-dependencies"),
    *(("tool", "poetry", key) for key in ("dependencies", "dev-dependencies", "extras", "group")),
    *(("tool", name, "dev-dependencies") for name in ("uv", "pdm")),
    *((key,) for key in ("packages", "dev-packages")),
)
_SETTINGS = (("build-system",), ("project", "name"), ("project", "dynamic"), ("project", "requires-python"))
"""What an exporter can read besides dependencies; the version is nowhere in what any of them writes."""
_TOOL_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "poetry": ("name", "source", "requires-poetry", "requires-plugins", "package-mode")
}
"""The same of a tool's own table; of the others all of it."""
_LOCKS: Mapping[str, str] = {"uv": "uv.lock", "poetry": "poetry.lock", "pdm": "pdm.lock", "pipenv": "Pipfile.lock"}
_DEV = "dev"


@dataclass(frozen=True, slots=True)
class Reached:
    """A package that is exported: its name, its version, what else an export can show, and whether it always is."""

    name: str
    version: str | None
    shown: Hashable
    everywhere: bool


@dataclass(frozen=True)
class Locked:
    """Manifest and lock of one project, of which a part is exported.

    Attributes:
        manager: ``uv``, ``poetry``, ``pdm`` or ``pipenv``.
        directory: of the project, absolute in the image.
        manifest: text of its pyproject.toml; of pipenv, its Pipfile.
        lock: text of its lock.
    """

    manager: str
    directory: str
    manifest: str
    lock: str

    @cached_property
    def demands(self) -> str:
        """What the manifest says of dependencies, which the lock says as well.

        Raises:
            DepsfirstError: it is no TOML.
        """
        return repr([_value(self._values, each) for each in _DEMANDS])

    @cached_property
    def settings(self) -> str:
        """All else of the manifest that the exporter can read.

        Raises:
            DepsfirstError: it is no TOML.
        """
        tool = _value(self._values, ("tool", self.manager))
        kept = (
            {key: value for key, value in tool.items() if key in _TOOL_SETTINGS.get(self.manager, tool)}
            if isinstance(tool, dict)
            else None
        )
        keys = () if self.manager == "pipenv" else _SETTINGS
        return repr([kept, *(_value(self._values, each) for each in keys)])

    @cached_property
    def stable_lock(self) -> str:
        """The lock without the project's own version, and without the hash of the manifest that no export shows.

        Raises:
            DepsfirstError: one of the two is broken.
        """
        if self.manager == "pipenv":
            return _without_hash(self.lock)
        return self._format.stable_text(self.lock, self._project)

    def closure(self, selection: tuple[str, ...]) -> frozenset[Reached] | None:
        """The packages that a selection reaches, with all that an export can show of each.

        Args:
            selection: the exporter's options that choose groups and extras, each as ``--option`` or ``--option=value``.

        Returns:
            The packages; None if an option is not understood.

        Raises:
            DepsfirstError: the lock is broken or does not fit the manifest.
        """
        lock = self.content
        chosen = _chosen(self.manager, selection, lock, self._values)
        if chosen is None:
            return None
        head = Reached("", None, (lock.requires_python, lock.environments, lock.conflicts), everywhere=True)
        return frozenset((head, *_reached(lock, *chosen)))

    @cached_property
    def settled(self) -> bool:
        """Whether the lock fits, and nothing else is read to judge it, as members of a workspace are.

        Raises:
            DepsfirstError: the lock is broken or does not fit the manifest.
        """
        uv = _value(self._values, ("tool", "uv"))
        return bool(self.content.packages) and not (isinstance(uv, dict) and (uv.get("workspace") or uv.get("sources")))

    @cached_property
    def _values(self) -> Mapping[str, Any]:
        from depsfirst.project.toml import parse

        return parse(self.manifest, f"{self.directory}/pyproject.toml")

    @cached_property
    def content(self) -> Lock:
        """What the lock says.

        Raises:
            DepsfirstError: it is broken, or does not fit the manifest.
        """
        from depsfirst.project.model import LockText

        included = {"Pipfile": self.manifest} if self.manager == "pipenv" else {}
        return self._format.read(LockText(_LOCKS[self.manager], self.lock, included), self._project)

    @property
    def _format(self) -> Format:
        from depsfirst.project.locks import format_of

        found = format_of(_LOCKS[self.manager])
        if found is None:
            raise DepsfirstError("this is a lock of no known format", where=_LOCKS[self.manager])
        return found

    @cached_property
    def _project(self) -> Project:
        from depsfirst.project.manifest import read_manifest

        root = Path(self.directory)
        values = None if self.manager == "pipenv" else self._values
        return read_manifest(root, root / _LOCKS[self.manager], values)


def with_named_groups(selection: tuple[str, ...], manifest: Mapping[str, Any] | None) -> tuple[str, ...]:
    """A selection of Poetry's with all of its groups named, so that one of its exporter compares with one of install.

    Args:
        selection: as for ``Locked.closure``.
        manifest: what pyproject.toml says, where the usual groups are those of ``poetry install``: all that are not
            optional; None where they are those of its exporter, which is the main one.
    """
    named: dict[str, set[str]] = {"--only": set(), "--with": set(), "--without": set()}
    rest: list[str] = []
    for option, _, value in (each.partition("=") for each in selection):
        if option in named:
            named[option] |= {normalize(each.strip()) for each in value.split(",")}
        elif option == "--no-dev":
            named["--without"].add(_DEV)
        else:
            rest.append(f"{option}={value}" if value else option)
    usual = {MAIN} if manifest is None else {MAIN, *_usual_of_poetry(manifest)}
    groups = (named["--only"] or usual | named["--with"]) - named["--without"]
    return tuple(sorted([*rest, f"--only={','.join(sorted(groups))}"]))


def _usual_of_poetry(manifest: Mapping[str, Any]) -> Iterator[str]:
    """The groups of a manifest that are not optional."""
    own = _value(manifest, ("tool", "poetry", "group")) or {}
    optional = {normalize(name) for name in own if _value(own, (name, "optional")) is True}
    names = {*own, *(_value(manifest, ("dependency-groups",)) or ())}
    yield from sorted({normalize(name) for name in names} - optional)
    if _value(manifest, ("tool", "poetry", "dev-dependencies")):
        yield _DEV


def same_export(before: Locked, after: Locked, selection: tuple[str, ...], *, frozen: bool, exact: bool) -> bool | None:
    """Whether an exporter writes the same; None if that cannot be told.

    Args:
        before: what it reads.
        after: what it reads later.
        selection: as for ``Locked.closure``.
        frozen: whether it takes the lock as it is, without looking whether anything else was changed since.
        exact: whether nothing but the selection decides what of the lock it writes.
    """
    try:
        if before.settings != after.settings or not (frozen or (before.settled and after.settled)):
            return None
        if before.demands == after.demands and before.stable_lock == after.stable_lock:
            return True
        old, new = before.closure(selection), after.closure(selection)
    except DepsfirstError:  # then the exporter refuses it, too, or nobody knows what it makes of it
        return None
    if old is None or new is None or old == new:
        return None if old is None or new is None else True
    return False if exact and _everywhere(old) != _everywhere(new) else None


def _everywhere(packages: Iterable[Reached]) -> set[tuple[str, str | None]]:
    return {(each.name, each.version) for each in packages if each.everywhere}


def _value(values: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _without_hash(lock: str) -> str:
    try:
        values = json.loads(lock)
    except ValueError:
        raise DepsfirstError("this is no JSON", where=_LOCKS["pipenv"]) from None
    if isinstance(values, dict) and isinstance(values.get("_meta"), dict):
        values["_meta"].pop("hash", None)
    return json.dumps(values, sort_keys=True)


def _reached(lock: Lock, groups: frozenset[str], extras: frozenset[str]) -> Iterator[Reached]:
    """The packages that groups and extras lead to, whatever the environment."""
    roots = [("", edge) for group in sorted(groups) for edge in lock.roots[group]]
    roots += [("", edge) for extra in sorted(extras) for edge in lock.extras[extra]]
    edges = _followed(lock, roots, lambda _: True)
    certain = {place for place, _ in _followed(lock, roots, lambda edge: edge.marker is None)}
    parents: dict[int, set[Hashable]] = {}
    for place, (parent, edge) in edges:
        parents.setdefault(place, set()).add((parent, edge.marker, edge.extras))
    for place, reasons in parents.items():
        package = lock.packages[place]
        shown = (package.source, package.files, package.hashes, package.requires_python, frozenset(reasons))
        yield Reached(package.name, package.version, shown, place in certain)


Edge = tuple[str, "Dependency"]


def _followed(lock: Lock, roots: Iterable[Edge], taken: Callable[[Dependency], bool]) -> set[tuple[int, Edge]]:
    """Every edge that is met on the way from the roots, with the package it leads to."""
    found: set[tuple[int, Edge]] = set()
    todo = list(roots)
    while todo:
        edge = todo.pop()
        for place in edge[1].candidates if taken(edge[1]) else ():
            if (place, edge) not in found:
                found.add((place, edge))
                package = lock.packages[place]
                below = [
                    *package.dependencies,
                    *(each for extra in edge[1].extras for each in package.extras.get(extra, ())),
                ]
                todo += [(package.name, each) for each in below]
    return found


def _chosen(
    manager: str, selection: tuple[str, ...], lock: Lock, manifest: Mapping[str, Any]
) -> tuple[frozenset[str], frozenset[str]] | None:
    """The groups and extras that an exporter's options choose; None if one is not understood."""
    named: dict[str, set[str]] = {role: set() for role in _ROLES}
    asked: set[str] = set()
    for option, _, value in (each.partition("=") for each in selection):
        role = _OPTIONS.get((manager, option))
        if role is None:
            return None
        asked.add(role)
        named[role] |= {normalize(each) for each in value.replace(",", " ").split()}
    usual = {MAIN} if "no-default" in asked else _usual(manager, lock, manifest)
    groups = named["only"] | ({_DEV} if "only-dev" in asked else set())
    if not groups:
        groups = usual | named["group"] | ({_DEV} if "dev" in asked else set())
        groups |= lock.roots.keys() if "all-groups" in asked else set()
    groups -= named["without"] | ({_DEV} if "no-dev" in asked else set())
    extras = named["extra"] | (lock.extras.keys() if "all-extras" in asked else set())
    if not groups <= lock.roots.keys() or not extras <= lock.extras.keys():
        return None
    return frozenset(groups), frozenset(extras)


def _usual(manager: str, lock: Lock, manifest: Mapping[str, Any]) -> set[str]:
    """The groups that are exported unless an option says otherwise."""
    if manager == "pdm":
        return set(lock.roots)
    if manager != "uv":
        return {MAIN}
    default = _value(manifest, ("tool", "uv", "default-groups"))
    if default == "all":
        return set(lock.roots)
    if isinstance(default, list):
        return {MAIN, *(normalize(str(each)) for each in default)}
    return {MAIN, *({_DEV} & lock.roots.keys())}


_OPTIONS: Mapping[tuple[str, str], str] = {
    ("uv", "--group"): "group",
    ("uv", "--only-group"): "only",
    ("uv", "--no-group"): "without",
    ("uv", "--extra"): "extra",
    ("uv", "--all-groups"): "all-groups",
    ("uv", "--all-extras"): "all-extras",
    ("uv", "--dev"): "dev",
    ("uv", "--only-dev"): "only-dev",
    ("uv", "--no-dev"): "no-dev",
    ("uv", "--no-default-groups"): "no-default",
    ("poetry", "--with"): "group",
    ("poetry", "--only"): "only",
    ("poetry", "--without"): "without",
    ("poetry", "--extras"): "extra",
    ("poetry", "--all-groups"): "all-groups",
    ("poetry", "--all-extras"): "all-extras",
    ("poetry", "--dev"): "dev",
    ("pdm", "--prod"): "no-default",
    ("pdm", "--production"): "no-default",
    ("poetry", "--without-urls"): "aside",
    ("pdm", "--no-markers"): "aside",
    ("pdm", "--no-extras"): "aside",
    ("pipenv", "--exclude-markers"): "aside",
    ("pipenv", "--dev"): "dev",
    ("pipenv", "--dev-only"): "only-dev",
}
"""What the options of exporters mean; all others are not understood."""
_ROLES = frozenset(_OPTIONS.values())
