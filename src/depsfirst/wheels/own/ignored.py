"""Where the rules stand by which version control keeps files out of a wheel.

hatchling reads the nearest ``.gitignore`` above the project, poetry-core asks git. A rule outside the project's tree
selects what is packed as much as one inside.
"""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.wheels.own.tree import directories_above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.wheels.own.tree import Tree

ASKS_GIT = "poetry.core.masonry.api"
"""The backend that asks git what it ignores."""
_CLIMBS = frozenset({"hatchling.build", ASKS_GIT})
_MARKS = (".git", ".hg")


def repository(root: Path) -> str | None:
    """The nearest directory above ``root`` that is a repository, relative to it; None where there is none."""
    for folder in (root, *root.parents):
        if any(os.path.lexists(f"{folder}/{mark}") for mark in _MARKS):
            return os.path.relpath(folder, root)
    return None


def in_work_tree(root: Path) -> bool:
    """Whether a directory is in a work tree of git."""
    return any(os.path.lexists(f"{folder}/.git") for folder in (root, *root.parents))


class GitError(Exception):
    """git cannot be asked; says why."""


def git_said(root: Path, *arguments: str) -> bytes:
    """What git answers in a directory.

    Raises:
        GitError: it is not there, or fails.
    """
    import subprocess

    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    except OSError as error:
        raise GitError(error.strerror or error) from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise GitError(said[0] if said else f"it ended with {done.returncode}")
    return done.stdout


def rules(root: Path, backend: str, tree: Tree, *, tracking: bool = False) -> frozenset[str]:
    """Files outside the tree that say what version control ignores, relative to ``root``; some need not exist.

    Args:
        root: of the project.
        backend: as in the manifest.
        tree: of the project.
        tracking: whether what git tracks matters in any case.
    """
    found = {*_above(root)} if backend in _CLIMBS else set()
    if backend == ASKS_GIT:
        found.update(_of_git(root, tree, tracking=tracking))
    return frozenset(os.path.relpath(path, root) for path in found)


def _above(root: Path) -> Iterator[Path]:
    top = repository(root)
    for folder in root.parents if top is None else list(root.parents)[: top.count("..")]:
        yield from (folder / name for name in (".gitignore", ".hgignore"))


def _of_git(root: Path, tree: Tree, *, tracking: bool) -> Iterator[Path]:
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    yield from (config / "git/config", config / "git/ignore", Path.home() / ".gitconfig")
    named = _git(root, "config", "--path", "--get", "core.excludesFile")
    own = _git(root, "rev-parse", "--git-path", "info/exclude", "--git-path", "config")
    yield from (root / line for line in (*named, *own))
    if tracking or _tracking_matters(root, tree):
        yield from (root / line for line in _git(root, "rev-parse", "--git-path", "index"))


def _tracking_matters(root: Path, tree: Tree) -> bool:
    """Whether ``git add -f`` or ``git rm --cached`` could change what is packed.

    An ignored file is packed once it is tracked. There must be one for that to happen: either tracked already, or
    lying among modules.
    """
    if _git(root, "ls-files", "-z", "--cached", "--ignored", "--exclude-standard", "--", "."):
        return True
    packages = {posixpath.dirname(path) for path in tree.kinds if path.endswith(".py")} - {""}
    ignored = _git(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", ".")
    among = (path for path in ignored if path in tree.kinds and not path.endswith(".pyc"))
    return any(not packages.isdisjoint(directories_above(path)) for path in among)


def _git(root: Path, *arguments: str) -> list[str]:
    try:
        text = git_said(root, *arguments).decode(errors="surrogateescape")
    except GitError:  # without git the backend does not ask it either
        return []
    return [part for part in text.split("\0" if "-z" in arguments else "\n") if part]
