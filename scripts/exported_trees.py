"""Writes a commit of a git repository into a directory, as far as a check looks at it: nothing is fetched."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_FILES = 8_000
"""A larger commit is refused: writing it takes longer than judging it."""

_LINK, _SUBMODULE, _PROGRAM = "120000", "160000", "100755"
_WEIGHTY = re.compile(
    r"(?i)\.(png|jpe?g|gif|ico|svg|webp|woff2?|ttf|otf|eot|pdf|zip|gz|xz|bz2|whl|jar|mp[34]|ogg|wav|csv|tsv|parquet|ipynb"
    r"|html?|css|scss|js|mjs|map|ts|tsx|vue|po|mo|db|sqlite3?|bin|pkl|npy|geojson)$"
)
"""Files of which nobody who judges a Dockerfile reads the content: they are written empty."""


class TooLargeError(Exception):
    """A commit has more files than are written."""


class _Listed(NamedTuple):
    mode: str
    identity: str
    path: str


def export(repository: Path, commit: str, folder: Path) -> int:
    """Write the files of a commit below a directory, with an empty ``.git``; how many there are.

    What the repository lacks, a partial clone, is written empty; submodules are empty directories, and links that lead
    out of the tree lead nowhere.

    Raises:
        TooLargeError: there are more than ``MOST_FILES``.
    """
    listed = list(_listed(repository, commit))
    if len(listed) > MOST_FILES:
        raise TooLargeError(f"{commit[:10]} has {len(listed):,} files")
    (folder / ".git").mkdir(parents=True)
    wanted = {each.identity for each in listed if each.mode != _SUBMODULE and not _WEIGHTY.search(each.path)}
    contents = blobs(repository, wanted)
    for each in listed:
        _write(folder, each, contents.get(each.identity) or b"")
    return len(listed)


def _listed(repository: Path, commit: str) -> Iterator[_Listed]:
    for line in _git(repository, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        if line:
            head, _, path = line.partition(b"\t")
            mode, _, identity = head.decode().split(" ")
            yield _Listed(mode, identity, os.fsdecode(path))


def _write(folder: Path, listed: _Listed, content: bytes) -> None:
    path = folder / listed.path
    if os.path.relpath(path, folder).split("/")[0] in ("..", ".git"):
        raise ValueError(f"{listed.path}: a tree of git does not hold such a path")
    path.parent.mkdir(parents=True, exist_ok=True)
    if listed.mode == _SUBMODULE:
        path.mkdir()
    elif listed.mode == _LINK:
        path.symlink_to(os.fsdecode(content) if _stays_inside(folder, path, content) else "missing")
    else:
        path.write_bytes(content)
        path.chmod(0o755 if listed.mode == _PROGRAM else 0o644)


def _stays_inside(folder: Path, link: Path, content: bytes) -> bool:
    target = os.path.normpath(link.parent / os.fsdecode(content))
    return bool(content) and not content.startswith(b"/") and Path(target).is_relative_to(folder)


def blobs(repository: Path, identities: Iterable[str]) -> dict[str, bytes]:
    """Contents by their ids; none for what the repository lacks."""
    wanted = sorted(set(identities))
    asked = "".join(f"{identity}\n" for identity in wanted).encode()
    answer = _git(repository, "cat-file", "--batch", asked=asked)
    found: dict[str, bytes] = {}
    place = 0
    for identity in wanted:
        end = answer.index(b"\n", place)
        words = answer[place:end].split()
        place = end + 1
        if words[-1] != b"missing":
            size = int(words[-1])
            found[identity] = answer[place : place + size]
            place += size + 1
    return found


def repository_name(repository: Path) -> str:
    """OWNER/NAME of a mirror, which is kept as OWNER+NAME, perhaps with ``repo`` in it."""
    return (repository.parent if repository.name == "repo" else repository).name.replace("+", "/")


def _git(repository: Path, *words: str, asked: bytes | None = None) -> bytes:
    quiet = {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", "-c", "protocol.allow=never", "-c", "safe.directory=*", "-C", str(repository), *words]
    return subprocess.run(command, capture_output=True, check=True, input=asked, env=quiet).stdout


def dockerfile_versions(repository: Path, most: int) -> list[tuple[str, str, str]]:
    """Versions of Dockerfiles in a history, spread over it: commit, path and blob, no text twice; the newest first."""
    paths = (":(icase)*dockerfile*", ":(icase)*containerfile*")
    words = ("log", "--format=commit %H", "--raw", "--no-abbrev", "--no-renames", "--diff-filter=AM", "--no-merges")
    seen: dict[str, tuple[str, str, str]] = {}
    commit = ""
    for line in os.fsdecode(_git(repository, *words, "HEAD", "--", *paths)).splitlines():
        if line.startswith("commit "):
            commit = line.removeprefix("commit ")
        elif line.startswith(":") and "\t" in line:
            head, _, path = line.partition("\t")
            identity = head.split(" ")[3]
            seen.setdefault(identity, (commit, path.strip('"'), identity))
    found = list(seen.values())
    step = max(1, len(found) // most)
    return found[::step][:most]
