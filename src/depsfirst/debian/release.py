"""Release files: which package indexes a suite has, and for how long that is true."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SUFFIXES = (".xz", ".zst", ".gz", "")
"""Of package indexes, the smallest first."""


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A package index that a release vouches for: its path below the release, sha256 in hex and size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Release:
    """The signed facts of one suite.

    Attributes:
        date: when it was made, in seconds since 1970.
        valid_until: when it expires; None: never.
        files: what it vouches for, by path.
        by_hash: whether the files can be fetched by their hash.
        all_apart: whether packages for every architecture have an index of their own.
        where: its URL as messages show it.
    """

    suite: str
    codename: str
    date: float
    valid_until: float | None
    architectures: frozenset[str]
    components: frozenset[str]
    files: Mapping[str, IndexFile]
    by_hash: bool
    all_apart: bool
    where: str

    def place(self, file: IndexFile) -> str:
        """Where the file is, relative to the release."""
        if not self.by_hash:
            return file.path
        return f"{file.path.rpartition('/')[0]}/by-hash/SHA256/{file.sha256}"


def parse_release(text: str, where: str) -> Release:
    """Read the signed text.

    Raises:
        DepsfirstError: a field is missing or cannot be read, or nothing is vouched for by SHA256.
    """
    fields, sums = _fields(text)
    if not sums:
        raise DepsfirstError(
            "the release vouches for its files with no SHA256", where=where, hint="weaker hashes do not count"
        )
    listed = (_index_file(line, where) for line in sums)
    return Release(
        suite=fields.get("suite", ""),
        codename=fields.get("codename", ""),
        date=_time(fields.get("date", ""), f"{where}: Date"),
        valid_until=_time(fields["valid-until"], f"{where}: Valid-Until") if "valid-until" in fields else None,
        architectures=frozenset(fields.get("architectures", "").split()),
        components=frozenset(name.rpartition("/")[2] for name in fields.get("components", "").split()),
        files={file.path: file for file in listed},
        by_hash=fields.get("acquire-by-hash", "").lower() == "yes",
        all_apart="Packages" not in fields.get("no-support-for-architecture-all", "").split(),
        where=where,
    )


def _fields(text: str) -> tuple[dict[str, str], list[str]]:
    fields: dict[str, str] = {}
    sums: list[str] = []
    name = ""
    for line in text.splitlines():
        if line[:1] in {" ", "\t"}:
            if name == "sha256":
                sums.append(line)
            continue
        name, _, value = line.partition(":")
        name = name.lower()
        fields[name] = value.strip()
    return fields, sums


def _index_file(line: str, where: str) -> IndexFile:
    sha256, size, path = [*line.split(maxsplit=2), "", "", ""][:3]
    if len(sha256) != 64 or not size.isdecimal() or not path or ".." in path.split("/"):  # noqa: PLR2004 - hex digits
        raise DepsfirstError(f'"{line.strip()}" is not sha256, size and path', where=f"{where}: SHA256")
    return IndexFile(path, sha256.lower(), int(size))


def _time(text: str, where: str) -> float:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError) as error:
        raise DepsfirstError(f'"{text}" is no date', where=where) from error


def check_release(release: Release, suite: str, *, expires: bool) -> None:
    """Refuse a release that is of another suite, or too old to be trusted.

    Args:
        release: what was signed.
        suite: what was asked for, by suite or code name.
        expires: whether ``Valid-Until`` counts.

    Raises:
        DepsfirstError: see above.
    """
    if suite not in {release.suite, release.codename}:
        names = " and ".join(f'"{name}"' for name in (release.suite, release.codename) if name)
        raise DepsfirstError(f'the release is of {names or "no suite"}, and not of "{suite}"', where=release.where)
    if expires and release.valid_until is not None and release.valid_until < time.time():
        day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(release.valid_until))
        raise DepsfirstError(
            f"the release has expired on {day}",
            where=release.where,
            hint="the mirror is stale, or this machine's clock is wrong; for a snapshot, put "
            "[check-valid-until=no] before its URL",
        )


def index_files(release: Release, architecture: str, component: str = "main") -> tuple[IndexFile, ...]:
    """The package indexes to read for an architecture.

    Raises:
        DepsfirstError: the release does not have this component or architecture.
    """
    if component not in release.components:
        raise _missing("component", component, release.components, release.where)
    if architecture not in release.architectures:
        raise _missing("architecture", architecture, release.architectures, release.where)
    wanted = [architecture, *(["all"] if release.all_apart and "all" in release.architectures else [])]
    found = [_smallest(release, f"{component}/binary-{each}/Packages") for each in wanted]
    if found[0] is None:
        raise DepsfirstError(f"the release has no package index for {architecture}", where=release.where)
    return tuple(file for file in found if file is not None)


def _smallest(release: Release, path: str) -> IndexFile | None:
    return next((release.files[path + end] for end in _SUFFIXES if path + end in release.files), None)


def _missing(what: str, name: str, present: frozenset[str], where: str) -> DepsfirstError:
    listed = ", ".join(sorted(present)) or "none"
    return DepsfirstError(f'the release has no {what} "{name}"', where=where, hint=f"it has {listed}")
