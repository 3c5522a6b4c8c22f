"""The build context: which files of a directory or a git tree a builder is sent, and how they change."""

from __future__ import annotations

import os
import stat
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass, field
from depsfirst.dockerfile.buildkit import CURRENT, Version
from depsfirst.dockerfile.filetree import Directory, Entry, LinkLoopError, Node, changed, find, follow, read_tree, walk
from depsfirst.dockerfile.gopath import clean
from depsfirst.dockerfile.ignore import Patterns, read_patterns
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

IGNORE_FILE = ".dockerignore"


@dataclass(frozen=True)
class Context:
    """A tree of files, and what of it a builder is sent.

    Attributes:
        tree: everything there is.
        patterns: what is left out.
        ignore_file: where the patterns were read, below the context's root; None without any, or from outside.
        version: the BuildKit that builds.
    """

    tree: Directory
    patterns: Patterns = field(default_factory=Patterns)
    ignore_file: str | None = None
    version: Version = CURRENT
    _filtered: dict[str, tuple[Directory, Directory]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def sent(self) -> Directory:
        """The tree that a ``COPY`` sees. Dockerfile and ignore file are in it like any other file.

        Raises:
            DepsfirstError: a directory cannot be read, or a pattern is none; where either is met first.
        """
        return self._sent(self.tree, "", 0) if self.patterns.patterns else self.tree

    def walk(self) -> Iterator[tuple[str, Node]]:
        """Every path that is sent and what stands there, sorted."""
        return walk(self.sent)

    def find(self, path: str) -> Node | None:
        """What is sent at ``path``, links not followed; None for nothing."""
        return find(self.sent, path)

    def changed(self, changes: Mapping[str, Entry | None]) -> Context:
        """The same context with other entries at these paths, None for a removed one.

        What the two have in common is not looked at again. The patterns stay what they are: an edit of the ignore
        file itself needs a new context.
        """
        tree = self.tree
        for path, entry in changes.items():
            inside = context_path(path)
            tree = changed(tree, inside, entry) if inside else tree  # the root is there, and its mode does not count
        return Context(tree, self.patterns, self.ignore_file, self.version, self._filtered)

    def _sent(self, tree: Directory, path: str, state: int) -> Directory:
        known = self._filtered.get(path)
        if known is not None and known[0] is tree:
            return known[1]
        sent = tree.having(lambda: self._children(tree, path and path + "/", state))
        self._filtered[path] = (tree, sent)
        return sent

    def _children(self, tree: Directory, prefix: str, state: int) -> dict[str, Node]:
        step = self.patterns.step
        kept: dict[str, Node] = {}
        for name, node in tree.children.items():
            path = prefix + name
            ignored, below = step(path, state)
            if not isinstance(node, Directory):
                if not ignored:
                    kept[name] = node
            elif not ignored:
                kept[name] = self._sent(node, path, below)
            elif self.patterns.enters(path) and self._holds(sent := self._sent(node, path, below)):
                kept[name] = sent
        return kept

    def _holds(self, ignored: Directory) -> bool:
        """Whether a directory that is left out is sent after all, for what is in it."""
        if self.patterns.keeps_entered:
            return True
        try:
            return bool(ignored.children)
        except DepsfirstError as error:
            if isinstance(error.__cause__, PermissionError):
                return False
            raise


def read_context(
    directory: Path, dockerfile: Path | None = None, *, version: Version = CURRENT, contents: bool = False
) -> Context:
    """The context that a build in ``directory`` would send.

    Args:
        directory: the build context.
        dockerfile: the Dockerfile, there or elsewhere, for the ignore file beside it; None if it has no place.
        version: the BuildKit that builds.
        contents: as for ``read_tree``; then everything that is sent is read at once, and stays as it is now.

    Raises:
        DepsfirstError: the context is no directory or cannot be read, or its ignore file has a bad pattern.
    """
    try:
        is_directory = stat.S_ISDIR(directory.stat().st_mode)
        problem = "is no directory"
    except OSError as error:
        is_directory, problem = False, f"cannot be read: {error.strerror}"
    if not is_directory:
        raise DepsfirstError(
            f'the build context "{directory}" {problem}', hint="name the directory that docker build is given"
        )
    text, name, where = _read_ignore_file(directory, dockerfile)
    context = Context(read_tree(directory, contents=contents), read_patterns(text, where, version), name, version)
    if contents:
        for _ in context.walk():
            pass
    return context


def ignore_files(dockerfile: str | None) -> tuple[str, ...]:
    """Names of the ignore files that may count, the first that exists alone does.

    Args:
        dockerfile: path of the Dockerfile below the context's root; None where it is not there.
    """
    return (IGNORE_FILE,) if dockerfile is None else (f"{dockerfile}{IGNORE_FILE}", IGNORE_FILE)


def context_path(path: str) -> str:
    """The cleaned form of a path below the context's root.

    Raises:
        DepsfirstError: the path is absolute or leads out of the context.
    """
    cleaned = clean(path)
    if cleaned == ".." or cleaned.startswith(("/", "../")):
        raise DepsfirstError(
            f'"{path}" is outside the build context', hint="name it relative to the context's directory"
        )
    return "" if cleaned == "." else cleaned


def _read_ignore_file(directory: Path, dockerfile: Path | None) -> tuple[str, str | None, str]:
    """Text of the ignore file that counts, its path below the context if it is there, and its name for messages."""
    root = Path(os.path.realpath(directory))
    beside = [] if dockerfile is None else [(dockerfile.parent, dockerfile.name + IGNORE_FILE)]
    for folder, name in [*beside, (directory, IGNORE_FILE)]:
        try:
            path = _inside(folder, name)
            text = path.read_bytes().decode(errors="surrogateescape")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, LinkLoopError):
            continue
        except OSError as error:
            raise DepsfirstError(
                f"the ignore file cannot be read: {error.strerror}", where=str(folder / name), hint="make it readable"
            ) from error
        below = path.relative_to(root).as_posix() if path.is_relative_to(root) else None
        return text, below, below or str(path)
    return "", None, IGNORE_FILE


def _inside(folder: Path, name: str) -> Path:
    """A file of a folder; if it is a symlink, its target as a builder finds it, who takes the folder for the root."""
    root = Path(os.path.realpath(folder))
    if (root / name).is_symlink():
        return root / follow(read_tree(root), name)[0]
    return root / name
