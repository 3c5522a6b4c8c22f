"""Asks git what it ignores below a build context, and what it tracks all the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.generate.gitignore import Source
from depsfirst.generate.unsent import Unsent, unsent
from depsfirst.wheels.own.ignored import GitError, git_said, in_work_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_RULES = ".gitignore"
_IGNORED_RULES = f":(glob)**/{_RULES}"
"""Those that ignore themselves among them, as tools write them into directories of theirs."""
_UNTRACKED = "? "


def ignored_by_git(context: Path, needed: Iterable[str], others: str) -> Unsent:
    """The lines of an ignore file that say what git ignores; none without a work tree, or where all of it is ignored.

    Args:
        context: directory of the build context.
        needed: files that are sent in any case, relative to it.
        others: the rest of the ignore file.

    Raises:
        DepsfirstError: there is a work tree, and git cannot be asked, or a file of rules cannot be read.
    """
    if not in_work_tree(context):
        return Unsent()
    listed = _listed(context, "-t", "--cached", "--others", "--exclude-standard", "--", ".")
    if not listed:
        return Unsent()
    tracked = [line[len(_UNTRACKED) :] for line in listed if not line.startswith(_UNTRACKED)]
    paths = {line[len(_UNTRACKED) :] for line in listed}
    paths |= {*_listed(context, "--others", "--ignored", "--exclude-standard", "--", _IGNORED_RULES)}
    leading = _git(context, "rev-parse", "--show-prefix").strip("\n").split("/")[:-1]
    sources = [*_above(context, leading), *_below(context, paths)]
    return unsent(sources, [*tracked, *needed], others, lambda path: (context / path).is_dir())


def _above(context: Path, leading: list[str]) -> Iterator[Source]:
    for place in range(len(leading)):
        folder = context.joinpath(*[".."] * (len(leading) - place))
        yield Source(_text(folder / _RULES), below=tuple(leading[place:]))


def _below(context: Path, paths: Iterable[str]) -> Iterator[Source]:
    """Those that git reads, the highest first."""
    found = [path for path in paths if path.rpartition("/")[2] == _RULES]
    for path in sorted(found, key=lambda path: (path.count("/"), path)):
        yield Source(_text(context / path), place=path.rpartition("/")[0])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise DepsfirstError(f"this cannot be read: {error.strerror or error}", where=str(path)) from None


def _listed(folder: Path, *words: str) -> list[str]:
    return [line for line in _git(folder, "ls-files", "-z", *words).split("\0") if line]


def _git(folder: Path, *arguments: str) -> str:
    try:
        return os.fsdecode(git_said(folder, *arguments))
    except GitError as error:
        raise DepsfirstError(
            f"git cannot be asked which files it ignores, which the builder should not be sent: {error}",
            where=str(folder),
            hint="mend that: `git status` has to work there",
        ) from None
