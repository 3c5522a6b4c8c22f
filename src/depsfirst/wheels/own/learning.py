"""Builds a project with its backend, and learns which entry of the wheel is a copy of which file.

A rule that lets the next build do without the backend must never be wrong. So an entry with several possible sources is
left alone as long as none of them changes, and an entry without a source makes every build call the backend; so do
files in places that are not watched, and files that changed while the backend ran.
"""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple
from depsfirst.wheels.built.backend import Source, built_wheel
from depsfirst.wheels.own import declared
from depsfirst.wheels.own.earlier import Earlier, Entry, this_python, within
from depsfirst.wheels.own.ignored import repository
from depsfirst.wheels.own.tree import LINKED_DIRECTORY, UNREADABLE, Hashes, Tree, walk
from depsfirst.wheels.own.unpacked import content_key, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.progress import Progress
    from depsfirst.project.model import BuildSystem, Project
    from depsfirst.wheels.indexes.search import Search
    from depsfirst.wheels.own.unpacked import Unpacked, UnpackedFile

_GENERATED = frozenset(
    {
        *("METADATA", "WHEEL", "entry_points.txt", "top_level.txt", "namespace_packages.txt"),
        *("dependency_links.txt", "zip-safe", "not-zip-safe"),
    }
)
"""Files of ``.dist-info`` that are made of the manifest and of files that ``declared.reads`` names."""

_LICENSES = ("licenses/", "license_files/", "")


class Learnt(NamedTuple):
    """A build by the backend: the wheel, what is to be remembered of it, and what its files are."""

    wheel: Unpacked
    earlier: Earlier
    hashes: Hashes


def build(
    project: Project,
    system: BuildSystem,
    store: ContentStore,
    search: Search | None,
    progress: Progress | None,
) -> Learnt:
    """Call the backend of a project, and look at its tree before and after.

    Raises:
        DepsfirstError: it does not build, or builds something else.
    """
    hashes = Hashes(project.root)
    before = _Look.at(project, system, hashes)
    source = Source(project.root, system, project.name)
    with built_wheel(source, store, search=search, progress=progress) as file:
        wheel = unpack(file, store)
    _check_name(wheel, project)
    after = _Look.at(project, system, hashes)
    if before.always is not None:
        return Learnt(wheel, Earlier(always=before.always), hashes)
    if before != after or after.settings != declared.settings(project.pyproject, system.backend):
        return Learnt(wheel, Earlier(always="its files changed during the last build"), hashes)
    learner = _Learner(project.root, after.tree, hashes, remapped=declared.remapped(after.manifest, system.backend))
    entries, always = learner.entries(wheel)
    return Learnt(wheel, Earlier(always=always) if always else after.remembered(wheel, entries, learner), hashes)


def _check_name(wheel: Unpacked, project: Project) -> None:
    from packaging.utils import canonicalize_name

    # where no table states the name, setup.py or setup.cfg may, or nobody does; then setuptools says "UNKNOWN"
    tables = [declared.table(project.pyproject, each) for each in ("project", "tool.poetry")]
    stated = next((each["name"] for each in tables if isinstance(each.get("name"), str)), None)
    if wheel.name == "UNKNOWN" or (stated is not None and canonicalize_name(wheel.name) != canonicalize_name(stated)):
        raise DepsfirstError(
            f'the build backend made a wheel of "{wheel.name}", but the project is called "{project.name}"',
            where=str(project.manifest or project.root),
            hint="state the name in the table that this backend reads, as a rule [project]",
        )


def _manifest(project: Project, hashes: Hashes) -> Mapping[str, Any]:
    from depsfirst.project.toml import parse

    if project.manifest is None:
        return {}
    seen = hashes.look(os.path.relpath(project.manifest, project.root))
    text = (seen.data if seen and seen.data else b"").decode("utf-8-sig", "replace")
    return parse(text, str(project.manifest))


class _Look(NamedTuple):
    """What a backend may read, at one moment."""

    root: Path
    backend: str
    tree: Tree
    manifest: Mapping[str, Any]
    repository: str | None
    always: str | None
    reads: Mapping[str, str | None]

    @classmethod
    def at(cls, project: Project, system: BuildSystem, hashes: Hashes) -> _Look:
        tree = walk(project.root)
        manifest = _manifest(project, hashes)
        files, always = declared.reads(declared.Subject(project.root, manifest, system, tree))
        reads = {path: hashes.sha256(path) for path in sorted(files)} if always is None else {}
        return cls(project.root, system.backend, tree, manifest, repository(project.root), always, reads)

    @property
    def settings(self) -> dict[str, str]:
        return declared.settings(self.manifest, self.backend)

    def remembered(self, wheel: Unpacked, entries: tuple[Entry, ...], learner: _Learner) -> Earlier:
        return Earlier(
            python=this_python(),
            settings=self.settings,
            kinds=self.tree.kinds,
            left_out=self.tree.left_out,
            repository=self.repository,
            reads=self.reads,
            packages=tuple(sorted(learner.packages)),
            sources=dict(sorted(learner.sources.items())),
            name=wheel.name,
            version=wheel.version,
            tags=wheel.tags,
            key=content_key(wheel.files),
            entries=entries,
        )


class _Learner:
    """Finds out which file each entry of a built wheel was copied from.

    Args:
        root: of the project.
        tree: its files.
        hashes: reads them.
        remapped: whether the manifest packs directories under other names than their own.
    """

    def __init__(self, root: Path, tree: Tree, hashes: Hashes, *, remapped: bool) -> None:
        self._root = root
        self._tree = tree
        self._hashes = hashes
        self._remapped = remapped
        self._named: dict[str, list[str]] = {}
        for path in tree.files():
            self._named.setdefault(posixpath.basename(path), []).append(path)
        self.sources: dict[str, tuple[int, str]] = {}
        self.packages: set[str] = set()

    def entries(self, wheel: Unpacked) -> tuple[tuple[Entry, ...], str | None]:
        """The entries with their sources, and why the backend must always be called, if it must."""
        impure = sorted(tag for tag in wheel.tags if not tag.endswith("-none-any"))
        if impure:
            return (), f'its wheel is made for "{impure[0]}"'
        found = []
        for file in wheel.files:
            sources = self._sources(file, wheel)
            if sources is None:
                return (), f'"{file.path}" of its wheel is no copy of a file in the project'
            found.append(Entry(file.path, file.sha256, file.executable, tuple(sources)))
        return tuple(found), self._blind_spot()

    def _sources(self, file: UnpackedFile, wheel: Unpacked) -> list[str] | None:
        top, _, rest = file.path.partition("/")
        start = f"{wheel.name}-{wheel.version}"
        if top == f"{start}.dist-info":
            if rest in _GENERATED:
                return []
            return self._copies([rest.removeprefix(folder) for folder in _LICENSES if rest.startswith(folder)], file)
        named = self._named.get(posixpath.basename(file.path), [])
        if top == f"{start}.data" or self._remapped:
            return self._copies(named, file, packed=True)
        suffix = f"/{file.path}"
        return self._copies([path for path in named if f"/{path}".endswith(suffix)], file, packed=True)

    def _copies(self, candidates: list[str], file: UnpackedFile, *, packed: bool = False) -> list[str] | None:
        found = [path for path in candidates if path in self._tree.kinds and self._equals(path, file)]
        for path in found if packed else ():
            self.packages.update(_package(path, file.path))
        return found or None

    def _equals(self, path: str, file: UnpackedFile) -> bool:
        if path in self.sources:
            return self.sources[path][1] == file.sha256
        try:
            if os.stat(f"{self._root}/{path}").st_size != file.size:  # noqa: PTH116 (many files)
                return False
            seen = self._hashes.look(path)
        except (OSError, DepsfirstError):  # what cannot be read was not packed
            return False
        if seen is None or seen.sha256 != file.sha256:
            return False
        self.sources[path] = (seen.mode, seen.sha256)
        return True

    def _blind_spot(self) -> str | None:
        packages = tuple(self.packages)
        for path in sorted(self._tree.left_out):
            if within(path, packages):
                return f'"{path}" lies in a package and is not watched'
        for path, kind in sorted(self._tree.kinds.items()):
            if (kind == UNREADABLE or kind.startswith(LINKED_DIRECTORY)) and within(path, packages):
                return f'"{path}" in a package is a {kind}'
        return None


def _package(source: str, entry: str) -> Iterator[str]:
    """The directory that is packed as a whole, as far as a source and its entry tell."""
    if f"/{source}".endswith(f"/{entry}"):
        top, slash, _ = entry.partition("/")
        if slash:
            yield source[: len(source) - len(entry)] + top
    elif folder := posixpath.dirname(source):
        yield folder
