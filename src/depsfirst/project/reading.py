"""Reads text files, with words for those that cannot be read."""

from __future__ import annotations

from errno import ENAMETOOLONG
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether there is such a file.

    Raises:
        DepsfirstError: that cannot be told, as in a directory that may not be looked into.
    """
    return _is(path.is_file, path)


def is_directory(path: Path) -> bool:
    """Whether there is such a directory.

    Raises:
        DepsfirstError: that cannot be told.
    """
    return _is(path.is_dir, path)


def _is(asked: Callable[[], bool], path: Path) -> bool:
    try:
        return asked()
    except OSError as error:
        if error.errno == ENAMETOOLONG:  # nothing can be called so
            return False
        raise DepsfirstError(f"this cannot be read: {error.strerror or error}", where=str(path)) from None


def text_of(path: Path, called: str | None = None) -> str:
    """The text of a file, without a byte order mark.

    Args:
        path: of the file.
        called: what it is called in a message about its text; None is its path.

    Raises:
        DepsfirstError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        where = f"{called or path}:{line}"
        raise DepsfirstError("this is not UTF-8", where=where, hint="save the file as UTF-8") from None
    except OSError as error:
        raise DepsfirstError(f"this cannot be read: {error.strerror or error}", where=str(path)) from None


def toml_of(path: Path) -> dict[str, Any]:
    """The values of a file of TOML; empty where there is none.

    Raises:
        DepsfirstError: it cannot be read, or is no TOML.
    """
    from depsfirst.project.toml import parse

    return parse(text_of(path), str(path)) if is_file(path) else {}
