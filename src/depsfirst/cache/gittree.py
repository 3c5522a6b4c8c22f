"""A commit of a git repository as a tree of files and their contents, without checking it out and without a network."""

from __future__ import annotations

import os
import subprocess
from functools import cached_property
from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass
from depsfirst.dockerfile.filetree import Directory, Entry, Kind, LinkLoopError, follow, tree_of
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
"""What git tells its hooks of one repository, and what would lead us to it from every directory."""
_QUIET = {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_OFFLINE = ("-c", "protocol.allow=never")
"""Keeps a partial clone from fetching what it lacks, also where git does not know ``GIT_NO_LAZY_FETCH`` yet."""
_PERMISSIONS = {"100644": 0o644, "100664": 0o644, "100755": 0o755}
_LINK, _SUBMODULE = "120000", "160000"
_GIT, _HEAD = ".git", ".git/HEAD"


@dataclass(frozen=True)
class Revision:
    """A commit of a repository.

    Attributes:
        root: absolute directory that the commit's paths are relative to.
        folder: a directory of the repository that is there, in which git is run.
        name: what the user called the commit.
        commit: its id, in hex.
    """

    root: str
    folder: str
    name: str
    commit: str

    @cached_property
    def tree(self) -> Directory:
        """Its files: blob ids are the digests, directories come and go with what is in them.

        A submodule is a directory of which no more is known than its commit. So is ``.git``, which a checkout has, but
        for its ``HEAD``, which stands for the commit.

        Raises:
            DepsfirstError: git cannot list it, or the target of a symlink is missing from the repository.
        """
        lines = _git(self.folder, "ls-tree", "-r", "-z", "--full-tree", self.commit).split(b"\0")
        listed = [_listed(line) for line in lines if line]
        links = self.blobs(identity for mode, identity, _ in listed if mode == _LINK)
        entries = {path: _entry(mode, identity, links) for mode, identity, path in listed}
        entries[_GIT] = Entry(Kind.DIRECTORY, mode=0o755, digest=self.commit)
        entries[_HEAD] = Entry(Kind.FILE, mode=0o644, digest=self.commit)
        return tree_of(entries)

    def below(self, path: str) -> str | None:
        """An absolute path as one of the commit; None if it is outside of the repository."""
        there = _existing(path)
        for start in (there, os.path.realpath(there)):
            relative = os.path.relpath(start + path[len(there) :], self.root)
            if relative != ".." and not relative.startswith("../"):
                return "" if relative == "." else relative
        return None

    def read(self, path: str) -> bytes | None:
        """The content of a file, symlinks followed; None where there is none.

        Args:
            path: below the repository's root.

        Raises:
            DepsfirstError: the repository lacks the content.
        """
        try:
            found, node = follow(self.tree, path)
        except LinkLoopError:
            return None
        if not isinstance(node, Entry) or node.digest is None or found == _HEAD:
            return None
        content = self.blobs([node.digest])[node.digest]
        if content is None:
            raise self._lacking(node.digest, found)
        return content

    def blobs(self, identities: Iterable[str]) -> dict[str, bytes | None]:
        """Contents by their ids, all read by one git; None for what the repository lacks."""
        wanted = sorted(set(identities))
        if not wanted:
            return {}
        asked = "".join(f"{identity}\n" for identity in wanted).encode()
        answer = _git(self.folder, "cat-file", "--batch", asked=asked)
        return _answers(wanted, answer)

    def _lacking(self, identity: str, path: str) -> DepsfirstError:
        return DepsfirstError(
            f'the repository lacks the content of "{path}" ({identity[:12]})',
            where=self.name,
            hint="it is a partial clone: fetch the blob, as `git checkout` or `git fetch --refetch` do",
        )


def open_revision(directory: str, name: str) -> Revision:
    """A commit of the repository in which a directory is; the directory itself need not be there now.

    Args:
        directory: absolute path in a work tree, or in a bare repository, whose own directory then is the root.
        name: what git calls a revision: a commit, a tag, a branch, ``HEAD~3``.

    Raises:
        DepsfirstError: git is missing, there is no repository, or no such commit in it.
    """
    folder = _existing(os.path.realpath(directory))
    root = _root(folder)
    if not name or name.startswith("-"):
        raise DepsfirstError(f'"{name}" is no name of a revision', hint="name a commit, a tag or a branch")
    found = _git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", fails=1).decode().strip()
    if not found:
        raise DepsfirstError(
            f'there is no revision "{name}"', where=root, hint="name a commit, a tag or a branch that is in this clone"
        )
    return Revision(root, folder, name, found)


def _existing(path: str) -> str:
    while not os.path.isdir(path):  # noqa: PTH112 (a string here as in all of this room)
        path = os.path.dirname(path)  # noqa: PTH120
    return path


def _root(folder: str) -> str:
    asked = ("rev-parse", "--is-inside-git-dir", "--is-bare-repository", "--absolute-git-dir", "--show-cdup")
    inside, bare, git_directory, up = (os.fsdecode(_git(folder, *asked)) + "\n\n\n").split("\n")[:4]
    if inside == "true" or bare == "true":
        return os.path.realpath(git_directory)
    return os.path.realpath(os.path.join(folder, up))  # noqa: PTH118


def _git(folder: str, *arguments: str, asked: bytes = b"", fails: int | None = None) -> bytes:
    """What git prints; nothing where it ends with the code ``fails``, or dies while it answers questions.

    Raises:
        DepsfirstError: git is missing, or ends with an error.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK} | _QUIET
    command = ["git", *_OFFLINE, "-C", folder, *arguments]
    try:
        done = subprocess.run(command, input=asked, capture_output=True, env=environment, check=False)
    except FileNotFoundError:
        raise DepsfirstError(
            "git is not installed", hint="install git, or leave the revision out to look at the files as they are"
        ) from None
    except OSError as error:
        raise DepsfirstError(f"git cannot be run: {error.strerror or error}") from None
    if done.returncode in (0, fails) or asked:
        return done.stdout
    raise _refusal(os.fsdecode(done.stderr), folder)


def _refusal(message: str, folder: str) -> DepsfirstError:
    said = next((line for line in message.splitlines() if line.startswith(("fatal:", "error:"))), message.strip())
    said = said.partition(":")[2].strip() or said
    if "not a git repository" in said:
        return DepsfirstError(
            "this is in no git repository", where=folder, hint="leave the revision out to look at the files as they are"
        )
    hint = f'run `git config --global --add safe.directory "{folder}"`' if "dubious ownership" in said else None
    return DepsfirstError(f"git says: {said}", where=folder, hint=hint)


def _listed(line: bytes) -> tuple[str, str, str]:
    """Mode, object id and path of a line of ``git ls-tree``."""
    described, _, path = line.partition(b"\t")
    mode, _, identity = described.decode().split(" ")
    return mode, identity, os.fsdecode(path)


def _entry(mode: str, identity: str, links: Mapping[str, bytes | None]) -> Entry:
    if mode == _SUBMODULE:
        return Entry(Kind.DIRECTORY, mode=0o755, digest=identity)
    if mode == _LINK:
        target = links[identity]
        if target is None:
            raise DepsfirstError(
                f"the repository lacks the target of a symlink ({identity[:12]})",
                hint="it is a partial clone: fetch the blob",
            )
        return Entry(Kind.SYMLINK, mode=0o777, link=os.fsdecode(target))
    return Entry(Kind.FILE, mode=_PERMISSIONS.get(mode, 0o644), digest=identity)


def _answers(wanted: list[str], answer: bytes) -> dict[str, bytes | None]:
    """What ``git cat-file --batch`` says to each question; it dies at a blob that it would have to fetch."""
    found: dict[str, bytes | None] = dict.fromkeys(wanted)
    position = 0
    for identity in wanted:
        end = answer.find(b"\n", position)
        if end < 0:
            break
        words = answer[position:end].split(b" ")
        position = end + 1
        if words[-1] != b"missing":
            size = int(words[-1])
            found[identity] = answer[position : position + size]
            position += size + 1
    return found
