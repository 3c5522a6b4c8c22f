"""Fetches the commit that a lock names with the program git, and checks it out for a build.

Fetched is that commit alone, where the server allows it; its history and tags only for a project whose version comes
from them. Git itself holds what comes against the commit's name, which is a hash of it. The user's own settings of git
say how a server is reached; those that would run programs or change what is in the files do not count.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.wheels.built.commit import Commit

COMMITS = "commits"
_LOCKS = "commit-locks"
_TAIL = 6
_SETTINGS = (
    *("core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false"),
    *("core.attributesFile=/dev/null", "core.autocrlf=false", "core.eol=lf", "fetch.recurseSubmodules=false"),
    *("filter.lfs.process=", "filter.lfs.smudge=", "filter.lfs.required=false"),
)
"""No programs of the user's, and the same bytes for everybody."""
_OF_ANOTHER_REPOSITORY = frozenset(
    {
        *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
        *("GIT_NAMESPACE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_TEMPLATE_DIR", "GIT_CEILING_DIRECTORIES"),
    }
)
"""What git tells its hooks of the repository that they run in."""
_REF = "refs/depsfirst/commit"
_EVERYTHING = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
_NOT_BY_NAME = re.compile(r"unadvertised object|not support(?:ed)?\b|shallow|unknown capability", re.IGNORECASE)
"""What git says where a server does not give a single commit, by its name and without its history."""
_NOT_THERE = re.compile(r"not our ref|couldn't find remote ref|did not send all necessary objects", re.IGNORECASE)
_SHA256_LENGTH = 64
_USERINFO = re.compile(r"//[^/@\s]*@")
_HELPER = (
    '!f() { if test "$1" = get; then echo "username=$DEPSFIRST_GIT_USERNAME";'
    ' echo "password=$DEPSFIRST_GIT_PASSWORD"; fi; }; f'
)
"""A program that tells git the credentials and keeps them nowhere; they do not stand on any command line."""


def fetched(commit: Commit, store: ContentStore, *, whole: bool = False) -> Path:
    """A bare repository in the cache that has the commit.

    Args:
        commit: the commit.
        store: the cache.
        whole: whether its history and all tags have to be there.

    Raises:
        DepsfirstError: git is missing, the server cannot be reached or refuses, or has no such commit.
    """
    key = f"{commit.commit}-whole" if whole else commit.commit
    with _alone(commit, store):
        found = store.find(COMMITS, key)
        if found is not None:
            return found
        with store.scratch_directory() as scratch:
            git = _Git(commit, scratch / "repository")
            alone = store.find(COMMITS, commit.commit) if whole else None
            if alone is not None:
                shutil.copytree(alone, git.directory, symlinks=True)
            else:
                git.fetch()
            if whole:
                git.complete()
            return store.adopt(git.directory, COMMITS, key)


@contextmanager
def checked_out(commit: Commit, repository: Path, scratch: Path) -> Iterator[Path]:
    """The directory of the project, in a working tree of its own with the submodules that the commit names.

    Args:
        commit: the commit.
        repository: has it, as ``fetched`` gives it.
        scratch: an empty directory to work in.

    Raises:
        DepsfirstError: there is no such subdirectory, or a submodule cannot be had.
    """
    tree = scratch / "source"
    shutil.copytree(repository, tree / ".git", symlinks=True)
    git = _Git(commit, tree)
    git.run("config", "core.bare", "false")
    git.run("checkout", "--quiet", "--force", "--detach", commit.commit)
    if (tree / ".gitmodules").is_file():
        git.run("config", "remote.origin.url", commit.url)
        local = ("-c", "protocol.file.allow=always") if commit.is_local else ()
        git.run(*local, "submodule", "--quiet", "update", "--init", "--recursive")
    directory = (tree / commit.subdirectory).resolve()
    if not directory.is_dir() or not directory.is_relative_to(tree.resolve()):
        raise DepsfirstError(
            f'the commit {commit.commit[:12]} of "{commit.url}" has no directory "{commit.subdirectory}"',
            where=commit.where,
            hint="lock again",
        )
    yield tree / commit.subdirectory


@contextmanager
def _alone(commit: Commit, store: ContentStore) -> Iterator[None]:
    """Hold others off this commit, which several packages may come from."""
    path = store.path(_LOCKS, commit.commit)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _FailedError(Exception):
    """Git ended with an error; holds what it said."""


class _Git:
    """The program git in one directory."""

    def __init__(self, commit: Commit, directory: Path) -> None:
        self.directory = directory
        self._commit = commit

    def _place(self) -> dict[str, str]:
        """Where a repository without a tree is, which some users' settings forbid to be found by itself."""
        return {} if (self.directory / ".git").exists() else {"GIT_DIR": str(self.directory)}

    def fetch(self) -> None:
        """Make a repository that has the commit; nothing else, if the server allows that."""
        self.directory.mkdir()
        kind = ("--object-format=sha256",) if len(self._commit.commit) == _SHA256_LENGTH else ()
        self.run("init", "--quiet", "--bare", "--template=", *kind)
        reference = f"+{self._commit.commit}:{_REF}"
        try:
            self._run("fetch", "--quiet", "--no-tags", "--depth=1", "--", self._commit.url, reference)
        except _FailedError as error:
            if not _NOT_BY_NAME.search(str(error)):
                raise self._failure(str(error)) from None
            self.run("fetch", "--quiet", "--no-tags", "--", self._commit.url, *_EVERYTHING)
        self._settle()

    def complete(self) -> None:
        """Add history and tags, which the versions of some projects come from; old contents of files stay away."""
        shallow = ("--unshallow",) if (self.directory / "shallow").exists() else ()
        lean = ("--filter=blob:none",) if shallow else ()
        reference = f"+{self._commit.commit}:{_REF}"
        wanted = [reference, _EVERYTHING[1]] if shallow else [_EVERYTHING[1]]
        self.run("fetch", "--quiet", "--force", *shallow, *lean, "--", self._commit.url, *wanted)
        self._settle()

    def _settle(self) -> None:
        try:
            self._run("rev-parse", "--quiet", "--verify", f"{self._commit.commit}^{{commit}}")
        except _FailedError:
            raise self._not_there() from None
        (self.directory / "FETCH_HEAD").unlink(missing_ok=True)

    def run(self, *arguments: str) -> None:
        """Run git.

        Raises:
            DepsfirstError: it is missing, or ended with an error.
        """
        try:
            self._run(*arguments)
        except _FailedError as error:
            raise self._failure(str(error)) from None

    def _run(self, *arguments: str) -> None:
        from subprocess import DEVNULL, PIPE, STDOUT, run

        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        try:
            done = run(
                ["git", *settings, *arguments],
                check=False,
                cwd=self.directory,
                env={**_environment(self._commit), **self._place()},
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                encoding="utf-8",
                errors="replace",
            )
        except FileNotFoundError:
            raise DepsfirstError(
                f'the program "git" is missing, which fetches "{self._commit.url}"',
                where=self._commit.where,
                hint="install git, or lock a release, or a wheel by its URL",
            ) from None
        if done.returncode != 0:
            raise _FailedError(_USERINFO.sub("//", done.stdout))

    def _failure(self, said: str) -> DepsfirstError:
        if _NOT_THERE.search(said):
            return self._not_there()
        lines = [f"  {line.strip()}" for line in said.splitlines() if line.strip()][-_TAIL:]
        return DepsfirstError(
            f'git cannot get the commit {self._commit.commit[:12]} of "{self._commit.url}":\n' + "\n".join(lines),
            where=self._commit.where,
            hint="see whether `git ls-remote` of that URL works here without being asked for anything",
        )

    def _not_there(self) -> DepsfirstError:
        return DepsfirstError(
            f'"{self._commit.url}" has no commit {self._commit.commit}',
            where=self._commit.where,
            hint="it may have been replaced at the server (a branch that was forced): lock again",
        )


def _environment(commit: Commit) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
    variables |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
    if _asks_by_ssh(commit) and not variables.keys() & {"GIT_SSH", "GIT_SSH_COMMAND"} and not _own_ssh():
        variables["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"
    if commit.login is None:
        return variables
    name, password = commit.login
    return {
        **variables,
        **_more_settings(variables, commit.url),
        "DEPSFIRST_GIT_USERNAME": name,
        "DEPSFIRST_GIT_PASSWORD": password,
    }


def _asks_by_ssh(commit: Commit) -> bool:
    """Whether a URL, or git's own form ``USER@HOST:PATH``, leads to SSH, which would ask a person on the terminal."""
    return commit.url.startswith("ssh://") or ("://" not in commit.url and not commit.is_local)


def _own_ssh() -> bool:
    """Whether the user's settings name a program for SSH, which then knows what to do."""
    from subprocess import run

    return run(["git", "config", "--get", "core.sshCommand"], capture_output=True, check=False).returncode == 0


def _more_settings(variables: Mapping[str, str], url: str) -> dict[str, str]:
    """Variables that give git the one source of credentials for the host of a URL, and no place to keep them in."""
    count = int(variables.get("GIT_CONFIG_COUNT") or 0)
    parts = urlsplit(url)
    key = f"credential.{parts.scheme}://{parts.netloc}.helper"
    found = {"GIT_CONFIG_COUNT": str(count + 2)}
    for place, value in enumerate(("", _HELPER), count):
        found |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
    return found
