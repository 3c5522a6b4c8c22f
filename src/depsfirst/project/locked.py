"""The checked pieces that every lock format has: names, versions, hashes, file names and markers."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.version import InvalidVersion, Version

from depsfirst.project.markers import check
from depsfirst.project.model import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from urllib.parse import SplitResult

    from depsfirst.project.model import LockedPackage
    from depsfirst.project.toml import Table

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_END = re.compile(r"[?#]")
_SHA256 = re.compile(r"sha256:([0-9a-fA-F]{64})")
_COMMIT = re.compile(r"[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?")
_check = lru_cache(maxsize=8192)(check)


@lru_cache(maxsize=8192)
def canonical_version(text: str) -> str:
    """A version in its normal form.

    Raises:
        ValueError: the text is no version (PEP 440).
    """
    try:
        return str(Version(text))
    except InvalidVersion:
        raise ValueError(f'"{text}" is no version') from None


def name_of(table: Table, key: str = "name") -> str:
    """The normalized name of a package."""
    text = table.text(key)
    if not _NAME.fullmatch(text):
        raise table.error(key, f'"{text}" is no name of a package')
    return normalize(text)


def version_of(table: Table, key: str = "version") -> str:
    """The version of a package, in its normal form."""
    try:
        return canonical_version(table.text(key))
    except ValueError as error:
        raise table.error(key, str(error)) from None


def marker_of(table: Table, key: str) -> str | None:
    """A marker that can be evaluated, None where there is none."""
    text = table.maybe_text(key)
    if text is not None:
        try:
            _check(text)
        except ValueError as error:
            raise table.error(key, str(error)) from None
    return text


def sha256_of(table: Table, key: str = "hash") -> str | None:
    """The sha256 in hex; None where there is no hash."""
    text = table.maybe_text(key)
    if text is None:
        return None
    found = _SHA256.fullmatch(text)
    if found is None:
        raise table.error(key, f'the hash "{text}" is no sha256', "lock against an index that gives sha256 hashes")
    return found[1].lower()


def file_name_of(table: Table, key: str) -> str:
    """The file name that ends a path or URL; a key called ``file`` has to be nothing else."""
    text = table.text(key)
    last = _END.split(text, maxsplit=1)[0] if "?" in text or "#" in text else text
    name = last.rpartition("/")[2]
    if "%" in name:
        name = unquote(name)
    if not name.strip(".") or "/" in name or "\\" in name or not name.isprintable():
        raise table.error(key, f'"{text}" does not end in a file name')
    if key == "file" and name != text:
        raise table.error(key, f'"{text}" is no plain file name')
    return name


def url_of(table: Table, key: str) -> SplitResult:
    """A URL in its parts."""
    text = table.text(key)
    try:
        return urlsplit(text)
    except ValueError as error:
        raise table.error(key, f'"{text}" is no URL: {error}') from None


def is_commit(text: str) -> bool:
    """Whether a text is the full name of a git commit."""
    return _COMMIT.fullmatch(text) is not None


def by_name(packages: Iterable[LockedPackage]) -> dict[str, tuple[int, ...]]:
    """Positions of packages by name, the highest version first."""
    found: dict[str, list[tuple[Version, int]]] = {}
    for index, package in enumerate(packages):
        found.setdefault(package.name, []).append((Version(package.version or "0"), -index))
    return {name: _best_first(places) for name, places in found.items()}


def _best_first(places: Sequence[tuple[Version, int]]) -> tuple[int, ...]:
    return tuple(-index for _, index in sorted(places, reverse=True))
