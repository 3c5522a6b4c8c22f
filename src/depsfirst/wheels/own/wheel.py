"""The project's own wheel: built by its backend once, and after an edit of its files patched with what was edited.

What a patched wheel takes from the source tree is safe from edits during the build: a file is read once, and the bytes
that were hashed are the bytes that are packed. A file that was not edited is taken from the cache, where the wheel of
the last build lies unpacked and is never changed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from depsfirst import digests
from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple
from depsfirst.wheels.own import declared, earlier
from depsfirst.wheels.own.ignored import repository
from depsfirst.wheels.own.tree import LARGE, Hashes, walk
from depsfirst.wheels.own.unpacked import WHEELS, UnpackedFile, content_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from depsfirst.content import ContentStore
    from depsfirst.progress import Progress
    from depsfirst.project.model import BuildSystem, Project
    from depsfirst.wheels.indexes.search import Search
    from depsfirst.wheels.own.earlier import Earlier, Entry
    from depsfirst.wheels.own.tree import Seen

_SOURCES = "sources"
_IN_MEMORY = 1 << 25
_CANONICAL = re.compile(
    r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*((a|b|rc)(0|[1-9]\d*))?(\.post(0|[1-9]\d*))?(\.dev(0|[1-9]\d*))?", re.ASCII
)
"""A version that every backend writes as it stands (PEP 440 without epoch and local label)."""


class WheelEntry(NamedTuple):
    """An entry of the project's wheel.

    Attributes:
        path: in the wheel, as ``shop/main.py`` or ``shop-0.1.0.dist-info/METADATA``.
        content: its bytes, or a file of the cache that holds them and does not change.
        executable: whether it is installed as an executable.
        sha256: of its bytes, in hex.
    """

    path: str
    content: Path | bytes
    executable: bool
    sha256: str


class ProjectWheel(NamedTuple):
    """The wheel of a project, without a file of its own.

    Attributes:
        name: of the distribution, as its ``.dist-info`` directory spells it.
        version: likewise.
        tags: what it runs on, as ``py3-none-any``; whether that fits is for the caller to check.
        entries: sorted by path; RECORD and bytecode are left out.
        digest: sha256 of paths, bytes and executable bits; the same for the same content, however it came about.
        how: ``built`` by the backend, ``patched`` after an edit, or ``reused``; ``copied`` if it is no package.
        reason: why it was built, or what was patched.
    """

    name: str
    version: str
    tags: frozenset[str]
    entries: tuple[WheelEntry, ...]
    digest: str
    how: Literal["built", "patched", "reused", "copied"]
    reason: str


def project_wheel(
    project: Project,
    store: ContentStore,
    *,
    search: Callable[[], Search] | None = None,
    progress: Progress | None = None,
) -> ProjectWheel:
    """The wheel of a project or of a first-party dependency, byte for byte what its backend would write.

    Args:
        project: what to build; the caller holds ``store.in_use()`` as long as it reads the entries.
        store: keeps the unpacked wheel, and what is remembered of the build.
        search: tells where backends come from, if one is called; None leaves it to the user's settings.
        progress: is told what the backend says.

    Raises:
        DepsfirstError: the project is no package or does not build, or one of its files cannot be read.
    """
    if project.build_system is None:
        raise DepsfirstError(
            f'"{project.name}" is no package, so there is no wheel of it',
            where=str(project.manifest or project.root),
            hint="add a table [build-system] to pyproject.toml",
        )
    try:
        return _without_backend(project, project.build_system, store)
    except _StaleError as stale:
        reason = str(stale)
    from depsfirst.wheels.own import learning

    learnt = learning.build(project, project.build_system, store, search and search(), progress)
    earlier.remember(store, project.root, learnt.earlier)
    earlier.remember_signatures(store, project.root, learnt.hashes)
    wheel = learnt.wheel
    place = wheel.directory
    entries = tuple(WheelEntry(each.path, place / each.path, each.executable, each.sha256) for each in wheel.files)
    return ProjectWheel(wheel.name, wheel.version, wheel.tags, entries, content_key(wheel.files), "built", reason)


class _StaleError(Exception):
    """The last build does not tell what the wheel is now; says why."""


def _without_backend(project: Project, system: BuildSystem, store: ContentStore) -> ProjectWheel:
    last = earlier.recall(store, project.root)
    if last is None:
        raise _StaleError("no earlier build of it is remembered")
    _check(last.always)
    if last.python != earlier.this_python():
        raise _StaleError("the last build ran in another Python")
    version = _bump(last, project.pyproject, system.backend)
    directory = store.find(WHEELS, last.key)
    if directory is None:
        raise _StaleError("the wheel of the last build is no longer in the cache")
    _check(earlier.moved(last, walk(project.root)))
    if repository(project.root) != last.repository:
        raise _StaleError("the repository it belongs to is another")
    hashes = Hashes(project.root, earlier.recall_signatures(store, project.root))
    for path, sha256 in last.reads.items():
        if hashes.sha256(path) != sha256:
            raise _StaleError(f'"{path}", which the backend reads, changed')
    edits = _Edits(project.root, store).find(last, hashes)
    earlier.remember_signatures(store, project.root, hashes)
    return _patched(last, directory, edits, version)


def _check(reason: str | None) -> None:
    if reason is not None:
        raise _StaleError(reason)


def _bump(last: Earlier, manifest: Mapping[str, Any], backend: str) -> str | None:
    """The version that takes the place of the one that was built; None where it stays."""
    now = declared.settings(manifest, backend)
    changed = sorted(key for key in now.keys() | last.settings.keys() if now.get(key) != last.settings.get(key))
    if not changed:
        return None
    stated = declared.version_key(manifest)
    other = next((key for key in changed if key != stated), None)
    if other is not None:
        table, _, name = other.rpartition(".")
        raise _StaleError(f"{name} changed in [{table}]")
    old, new = (json.loads(each.get(changed[0], "null")) for each in (last.settings, now))
    if not isinstance(new, str) or not _CANONICAL.fullmatch(new) or old != last.version:
        raise _StaleError(f'the version changed to "{new}", which may not be written as it stands')
    return new


class _Edit(NamedTuple):
    content: Path | bytes
    sha256: str


class _Edits:
    """Finds the files that differ from those of the last build, and takes hold of their content."""

    def __init__(self, root: Path, store: ContentStore) -> None:
        self._root = root
        self._store = store
        self._held = 0

    def find(self, last: Earlier, hashes: Hashes) -> dict[str, _Edit]:
        """The edited files by path."""
        found = {}
        for path, (mode, sha256) in last.sources.items():
            seen = hashes.look(path)
            if seen is None:
                raise _StaleError(f'"{path}" is gone')
            if seen.mode != mode:
                raise _StaleError(f'the executable bits of "{path}" changed')
            if seen.sha256 != sha256:
                found[path] = self._hold(path, seen)
        return found

    def _hold(self, path: str, seen: Seen) -> _Edit:
        self._held += len(seen.data or b"")
        if seen.data is not None and self._held <= _IN_MEMORY:
            return _Edit(seen.data, seen.sha256)
        kept = self._store.find(_SOURCES, seen.sha256)
        return self._copy(path) if kept is None else _Edit(kept, seen.sha256)

    def _copy(self, path: str) -> _Edit:
        try:
            source = (self._root / path).open("rb")
        except OSError as error:
            raise _StaleError(f'"{path}" is gone') from error
        digest = digests.sha256(size=LARGE)
        with source, self._store.scratch_file() as file:
            while chunk := source.read(LARGE):
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            kept = self._store.adopt(Path(file.name), _SOURCES, digest.hexdigest())
        return _Edit(kept, digest.hexdigest())


def _patched(last: Earlier, directory: Path, edits: Mapping[str, _Edit], version: str | None) -> ProjectWheel:
    entries = [_patched_entry(last, entry, directory, edits) for entry in last.entries]
    if version is not None:
        entries = sorted((_renamed(last, each, version) for each in entries), key=lambda each: each.path)
    changed = bool(edits) or version is not None
    return ProjectWheel(
        last.name,
        version or last.version,
        last.tags,
        tuple(entries),
        content_key(UnpackedFile(each.path, each.sha256, 0, each.executable) for each in entries),
        "patched" if changed else "reused",
        _said(edits, last.version, version) if changed else "nothing in it changed",
    )


def _patched_entry(last: Earlier, entry: Entry, directory: Path, edits: Mapping[str, _Edit]) -> WheelEntry:
    edited = [path for path in entry.sources if path in edits]
    if not edited:
        return WheelEntry(entry.path, directory / entry.path, entry.executable, entry.sha256)
    if len(entry.sources) > 1:
        raise _StaleError(f'"{edited[0]}" changed, which may or may not be "{entry.path}" of the wheel')
    if entry.path.startswith(f"{last.data}scripts/"):
        raise _StaleError(f'"{edited[0]}" is a script, whose first line a backend may write anew')
    edit = edits[edited[0]]
    return WheelEntry(entry.path, edit.content, entry.executable, edit.sha256)


def _renamed(last: Earlier, entry: WheelEntry, version: str) -> WheelEntry:
    """An entry under a new version: two directories are renamed, and one line of METADATA."""
    for folder in (last.dist_info, last.data):
        if entry.path.startswith(folder):
            rest = entry.path.removeprefix(f"{last.name}-{last.version}")
            renamed = entry._replace(path=f"{last.name}-{version}{rest}")
            return _restated(renamed, last.version, version) if rest == ".dist-info/METADATA" else renamed
    return entry


def _restated(entry: WheelEntry, old: str, new: str) -> WheelEntry:
    metadata = entry.content if isinstance(entry.content, bytes) else entry.content.read_bytes()
    header, blank, body = metadata.partition(b"\n\n")
    header += b"\n"
    line = f"\nVersion: {old}\n".encode()
    if header.count(line) != 1:
        raise _StaleError("METADATA does not state the version where it should")
    written = header.replace(line, f"\nVersion: {new}\n".encode())[:-1] + blank + body
    return entry._replace(content=written, sha256=digests.sha256(written).hexdigest())


def _said(edits: Mapping[str, _Edit], old: str, new: str | None) -> str:
    said = [f"version {old} became {new}"] if new is not None else []
    if edits:
        more = f" and {len(edits) - 1} more" if len(edits) > 1 else ""
        said.append(f'"{min(edits)}"{more} edited')
    return ", ".join(said)
