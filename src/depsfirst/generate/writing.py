"""Puts generated files in their places: all or none, and never over what a person wrote unless that is wanted."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MODE = 0o666


def difference(files: Mapping[Path, str]) -> str:
    """What writing the files would change, as a unified diff; empty if nothing."""
    from difflib import unified_diff

    found: list[str] = []
    for path, text in sorted(files.items()):
        old = _text(path)
        before = "/dev/null" if old is None else str(path)
        lines = unified_diff((old or "").splitlines(), text.splitlines(), before, str(path), lineterm="")
        found += (f"{line}\n" for line in lines)
    return "".join(found)


def write(files: Mapping[Path, str], *, force: bool) -> tuple[Path, ...]:
    """Write what is not there as it should be, and say which files those are.

    Raises:
        DepsfirstError: another file is in one of the places and ``force`` is not given, or one cannot be written.
    """
    missing = {path: text for path, text in sorted(files.items()) if _text(path) != text}
    there = [path for path in missing if path.exists() or path.is_symlink()]
    if there and not force:
        raise DepsfirstError(
            f"there is {' and '.join(f'a {path.name}' for path in there)} already",
            where=str(there[0].parent),
            hint="see what would change with --diff; --force replaces it",
        )
    drafts: list[tuple[Path, Path]] = []
    try:
        drafts += _drafts(missing)
        for draft, path in drafts:
            draft.replace(path)
    except OSError as error:
        raise DepsfirstError(f"this cannot be written: {error.strerror or error}", where=str(error.filename)) from None
    finally:
        for draft, _ in drafts:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
    return tuple(missing)


def _drafts(files: Mapping[Path, str]) -> Iterator[tuple[Path, Path]]:
    """Finished files beside their places."""
    mask = os.umask(0)
    os.umask(mask)
    for path, text in files.items():
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        yield Path(name), Path(os.path.realpath(path))
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(_MODE & ~mask)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DepsfirstError(f"this cannot be read: {error.strerror or error}", where=str(path)) from None
