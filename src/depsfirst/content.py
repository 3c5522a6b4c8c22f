"""The content store: files and facts that outlive a build, in the user's cache directory.

Three rules make it safe for builds side by side and for a kill at any moment. A file is written under ``tmp/``
and renamed into its place when it is whole; its key says everything its content depends on, so a second writer
writes the same; nothing that is in its place is ever changed. Builds hold a shared lock while they run, and only
``prune`` takes the exclusive one.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_TMP = "tmp"
_MEMO = "memo"
_LOCK = "lock"


def default_root() -> Path:
    """The cache directory of this user: ``DEPSFIRST_CACHE_DIR``, else a folder of the XDG cache home."""
    chosen = os.environ.get("DEPSFIRST_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "depsfirst"


class Usage(NamedTuple):
    """How much something holds: ``files`` in number and their ``size`` in bytes."""

    files: int
    size: int


class ContentStore:
    """Files, directories and JSON facts below ``root``, each named by a kind and a key.

    A kind is a folder: ``wheels``, ``parts``, ``blobs``… A key is a file name whose first two characters shard
    that folder, as a rule a sha256 in hex. A fact (memo) is a JSON value under a topic and a key.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, key: str) -> Path:
        """Where the file or directory of ``kind`` and ``key`` stands, or would."""
        return self.root / kind / key[:2] / key

    def find(self, kind: str, key: str) -> Path | None:
        """The file or directory, marked as used now; None when it is not there."""
        path = self.path(kind, key)
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        except OSError:  # a cache that can only be read still serves
            return path if path.exists() else None
        return path

    @contextmanager
    def write(self, kind: str, key: str) -> Iterator[IO[bytes]]:
        """A new file that takes its place when the block ends without an error.

        Raises:
            DepsfirstError: the disk is full or the cache directory cannot be written.
        """
        with self.scratch_file() as file:
            yield file
            file.flush()
            self.adopt(Path(file.name), kind, key)

    def adopt(self, made: Path, kind: str, key: str) -> Path:
        """Rename a finished file or directory of ``tmp/`` into its place; of two directories the first stays."""
        target = self.path(kind, key)
        with self._explained():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                made.rename(target)
            except OSError:
                if not target.is_dir():
                    raise
        return target

    @contextmanager
    def scratch_file(self) -> Iterator[IO[bytes]]:
        """A file below ``tmp/`` that is gone after the block, unless it was adopted."""
        with self._explained():
            made = self._scratch_name()
            try:
                with made.open("xb+") as file:
                    yield file
            finally:
                with suppress(FileNotFoundError):
                    made.unlink()

    @contextmanager
    def scratch_directory(self) -> Iterator[Path]:
        """A directory below ``tmp/`` that is gone after the block, unless it was adopted."""
        with self._explained():
            made = self._scratch_name()
            made.mkdir()
            try:
                yield made
            finally:
                _remove(made)

    def forsake(self) -> None:
        """Remove what this process has below ``tmp/``, though some of its threads may still be at it."""
        for name in _names(self.root / _TMP):
            if name.startswith(f"{os.getpid()}-"):
                _remove(self.root / _TMP / name)

    def recall(self, topic: str, key: str) -> Any:
        """The fact remembered under ``topic`` and ``key``; None when there is none that can be read."""
        path = self.find(f"{_MEMO}/{topic}", key)
        if path is None:
            return None
        try:
            return json.loads(path.read_bytes())
        except (OSError, ValueError):
            return None

    def remember(self, topic: str, key: str, value: Any) -> None:
        """Keep a JSON value under ``topic`` and ``key``; a later value takes the place of an earlier one.

        A cache that can only be read forgets it.
        """
        try:
            with self.write(f"{_MEMO}/{topic}", key) as file:
                file.write(json.dumps(value, separators=(",", ":"), sort_keys=True).encode())
        except DepsfirstError as error:
            if not _is_read_only(error.__cause__):
                raise

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Hold the cache's shared lock: no prune runs in this block, other builds do."""
        with self._explained():
            self.root.mkdir(parents=True, exist_ok=True)
            with self._lock() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH)
                yield

    def _lock(self) -> IO[bytes]:
        path = self.root / _LOCK
        try:
            return path.open("ab")
        except OSError as error:
            if _is_read_only(error) and path.exists():
                return path.open("rb")
            raise

    def usage(self) -> dict[str, Usage]:
        """What each kind holds, by kind, sorted by name."""
        found = {}
        for kind in sorted(_names(self.root)):
            if kind != _LOCK:
                files = [path.lstat().st_size for path in _files(self.root / kind)]
                found[kind] = Usage(len(files), sum(files))
        return found

    def prune(self, *, unused_for: float) -> Usage:
        """Remove what no build used for ``unused_for`` seconds, and everything that a killed build left.

        Raises:
            DepsfirstError: a build is running.
        """
        if not self.root.is_dir():
            return Usage(0, 0)
        with self._explained(), (self.root / _LOCK).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DepsfirstError(
                    "a build is using the cache",
                    where=str(self.root),
                    hint="wait for it to end and prune again",
                ) from None
            return self._prune(time.time() - unused_for)

    def _prune(self, oldest: float) -> Usage:
        gone = [path for path in self._entries() if path.parent.name == _TMP or path.lstat().st_mtime <= oldest]
        files = size = 0
        for entry in gone:
            inside = [entry] if not entry.is_dir() or entry.is_symlink() else list(_files(entry))
            files += len(inside)
            size += sum(path.lstat().st_size for path in inside)
            # Moved away first: a kill in between must not leave half a directory in its place.
            _remove(entry if entry.parent.name == _TMP else entry.rename(self._scratch_name()))
        return Usage(files, size)

    def _entries(self) -> Iterator[Path]:
        kinds = [kind for kind in _names(self.root) if kind not in {_LOCK, _TMP, _MEMO}]
        kinds += [f"{_MEMO}/{topic}" for topic in _names(self.root / _MEMO)]
        yield from (self.root / _TMP / name for name in _names(self.root / _TMP))
        for kind in kinds:
            for shard in _names(self.root / kind):
                yield from (self.root / kind / shard / name for name in _names(self.root / kind / shard))

    def _scratch_name(self) -> Path:
        # Not tempfile: its import takes longer than all the rest of a warm build's bookkeeping.
        tmp = self.root / _TMP
        tmp.mkdir(parents=True, exist_ok=True)
        return tmp / f"{os.getpid()}-{os.urandom(8).hex()}"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.filename is not None and not str(error.filename).startswith(str(self.root)):
                raise
            raise DepsfirstError(
                f"writing the cache failed: {error.strerror or error}",
                where=str(self.root),
                hint="free some space (`depsfirst cache prune`), or set DEPSFIRST_CACHE_DIR to another disk",
            ) from error


def _is_read_only(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent) / name for name in names)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        import shutil

        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)
