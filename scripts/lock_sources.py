"""Takes locks and what belongs to them out of git repositories, without a checkout."""

from __future__ import annotations

import re
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCKS = re.compile(
    r"(^|/)(poetry\.lock|uv\.lock|pdm\.lock|Pipfile\.lock|pylock(\.[^./]+)?\.toml|requirements\.txt|requirements/[^/]+\.txt)$"
)
_KEPT = re.compile(
    r"(^|/)(pyproject\.toml|Pipfile|setup\.py|setup\.cfg|[^/]*requirements[^/]*\.(txt|in)|requirements/[^/]+\.(txt|in)|\.python-version)$"
)
_FOREIGN = re.compile(r"(^|/)(tests?|fixtures|vendor|examples?|docs?|node_modules|scripts|ci)/")


class Taken(NamedTuple):
    """A lock in a directory of its own, with the files of its repository that its manager reads."""

    title: str
    directory: Path
    lock: Path


class Source(NamedTuple):
    """A lock in a repository at a commit."""

    repository: Path
    commit: str
    path: str

    @property
    def title(self) -> str:
        """Repository, commit and path."""
        name = self.repository.parent.name if self.repository.name == "repo" else self.repository.name
        return f"{name.replace('+', '/')}@{self.commit[:10]}:{self.path}"

    def write(self, target: Path) -> Taken:
        """Write the lock, and manifests and requirements of the same commit, below a directory."""
        listed = git(self.repository, "ls-tree", "-r", "--name-only", self.commit).splitlines()
        kept = [each for each in listed if _KEPT.search(each) and not _FOREIGN.search(each)]
        words = ("archive", "--format=tar", self.commit, "--", *kept, self.path)
        archive = subprocess.run(["git", "-C", str(self.repository), *words], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            tar.extractall(target, filter="data")
        lock = target / self.path
        layout = PurePosixPath(self.path).parent.name == "requirements"
        return Taken(self.title, lock.parent.parent if layout else lock.parent, lock)


def git(repository: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def sources(argument: str, sample: int) -> Iterator[Source]:
    """The locks that an argument ``REPOSITORY[@REVISION][:LOCK]`` names, and those of commits before."""
    found = re.fullmatch(r"(?P<place>[^@:]+)(?:@(?P<revision>[^:]+))?(?::(?P<path>.+))?", argument)
    if found is None:
        raise SystemExit(f"{argument}: this is no REPOSITORY[@REVISION][:LOCK]")
    repository, revision = Path(found["place"]), found["revision"] or "HEAD"
    commit = git(repository, "rev-parse", revision).strip()
    listed = git(repository, "ls-tree", "-r", "--name-only", commit).splitlines()
    paths = (
        [found["path"]]
        if found["path"]
        else [path for path in listed if _LOCKS.search(path) and not _FOREIGN.search(path)]
    )
    for path in paths:
        if path in listed:
            yield Source(repository, commit, path)
        for each in _earlier(repository, commit, path, sample):
            yield Source(repository, each, path)


def _earlier(repository: Path, commit: str, path: str, sample: int) -> list[str]:
    if not sample:
        return []
    commits = git(repository, "log", "--format=%H", "--diff-filter=AM", commit, "--", path).split()[1:]
    step = max(1, len(commits) // sample)
    return commits[step - 1 :: step][:sample]
