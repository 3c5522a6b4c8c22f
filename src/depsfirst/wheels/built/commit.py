"""The commit that a lock names in place of a release: which one of which repository, and what is known by it. Pure."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT = 1


class Commit(NamedTuple):
    """A locked commit.

    Attributes:
        url: of the repository, without credentials: a URL, ``USER@HOST:PATH``, or a path.
        commit: its full name, in hex.
        subdirectory: of the project in it; empty for its top.
        where: the place in the lock, for messages.
        login: user name and password that stand in the lock's URL.
    """

    url: str
    commit: str
    subdirectory: str = ""
    where: str = ""
    login: tuple[str, str] | None = None

    @property
    def key(self) -> str:
        """The key of the wheel that is built of it by this Python."""
        facts = [_FORMAT, self.commit, self.subdirectory, sys.version_info[:2]]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @property
    def is_local(self) -> bool:
        """Whether the repository is on this machine."""
        return self.url.startswith(("file:", "/"))

    @property
    def direct_url(self) -> dict[str, bytes]:
        """The file of PEP 610, which says where an installed package comes from; none for a place on this machine."""
        if self.is_local:
            return {}
        origin = {"url": self.url, "vcs_info": {"commit_id": self.commit, "vcs": "git"}}
        where = {"subdirectory": self.subdirectory} if self.subdirectory else {}
        return {"direct_url.json": json.dumps({**origin, **where}, sort_keys=True).encode()}


def parse_commit(location: str, root: Path, where: str = "") -> Commit:
    """The commit of a location ``git+URL@COMMIT#subdirectory=DIR``.

    Args:
        location: as in a lock.
        root: the lock's directory, to which paths are relative.
        where: the place in the lock, for messages.

    Raises:
        DepsfirstError: the subdirectory leads out of the repository.
    """
    plain, _, fragment = location.removeprefix("git+").partition("#")
    url, _, commit = plain.rpartition("@")
    subdirectory = unquote(fragment.removeprefix("subdirectory=")).strip("/")
    if ".." in subdirectory.split("/"):
        raise DepsfirstError(f'the subdirectory "{subdirectory}" leads out of the repository', where=where)
    place, login = _without_login(url, root)
    return Commit(place, commit, "" if subdirectory == "." else subdirectory, where, login)


def _without_login(url: str, root: Path) -> tuple[str, tuple[str, str] | None]:
    if "://" not in url:  # git's own USER@HOST:PATH, or a path
        return (url if ":" in url.partition("/")[0] else str(root / url)), None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.username is None:
        return url, None
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return plain, (unquote(parts.username), unquote(parts.password or ""))
