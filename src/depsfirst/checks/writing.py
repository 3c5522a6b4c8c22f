"""Writes mended files in place: whole or not at all, with the mode they had, and through symlinks."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.files import Files

_NEW_MODE = 0o666


def changes(before: Files, after: Files) -> Iterator[tuple[Path, str | None, str]]:
    """The files that differ: path, old text or None for a new file, new text; sorted by path."""
    for path, text in sorted(after.edits.items()):
        old = before.text(path) if before.exists(path) else None
        if old != text:
            yield path, old, text


def write(before: Files, after: Files) -> tuple[Path, ...]:
    """Write what differs, and say which files those are.

    A set of files is prepared beside its places first, so that a full disk leaves all of them as they were.

    Raises:
        DepsfirstError: a file cannot be written, or is no longer what was judged.
    """
    prepared: list[tuple[Path, Path]] = []
    paths = []
    try:
        for path, old, text in changes(before, after):
            _check_unchanged(path, old)
            prepared.append(_prepare(path, text))
            paths.append(path)
        for draft, place in prepared:
            draft.replace(place)
    except OSError as error:
        where = str(error.filename2 or error.filename or "")
        raise DepsfirstError(f"this cannot be written: {error.strerror or error}", where=where) from error
    finally:
        for draft, _ in prepared:
            with suppress(OSError):
                draft.unlink()
    return tuple(paths)


def _check_unchanged(path: Path, old: str | None) -> None:
    now = path.read_bytes() if path.exists() else None
    if now != (None if old is None else _bytes(old)):
        raise DepsfirstError("this was changed by somebody else meanwhile", where=str(path), hint="run it once more")


def _prepare(path: Path, text: str) -> tuple[Path, Path]:
    """A finished draft beside the place that the path leads to."""
    place = Path(os.path.realpath(path))
    try:
        mode = stat.S_IMODE(place.stat().st_mode)
    except FileNotFoundError:
        mode = _NEW_MODE & ~_umask()
    import tempfile  # for who mends: it takes longer to import than a Dockerfile to judge

    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_bytes(text))
        draft.chmod(mode)
    except BaseException:
        draft.unlink()
        raise
    return draft, place


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
