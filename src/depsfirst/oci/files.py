"""Writes files that take their place only when they are whole, and says what failed in words."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from depsfirst import digests
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OPEN_FILES = "/proc/self/fd"
_SUFFIX = ".depsfirst-part"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_NAMELESS_FILES = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL, errno.ENOSYS})


@contextmanager
def replacing(path: Path) -> Iterator[int]:
    """A new file, as a descriptor, that takes the place of ``path`` when the block ends without an error.

    Until then it has no name where the file system can do that, so that a killed process leaves nothing
    behind; elsewhere it is a hidden file beside ``path``.

    Raises:
        DepsfirstError: it cannot be written; ``path`` is as it was.
    """
    hidden = path.with_name(f".{path.name}.{os.urandom(8).hex()}{_SUFFIX}")
    with explained(path):
        file = _nameless(path.parent)
        nameless = file is not None
        if file is None:
            file = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            yield file
            if nameless:
                # The directory is not looked at, but without one Python's link() does not follow the link.
                os.link(f"{_OPEN_FILES}/{file}", hidden, src_dir_fd=file, follow_symlinks=True)
            hidden.replace(path)
        finally:
            os.close(file)
            with suppress(OSError):
                hidden.unlink(missing_ok=True)


def is_leftover(path: Path) -> bool:
    """Whether a file is one that a killed process did not bring to its place."""
    return path.name.startswith(".") and path.name.endswith(_SUFFIX)


def identity(path: Path, *words: str) -> str:
    """Names a file as it is now, for as long as nobody writes to it; ``words`` say what is meant of it.

    For facts that never leave this machine only: it depends on what the file is, not on what is in it.
    """
    found = path.stat()
    numbers = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return digests.sha256("\n".join((*map(str, numbers), *words)).encode()).hexdigest()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system says of writing ``path`` into an error for people."""
    try:
        yield
    except OSError as error:
        raise DepsfirstError(
            f"writing failed: {error.strerror or error}", where=str(path), hint=_hint(error)
        ) from error


def _nameless(folder: Path) -> int | None:
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir(_OPEN_FILES):  # noqa: PTH112 (a path of the system, not of a user)
        return None
    try:
        return os.open(folder, flag | os.O_RDWR | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in _NO_NAMELESS_FILES:
            return None
        raise


def _hint(error: OSError) -> str:
    if error.errno in _FULL:
        return "free some space, or choose a place on another disk"
    if isinstance(error, PermissionError):
        return "choose a place that you may write to"
    if isinstance(error, FileNotFoundError):
        return "make the directory first, or choose another place"
    return "choose another place"
