"""Lists a source tree, and tells what is in its files without reading those that cannot have changed."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING, Any

from depsfirst import digests
from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

FILE = "file"
DIRECTORY = "directory"
SPECIAL = "special"
UNREADABLE = "unreadable"
LINK = "link to "
LINKED_DIRECTORY = "directory link to "

NEVER_PACKED = frozenset({".git", ".hg", ".svn", ".bzr", ".jj", "__pycache__"})
"""Version control and bytecode: no backend packs them, and no installer of this house installs bytecode."""

LEFT_OUT = frozenset(
    {
        *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".tox", ".nox", ".hatch", ".pixi", ".eggs"),
        *(".pdm-build", ".depsfirst", ".idea", ".vscode", ".ipynb_checkpoints", "node_modules", "__pypackages__"),
    }
)
"""What tools write for themselves. One that lies inside a package is reported, for a backend could pack it."""

OUTPUTS = frozenset({"build", "dist", "htmlcov"})
"""What tools write at the top of a project; deeper down such a name may be a package."""

LARGE = 1 << 20
"""Size in bytes from which a file is not read again while its stat signature stays the same."""

_MARKS = frozenset({"pyvenv.cfg", "oci-layout"})
"""Files that virtual environments and OCI layouts have at their top."""
_ARCHIVES = frozenset({"", ".tar"})
_FIRST_MEMBERS = (b"oci-layout\0", b"blobs/", b"manifest.json\0", b"index.json\0", b"repositories\0")
_HEX = b"0123456789abcdef"
_NAME = 100
"""Bytes of a name in the header of a tar."""
_CHUNK = 1 << 20
_TICKS = 2_000_000_000
"""The coarsest clock of a file system in use (FAT, some network ones), in nanoseconds."""


class Tree(NamedTuple):
    """What stands below a directory.

    Attributes:
        kinds: by path relative to the directory: ``file``, ``directory``, ``link to TARGET``,
            ``directory link to TARGET`` (not followed), ``special`` or ``unreadable`` (a directory).
        left_out: directories that were not entered because a tool owns them, and images.
    """

    kinds: Mapping[str, str]
    left_out: frozenset[str]

    def files(self) -> Iterator[str]:
        """Paths that can be read: files, and links to files."""
        return (path for path, kind in self.kinds.items() if kind == FILE or kind.startswith(LINK))


def walk(root: Path) -> Tree:
    """List a directory. What vanishes meanwhile is left out; a directory that cannot be read is ``unreadable``."""
    kinds: dict[str, str] = {}
    left_out: set[str] = set()
    pending = [""]
    while pending:
        inside = pending.pop()
        found = children(f"{root}/{inside}")
        if found is None:
            kinds[inside] = UNREADABLE
        elif inside and is_made(found):
            del kinds[inside]
            left_out.add(inside)
        else:
            pending += _enter(inside, found, kinds, left_out)
    return Tree(kinds, frozenset(left_out))


def directories_above(path: str) -> Iterator[str]:
    """The directories that a relative path is in, the innermost first."""
    while path := path.rpartition("/")[0]:
        yield path


def children(directory: str) -> list[os.DirEntry[str]] | None:
    """What stands in a directory: nothing if it is not there, None if it cannot be read."""
    try:
        with os.scandir(directory) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        return None


def _enter(inside: str, found: list[os.DirEntry[str]], kinds: dict[str, str], left_out: set[str]) -> Iterator[str]:
    start = f"{inside}/" if inside else ""
    for child in found:
        name = child.name
        if name in NEVER_PACKED:
            continue
        path = start + name
        kind = kind_of(child)
        if kind == FILE and not inside and is_image(child):
            left_out.add(path)
        elif kind != DIRECTORY:
            kinds[path] = kind
        elif name in LEFT_OUT or name.endswith(".egg-info") or (not inside and name in OUTPUTS):
            left_out.add(path)
        else:
            kinds[path] = kind
            yield path


def is_made(found: Iterable[os.DirEntry[str]]) -> bool:
    """Whether a directory that holds these is a virtual environment or an image."""
    return any(child.name in _MARKS for child in found)


def is_image(child: os.DirEntry[str]) -> bool:
    """Whether a file is an archive of an image, as an earlier build may have written one: told by its first bytes."""
    if os.path.splitext(child.name)[1] not in _ARCHIVES:  # noqa: PTH122 (without an object for each file)
        return False
    try:
        with open(child.path, "rb") as file:  # noqa: PTH123 (likewise)
            first = file.read(_NAME)
    except OSError:
        return False
    digest, rest = first[:64], first[64:]
    return first.startswith(_FIRST_MEMBERS) or (not digest.strip(_HEX) and rest.startswith((b"/", b".json")))


def kind_of(child: os.DirEntry[str]) -> str:
    """What something is, in the words of ``Tree``."""
    if child.is_symlink():
        return _link(child)
    if child.is_dir(follow_symlinks=False):
        return DIRECTORY
    return FILE if child.is_file(follow_symlinks=False) else SPECIAL


def _link(child: os.DirEntry[str]) -> str:
    try:
        target = os.readlink(child.path)  # noqa: PTH115 (text as it stands, without an object for each file)
        mode = child.stat().st_mode
    except OSError:  # it leads nowhere, or in a circle
        return SPECIAL
    if stat.S_ISDIR(mode):
        return LINKED_DIRECTORY + target
    return LINK + target if stat.S_ISREG(mode) else SPECIAL


class Seen(NamedTuple):
    """A file as it was read.

    Attributes:
        sha256: of its content, in hex.
        mode: its three executable bits.
        data: its content; None for one of ``LARGE`` bytes and more, and for one that was not read again.
    """

    sha256: str
    mode: int
    data: bytes | None


class Hashes:
    """The sha256 of files below ``root``, remembered by stat signature: size, both times and inode.

    As in git's index, a signature counts only if the file was left alone for a while before it was read: an edit
    within the same tick of the file system's clock would otherwise leave no trace.

    Args:
        root: directory that paths are relative to.
        known: what ``remembered`` gave the last time.
    """

    def __init__(self, root: Path, known: Any = None) -> None:
        self._root = root
        self._known: dict[str, list[Any]] = known if isinstance(known, dict) else {}
        self.changed = False

    def remembered(self) -> dict[str, list[Any]]:
        """Signatures and hashes, as a JSON value."""
        return self._known

    def sha256(self, path: str) -> str | None:
        """Hash of a file that may be trusted on its signature; None where there is no file that can be read."""
        try:
            seen = self._trusted(path) or self._read(path)
        except OSError:
            return None
        return seen.sha256 if seen else None

    def look(self, path: str) -> Seen | None:
        """Read a file, but trust a large one on its signature; None where there is no such file.

        Raises:
            DepsfirstError: it cannot be read.
        """
        try:
            return self._read(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise DepsfirstError(
                f"the file cannot be read: {error.strerror or error}",
                where=f"{self._root}/{path}",
                hint="make it readable for you; the project cannot be built without it",
            ) from error

    def _trusted(self, path: str) -> Seen | None:
        known = self._known.get(path)
        if known is None:
            return None
        try:
            found = os.stat(f"{self._root}/{path}")  # noqa: PTH116 (a hot path: no object for each file)
        except OSError:
            return None
        return Seen(known[4], found.st_mode & 0o111, None) if _signature(found) == known[:4] else None

    def _read(self, path: str) -> Seen | None:
        now = time.time_ns()
        # O_NONBLOCK: a pipe that took a file's place must not stop the build
        number = os.open(f"{self._root}/{path}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(number)
            if not stat.S_ISREG(found.st_mode):
                return None
            mode = found.st_mode & 0o111
            if found.st_size >= LARGE:
                return Seen(self._large(path, number, found, now), mode, None)
            data = _whole(number, found.st_size)
        finally:
            os.close(number)
        digest = digests.sha256(data).hexdigest()
        self._keep(path, found, digest, now)
        return Seen(digest, mode, data)

    def _large(self, path: str, number: int, found: os.stat_result, now: int) -> str:
        known = self._known.get(path)
        if known is not None and _signature(found) == known[:4]:
            return str(known[4])
        digest = digests.sha256(size=found.st_size)
        while chunk := os.read(number, _CHUNK):
            digest.update(chunk)
        self._keep(path, found, digest.hexdigest(), now)
        return digest.hexdigest()

    def _keep(self, path: str, found: os.stat_result, digest: str, now: int) -> None:
        entry = [*_signature(found), digest]
        if max(found.st_mtime_ns, found.st_ctime_ns) > now - _TICKS:
            self.changed |= self._known.pop(path, None) is not None
        elif self._known.get(path) != entry:
            self._known[path] = entry
            self.changed = True


def _whole(number: int, size: int) -> bytes:
    data = os.read(number, size + 1)
    if len(data) == size:
        return data
    parts = [data]
    while chunk := os.read(number, _CHUNK):
        parts.append(chunk)
    return b"".join(parts)


def _signature(found: os.stat_result) -> list[int]:
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
